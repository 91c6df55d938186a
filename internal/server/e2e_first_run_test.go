package server_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

var snippets = regexp.MustCompile(`(?s)<pre [^>]*><code>(.*?)</code></pre>`)

// The link of a new server leads through three steps to commands that work as they stand, for every contract.
func TestFirstRun_AD01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		v := newVisitor(t, i)
		token := i.SetupToken()
		v.open("/setup?token=" + token).want(200).says("Step 1 of 3")
		v.open("/setup/app").leads("/sign-in?return_to=%2Fsetup%2Fapp")
		v.send("/setup", "token", token, "email", "ada@example.com", "password", "short").want(400).says("Step 1 of 3", `role="alert"`)
		v.send("/setup", "token", token, "email", "ada@example.com", "password", phrase, "name", "Ada").leads("/setup/app")
		v.open("/setup/app").want(200).says("Step 2 of 3", `name="name"`)
		v.send("/setup/app", "name", "").want(400).says("Step 2 of 3", `role="alert"`)
		v.send("/setup/app", "name", "Harbour").leads("/setup/people")
		v.open("/setup/people").want(200).says("Step 3 of 3", "Harbour", `value="open" checked`)
		v.send("/setup/people", "registration", "whatever").want(400).says("Step 3 of 3", `role="alert"`)
		v.send("/setup/people", "registration", "invite").leads("/setup/done")
		app := ok[client.App](t)(i.Operator.GetApp(t.Context(), "default"))
		if app.Name != "Harbour" || app.Registration != "invite" {
			t.Errorf("%+v", app)
		}
		page := v.open("/setup/done").want(200).says(i.URL + "/sign-in")
		key := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(t.Context(), "default", "a program", ""))
		tried := 0
		for _, found := range snippets.FindAllStringSubmatch(string(page.Body), -1) {
			text := html.UnescapeString(found[1])
			if !strings.HasPrefix(text, "curl ") {
				continue
			}
			tried++
			text = strings.ReplaceAll(text, "YOUR-PASSWORD", phrase)
			text = strings.ReplaceAll(text, "YOUR-APP-KEY", key.Secret)
			text = strings.ReplaceAll(text, "YOUR-ACCESS-TOKEN", adminToken(t, i))
			e := exchange{}
			e.parseCurl(t, text)
			r, err := http.NewRequestWithContext(t.Context(), e.method, i.URL+e.target, strings.NewReader(e.body))
			none(t, err)
			for _, h := range e.header {
				r.Header.Set(h[0], h[1])
			}
			resp, err := i.Browser().Do(r)
			none(t, err)
			none(t, resp.Body.Close())
			if resp.StatusCode/100 != 2 {
				t.Errorf("%d: %s", resp.StatusCode, text)
			}
		}
		if tried < 6 {
			t.Errorf("%d commands: %s", tried, page.Body)
		}

		somebody(t, i, "ann@example.com")
		ann := signedIn(t, i, "ann@example.com")
		for _, path := range []string{"/setup/app", "/setup/people", "/setup/done"} {
			ann.open(path).want(403)
		}
		ann.send("/setup/app", "name", "Mine").want(403)
		newVisitor(t, i).send("/setup", "token", token, "email", "eve@example.com", "password", phrase).want(400)
	})
}

func adminToken(t *testing.T, i *servertest.Instance) string {
	t.Helper()
	return ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ada@example.com", Password: phrase})).Tokens.AccessToken
}

// The page of a mailed link says whom it is about and where it leads, to who has the link and to nobody else, and spends
// nothing (ET-09, IN-03).
func TestMailedPagesSayWho_ET09_IN03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "Ann.Lee@example.com")
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"name": "Harbour"}))
		v := newVisitor(t, i)
		_, err := i.Client.SendMagicLink(t.Context(), "ann.lee@example.com")
		none(t, err)
		token := linkToken(t, i, "Ann.Lee@example.com", "/magic")
		for range 3 {
			v.open("/magic?token="+token).want(200).says("Ann.Lee@example.com", "Harbour", "<button>Sign in</button>")
			v.ask("HEAD", "/magic?token="+token, nil).want(200)
		}
		if page := v.open("/verify?token=" + token).want(400); strings.Contains(string(page.Body), "Ann.Lee") {
			t.Error("the wrong page tells")
		}
		if page := v.open("/magic?token=" + token[:len(token)-1]).want(400); strings.Contains(string(page.Body), "Ann.Lee") {
			t.Error("half a link tells")
		}
		v.send("/magic", "token", token).leads("/done/signed-in")
		v.open("/magic?token=" + token).want(400)
		v.open("/done/signed-in").want(200).says("Ann.Lee@example.com", `data-passkey="offer"`, `data-passkey="register"`)

		ok[client.Invite](t)(i.Operator.CreateInvite(t.Context(), client.NewInvite{Email: "bob@example.com"}))
		token = linkToken(t, i, "bob@example.com", "/invite")
		v.open("/invite?token="+token).want(200).says("bob@example.com", "You are invited to Harbour")
		v.open("/cancel-deletion?token=" + token).want(400)
	})
}

// Who has signed in with a password makes a passkey without leaving the page, and the browser may do it without asking.
func TestPasskeyOffer(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		v := signedIn(t, i, "ann@example.com")
		device := newDevice(t, i)
		begun := v.ask("POST", "/passkey/offer/begin", object{"conditional": true}, "Origin", i.URL).want(200)
		options, _ := begun.object()["options"].(object)
		done := v.ask("POST", "/passkey/offer/finish", object{"flow": begun.text("flow"), "credential": device.make(options)}, "Origin", i.URL).want(200)
		if done.text("location") != "/done/passkey" {
			t.Errorf("%s", done.Body)
		}
		v.open("/done/passkey").want(200)
		v.open("/done/signed-in").want(200).says(`data-signals="{&#34;rp_id&#34;`).lacks(`data-passkey="offer"`)
		newVisitor(t, i).ask("POST", "/passkey/offer/begin", object{}, "Origin", i.URL).want(401)
	})
}

// linkToken is the token of the link to a page in the latest mail that has one, to an address.
func linkToken(t *testing.T, i *servertest.Instance, to, page string) string {
	t.Helper()
	for _, m := range i.Mails(to) {
		for _, link := range m.Links {
			u, err := url.Parse(link)
			none(t, err)
			if u.Path == page {
				return u.Query().Get("token")
			}
		}
	}
	t.Fatal("no mail with a link to " + to)
	return ""
}
