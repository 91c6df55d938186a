package upstreamtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	clientID     = "ostiary"
	clientSecret = "a-secret-of-tests-that-is-long-enough"
)

// OpenID starts the npm package oidc-provider with a client of these redirect URIs. Its clock is the machine's: give
// the server under test a clock that says the same.
func OpenID(t testing.TB, redirectURIs ...string) *Upstream {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		absent(t, "Node.js is not installed")
	}
	command := exec.Command(node, filepath.Join(installed(t), "server.js"))
	command.Stderr = &logged{t: t}
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()     // the server ends with its input
		_ = command.Wait() // however it ended, the test is over
	})
	answers := bufio.NewScanner(out)
	tell := func(message any) (answer struct{ Issuer string }) {
		line, err := json.Marshal(message)
		if err == nil {
			_, err = in.Write(append(line, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
		for answers.Scan() {
			if line, ok := bytes.CutPrefix(answers.Bytes(), []byte("> ")); ok { // the package itself writes there too
				if err := json.Unmarshal(line, &answer); err != nil {
					t.Fatal(err)
				}
				return answer
			}
		}
		t.Fatal("the OpenID provider has ended")
		return answer
	}
	people := map[string]Person{}
	issuer := tell(map[string]any{"people": people, "client": map[string]any{
		"client_id": clientID, "client_secret": clientSecret, "redirect_uris": redirectURIs, "id_token_signed_response_alg": "ES256"}}).Issuer
	return &Upstream{Kind: auth.ProviderOIDC, URL: issuer, Secret: clientSecret, people: people,
		Settings: auth.ProviderSettings{Title: "Upstream", Issuer: issuer, ClientID: clientID},
		say:      func(p map[string]Person) { tell(map[string]any{"people": p}) }}
}

// absent skips the test, visibly; where everything has to be there, it fails.
func absent(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// installed answers the directory of the provider's program, its packages installed as the lock file says.
func installed(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(root(t), "web", "tests", "upstream")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil {
		return dir
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		absent(t, "npm is not installed")
	}
	// Tests of several packages may do this at once: each installs apart, and one takes the place.
	apart, err := os.MkdirTemp(dir, "node_modules-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(apart) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(apart, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command(npm, "ci", "--no-audit", "--no-fund")
	install.Dir = apart
	if text, err := install.CombinedOutput(); err != nil {
		absent(t, "npm ci fails: "+string(text))
	}
	if err := os.Rename(filepath.Join(apart, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, "node_modules")); statErr != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// root finds the repository from the directory that a test runs in.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		break
	}
	t.Fatal("no go.mod above the test")
	return ""
}

// logged shows what the provider complains about beside the test that it serves.
type logged struct {
	mu sync.Mutex
	t  testing.TB
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Logf("provider: %s", p)
	return len(p), nil
}
