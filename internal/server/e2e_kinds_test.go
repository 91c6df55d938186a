package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
)

// ET-14, AD-03: at no door does anybody verify an address, take a role or become another by members that a request has
// too many: they are refused or mean nothing.
func TestNobodyGivesThemselvesRights_ET14_AD03(t *testing.T) {
	extra := object{"email_verified": true, "emailVerified": true, "emailVerifiedAt": "2020-01-01T00:00:00Z", "email_verified_at": "2020-01-01T00:00:00Z",
		"verified": true, "role": "admin", "is_admin": true, "status": "active", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "user_id": "x", "number": 1,
		"external_id": "x", "credit": 1000, "plan": "enterprise", "attributes": object{"plan": "enterprise"}, "two_factor_enabled": false, "account_id": "x"}
	with := func(body any) any {
		switch body := body.(type) {
		case object:
			out := object{}
			for name, value := range extra {
				out[name] = value
			}
			for name, value := range body {
				out[name] = value
			}
			return out
		case url.Values:
			for name := range extra {
				if body.Get(name) == "" {
					body.Set(name, "true")
				}
			}
			body.Set("role", "admin")
			return body
		}
		return body
	}
	atHouse(t, func(t *testing.T, h *house) {
		for _, d := range doors() {
			name := "mass" + d.contract
			a := d.register(name, name+"@example.com", phrase)
			a.body = with(a.body)
			r := h.do(a, "")
			if r.Status/100 == 4 {
				continue // refused as a whole
			}
			made := ok[client.User](t)(h.i.Operator.GetUser(t.Context(), name+"@example.com"))
			if made.EmailVerified || made.Role != "user" || made.ExternalID != "" || made.Credit != nil || made.Attributes["plan"] != nil {
				t.Errorf("%s made %+v", d.contract, made)
			}
		}
		me, in := person(t, h.i, "ann@example.com")
		was := ok[client.Me](t)(me.GetMe(t.Context())).User
		for _, a := range []ask{
			{"PATCH", "/api/user/profile", object{"firstName": "Ann"}},
			{"PATCH", "/api/ostiary/v1/me", object{"name": "Ann"}},
			{"PUT", "/api/v1/auth/username", object{"username": "annabel"}},
			{"PUT", "/account/change-username", url.Values{"username": {"annabel2"}}},
			{"POST", "/v1/auth/api-keys", object{"name": "k", "scopes": []string{"account:read"}}},
		} {
			a.body = with(a.body)
			r := h.do(a, in.Tokens.AccessToken)
			now := ok[client.User](t)(h.i.Operator.GetUser(t.Context(), "ann@example.com"))
			if r.Status >= 500 || now.ID != was.ID || now.Role != was.Role || now.Number != was.Number || now.ExternalID != was.ExternalID || now.Attributes["plan"] != nil {
				t.Errorf("%s %s: %d %s makes %+v", a.method, a.path, r.Status, r.Body, now)
			}
		}
	})
}

