package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/cli"
)

// childVariable makes the test binary behave as the ostiary command.
const childVariable = "CRASHTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "1" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is one server process of the test.
type process struct {
	url    string
	cmd    *exec.Cmd
	output *bytes.Buffer
	client *http.Client
	done   chan struct{}
}

// settings of a child: where it keeps things and what it is asked to do differently.
type settings struct {
	data     string
	database string // PostgreSQL URL; empty: SQLite in data
	smtp     string // host:port of a mail sink; empty: development inbox
	key      string // master key file shared by several nodes; empty: its own
	grace    string // refresh grace; empty: the default
}

// start runs a server on a free port and waits until it is ready.
func start(t *testing.T, s settings) *process {
	t.Helper()
	address := freeAddress(t)
	p := &process{url: "http://" + address, output: &bytes.Buffer{}, done: make(chan struct{})}
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 20 * time.Second}
	p.cmd = exec.Command(os.Args[0], "serve", "--listen", address, "--data", s.data, "--config", s.file(t))
	p.cmd.Env = append(withoutSettings(os.Environ()), childVariable+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(p.kill)
	p.awaitReady(t)
	return p
}

// withoutSettings drops what the child would take for its settings, or refuse.
func withoutSettings(environment []string) []string {
	return slices.DeleteFunc(environment, func(v string) bool { return strings.HasPrefix(v, "OSTIARY_") })
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// file writes the child's configuration: no request limits (the load comes from one address) and cheap hashes (the
// crash is about writes).
func (s settings) file(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "public_url: http://crash.test\ndev: true\n") // the same for all nodes and after a restart: it is the issuer
	fmt.Fprintf(&b, "password: {memory: 64, time: 1, threads: 1, allow_weak: true, queue_deadline: 15s}\n")
	fmt.Fprintf(&b, "limits: {%s}\n", strings.Join([]string{"requests.network: {off: true}", "requests.user: {off: true}",
		"requests.key: {off: true}", "register.network: {off: true}", "sign-in.network: {off: true}",
		"sign-in.account: {off: true}", "sign-in.total: {off: true}", "mail.network: {off: true}", "second-factor.account: {off: true}", "proof.network: {off: true}"}, ", "))
	if s.database != "" {
		fmt.Fprintf(&b, "database: %q\n", s.database)
	}
	if s.key != "" {
		fmt.Fprintf(&b, "master_key_file: %q\n", s.key)
	}
	if s.grace != "" {
		fmt.Fprintf(&b, "lifetimes: {refresh_grace: %s}\n", s.grace)
	}
	if s.smtp != "" {
		host, port, err := net.SplitHostPort(s.smtp)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "smtp: {host: %s, port: %s, from: noreply@crash.test, tls: none}\n", host, port)
	}
	path := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case <-p.done:
			t.Fatalf("the server stopped before it was ready:\n%s", p.output)
		default:
		}
		response, err := p.client.Get(p.url + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond) // polling another process: there is nothing to wait on
	}
	t.Fatalf("the server was not ready within a minute:\n%s", p.output)
}

// kill is SIGKILL, and waits until the process is gone. It may be called twice.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
	p.client.CloseIdleConnections()
}

// errLost says that the answer did not arrive, so nobody knows whether the write stands.
var errLost = errors.New("no answer")

// call makes one request. An answer with another status than one of want is a failure of the test's claim; a
// connection that breaks is errLost.
func (p *process) call(method, path, bearer string, body any, into any) (int, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, p.url+path, reader)
	if err != nil {
		return 0, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errLost, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errLost, err)
	}
	if into != nil && response.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			return response.StatusCode, fmt.Errorf("%s %s: %w in %s", method, path, err, text)
		}
	}
	return response.StatusCode, nil
}
