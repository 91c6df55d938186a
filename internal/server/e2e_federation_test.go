package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/federation/upstreamtest"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// shopURI is the page of a client to which people come back.
const shopURI = "https://shop.example/back"

// traveller is a browser that goes through a provider. It keeps cookies and stops at the shop.
type traveller struct {
	t    *testing.T
	i    *servertest.Instance
	http *http.Client
}

func newTraveller(t *testing.T, i *servertest.Instance) *traveller {
	t.Helper()
	browser := i.Browser()
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "shop.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &traveller{t, i, browser}
}

// visit opens a page as a browser does and follows it to its end: the shop's page, or what is shown before.
func (v *traveller) visit(target string) (at *url.URL, resp *http.Response) {
	v.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = v.i.URL + target
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, target, nil)
	none(v.t, err)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	resp, err = v.http.Do(r)
	none(v.t, err)
	none(v.t, resp.Body.Close())
	at = resp.Request.URL
	if location, err := resp.Location(); err == nil {
		at = location
	}
	return at, resp
}

// arrive signs in through the provider at a contract and answers what the shop is told.
func (v *traveller) arrive(path string) url.Values {
	v.t.Helper()
	at, resp := v.visit(path)
	if at.Host != "shop.example" || resp.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("%s ends with %d at %s", path, resp.StatusCode, at)
	}
	return at.Query()
}

// wire asks with the browser's cookies, as a script of the contract's own origin.
func (v *traveller) wire() *wire { return &wire{t: v.t, i: v.i, http: v.http} }

func (v *traveller) token(path string, told url.Values) reply {
	v.t.Helper()
	return v.wire().ask("POST", path, object{"token": told.Get("token")}, "Origin", v.i.URL)
}

const authorize = "/auth/club/authorize?state=of-the-shop"

// A stranger becomes a user, comes back as the same one, and another browser can do nothing with what was handed over.
func TestFederatedSignUpAndIn_FD01_FD04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true, "name": "Ann Lee"})
		v := newTraveller(t, i)
		told := v.arrive(authorize)
		if told.Get("token") == "" || told.Get("state") != "of-the-shop" || told.Get("error") != "" {
			t.Fatalf("told %v", told)
		}
		me := v.wire().ask("GET", "/auth/me", nil).want(200) // by the cookies
		if !strings.Contains(string(me.Body), `"email":"ann@example.com","email_verified_at":"2`) {
			t.Errorf("me %s", me.Body)
		}
		newTraveller(t, i).token("/auth/sign-in-with-token", told).want(400) // another browser
		in := v.token("/auth/sign-in-with-token", told).want(200)
		v.token("/auth/sign-in-with-token", told).want(400)
		club.as(object{"id": "7", "email": "moved@example.com", "email_verified": true})
		again := newTraveller(t, i)
		second := again.token("/auth/sign-in-with-token", again.arrive(authorize)).want(200)
		if in.text("profile.id") != second.text("profile.id") {
			t.Errorf("%s came back as %s", in.text("profile.id"), second.text("profile.id"))
		}
		sessions := ok[client.SessionPage](t)(i.Client.WithToken(second.text("tokens.access_token")).ListSessions(t.Context(), false, client.Paging{}))
		if len(sessions.Sessions) != 2 {
			t.Errorf("%d sessions of two sign-ins", len(sessions.Sessions))
		}
	}, loopbackAllowed())
}

// The callback answers only the browser that left, once, and in the shape of the contract where there is nobody to tell.
func TestForeignCallback_FD04_FD03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI)
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
		v, other := newTraveller(t, i), newTraveller(t, i)
		stopped := *v.http
		stopped.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}
		held := &traveller{t, i, &stopped}
		callback, _ := held.visit(authorize)
		if _, resp := other.visit(callback.String()); resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("another browser: %d", resp.StatusCode)
		}
		head, err := http.NewRequestWithContext(t.Context(), http.MethodHead, callback.String(), nil)
		none(t, err)
		resp, err := v.http.Do(head)
		none(t, err)
		none(t, resp.Body.Close())
		if resp.StatusCode != 405 {
			t.Errorf("HEAD: %d", resp.StatusCode)
		}
		if at, _ := v.visit(callback.String()); at.Host != "shop.example" {
			t.Errorf("ends at %s", at)
		}
		if _, resp := v.visit(callback.String()); resp.StatusCode != 400 {
			t.Errorf("a second time: %d", resp.StatusCode)
		}
		w := newWire(t, i)
		w.ask("GET", "/auth/club/authorize?redirect_uri=https%3A%2F%2Fevil.example", nil).want(400)
		if gone := w.ask("GET", "/auth/nobody/authorize", nil).want(404); gone.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v", gone.Header)
		}
		club.as(nil) // the person says no
		if told := v.arrive(authorize); told.Get("error") != "access_denied" || told.Get("state") != "of-the-shop" || told.Get("token") != "" {
			t.Errorf("told %v", told)
		}
	}, loopbackAllowed())
}

