package httpx

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/telemetry"
)

// The bounds on the part of a request that is read before any body (IO-01).
const (
	MaxURL         = 8 << 10
	MaxHeaderBytes = 16 << 10
	MaxHeaders     = 100
	MaxCookies     = 100
	// MaxBody is what doors read of a body unless their document says more.
	MaxBody = 64 << 10
)

// Options are the parts of the front. Logger, Clock and Rand are required.
type Options struct {
	Logger  *slog.Logger
	Metrics *telemetry.Metrics // nil: none
	Traces  *telemetry.Traces  // nil: none
	Clock   func() time.Time
	Rand    io.Reader
	Proxies Proxies
	// MaxInFlight bounds the requests worked on at once; 0 means no bound (AV-02).
	MaxInFlight int
	// Deadline ends the context of a request that takes longer; 0 means never (AV-01: 10 s).
	Deadline time.Duration
	// HSTS is sent with every answer; only for a server that is reached by https.
	HSTS bool
	// Free names the paths that are answered even when too many requests are under way: health.
	Free []string
}

// Front wraps a handler with everything that each request meets.
type Front struct {
	o        Options
	inFlight atomic.Int64
}

// New makes a front.
func New(o Options) *Front { return &Front{o: o} }

// InFlight is the number of requests under way.
func (f *Front) InFlight() int64 { return f.inFlight.Load() }

// exchange is everything that belongs to one request, in one allocation. It is not recycled: a Write of a caller
// that hung up may still look at its context after the answer.
type exchange struct {
	context.Context
	record    Record
	writer    writer
	ip        netip.Addr
	requestID string
	started   time.Time
}

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

// ClientIP is the real address of the client of the request whose context this is.
func ClientIP(ctx context.Context) netip.Addr {
	if x := exchangeOf(ctx); x != nil {
		return x.ip
	}
	return netip.Addr{}
}

// RequestID is the id of the request whose context this is; the answer carries it in X-Request-Id.
func RequestID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.requestID
	}
	return ""
}

// Wrap puts the front before next.
func (f *Front) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{started: f.o.Clock(), ip: f.o.Proxies.ClientIP(r)}
		trusted := f.o.Proxies.Trusts(peer(r.RemoteAddr))
		x.requestID = f.requestID(r, trusted)
		x.record.facts = x.record.own[:0]
		ctx, span := f.o.Traces.Request(r.Context(), r, trusted)
		if f.o.Deadline > 0 {
			bounded, cancel := context.WithTimeout(ctx, f.o.Deadline)
			defer cancel()
			ctx = bounded
		}
		x.Context = ctx
		x.writer = writer{ResponseWriter: w}
		x.writer.Header().Set("X-Request-Id", x.requestID)
		f.secure(w.Header())
		f.inFlight.Add(1)
		defer func() {
			f.inFlight.Add(-1)
			f.recovered(x, recover())
			f.finish(x, r, span)
		}()
		if problem := f.refuse(r); problem != nil {
			problem.write(&x.writer, x.requestID)
			return
		}
		next.ServeHTTP(&x.writer, r.WithContext(x))
	})
}

// refuse finds what forbids the request before any door sees it.
func (f *Front) refuse(r *http.Request) *problem {
	if f.o.MaxInFlight > 0 && f.inFlight.Load() > int64(f.o.MaxInFlight) && !f.free(r.URL.Path) {
		if f.o.Metrics != nil {
			f.o.Metrics.Shed()
		}
		return &problem{status: http.StatusServiceUnavailable, code: "overloaded", title: "The server is busy", retry: 1}
	}
	return bounds(r)
}

func (f *Front) free(path string) bool {
	for _, p := range f.o.Free {
		if p == path {
			return true
		}
	}
	return false
}

// bounds checks URL and headers. TRACE would echo cookies to a script (IO-03) and CONNECT is for proxies.
func bounds(r *http.Request) *problem {
	if len(r.RequestURI) > MaxURL {
		return &problem{status: http.StatusRequestURITooLong, code: "invalid-request", title: "The URL is too long"}
	}
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		return &problem{status: http.StatusMethodNotAllowed, code: "method-not-allowed", title: "The method is not allowed"}
	}
	lines, size := 0, 0
	for name, values := range r.Header {
		lines += len(values)
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	cookies := 0
	for _, line := range r.Header["Cookie"] {
		cookies += strings.Count(line, ";") + 1
	}
	if lines > MaxHeaders || size > MaxHeaderBytes || cookies > MaxCookies {
		return &problem{status: http.StatusRequestHeaderFieldsTooLarge, code: "invalid-request", title: "The headers are too large"}
	}
	return nil
}

// requestID is the proxy's if a trusted one sent a sane one, else a new one.
func (f *Front) requestID(r *http.Request, trusted bool) string {
	if trusted {
		if id := r.Header.Get("X-Request-Id"); saneID(id) {
			return id
		}
	}
	var b [15]byte
	if _, err := io.ReadFull(f.o.Rand, b[:]); err != nil {
		return "unknown" // an id of the log, not a secret; the request itself need not fail
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func saneID(id string) bool {
	if len(id) < 8 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// recovered turns a panic into a 500 with the request id; the stack goes to the log alone (LG-05, LG-06).
func (f *Front) recovered(x *exchange, cause any) {
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // the value net/http documents, compared as it does
		panic(cause)
	}
	if f.o.Metrics != nil {
		f.o.Metrics.Panic()
	}
	x.record.Fail(fmt.Errorf("panic: %v", cause))
	x.record.SetString("stack", string(debug.Stack()))
	if !x.writer.wrote() {
		clearForProblem(x.writer.Header())
		(&problem{status: http.StatusInternalServerError, code: "internal", title: "Internal error"}).write(&x.writer, x.requestID)
	}
}

// finish logs the wide event and counts the request.
func (f *Front) finish(x *exchange, r *http.Request, span telemetry.Span) {
	took := f.o.Clock().Sub(x.started)
	status := x.writer.status
	if status == 0 {
		status = http.StatusOK
	}
	x.record.mu.Lock()
	defer x.record.mu.Unlock()
	if f.o.Metrics != nil {
		f.o.Metrics.Request(telemetry.RequestSample{Contract: x.record.text(KeyContract), Operation: x.record.text(KeyOperation),
			Code: x.record.text(KeyCode), Status: status, Duration: took})
	}
	span.Set("ostiary.operation", x.record.text(KeyOperation))
	span.End(r.Method, x.record.text(KeyRoute), status)

	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !f.o.Logger.Enabled(r.Context(), level) {
		return
	}
	var room [maxFacts + 8]slog.Attr
	attrs := append(room[:0], slog.String("method", Printable(r.Method, 20)), slog.Int("status", status),
		slog.Float64("took_ms", float64(took.Microseconds())/1000), slog.Int64("bytes", x.writer.bytes), slog.String("ip", source(x.ip)),
		slog.String("request_id", x.requestID))
	attrs = append(attrs, x.record.facts...)
	if x.record.err != nil && status >= http.StatusInternalServerError {
		attrs = append(attrs, slog.String("error", x.record.err.Error()))
	}
	f.o.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// source is the address of the client for the log; commands come through the socket of the machine and have none.
func source(ip netip.Addr) string {
	if !ip.IsValid() {
		return "socket"
	}
	return ip.String()
}

// writer notes what the handler answered.
type writer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *writer) wrote() bool { return w.status != 0 }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
