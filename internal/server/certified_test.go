package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// TestCertifiedClients lets clients that the OpenID Foundation certified ask a running server, with nothing of ours
// between: openid-client and oauth4webapi, in web/tests/relying-party. Each of their tests is one here.
func TestCertifiedClients(t *testing.T) {
	workspace := filepath.Join("..", "..", "web", "tests", "relying-party")
	node, err := exec.LookPath("node")
	if err != nil {
		lacking(t, "Node.js is not installed")
	}
	if _, err := os.Stat(filepath.Join(workspace, "node_modules")); err != nil {
		lacking(t, "the clients are not installed; npm --prefix web/tests/relying-party ci installs them")
	}
	files, err := filepath.Glob(filepath.Join(workspace, "*.test.js"))
	if err != nil || len(files) == 0 {
		t.Fatal("no tests", err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	eachRunning(t, func(t *testing.T, house runningHouse) {
		where, err := json.Marshal(house)
		none(t, err)
		command := exec.CommandContext(t.Context(), node, append([]string{"--test", "--test-concurrency=1", "--test-timeout=60000", "--test-reporter=tap"}, files...)...)
		command.Dir = workspace
		command.Env = append(os.Environ(), "OSTIARY_TEST_HOUSE="+string(where))
		output, err := command.CombinedOutput()
		tell(t, output)
		if err != nil && !t.Failed() {
			t.Errorf("%v\n%s", err, output)
		}
	})
}

// lacking skips the test, visibly; where everything has to be there, it fails.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// tell makes a subtest of each result in TAP (Test Anything Protocol). What follows a failure is its explanation.
func tell(t *testing.T, output []byte) {
	t.Helper()
	result := regexp.MustCompile(`^(not )?ok \d+ - (.*?)( # .*)?$`)
	lines, results := bufio.NewScanner(bytes.NewReader(output)), 0
	for more := lines.Scan(); more; {
		found := result.FindStringSubmatch(lines.Text())
		why := ""
		for more = lines.Scan(); more && (len(lines.Text()) == 0 || lines.Text()[0] == ' '); more = lines.Scan() {
			why += lines.Text() + "\n"
		}
		if found == nil {
			continue
		}
		results++
		t.Run(found[2], func(t *testing.T) {
			if found[1] != "" {
				t.Error(why)
			}
		})
	}
	if results == 0 {
		t.Errorf("no results:\n%s", output)
	}
}

// runningHouse is a started server, as its clients see it.
type runningHouse struct {
	Issuer   string `json:"issuer"`
	Operator string `json:"operator"`
}

// eachRunning runs fn against a server on each engine that listens, and works in the background by the machine's clock.
func eachRunning(t *testing.T, fn func(t *testing.T, house runningHouse)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, running(t, "")) })
	t.Run("postgres", func(t *testing.T) { fn(t, running(t, storetest.PostgresURL(t))) })
}

func running(t *testing.T, database string) runningHouse {
	t.Helper()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	none(t, err)
	address := free.Addr().String()
	none(t, free.Close())
	c := config.Config{Data: t.TempDir(), Database: database, Listen: address, PublicURL: "http://" + address,
		Password: config.Password{Memory: 64, Time: 1, Threads: 1, AllowWeak: true}, Limits: map[string]config.Limit{}}
	c.Outbound.Allow, c.OAuth.Registration = loopback(), true
	for _, name := range []string{"requests.network", "requests.user", "requests.key", "sign-in.network"} {
		c.Limits[name] = config.Limit{Off: true} // everybody is on this machine
	}
	srv, err := server.New(t.Context(), c, server.Options{Version: "test"})
	none(t, err)
	none(t, srv.Start(t.Context()))
	operator := httptest.NewServer(srv.Operator())
	t.Cleanup(func() {
		operator.Close()
		none(t, srv.Shutdown(t.Context()))
	})
	return runningHouse{Issuer: c.PublicURL, Operator: operator.URL}
}
