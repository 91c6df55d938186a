package httpx

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/telemetry"
)

type bench struct {
	front   *Front
	log     *bytes.Buffer
	metrics *telemetry.Metrics
}

func newBench(t testing.TB, change func(*Options)) *bench {
	t.Helper()
	b := &bench{log: &bytes.Buffer{}, metrics: telemetry.NewMetrics()}
	var mu sync.Mutex
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{Logger: telemetry.NewLogger(telemetry.LogOptions{Writer: b.log, Format: "json"}), Metrics: b.metrics,
		Clock: func() time.Time { mu.Lock(); defer mu.Unlock(); now = now.Add(time.Millisecond); return now },
		Rand:  rand.Reader, Proxies: proxies(t, "10.0.0.0/8"), Deadline: time.Minute, HSTS: true}
	if change != nil {
		change(&o)
	}
	b.front = New(o)
	return b
}

func (b *bench) do(h http.HandlerFunc, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.front.Wrap(h).ServeHTTP(w, r)
	return w
}

func (b *bench) line(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if strings.Count(b.log.String(), "\n") != 1 {
		t.Fatalf("want one line, got %s", b.log)
	}
	if err := json.Unmarshal(b.log.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWideEvent(t *testing.T) {
	b := newBench(t, nil)
	r := httptest.NewRequest("POST", "/secret-path?token=canary", strings.NewReader("body"))
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("Authorization", "Bearer canary")
	w := b.do(func(w http.ResponseWriter, r *http.Request) {
		e := Event(r.Context())
		e.SetString(KeyRoute, "/{x}")
		e.Set(KeyContract, "ostiary")
		e.SetString(KeyOperation, "first")
		e.SetString(KeyOperation, "sign-in")
		e.Set(KeyUser, auth.UserID("u1"))
		e.SetInt("rows", 3)
		e.SetString("empty", "")
		e.SetString("agent", "x\n{\"forged\":1}")
		if ClientIP(r.Context()).String() != "203.0.113.9" || RequestID(r.Context()) == "" {
			t.Errorf("ip %s, id %q", ClientIP(r.Context()), RequestID(r.Context()))
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("hello"))
	}, r)
	line := b.line(t)
	for key, want := range map[string]any{"method": "POST", "status": 418.0, "bytes": 5.0, "ip": "203.0.113.9", "route": "/{x}",
		"contract": "ostiary", "operation": "sign-in", "user": "u1", "rows": 3.0, "request_id": w.Header().Get("X-Request-Id")} {
		if line[key] != want {
			t.Errorf("%s: %v, want %v", key, line[key], want)
		}
	}
	if strings.Contains(b.log.String(), "canary") || strings.Contains(b.log.String(), "secret-path") || line["empty"] != nil {
		t.Errorf("too much in %s", b.log)
	}
	answer := httptest.NewRecorder()
	b.metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(answer.Body.String(), `ostiary_requests_total{code="",contract="ostiary",operation="sign-in",status="418"} 1`) {
		t.Error("the request is not counted")
	}
}

// A command of the operator comes through a unix socket, whose peer has no address.
func TestWideEventOfTheSocket(t *testing.T) {
	b := newBench(t, nil)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	b.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, r)
	if got := b.line(t)["ip"]; got != "socket" {
		t.Errorf("ip %v", got)
	}
}

func TestOutsideARequest(t *testing.T) {
	e := Event(context.Background())
	e.Set("a", 1)
	e.SetString("b", "c")
	e.Fail(errors.New("x"))
	if RequestID(context.Background()) != "" || ClientIP(context.Background()).IsValid() {
		t.Error("something comes from nothing")
	}
}

func TestRequestID(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		peer, sent string
		keep       bool
	}{
		{"10.0.0.1:1", "0123456789abcdef", true},
		{"203.0.113.9:1", "0123456789abcdef", false},
		{"10.0.0.1:1", "short", false},
		{"10.0.0.1:1", "bad id with spaces", false},
		{"10.0.0.1:1", strings.Repeat("x", 129), false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Request-Id", c.sent)
		got := b.do(func(http.ResponseWriter, *http.Request) {}, r).Header().Get("X-Request-Id")
		if (got == c.sent) != c.keep || len(got) < 8 {
			t.Errorf("%s from %s: %q", c.sent, c.peer, got)
		}
	}
}

func TestPanic_LG05_LG06(t *testing.T) {
	b := newBench(t, nil)
	w := b.do(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "half=done")
		panic("the cause, for us only")
	}, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Header().Get("Set-Cookie") != "" || strings.Contains(w.Body.String(), "cause") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if line := b.line(t); line["error"] != "panic: the cause, for us only" || !strings.Contains(line["stack"].(string), "middleware_test.go") ||
		!strings.Contains(w.Body.String(), line["request_id"].(string)) {
		t.Errorf("%s, answered %s", b.log, w.Body)
	}
	if b.front.InFlight() != 0 {
		t.Error("the request still counts as under way")
	}
}

