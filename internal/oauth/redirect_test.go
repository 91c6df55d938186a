package oauth

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// redirects are targets of which none is registered, however near it comes (OA-01).
var redirects = []string{"", " ", "/", "//rp.example/callback", "https:rp.example/callback", "https:/rp.example/callback", "https:///rp.example/callback",
	"http://rp.example/callback", "HTTPS://rp.example/callback", "https://RP.example/callback", "https://rp.example", "https://rp.example/", "https://rp.example/callback/",
	"https://rp.example/Callback", "https://rp.example//callback", "https://rp.example/./callback", "https://rp.example/x/../callback", "https://rp.example/callback/..",
	"https://rp.example/callback?", "https://rp.example/callback?x=1", "https://rp.example/callback#", "https://rp.example/callback#x", "https://rp.example:443/callback",
	"https://rp.example:8443/callback", "https://rp.example./callback", "https://rp.example.evil.example/callback", "https://evil.example/https://rp.example/callback",
	"https://evil.example/?https://rp.example/callback", "https://evil.example#https://rp.example/callback", "https://rp.example@evil.example/callback",
	"https://evil.example@rp.example/callback", "https://rp.example:x@evil.example/callback", `https://rp.example\@evil.example/callback`, `https://evil.example\@rp.example/callback`,
	"https://rp.example%2fcallback", "https://rp.example/%63allback", "https://rp.example/callback%00", "https://rp.example/callback\x00", "https://rp.example/callback\n",
	"https://rp.example/callback%0d%0aLocation:x", "\thttps://rp.example/callback", "https://rp.example/callback ", "javascript:alert(1)", "data:text/html,x", "*", "https://*.example/callback",
	"https://rp.example/*", "http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1/app", "http://127.0.0.1:0/app/", "http://127.0.0.1:65536/app/", "http://127.0.0.1:080/app/",
	"http://127.0.0.1:/app/", "http://127.0.0.1:80x/app/", "http://127.0.0.1:80@evil.example/app/", "http://127.0.0.1.evil.example/app/", "http://127.0.0.2:80/app/",
	"http://localhost:80/app/", "http://[::1]/app/", "http://[::1%25x]:80/app/", "https://127.0.0.1:80/app/", "http://127.0.0.1:80/app/?x", "http://0x7f.1:80/app/", "http://127.1:80/app/",
	"com.example.club:/", "com.example.club://callback", "com.example.club:/callback?x", "COM.example.club:/callback", "com.example.clubs:/callback"}

func TestRedirectCorpus_OA01(t *testing.T) {
	if len(redirects) < 60 {
		t.Fatalf("%d targets", len(redirects))
	}
	own := []string{"https://rp.example/callback", "http://127.0.0.1/app/", "http://localhost:3000/app/", "com.example.club:/callback"}
	native := auth.Client{Settings: auth.ClientSettings{RedirectURIs: own, OAuth: auth.OAuthSettings{ApplicationType: auth.ApplicationNative}}}
	web := auth.Client{Settings: auth.ClientSettings{RedirectURIs: own}}
	for _, uri := range redirects {
		if registered(native, uri) || registered(web, uri) {
			t.Errorf("%q counts as registered", uri)
		}
	}
	for _, uri := range own {
		if !registered(native, uri) || !registered(web, uri) {
			t.Errorf("%q does not count", uri)
		}
	}
	if port := "http://127.0.0.1:51004/app/"; !registered(native, port) || registered(web, port) {
		t.Error("the port may vary for native clients, and for them alone")
	}
	portless := func(method auth.ClientAuthMethod) auth.Client {
		return auth.Client{Settings: auth.ClientSettings{RedirectURIs: []string{"http://localhost/app/"},
			OAuth: auth.OAuthSettings{ApplicationType: auth.ApplicationNative, AuthMethod: method}}}
	}
	public, secret := portless(auth.ClientAuthNone), portless(auth.ClientAuthBasic)
	if port := "http://localhost:51004/app/"; !registered(public, port) || registered(secret, port) {
		t.Error("localhost may have any port for public clients that registered none, and for them alone")
	}
	for _, uri := range []string{"http://localhost.evil.example/app/", "http://localhost:1@evil.example/app/", "http://localhost:51004/", "http://127.0.0.1:51004/app/"} {
		if registered(public, uri) {
			t.Errorf("%q counts as registered", uri)
		}
	}
}

// TestFormSource keeps whatever is registered from writing in a policy (WB-05).
func TestFormSource_WB05(t *testing.T) {
	for uri, want := range map[string]string{"https://rp.example/callback": "https://rp.example", "http://127.0.0.1:9/x": "http://127.0.0.1:9",
		"http://[::1]:9/x": "http:", "com.example.club:/callback": "com.example.club:", "https://a;script-src/": "", "https://a,b/": "", "https://*/": "", "https://'self'/": "",
		"https:///x": ""} {
		if got := formSource(uri); got != want {
			t.Errorf("%q: %q, not %q", uri, got, want)
		}
	}
}

// FuzzRegistered: what counts is what was registered, or that with another port of the own machine.
func FuzzRegistered(f *testing.F) {
	for _, uri := range redirects {
		f.Add(uri, "http://127.0.0.1/app/")
	}
	f.Fuzz(func(t *testing.T, uri, own string) {
		c := auth.Client{Settings: auth.ClientSettings{RedirectURIs: []string{own}, OAuth: auth.OAuthSettings{ApplicationType: auth.ApplicationNative,
			AuthMethod: auth.ClientAuthNone}}}
		if !registered(c, uri) || uri == own {
			return
		}
		if !strings.HasPrefix(uri, "http://127.0.0.1") && !strings.HasPrefix(uri, "http://[::1]") && !strings.HasPrefix(own, "http://localhost") {
			t.Fatalf("%q counts for %q", uri, own)
		}
		for _, text := range []string{formSource(uri), formSource(own)} {
			if strings.ContainsAny(text, "; ,'\"*\n") {
				t.Fatalf("%q writes in a policy", text)
			}
		}
	})
}
