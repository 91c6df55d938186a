package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// visitor is a person with a browser that shows where it is sent instead of going there.
type visitor struct {
	*wire
	i *servertest.Instance
}

func newVisitor(t *testing.T, i *servertest.Instance) visitor {
	t.Helper()
	w := newWire(t, i)
	w.http = i.Browser()
	w.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return visitor{w, i}
}

// open asks for a page.
func (v visitor) open(path string) reply {
	v.t.Helper()
	return v.ask("GET", path, nil, "Accept", "text/html")
}

// send posts a form of a page of ours.
func (v visitor) send(path string, fields ...string) reply {
	v.t.Helper()
	return v.ask("POST", path, formOf(fields...), "Origin", v.i.URL, "Accept", "text/html")
}

// formOf are names of fields and their values.
func formOf(fields ...string) url.Values {
	form := url.Values{}
	for n := 0; n < len(fields); n += 2 {
		form.Set(fields[n], fields[n+1])
	}
	return form
}

// cookie is the value of one that the browser has; empty if it has none.
func (v visitor) cookie(name string) string {
	v.t.Helper()
	at, err := url.Parse(v.i.URL)
	none(v.t, err)
	for _, c := range v.http.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// leads asserts that the answer sends a browser on with GET (WB-10).
func (r reply) leads(to string) reply {
	r.t.Helper()
	if got := r.Header.Get("Location"); r.Status != http.StatusSeeOther || got != to {
		r.t.Fatalf("%s: %d to %q, want %q: %s", r.what, r.Status, got, to, r.Body)
	}
	return r
}

// says asserts what stands on a page.
func (r reply) says(texts ...string) reply {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(string(r.Body), text) {
			r.t.Fatalf("%s does not say %q: %s", r.what, text, r.Body)
		}
	}
	return r
}

func somebody(t *testing.T, i *servertest.Instance, email string) {
	t.Helper()
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: email, Password: phrase, EmailVerified: true}))
}

// signedIn is a visitor with a session.
func signedIn(t *testing.T, i *servertest.Instance, email string) visitor {
	t.Helper()
	v := newVisitor(t, i)
	v.send("/sign-in/password", "identifier", email, "password", phrase).leads("/done/signed-in")
	return v
}

var shifting = regexp.MustCompile(`nonce="[^"]*"|<code>[^<]*</code>|[a-z]+@example\.com`)

// A password signs in, the cookie is a new one, and who is unknown is told nothing else than who is known.
func TestSignInPages_SE02_EN01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		v := newVisitor(t, i)
		v.open("/sign-in?return_to=%2Fdocs%2Fostiary%3Fa%3Db").want(200).says(`name="return_to" value="/docs/ostiary?a=b"`, `autocomplete="username`)
		v.send("/sign-in", "identifier", "").want(400).says(`role="alert"`, `aria-invalid="true"`)
		v.open("/sign-in/password").leads("/sign-in")
		v.send("/sign-in", "identifier", " ann@example.com ", "return_to", "/docs/ostiary?a=b").leads("/sign-in/password?return_to=%2Fdocs%2Fostiary%3Fa%3Db")
		v.open("/sign-in/password?return_to=%2Fdocs%2Fostiary%3Fa%3Db").want(200).says(`value="ann@example.com"`, `autocomplete="current-password"`, "Mail me a link")
		wrong := v.send("/sign-in/password", "identifier", "ann@example.com", "password", "not this one").want(401).says(`role="alert"`, "/forgot")
		unknown := v.send("/sign-in/password", "identifier", "eve@example.com", "password", "not this one").want(401)
		if a, b := shifting.ReplaceAllString(string(wrong.Body), ""), shifting.ReplaceAllString(string(unknown.Body), ""); a != b {
			t.Errorf("known and unknown differ:\n%s\n%s", a, b)
		}
		if strings.Contains(string(wrong.Body), "not this one") {
			t.Error("the password comes back")
		}
		at, err := url.Parse(i.URL)
		none(t, err)
		planted := signedIn(t, i, "ann@example.com").cookie("ostiary-default")
		v.http.Jar.SetCookies(at, []*http.Cookie{{Name: "ostiary-default", Value: planted, Path: "/"}})
		v.send("/sign-in/password", "identifier", "ann@example.com", "password", phrase, "return_to", "/docs/ostiary?a=b").leads("/docs/ostiary?a=b")
		if got := v.cookie("ostiary-default"); got == "" || got == planted {
			t.Errorf("the session cookie is %q", got)
		}
		v.open("/sign-in").want(200).says("You are signed in as ann@example.com.")
		if r := v.ask("POST", "/sign-in/password", url.Values{"identifier": {"ann@example.com"}, "password": {phrase}}, "Origin", "https://evil.example"); r.Status != 403 || r.Header.Get("Set-Cookie") != "" {
			t.Errorf("from a foreign page: %d", r.Status)
		}
	})
}

