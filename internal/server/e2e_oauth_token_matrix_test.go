package server_test

import (
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// kinds is one of every kind of credential that is alive, by what it is.
func (h *issuing) kinds(c rp) map[string]string {
	h.t.Helper()
	p := h.prover()
	got := h.signedIn(c, "openid read offline_access")
	key := ok[client.NewAPIKey](h.t)(h.me.CreateAPIKey(h.t.Context(), client.KeyRequest{Name: "k" + h.serial(), Scopes: []string{"read"}}))
	logout := ok[string](h.t)(h.i.Server.Sign(h.t.Context(), "logout+jwt", object{"iss": h.i.URL, "aud": string(c.ID), "sub": h.in.User.ID,
		"iat": h.i.Clock.Now().Unix(), "exp": h.i.Clock.Now().Add(time.Minute).Unix(), "jti": h.serial(), "sid": h.in.Session.ID}))
	device := h.form("/oauth2/device_authorization", c, []string{"scope", "read"}).want(200)
	h.device(device.text("user_code"), h.approve)
	return map[string]string{
		"access token": got.text("access_token"), "refresh token": got.text("refresh_token"), "ID token": got.text("id_token"), "logout token": logout,
		"code": h.code(c, "openid"), "device code": device.text("device_code"), "API key": key.Secret,
		"access token of the house": h.in.Tokens.AccessToken, "refresh token of the house": h.in.Tokens.RefreshToken,
		"proof": p.proof("POST", "/oauth2/token", ""), "client secret": c.secret,
		"signed userinfo": ok[string](h.t)(h.i.Server.Sign(h.t.Context(), "userinfo+jwt", object{"iss": h.i.URL, "aud": string(c.ID), "sub": h.in.User.ID})),
		"signed introspection": string(h.form("/oauth2/introspect", c, []string{"token", got.text("access_token")}, "Accept",
			"application/token-introspection+jwt").want(200).Body),
	}
}

// Every kind of credential at every place that takes one: only its own takes it (TK-03, TX-01).
func TestKindMatrix_TK03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client(func(c *auth.Client) {
			c.Settings.OAuth.JWKS = h.jwks()
			c.Settings.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: i.URL, JWKS: h.jwks()}}
		})
		places := []struct {
			name  string
			takes []string
			send  func(text string) reply
		}{
			{"userinfo", []string{"access token"}, func(text string) reply { return h.ask("GET", "/oauth2/userinfo", nil, as(text)...) }},
			{"subject of an exchange", []string{"access token"}, func(text string) reply { return h.exchange(c, text, accessType) }},
			{"key of an exchange", []string{"API key"}, func(text string) reply { return h.exchange(c, text, apiKeyType) }},
			{"refresh", []string{"refresh token"}, func(text string) reply { return h.token(c, "grant_type", "refresh_token", "refresh_token", text) }},
			{"code", []string{"code"}, func(text string) reply {
				return h.token(c, "grant_type", "authorization_code", "code", text, "code_verifier", verifier, "redirect_uri", callback)
			}},
			{"device", []string{"device code"}, func(text string) reply { return h.poll(c, text) }},
			{"assertion", nil, func(text string) reply { return h.token(c, "grant_type", auth.GrantJWTBearer, "assertion", text) }},
			{"client secret", []string{"client secret"}, func(text string) reply {
				return h.token(rp{}, "client_id", string(c.ID), "client_secret", text, "grant_type", "client_credentials", "scope", "read")
			}},
			{"client assertion", nil, func(text string) reply {
				return h.token(rp{}, "client_assertion", text, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
					"grant_type", "client_credentials")
			}},
			{"proof", []string{"proof"}, func(text string) reply {
				return h.form("/oauth2/token", c, []string{"grant_type", "client_credentials", "scope", "read"}, "DPoP", text)
			}},
			{"our own door", []string{"access token of the house"}, func(text string) reply { return h.ask("GET", "/api/ostiary/v1/sessions", nil, as(text)...) }},
		}
		for _, place := range places {
			for kind, text := range h.kinds(c) {
				takes := false
				for _, one := range place.takes {
					takes = takes || one == kind
				}
				if r := place.send(text); (r.Status == 200) != takes || r.Status >= 500 {
					t.Errorf("%s takes a %s: %d %s", place.name, kind, r.Status, r.Body)
				}
			}
		}
		for kind, text := range h.kinds(c) {
			if want := kind == "access token" || kind == "refresh token"; h.active(c, text) != want {
				t.Errorf("introspection of a %s", kind)
			}
		}
	})
}