// TK-03, ET-02: a credential or a mailed secret of one kind is worth nothing in the place of another, whatever its form.
func TestKindsDoNotMix_TK03_ET02(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		me, _ := person(t, h.i, "ann@example.com")
		in := h.do(doorOf("cloudheed").signIn("ann@example.com", phrase), "").want(http.StatusOK)
		session := h.ask("POST", "/api/v1/auth/login", url.Values{"username": {"ann@example.com"}, "password": {phrase}}).want(http.StatusOK)
		key := ok[client.NewAPIKey](t)(me.CreateAPIKey(t.Context(), client.KeyRequest{Name: "k", Scopes: []string{"account:read"}})).Secret
		h.do(doorOf("phala").forgot("ann@example.com"), "").want(http.StatusOK)
		reset := mailed(t, h.i, "ann@example.com")
		ok[client.MailedSignIn](t)(h.i.Client.SendMagicLink(t.Context(), "ann@example.com"))
		magic := mailed(t, h.i, "ann@example.com")
		ok[client.Invite](t)(h.i.Operator.CreateInvite(t.Context(), client.NewInvite{Email: "ann@example.com"}))
		invite := mailed(t, h.i, "ann@example.com")
		begun := ok[client.TOTP](t)(me.BeginTOTP(t.Context(), ""))
		ok[[]string](t)(me.ConfirmTOTP(t.Context(), code(t, h.i, begun.Secret)))
		challenge := h.do(doorOf("wolfpal").signIn("ann@example.com", phrase), "").want(http.StatusOK).text("token")
		cookie, _, _ := strings.Cut(strings.TrimPrefix(session.Header.Get("Set-Cookie"), "phala_session="), ";")
		kinds := map[string]string{"access": in.text("token"), "refresh": in.text("refresh_token"), "session": cookie, "API key": key, "app key": h.key,
			"reset": reset, "magic": magic, "invite": invite, "challenge": challenge}

		places := map[string]func(secret string) reply{ // by the kind that belongs there
			"access":  func(s string) reply { return h.ask("GET", "/account", nil, as(s)...) },
			"refresh": func(s string) reply { return h.ask("POST", "/v1/auth/refresh", object{"refresh_token": s}) },
			"session": func(s string) reply { return h.ask("GET", "/api/v1/auth/me", nil, "Cookie", "phala_session="+s) },
			"API key": func(s string) reply { return h.ask("GET", "/api/v1/auth/me", nil, "X-Api-Key", s) },
			"app key": func(s string) reply {
				return h.ask("POST", "/api/auth/forgot-password", object{"email": "x@example.com"}, "X-Api-Key", s)
			},
			"reset": func(s string) reply {
				return h.ask("PUT", "/api/v1/auth/reset-password", object{"token": s, "password": fresh})
			},
			"magic":  func(s string) reply { return h.ask("POST", "/auth/sign-in-with-token", object{"token": s}) },
			"invite": func(s string) reply { return h.ask("POST", "/auth/accept-invite", object{"token": s}) },
			"challenge": func(s string) reply {
				return h.ask("POST", "/auth/two-factor", url.Values{"token": {s}, "code": {"000000"}})
			},
			"verify": func(s string) reply { return h.ask("POST", "/auth/verify", object{"token": s}) },
			"cookie": func(s string) reply { return h.ask("GET", "/auth/me", nil, "Cookie", "access_token="+s) },
		}
		for place, use := range places {
			for kind, secret := range kinds {
				if kind == place || place == "cookie" && kind == "access" {
					continue
				}
				if r := use(secret); r.Status != http.StatusUnauthorized && r.Status != http.StatusBadRequest && r.Status != http.StatusUnprocessableEntity {
					t.Errorf("the %s secret as %s: %d %s", kind, place, r.Status, r.Body)
				}
			}
		}
		for _, kind := range []string{"access", "refresh", "session", "API key", "app key", "challenge", "reset"} { // none of the above spent it
			r := places[kind](kinds[kind])
			if right := r.Status == http.StatusOK || kind == "challenge" && r.text("code") == "INVALID_TWO_FACTOR_CODE"; !right {
				t.Errorf("the %s secret in its own place: %d %s", kind, r.Status, r.Body)
			}
		}
	}, hostileLimits(false))
}

// TN-03, TN-04: one address in two apps is two people; a reset in one touches nothing in the other, and an id of one is nobody's in
// the other.
func TestOneAddressInTwoApps_TN03_TN04(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		shop := ok[client.App](t)(h.i.Operator.CreateApp(t.Context(), "Shop"))
		key := ok[client.NewAppKey](t)(h.i.Operator.CreateAppKey(t.Context(), shop.ID, "door", "")).Secret
		there := h.i.Operator.WithApp(shop.ID)
		other := ok[client.User](t)(there.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", Password: fresh, EmailVerified: true}))
		signIn := func(key, app, password string) reply {
			return h.ask("POST", "/api/auth/login", object{"email": "ann@example.com", "password": password, "appId": app}, "X-Api-Key", key)
		}
		signIn(key, shop.ID, phrase).want(http.StatusUnauthorized)
		token := signIn(key, shop.ID, fresh).want(http.StatusOK).text("accessToken")
		h.ask("POST", "/api/auth/forgot-password", object{"email": "ann@example.com", "appId": shop.ID}, "X-Api-Key", key).want(http.StatusOK)
		h.ask("POST", "/api/auth/reset-password", object{"token": mailed(t, h.i, "ann@example.com"), "password": "a third phrase of mine",
			"confirmPassword": "a third phrase of mine"}, "X-Api-Key", key).want(http.StatusOK)
		h.ask("GET", "/api/user/profile", nil, append(as(token), "X-Api-Key", key)...).want(http.StatusUnauthorized)
		signIn(h.key, "default", phrase).want(http.StatusOK)
		signIn(h.key, "default", "a third phrase of mine").want(http.StatusUnauthorized)
		_, err := h.i.Operator.GetUser(t.Context(), other.ID)
		refusedAs(t, err, "not-found")
		h.ask("GET", "/v1/auth/me", nil, as(signIn(key, shop.ID, "a third phrase of mine").want(http.StatusOK).text("accessToken"))...).want(http.StatusForbidden)
	})
}
