// Package examples_test walks through the examples as examples/README.md says to start them.
package examples_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

const (
	email  = "ann@example.com"
	phrase = "weathered lantern over nine bridges"
)

// stage is the three programs of the page, built from this tree, at addresses of this test.
type stage struct {
	t        *testing.T
	dir      string
	readme   string
	replaced *strings.Replacer
	issuer   string
	party    string
	api      string
}

func raise(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.dir+string(filepath.Separator), "./cmd/ostiary", "./examples/rp-go", "./examples/resource-go")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile("README.md")
	s.must(err)
	server, party, api := s.free(), s.free(), s.free()
	s.issuer, s.party, s.api = "http://"+server, "http://"+party, "http://"+api
	s.replaced = strings.NewReplacer("127.0.0.1:8080", server, "127.0.0.1:9090", party, "127.0.0.1:9091", api, "\\\n", " ")
	s.readme = s.replaced.Replace(string(text))
	s.start(server+"/readyz", "ostiary", "serve", "--data", s.data(), "--listen", server, "--public-url", s.issuer)
	s.run(phrase+"\n", "ostiary", "users", "create", email, "--verified", "--password-file", "-")
	s.run("", s.command("resources create")...)
	made := s.run("", s.command("clients create")...)
	id, secret := s.find(made, `"(?:client_)?id": *"([^"]+)"`), s.find(made, `"client_secret": *"([^"]+)"`)
	s.start(api+"/notes", "resource-go", "-listen", api, "-issuer", s.issuer, "-resource", "http://"+api)
	s.start(party, "rp-go", "-listen", party, "-issuer", s.issuer, "-resource", "http://"+api, "-client-id", id, "-client-secret", secret)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) data() string { return filepath.Join(s.dir, "data") }

func (s *stage) free() string {
	s.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	s.must(err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// command is a command of the page, as words.
func (s *stage) command(which string) []string {
	s.t.Helper()
	line := s.find(s.readme, `(?m)^    go run \./cmd/(ostiary `+which+` .*)$`)
	var words []string
	for _, word := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, word[1]+word[2])
	}
	return words
}

func (s *stage) find(text, pattern string) string {
	s.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		s.t.Fatalf("there is no %s in %s", pattern, text)
	}
	return found[1]
}

// run runs a command against the server and answers what it prints.
func (s *stage) run(input string, words ...string) string {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), filepath.Join(s.dir, words[0]), append([]string{"--json", "--data", s.data()}, words[1:]...)...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", words, err, output)
	}
	return string(output)
}

// start starts a program that ends with the test, and waits until it answers.
func (s *stage) start(answers string, words ...string) {
	s.t.Helper()
	command := exec.Command(filepath.Join(s.dir, words[0]), words[1:]...)
	log := &transcript{}
	command.Stdout, command.Stderr = log, log
	s.must(command.Start())
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	s.t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
		if s.t.Failed() {
			s.t.Logf("%s:\n%s", words[0], log)
		}
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-ended:
			s.t.Fatalf("%s ended:\n%s", words[0], log)
		case <-time.After(20 * time.Millisecond): // polling another process: there is nothing to wait on
		}
		resp, err := http.Get("http://" + answers) //nolint:noctx // a test's own program
		if err == nil {
			_ = resp.Body.Close()
			return
		}
	}
	s.t.Fatalf("%s does not answer:\n%s", words[0], log)
}

// transcript gathers what a program says.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// reader is a browser at the relying party, and at the server where it is sent there.
type reader struct {
	*stage
	http    *http.Client
	visitor *servertest.Visitor
	sent    []url.Values // what the relying party asked the server for
}

