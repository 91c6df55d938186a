package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestCloudheed asks what the page of the Cloudheed API shows, in its order.
func TestCloudheed(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		registered := w.ask("POST", "/v1/auth/register", object{"email": "john@example.com", "password": phrase, "name": "John Doe",
			"company": "Acme Corp"}).want(201).keys("", "token", "user").keys("user", "id", "email", "name")
		if id := registered.text("user.id"); !regexp.MustCompile(`^user-[0-9a-f-]{36}$`).MatchString(id) || registered.text("user.name") != "John Doe" {
			t.Errorf("registered %s", registered.Body)
		}
		w.ask("GET", "/v1/auth/me", nil, as(registered.text("token"))...).want(200)

		login := w.ask("POST", "/v1/auth/login", object{"email": "john@example.com", "password": phrase}).want(200).
			keys("", "token", "refresh_token", "user").keys("user", "id", "email", "name", "two_factor_enabled")
		bearer := as(login.text("token"))
		me := w.ask("GET", "/v1/auth/me", nil, bearer...).want(200).
			keys("", "id", "email", "name", "company", "plan", "two_factor_enabled", "email_verified_at", "created_at")
		if o := me.object(); o["company"] != "Acme Corp" || o["plan"] != "free" || o["two_factor_enabled"] != false ||
			o["email_verified_at"] != nil || o["created_at"] != "2026-03-01T12:00:00Z" {
			t.Errorf("me is %s", me.Body)
		}

		setup := w.ask("POST", "/v1/auth/2fa/setup", nil, bearer...).want(200).keys("", "secret", "qr_code_url")
		secret := setup.text("secret")
		uri, err := url.Parse(setup.text("qr_code_url"))
		if err != nil || uri.Scheme != "otpauth" || uri.Query().Get("secret") != secret || len(secret) != 32 {
			t.Errorf("setup %s", setup.Body)
		}
		w.ask("POST", "/v1/auth/2fa/verify", object{"code": "000000"}, bearer...).want(422).failed("validation_error")
		verified := w.ask("POST", "/v1/auth/2fa/verify", object{"code": code(t, i, secret)}, bearer...).want(200).
			keys("", "message_code", "backup_codes")
		codes, _ := verified.object()["backup_codes"].([]any)
		if verified.text("message_code") != "2fa_enabled" || len(codes) != 10 {
			t.Errorf("verified %s", verified.Body)
		}

		credentials := object{"email": "john@example.com", "password": phrase}
		w.ask("POST", "/v1/auth/login", credentials).want(401).failed("totp_required")
		credentials["totp_code"] = "000000"
		w.ask("POST", "/v1/auth/login", credentials).want(401).failed("invalid_token")
		credentials["totp_code"] = code(t, i, secret)
		second := w.ask("POST", "/v1/auth/login", credentials).want(200)
		w.ask("POST", "/v1/auth/login", credentials).want(401).failed("invalid_token") // the code is spent
		credentials["totp_code"] = codes[0]
		if third := w.ask("POST", "/v1/auth/login", credentials).want(200); at(third.object(), "user.two_factor_enabled") != true {
			t.Errorf("signed in %s", third.Body)
		}
		w.ask("POST", "/v1/auth/login", credentials).want(401).failed("invalid_token") // and so is the backup code

		bearer = as(second.text("token"))
		cloudheedKeys(t, i, w, bearer)
		w.ask("POST", "/v1/auth/2fa/disable", object{"password": phrase, "code": code(t, i, secret)}, bearer...).want(200).
			keys("", "message_code")
		w.ask("POST", "/v1/auth/login", object{"email": "john@example.com", "password": phrase}).want(200)
		cloudheedRefresh(t, i, w)
	})
}