// Looking at the page signs nobody out; the button does, on the server first. Who comes with the old cookie hears why.
func TestSignOutPages_SE03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		v := signedIn(t, i, "ann@example.com")
		old := v.cookie("ostiary-default")
		v.open("/sign-out").want(200).says("<button>Sign out</button>")
		v.open("/step-up").want(200)
		v.send("/sign-out").leads("/signed-out")
		if v.cookie("ostiary-default") != "" {
			t.Error("the cookie stays")
		}
		v.open("/signed-out").want(200).says("You are signed out")
		v.send("/sign-out").leads("/signed-out")
		at, err := url.Parse(i.URL)
		none(t, err)
		v.http.Jar.SetCookies(at, []*http.Cookie{{Name: "ostiary-default", Value: old, Path: "/"}})
		v.open("/step-up").leads("/signed-out?why=signed-out&return_to=%2Fstep-up")

		v = signedIn(t, i, "ann@example.com")
		user := ok[client.User](t)(i.Operator.GetUser(t.Context(), "ann@example.com"))
		ok[int](t)(i.Operator.EndUserSessions(t.Context(), user.ID))
		to := v.open("/step-up").Header.Get("Location")
		if !strings.HasPrefix(to, "/signed-out?why=ended-by-admin") || v.cookie("ostiary-default") != "" {
			t.Errorf("ended elsewhere: %s", to)
		}
		v.open(to).want(200).says("An administrator ended it.", `href="/sign-in?return_to=%2Fstep-up"`)
		v.open("/signed-out?why=%3Cscript%3E").want(200).says("You are signed out")
		v.open("/step-up").leads("/sign-in?return_to=%2Fstep-up")
	})
}

// A user with a second factor is half signed in until the code is right; the half is the browser's own.
func TestTwoFactorPage(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "ann@example.com")
		secret := h.withTOTP(t, i)
		v := newVisitor(t, i)
		v.open("/two-factor").leads("/sign-in")
		v.send("/sign-in/password", "identifier", "ann@example.com", "password", phrase, "return_to", "/docs/ostiary").leads("/two-factor?return_to=%2Fdocs%2Fostiary")
		if v.cookie("ostiary-default") != "" || v.cookie("ostiary-flow") == "" {
			t.Error("half signed in with a session, or without a memory of it")
		}
		v.open("/two-factor?return_to=%2Fdocs%2Fostiary").want(200).says(`autocomplete="one-time-code"`, `data-passkey="second-factor"`)
		v.send("/two-factor", "code", "000000", "return_to", "/docs/ostiary").want(401).says(`id="code-error"`, `name="return_to" value="/docs/ostiary"`)
		other := newVisitor(t, i)
		other.send("/two-factor", "code", code(t, i, secret)).want(400)
		v.send("/two-factor", "code", code(t, i, secret), "return_to", "/docs/ostiary").leads("/docs/ostiary")
		if v.cookie("ostiary-default") == "" || v.cookie("ostiary-flow") != "" {
			t.Error("not signed in, or the flow goes on")
		}
	})
}

