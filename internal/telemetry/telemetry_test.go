package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/secret"
)

func TestNoSecretInALine_LG02(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log := NewLogger(LogOptions{Writer: &out, Format: format})
		log.Info("x", "password", "canary-1", "refresh_token", "canary-2", "Authorization", "canary-3",
			"typed", secret.Secret("canary-4"), slog.Group("inner", "totp_code", "canary-5"), "user", "visible")
		log.Info("alone", slog.Group("inner", slog.Group("deeper", "NewPassword", "canary-6")))
		log.Info("alone", "lazy", lazy{})
		log.With("api_key", "canary-8").WithGroup("g").Info("x", "cookie", "canary-9")
		if strings.Contains(out.String(), "canary") {
			t.Errorf("%s: a secret is in %s", format, out.String())
		}
		if !strings.Contains(out.String(), "visible") {
			t.Errorf("%s: too much is redacted: %s", format, out.String())
		}
	}
}

// lazy is a value that makes its attributes when it is logged.
type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.GroupValue(slog.String("secret", "canary-7")) }

func BenchmarkLine(b *testing.B) {
	log := NewLogger(LogOptions{Writer: io.Discard, Format: "json"})
	attrs := []slog.Attr{slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("took", time.Millisecond),
		slog.Int64("bytes", 300), slog.String("ip", "192.0.2.1"), slog.String("request_id", "2f1f3a5b7c9d2f1f3a5b"),
		slog.String("contract", "cloudheed"), slog.String("operation", "get-me"), slog.String("route", "/v1/auth/me"),
		slog.String("app", "default"), slog.String("user", "01890a5d-ac96-774b-bcce-b302099a8057"),
		slog.String("session", "01890a5d-ac96-774b-bcce-b302099a8057"), slog.String("code", "ok")}
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(b.Context(), slog.LevelInfo, "request", attrs...)
	}
}

func TestNoForgedLine_LG03(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		NewLogger(LogOptions{Writer: &out, Format: format}).Info("x", "agent", "a\n{\"forged\":1}\r\x1b[31m\x00")
		if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r\x1b\x00") {
			t.Errorf("%s: %q", format, got)
		}
	}
}

func TestLevels(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(LogOptions{Writer: &out, Format: "json", Level: "warn"})
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Error(got)
	}
	if ParseLevel("nonsense") != slog.LevelInfo {
		t.Error("an unknown level is not info")
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	m.Request(RequestSample{Contract: "ostiary", Operation: "sign-in", Code: "invalid-credentials", Status: 401, Duration: time.Millisecond})
	m.Gauge("queue_depth", "Jobs that wait.", func() float64 { return 3 })
	m.Counter("writes_total", "Writes.", func() float64 { return 4 })
	m.Histogram("hash_seconds", "Hashing.", []float64{1})(0.5)
	m.Shed()
	m.Panic()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`ostiary_requests_total{code="invalid-credentials",contract="ostiary",operation="sign-in",status="401"} 1`,
		"ostiary_queue_depth 3", "ostiary_writes_total 4", "ostiary_hash_seconds_count 1", "ostiary_requests_shed_total 1",
		"ostiary_panics_total 1", "process_resident_memory_bytes", "go_goroutines",
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTracesAreOffByDefault(t *testing.T) {
	traces, err := StartTraces(t.Context(), TraceOptions{})
	if traces != nil || err != nil {
		t.Fatalf("%v %v", traces, err)
	}
	ctx, span := traces.Request(context.Background(), httptest.NewRequest("GET", "/", nil), false)
	span.Set("a", "b")
	span.End("GET", "/", 200)
	if ctx == nil || traces.Shutdown(ctx) != nil {
		t.Error("a server without traces does something about them")
	}
}