func cloudheedKeys(t *testing.T, i *servertest.Instance, w *wire, bearer []string) {
	t.Helper()
	made := w.ask("POST", "/v1/auth/api-keys", object{"name": "Production Key", "scopes": []string{"databases:read", "account:read"},
		"expires_in": "365d"}, bearer...).want(201).keys("", "api_key", "id", "name", "prefix", "scopes", "expires_at")
	key, id := made.text("api_key"), made.text("id")
	if !regexp.MustCompile(`^ch_live_[0-9A-Za-z]{32,}$`).MatchString(key) || made.text("prefix") != key[:11] ||
		!strings.HasPrefix(id, "key-") || made.text("expires_at") != i.Clock.Now().Add(365*24*time.Hour).Format(time.RFC3339) {
		t.Errorf("made %s", made.Body)
	}
	w.ask("GET", "/v1/auth/me", nil, as(key)...).want(200)
	w.ask("POST", "/v1/auth/2fa/setup", nil, as(key)...).want(403).failed("insufficient_permissions")
	w.ask("GET", "/v1/auth/api-keys", nil, as(key)...).want(403).failed("insufficient_permissions")
	i.Work()
	list, _ := w.ask("GET", "/v1/auth/api-keys", nil, bearer...).want(200).keys("", "api_keys").object()["api_keys"].([]any)
	if len(list) != 1 {
		t.Fatalf("keys %v", list)
	}
	one, _ := list[0].(object)
	for _, name := range []string{"id", "name", "prefix", "scopes", "last_used_at", "expires_at", "created_at"} {
		if one[name] == nil {
			t.Errorf("the key has no %s: %v", name, one)
		}
	}
	w.ask("GET", "/v1/auth/api-keys/"+id, nil, bearer...).want(200).keys("", "id", "name", "key_prefix", "scopes", "expires_at", "created_at")
	rotated := w.ask("POST", "/v1/auth/api-keys/"+id+"/rotate", nil, bearer...).want(200).
		keys("", "id", "name", "token", "key_prefix", "scopes", "previous_token_valid_until")
	w.ask("GET", "/v1/auth/me", nil, as(key)...).want(200)
	i.Clock.Advance(time.Hour)
	w.ask("GET", "/v1/auth/me", nil, as(key)...).want(401).failed("invalid_token")
	w.ask("GET", "/v1/auth/me", nil, as(rotated.text("token"))...).want(200)
	i.Clock.Advance(-time.Hour)
	revoked := w.ask("DELETE", "/v1/auth/api-keys/"+id, nil, bearer...).want(200).keys("", "message_code")
	if revoked.text("message_code") != "api_key_revoked" {
		t.Errorf("revoked %s", revoked.Body)
	}
	w.ask("GET", "/v1/auth/me", nil, as(rotated.text("token"))...).want(401).failed("invalid_token")
	w.ask("DELETE", "/v1/auth/api-keys/"+id, nil, bearer...).want(404).failed("resource_not_found")
	w.ask("GET", "/v1/auth/api-keys/key-nonsense", nil, bearer...).want(404).failed("resource_not_found")
	dated := w.ask("POST", "/v1/auth/api-keys", object{"name": "Dated", "expires_at": "2027-03-17T00:00:00Z"}, bearer...).want(201)
	if dated.text("expires_at") != "2027-03-17T00:00:00Z" {
		t.Errorf("dated %s", dated.Body)
	}
	forever := w.ask("POST", "/v1/auth/api-keys", object{"name": "Forever"}, bearer...).want(201)
	if forever.object()["expires_at"] != nil {
		t.Errorf("forever %s", forever.Body)
	}
}

func cloudheedRefresh(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	login := w.ask("POST", "/v1/auth/login", object{"email": "john@example.com", "password": phrase}).want(200)
	refresh := func(token string) reply {
		t.Helper()
		return w.ask("POST", "/v1/auth/refresh", object{"refresh_token": token})
	}
	first := login.text("refresh_token")
	next := refresh(first).want(200).keys("", "token", "refresh_token").text("refresh_token")
	if again := refresh(first).want(200).text("refresh_token"); again != next || next == first {
		t.Error("within the grace window the old token does not get the same successor")
	}
	i.Clock.Advance(3 * time.Minute)
	dead := refresh(first).want(401).failed("invalid_token")
	if !strings.Contains(dead.text("error.message"), "used before") {
		t.Errorf("the answer does not say why: %s", dead.Body)
	}
	refresh(next).want(401).failed("invalid_token")
	ended := w.ask("GET", "/v1/auth/me", nil, as(login.text("token"))...).want(401).failed("invalid_token")
	if !strings.Contains(ended.text("error.message"), "refresh-token-reused") {
		t.Errorf("the answer does not say why: %s", ended.Body)
	}
}

// failed asserts the error body of Cloudheed.
func (r reply) failed(code string) reply {
	r.t.Helper()
	r.keys("", "error", "meta").keys("error", "code", "message", "details").keys("meta", "request_id")
	if got := r.text("error.code"); got != code {
		r.t.Errorf("%s: code %s, want %s: %s", r.what, got, code, r.Body)
	}
	if _, ok := at(r.object(), "error.details").([]any); !ok || !strings.HasPrefix(r.text("meta.request_id"), "req-") {
		r.t.Errorf("%s: %s", r.what, r.Body)
	}
	return r
}

