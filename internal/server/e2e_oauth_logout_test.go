package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

const partySignedOut = "https://rp.example/signed-out"

func leaving(c *auth.Client) {
	trusted(c)
	c.Settings.OAuth.PostLogoutRedirectURIs = []string{partySignedOut}
}

// enters lets a client in and answers its tokens.
func (g guest) enters(p party, more ...string) reply {
	g.t.Helper()
	return p.redeem(g.wire, g.authorize(p.request(more...)).code(p)).want(http.StatusOK)
}

// leaves brings a request to sign out; the fields are pairs.
func (g guest) leaves(fields ...string) reply {
	g.t.Helper()
	q := url.Values{}
	for n := 0; n < len(fields); n += 2 {
		q.Set(fields[n], fields[n+1])
	}
	return g.goes("/oauth2/logout?" + q.Encode())
}

// in reports whether somebody is signed in at the browser.
func (g guest) in() bool {
	g.t.Helper()
	return g.goes("/my").Status == http.StatusOK
}

// TestLogout_LO01_LO02 ends the session for a client that knows the person, asks otherwise, and leads back to what that very
// client registered alone.
func TestLogout_LO01_LO02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p, other := newParty(t, i, leaving), newParty(t, i, func(c *auth.Client) {
			leaving(c)
			c.Settings.OAuth.PostLogoutRedirectURIs = []string{"https://other.example/out"}
		})
		ann := signedInGuest(t, i, "ann@example.com")
		hint := ann.enters(p).text("id_token")
		i.Clock.Advance(48 * time.Hour) // it expired long ago

		// These ask, and none leads anywhere when the person has said yes.
		forged := hint[:len(hint)-4] + "AAAA"
		for _, fields := range [][]string{{}, {"client_id", p.OAuthID()}, {"id_token_hint", forged, "post_logout_redirect_uri", partySignedOut},
			{"id_token_hint", hint, "post_logout_redirect_uri", "https://rp.example/elsewhere"},
			{"id_token_hint", hint, "post_logout_redirect_uri", "https://other.example/out"},
			{"id_token_hint", hint, "client_id", other.OAuthID(), "post_logout_redirect_uri", "https://other.example/out"}} {
			at := ann.leaves(fields...).goesTo("/logout")
			ann.goes(at.RequestURI()).want(http.StatusOK).says("Sign out")
			if !ann.in() {
				t.Fatalf("%v: signed out without a word", fields)
			}
		}
		// The yes of another site is none.
		ann.ask(http.MethodPost, "/oauth2/logout", url.Values{"confirm": {"yes"}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").goesTo("/oauth2/logout")
		if !ann.in() {
			t.Fatal("another site signs people out")
		}
		if r := ann.leaves("id_token_hint", hint, "post_logout_redirect_uri", partySignedOut, "state", "a b"); r.location().String() != partySignedOut+"?state=a+b" || ann.in() {
			t.Fatalf("leads to %s", r.location())
		}
		ann.leaves("id_token_hint", hint, "post_logout_redirect_uri", partySignedOut).location() // nobody is there any more
		ann.leaves().goesTo("/signed-out")

		bob := signedInGuest(t, i, "bob@example.com")
		bob.leaves("id_token_hint", hint).goesTo("/logout") // it is about somebody else
		bob.ask(http.MethodPost, "/oauth2/logout", url.Values{"confirm": {"yes"}, "client_id": {p.OAuthID()}, "post_logout_redirect_uri": {partySignedOut}, "state": {"s"}},
			"Origin", i.URL, "Sec-Fetch-Site", "same-origin").leads(partySignedOut + "?state=s")
		if bob.in() {
			t.Error("still signed in")
		}
	})
}

// receiver is a client that takes what it is told.
type receiver struct {
	*httptest.Server
	tokens []string
	status int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusInternalServerError}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.tokens = append(r.tokens, req.PostFormValue("logout_token"))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// TestBackchannelLogout_LO03_LO05 tells every client that the browser's session has ended, by a token of its own kind, until
