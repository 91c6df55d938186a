package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// The tests of this file hold how the pages of other APIs are read where a norm objects to what they say: the rows C1 to
// C17 of the security requirements. C2 is in internal/lifecycle, C7 in internal/login.

// atHouse starts a server with every contract for each engine, with an app key for the contract that wants one.
func atHouse(t *testing.T, fn func(t *testing.T, h *house), options ...servertest.Option) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		key := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(t.Context(), "default", "door", "")).Secret
		fn(t, &house{wire: newWire(t, i), key: key})
	}, append(options, allContracts("accountmaker"))...)
}

// doorOf finds a contract among the doors.
func doorOf(contract string) door {
	for _, d := range doors() {
		if d.contract == contract {
			return d
		}
	}
	panic("no door " + contract)
}

// C1: Phala's password form has OAuth's shape and is a sign-in: it asks for the second factor and gives no tokens without it,
// spends the account's one budget, and no metadata names it.
func TestPasswordFormIsASignIn_C1(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		me, _ := person(t, h.i, "ann@example.com")
		begun := ok[client.TOTP](t)(me.BeginTOTP(t.Context(), ""))
		ok[[]string](t)(me.ConfirmTOTP(t.Context(), code(t, h.i, begun.Secret)))
		form := url.Values{"grant_type": {"password"}, "username": {"ann@example.com"}, "password": {phrase}}
		half := h.ask("POST", "/api/v1/auth/token", form).want(http.StatusUnauthorized)
		if strings.Contains(string(half.Body), "token\"") || half.text("detail") != "Two-factor authentication code required" {
			t.Errorf("without the code: %s", half.Body)
		}
		form.Set("client_id", code(t, h.i, begun.Secret))
		h.ask("POST", "/api/v1/auth/token", form).want(http.StatusOK).text("access_token")
		h.ask("POST", "/api/v1/auth/token", form).want(http.StatusUnauthorized) // the code is spent

		person(t, h.i, "bob@example.com")
		for range 10 {
			h.closed(doorOf("phala"), "bob@example.com", wrongGuess, "a wrong guess", http.StatusUnauthorized)
		}
		h.closed(doorOf("cloudheed"), "bob@example.com", phrase, "ten wrong guesses at the form", http.StatusTooManyRequests)
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			if r := h.ask("GET", path, nil); strings.Contains(string(r.Body), `"password"`) {
				t.Errorf("%s: %s", path, r.Body)
			}
		}
	})
}

// C3: looking at a reset token spends nothing, answers the same for what is unknown, expired or used, is kept by no
// cache and told to no other site, stands in no log, and is a guess like any other.
func TestLookingAtAResetToken_C3(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		forgotten := func() string {
			h.i.Clock.Advance(time.Second)
			h.do(doorOf("phala").forgot("ann@example.com"), "").want(http.StatusOK)
			return mailed(t, h.i, "ann@example.com")
		}
		look := func(token string) reply {
			return h.ask("GET", "/api/v1/auth/validate-reset-token?token="+url.QueryEscape(token), nil)
		}
		used := forgotten()
		for range 3 {
			r := look(used).want(http.StatusOK)
			if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", r.Header)
			}
		}
		h.do(doorOf("phala").reset(used, fresh), "").want(http.StatusOK)
		expired := forgotten()
		h.i.Clock.Advance(61 * time.Minute)
		unknown := look(strings.Repeat("A", 43)).want(http.StatusBadRequest)
		for _, token := range []string{used, expired, "x"} {
			if r := look(token); plainAnswer(r) != plainAnswer(unknown) {
				t.Errorf("%s\nfrom\n%s", plainAnswer(r), plainAnswer(unknown))
			}
		}
		if log := h.i.Log.String(); strings.Contains(log, used) || strings.Contains(log, expired) {
			t.Error("a token stands in the log")
		}
		limited := false
		for range 200 {
			if limited = look("x").Status == http.StatusTooManyRequests; limited {
				break
			}
		}
		if !limited {
			t.Error("tokens may be guessed without end")
		}
	})
}

