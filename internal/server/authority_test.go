package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
)

// TestAuthorityFile: a file of authorities that cannot be used stops the start, with its name.
func TestAuthorityFile(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	none(t, os.WriteFile(empty, []byte("no certificate"), 0o600))
	for file, says := range map[string]string{empty: "outbound.ca_file: there is no certificate in " + empty, empty + "x": "outbound.ca_file: open " + empty + "x"} {
		_, err := server.New(t.Context(), config.Config{Data: t.TempDir(), Outbound: config.Outbound{CAFile: file}}, server.Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}
