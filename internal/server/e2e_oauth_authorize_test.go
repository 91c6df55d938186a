package server_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestAuthorizeErrors_OA02_OA03_OA06 sends everything that is wrong: to the person while the target is not certain, else to the
// client.
func TestAuthorizeErrors_OA02_OA03_OA06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		ann := signedInGuest(t, i, "ann@example.com")
		for _, q := range []url.Values{p.request("client_id", ""), p.request("client_id", "nobody"), p.request("redirect_uri", ""),
			p.request("redirect_uri", "https://evil.example/"), p.request("redirect_uri", partyRedirect+"&x=1"),
			p.request("client_id", string(auth.DefaultClient)), {"client_id": {p.OAuthID()}, "redirect_uri": {partyRedirect, "https://evil.example/"}},
			p.request("request_uri", "urn:ietf:params:oauth:request_uri:nothing")} {
			if r := ann.authorize(q).says("This request cannot be answered").lacks("evil.example"); r.Status != http.StatusBadRequest || r.Header.Get("Location") != "" {
				t.Errorf("%v: %d to %q", q, r.Status, r.Header.Get("Location"))
			}
		}
		for code, list := range map[string][]url.Values{
			"invalid_request": {p.request("response_type", ""), p.request("code_challenge", ""), p.request("code_challenge_method", ""),
				p.request("code_challenge_method", "plain"), p.request("code_challenge", "short"), p.request("prompt", "none login"), p.request("prompt", "create"),
				p.request("max_age", "-1"), p.request("max_age", "soon"), p.request("claims", "{"), p.request("claims", `{"id_token":{"acr":{},"acr":{}}}`),
				p.request("nonce", strings.Repeat("n", 513)), p.request("id_token_hint", "a.b.c"), p.request("dpop_jkt", "x"), p.request("response_mode", "web_message"),
				{"client_id": {p.OAuthID()}, "redirect_uri": {partyRedirect}, "state": {"s t&a=te"}, "scope": {"openid", "email"}}},
			"unsupported_response_type": {p.request("response_type", "token"), p.request("response_type", "code id_token"), p.request("response_type", "id_token")},
			"invalid_scope":             {p.request("scope", "openid admin")},
			"invalid_target":            {p.request("resource", "https://api.example")},
			"request_not_supported":     {p.request("request", "eyJ")},
			"request_uri_not_supported": {p.request("request_uri", "https://rp.example/request")},
		} {
			for _, q := range list {
				ann.authorize(q).sentHome(p, code)
			}
		}
		long := ann.authorize(p.request("state", strings.Repeat("s", 1025))).location().Query()
		if long.Get("error") != "invalid_request" || long.Has("state") {
			t.Errorf("%v", long)
		}
		machine := newParty(t, i, func(c *auth.Client) { c.Settings.OAuth.GrantTypes = []string{auth.GrantClientCredentials} })
		ann.authorize(machine.request()).sentHome(machine, "unauthorized_client")
		// A form leads to where the same GET leads; a look changes nothing.
		at := ann.ask(http.MethodPost, "/oauth2/authorize", p.request(), "Origin", "https://rp.example", "Sec-Fetch-Site", "cross-site").goesTo("/oauth2/authorize")
		ann.goes(at.RequestURI()).code(p)
		if r := ann.ask(http.MethodHead, at.RequestURI(), nil); r.Header.Get("Location") != "" {
			t.Error("HEAD answers with a code")
		}
	})
}