// C4: whatever a page calls a JWT, access tokens are signed with the key of the server alone and refresh tokens are opaque. None of
// them is in the database.
func TestTokensOfEveryDoor_C4(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		var secrets []string
		for _, d := range doors() {
			r := h.do(d.signIn("ann@example.com", phrase), "")
			access := r.text(d.token)
			header, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[0])
			none(t, err)
			var head struct{ Alg, Typ string }
			none(t, json.Unmarshal(header, &head))
			if head.Alg != "ES256" || head.Typ != "at+jwt" {
				t.Errorf("%s: %s", d.contract, header)
			}
			secrets = append(secrets, access)
			for _, refresh := range regexp.MustCompile(`"refresh_?[tT]oken":"([^"]*)"`).FindAllStringSubmatch(string(r.Body), -1) {
				if strings.HasPrefix(refresh[1], "eyJ") {
					t.Errorf("%s: the refresh token %s can be read", d.contract, refresh[1])
				}
				secrets = append(secrets, refresh[1])
			}
		}
		if len(secrets) < 10 {
			t.Errorf("only %d tokens were seen", len(secrets))
		}
		r := openRows(t, h.i)
		for _, table := range r.tables {
			for _, line := range r.texts("SELECT * FROM " + table) {
				for _, s := range secrets {
					if strings.Contains(line, s) {
						t.Errorf("the table %s holds %s", table, s)
					}
				}
			}
		}
	})
}

// C5: who signed up with tokens at once has not proven the address: the session accepts no invitation of others, changes no
// address and opens no door that refuses such users.
func TestUnprovenSession_C5(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		token := h.do(doorOf("accountmaker").register("eve", "eve@example.com", phrase), "").want(http.StatusOK).text("tokens.access_token")
		ok[client.Invite](t)(h.i.Operator.CreateInvite(t.Context(), client.NewInvite{Email: "bob@example.com"}))
		invite := mailed(t, h.i, "bob@example.com")
		for what, a := range map[string]ask{
			"accepted an invitation":  {"POST", "/auth/accept-invite", object{"token": invite}},
			"asked for a new address": {"POST", "/api/v1/auth/change-email", object{"request": object{"email": "new@example.com"}}},
			"asked for another":       {"POST", "/account/change-email", url.Values{"email": {"new@example.com"}}},
			"began at a provider":     {"POST", "/api/ostiary/v1/me/identities", object{"provider": "club", "redirect_uri": "https://app.example.com/cb"}},
			"read at a strict door":   {"GET", "/api/v1/auth/me", nil},
		} {
			if r := h.do(a, token); r.Status != http.StatusForbidden {
				t.Errorf("%s: %d %s", what, r.Status, r.Body)
			}
		}
		h.welcome(doorOf("accountmaker"), token, "eve@example.com")
	})
}

