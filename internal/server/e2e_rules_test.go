package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// RL-06: an account whose guesses are used up is closed at every door that takes a password or a code, however it is
// named, and the right password does not open it. What cannot be guessed goes on: see docs/adr/0003.
func TestSpentGuessesCloseEveryDoor_RL06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		first := w.ask("POST", "/v1/auth/register", object{"email": "kim@example.com", "password": phrase, "name": "Kim"}).want(201)
		w.ask("POST", "/api/ostiary/v1/email-verification/complete", object{"token": mailed(t, i, "kim@example.com")},
			as(first.text("token"))...).want(204)
		tokens := w.ask("POST", "/v1/auth/login", object{"email": "kim@example.com", "password": phrase}).want(200)
		doors := []struct{ path, name string }{{"/v1/auth/login", "email"}, {"/api/ostiary/v1/sessions", "identifier"}}
		spellings := []string{"kim@example.com", "KIM@Example.COM", " kim@example.com"}
		for n := range 10 {
			door := doors[n%len(doors)]
			w.ask("POST", door.path, object{door.name: spellings[n%len(spellings)], "password": "wrong guess"}).want(401)
		}
		for _, door := range doors {
			for _, spelling := range spellings {
				r := w.ask("POST", door.path, object{door.name: spelling, "password": phrase}).want(429)
				if r.Header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", door.path)
				}
			}
		}
		w.ask("GET", "/v1/auth/me", nil, as(tokens.text("token"))...).want(200)
		w.ask("POST", "/v1/auth/refresh", object{"refresh_token": tokens.text("refresh_token")}).want(200)
		w.ask("PUT", "/api/ostiary/v1/me/password", object{"current_password": phrase, "password": "another fine phrase"},
			as(tokens.text("token"))...).want(429)
	})
}

// SE-07, SE-01: on https our own cookie has the __Host- prefix and every attribute that goes with it, and holds 256 bits, of
// which the database has a digest.
func TestSessionCookie_SE01_SE07(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.PublicURL = "https://id.example.com" }))
	w := newWire(t, i)
	form := url.Values{"token": {i.SetupToken()}, "email": {"root@example.com"}, "password": {phrase}, "name": {"Root"}}
	r := w.ask("POST", "/setup", form, "Origin", "https://id.example.com").want(303)
	response := http.Response{Header: r.Header}
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	c := cookies[0]
	if c.Name != "__Host-ostiary-default" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", c)
	}
	if len(c.Value) != 43 { // 32 bytes in base64url
		t.Errorf("a secret of %d characters", len(c.Value))
	}
	rows, digest := openRows(t, i), sha256.Sum256([]byte(c.Value))
	if stored := rows.texts("SELECT cookie_hash FROM sessions"); len(stored) != 1 || stored[0] != fmt.Sprintf("%v", digest[:]) {
		t.Errorf("stored is %v", stored)
	}
}

// AK-05: a key or token in the query is never a credential.
func TestCredentialsInTheQuery_AK05(t *testing.T) {
	i := servertest.Start(t)
	w := newWire(t, i)
	token := w.ask("POST", "/v1/auth/register", object{"email": "kim@example.com", "password": phrase, "name": "Kim"}).want(201).text("token")
	key := w.ask("POST", "/v1/auth/api-keys", object{"name": "k", "scopes": []string{"account:read"}}, as(token)...).want(201).text("api_key")
	w.ask("GET", "/v1/auth/me", nil, as(key)...).want(200)
	for _, secret := range []string{token, key} {
		for _, name := range []string{"access_token", "api_key", "x-api-key", "token", "key", "authorization"} {
			r := w.ask("GET", "/v1/auth/me?"+name+"="+url.QueryEscape(secret), nil)
			if r.Status != 400 && r.Status != 401 && r.Status != 422 {
				t.Errorf("?%s= answers %d", name, r.Status)
			}
		}
	}
	if strings.Contains(i.Log.String(), key) || strings.Contains(i.Log.String(), token) {
		t.Error("a query stands in the log")
	}
}

