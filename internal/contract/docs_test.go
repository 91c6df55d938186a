package contract

import (
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	s := newThings()
	text := strings.Replace(doc(cookieDoors, cookieContract, cookieSchemes), "title: Things", "title: Things <b>", 1)
	h := start(t, s, text).Docs()
	status, body, header := ask(t, h, "GET", "/docs/things", "")
	for _, want := range []string{"<b>POST</b> <code>/in</code>", "Things &lt;b&gt;", "Enters.", "Credential: bearer, or cookie", "Cookies: session, access, refresh, step-up, csrf",
		`href="/docs/things/openapi.yaml"`, `<link rel="stylesheet" href="/docs/style.css">`} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d: no %q in the page", status, want)
		}
	}
	if strings.Contains(body, "<script") || !strings.Contains(header.Get("Content-Security-Policy"), "style-src 'self'") {
		t.Errorf("%v", header)
	}
	if status, body, header := ask(t, h, "GET", "/docs/things/openapi.yaml", ""); status != 200 || body != text || !strings.HasPrefix(header.Get("Content-Type"), "application/yaml") {
		t.Errorf("the document: %d %v", status, header)
	}
	if status, body, _ := ask(t, h, "GET", "/docs", ""); status != 200 || !strings.Contains(body, `href="/docs/things"`) {
		t.Errorf("the index: %d %s", status, body)
	}
	if status, _, header := ask(t, h, "GET", "/docs/style.css", ""); status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/css") {
		t.Errorf("the style: %d %v", status, header)
	}
	for _, path := range []string{"/docs/other", "/docs/things/other", "/docs/things/openapi.yaml/x"} {
		if status, _, _ := ask(t, h, "GET", path, ""); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, header := ask(t, h, "POST", "/docs", ""); status != 405 || header.Get("Allow") == "" {
		t.Errorf("POST: %d %v", status, header)
	}
}