// C6: the id that a concealing registration answers for a known address is a decoy: of the same form, another each time, and
// nobody's at any door.
func TestDecoyID_C6(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		admin := ok[client.SignedIn](t)(h.i.Client.CreateFirstAdministrator(t.Context(), client.Setup{Token: h.i.SetupToken(),
			Email: "root@example.com", Password: phrase, Name: "Root"})).Tokens.AccessToken
		id := func(email string) string {
			return h.do(doorOf("bunch").register("", email, phrase), "").want(http.StatusCreated).text("userId")
		}
		decoy, another, real := id("ann@example.com"), id("ann@example.com"), id("new@example.com")
		form := regexp.MustCompile(`^user_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
		if !form.MatchString(decoy) || !form.MatchString(real) || decoy == another {
			t.Errorf("%s, %s and %s", decoy, another, real)
		}
		h.do(ask{"GET", "/api/user/" + real + "/role", nil}, admin).want(http.StatusOK)
		h.do(ask{"GET", "/api/user/" + decoy + "/role", nil}, admin).want(http.StatusNotFound)
		h.do(ask{"GET", "/api/ostiary/v1/users/" + strings.TrimPrefix(decoy, "user_"), nil}, admin).want(http.StatusNotFound)
	})
}

// C10, RT-11: a refresh by cookie needs a trusted origin even though the cookie is SameSite; the cookie is written anew on
// success alone, and no refusal takes it away.
func TestRefreshByCookie_C10_RT11(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		r := h.do(doorOf("accountmaker").register("", "ann@example.com", phrase), "").want(http.StatusOK)
		cookie := "refresh_token=" + r.text("tokens.refresh_token")
		refresh := func(cookie string, headers ...string) reply {
			return h.ask("POST", "/auth/refresh", nil, append([]string{"Cookie", cookie}, headers...)...)
		}
		for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			if r := refresh(cookie, headers...).want(http.StatusForbidden); r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%v: %v", headers, r.Header)
			}
		}
		renewed := refresh(cookie, "Origin", h.i.URL).want(http.StatusOK)
		if got := strings.Join(renewed.Header.Values("Set-Cookie"), "\n"); !strings.HasPrefix(got, "refresh_token="+renewed.text("refresh_token")+"; Path=/auth;") {
			t.Errorf("cookies %s", got)
		}
		if r := refresh("refresh_token=garbage", "Origin", h.i.URL).want(http.StatusUnauthorized); r.Header.Get("Set-Cookie") != "" {
			t.Errorf("a refusal sets %v", r.Header)
		}
		if r := h.ask("POST", "/auth/refresh", object{"refresh_token": renewed.text("refresh_token")}).want(http.StatusOK); r.Header.Get("Set-Cookie") != "" {
			t.Errorf("a refresh without cookies sets %v", r.Header)
		}
		for _, path := range []string{"/auth/me", "/auth/waitlists"} { // the refresh cookie opens nothing else
			h.ask("GET", path, nil, "Cookie", cookie).want(http.StatusUnauthorized)
		}
	})
}

// C11, C12: eight characters of any kind are enough where the page says so, twelve are the default of our own API; no composition is asked
// for, nothing is cut, and what is longer than 1,024 bytes is refused and not hashed.
func TestPasswordRules_C11_C12(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		sizes := map[string]int{"qzvwkxjp": http.StatusCreated, "qzvwkxj": http.StatusUnprocessableEntity,
			strings.Repeat("qzvwkxjp ", 113) + "q": http.StatusCreated, strings.Repeat("qzvwkxjp ", 114): http.StatusUnprocessableEntity}
		n := 0
		for password, status := range sizes {
			n++
			email := fmt.Sprintf("kim%d@example.com", n)
			h.do(doorOf("cloudheed").register("Kim", email, password), "").want(status)
			if status != http.StatusCreated {
				continue
			}
			h.enter(doorOf("cloudheed"), email, password)
			h.closed(doorOf("cloudheed"), email, password[:len(password)-1], "a password cut by one", http.StatusUnauthorized)
		}
		h.do(doorOf("ostiary").register("", "short@example.com", "qzvwkxjpabc"), "").want(http.StatusBadRequest)
		h.do(doorOf("ostiary").register("", "short@example.com", "qzvwkxjpabcd"), "").want(http.StatusAccepted)
	})
}

// C13: the secret of an authenticator app has 160 bits and there are ten backup codes of fifty bits, whatever a page shows; the
// database holds neither.
func TestSecondFactorSecrets_C13(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		token := h.enter(doorOf("cloudheed"), "ann@example.com", phrase)
		secret := h.ask("POST", "/v1/auth/2fa/setup", nil, as(token)...).want(http.StatusOK).text("secret")
		if !regexp.MustCompile(`^[A-Z2-7]{32}$`).MatchString(secret) {
			t.Errorf("the secret is %q", secret)
		}
		r := h.ask("POST", "/v1/auth/2fa/verify", object{"code": code(t, h.i, secret)}, as(token)...).want(http.StatusOK)
		codes, _ := at(r.object(), "backup_codes").([]any)
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		hidden := []string{secret}
		for _, c := range codes {
			text := fmt.Sprint(c)
			if !regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{10}$`).MatchString(text) { // 32 characters: five bits each
				t.Errorf("the code %q", text)
			}
			hidden = append(hidden, text)
		}
		rows := openRows(t, h.i)
		for _, table := range rows.tables {
			all := strings.Join(rows.texts("SELECT * FROM "+table), "\n")
			for _, s := range hidden {
				if strings.Contains(all, s) {
					t.Errorf("the table %s holds %s", table, s)
				}
			}
		}
	})
}

