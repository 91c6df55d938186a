package oauth

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// document is a key set with a fixed document.
type document string

func (d document) JWKS() []byte { return []byte(d) }

func ask(t *testing.T, h http.Handler, method, etag string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, JWKSPath, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestJWKS_KM04(t *testing.T) {
	h := JWKS(document(`{"keys":[]}`), 0)
	first := ask(t, h, http.MethodGet, "")
	body, err := io.ReadAll(first.Body)
	etag := first.Header.Get("ETag")
	if err != nil || first.StatusCode != 200 || string(body) != `{"keys":[]}` || etag == "" {
		t.Fatalf("%d %q, %v", first.StatusCode, body, err)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "public, max-age=600",
		"Access-Control-Allow-Origin": "*", "Content-Length": "11"} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	head := ask(t, h, http.MethodHead, "")
	if body, _ := io.ReadAll(head.Body); head.StatusCode != 200 || len(body) != 0 || head.Header.Get("Content-Length") != "11" {
		t.Errorf("HEAD: %d %q", head.StatusCode, body)
	}
	for _, match := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
		if got := ask(t, h, http.MethodGet, match); got.StatusCode != 304 || got.Header.Get("ETag") != etag {
			t.Errorf("If-None-Match %s: %d", match, got.StatusCode)
		}
	}
	for _, match := range []string{`"x"`, strings.Trim(etag, `"`), etag[1:]} {
		if got := ask(t, h, http.MethodGet, match); got.StatusCode != 200 {
			t.Errorf("If-None-Match %s: %d", match, got.StatusCode)
		}
	}
	if other := ask(t, JWKS(document(`{"keys":[1]}`), time.Hour), http.MethodGet, etag); other.StatusCode != 200 || other.Header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("a changed document: %d %s", other.StatusCode, other.Header.Get("Cache-Control"))
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if got := ask(t, h, method, ""); got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, got.StatusCode)
		}
	}
}
