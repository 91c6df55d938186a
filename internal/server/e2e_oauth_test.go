package server_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	partyRedirect = "https://rp.example/callback?from=ostiary"
	partyVerifier = "the-verifier-of-tests-has-at-least-43-characters-in-it"
)

func partyChallenge() string {
	sum := sha256.Sum256([]byte(partyVerifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// party is an OAuth client of the default app, with its secret; empty for a public one.
type party struct {
	auth.Client
	secret string
	server string // whose client it is
}

// newParty registers a confidential client that people are asked about, or whatever change makes of it.
func newParty(t testing.TB, i *servertest.Instance, change ...func(*auth.Client)) party {
	t.Helper()
	p := party{server: i.URL, Client: auth.Client{ID: auth.ClientID(secret.NewID(rand.Reader, i.Clock.Now())), App: auth.DefaultApp, Name: "Book Club",
		Status: auth.ClientActive, Settings: auth.ClientSettings{RedirectURIs: []string{partyRedirect}, OAuth: auth.OAuthSettings{
			AuthMethod: auth.ClientAuthPost, GrantTypes: auth.GrantTypes(), Scopes: append(auth.StandardScopes(), "read"),
			DefaultScopes: []string{"openid"}}}}}
	for _, f := range change {
		f(&p.Client)
	}
	var err error
	if p.secret, err = secret.Token(rand.Reader); err != nil {
		t.Fatal(err)
	}
	none(t, i.DB.Write(t.Context(), func(tx *store.Tx) error {
		p.CreatedAt, p.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertClient(p.Client); err != nil {
			return err
		}
		return tx.InsertClientSecret(auth.ClientSecret{ID: auth.ClientSecretID(p.ID), App: p.App, Client: p.ID, Kind: auth.SecretOfClient,
			Hash: secret.Hash(p.secret), CreatedAt: tx.Now()})
	}))
	if p.Settings.OAuth.Public() {
		p.secret = ""
	}
	return p
}

func trusted(c *auth.Client) { c.Settings.OAuth.Consent = auth.ConsentTrusted }

// request is what the client asks of a browser; more are pairs that add or replace, an empty value takes out.
func (p party) request(more ...string) url.Values {
	q := url.Values{"client_id": {p.OAuthID()}, "redirect_uri": {p.Settings.RedirectURIs[0]}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s t&a=te"}, "nonce": {"n"}, "code_challenge": {partyChallenge()}, "code_challenge_method": {"S256"}}
	for n := 0; n < len(more); n += 2 {
		if q.Set(more[n], more[n+1]); more[n+1] == "" {
			q.Del(more[n])
		}
	}
	return q
}

// guest is a browser at the front channel, with or without somebody who is signed in.
type guest struct {
	*wire
	person resident
}

// newGuest is a browser where nobody is signed in. It follows no redirect.
func newGuest(t testing.TB, i *servertest.Instance) guest {
	g := guest{wire: newWire(t, i)}
	g.http = i.Browser()
	g.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return g
}

// signedIn makes somebody and signs them in.
func signedInGuest(t *testing.T, i *servertest.Instance, email string) guest {
	t.Helper()
	v := visit(t, i, email)
	v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return guest{wire: v.wire, person: v}
}

// goes asks for an address as a browser does.
func (g guest) goes(to string) reply {
	g.t.Helper()
	return g.ask(http.MethodGet, strings.TrimPrefix(to, g.i.URL), nil, "Accept", "text/html", "Accept-Language", "en", "Sec-Fetch-Mode", "navigate")
}

// authorize brings a request.
func (g guest) authorize(q url.Values) reply {
	g.t.Helper()
	return g.goes("/oauth2/authorize?" + q.Encode())
}

// location is where an answer leads.
func (r reply) location() *url.URL {
	r.t.Helper()
	if r.Status != http.StatusSeeOther {
		r.t.Fatalf("%s: status %d leads nowhere: %s", r.what, r.Status, r.Body)
	}
	u, err := url.Parse(r.Header.Get("Location"))
	none(r.t, err)
	return u
}

// goesTo wants an answer to lead to a page of ours.
func (r reply) goesTo(path string) *url.URL {
	r.t.Helper()
	u := r.location()
	if u.Host != "" || u.Path != path {
		r.t.Fatalf("%s leads to %s, not to %s", r.what, u, path)
	}
	return u
}

// home wants an answer to lead back to the client, with who answers and what the client had said, and reads its
// parameters.
func (r reply) home(p party) url.Values {
	r.t.Helper()
	u := r.location()
	base, _, _ := strings.Cut(u.String(), "?")
	want, _, _ := strings.Cut(p.Settings.RedirectURIs[0], "?")
	q := u.Query()
	if base != want || q.Get("iss") != p.server || q.Get("state") != "s t&a=te" {
		r.t.Fatalf("%s leads to %s", r.what, u)
	}
	return q
}

// code wants a code.
func (r reply) code(p party) string {
	r.t.Helper()
	q := r.home(p)
	if q.Get("code") == "" || q.Has("error") {
		r.t.Fatalf("%s: %v", r.what, q)
	}
	return q.Get("code")
}

// sentHome wants an error that the client is told of.
func (r reply) sentHome(p party, code string) {
	r.t.Helper()
	if q := r.home(p); q.Get("error") != code || q.Has("code") {
		r.t.Fatalf("%s: %v, not %s", r.what, q, code)
	}
}

// redeem exchanges a code.
func (p party) redeem(w *wire, code string, more ...string) reply {
	w.t.Helper()
	f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {p.Settings.RedirectURIs[0]}, "client_id": {p.OAuthID()},
		"code_verifier": {partyVerifier}}
	if p.secret != "" {
		f.Set("client_secret", p.secret)
	}
	for n := 0; n < len(more); n += 2 {
		f.Set(more[n], more[n+1])
	}
	return w.ask(http.MethodPost, "/oauth2/token", f)
}

// TestAuthorizeTrusted signs somebody in on the way and answers with a code, and at once when they come again.
func TestAuthorizeTrusted_OA07(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		ann := signedInGuest(t, i, "ann@example.com")
		code := ann.authorize(p.request()).code(p)
		got := p.redeem(ann.wire, code).want(http.StatusOK)
		if got.text("id_token") == "" || got.text("scope") != "openid email" {
			t.Fatalf("%s", got.Body)
		}
		p.redeem(ann.wire, code).want(http.StatusBadRequest)

		g := newGuest(t, i)
		in := g.authorize(p.request("login_hint", "ann@example.com")).goesTo("/sign-in")
		if in.Query().Get("login_hint") != "ann@example.com" {
			t.Errorf("%s", in)
		}
		back := in.Query().Get("return_to")
		i.Clock.Advance(time.Second)
		g.ask(http.MethodPost, "/sign-in/password", url.Values{"identifier": {"ann@example.com"}, "password": {phrase}, "return_to": {back}},
			"Origin", i.URL, "Accept", "text/html").want(http.StatusOK).says("/oauth2/continue")
		stranger := newGuest(t, i)
		stranger.goes(back).want(http.StatusBadRequest).says("This step is over")
		g.goes(back).code(p)
		g.goes(back).want(http.StatusBadRequest).says("This step is over")
	})
}
