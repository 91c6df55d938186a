package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// decides posts the answer of the consent page that a request led to.
func (g guest) decides(at *url.URL, do string) reply {
	g.t.Helper()
	q := at.Query()
	return g.ask(http.MethodPost, "/consent", url.Values{"flow": {q.Get("flow")}, "app": {q.Get("app")}, "do": {do}}, "Origin", g.i.URL, "Accept", "text/html", "Accept-Language", "en")
}

// looks opens the consent page that a request led to.
func (g guest) looks(at *url.URL) reply {
	g.t.Helper()
	return g.goes(at.RequestURI()).want(http.StatusOK)
}

// TestConsent asks once for each client and scope, says who asks for what and where the answer goes, and takes yes and no.
func TestConsent_OA11_OI06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i)
		ann := signedInGuest(t, i, "ann@example.com")
		at := ann.authorize(p.request()).goesTo("/consent")
		page := ann.looks(at).says("Give Book Club access?", "Know that it is you", "See your e-mail address", "rp.example", "ann@example.com").
			says("It keeps the access until you sign out.").lacks("Unverified", "Keep this access", "at most")
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://rp.example;") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("the policy is %s", csp)
		}
		ann.decides(at, "deny").sentHome(p, "access_denied")
		ann.decides(at, "approve").want(http.StatusBadRequest).says("This step is over")

		at = ann.authorize(p.request()).goesTo("/consent")
		p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		ann.decides(at, "approve").want(http.StatusBadRequest) // the button pressed twice, or after going back (OA-17)

		ann.authorize(p.request()).code(p)                                                 // once for each client and scope
		ann.authorize(p.request("prompt", "consent")).goesTo("/consent")                   // unless it wants to ask
		ann.authorize(p.request("scope", "openid profile")).goesTo("/consent")             // or wants more
		at = ann.authorize(p.request("scope", "openid offline_access")).goesTo("/consent") // or wants to stay
		ann.looks(at).says("Keep this access", "until it does not use it for 30 days, for 90 days at most.").lacks("until you sign out")
		ann.decides(at, "approve").code(p)
		ann.authorize(p.request("scope", "openid email offline_access")).code(p)

		// Another person is asked anew; another browser can do nothing with the flow (SE-02).
		bob := signedInGuest(t, i, "bob@example.com")
		at = bob.authorize(p.request()).goesTo("/consent")
		ann.goes(at.RequestURI()).want(http.StatusBadRequest).says("This step is over").lacks("Book Club")
		ann.decides(at, "approve").want(http.StatusBadRequest)
		// And no other site can press the button (WB-01).
		if r := bob.ask(http.MethodPost, "/consent", url.Values{"flow": {at.Query().Get("flow")}, "do": {"approve"}}, "Origin", "https://evil.example"); r.Status != http.StatusForbidden {
			t.Errorf("from elsewhere: %d", r.Status)
		}
		i.Clock.Advance(31 * time.Minute)
		bob.goes(at.RequestURI()).want(http.StatusBadRequest).says("This step is over")
	})
}

// TestConsentSaysHowLong: the page says how long the client keeps the access, by its own lifetime (OA-11).
func TestConsentSaysHowLong_OA11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := signedInGuest(t, i, "ann@example.com")
		for _, c := range []struct {
			life  time.Duration
			scope string
			want  string
		}{
			{14 * 24 * time.Hour, "openid offline_access", "until it does not use it for 14 days, for 90 days at most."},
			{36 * time.Hour, "openid offline_access", "until it does not use it for 36 hours, for 90 days at most."},
			{200 * 24 * time.Hour, "openid offline_access", "It keeps the access for 90 days."},
			{14 * 24 * time.Hour, "openid", "It keeps the access until you sign out."},
		} {
			p := newParty(t, i, func(to *auth.Client) { to.Settings.RefreshTTL = c.life })
			ann.looks(ann.authorize(p.request("scope", c.scope)).goesTo("/consent")).says(c.want)
		}
	})
}

// TestConsentOnDevice_OA12: nobody can say which program answers on a device, so people are asked every time.
func TestConsentOnDevice_OA12(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := signedInGuest(t, i, "ann@example.com")
		for _, uri := range []string{"http://127.0.0.1/callback", "http://localhost:3000/callback", "com.example.club:/callback"} {
			p := newParty(t, i, trusted, func(c *auth.Client) {
				c.Settings.RedirectURIs = []string{uri}
				c.Settings.OAuth.AuthMethod, c.Settings.OAuth.ApplicationType = auth.ClientAuthNone, auth.ApplicationNative
			})
			for range 2 {
				at := ann.authorize(p.request()).goesTo("/consent")
				ann.looks(at).says("A program on this device gets the answer.")
				p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
			}
			ann.authorize(p.request("prompt", "none")).sentHome(p, "consent_required")
		}
		web := newParty(t, i, trusted, func(c *auth.Client) { c.Settings.OAuth.AuthMethod = auth.ClientAuthNone })
		ann.authorize(web.request()).code(web)
		confidential := newParty(t, i, trusted, func(c *auth.Client) { c.Settings.RedirectURIs = []string{"http://127.0.0.1:9/cb"} })
		ann.authorize(confidential.request()).code(confidential)
	})
}

// TestConsentUnverified_CR01: nobody vouches for what a client says of itself, and none of it is markup (WB-08).
func TestConsentUnverified_CR01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := signedInGuest(t, i, "ann@example.com")
		p := newParty(t, i, func(c *auth.Client) {
			c.Name = `<img src=x onerror=alert(1)>`
			c.Settings.OAuth.Dynamic = true
			c.Settings.OAuth.ClientURI = "javascript:alert(1)"
		})
		ann.looks(ann.authorize(p.request()).goesTo("/consent")).says("Unverified", "&lt;img src=x").lacks("<img src=x", "javascript:alert")
		for _, language := range []string{"de", "es", "fr", "ja", "pt", "zh"} {
			at := ann.authorize(p.request("ui_locales", language)).goesTo("/consent")
			ann.looks(at).says(`lang="` + language + `"`)
		}
	})
}

// TestMyApps lists what was let in and takes it back, with everything that it issued.
func TestMyApps_OA11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i)
		ann := signedInGuest(t, i, "ann@example.com")
		ann.goes("/my/apps").want(http.StatusOK).says("No app has access")
		at := ann.authorize(p.request("scope", "openid offline_access")).goesTo("/consent")
		tokens := p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		ann.goes("/my/apps").want(http.StatusOK).says("Book Club", "Keep this access")
		revoke := func(client string) reply {
			return ann.ask(http.MethodPost, "/my/apps", url.Values{"do": {"revoke"}, "client": {client}}, "Origin", i.URL, "Accept", "text/html")
		}
		revoke("nobody").want(http.StatusNotFound)
		revoke(p.OAuthID()).want(http.StatusSeeOther)
		ann.goes("/my/apps?done=app-revoked").says("The app has no access any more.", "No app has access")
		refreshed := ann.ask(http.MethodPost, "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.text("refresh_token")},
			"client_id": {p.OAuthID()}, "client_secret": {p.secret}})
		if refreshed.want(http.StatusBadRequest).text("error") != "invalid_grant" {
			t.Errorf("%s", refreshed.Body)
		}
		ann.authorize(p.request("scope", "openid offline_access")).goesTo("/consent")
		revoke(p.OAuthID()).want(http.StatusNotFound)
	})
}
