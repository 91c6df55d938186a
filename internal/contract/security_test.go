package contract

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const doors = `
/mine:
  get:
    x-operation: mine
    security: [{bearer: []}, {cookie: []}, {key: []}]
    responses: {"204": {description: d}}
/anyone:
  get:
    x-operation: give
    security: [{}, {bearer: []}]
    responses: {"204": {description: d}}
/public:
  get:
    x-operation: give
    responses: {"204": {description: d}}
/app:
  get:
    x-operation: give
    security: [{app: []}]
    responses: {"204": {description: d}}
/both:
  get:
    x-operation: mine
    security: [{app: [], bearer: []}]
    responses: {"204": {description: d}}
/tokens-only:
  get:
    x-operation: mine
    security: [{access: []}]
    responses: {"204": {description: d}}
/bare:
  get:
    x-operation: mine
    security: [{bare: []}]
    responses: {"204": {description: d}}
`

const doorSchemes = `
securitySchemes:
  bearer: {type: http, scheme: bearer}
  access: {type: oauth2, x-credential: access-token, flows: {}}
  cookie: {type: apiKey, in: cookie, name: sid, x-credential: session-cookie}
  key: {type: apiKey, in: header, name: x-api-key, x-credential: api-key}
  app: {type: apiKey, in: header, name: x-app-key, x-credential: app-key}
  bare: {type: apiKey, in: header, name: authorization, x-credential: access-token}
`

func TestCredentials_MD03(t *testing.T) {
	things := newThings()
	house := &house{}
	o := options(t, things, doc(doors, "", doorSchemes))
	o.Credentials = house
	e, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const realm = `Bearer realm="things"`
	for _, c := range []struct {
		path, headers string
		status        int
		challenge     string
		seen          string
	}{
		{"/mine", "Authorization: Bearer good", 204, "", "bearer"},
		{"/mine", "Authorization: bearer good", 204, "", "bearer"},
		{"/mine", "Cookie: sid=good", 204, "", "cookie"},
		{"/mine", "X-API-Key: good", 204, "", "key"},
		{"/mine", "", 401, realm, ""},
		{"/mine", "Cookie: other=good", 401, realm, ""},
		{"/mine", "Authorization: Bearer bad", 401, realm + `, error="invalid_token"`, ""},
		{"/mine", "Authorization: Bearer expired", 401, realm + `, error="invalid_token"`, ""},
		{"/mine", "Authorization: Basic Z29vZDo=", 401, realm, ""},
		{"/mine", "Authorization: Bearer", 401, realm, ""},
		{"/mine", "Authorization: Bearer good\nX-API-Key: good", 400, "", ""},
		{"/mine", "Authorization: Bearer good\nCookie: sid=good", 400, "", ""},
		{"/mine", "Authorization: Bearer good\nAuthorization: Bearer good", 400, "", ""},
		{"/mine?access_token=good", "", 400, "", ""},
		{"/mine?access_token=good", "Authorization: Bearer good", 400, "", ""},
		{"/mine?my_access_token=good", "Authorization: Bearer good", 204, "", "bearer"},
		{"/anyone", "", 204, "", ""},
		{"/anyone", "Authorization: Bearer good", 204, "", "bearer"},
		{"/anyone", "Authorization: Bearer bad", 401, realm + `, error="invalid_token"`, ""},
		{"/public", "Authorization: Bearer bad", 204, "", ""},
		{"/app", "", 401, realm, ""},
		{"/app", "X-App-Key: appkey", 204, "", "app"},
		{"/app", "X-App-Key: other", 401, realm + `, error="invalid_token"`, ""},
		{"/both", "X-App-Key: appkey", 401, realm, ""},
		{"/both", "Authorization: Bearer good", 401, realm, ""},
		{"/both", "X-App-Key: appkey\nAuthorization: Bearer good", 204, "", "app"},
		{"/tokens-only", "Authorization: Bearer good", 204, "", "access"},
		{"/bare", "Authorization: good", 204, "", "access"},
		{"/bare", "Authorization: Bearer good", 204, "", "access"},
	} {
		var headers []string
		if c.headers != "" {
			headers = strings.Split(c.headers, "\n")
		}
		house.seen = auth.Presented{}
		status, body, h := ask(t, e.Handler(), "GET", c.path, "", headers...)
		if status != c.status || h.Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s %q: %d %q %s", c.path, c.headers, status, h.Get("WWW-Authenticate"), body)
		}
		p := house.seen
		got := map[string]string{"bearer": p.Bearer, "cookie": p.SessionCookie, "key": p.APIKey, "app": p.AppKey, "access": p.AccessToken}
		if c.seen != "" && got[c.seen] == "" {
			t.Errorf("%s %q: presented %+v", c.path, c.headers, p)
		}
	}
	things.err = auth.E(auth.CodeInsufficientScope, "")
	if status, _, h := ask(t, e.Handler(), "GET", "/mine", "", "Authorization: Bearer good"); status != 403 ||
		h.Get("WWW-Authenticate") != realm+`, error="insufficient_scope", scope="mine:read"` {
		t.Errorf("%d %v", status, h)
	}
}

