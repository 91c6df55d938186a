package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// Over https every answer of the pages, of whatever kind, is for https alone and kept by nobody, and every cookie is bound to
// the host: its name begins with __Host-, it is Secure, out of reach of scripts, and has no domain (SE-01, WB-06, WB-07).
func TestDoorOverHTTPS_SE01_WB06_WB07(t *testing.T) {
	const home = "https://id.example.com"
	i := servertest.Start(t, loopbackAllowed(), servertest.Configure(func(c *config.Config) { c.PublicURL = home }))
	club := startUpstream(t)
	club.connect(i, "club", shopURI, "example.com")
	club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
	somebody(t, i, "ann@example.com")
	v := newVisitor(t, i)
	post := func(path string, fields ...string) reply {
		return v.ask("POST", path, formOf(fields...), "Origin", home, "Accept", "text/html")
	}
	script := func(path string) reply { return v.ask("POST", path, object{}, "Origin", home) }
	answers := []reply{
		v.open("/"), v.open("/sign-in"), v.open("/no-such-page"), v.open("/error"), v.open("/sign-up"), v.open("/dev/inbox"), v.open("/my"),
		post("/sign-in", "identifier", "ann@example.com"), post("/sign-in", "identifier", ""),
		post("/sign-in/password", "identifier", "ann@example.com", "password", phrase),
		post("/sign-in/password", "identifier", "ann@example.com", "password", "not this one"),
		post("/sign-in/mail", "identifier", "ann@example.com"), post("/sign-out"), post("/sign-in/provider", "provider", "club"),
		post("/sign-in/provider", "provider", "nobody"), v.open("/oauth2/callback/club?state=x"),
		v.ask("POST", "/sign-in", formOf("identifier", "ann@example.com"), "Origin", "https://evil.example"),
		script("/passkey/sign-in/begin"), script("/passkey/sign-in/finish"),
	}
	cookies := map[string]bool{}
	for _, r := range answers {
		for name, want := range map[string]string{"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Cache-Control": "no-store",
			"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Server": "", "X-Powered-By": ""} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", r.what, name, got)
			}
		}
		if !strings.Contains(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s may be framed", r.what)
		}
		for _, c := range (&http.Response{Header: r.Header}).Cookies() {
			cookies[c.Name] = true
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Domain != "" || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("%s: %s", r.what, c)
			}
		}
	}
	for _, name := range []string{"__Host-ostiary-default", "__Host-ostiary-flow", "__Host-ostiary-state"} {
		if !cookies[name] {
			t.Errorf("no cookie %s was seen", name)
		}
	}
}
