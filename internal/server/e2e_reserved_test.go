package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
)

// A contract with an operation at a path that the house answers itself does not load, and the start says which and why.
func TestContractAtAPageOfTheHouse(t *testing.T) {
	const document = `openapi: 3.1.0
info: {title: Shop, version: "1"}
x-contract: {name: shop}
paths:
  PATH:
    post:
      operationId: out
      x-operation: sign-out
      security: [{bearer: []}]
      responses:
        "204": {description: Gone}
        default: {description: Refused}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
`
	for path, hidden := range map[string]bool{"/setup": true, "/verify": true, "/reset": true, "/docs": true, "/docs/shop": true, "/done/it": true,
		"/healthz": true, "/dev/inbox": true, "/.well-known/jwks.json": true, "/sign-out": true, "/leave": false, "/documents": false} {
		file := filepath.Join(t.TempDir(), "shop.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(document, "PATH", path, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		for base, refused := range map[string]bool{"": hidden, "/shop": false} {
			c := config.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Mounts: []config.Mount{{Contract: file, App: "default", Base: base}}}
			_, err := server.Contracts(t.Context(), c, server.Options{})
			if (err != nil) != refused {
				t.Errorf("%s%s: %v", base, path, err)
			}
			if refused && err != nil && !strings.Contains(err.Error(), "shop.yaml:6: POST "+path+" would never be asked") {
				t.Errorf("%v", err)
			}
		}
	}
}