const cookieDoors = `
/in:
  post:
    x-operation: enter
    x-inputs: {token: a}
    responses: {"200": {description: d, x-when: [in], x-cookies: [session, access, refresh, step-up, csrf]}, "202": {description: d, x-when: [code-needed]}}
/renew:
  post:
    x-operation: enter
    parameters: [{name: refresh_token, in: cookie, schema: {type: string}, x-input: token}]
    responses: {"200": {description: d, x-when: [in], x-renew-cookies: [access, refresh]}, "202": {description: d, x-when: [code-needed]}}
/mine:
  post:
    x-operation: mine
    security: [{bearer: []}, {cookie: []}]
    parameters: [{name: X-Token, in: header, schema: {type: string}, x-input: csrf_token}]
    responses: {"204": {description: d, x-clear-cookies: [session, refresh]}}
/csrf:
  get:
    x-operation: give
    responses: {"200": {description: d, x-cookies: [csrf], content: {text/plain: {schema: {type: string, x-output: request.csrf_token}}}}}
`

const cookieContract = `
tokens: {access: 20m, refresh: 7d}
cookies:
  session: {name: sid, path: /shop, same_site: strict, lifetime: 1h}
  access: {same_site: none}
  step-up: {x-output: code}
`

const cookieSchemes = `
securitySchemes:
  bearer: {type: http, scheme: bearer}
  cookie: {type: apiKey, in: cookie, name: sid, x-credential: session-cookie}
`

func TestCookies(t *testing.T) {
	things := newThings()
	things.give = given{Session: "s", Tokens: tokens{Access: "a", Refresh: "r"}, Code: "up"}
	e := start(t, things, doc(cookieDoors, cookieContract, cookieSchemes))
	status, body, h := ask(t, e.Handler(), "POST", "/in", "")
	got := strings.Join(h.Values("Set-Cookie"), "\n")
	for _, want := range []string{
		"sid=s; Path=/shop; Max-Age=3600; HttpOnly; Secure; SameSite=Strict",
		"access_token=a; Path=/; Max-Age=1200; HttpOnly; Secure; SameSite=None",
		"refresh_token=r; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax",
		"__Host-ostiary-step-up=up; Path=/; Max-Age=300; HttpOnly; Secure; SameSite=Strict",
		"__Host-ostiary-csrf=",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%d %s: no %q in\n%s", status, body, want, got)
		}
	}
	things.outcome = "code-needed"
	if _, _, h := ask(t, e.Handler(), "POST", "/in", ""); len(h.Values("Set-Cookie")) > 0 {
		t.Errorf("another result sets cookies: %v", h)
	}
	things.outcome = "in"
	_, _, h = ask(t, e.Handler(), "POST", "/renew", "", "Cookie: refresh_token=old", "Origin: https://id.example")
	if got := strings.Join(h.Values("Set-Cookie"), "\n"); !strings.HasPrefix(got, "refresh_token=r; ") || strings.Contains(got, "access_token") || things.token != "old" {
		t.Errorf("renewed: %s (token %q)", got, things.token)
	}
	_, _, h = ask(t, e.Handler(), "POST", "/mine", "", "Authorization: Bearer good")
	if got := strings.Join(h.Values("Set-Cookie"), "\n"); !strings.Contains(got, "sid=; Path=/shop; Max-Age=0;") || !strings.Contains(got, "refresh_token=; Path=/; Max-Age=0;") {
		t.Errorf("cleared: %s", got)
	}

	o := options(t, things, doc(cookieDoors, cookieContract, cookieSchemes))
	o.PublicURL = "http://localhost:8080"
	local, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, _, h = ask(t, local.Handler(), "POST", "/in", "")
	if got := strings.Join(h.Values("Set-Cookie"), "\n"); strings.Contains(got, "Secure") || strings.Contains(got, "__Host-") {
		t.Errorf("on localhost: %s", got)
	}
}