// TestAuthorizePrompts_OI02 goes through the prompts, max_age and hints of OpenID Connect.
func TestAuthorizePrompts_OI02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		nobody := newGuest(t, i)
		nobody.authorize(p.request("prompt", "none")).sentHome(p, "login_required")
		ann := signedInGuest(t, i, "ann@example.com")
		ann.authorize(p.request("prompt", "none")).code(p)
		hint := ann.enters(p).text("id_token")
		bob := signedInGuest(t, i, "bob@example.com")
		bob.authorize(p.request("prompt", "none", "id_token_hint", hint)).sentHome(p, "login_required")
		bob.authorize(p.request("id_token_hint", hint)).goesTo("/sign-in")
		ann.authorize(p.request("prompt", "none", "id_token_hint", hint)).code(p)
		asks := newParty(t, i)
		ann.authorize(asks.request("prompt", "none")).sentHome(asks, "consent_required")
		ann.authorize(asks.request("prompt", "none", "id_token_hint", hint)).sentHome(asks, "invalid_request") // of another client

		i.Clock.Advance(10 * time.Minute)
		ann.authorize(p.request("max_age", "900")).code(p)
		ann.authorize(p.request("max_age", "60", "prompt", "none")).sentHome(p, "login_required")
		for _, more := range [][]string{{"max_age", "60"}, {"max_age", "0"}, {"prompt", "login"}} {
			back := ann.authorize(p.request(more...)).goesTo("/step-up").Query().Get("return_to")
			ann.goes(back).goesTo("/step-up")
			i.Clock.Advance(time.Second)
			ann.ask(http.MethodPost, "/step-up", url.Values{"current_password": {phrase}, "return_to": {back}}, "Origin", i.URL).want(http.StatusOK).says("/oauth2/continue")
			tokens := p.redeem(ann.wire, ann.goes(back).code(p)).want(http.StatusOK)
			if _, claims := jwtParts(t, tokens.text("id_token")); claims["auth_time"].(float64) != float64(i.Clock.Now().Unix()) {
				t.Errorf("%v: %v at %d", more, claims, i.Clock.Now().Unix())
			}
			i.Clock.Advance(10 * time.Minute)
		}
		at := ann.authorize(p.request("prompt", "select_account")).goesTo("/consent")
		ann.looks(at).says("Go on with this account?", "ann@example.com", "Use another account")
		ann.decides(at, "approve").code(p)
	})
}

// TestAuthorizeClasses_OI02 steps up to the class that a client asks for (RFC 9470), as far as the person has the means.
func TestAuthorizeClasses_OI02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		ann := signedInGuest(t, i, "ann@example.com")
		essential := `{"id_token":{"acr":{"essential":true,"values":["aal2","phr"]}}}`
		ann.authorize(p.request("acr_values", "aal1")).code(p)
		ann.authorize(p.request("acr_values", "phr aal2")).code(p) // the best there is
		ann.authorize(p.request("acr_values", "gold")).code(p)
		ann.authorize(p.request("claims", essential)).sentHome(p, "unmet_authentication_requirements")
		ann.authorize(p.request("claims", `{"id_token":{"acr":{"essential":true,"value":"gold"}}}`)).sentHome(p, "unmet_authentication_requirements")

		secret := ok[client.TOTP](t)(ann.person.me.BeginTOTP(t.Context(), phrase)).Secret
		ok[[]string](t)(ann.person.me.ConfirmTOTP(t.Context(), code(t, i, secret)))
		ann.authorize(p.request("claims", essential, "prompt", "none")).sentHome(p, "interaction_required")
		back := ann.authorize(p.request("claims", essential)).goesTo("/step-up").Query().Get("return_to")
		ann.ask(http.MethodPost, "/step-up", url.Values{"code": {code(t, i, secret)}, "return_to": {back}}, "Origin", i.URL).want(http.StatusOK).says("/oauth2/continue")
		tokens := p.redeem(ann.wire, ann.goes(back).code(p)).want(http.StatusOK)
		if _, claims := jwtParts(t, tokens.text("id_token")); claims["acr"] != "aal2" {
			t.Errorf("%v", claims)
		}
		ann.authorize(p.request("claims", essential, "prompt", "none")).code(p)
		ann.authorize(p.request("acr_values", "aal2")).code(p)
		ann.authorize(p.request("acr_values", "phr")).code(p)
	})
}

