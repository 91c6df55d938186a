package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// later lets the step-up window pass; a form then leads to where the person proves again who they are, and back.
func (v resident) later() {
	v.t.Helper()
	v.i.Clock.Advance(10 * time.Minute)
}

// stepsUp sends a form that needs a fresh proof, wants to be asked for it without a secret on the way, gives it, and answers
// the page that it comes back to.
func (v resident) stepsUp(path string, form url.Values) reply {
	v.t.Helper()
	asked := v.send(path, form).want(http.StatusOK).says(`action="/step-up"`)
	back := asked.hidden("return_to")
	if !strings.HasPrefix(back, path) {
		v.t.Errorf("%s leads back to %s", path, back)
	}
	return v.send("/step-up", url.Values{"current_password": {phrase}, "return_to": {back}}).want(http.StatusOK)
}

func TestMyProfile(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		const path = "/my/profile"
		ann.see(path, `name="given_name"`, `name="attributes.company"`, "Deutsch").lacks(`name="attributes.plan"`)
		ann.send(path, url.Values{"do": {"save"}, "name": {"Ann <b>"}, "given_name": {"Ann"}, "family_name": {""}, "locale": {"de"},
			"attributes.company.there": {"1"}, "attributes.company": {"Rowing"}}).want(http.StatusOK).says("Your profile is saved.", `value="Rowing"`,
			"Ann &lt;b&gt;").lacks("Ann <b>")
		u := ok[client.Me](t)(ann.me.GetMe(t.Context())).User
		if u.Name != "Ann <b>" || u.GivenName != "Ann" || u.Locale != "de" || u.Attributes["company"] != "Rowing" {
			t.Errorf("the profile is %+v", u)
		}
		// Nothing but what the person may write is written, whatever the form says (ET-14, AD-03).
		ann.send(path, url.Values{"do": {"save"}, "name": {"Ann"}, "role": {"admin"}, "email": {"other@example.com"}, "email_verified": {"true"},
			"attributes.plan.there": {"1"}, "attributes.plan": {"gold"}}).want(http.StatusOK)
		u = ok[client.Me](t)(ann.me.GetMe(t.Context())).User
		if u.Role != "user" || u.Email != "ann@example.com" || u.Attributes["plan"] != nil || u.Attributes["company"] != "Rowing" || u.GivenName != "Ann" {
			t.Errorf("the profile is %+v", u)
		}
		ann.send(path, url.Values{"do": {"save"}, "locale": {"not a tag"}}).want(http.StatusBadRequest).says(`role="alert"`)
		ann.send(path, url.Values{"do": {"save"}, "name": {"Bo"}, "attributes.company.there": {"1"}, "attributes.company": {strings.Repeat("x", 300)}}).
			want(http.StatusBadRequest).says(`aria-describedby="extra-0-error"`, `value="Bo"`)
		ann.send(path, url.Values{"do": {"save"}, "attributes.company.there": {"1"}, "attributes.company": {""}}).want(http.StatusOK)
		if u = ok[client.Me](t)(ann.me.GetMe(t.Context())).User; u.Attributes["company"] != nil {
			t.Errorf("attributes %v", u.Attributes)
		}

		ann.later()
		ann.stepsUp(path, url.Values{"do": {"username"}, "username": {"ann"}}).says(`value="ann"`)
		ann.send(path, url.Values{"do": {"username"}, "username": {"ann"}}).want(http.StatusOK).says("Your username is set.")
		ann.send(path, url.Values{"do": {"username"}, "username": {"ann"}}).want(http.StatusConflict).says(`role="alert"`)
		bob := visit(t, i, "bob@example.com")
		bob.send(path, url.Values{"do": {"username"}, "username": {"ann"}}).want(http.StatusConflict).says(`id="username-error"`)
	})
}