// Link and code of one mail: the code works in the browser that asked and in no other (ET-11).
func TestMagicCodePage_ET11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		digits := regexp.MustCompile(`\b\d{3} ?\d{3}\b`)
		v, other := newVisitor(t, i), newVisitor(t, i)
		v.open("/magic/code").leads("/sign-in")
		v.send("/sign-in/mail", "identifier", "ann@example.com").leads("/magic/code")
		other.send("/sign-in/mail", "identifier", "eve@example.com").leads("/magic/code")
		found := digits.FindString(i.Inbox("ann@example.com").Text)
		a, b := v.open("/magic/code").want(200), other.open("/magic/code").want(200)
		if shifting.ReplaceAllString(string(a.Body), "") != shifting.ReplaceAllString(string(b.Body), "") {
			t.Error("known and unknown differ")
		}
		other.send("/magic/code", "code", found).want(401)
		v.send("/magic/code", "code", "000000").want(401).says(`id="mailed-code-error"`)
		v.send("/magic/code", "code", " "+found+" ").leads("/done/signed-in")
		if v.cookie("ostiary-default") == "" {
			t.Error("not signed in")
		}
	})
}

// The page asks for what the app's registration mode asks for.
func TestSignUpPages(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		mode := func(m string) {
			ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"registration": m}))
		}
		v := newVisitor(t, i)
		v.open("/sign-up").want(200).says(`autocomplete="new-password"`, `autocomplete="email"`)
		v.send("/sign-up", "email", "kim@example.com", "password", "short", "name", "Kim").want(400).says(`id="new-password-error"`, `value="kim@example.com"`, `value="Kim"`)
		v.send("/sign-up", "email", "no address", "password", phrase).want(400).says(`id="email-error"`)
		v.send("/sign-up", "email", "kim@example.com", "password", phrase, "name", "Kim").leads("/done/registered")
		v.send("/sign-in/password", "identifier", "kim@example.com", "password", phrase).leads("/verify/resend")
		v.open("/verify/resend").want(200).says(`value="kim@example.com"`)
		i.Clock.Advance(time.Minute)
		v.send("/verify/resend", "email", "kim@example.com").leads("/done/registered")
		v.send("/verify", "token", mailed(t, i, "kim@example.com")).leads("/done/verified")
		v.send("/sign-in/password", "identifier", "kim@example.com", "password", phrase).leads("/done/signed-in")

		mode("invite-code")
		v.open("/sign-up").want(200).says(`name="invite_code"`)
		v.send("/sign-up", "email", "lou@example.com", "password", phrase, "invite_code", "wrong").want(400).says(`id="invite-code-error"`)
		code := ok[client.InviteCode](t)(i.Operator.CreateInviteCode(t.Context(), client.NewInviteCode{}))
		v.send("/sign-up", "email", "lou@example.com", "password", phrase, "invite_code", code.Code).leads("/done/registered")

		mode("waitlist")
		if r := v.open("/sign-up").want(200).says("Join the waiting list"); strings.Contains(string(r.Body), `type="password"`) {
			t.Error("who waits is asked for a password")
		}
		v.send("/sign-up", "email", "max@example.com").leads("/done/waiting")
		v.open("/sign-up?code=1").want(200).says(`name="invite_code"`, `type="password"`)

		for _, shut := range []string{"invite", "closed"} {
			mode(shut)
			if r := v.open("/sign-up").want(200); strings.Contains(string(r.Body), "<form") {
				t.Errorf("%s: there is a form", shut)
			}
			v.send("/sign-up", "email", "ned@example.com", "password", phrase).want(403)
		}
	})
}