// read opens a page of the relying party and goes wherever it leads; answers what is there.
func (r *reader) read(address string) string {
	r.t.Helper()
	for range 8 {
		resp, err := r.http.Get(address) //nolint:noctx // a test's own program
		r.must(err)
		text, err := io.ReadAll(resp.Body)
		r.must(err)
		r.must(resp.Body.Close())
		to, err := resp.Location()
		if err != nil {
			return string(text)
		}
		address = to.String()
		if strings.HasPrefix(address, r.issuer) {
			r.sent = append(r.sent, to.Query())
			page := r.visitor.Go(address, "approve")
			if page.Away == nil {
				r.t.Fatalf("the browser stays at %s (%d): %s", page.URL, page.Status, page.Text)
			}
			address = page.Away.String()
		}
	}
	r.t.Fatal("the pages lead on for ever")
	return ""
}

func TestExamples(t *testing.T) {
	s := raise(t)
	jar, err := cookiejar.New(nil)
	s.must(err)
	r := &reader{stage: s, visitor: servertest.NewVisitor(t, s.issuer, email, phrase), http: &http.Client{Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if text := r.read(s.party + "/notes"); !strings.Contains(text, "Water the fern.") {
		t.Fatalf("the notes: %s", text)
	}
	if text := r.read(s.party + "/"); !strings.Contains(text, "Hello") || len(r.sent) != 1 {
		t.Errorf("the page of who is signed in: %s, after %v", text, r.sent)
	}
	r.learns()
	// The API wants more than a password. Without the means for more there is no more.
	if text := r.read(s.party + "/secrets"); !strings.Contains(text, "insufficient_user_authentication") || len(r.sent) != 2 {
		t.Fatalf("secrets for a password: %s, after %v", text, r.sent)
	}
	r.enrol()
	if text := r.read(s.party + "/secrets"); !strings.Contains(text, "made of plastic") {
		t.Fatalf("the secrets: %s", text)
	}
	last := r.sent[len(r.sent)-1]
	if last.Get("acr_values") != "aal2" || last.Get("max_age") != "300" {
		t.Errorf("the challenge was handed on as %v", last)
	}
}

// enrol gives the person an authenticator app, at the server's own API.
func (r *reader) enrol() {
	r.t.Helper()
	api := &client.Client{BaseURL: r.issuer, HTTP: &http.Client{Timeout: 30 * time.Second}}
	in, err := api.SignIn(r.t.Context(), client.SignIn{Identifier: email, Password: phrase})
	r.must(err)
	api = api.WithToken(in.Tokens.AccessToken)
	begun, err := api.BeginTOTP(r.t.Context(), "")
	r.must(err)
	now := time.Now()
	first, err := totp.GenerateCode(begun.Secret, now.Add(-30*time.Second))
	r.must(err)
	_, err = api.ConfirmTOTP(r.t.Context(), first)
	r.must(err)
	r.visitor.Code = func() string {
		code, err := totp.GenerateCode(begun.Secret, now)
		r.must(err)
		return code
	}
}

// learns is a client that knows nothing but the address of the API: its challenge leads to what it is and who gives out tokens
// for it.
func (r *reader) learns() {
	r.t.Helper()
	resp, err := http.Get(r.api + "/notes") //nolint:noctx // a test's own program
	r.must(err)
	r.must(resp.Body.Close())
	challenge := resp.Header.Get("WWW-Authenticate")
	at := r.find(challenge, `^Bearer resource_metadata="([^"]+)", scope="notes.read"$`)
	if resp.StatusCode != http.StatusUnauthorized || at != r.api+"/.well-known/oauth-protected-resource" {
		r.t.Errorf("%d %s", resp.StatusCode, challenge)
	}
	resp, err = http.Get(at) //nolint:noctx // a test's own program
	r.must(err)
	defer func() { _ = resp.Body.Close() }()
	var about struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	r.must(json.NewDecoder(resp.Body).Decode(&about))
	if about.Resource != r.api || !slices.Equal(about.Servers, []string{r.issuer}) || !slices.Equal(about.Scopes, []string{"notes.read", "notes.secret"}) {
		r.t.Errorf("%s is about %+v", resp.Request.URL, about)
	}
}