// Several addresses: only a followed link adds one, what is sensitive asks again who it is (ET-13, ET-14).
func TestMyEmails_ET13(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann, bob := visit(t, i, "ann@example.com"), visit(t, i, "bob@example.com")
		const path = "/my/emails"
		ann.see(path, "ann@example.com", "Primary").lacks(`value="remove"`, `value="primary"`)
		ann.send(path, url.Values{"do": {"add"}, "email": {"nonsense"}}).want(http.StatusBadRequest).says(`id="email-error"`, `value="nonsense"`)
		ann.send(path, url.Values{"do": {"add"}, "email": {""}}).want(http.StatusBadRequest).says(`id="email-error"`)
		ann.send(path, url.Values{"do": {"add"}, "email": {"ann@example.com"}}).want(http.StatusConflict)
		// An address that is somebody else's is answered like a free one (EN-01).
		ann.send(path, url.Values{"do": {"add"}, "email": {"bob@example.com"}}).want(http.StatusOK).says("A mail is on its way.")
		ann.later()
		ann.stepsUp(path, url.Values{"do": {"add"}, "email": {"second@example.com"}}).says(`value="second@example.com"`)
		ann.send(path, url.Values{"do": {"add"}, "email": {"second@example.com"}}).want(http.StatusOK).says("Not confirmed")
		i.Clock.Advance(time.Second)
		ann.send(path, url.Values{"do": {"resend"}}).want(http.StatusOK).says("A mail is on its way.")
		bob.send("/verify", url.Values{"token": {mailed(t, i, "second@example.com")}}).want(http.StatusOK)
		list := ok[[]client.Address](t)(ann.me.ListEmails(t.Context()))
		if len(list) != 2 || list[1].Email != "second@example.com" || list[1].VerifiedAt == nil {
			t.Fatalf("addresses %+v", list)
		}
		first, second := list[0].ID, list[1].ID
		ann.see(path, "second@example.com", `value="primary"`)
		bob.enter()
		for _, do := range []string{"primary", "remove"} { // another's address is not found
			bob.send(path, url.Values{"do": {do}, "id": {second}}).want(http.StatusNotFound)
		}
		ann.send(path, url.Values{"do": {"remove"}, "id": {first}}).want(http.StatusConflict).says(`role="alert"`)
		ann.send(path, url.Values{"do": {"primary"}, "id": {second}}).want(http.StatusOK).says("Mails go to this address from now on.")
		if u := ok[client.Me](t)(ann.me.GetMe(t.Context())).User; u.Email != "second@example.com" || !u.EmailVerified {
			t.Errorf("the user is %+v", u)
		}
		ann.later()
		ann.stepsUp(path, url.Values{"do": {"remove"}, "id": {first}})
		ann.send(path, url.Values{"do": {"remove"}, "id": {first}}).want(http.StatusOK).says("The address is removed.").lacks("ann@example.com")
	})
}

func TestMyPasskeys_MF04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann, bob := visit(t, i, "ann@example.com"), visit(t, i, "bob@example.com")
		const path = "/my/passkeys"
		ann.see(path, "You have no passkey yet.", `data-passkey="register"`, `<noscript>`, `data-step-up="/step-up?return_to=%2Fmy%2Fpasskeys"`)
		key := holder{me: ann.me}.register(t, newDevice(t, i))
		ann.see(path, key.Name, key.ID, "data-signals")
		ann.send(path, url.Values{"do": {"rename"}, "id": {key.ID}, "name": {"Blue <i>"}}).want(http.StatusOK).says("Blue &lt;i&gt;", "The passkey has its new name.")
		ann.send(path, url.Values{"do": {"rename"}, "id": {key.ID}, "name": {""}}).want(http.StatusBadRequest)
		bob.send(path, url.Values{"do": {"rename"}, "id": {key.ID}, "name": {"Mine"}}).want(http.StatusNotFound)
		bob.send(path, url.Values{"do": {"remove"}, "id": {key.ID}}).want(http.StatusNotFound)
		ann.later()
		begun := ann.ask(http.MethodPost, path+"/begin", json.RawMessage("{}"), "Origin", i.URL)
		if begun.Status != http.StatusForbidden || !strings.Contains(string(begun.Body), "reauthentication-required") {
			t.Errorf("a stale session begins: %d %s", begun.Status, begun.Body)
		}
		ann.stepsUp(path, url.Values{"do": {"remove"}, "id": {key.ID}})
		ann.send(path, url.Values{"do": {"remove"}, "id": {key.ID}}).want(http.StatusOK).says("The passkey opens nothing any more.", "You have no passkey yet.")
		for _, step := range []string{"/begin", "/finish"} {
			if r := ann.ask(http.MethodPost, path+step, json.RawMessage("{}"), "Origin", "https://evil.example"); r.Status != http.StatusForbidden {
				t.Errorf("%s from elsewhere: %d", step, r.Status)
			}
		}
	})
}

