package httpx

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

func TestOrigins_WB01(t *testing.T) {
	type request struct {
		name, host, site, origin, referer string
		tls                               bool
		want                              bool
	}
	const public = "https://id.example.test"
	for _, c := range []request{
		{"own page", "id.example.test", "same-origin", public, "", true, true},
		{"own page behind a proxy that renames the host", "10.0.0.7:8080", "", public, "", false, true},
		{"own page behind such a proxy, fetch metadata too", "10.0.0.7:8080", "same-origin", public, "", false, true},
		{"typed by the person", "id.example.test", "none", "", "", true, true},
		{"foreign page", "id.example.test", "cross-site", "https://evil.test", "", true, false},
		{"sibling subdomain", "id.example.test", "same-site", "https://blog.example.test", "", true, false},
		{"sibling subdomain without fetch metadata", "id.example.test", "", "https://blog.example.test", "", true, false},
		{"opaque origin", "id.example.test", "cross-site", "null", "", true, false},
		{"opaque origin without fetch metadata", "id.example.test", "", "null", "", true, false},
		{"http page to https", "id.example.test", "", "http://id.example.test", "", true, false},
		{"http page to https behind a proxy", "id.example.test", "", "http://id.example.test", "", false, false},
		{"prefix look-alike", "id.example.test", "", "https://id.example.test.evil.test", "", true, false},
		{"suffix look-alike", "id.example.test", "", "https://evil-id.example.test", "", true, false},
		{"user part", "id.example.test", "", "https://id.example.test@evil.test", "", true, false},
		{"another port", "id.example.test", "", "https://id.example.test:8443", "", true, false},
		{"default port spelled out", "id.example.test:443", "", public, "", true, true},
		{"upper case is no serialised origin", "id.example.test", "", "https://ID.example.test", "", true, false},
		{"listed origin", "id.example.test", "cross-site", "https://app.test", "", true, true},
		{"listed origin without fetch metadata", "id.example.test", "", "https://app.test", "", true, true},
		{"listed origin, other scheme", "id.example.test", "", "http://app.test", "", true, false},
		{"empty origin", "id.example.test", "cross-site", "", "", true, false},
		{"unknown fetch metadata", "id.example.test", "banana", "", "", true, false},
		{"no browser", "id.example.test", "", "", "", true, true},
		{"old browser, own page", "id.example.test", "", "", public + "/x", true, true},
		{"old browser, foreign page", "id.example.test", "", "", "https://evil.test/" + public, true, false},
		{"old browser, broken referer", "id.example.test", "", "", "https://[", true, false},
	} {
		r := httptest.NewRequest("POST", "http://"+c.host+"/x", nil)
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin, "Referer": c.referer} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		err := NewOrigins(public).Check(r, "https://app.test")
		if (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && !auth.Is(err, auth.CodeCSRF) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOriginsTwice_WB01(t *testing.T) {
	r := httptest.NewRequest("POST", "https://id.example.test/", nil)
	r.Header["Origin"] = []string{"https://id.example.test", "https://evil.test"}
	if NewOrigins("https://id.example.test").Check(r) == nil {
		t.Error("two origins pass")
	}
}

func TestOriginsReads(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		r := httptest.NewRequest(method, "/", nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if err := NewOrigins("https://id.example.test").Check(r); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestOriginsDirect(t *testing.T) {
	o := NewOrigins("http://127.0.0.1:8080")
	for origin, want := range map[string]bool{"http://localhost:8080": true, "http://127.0.0.1:8080": true,
		"https://localhost:8080": false, "http://localhost:9090": false} {
		r := httptest.NewRequest("POST", "http://localhost:8080/", nil)
		r.Header.Set("Origin", origin)
		if got := o.Ours(r); got != want {
			t.Errorf("%s: %v", origin, got)
		}
	}
	if o.Ours(httptest.NewRequest("POST", "http://localhost:8080/", nil)) {
		t.Error("a request that says nothing is proven ours")
	}
}
