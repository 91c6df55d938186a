package httpx

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestCookies(t *testing.T) {
	host := Cookie{Name: "__Host-ostiary-default", Value: "v", Path: "/elsewhere", MaxAge: time.Hour}
	legacy := Cookie{Name: "sid", Value: "v", Path: "/shop", SameSite: "strict"}
	for _, c := range []struct {
		name, public string
		cookie       Cookie
		want         string
	}{
		{"prefixed", "https://id.test", host, "__Host-ostiary-default=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"prefixed on this machine", "http://localhost:8080", host, "ostiary-default=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"plain http elsewhere keeps Secure", "http://id.test", host, "__Host-ostiary-default=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"a contract's own", "https://id.test", legacy, "sid=v; Path=/shop; HttpOnly; Secure; SameSite=Strict"},
		{"for scripts", "https://id.test", Cookie{Name: "csrf", Value: "v", Readable: true, SameSite: "none"}, "csrf=v; Path=/; Secure; SameSite=None"},
		{"none without Secure", "http://127.0.0.1", Cookie{Name: "csrf", Value: "v", SameSite: "none"}, "csrf=v; Path=/; HttpOnly; SameSite=Lax"},
	} {
		h := http.Header{}
		NewCookies(c.public).Set(h, c.cookie)
		if got := h.Get("Set-Cookie"); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	h := http.Header{}
	NewCookies("https://id.test").Clear(h, legacy)
	if got := h.Get("Set-Cookie"); got != "sid=; Path=/shop; Max-Age=0; HttpOnly; Secure; SameSite=Strict" {
		t.Errorf("clear: %s", got)
	}
}

func TestReadCookie_SE08(t *testing.T) {
	c := NewCookies("http://localhost")
	for header, want := range map[string]string{"sid=a": "a", "sid=a; sid=b": "", "other=1": "", "sid=": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", header)
		if got, ok := c.Read(r, "__Host-sid"); got != want || ok != (want != "") {
			t.Errorf("%q: %q", header, got)
		}
	}
}