func TestForgottenPasswordPages_ET09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		v := newVisitor(t, i)
		v.open("/forgot").want(200).says(`name="identifier"`)
		v.send("/forgot", "identifier", "eve@example.com").leads("/done/forgotten")
		v.send("/forgot", "identifier", "ann@example.com").leads("/done/forgotten")
		token := mailed(t, i, "ann@example.com")
		for range 3 {
			v.open("/reset?token="+token).want(200).says("ann@example.com", `autocomplete="new-password"`)
		}
		v.ask("HEAD", "/reset?token="+token, nil).want(200)
		v.send("/reset", "token", token, "password", "short").want(400).says(`id="new-password-error"`, `name="token" value="`+token+`"`)
		v.send("/reset", "token", token, "password", "staple battery horse").leads("/done/reset")
		v.send("/reset", "token", token, "password", "staple battery horse").want(400).says("This link does not work any more", `href="/sign-in"`)
		v.send("/sign-in/password", "identifier", "ann@example.com", "password", "staple battery horse").leads("/done/signed-in")
	})
}

// A fresh proof replaces the cookie and leads back to where the person was.
func TestStepUpPage_SE02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		v := signedIn(t, i, "ann@example.com")
		before := v.cookie("ostiary-default")
		v.open("/step-up?return_to=%2Fdocs").want(200).says("ann@example.com", `autocomplete="current-password"`)
		v.send("/step-up", "current_password", "wrong", "return_to", "/docs").want(401).says(`role="alert"`, `name="return_to" value="/docs"`)
		v.send("/step-up", "current_password", phrase, "return_to", "/docs").leads("/docs")
		if after := v.cookie("ostiary-default"); after == before || after == "" {
			t.Error("the cookie is the same")
		}
		newVisitor(t, i).send("/step-up", "current_password", phrase).leads("/sign-in?return_to=%2Fstep-up")
	})
}

// A passkey signs in, is the second factor, and proves again who it is, through the script of the pages.
func TestPasskeyPages(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "ann@example.com")
		h.withTOTP(t, i)
		v := newVisitor(t, i)
		ceremony := func(kind string, query string) reply {
			begun := v.ask("POST", "/passkey/"+kind+"/begin"+query, object{}, "Origin", i.URL).want(200)
			var options map[string]any
			options, _ = begun.object()["options"].(object)
			return v.ask("POST", "/passkey/"+kind+"/finish"+query, object{"flow": begun.text("flow"), "credential": h.device.use(options)}, "Origin", i.URL)
		}
		v.open("/sign-in").want(200).says(`data-passkey="sign-in"`, `autocomplete="username webauthn"`, "/static/passkey-")
		if r := ceremony("sign-in", "?return_to=%2Fdocs").want(200); r.text("location") != "/docs" || v.cookie("ostiary-default") == "" {
			t.Errorf("%s", r.Body)
		}
		before := v.cookie("ostiary-default")
		v.open("/step-up").want(200).says(`data-passkey="step-up"`)
		if r := ceremony("step-up", "?return_to=%2F%2Fevil.example").want(200); r.text("location") != "/done/proven" || v.cookie("ostiary-default") == before {
			t.Errorf("%s", r.Body)
		}
		v.send("/sign-out").leads("/signed-out")
		v.send("/sign-in/password", "identifier", "ann@example.com", "password", phrase).leads("/two-factor")
		if r := ceremony("second", "").want(200); r.text("location") != "/done/signed-in" || v.cookie("ostiary-default") == "" {
			t.Errorf("%s", r.Body)
		}
		v.ask("POST", "/passkey/sign-in/begin", object{}, "Origin", "https://evil.example").want(403)
		v.ask("POST", "/passkey/sign-in/begin", url.Values{}, "Origin", i.URL).want(415)
		v.ask("POST", "/passkey/sign-in/finish", `{"flow":"a","flow":"b"}`, "Origin", i.URL).want(400)
		v.ask("POST", "/passkey/sign-in/finish", object{"flow": "dead", "credential": object{}}, "Origin", i.URL).want(400)
	})
}