// TestCloudheedRefusals holds the shape of errors, whoever refuses: the engine, the operation, or no route at all.
func TestCloudheedRefusals(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { delete(c.Limits, "requests.network") }))
	w := newWire(t, i)
	good := object{"email": "john@example.com", "password": phrase, "name": "John"}
	w.ask("POST", "/v1/auth/register", good).want(201)
	w.ask("POST", "/v1/auth/register", good).want(409).failed("resource_conflict")
	long := strings.Repeat("x", 70<<10)
	for name, try := range map[string]struct {
		method, path string
		body         any
		status       int
		code         string
		field        string
	}{
		"short password":      {"POST", "/v1/auth/register", object{"email": "a@example.com", "password": "short", "name": "A"}, 422, "validation_error", "password"},
		"common password":     {"POST", "/v1/auth/register", object{"email": "a@example.com", "password": "password1", "name": "A"}, 422, "validation_error", "password"},
		"no e-mail":           {"POST", "/v1/auth/register", object{"email": "nobody", "password": phrase, "name": "A"}, 422, "validation_error", "email"},
		"wrong type":          {"POST", "/v1/auth/register", object{"email": 7, "password": phrase, "name": "A"}, 422, "validation_error", "email"},
		"missing":             {"POST", "/v1/auth/register", object{"email": "a@example.com", "password": phrase}, 422, "validation_error", "name"},
		"bad lifetime":        {"POST", "/v1/auth/login", object{"email": "", "password": ""}, 422, "validation_error", "email"},
		"NUL":                 {"POST", "/v1/auth/login", object{"email": "a\x00b", "password": "x"}, 422, "validation_error", "email"},
		"wrong password":      {"POST", "/v1/auth/login", object{"email": "john@example.com", "password": "wrong"}, 401, "invalid_token", ""},
		"unknown user":        {"POST", "/v1/auth/login", object{"email": "nobody@example.com", "password": "wrong"}, 401, "invalid_token", ""},
		"no credential":       {"GET", "/v1/auth/me", nil, 401, "invalid_token", ""},
		"garbage to refresh":  {"POST", "/v1/auth/refresh", object{"refresh_token": "garbage"}, 401, "invalid_token", ""},
		"no such path":        {"GET", "/v1/auth/nothing", nil, 404, "resource_not_found", ""},
		"no such path at all": {"GET", "/v1/nothing", nil, 404, "resource_not_found", ""},
		"wrong method":        {"PUT", "/v1/auth/login", object{}, 405, "resource_not_found", ""},
		"form":                {"POST", "/v1/auth/login", url.Values{"email": {"a"}}, 415, "validation_error", ""},
		"too large":           {"POST", "/v1/auth/login", object{"email": long, "password": "x"}, 413, "validation_error", ""},
	} {
		r := w.ask(try.method, try.path, try.body)
		if r.Status != try.status {
			t.Errorf("%s: status %d, want %d: %s", name, r.Status, try.status, r.Body)
			continue
		}
		r.failed(try.code)
		if try.field != "" && !strings.Contains(string(r.Body), `"field":"`+try.field+`"`) {
			t.Errorf("%s: the details do not name %s: %s", name, try.field, r.Body)
		}
	}
	for name, body := range map[string]string{"broken": `{"email":`, "duplicate": `{"email":"a","email":"b","password":"x"}`,
		"deep": strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "bad UTF-8": "{\"email\":\"\xff\",\"password\":\"x\"}", "array": `[]`} {
		if r := w.ask("POST", "/v1/auth/login", body); r.Status != 422 && r.Status != 400 {
			t.Errorf("%s: status %d: %s", name, r.Status, r.Body)
		} else {
			r.failed("validation_error")
		}
	}
	if users, err := i.Operator.ListUsers(t.Context(), userFilter(), paging(50)); err != nil || len(users.Users) != 1 {
		t.Errorf("bad requests changed something: %+v, %v", users, err)
	}
}

// TestCloudheedRateLimits holds the headers that every answer has, and the refusal.
func TestCloudheedRateLimits(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) {
		c.Limits["requests.network"] = config.Limit{Max: 5, Per: time.Minute}
		c.Limits["requests.user"] = config.Limit{Max: 3, Per: time.Minute}
	}))
	w := newWire(t, i)
	r := w.ask("POST", "/v1/auth/register", object{"email": "john@example.com", "password": phrase, "name": "John"}).want(201)
	limited(t, r, 5, 4)
	token := as(r.text("token"))
	limited(t, w.ask("GET", "/v1/auth/me", nil, token...).want(200), 3, 2)
	limited(t, w.ask("POST", "/v1/auth/login", object{"email": "john@example.com", "password": "wrong"}).want(401), 5, 3)
	limited(t, w.ask("GET", "/v1/auth/me", nil, as("a.b.c")...).want(401), 5, 2)
	limited(t, w.ask("POST", "/v1/auth/login", object{"email": 1}).want(422), 5, -1)
	w.ask("GET", "/v1/auth/me", nil, token...).want(200)
	w.ask("GET", "/v1/auth/me", nil, token...).want(200)
	over := w.ask("GET", "/v1/auth/me", nil, token...).want(http.StatusTooManyRequests).failed("rate_limit_exceeded")
	limited(t, over, 3, 0)
	if seconds, err := strconv.Atoi(over.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("Retry-After %q", over.Header.Get("Retry-After"))
	}
}

// limited asserts the rate-limit headers; a negative remaining is not looked at.
func limited(t *testing.T, r reply, most, remaining int) {
	t.Helper()
	if got := r.Header.Get("X-RateLimit-Limit"); got != strconv.Itoa(most) {
		t.Errorf("%s (%d): X-RateLimit-Limit %q, want %d", r.what, r.Status, got, most)
	}
	if got := r.Header.Get("X-RateLimit-Remaining"); remaining >= 0 && got != strconv.Itoa(remaining) {
		t.Errorf("%s (%d): X-RateLimit-Remaining %q, want %d", r.what, r.Status, got, remaining)
	}
	if unix, err := strconv.ParseInt(r.Header.Get("X-RateLimit-Reset"), 10, 64); err != nil || unix < 1e9 {
		t.Errorf("%s: X-RateLimit-Reset %q", r.what, r.Header.Get("X-RateLimit-Reset"))
	}
}