func TestBounds_IO01(t *testing.T) {
	many := func(name, value string, n int) func(*http.Request) {
		return func(r *http.Request) {
			for range n {
				r.Header.Add(name, value)
			}
		}
	}
	for _, c := range []struct {
		name, method, target string
		change               func(*http.Request)
		want                 int
	}{
		{"plain", "GET", "/", nil, 200},
		{"a long URL", "GET", "/?" + strings.Repeat("x", MaxURL), nil, 414},
		{"many headers", "GET", "/", many("X-A", "1", MaxHeaders+1), 431},
		{"a big header", "GET", "/", many("X-A", strings.Repeat("x", MaxHeaderBytes), 1), 431},
		{"many cookies", "GET", "/", many("Cookie", strings.Repeat("a=b;", MaxCookies+1), 1), 431},
		{"TRACE", "TRACE", "/", nil, 405},
		{"CONNECT", "CONNECT", "/", nil, 405},
		{"a method nobody knows", "BREW", "/", nil, 200},
	} {
		r := httptest.NewRequest("GET", c.target, nil)
		r.Method = c.method
		if c.change != nil {
			c.change(r)
		}
		w := newBench(t, nil).do(func(http.ResponseWriter, *http.Request) {}, r)
		if w.Code != c.want {
			t.Errorf("%s: %d", c.name, w.Code)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", c.name, w.Header().Get("Content-Type"))
		}
	}
}

func TestShedding_AV02(t *testing.T) {
	b := newBench(t, func(o *Options) { o.MaxInFlight, o.Free = 1, []string{"/healthz"} })
	inside, leave := make(chan struct{}), make(chan struct{})
	slow := func(http.ResponseWriter, *http.Request) { close(inside); <-leave }
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- b.do(slow, httptest.NewRequest("GET", "/slow", nil)) }()
	<-inside
	fast := func(http.ResponseWriter, *http.Request) {}
	if w := b.do(fast, httptest.NewRequest("GET", "/", nil)); w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("the second request: %d %v", w.Code, w.Header())
	}
	if w := b.do(fast, httptest.NewRequest("GET", "/healthz", nil)); w.Code != 200 {
		t.Errorf("health: %d", w.Code)
	}
	close(leave)
	if w := <-done; w.Code != 200 {
		t.Errorf("the first request: %d", w.Code)
	}
	if w := b.do(fast, httptest.NewRequest("GET", "/", nil)); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestDeadline_AV01(t *testing.T) {
	b := newBench(t, nil)
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("no deadline")
		}
	}, httptest.NewRequest("GET", "/", nil))
}

func TestSecurityHeaders_WB06(t *testing.T) {
	b := newBench(t, nil)
	w := b.do(func(http.ResponseWriter, *http.Request) {}, httptest.NewRequest("GET", "/", nil))
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
		"Cross-Origin-Resource-Policy": "same-origin", "Server": "",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	page := b.do(func(w http.ResponseWriter, _ *http.Request) { Page(w.Header(), PagePolicy{Style: "'self'"}) }, httptest.NewRequest("GET", "/", nil))
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "object-src 'none'"} {
		if got := page.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "unsafe") {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if got := page.Header().Values("Content-Security-Policy"); len(got) != 1 {
		t.Errorf("%d policies", len(got))
	}
}

func TestHandle(t *testing.T) {
	b := newBench(t, nil)
	h := Handle(func(http.ResponseWriter, *http.Request) error {
		e := auth.E(auth.CodeRateLimited, "Slow down.")
		e.RetryAfter = 90 * time.Second
		return e
	}, nil)
	w := b.do(h.ServeHTTP, httptest.NewRequest("GET", "/", nil))
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != 429 || body["code"] != "rate-limited" || body["detail"] != "Slow down." || w.Header().Get("Retry-After") != "90" {
		t.Errorf("%d %v %v", w.Code, body, w.Header())
	}
	if b.line(t)["code"] != "rate-limited" {
		t.Error("the code is not in the log")
	}
	h = Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("SELECT secret") }, nil)
	if w := newBench(t, nil).do(h.ServeHTTP, httptest.NewRequest("GET", "/", nil)); w.Code != 500 || strings.Contains(w.Body.String(), "SELECT") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPrintable_LG03(t *testing.T) {
	for in, want := range map[string]string{"plain": "plain", "a\r\nb": "a??b", "\x1b[31m": "?[31m", "ä": "?"} {
		if got := Printable(in, 100); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := Printable(strings.Repeat("x", 600), 512); len(got) != 512 {
		t.Error(len(got))
	}
}

func BenchmarkFront(b *testing.B) {
	f := New(Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Metrics: telemetry.NewMetrics(), Clock: time.Now,
		Rand: rand.Reader, MaxInFlight: 1024, Deadline: 10 * time.Second})
	h := f.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e := Event(r.Context())
		e.SetString(KeyContract, "ostiary")
		e.SetString(KeyOperation, "get-me")
		e.SetString(KeyRoute, "/me")
		e.SetString(KeyUser, "0193-u")
	}))
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
