package server_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// resident is a person with a browser at the pages of their own account.
type resident struct {
	*wire
	email string
	me    *client.Client // a second session of the same person, at the API
	id    string         // of that session
}

// visit makes a user with a verified address, who signs in with a mailed link in a browser, and at the API.
func visit(t *testing.T, i *servertest.Instance, email string) resident {
	t.Helper()
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: email, Password: phrase, EmailVerified: true}))
	in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: email, Password: phrase}))
	v := resident{wire: newWire(t, i), email: email, me: i.Client.WithToken(in.Tokens.AccessToken), id: in.Session.ID}
	v.http = i.Browser()
	v.enter()
	return v
}

// enter signs the browser in.
func (v resident) enter() {
	v.t.Helper()
	ok[client.MailedSignIn](v.t)(v.i.Client.SendMagicLink(v.t.Context(), v.email))
	v.send("/magic", url.Values{"token": {mailed(v.t, v.i, v.email)}}).want(http.StatusOK).says(`href="/my"`)
}

// see asks for a page and wants sentences on it.
func (v resident) see(path string, sentences ...string) reply {
	v.t.Helper()
	r := v.ask(http.MethodGet, path, nil, "Accept", "text/html", "Accept-Language", "en").want(http.StatusOK)
	if r.Header.Get("Cache-Control") != "no-store" {
		v.t.Errorf("%s may be kept: %q", path, r.Header.Get("Cache-Control"))
	}
	return r.says(sentences...)
}

// send posts a form of a page and follows to where it leads.
func (v resident) send(path string, form url.Values) reply {
	v.t.Helper()
	return v.ask(http.MethodPost, path, form, "Origin", v.i.URL, "Accept", "text/html", "Accept-Language", "en")
}

// lacks wants something not to be on a page.
func (r reply) lacks(texts ...string) reply {
	r.t.Helper()
	for _, one := range texts {
		if strings.Contains(string(r.Body), one) {
			r.t.Errorf("%s says %q: %s", r.what, one, r.Body)
		}
	}
	return r
}

// TestMyPagesNeedSomebody asks for every page of an account without a session, in every language with one, and posts from a
// foreign origin (WB-01).
func TestMyPagesNeedSomebody_WB01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		nobody := newWire(t, i)
		for _, path := range myPaths {
			if r := nobody.ask(http.MethodGet, path, nil, "Accept", "text/html"); r.Status == http.StatusOK {
				t.Errorf("%s: a stranger sees it: %s", path, r.Body)
			}
			for _, language := range []string{"en", "de", "es", "fr", "ja", "pt", "zh"} {
				r := ann.ask(http.MethodGet, path, nil, "Accept", "text/html", "Accept-Language", language).want(http.StatusOK)
				r.says(`lang="` + language + `"`)
			}
			if path == "/my" || path == "/my/activity" {
				continue
			}
			if r := ann.ask(http.MethodPost, path, url.Values{"do": {"x"}}, "Origin", "https://evil.example", "Accept", "text/html"); r.Status != http.StatusForbidden {
				t.Errorf("%s from elsewhere: %d", path, r.Status)
			}
		}
	})
}

// myPaths are the pages of an account.
var myPaths = []string{"/my", "/my/sessions", "/my/password", "/my/two-factor", "/my/profile", "/my/emails", "/my/passkeys", "/my/identities",
	"/my/api-keys", "/my/accounts", "/my/waitlists", "/my/activity", "/my/data"}

func TestMyOverview(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		ann.see("/my", "ann@example.com", "2 sessions", "/my/sessions", "/my/password")
		ann.see("/my?done=%3Cscript%3E").lacks(`class="notice"`, "&lt;script")
	})
}

func TestMySessions(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann, bob := visit(t, i, "ann@example.com"), visit(t, i, "bob@example.com")
		ann.see("/my/sessions", "This one", ann.id, "No session has ended lately.").lacks(bob.id)
		// Another person's session is not found, and lives on.
		ann.send("/my/sessions", url.Values{"do": {"end"}, "id": {bob.id}}).want(http.StatusNotFound)
		ok[client.Me](t)(bob.me.GetMe(t.Context()))
		for _, form := range []url.Values{{}, {"do": {"other"}}, {"do": {"end"}}} {
			if r := ann.send("/my/sessions", form); r.Status < 400 || r.Status >= 500 {
				t.Errorf("%v: %d", form, r.Status)
			}
		}
		ann.send("/my/sessions", url.Values{"do": {"end"}, "id": {ann.id}}).want(http.StatusOK).
			says("The session has ended.", "You ended it.", "You are signed in nowhere else.")
		if _, err := ann.me.GetMe(t.Context()); err == nil {
			t.Error("the ended session lives on")
		}
		again := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: ann.email, Password: phrase}))
		ann.see("/my/sessions", again.Session.ID, "End all other sessions")
		ann.send("/my/sessions", url.Values{"do": {"end-others"}}).want(http.StatusOK).
			says("All other sessions have ended.", "You signed out everywhere.").lacks(again.Session.ID)
		// What a program says of itself is text and nothing else (WB-08).
		ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: ann.email, Password: phrase, Device: "<script>alert(1)</script>"}))
		ann.see("/my/sessions", "End all other sessions", "&lt;script&gt;alert(1)").lacks("<script>alert")
	})
}