// C14: with the right password and no code the door says so, which is an event; a wrong code counts against the one budget of
// second factors, however it is sent.
func TestInlineCode_C14(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		me, _ := person(t, h.i, "ann@example.com")
		begun := ok[client.TOTP](t)(me.BeginTOTP(t.Context(), ""))
		ok[[]string](t)(me.ConfirmTOTP(t.Context(), code(t, h.i, begun.Secret)))
		signIn := func(more object) reply {
			body := object{"email": "ann@example.com", "password": phrase}
			for k, v := range more {
				body[k] = v
			}
			return h.ask("POST", "/v1/auth/login", body)
		}
		signIn(nil).want(http.StatusUnauthorized).failed("totp_required")
		if known := openRows(t, h.i).texts("SELECT action FROM events WHERE action = 'password.known'"); len(known) != 1 {
			t.Errorf("%d events", len(known))
		}
		token := h.do(doorOf("wolfpal").signIn("ann@example.com", phrase), "").want(http.StatusOK).text("token")
		wrong := func(n int) reply {
			if n%2 == 0 {
				return signIn(object{"totp_code": "000000"})
			}
			return h.ask("POST", "/auth/two-factor", url.Values{"token": {token}, "code": {"000000"}})
		}
		limited := -1
		for n := range 12 {
			if wrong(n).Status == http.StatusTooManyRequests {
				limited = n
				break
			}
		}
		if limited < 3 || limited > 5 {
			t.Errorf("the budget ends after %d wrong codes", limited)
		}
		signIn(object{"totp_code": code(t, h.i, begun.Secret)}).want(http.StatusTooManyRequests)
	})
}

// C15: the key says which app it is; an appId that says another is refused, never followed.
func TestKeyDecidesTheApp_C15(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		shop := ok[client.App](t)(h.i.Operator.CreateApp(t.Context(), "Shop"))
		foreign := ok[client.NewAppKey](t)(h.i.Operator.CreateAppKey(t.Context(), shop.ID, "door", "")).Secret
		signIn := func(key, app string) reply {
			return h.ask("POST", "/api/auth/login", object{"email": "ann@example.com", "password": phrase, "appId": app}, "X-Api-Key", key)
		}
		signIn(h.key, "default").want(http.StatusOK)
		for _, r := range []reply{signIn(h.key, shop.ID), signIn(foreign, "default"), signIn(h.key, "no-such-app")} {
			if r.want(http.StatusForbidden).text("error") != "app_mismatch" {
				t.Errorf("%s", r.Body)
			}
		}
		signIn(foreign, shop.ID).want(http.StatusUnauthorized) // she is unknown there
		both := h.ask("POST", "/api/auth/login", `{"email":"ann@example.com","password":"`+phrase+`","appId":"`+shop.ID+`","appId":"default"}`, "X-Api-Key", h.key)
		both.want(http.StatusBadRequest)
	})
}

// C16: the script of csrf-session is the same for everybody and holds no token; a page of another site cannot read what it fetches.
func TestCSRFScript_C16(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		first, second := h.ask("GET", "/auth/csrf-session", nil).want(200), h.ask("GET", "/auth/csrf-session", nil).want(200)
		if string(first.Body) != string(second.Body) || first.Header.Get("Cross-Origin-Resource-Policy") != "same-site" ||
			!strings.HasPrefix(first.Header.Get("Content-Type"), "text/javascript") || first.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%v %s", first.Header, first.Body)
		}
		cookies := (&http.Response{Header: first.Header}).Cookies()
		if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(string(first.Body), cookies[0].Value) {
			t.Fatalf("%v %s", cookies, first.Body)
		}
		cookie := cookies[0].Name + "=" + cookies[0].Value
		r := h.ask("GET", "/auth/csrf-token", nil, "Cookie", cookie, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
		if r.Header.Get("Access-Control-Allow-Origin") != "" || r.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("another site may read %v", r.Header)
		}
		token := h.ask("GET", "/auth/csrf-token", nil, "Cookie", cookie).want(200)
		if token.text("csrf_token") == "" || token.Header.Get("X-Csrf-Token") != token.text("csrf_token") {
			t.Errorf("%v %s", token.Header, token.Body)
		}
	})
}
