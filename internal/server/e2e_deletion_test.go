package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

const month = 30 * 24 * time.Hour

// person makes a verified user and signs it in.
func person(t *testing.T, i *servertest.Instance, email string) (*client.Client, client.SignedIn) {
	t.Helper()
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: email, Password: phrase, EmailVerified: true}))
	in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: email, Password: phrase}))
	return i.Client.WithToken(in.Tokens.AccessToken), in.SignedIn
}

// A deletion ends sessions and rests keys at once, and erases everything after the grace period: the address is free, and
// whoever takes it is somebody else (SE-05, OI-04).
func TestDeleteAccount_SE05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		me, was := person(t, i, "ann@example.com")
		key := ok[client.NewAPIKey](t)(me.CreateAPIKey(t.Context(), client.KeyRequest{Name: "robot", Scopes: []string{"account:read"}}))
		ok[client.Account](t)(me.CreateAccount(t.Context(), client.NewAccount{Name: "Ann alone"}))
		ok[[]string](t)(confirmTOTP(t, i, me))
		robot := i.Client.WithToken(key.Secret)
		ok[client.Me](t)(robot.GetMe(t.Context()))
		at := ok[time.Time](t)(me.DeleteAccount(t.Context(), client.Evidence{CurrentPassword: phrase}))
		if want := i.Clock.Now().Add(month); at.Sub(want).Abs() > time.Minute {
			t.Errorf("erased at %v, want %v", at, want)
		}
		if _, err := me.GetMe(t.Context()); !client.IsCode(err, string(auth.CodeSessionEnded)) {
			t.Errorf("the session: %v", err)
		}
		if _, err := robot.GetMe(t.Context()); !client.IsCode(err, string(auth.CodeAccountDisabled)) {
			t.Errorf("the key: %v", err)
		}
		shown := ok[client.User](t)(i.Operator.GetUser(t.Context(), was.User.ID))
		if shown.Status != "deleting" || shown.DeletesAt == nil || !shown.DeletesAt.Equal(at) {
			t.Errorf("shown as %s, %v", shown.Status, shown.DeletesAt)
		}
		if page := ok[client.UserPage](t)(i.Operator.ListUsers(t.Context(), client.UserFilter{Status: "deleting"}, client.Paging{})); len(page.Users) != 1 {
			t.Errorf("%d users are found by the status", len(page.Users))
		}
		i.Clock.Advance(month - time.Hour)
		i.Work()
		ok[client.User](t)(i.Operator.GetUser(t.Context(), was.User.ID))
		i.Clock.Advance(2 * time.Hour)
		if _, err := i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}); err == nil {
			t.Error("somebody whose time has come signs in")
		}
		i.Work()
		if _, err := i.Operator.GetUser(t.Context(), was.User.ID); !client.IsCode(err, string(auth.CodeNotFound)) {
			t.Errorf("the user is there: %v", err)
		}
		if _, err := robot.GetMe(t.Context()); !client.IsCode(err, string(auth.CodeInvalidToken)) {
			t.Errorf("the key: %v", err)
		}
		_, next := person(t, i, "ann@example.com")
		if next.User.ID == was.User.ID || next.User.Number == was.User.Number {
			t.Errorf("%+v is %+v again", next.User, was.User)
		}
		events := ok[client.EventPage](t)(i.Operator.ListEvents(t.Context(), client.EventFilter{Action: "user.erased"}, client.Paging{}))
		if len(events.Events) != 1 || events.Events[0].UserID != was.User.ID {
			t.Errorf("%+v", events.Events)
		}
	})
}

// confirmTOTP gives the user of a client a second factor.
func confirmTOTP(t *testing.T, i *servertest.Instance, me *client.Client) ([]string, error) {
	t.Helper()
	begun := ok[client.TOTP](t)(me.BeginTOTP(t.Context(), phrase))
	return me.ConfirmTOTP(t.Context(), code(t, i, begun.Secret))
}

