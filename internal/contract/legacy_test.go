package contract

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// shop is the real catalogue's definitions with behaviour of the test's own, so that the legacy document meets the
// inputs and results that it will meet in the house.
type shop struct {
	real *operation.Catalogue
	last any
}

func (s *shop) Lookup(name string) *operation.Definition { return s.real.Lookup(name) }

func (s *shop) Admit(*operation.Request) error { return nil }

func (s *shop) Call(_ context.Context, d *operation.Definition, r *operation.Request, in any) (operation.Outcome, error) {
	s.last = in
	born := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	granted := operation.Granted{
		Tokens:        operation.Tokens{AccessToken: "at", RefreshToken: "rt", TokenType: "Bearer", ExpiresIn: 20 * time.Minute},
		SessionCookie: "sc",
		User:          operation.Profile{ID: "u1", Number: 7, Email: "a@b.example", Role: auth.RoleAdmin, CreatedAt: born},
	}
	r.Limit = &auth.LimitState{Name: "requests.user", Max: 100, Remaining: 41}
	switch d.Name {
	case "register":
		if in.(*operation.RegisterInput).Email == "taken@b.example" {
			return operation.Outcome{}, auth.E(auth.CodeIdentifierTaken, "")
		}
		return operation.Outcome{Result: "registered", Value: granted}, nil
	case "sign-in":
		switch in.(*operation.SignInInput).Identifier {
		case "two":
			return operation.Outcome{Result: "second-factor-required", Value: operation.Challenged{Challenge: operation.Challenge{
				Token: "ticket", Factors: []auth.FactorKind{auth.FactorTOTP, auth.FactorBackupCode}}}}, nil
		case "slow":
			return operation.Outcome{}, &auth.Error{Code: auth.CodeRateLimited, RetryAfter: 90 * time.Second}
		case "nobody":
			return operation.Outcome{}, auth.E(auth.CodeInvalidCredentials, "")
		}
		return operation.Outcome{Result: "signed-in", Value: granted}, nil
	case "complete-second-factor":
		name := d.Results[0].Name
		return operation.Outcome{Result: name, Value: granted}, nil
	case "list-api-keys":
		return operation.OK(operation.APIKeys{APIKeys: []operation.APIKey{
			{ID: "k2", Name: "two", Prefix: "shop_x", Scopes: []string{"a", "b"}, ExpiresAt: born},
			{ID: "k1", Name: "one", Prefix: "shop_y"}}}), nil
	case "create-api-key":
		return operation.OK(operation.NewAPIKey{APIKey: operation.APIKey{ID: "k/1"}, Secret: "shop_secret"}), nil
	}
	return operation.OK(operation.Done{}), nil
}