// it listens; what may outlive the session does.
func TestBackchannelLogout_LO03_LO05(t *testing.T) {
	allow, err := config.Load(config.Source{Flags: map[string]string{"outbound-allow": "127.0.0.0/8"}})
	none(t, err)
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		listens := newReceiver(t)
		p := newParty(t, i, func(c *auth.Client) {
			leaving(c)
			c.Settings.OAuth.BackchannelLogoutURI, c.Settings.OAuth.IDTokenAlg = listens.URL, auth.AlgorithmES256
		})
		ann := signedInGuest(t, i, "ann@example.com")
		tokens := ann.enters(p)
		hint := tokens.text("id_token")
		ann.leaves("id_token_hint", hint).goesTo("/signed-out")
		i.Work()
		listens.status = http.StatusNoContent
		i.Clock.Advance(time.Hour)
		i.Work()
		i.Clock.Advance(time.Hour)
		i.Work()
		if len(listens.tokens) != 2 {
			t.Fatalf("%d attempts", len(listens.tokens))
		}
		head, claims := jwtParts(t, listens.tokens[1])
		_, id := jwtParts(t, hint)
		if head["typ"] != "logout+jwt" || head["alg"] != "ES256" || claims["iss"] != i.URL || claims["aud"] != p.OAuthID() || claims["sub"] != id["sub"] ||
			claims["sid"] != id["sid"] || claims["jti"] == "" || claims["exp"].(float64)-claims["iat"].(float64) != 120 {
			t.Errorf("%v %v", head, claims)
		}
		if _, has := claims["nonce"]; has {
			t.Error("there is a nonce")
		}
		if events, _ := claims["events"].(map[string]any); events["http://schemas.openid.net/event/backchannel-logout"] == nil {
			t.Errorf("%v", claims)
		}
		r := ann.ask(http.MethodPost, "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.text("refresh_token")},
			"client_id": {p.OAuthID()}, "client_secret": {p.secret}})
		if r.want(http.StatusBadRequest).text("error") != "invalid_grant" {
			t.Errorf("%s", r.Body)
		}
		// A logout token is no hint (TK-03).
		bob := signedInGuest(t, i, "bob@example.com")
		bob.leaves("id_token_hint", listens.tokens[1]).goesTo("/logout")
	}, servertest.Configure(func(c *config.Config) { c.Outbound.Allow = allow.Outbound.Allow }))
}

func jwtParts(t *testing.T, token string) (head, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	for n, into := range []*map[string]any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		none(t, err)
		none(t, json.Unmarshal(text, into))
	}
	return head, claims
}

// TestFrontchannelLogout frames what clients want loaded, and nothing else.
func TestFrontchannelLogout(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, func(c *auth.Client) {
			leaving(c)
			c.Settings.OAuth.FrontchannelLogoutURI = "https://rp.example/front?x=1"
		})
		evil := newParty(t, i, func(c *auth.Client) {
			leaving(c)
			c.Settings.OAuth.FrontchannelLogoutURI = "https://a;script-src *,/x"
		})
		ann := signedInGuest(t, i, "ann@example.com")
		hint := ann.enters(p).text("id_token")
		ann.enters(evil)
		_, claims := jwtParts(t, hint)
		page := ann.leaves("id_token_hint", hint, "post_logout_redirect_uri", partySignedOut).want(http.StatusOK).
			says(`<iframe hidden src="https://rp.example/front?x=1&amp;iss=`+url.QueryEscape(i.URL), "sid="+claims["sid"].(string), `href="`+partySignedOut+`"`).lacks("https://a;")
		csp := page.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-src https://rp.example;") {
			t.Errorf("%s", csp)
		}
		if !slices.ContainsFunc(page.Header.Values("Set-Cookie"), func(c string) bool { return strings.Contains(c, "ostiary-default=;") }) || ann.in() {
			t.Error("still signed in")
		}
	})
}
