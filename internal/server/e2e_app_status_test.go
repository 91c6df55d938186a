package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// shop is an app beside the default one, with somebody who is in it by every way.
type shop struct {
	guest
	app   client.App
	door  *client.Client // with a key of the app
	in    client.SignedIn
	other client.SignedIn // asks for tokens while the app is disabled
	key   client.NewAPIKey
	party party
	token reply // of the party
	asks  reply // the same, and asks for more while the app is disabled
}

func openShop(t *testing.T, i *servertest.Instance) shop {
	t.Helper()
	s := shop{app: ok[client.App](t)(i.Operator.CreateApp(t.Context(), "Shop"))}
	s.guest = memberGuest(t, i, s.app.ID, "ann@example.com")
	door := *i.Client
	door.AppKey = ok[client.NewAppKey](t)(i.Operator.CreateAppKey(t.Context(), s.app.ID, "door", "")).Secret
	s.door = &door
	s.in, s.other = s.signIn(), s.signIn()
	s.key = ok[client.NewAPIKey](t)(door.WithToken(s.in.Tokens.AccessToken).CreateAPIKey(t.Context(), client.KeyRequest{Name: "robot", Scopes: []string{"account:read"}}))
	s.party = newParty(t, i, trusted, func(c *auth.Client) { c.App = auth.AppID(s.app.ID) })
	s.token, s.asks = s.delegate(), s.delegate()
	return s
}

func (s shop) signIn() client.SignedIn {
	s.t.Helper()
	return ok[client.SignInResult](s.t)(s.door.SignIn(s.t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase})).SignedIn
}

// delegate lets the party have tokens.
func (s shop) delegate() reply {
	s.t.Helper()
	at := s.authorize(s.party.request("scope", "openid email offline_access", "prompt", "consent")).goesTo("/consent")
	return s.party.redeem(s.wire, s.decides(at, "approve").code(s.party)).want(http.StatusOK)
}

// partyAsks asks an endpoint as the party does.
func (s shop) partyAsks(path string, pairs ...string) reply {
	s.t.Helper()
	form := url.Values{"client_id": {s.party.OAuthID()}, "client_secret": {s.party.secret}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	return s.ask(http.MethodPost, path, form)
}

// works is what answers while the app is active and not while it is disabled.
func (s shop) works() map[string]bool {
	s.t.Helper()
	ctx, access := s.t.Context(), s.token.text("access_token")
	_, signIn := s.door.SignIn(ctx, client.SignIn{Identifier: "ann@example.com", Password: phrase})
	_, session := s.door.WithToken(s.in.Tokens.AccessToken).GetMe(ctx)
	_, key := s.door.WithToken(s.key.Secret).GetMe(ctx)
	_, methods := s.door.LoginMethods(ctx)
	introspected := s.partyAsks("/oauth2/introspect", "token", access)
	page := newGuest(s.t, s.i).ask(http.MethodPost, "/sign-in/password", url.Values{"identifier": {"ann@example.com"}, "password": {phrase}, "app": {s.app.ID}},
		"Origin", s.i.URL, "Accept", "text/html")
	at := s.authorize(s.party.request("prompt", "none"))
	return map[string]bool{
		"sign-in": signIn == nil, "session": session == nil, "API key": key == nil, "app key": methods == nil,
		"userinfo":      s.ask(http.MethodGet, "/oauth2/userinfo", nil, as(access)...).Status == http.StatusOK,
		"introspection": introspected.Status == http.StatusOK && introspected.object()["active"] == true,
		"authorization": at.Status == http.StatusSeeOther && at.location().Query().Has("code"),
		"sign-in page":  page.Status == http.StatusSeeOther, "account page": s.goes("/my?app="+s.app.ID).Status == http.StatusOK,
	}
}

// all are the ways that answer, or not, other than they should.
func (s shop) all(open bool, when string) {
	s.t.Helper()
	for name, works := range s.works() {
		if works != open {
			s.t.Errorf("%s: %s works: %v", when, name, works)
		}
	}
}

// A disabled app answers nobody, from this moment and by no way, and everybody again when it is enabled: who was refused
// by an app key or an OAuth client never came to the session, which stays (SE-05).
func TestDisabledApp_SE05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		s, ctx := openShop(t, i), t.Context()
		s.all(true, "before")
		if got := ok[client.App](t)(i.Operator.DisableApp(ctx, s.app.ID)); got.Status != "disabled" {
			t.Errorf("%+v", got)
		}
		s.all(false, "disabled")
		_, err := s.door.RefreshSession(ctx, s.other.Tokens.RefreshToken)
		refusedAs(t, err, "invalid-token") // the app key is
		s.partyAsks("/oauth2/token", "grant_type", "refresh_token", "refresh_token", s.asks.text("refresh_token")).refused(http.StatusUnauthorized, "invalid_client")
		s.goes("/sign-in?app=" + s.app.ID).says("The app is disabled")

		if got := ok[client.App](t)(i.Operator.EnableApp(ctx, s.app.ID)); got.Status != "active" {
			t.Errorf("%+v", got)
		}
		s.all(true, "enabled")
		ok[client.SignedIn](t)(s.door.RefreshSession(ctx, s.other.Tokens.RefreshToken))
		ok[client.SignedIn](t)(s.door.RefreshSession(ctx, s.in.Tokens.RefreshToken))
		for _, tokens := range []reply{s.token, s.asks} {
			s.partyAsks("/oauth2/token", "grant_type", "refresh_token", "refresh_token", tokens.text("refresh_token")).want(http.StatusOK)
		}
	})
}

// Administrators of an app shut it, and themselves out with it; the operator and administrators of the default app open it.
// That one stays open (TN-01).
func TestWhoDisablesApps_TN01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		shop, other := ok[client.App](t)(i.Operator.CreateApp(ctx, "Shop")), ok[client.App](t)(i.Operator.CreateApp(ctx, "Other"))
		enter := func(app, role string) *client.Client {
			email := role + "@" + app + ".example"
			ok[client.User](t)(i.Operator.WithApp(app).CreateUser(ctx, client.NewUser{Email: email, Password: phrase, EmailVerified: true, Role: role}))
			door := *i.Client
			door.AppKey = ok[client.NewAppKey](t)(i.Operator.CreateAppKey(ctx, app, "door", "")).Secret
			in := ok[client.SignInResult](t)(door.SignIn(ctx, client.SignIn{Identifier: email, Password: phrase}))
			return door.WithToken(in.Tokens.AccessToken)
		}
		house, own, member := enter("default", "admin"), enter(shop.ID, "admin"), enter(shop.ID, "user")
		for code, call := range map[string]func() (client.App, error){
			"not-found":       func() (client.App, error) { return own.DisableApp(ctx, other.ID) },
			"forbidden":       func() (client.App, error) { return member.DisableApp(ctx, shop.ID) },
			"conflict":        func() (client.App, error) { return house.DisableApp(ctx, "default") },
			"unauthenticated": func() (client.App, error) { return i.Client.DisableApp(ctx, shop.ID) },
		} {
			_, err := call()
			refusedAs(t, err, code)
		}
		ok[client.App](t)(own.DisableApp(ctx, shop.ID))
		_, err := own.EnableApp(ctx, shop.ID)
		refusedAs(t, err, "invalid-token")
		ok[client.App](t)(house.EnableApp(ctx, shop.ID))
		ok[client.App](t)(own.EnableApp(ctx, shop.ID)) // as it is already
	})
}