// entries are all the ways to a token for a person, ready to be taken.
func (h *issuing) entries(c rp) map[string]func() reply {
	h.t.Helper()
	got := h.signedIn(c, "openid read offline_access")
	access, refresh := got.text("access_token"), got.text("refresh_token")
	code := h.code(c, "openid", func(a *auth.AuthorizationCode) { a.Delegation.Offline = true })
	device := h.form("/oauth2/device_authorization", c, []string{"scope", "read"}).want(200)
	h.device(device.text("user_code"), h.approve)
	key := ok[client.NewAPIKey](h.t)(h.me.CreateAPIKey(h.t.Context(), client.KeyRequest{Name: "k" + h.serial(), Scopes: []string{"read"}}))
	now := h.i.Clock.Now().Unix()
	assertion := signedAs(h.t, h.key, "ES256", nil, object{"iss": "https://partner.example", "sub": h.in.User.ID, "aud": h.i.URL, "exp": now + 60, "jti": h.serial()})
	return map[string]func() reply{
		auth.GrantRefreshToken: func() reply { return h.token(c, "grant_type", "refresh_token", "refresh_token", refresh) },
		auth.GrantAuthorizationCode: func() reply {
			return h.token(c, "grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", callback)
		},
		auth.GrantDeviceCode:           func() reply { return h.poll(c, device.text("device_code")) },
		auth.GrantTokenExchange:        func() reply { return h.exchange(c, access, accessType) },
		auth.GrantTokenExchange + "#k": func() reply { return h.exchange(c, key.Secret, apiKeyType) },
		auth.GrantJWTBearer: func() reply {
			return h.token(c, "grant_type", auth.GrantJWTBearer, "assertion", assertion, "scope", "read")
		},
		"userinfo": func() reply { return h.ask("GET", "/oauth2/userinfo", nil, as(access)...) },
	}
}

// A user who is disabled, or a client or app that is, gets nothing by any way, and what there is works no more (RT-07,
// TX-01); who is not, gets in by each.
func TestStatusMatrix_RT07_TX01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		keys := h.jwks()
		issuers := func(c *auth.Client) {
			c.Settings.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: "https://partner.example", JWKS: keys}}
		}
		c := h.client(issuers)
		for name, enter := range h.entries(c) {
			if r := enter(); r.Status != 200 {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		status := func(c rp, disabled auth.ClientStatus) {
			h.rows(func(tx *store.Tx) error {
				row, err := tx.ClientForUpdate(c.App, c.ID)
				if err != nil {
					return err
				}
				row.Status = disabled
				tx.Invalidate(store.KindClient, string(c.ID))
				_, err = tx.UpdateClient(row)
				return err
			})
		}
		ways := h.entries(c)
		status(c, auth.ClientDisabled)
		for name, enter := range ways {
			if r := enter(); r.Status != 401 {
				t.Errorf("%s of a disabled client: %d %s", name, r.Status, r.Body)
			}
		}
		status(c, auth.ClientActive)
		house := func(status auth.AppStatus) {
			h.rows(func(tx *store.Tx) error {
				row, err := tx.AppForUpdate(auth.DefaultApp)
				if err != nil {
					return err
				}
				row.Status = status
				tx.Invalidate(store.KindApp, string(row.ID))
				_, err = tx.UpdateApp(row)
				return err
			})
		}
		ways = h.entries(c)
		house(auth.AppDisabled)
		for name, enter := range ways {
			if r := enter(); r.Status != 401 {
				t.Errorf("%s of a disabled app: %d %s", name, r.Status, r.Body)
			}
		}
		house(auth.AppActive)

		ways = h.entries(c)
		observer := h.signedIn(c, "openid read").text("access_token")
		ok[client.User](t)(i.Operator.DisableUser(t.Context(), h.in.User.ID))
		for name, enter := range ways {
			want := 400
			if name == "userinfo" {
				want = 401
			}
			if r := enter(); r.Status != want {
				t.Errorf("%s of a disabled user: %d %s", name, r.Status, r.Body)
			}
		}
		if h.active(c, observer) {
			t.Error("a token of a disabled user is active")
		}
	})
}

// Used up guesses close what can be guessed and nothing else (RL-06 as docs/adr/0003 reads it): whoever knows an address
// signs nobody out.
func TestSpentGuesses_RL06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		keys := h.jwks()
		c := h.client(func(c *auth.Client) {
			c.Settings.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: "https://partner.example", JWKS: keys}}
		})
		ways := h.entries(c)
		limited := false
		for range 30 {
			_, err := i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: "wrong " + phrase})
			limited = limited || client.IsCode(err, "rate-limited")
		}
		if !limited {
			t.Fatal("the guesses are not used up")
		}
		for name, enter := range ways {
			if r := enter(); r.Status != 200 {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
	})
}
