// Package servertest starts a whole server inside a test: real rows, real HTTP, cheap hashes, a clock that the test
// sets, and no background work but what the test asks for with Work.
package servertest

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/telemetry"
)

// Instance is a running server of one test.
type Instance struct {
	URL    string       // of the public door
	HTTP   *http.Client // follows no redirect and keeps no cookie
	Client *client.Client
	// Operator asks as the machine's operator, as the commands do.
	Operator *client.Client
	Server   *server.Server
	Clock    *storetest.Clock
	DB       *store.DB
	Config   config.Config
	Log      *Log

	t testing.TB
}

// Option changes how a server is started.
type Option func(*start)

type start struct {
	config config.Config
	clock  *storetest.Clock
}

// Configure changes the settings.
func Configure(change func(*config.Config)) Option {
	return func(s *start) { change(&s.config) }
}

// WithClock gives the server a clock that the test made before.
func WithClock(c *storetest.Clock) Option { return func(s *start) { s.clock = c } }

// File serves a document of the test's own beside or instead of the shipped contracts.
func File(t testing.TB, name, document string) Option {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return Configure(func(c *config.Config) { c.Mounts = append(c.Mounts, config.Mount{Contract: path}) })
}

// Each runs fn against a server on each engine.
func Each(t *testing.T, fn func(t *testing.T, i *Instance), options ...Option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, Start(t, options...)) })
	t.Run("postgres", func(t *testing.T) {
		url := storetest.PostgresURL(t)
		fn(t, Start(t, append([]Option{Configure(func(c *config.Config) { c.Database = url })}, options...)...))
	})
}

// Start starts a server that stops with the test. Its request limits are off; turn them on with Configure.
func Start(t testing.TB, options ...Option) *Instance {
	t.Helper()
	public := httptest.NewUnstartedServer(nil)
	s := start{clock: storetest.NewClock(), config: config.Config{
		Data: filepath.Join(t.TempDir(), "data"), PublicURL: "http://" + public.Listener.Addr().String(),
		Listen:   public.Listener.Addr().String(),
		Password: config.Password{Memory: 64, Time: 1, Threads: 1, AllowWeak: true},
		Limits:   map[string]config.Limit{"requests.network": {Off: true}, "requests.user": {Off: true}, "requests.key": {Off: true}},
	}}
	for _, option := range options {
		option(&s)
	}
	if s.config.Database == "" {
		if err := os.MkdirAll(s.config.Data, 0o700); err != nil {
			t.Fatal(err)
		}
		storetest.Prepare(t, server.DatabasePath(s.config))
	}
	log := &Log{}
	srv, err := server.New(t.Context(), s.config, server.Options{Clock: s.clock.Now, Quiet: true, Version: "test",
		Logger: telemetry.NewLogger(telemetry.LogOptions{Writer: log, Format: "json", Level: "debug"})})
	if err != nil {
		t.Fatalf("start the server: %v", err)
	}
	public.Config.Handler = srv.Handler()
	public.Start()
	operator := httptest.NewServer(srv.Operator())
	i := &Instance{URL: public.URL, Server: srv, Clock: s.clock, DB: srv.DB(), Config: s.config, Log: log, t: t,
		HTTP: &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	i.Client = &client.Client{BaseURL: public.URL, HTTP: i.HTTP}
	i.Operator = &client.Client{BaseURL: operator.URL, HTTP: i.HTTP}
	t.Cleanup(func() {
		public.Close()
		operator.Close()
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return i
}

// Browser is an HTTP client with a cookie jar that follows redirects.
func (i *Instance) Browser() *http.Client {
	i.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 30 * time.Second}
}

// Work does what is due in the background.
func (i *Instance) Work() {
	i.t.Helper()
	if err := i.Server.Work(i.t.Context()); err != nil {
		i.t.Fatalf("background work: %v", err)
	}
}

// Mails delivers what is due and lists the mails to an address, newest first.
func (i *Instance) Mails(to string) []mail.InboxMessage {
	i.t.Helper()
	i.Work()
	list, err := i.Server.Inbox().List(i.t.Context(), 1000)
	if err != nil {
		i.t.Fatal(err)
	}
	var out []mail.InboxMessage
	for _, m := range list {
		if strings.Contains(m.To, to) {
			out = append(out, m)
		}
	}
	return out
}

// Inbox is the latest mail to an address; the test fails if there is none.
func (i *Instance) Inbox(to string) mail.InboxMessage {
	i.t.Helper()
	list := i.Mails(to)
	if len(list) == 0 {
		i.t.Fatalf("no mail to %s", to)
	}
	return list[0]
}

// SetupToken is a token for the first administrator.
func (i *Instance) SetupToken() string {
	i.t.Helper()
	token, err := i.Server.SetupToken(i.t.Context())
	if err != nil || token == "" {
		i.t.Fatalf("setup token: %q %v", token, err)
	}
	return token
}

// Log gathers what a server logs.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write takes one line.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String is everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