// An address that somebody has is linked silently only by its authority; else by the code of a mail, in this browser.
func TestFederatedLinking_FD02_FD03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		w := newWire(t, i)
		sign := func(email string) string {
			id := w.ask("POST", "/auth/sign-up", object{"email": email, "password": phrase}).want(200).text("profile.id")
			w.ask("POST", "/auth/verify?token="+mailed(t, i, email), object{}).want(200)
			i.Clock.Advance(time.Second)
			return id
		}
		ann, bob := sign("ann@example.com"), sign("bob@elsewhere.example")
		club.as(object{"id": "1", "email": "ann@example.com", "email_verified": true})
		v := newTraveller(t, i)
		if in := v.token("/auth/sign-in-with-token", v.arrive(authorize)).want(200); in.text("profile.id") != ann {
			t.Errorf("silently: %s", in.Body)
		}
		club.as(object{"id": "2", "email": "bob@elsewhere.example", "email_verified": true})
		v = newTraveller(t, i)
		told := v.arrive(authorize)
		if told.Get("link_token") == "" || told.Get("token") != "" {
			t.Fatalf("told %v", told)
		}
		proof := object{"link_token": told.Get("link_token"), "code": regexp.MustCompile(`: (\d{6})\n`).FindStringSubmatch(i.Inbox("bob@elsewhere.example").Text)[1]}
		newTraveller(t, i).wire().ask("POST", "/auth/confirm-identity", proof, "Origin", i.URL).want(400)
		in := v.wire().ask("POST", "/auth/confirm-identity", proof, "Origin", i.URL).want(200)
		if in.text("profile.id") != bob {
			t.Errorf("confirmed: %s", in.Body)
		}
		me := i.Client.WithToken(in.text("tokens.access_token"))
		list := ok[[]client.Identity](t)(me.ListIdentities(t.Context()))
		if len(list) != 1 || list[0].Provider != "club" || list[0].Subject != "2" {
			t.Fatalf("%+v", list)
		}
		none(t, me.UnlinkIdentity(t.Context(), list[0].ID))
	}, loopbackAllowed())
}

// A second factor is asked for after the provider: the token leads to its challenge, and the code ends it.
func TestFederatedSecondFactor_FD09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
		v := newTraveller(t, i)
		in := v.token("/auth/sign-in-with-token", v.arrive(authorize)).want(200)
		me := i.Client.WithToken(in.text("tokens.access_token"))
		begun, err := me.BeginTOTP(t.Context(), "")
		none(t, err)
		_, err = me.ConfirmTOTP(t.Context(), code(t, i, begun.Secret))
		none(t, err)
		v = newTraveller(t, i)
		told := v.arrive(authorize)
		v.wire().ask("GET", "/auth/me", nil).want(401) // no cookies yet
		half := v.token("/auth/sign-in-with-token", told).want(401)
		if half.text("code") != "second-factor-required" {
			t.Errorf("half %s", half.Body)
		}
		v.wire().ask("POST", "/auth/sign-in/second-factor", object{"challenge_token": half.text("challenge_token"), "code": code(t, i, begun.Secret)},
			"Origin", i.URL).want(200)
		v.wire().ask("GET", "/auth/me", nil).want(200)
	}, loopbackAllowed())
}

// Somebody who is signed in links an account and signs in with it; the last way in stays.
func TestLinkAndUnlink(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI)
		club.as(object{"id": "7", "email": "private@elsewhere.example"})
		in := newWire(t, i).ask("POST", "/auth/sign-up", object{"email": "ann@example.com", "password": phrase}).want(200)
		browser := newTraveller(t, i)
		me := i.Client.WithToken(in.text("tokens.access_token"))
		none(t, me.VerifyEmail(t.Context(), mailed(t, i, "ann@example.com")))
		me.HTTP = browser.http
		target, err := me.LinkIdentity(t.Context(), "club", "", "mine")
		none(t, err)
		if told := browser.arrive(target); told.Get("linked") != "club" || told.Get("state") != "mine" || told.Get("token") != "" {
			t.Fatalf("told %v", told)
		}
		v := newTraveller(t, i)
		out := v.token("/auth/sign-in-with-token", v.arrive(authorize)).want(200)
		if out.text("profile.id") != in.text("profile.id") {
			t.Errorf("%s", out.Body)
		}
	}, loopbackAllowed())
}