func TestMyPassword_PW15(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		const fresh = "wrong horse staple"
		ann.see("/my/password", `autocomplete="current-password"`, `autocomplete="new-password"`, `value="ann@example.com"`)
		ann.send("/my/password", url.Values{"current_password": {"not it at all"}, "password": {fresh}}).want(http.StatusUnauthorized).
			says(`id="current-password-error"`).lacks("not it at all", fresh)
		ann.send("/my/password", url.Values{"current_password": {phrase}, "password": {"short"}}).want(http.StatusBadRequest).
			says(`id="new-password-error"`).lacks(phrase)
		ann.send("/my/password", url.Values{"current_password": {phrase}, "password": {phrase}}).want(http.StatusConflict).says(`role="alert"`)
		ann.send("/my/password", url.Values{"current_password": {phrase}, "password": {fresh}}).want(http.StatusOK).says("Your password is changed.")
		if _, err := ann.me.GetMe(t.Context()); err == nil {
			t.Error("the other session lives on")
		}
		ann.see("/my/sessions", "The password was changed.")
		ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: ann.email, Password: fresh}))
	})
}

// hidden is the value of a hidden field of a page.
func (r reply) hidden(name string) string {
	r.t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindSubmatch(r.Body)
	if m == nil {
		r.t.Fatalf("%s has no field %s: %s", r.what, name, r.Body)
	}
	return html.UnescapeString(string(m[1]))
}

func TestMyTwoFactor(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		const path = "/my/two-factor"
		ann.see(path, "Set it up")
		if r := ann.send(path, url.Values{"do": {"nothing"}}); r.Status != http.StatusBadRequest {
			t.Errorf("an unknown form: %d", r.Status)
		}
		ann.send(path, url.Values{"do": {"confirm"}, "code": {"123456"}}).says(`role="alert"`).lacks("otpauth")
		begun := ann.send(path, url.Values{"do": {"begin"}}).want(http.StatusOK).says(`src="data:image/png;base64,`, `autocomplete="one-time-code"`)
		secret, uri := begun.hidden("secret"), begun.hidden("uri")
		if begun.Header.Get("Cache-Control") != "no-store" {
			t.Error("the secret may be kept by the browser")
		}
		// A wrong code shows the same secret again.
		again := ann.send(path, url.Values{"do": {"confirm"}, "code": {"000000"}, "secret": {secret}, "uri": {uri}}).says(`role="alert"`, `src="data:image/png;base64,`)
		if again.hidden("secret") != secret {
			t.Error("another secret after a wrong code")
		}
		codes := ann.send(path, url.Values{"do": {"confirm"}, "code": {code(t, i, secret)}}).want(http.StatusOK).
			says("The authenticator app is on.", `download="backup-codes.txt"`)
		first := regexp.MustCompile(`<li><code>([^<]+)</code>`).FindSubmatch(codes.Body)
		if first == nil {
			t.Fatalf("no backup codes: %s", codes.Body)
		}
		ann.see(path, "backup codes are left").lacks(string(first[1]), secret)
		ann.see("/my", "backup codes are left")
		ann.send(path, url.Values{"do": {"renew"}, "code": {"000000"}}).says(`id="code-error"`)
		ann.send(path, url.Values{"do": {"renew"}, "code": {code(t, i, secret)}}).want(http.StatusOK).says("You have new backup codes.").lacks(string(first[1]))
		ann.send(path, url.Values{"do": {"off"}, "code": {string(first[1])}}).says(`id="code-error"`)
		ann.send(path, url.Values{"do": {"off"}, "code": {code(t, i, secret)}}).want(http.StatusOK).says("The authenticator app is off.", "Set it up")
		// Later the person proves again who it is, and comes back.
		i.Clock.Advance(time.Hour)
		stale := ann.send(path, url.Values{"do": {"begin"}}).want(http.StatusOK).lacks("otpauth")
		if stale.hidden("return_to") != path {
			t.Errorf("comes back to %s", stale.hidden("return_to"))
		}
		ann.send("/step-up", url.Values{"current_password": {phrase}, "return_to": {path}}).want(http.StatusOK).says("Set it up")
		ann.send(path, url.Values{"do": {"begin"}}).want(http.StatusOK).says("otpauth")
	})
}
