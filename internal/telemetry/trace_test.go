package telemetry

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A span reaches the collector and holds neither path nor query, which may be secrets (LG-02). Only a trusted
// proxy decides the trace that a request belongs to.
func TestTraceReachesTheCollector_LG02(t *testing.T) {
	got := make(chan []byte, 4)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, _ := io.ReadAll(body)
		got <- text
	}))
	defer collector.Close()
	traces, err := StartTraces(t.Context(), TraceOptions{Endpoint: collector.URL + "/v1/traces", Sample: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/verify/canary-path?token=canary-query", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	for _, trusted := range []bool{true, false} {
		_, span := traces.Request(t.Context(), r, trusted)
		span.Set("ostiary.operation", "verify-email")
		span.End("GET", "/verify/{token}", 500)
	}
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	body := <-got
	parent := []byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	if bytes.Contains(body, []byte("canary")) {
		t.Error("the span holds the path or the query")
	}
	if bytes.Count(body, parent) != 1 || !bytes.Contains(body, []byte("verify-email")) {
		t.Errorf("spans of the proxy's trace: %d", bytes.Count(body, parent))
	}
}