func TestLegacyDocument(t *testing.T) {
	s := &shop{real: operation.New(operation.Deps{})}
	e := start(t, s, legacy(t))
	h := e.Handler()
	for _, c := range []struct {
		name, method, path, body, headers string
		status                            int
		want, header                      string // header: "Name: value"
	}{
		{"register", "POST", "/shop/members", `{"member":{"mail":"a@b.example","secret":"0123456789","nick":"n","newsletter":true,"x":1}}`, "", 201,
			`{"ok":true,"memberNo":7,"since":1767323045}`, "Set-Cookie: shop_sid=sc; Path=/shop; Max-Age=604800; HttpOnly; Secure; SameSite=Strict"},
		{"register, taken", "POST", "/shop/members", `{"member":{"mail":"taken@b.example","secret":"0123456789"}}`, "", 409, `{"ok":false,"why":"TAKEN"}`, ""},
		{"register, invalid", "POST", "/shop/members", `{"member":{"mail":"nobody","secret":"short","nick":5}}`, "", 400,
			`{"ok":false,"why":"WHAT","text":"The request is not valid","fields":[{"at":"member.mail","must":"must be an e-mail address"},{"at":"member.secret","must":"must have at least 10 characters"},{"at":"member.nick","must":"must be a string"}],"byField":{"member.mail":"BAD","member.secret":"SHORT","member.nick":"BAD"},"trace":""}`, ""},
		{"register, missing", "POST", "/shop/members", `{"member":{"secret":""}}`, "", 400,
			`{"ok":false,"why":"WHAT","text":"The request is not valid","fields":[{"at":"member.mail","must":"is required"},{"at":"member.secret","must":"is required"}],"byField":{"member.mail":"MISSING","member.secret":"MISSING"},"trace":""}`, ""},
		{"sign in", "POST", "/shop/session", "login=a&secret=b", "Content-Type: application/x-www-form-urlencoded", 200,
			`{"state":"done","jwt":"at","renew":"rt","member":{"no":7,"mail":"a@b.example","level":"staff"}}`, "Content-Type: application/json"},
		{"sign in, two steps", "POST", "/shop/session", "login=two&secret=b", "Content-Type: application/x-www-form-urlencoded", 200,
			`{"state":"code-needed","ticket":"ticket","kinds":["app","paper"]}`, ""},
		{"sign in, wrong", "POST", "/shop/session", "login=nobody&secret=b", "Content-Type: application/x-www-form-urlencoded", 401,
			`{"ok":false,"why":"WHO","text":"The credentials are wrong","trace":""}`, `WWW-Authenticate: Bearer realm="shop"`},
		{"sign in, slow", "POST", "/shop/session", "login=slow&secret=b", "Content-Type: application/x-www-form-urlencoded", 429,
			`{"ok":false,"why":"SLOW","text":"Too many requests","trace":""}`, "Retry-After: 90"},
		{"sign in, JSON", "POST", "/shop/session", `{"login":"a"}`, "", 415,
			`{"ok":false,"why":"unsupported-media-type","text":"The content type is not supported","trace":""}`, ""},
		{"second step", "PUT", "/shop/session/tick%20et/code/123456", "", "", 200, "at", "Content-Type: text/plain; charset=utf-8"},
		{"second step, bad code", "PUT", "/shop/session/ticket/code/12", "", "", 400,
			`{"ok":false,"why":"WHAT","text":"The request is not valid","fields":[{"at":"code","must":"must match the pattern ^[0-9A-Za-z-]{6,12}$"}],"byField":{"code":"BAD"},"trace":""}`, ""},
		{"sign out", "DELETE", "/shop/session", "", "Authorization: Bearer good", 204, "", "Set-Cookie: shop_sid=; Path=/shop; Max-Age=0; HttpOnly; Secure; SameSite=Strict"},
		{"sign out by cookie", "DELETE", "/shop/session", "", "Cookie: shop_sid=good\nOrigin: https://id.example", 204, "", ""},
		{"sign out from elsewhere", "DELETE", "/shop/session", "", "Cookie: shop_sid=good\nOrigin: https://evil.example", 403,
			`{"ok":false,"why":"csrf-failed","text":"The request did not come from a trusted origin","trace":""}`, ""},
		{"keys", "GET", "/shop/members/me/keys", "", "Authorization: Bearer good", 200,
			`[{"label":"two","starts":"shop_x","rights":"a b","until":"2026-01-02T03:04:05Z"},{"label":"one","starts":"shop_y","rights":"","until":null}]`, "X-Limit-Left: 41"},
		{"keys, nobody", "GET", "/shop/members/me/keys", "", "", 401, `{"ok":false,"why":"unauthenticated","text":"Authentication is required","trace":""}`, `WWW-Authenticate: Bearer realm="shop"`},
		{"keys, bad token", "GET", "/shop/members/me/keys", "", "Authorization: Bearer bad", 401,
			`{"ok":false,"why":"invalid-token","text":"The credential is not valid","trace":""}`, `WWW-Authenticate: Bearer realm="shop", error="invalid_token"`},
		{"new key", "POST", "/shop/members/me/keys", `{"label":"l","rights":"a b","days":30}`, "Authorization: Bearer good", 201,
			`{"key":"shop_secret"}`, "Location: https://id.example/shop/members/me/keys/k%2F1"},
		{"no such path", "GET", "/shop/nothing", "", "", 404, `{"ok":false,"why":"not-found","text":"Not found","trace":""}`, ""},
		{"no such method", "PUT", "/shop/session", "", "", 405, `{"ok":false,"why":"method-not-allowed","text":"The method is not allowed","trace":""}`, "Allow: POST, DELETE, OPTIONS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.headers != "" {
				headers = strings.Split(c.headers, "\n")
			}
			status, body, h := ask(t, h, c.method, c.path, c.body, headers...)
			if status != c.status || body != c.want {
				t.Errorf("got %d %s\nwant %d %s", status, body, c.status, c.want)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && !strings.Contains(strings.Join(h.Values(name), "\n"), value) {
				t.Errorf("%s is %q, want %q", name, h.Values(name), value)
			}
		})
	}
	in, ok := s.last.(*operation.CreateAPIKeyInput)
	if !ok {
		ask(t, h, "POST", "/shop/members/me/keys", `{"label":"l","rights":"a b","days":30}`, "Authorization: Bearer good")
		in, _ = s.last.(*operation.CreateAPIKeyInput)
	}
	if in == nil || in.Name != "l" || strings.Join(in.Scopes, "|") != "a|b" || in.Prefix != "shop_" || in.ExpiresIn != 30*24*time.Hour {
		t.Errorf("the input of create-api-key is %+v", in)
	}
}