// The way in by an app's invite codes is the same through a provider.
func TestFederatedInviteCode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"registration": "invite-code"}))
		made := ok[client.InviteCode](t)(i.Operator.CreateInviteCode(t.Context(), client.NewInviteCode{Uses: 1}))
		v := newTraveller(t, i)
		if told := v.arrive(authorize); told.Get("error_code") != "invite-code-required" {
			t.Errorf("told %v", told)
		}
		if told := v.arrive(authorize + "&invite_code=" + url.QueryEscape(made.Code)); told.Get("token") == "" {
			t.Errorf("told %v", told)
		}
	}, loopbackAllowed())
}

// A real OpenID provider, from our own API: the client asks for the way, its browser walks the provider's pages, and the
// verifier of its challenge opens the token where the browser's cookie is not at hand.
func TestRealOpenIDProvider_FD04_FD05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		callback := i.URL + "/api/ostiary/v1/federation/staff/callback"
		idp := upstreamtest.OpenID(t, callback)
		idp.SetPerson("ann", upstreamtest.Person{Email: "ann@example.com", EmailVerified: true, Name: "Ann Lee"})
		i.Clock.Advance(time.Since(i.Clock.Now())) // the provider's clock is the machine's
		ok[client.AppClient](t)(i.Operator.UpdateClient(t.Context(), "default", "default", map[string]any{"redirect_uris": []string{shopURI}}))
		ok[client.Provider](t)(i.Operator.CreateProvider(t.Context(), client.NewProvider{Name: "staff", Kind: "oidc", ClientID: idp.Settings.ClientID,
			ClientSecret: idp.Secret, Issuer: idp.URL, Domains: []string{"example.com"}}))
		for n := range 2 {
			browser := upstreamtest.Browser(t)
			app := *i.Client
			app.HTTP = browser
			verifier := strings.Repeat("v", 43)
			sum := sha256.Sum256([]byte(verifier))
			way, err := app.BeginFederatedSignIn(t.Context(), client.Departure{Provider: "staff", State: "mine",
				CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:])})
			none(t, err)
			back := upstreamtest.Walk(t, browser, way, "ann", callback)
			end := (&traveller{t, i, browser}).arrive(back)
			if end.Get("token") == "" || end.Get("state") != "mine" {
				t.Fatalf("told %v", end)
			}
			_, err = i.Client.SignInWithToken(t.Context(), end.Get("token"))
			if !client.IsCode(err, "proof-invalid") {
				t.Errorf("without the verifier: %v", err)
			}
			in := ok[client.SignInResult](t)(i.Client.SignInWithVerifier(t.Context(), end.Get("token"), verifier, "Laptop"))
			if in.User.Email != "ann@example.com" || !in.User.EmailVerified || in.User.Number != 1 || in.Session.Device != "Laptop" {
				t.Errorf("round %d: %+v", n, in.User)
			}
			list := ok[[]client.Identity](t)(i.Client.WithToken(in.Tokens.AccessToken).ListIdentities(t.Context()))
			if len(list) != 1 || list[0].Issuer != idp.URL || list[0].Subject != "ann" {
				t.Errorf("%+v", list)
			}
		}
	}, loopbackAllowed())
}

// Linked identities leave and arrive with their users.
func TestIdentitiesInFiles(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI)
		report := ok[client.ImportReport](t)(i.Operator.ImportUsers(t.Context(), client.ImportBatch{Lines: []string{
			`{"email": "ann@example.com", "email_verified": true, "identities": [{"provider": "club", "subject": "7"}, {"provider": "gone", "subject": "8"}]}`,
			`{"email": "bob@example.com", "identities": [{"provider": "club", "subject": "7"}]}`}}))
		if report.Created != 2 || strings.Join(report.Lines[0].NotCarried, "; ") != "identity at gone (there is no such provider)" ||
			strings.Join(report.Lines[1].NotCarried, "; ") != "identity at club (it belongs to somebody else)" {
			t.Fatalf("%+v", report)
		}
		club.as(object{"id": "7", "email": "another@example.com"})
		v := newTraveller(t, i)
		in := v.token("/auth/sign-in-with-token", v.arrive(authorize)).want(200)
		if !strings.Contains(string(in.Body), `"email":"ann@example.com"`) {
			t.Errorf("%s", in.Body)
		}
	}, loopbackAllowed())
}
