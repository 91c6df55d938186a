package bench

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/telemetry"
)

const benchPassword = "amber ladders under quiet rain"

// front is a whole server with the real password parameters, driven without sockets: everything from the middleware
// to the commit is in its figures, net/http's connection handling is not.
type front struct {
	b        testing.TB
	handler  http.Handler
	operator http.Handler // the machine's operator's
	db       *store.DB
	serial   atomic.Int64
}

func newFront(b testing.TB) *front {
	b.Helper()
	off := map[string]config.Limit{}
	for _, name := range []string{"requests.network", "requests.user", "requests.key", "register.network", "sign-in.account", "sign-in.total",
		"sign-in.network", "mail.recipient", "mail.network", "mail.app"} {
		off[name] = config.Limit{Off: true}
	}
	c := config.Config{Data: filepath.Join(b.TempDir(), "data"), Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080",
		Password: config.Password{QueueDeadline: 20 * time.Second}, Limits: off}
	srv, err := server.New(b.Context(), c, server.Options{Quiet: true, Version: "bench",
		Logger: telemetry.NewLogger(telemetry.LogOptions{Writer: io.Discard, Format: "json"})})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := srv.Shutdown(b.Context()); err != nil && b.Context().Err() == nil {
			b.Error(err)
		}
	})
	return &front{b: b, handler: srv.Handler(), operator: srv.Operator(), db: srv.DB()}
}

// memory is a ResponseWriter that keeps the answer.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) Write(b []byte) (int, error) { return m.body.Write(b) }
func (m *memory) WriteHeader(status int)      { m.status = status }

// ask makes one request and decodes the answer's tokens.
func (f *front) ask(method, path, bearer, body string, want int) (access, refresh string) {
	r, err := http.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	if err != nil {
		f.b.Error(err)
		return "", ""
	}
	r.RemoteAddr, r.RequestURI = "192.0.2.1:4711", path
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := &memory{header: http.Header{}, status: http.StatusOK}
	f.handler.ServeHTTP(w, r)
	if w.status != want {
		f.b.Errorf("%s %s: %d %s", method, path, w.status, w.body.Bytes())
		return "", ""
	}
	var out struct {
		Token   string `json:"token"`
		Refresh string `json:"refresh_token"`
	}
	if method == http.MethodPost {
		if err := json.Unmarshal(w.body.Bytes(), &out); err != nil {
			f.b.Error(err)
		}
	}
	return out.Token, out.Refresh
}

func (f *front) person() (email string) {
	email = fmt.Sprintf("bench-%d@bench.test", f.serial.Add(1))
	f.ask("POST", "/v1/auth/register", "", `{"email":"`+email+`","password":"`+benchPassword+`","name":"Bench"}`, http.StatusCreated)
	return email
}

func (f *front) signIn(email string) (access, refresh string) {
	return f.ask("POST", "/v1/auth/login", "", `{"email":"`+email+`","password":"`+benchPassword+`"}`, http.StatusOK)
}

// loop runs step in a closed loop of n workers and reports requests a second and this process's CPU for each.
func loop(b *testing.B, n int, step func(worker int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	cpu := processCPU(b)
	for w := range n {
		wait.Go(func() {
			for next.Add(1) <= int64(b.N) && !b.Failed() {
				step(w)
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64((processCPU(b)-cpu).Microseconds())/float64(b.N), "cpu-us/request")
}

func BenchmarkMe(b *testing.B) {
	f := newFront(b)
	access, _ := f.signIn(f.person())
	loop(b, 1, func(int) { f.ask("GET", "/v1/auth/me", access, "", http.StatusOK) })
}

// BenchmarkRefresh rotates for real: every answer is durable before it is given.
func BenchmarkRefresh(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			f := newFront(b)
			email := f.person()
			tokens := make([]string, workers)
			for w := range tokens {
				_, tokens[w] = f.signIn(email)
			}
			loop(b, workers, func(w int) {
				_, tokens[w] = f.ask("POST", "/v1/auth/refresh", "", `{"refresh_token":"`+tokens[w]+`"}`, http.StatusOK)
			})
		})
	}
}

// BenchmarkSignIn compares whole sign-ins with the password pool alone, which is what bounds them.
func BenchmarkSignIn(b *testing.B) {
	const workers = 8
	b.Run("server", func(b *testing.B) {
		f := newFront(b)
		email := f.person()
		loop(b, workers, func(int) { f.signIn(email) })
	})
	b.Run("pool-alone", func(b *testing.B) {
		pool := secret.NewPool(secret.PoolOptions{Params: secret.DefaultPasswordParams(), Workers: runtime.GOMAXPROCS(0),
			QueueDeadline: 20 * time.Second, Rand: rand.Reader})
		defer pool.Close()
		phc, err := pool.Hash(b.Context(), benchPassword)
		if err != nil {
			b.Fatal(err)
		}
		loop(b, workers, func(int) {
			if ok, _, err := pool.Verify(b.Context(), phc, benchPassword); !ok || err != nil {
				b.Error(ok, err)
			}
		})
	})
}