func TestCSRF_WB01_WB02(t *testing.T) {
	things := newThings()
	things.give = given{Session: "s"}
	things.outcome = "in"
	e := start(t, things, doc(cookieDoors, cookieContract, cookieSchemes))
	h := e.Handler()
	for _, c := range []struct {
		name, path, headers string
		status              int
	}{
		{"same origin", "/mine", "Cookie: sid=good\nOrigin: https://id.example", 204},
		{"same origin by fetch metadata", "/mine", "Cookie: sid=good\nSec-Fetch-Site: same-origin", 204},
		{"public URL behind a proxy", "/mine", "Cookie: sid=good\nOrigin: https://id.example\nHost: internal:8080", 204},
		{"listed origin", "/mine", "Cookie: sid=good\nOrigin: https://app.example\nSec-Fetch-Site: cross-site", 204},
		{"origin of another client", "/mine", "Cookie: sid=good\nOrigin: https://other.example", 403},
		{"null", "/mine", "Cookie: sid=good\nOrigin: null", 403},
		{"sibling subdomain", "/mine", "Cookie: sid=good\nOrigin: https://evil.id.example\nSec-Fetch-Site: same-site", 403},
		{"http to https", "/mine", "Cookie: sid=good\nOrigin: http://id.example", 403},
		{"prefix look-alike", "/mine", "Cookie: sid=good\nOrigin: https://id.example.evil.example", 403},
		{"cross-site without Origin", "/mine", "Cookie: sid=good\nSec-Fetch-Site: cross-site", 403},
		{"bearer needs nothing", "/mine", "Authorization: Bearer good\nOrigin: https://evil.example", 204},
		{"setting a cookie", "/in", "Origin: https://evil.example", 403},
		{"setting a cookie, same origin", "/in", "Origin: https://id.example", 200},
		{"setting a cookie, no browser", "/in", "", 200},
		{"an input from a cookie", "/renew", "Cookie: refresh_token=x\nOrigin: https://evil.example", 403},
	} {
		var headers []string
		if c.headers != "" {
			headers = strings.Split(c.headers, "\n")
		}
		if status, body, _ := ask(t, h, "POST", c.path, "", headers...); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}

	// The token: bound to the session cookie once there is one, else to the csrf cookie.
	_, token, header := ask(t, h, "GET", "/csrf", "")
	jar, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if token == "" || !strings.HasPrefix(jar, "__Host-ostiary-csrf=") {
		t.Fatalf("%q %v", token, header)
	}
	const evil = "Origin: https://partner.example"
	if status, _, _ := ask(t, h, "POST", "/in", "", evil, "Cookie: "+jar, "X-CSRF-Token: "+token); status != 200 {
		t.Errorf("the csrf cookie's token is refused: %d", status)
	}
	if status, _, _ := ask(t, h, "POST", "/in", "", evil, "X-CSRF-Token: "+token); status != 403 {
		t.Errorf("a token without its cookie is taken: %d", status)
	}
	_, again, header := ask(t, h, "GET", "/csrf", "", "Cookie: "+jar)
	if again != token || header["Set-Cookie"] != nil {
		t.Errorf("the token of a browser changes: %q, %v", again, header)
	}
	_, session, _ := ask(t, h, "GET", "/csrf", "", "Cookie: sid=good; "+jar)
	if session == token {
		t.Error("the token does not change at sign-in")
	}
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"of the session":          {"X-Token: " + session, 204},
		"in the usual header":     {"X-CSRF-Token: " + session, 204},
		"from before the sign-in": {"X-Token: " + token, 403},
		"altered":                 {"X-Token: " + session[:len(session)-2] + "AA", 403},
		"empty":                   {"X-Token: ", 403},
	} {
		if status, _, _ := ask(t, h, "POST", "/mine", "", evil, "Cookie: sid=good; "+jar, c.header); status != c.status {
			t.Errorf("token %s: %d", name, status)
		}
	}
	_, other, _ := ask(t, h, "GET", "/csrf", "", "Cookie: sid=another")
	if status, _, _ := ask(t, h, "POST", "/mine", "", evil, "Cookie: sid=good", "X-Token: "+other); status != 403 {
		t.Errorf("a token of another session is taken: %d", status)
	}
}

func TestCORS_WB03(t *testing.T) {
	e := start(t, newThings(), doc(doors, "", doorSchemes))
	h := e.Handler()
	preflight := func(path, origin, method string) map[string][]string {
		status, body, header := ask(t, h, "OPTIONS", path, "", "Origin: "+origin, "Access-Control-Request-Method: "+method)
		if status != 204 || body != "" {
			t.Errorf("preflight of %s: %d %s", path, status, body)
		}
		return header
	}
	got := preflight("/mine", "https://other.example", "GET")
	if strings.Join(got["Access-Control-Allow-Origin"], "") != "https://other.example" || got["Access-Control-Allow-Credentials"] == nil ||
		!strings.Contains(strings.Join(got["Access-Control-Allow-Headers"], ""), "X-Api-Key") || got["Access-Control-Allow-Methods"][0] != "GET, HEAD" {
		t.Errorf("a client of the app: %v", got)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.evil.example"} {
		if got := preflight("/mine", origin, "GET"); got["Access-Control-Allow-Origin"] != nil {
			t.Errorf("%s: %v", origin, got)
		}
	}
	if got := preflight("/mine", "https://app.example", "DELETE"); got["Access-Control-Allow-Origin"] != nil {
		t.Errorf("a method that is not there: %v", got)
	}
	// The request itself: its own client only.
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://other.example": "", "https://evil.example": ""} {
		_, _, header := ask(t, h, "GET", "/mine", "", "Authorization: Bearer good", "Origin: "+origin)
		if header.Get("Access-Control-Allow-Origin") != want || !strings.Contains(strings.Join(header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: %v", origin, header)
		}
	}
	if status, _, header := ask(t, h, "OPTIONS", "/mine", ""); status != 204 || header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %d %v", status, header)
	}
	if status, _, _ := ask(t, h, "OPTIONS", "/nothing", ""); status != 404 {
		t.Errorf("OPTIONS of nothing: %d", status)
	}
}