// WB-09: pages redirect to our own pages only, whatever a request asks for.
func TestNoOpenRedirect_WB09(t *testing.T) {
	targets := []string{"https://evil.example", "//evil.example", `/\evil.example`, "/%2f/evil.example", "javascript:alert(1)",
		"data:text/html,x", "https:evil.example", "/\tevil.example", "http://127.0.0.1@evil.example", "https://evil.example%23.id.example.com"}
	names := []string{"redirect_to", "redirect_uri", "return_to", "next", "RelayState", "post_logout_redirect_uri", "continue", "url"}
	i := servertest.Start(t)
	w := newWire(t, i)
	checked := 0
	for n, target := range targets {
		form := url.Values{"token": {"no such token"}, "email": {"root@example.com"}, "password": {phrase}}
		if n == 0 {
			form.Set("token", i.SetupToken()) // this one succeeds, and redirects
		}
		query := url.Values{}
		for _, name := range names {
			form.Set(name, target)
			query.Set(name, target)
		}
		for _, path := range []string{"/setup", "/verify", "/reset", "/", "/docs/ostiary"} {
			get := w.ask("GET", path+"?"+query.Encode(), nil, "X-Forwarded-Host", "evil.example")
			post := w.ask("POST", path, form, "Origin", i.URL) // not in the query too: that is refused (IO-04)
			for _, r := range []reply{get, post} {
				to := r.Header.Get("Location")
				if strings.Contains(to, "evil") || strings.Contains(to, ":") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
					t.Errorf("%s %s redirects to %q", path, target, to)
				}
				if to != "" {
					checked++
				}
			}
		}
	}
	if checked == 0 {
		t.Error("nothing redirected at all, so nothing was shown")
	}
}

// LG-01: successes, failures and refused calls are told with who, what, when, from where and the request's id.
func TestWideEventTellsWho_LG01(t *testing.T) {
	i := servertest.Start(t)
	w := newWire(t, i)
	registered := w.ask("POST", "/v1/auth/register", object{"email": "kim@example.com", "password": phrase, "name": "Kim"}).want(201)
	failed := w.ask("POST", "/v1/auth/login", object{"email": "kim@example.com", "password": "wrong guess"}).want(401)
	refused := w.ask("GET", "/api/ostiary/v1/users", nil, as(registered.text("token"))...).want(403)
	user := strings.TrimPrefix(registered.text("user.id"), "user-")
	for _, wanted := range []struct {
		reply           reply
		operation, code string
		user            string
	}{
		{registered, "register", "registered", ""},
		{failed, "sign-in", "invalid-credentials", ""},
		{refused, "list-users", "forbidden", user},
	} {
		event := eventOf(t, i, wanted.reply.Header.Get("X-Request-Id"))
		if event["operation"] != wanted.operation || event["code"] != wanted.code || event["ip"] != "127.0.0.1" || event["time"] == nil ||
			wanted.user != "" && event["user"] != wanted.user {
			t.Errorf("%s: %v", wanted.operation, event)
		}
	}
}

// eventOf is the one line that the log holds for a request.
func eventOf(t *testing.T, i *servertest.Instance, id string) map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(i.Log.String()) {
		var event map[string]any
		if json.Unmarshal([]byte(line), &event) == nil && event["request_id"] == id && event["msg"] == "request" {
			found = append(found, event)
		}
	}
	if id == "" || len(found) != 1 {
		t.Fatalf("%d events for request %q", len(found), id)
	}
	return found[0]
}

// IO-07: no header of a proxy or of a sidecar says who somebody is.
func TestIdentityHeadersMeanNothing_IO07(t *testing.T) {
	i := servertest.Start(t)
	_, in := person(t, i, "ann@example.com")
	w := newWire(t, i)
	for _, name := range []string{"X-User", "X-User-Id", "X_User_Id", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Forwarded-Email", "X-Auth-Request-Email",
		"X-Authenticated-User", "X-Webauth-User", "X-Ostiary-User", "From"} {
		for _, value := range []string{in.User.ID, "ann@example.com", "1"} {
			for _, path := range []string{"/v1/auth/me", "/api/ostiary/v1/me", "/api/v1/auth/me", "/account", "/auth/me"} {
				w.ask("GET", path, nil, name, value).want(http.StatusUnauthorized)
			}
		}
	}
}