func TestMyAPIKeys(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann, bob := visit(t, i, "ann@example.com"), visit(t, i, "bob@example.com")
		const path = "/my/api-keys"
		form := url.Values{"do": {"create"}, "key_name": {"Build"}, "life": {"30d"}, "scope.account:read": {"1"}, "other_scopes": {"boats:read  boats:row"}}
		ann.see(path, "You have no API key.", `name="scope.account:read"`).lacks(`name="scope.admin"`)
		ann.later()
		ann.stepsUp(path, form).says(`value="Build"`, `value="30d" selected`, `value="boats:read  boats:row"`)
		shown := regexp.MustCompile(`<code id="secret"[^>]*>([^<]+)</code>`)
		made := ann.send(path, form).want(http.StatusOK).says("It is shown only now.")
		secret := shown.FindSubmatch(made.Body)
		if secret == nil || made.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v %s", made.Header, made.Body)
		}
		with := i.Client.WithToken(string(secret[1]))
		if me := ok[client.Me](t)(with.GetMe(t.Context())); strings.Join(me.Scopes, " ") != "boats:read boats:row account:read" {
			t.Errorf("the key may %v", me.Scopes)
		}
		keys := ok[client.APIKeyPage](t)(ann.me.ListAPIKeys(t.Context(), client.Paging{}))
		id := keys.APIKeys[0].ID
		if life := keys.APIKeys[0].ExpiresAt.Sub(keys.APIKeys[0].CreatedAt); life != 30*24*time.Hour {
			t.Errorf("it lives %s", life)
		}
		ann.see(path, "Build", id).lacks(string(secret[1]))
		for _, bad := range []url.Values{{"do": {"create"}, "key_name": {""}, "life": {"30d"}}, {"do": {"create"}, "key_name": {"x"}, "life": {"1000y"}},
			{"do": {"create"}, "key_name": {"x"}, "life": {"30d"}, "other_scopes": {`"quoted"`}}} {
			ann.send(path, bad).want(http.StatusBadRequest).says(`role="alert"`)
		}
		ann.send(path, url.Values{"do": {"create"}, "key_name": {"x"}, "life": {"30d"}, "scope.admin": {"1"}}).want(http.StatusForbidden).says(`role="alert"`)
		bob.enter()
		for _, do := range []string{"rotate", "revoke"} {
			bob.send(path, url.Values{"do": {do}, "id": {id}}).want(http.StatusNotFound)
		}
		rotated := ann.send(path, url.Values{"do": {"rotate"}, "id": {id}}).want(http.StatusOK).says("The secret of before works for one more hour.")
		if fresh := shown.FindSubmatch(rotated.Body); fresh == nil || string(fresh[1]) == string(secret[1]) {
			t.Error("no new secret")
		}
		ann.send(path, url.Values{"do": {"revoke"}, "id": {id}}).want(http.StatusOK).says("The key is revoked.")
		if _, err := with.GetMe(t.Context()); err == nil {
			t.Error("the key lives on")
		}
	})
}

func TestMyActivity(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		_, err := i.Client.SignIn(t.Context(), client.SignIn{Identifier: ann.email, Password: "not it at all"})
		if err == nil {
			t.Fatal("signed in")
		}
		ann.see("/my/activity", "A sign-in failed", "Signed in", "A session began", "Your account was made").lacks("<code>")
		for range 12 {
			ann.send("/my/profile", url.Values{"do": {"save"}, "name": {"Ann"}})
			ann.i.Clock.Advance(time.Second)
		}
		for range 12 {
			ann.send("/my/profile", url.Values{"do": {"save"}, "name": {"Anna"}})
			ann.i.Clock.Advance(time.Second)
		}
		more := regexp.MustCompile(`href="(/my/activity\?cursor=[^"]+)"`).FindSubmatch(ann.see("/my/activity", "Profile changed").Body)
		if more == nil {
			t.Fatal("no second page")
		}
		ann.see(strings.ReplaceAll(string(more[1]), "&amp;", "&"), "Your account was made")
	})
}

func TestMyData(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		const path = "/my/data"
		ann.see(path, "Download my data")
		ann.later()
		ann.stepsUp(path, url.Values{"do": {"export"}})
		file := ann.send(path, url.Values{"do": {"export"}}).want(http.StatusOK)
		if got := file.Header.Get("Content-Disposition"); got != `attachment; filename="my-data.json"` || file.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", file.Header)
		}
		var data struct {
			User   struct{ Email string } `json:"user"`
			Events []any                  `json:"events"`
		}
		none(t, json.Unmarshal(file.Body, &data))
		if data.User.Email != ann.email || len(data.Events) == 0 || strings.Contains(string(file.Body), "0001-01-01") || strings.Contains(string(file.Body), "argon2") {
			t.Errorf("the file is %s", file.Body)
		}

		ann.send(path, url.Values{"do": {"delete"}}).want(http.StatusBadRequest).says(`id="sure-error"`)
		ann.later()
		ann.stepsUp(path, url.Values{"do": {"delete"}, "sure": {"1"}}).says(`value="1" required checked`)
		ann.send(path, url.Values{"do": {"delete"}, "sure": {"1"}}).want(http.StatusOK).says("Your account is about to be deleted")
		if _, err := ann.me.GetMe(t.Context()); err == nil {
			t.Error("the other session lives on")
		}
		if r := ann.ask(http.MethodGet, "/my", nil, "Accept", "text/html"); strings.Contains(string(r.Body), ann.email) {
			t.Errorf("the session of the browser lives on: %s", r.Body)
		}
		ann.send("/cancel-deletion", url.Values{"token": {mailed(t, i, ann.email)}}).want(http.StatusOK)
		ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: ann.email, Password: phrase}))
	})
}