// TestFormPost_OA15_OA16 posts the answer, with everything in it as text, and keeps to the modes that a client registered.
func TestFormPost_OA15_OA16(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		ann := signedInGuest(t, i, "ann@example.com")
		for _, state := range []string{`"><script>alert(1)</script>`, `'--><img src=x onerror=alert(1)>`, "{{.Name}}", "javascript:alert(1)", "äöü\u202e\n\t", "%00%0d%0a"} {
			page := ann.authorize(p.request("response_mode", "form_post", "state", state)).want(http.StatusOK).
				says(`action="`+html.EscapeString(partyRedirect)+`"`, "<button>").lacks("<script>alert", "<img src=x")
			if got := page.hidden("state"); got != state || page.hidden("iss") != i.URL {
				t.Errorf("the state is %q, not %q", got, state)
			}
			if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://rp.example;") || !strings.Contains(csp, "script-src 'nonce-") {
				t.Errorf("%s", csp)
			}
			p.redeem(ann.wire, page.hidden("code")).want(http.StatusOK)
		}
		at := ann.authorize(p.request("response_mode", "fragment")).location()
		if q, err := url.ParseQuery(at.Fragment); err != nil || q.Get("code") == "" || at.RawQuery != "from=ostiary" {
			t.Errorf("%s", at)
		}
		only := newParty(t, i, trusted, func(c *auth.Client) { c.Settings.OAuth.ResponseModes = []string{"query"} })
		ann.authorize(only.request("response_mode", "form_post")).sentHome(only, "invalid_request")
		asks := newParty(t, i)
		way := ann.authorize(asks.request("response_mode", "form_post")).goesTo("/consent")
		ann.decides(way, "approve").want(http.StatusOK).says(`name="code"`)
	})
}

// TestPushed_PA01 pushes requests: by the client itself, checked whole, taken once, soon, and by that client's browser alone.
func TestPushed_PA01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted, func(c *auth.Client) { c.Settings.OAuth.RequirePAR = true })
		other := newParty(t, i, trusted)
		ann := signedInGuest(t, i, "ann@example.com")
		push := func(p party, more ...string) reply {
			q := p.request(more...)
			q.Set("client_secret", p.secret)
			return ann.ask(http.MethodPost, "/oauth2/par", q)
		}
		name := func() string { return push(p).want(http.StatusCreated).text("request_uri") }
		ann.authorize(p.request()).sentHome(p, "invalid_request")
		if got := push(p).object(); got["expires_in"] != 60.0 {
			t.Errorf("%v", got)
		}
		for code, q := range map[string][]string{"invalid_request": {"redirect_uri", "https://evil.example/"}, "invalid_scope": {"scope", "all"},
			"unsupported_response_type": {"response_type", "token"}} {
			if r := push(p, q...).want(http.StatusBadRequest); r.text("error") != code {
				t.Errorf("%s: %s", code, r.Body)
			}
		}
		push(p, "request_uri", name()).want(http.StatusBadRequest)
		if r := ann.ask(http.MethodPost, "/oauth2/par", p.request("client_secret", "wrong")); r.want(http.StatusUnauthorized).text("error") != "invalid_client" {
			t.Errorf("%s", r.Body)
		}
		uri := name()
		brought := url.Values{"client_id": {p.OAuthID()}, "request_uri": {uri}, "state": {"of somebody"}, "redirect_uri": {"https://evil.example/"}}
		ann.authorize(url.Values{"client_id": {other.OAuthID()}, "request_uri": {uri}}).want(http.StatusBadRequest)
		ann.authorize(brought).code(p)
		ann.authorize(brought).want(http.StatusBadRequest).says("This request cannot be answered")
		late := name()
		i.Clock.Advance(61 * time.Second)
		ann.authorize(url.Values{"client_id": {p.OAuthID()}, "request_uri": {late}}).want(http.StatusBadRequest)
	})
}