// Until the time has come the mailed link or a sign-in keeps the account; looking at the link's page spends nothing (ET-09).
func TestKeepAccount_ET09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		me, was := person(t, i, "ann@example.com")
		ok[time.Time](t)(me.DeleteAccount(t.Context(), client.Evidence{}))
		token := mailed(t, i, "ann@example.com")
		w := newWire(t, i)
		w.http = i.Browser()
		for range 2 {
			if r := w.ask(http.MethodGet, "/cancel-deletion?token="+url.QueryEscape(token), nil, "Accept", "text/html"); r.Status != http.StatusOK ||
				!strings.Contains(string(r.Body), "Keep my account") {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
		if r := w.ask(http.MethodPost, "/cancel-deletion", url.Values{"token": {token}}, "Origin", i.URL); r.Status != http.StatusOK ||
			!strings.Contains(string(r.Body), "Your account stays") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if err := i.Client.CancelAccountDeletion(t.Context(), token); !client.IsCode(err, string(auth.CodeProofInvalid)) {
			t.Errorf("the link works twice: %v", err)
		}
		if shown := ok[client.User](t)(i.Operator.GetUser(t.Context(), was.User.ID)); shown.Status != "active" || shown.DeletesAt != nil {
			t.Errorf("%+v", shown)
		}

		in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}))
		me = i.Client.WithToken(in.Tokens.AccessToken)
		ok[time.Time](t)(me.DeleteAccount(t.Context(), client.Evidence{}))
		token = mailed(t, i, "ann@example.com")
		in = ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}))
		if in.User.Status != "active" || !strings.Contains(i.Inbox("ann@example.com").Subject, "stays") {
			t.Errorf("%+v, %s", in.User, i.Inbox("ann@example.com").Subject)
		}
		if err := i.Client.CancelAccountDeletion(t.Context(), token); !client.IsCode(err, string(auth.CodeProofInvalid)) {
			t.Errorf("the link outlives the deletion: %v", err)
		}
		i.Clock.Advance(2 * month)
		i.Work()
		ok[client.User](t)(i.Operator.GetUser(t.Context(), was.User.ID))
	})
}

// Nobody leaves the app without an administrator, or others' account without an owner; and it takes a fresh proof (AD-04).
func TestDeleteAccount_AD04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "root@example.com", Password: phrase, EmailVerified: true, Role: "admin"}))
		in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "root@example.com", Password: phrase}))
		root := i.Client.WithToken(in.Tokens.AccessToken)
		if _, err := root.DeleteAccount(t.Context(), client.Evidence{}); !client.IsCode(err, string(auth.CodeConflict)) {
			t.Errorf("the last administrator: %v", err)
		}
		if _, err := i.Operator.DeleteUser(t.Context(), in.User.ID, true); !client.IsCode(err, string(auth.CodeConflict)) {
			t.Errorf("the last administrator: %v", err)
		}
		ann, _ := person(t, i, "ann@example.com")
		_, bob := person(t, i, "bob@example.com")
		acme := ok[client.Account](t)(ann.CreateAccount(t.Context(), client.NewAccount{Name: "Acme"}))
		ok[client.Membership](t)(i.Operator.AddMember(t.Context(), acme.ID, bob.User.ID, "member"))
		if _, err := ann.DeleteAccount(t.Context(), client.Evidence{}); !client.IsCode(err, string(auth.CodeConflict)) || !strings.Contains(err.Error(), "Acme") {
			t.Errorf("the last owner: %v", err)
		}
		if _, err := ann.DeleteUser(t.Context(), bob.User.ID, true); !client.IsCode(err, string(auth.CodeForbidden)) {
			t.Errorf("somebody deletes another: %v", err)
		}
		i.Clock.Advance(10 * time.Minute)
		if _, err := ann.DeleteAccount(t.Context(), client.Evidence{}); !client.IsCode(err, string(auth.CodeReauthRequired)) {
			t.Errorf("without proof: %v", err)
		}
		if _, err := ann.ExportMyData(t.Context(), client.Evidence{}); !client.IsCode(err, string(auth.CodeReauthRequired)) {
			t.Errorf("without proof: %v", err)
		}
		if _, err := ann.DeleteAccount(t.Context(), client.Evidence{CurrentPassword: "not the password at all"}); !client.IsCode(err, string(auth.CodeInvalidCredentials)) {
			t.Errorf("with a wrong password: %v", err)
		}
	})
}

// An administrator's deletion shuts out at once; a sign-in does not take it back, the administrator does.
func TestDeleteUser_SE05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		me, was := person(t, i, "ann@example.com")
		if shown := ok[client.User](t)(i.Operator.DeleteUser(t.Context(), was.User.ID, false)); shown.Status != "deleting" {
			t.Errorf("%+v", shown)
		}
		if _, err := me.GetMe(t.Context()); err == nil {
			t.Error("the session lives on")
		}
		if _, err := i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}); !client.IsCode(err, string(auth.CodeAccountDisabled)) {
			t.Errorf("a sign-in: %v", err)
		}
		if shown := ok[client.User](t)(i.Operator.EnableUser(t.Context(), was.User.ID)); shown.Status != "active" || shown.DeletesAt != nil {
			t.Errorf("%+v", shown)
		}
		ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}))
		ok[client.User](t)(i.Operator.DeleteUser(t.Context(), was.User.ID, true))
		if _, err := i.Operator.EnableUser(t.Context(), was.User.ID); !client.IsCode(err, string(auth.CodeNotFound)) {
			t.Errorf("an erasure is taken back: %v", err)
		}
		i.Work()
		if _, err := i.Operator.GetUser(t.Context(), was.User.ID); !client.IsCode(err, string(auth.CodeNotFound)) {
			t.Errorf("the user is there: %v", err)
		}
	})
}

// The export has what belongs to the person, no secret, and nothing of others (TN-01).
func TestOwnData_TN01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		me, was := person(t, i, "ann@example.com")
		other, bob := person(t, i, "bob@example.com")
		key := ok[client.NewAPIKey](t)(me.CreateAPIKey(t.Context(), client.KeyRequest{Name: "robot", Scopes: []string{"account:read"}}))
		ok[client.Account](t)(other.CreateAccount(t.Context(), client.NewAccount{Name: "Acme"}))
		ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "root@example.com", Password: phrase, EmailVerified: true, Role: "admin"}))
		in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "root@example.com", Password: phrase}))
		ok[client.User](t)(i.Client.WithToken(in.Tokens.AccessToken).SetRole(t.Context(), was.User.ID, "moderator"))

		events := ok[client.OwnEventPage](t)(i.Client.WithToken(key.Secret).ListMyEvents(t.Context(), client.Paging{Limit: 200}))
		by := map[string]string{}
		for _, e := range events.Events {
			by[e.Action] = e.By
		}
		if by["user.role-set"] != "administrator" || by["session.started"] != "me" || by["user.created"] != "system" {
			t.Errorf("%v", by)
		}
		first := ok[client.OwnEventPage](t)(me.ListMyEvents(t.Context(), client.Paging{Limit: 1}))
		second := ok[client.OwnEventPage](t)(me.ListMyEvents(t.Context(), client.Paging{Limit: 1, Cursor: first.NextCursor}))
		if len(first.Events) != 1 || len(second.Events) != 1 || first.Events[0].ID == second.Events[0].ID {
			t.Errorf("%+v, then %+v", first, second)
		}

		data := ok[map[string]any](t)(me.ExportMyData(t.Context(), client.Evidence{}))
		text, err := json.Marshal(data)
		none(t, err)
		for _, want := range []string{"ann@example.com", was.Session.ID, key.APIKey.ID, "user.role-set", "data.exported"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s is missing", want)
			}
		}
		for _, secret := range []string{key.Secret, was.Tokens.RefreshToken, "argon2", "bob@example.com", "root@example.com", bob.User.ID, in.User.ID, in.Session.ID} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s is told", secret)
			}
		}
	})
}
