package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

func userFilter() client.UserFilter  { return client.UserFilter{} }
func paging(limit int) client.Paging { return client.Paging{Limit: limit} }
func ok[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func none(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refusedAs asserts the code of a refusal.
func refusedAs(t *testing.T, err error, code string) {
	t.Helper()
	if !client.IsCode(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// signUp registers somebody through our own API, follows the link, and signs in.
func signUp(t testing.TB, i *servertest.Instance, c *client.Client, email string) client.SignedIn {
	t.Helper()
	none(t, c.Register(t.Context(), client.Registration{Email: email, Password: phrase, Name: "Jo", Attributes: map[string]any{"company": "Acme"}}))
	none(t, c.VerifyEmail(t.Context(), mailed(t, i, email)))
	in := ok[client.SignInResult](t)(c.SignIn(t.Context(), client.SignIn{Identifier: email, Password: phrase, Device: "Laptop"}))
	return in.SignedIn
}

// TestOwnAPI walks through our own API with its client, every operation of it.
func TestOwnAPI(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		ada := ok[client.SignedIn](t)(i.Client.CreateFirstAdministrator(ctx, client.Setup{Token: i.SetupToken(), Email: "ada@example.com",
			Password: phrase, Name: "Ada"}))
		if ada.User.Role != "admin" || ada.User.Number != 1 || ada.Tokens.ExpiresIn != 900 || ada.Session.Contract != "ostiary" {
			t.Errorf("first administrator %+v", ada)
		}
		i.Clock.Advance(time.Second)
		_, err := i.Operator.IssueSetupLink(ctx)
		refusedAs(t, err, "conflict")
		admin := i.Client.WithToken(ada.Tokens.AccessToken)

		refusedAs(t, i.Client.Register(ctx, client.Registration{Email: "jo@example.com", Password: "short"}), "invalid-request")
		jo := signUp(t, i, i.Client, "jo@example.com")
		ownAccount(t, i, jo)
		ownSecondFactor(t, i)
		ownRecovery(t, i)
		ownKeys(t, i)
		ownUsers(t, i, admin)
		ownApps(t, i, admin)
		ownHouse(t, i, admin)
	})
}

func ownAccount(t *testing.T, i *servertest.Instance, jo client.SignedIn) {
	t.Helper()
	ctx := t.Context()
	me := i.Client.WithToken(jo.Tokens.AccessToken)
	who := ok[client.Me](t)(me.GetMe(ctx))
	if who.User.Email != "jo@example.com" || !who.User.EmailVerified || who.User.EmailVerifiedAt == nil || who.Credential != "session" ||
		who.SessionID != jo.Session.ID || !who.HasPassword || who.User.Attributes["company"] != "Acme" {
		t.Errorf("me %+v", who)
	}
	version := fmt.Sprintf("%q", fmt.Sprint(who.User.Version))
	changed := ok[client.User](t)(me.UpdateMe(ctx, map[string]any{"name": "Jo Doe", "given_name": nil, "attributes": map[string]any{"company": nil}}, version))
	if changed.Name != "Jo Doe" || changed.Version != who.User.Version+1 || len(changed.Attributes) != 0 {
		t.Errorf("changed %+v", changed)
	}
	_, err := me.UpdateMe(ctx, map[string]any{"name": "Late"}, version)
	refusedAs(t, err, "version-mismatch")
	for _, privileged := range []string{"role", "status", "email_verified", "email", "id", "version"} { // AD-03, ET-14
		_, err := me.UpdateMe(ctx, map[string]any{privileged: "admin"}, "")
		refusedAs(t, err, "invalid-request")
	}
	ok[client.User](t)(me.ChangePassword(ctx, client.PasswordChange{CurrentPassword: phrase, Password: "staple battery horse"}))
	ok[client.User](t)(me.ChangePassword(ctx, client.PasswordChange{Password: phrase})) // within five minutes of the sign-in

	second := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "jo@example.com", Password: phrase}))
	page := ok[client.SessionPage](t)(me.ListSessions(ctx, false, paging(1)))
	if len(page.Sessions) != 1 || page.NextCursor == "" {
		t.Errorf("page %+v", page)
	}
	page = ok[client.SessionPage](t)(me.ListSessions(ctx, false, client.Paging{Cursor: page.NextCursor}))
	if len(page.Sessions) != 1 || page.NextCursor != "" {
		t.Errorf("next page %+v", page)
	}
	none(t, me.EndSession(ctx, second.Session.ID))
	_, err = i.Client.WithToken(second.Tokens.AccessToken).GetMe(ctx)
	refusedAs(t, err, "session-ended")
	refusedAs(t, me.EndSession(ctx, "nonsense"), "not-found")
	ended := ok[client.SessionPage](t)(me.ListSessions(ctx, true, paging(10)))
	if len(ended.Sessions) == 0 || ended.Sessions[0].EndReason != "ended-by-user" || ended.Sessions[0].EndedAt == nil {
		t.Errorf("ended %+v", ended)
	}

	fresh := ok[client.SignedIn](t)(i.Client.RefreshSession(ctx, jo.Tokens.RefreshToken))
	if again := ok[client.SignedIn](t)(i.Client.RefreshSession(ctx, jo.Tokens.RefreshToken)); again.Tokens.RefreshToken != fresh.Tokens.RefreshToken {
		t.Error("another successor")
	}
	ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "jo@example.com", Password: phrase}))
	if n := ok[int](t)(me.SignOutEverywhere(ctx, true)); n != 1 {
		t.Errorf("%d sessions ended", n)
	}
	none(t, me.SignOut(ctx))
	_, err = i.Client.RefreshSession(ctx, fresh.Tokens.RefreshToken)
	refusedAs(t, err, "session-ended")
}

func ownSecondFactor(t *testing.T, i *servertest.Instance) {
	t.Helper()
	ctx := t.Context()
	in := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "jo@example.com", Password: phrase}))
	me := i.Client.WithToken(in.Tokens.AccessToken)
	begun := ok[client.TOTP](t)(me.BeginTOTP(ctx, ""))
	codes := ok[[]string](t)(me.ConfirmTOTP(ctx, code(t, i, begun.Secret)))
	half := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "jo@example.com", Password: phrase}))
	if half.Challenge == nil || half.Tokens.AccessToken != "" || !slices.Equal(half.Challenge.Factors, []string{"totp", "backup-code"}) {
		t.Fatalf("half signed in %+v", half)
	}
	whole := ok[client.SignedIn](t)(i.Client.CompleteSecondFactor(ctx, client.ChallengeAnswer{Token: half.Challenge.Token, Code: code(t, i, begun.Secret)}))
	if !whole.User.TwoFactorEnabled || !slices.Contains(whole.Session.AMR, "mfa") {
		t.Errorf("signed in %+v", whole)
	}
	_, err := i.Client.CompleteSecondFactor(ctx, client.ChallengeAnswer{Token: half.Challenge.Token, Code: codes[0]})
	refusedAs(t, err, "proof-invalid")
	me = i.Client.WithToken(whole.Tokens.AccessToken)
	renewed := ok[[]string](t)(me.RegenerateBackupCodes(ctx, code(t, i, begun.Secret)))
	if len(renewed) != 10 || slices.Contains(renewed, codes[0]) {
		t.Errorf("renewed %v", renewed)
	}
	none(t, me.DisableTOTP(ctx, renewed[0], phrase))
}

func ownRecovery(t *testing.T, i *servertest.Instance) {
	t.Helper()
	ctx := t.Context()
	i.Clock.Advance(time.Second)
	none(t, i.Client.RequestPasswordReset(ctx, "nobody@example.com"))
	none(t, i.Client.RequestPasswordReset(ctx, "jo@example.com"))
	token := mailed(t, i, "jo@example.com")
	if checked := ok[client.ResetToken](t)(i.Client.CheckResetToken(ctx, token)); !checked.Valid || checked.Email != "jo@example.com" {
		t.Errorf("checked %+v", checked)
	}
	none(t, i.Client.ResetPassword(ctx, token, phrase))
	refusedAs(t, i.Client.ResetPassword(ctx, token, phrase), "proof-invalid")
	_, err := i.Client.CheckResetToken(ctx, token)
	refusedAs(t, err, "proof-invalid")
	none(t, i.Client.Register(ctx, client.Registration{Email: "late@example.com", Password: phrase}))
	i.Clock.Advance(time.Second)
	none(t, i.Client.RequestEmailVerification(ctx, "late@example.com"))
	none(t, i.Client.VerifyEmail(ctx, mailed(t, i, "late@example.com")))
}

func ownKeys(t *testing.T, i *servertest.Instance) {
	t.Helper()
	ctx := t.Context()
	in := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "jo@example.com", Password: phrase}))
	me := i.Client.WithToken(in.Tokens.AccessToken)
	until := i.Clock.Now().Add(48 * time.Hour).Truncate(time.Second)
	dated := ok[client.NewAPIKey](t)(me.CreateAPIKey(ctx, client.KeyRequest{Name: "Dated", ExpiresAt: &until}))
	if dated.APIKey.ExpiresAt == nil || !dated.APIKey.ExpiresAt.Equal(until) || !strings.HasPrefix(dated.Secret, "ost_") {
		t.Errorf("dated %+v", dated.APIKey)
	}
	_, err := me.CreateAPIKey(ctx, client.KeyRequest{Name: "Both", ExpiresAt: &until, ExpiresIn: "1d"})
	refusedAs(t, err, "invalid-request")
	i.Clock.Advance(time.Second)
	key := ok[client.NewAPIKey](t)(me.CreateAPIKey(ctx, client.KeyRequest{Name: "Build", Scopes: []string{"account:read", "account:write"}, ExpiresIn: "365d"}))
	machine := i.Client.WithToken(key.Secret)
	if who := ok[client.Me](t)(machine.GetMe(ctx)); who.Credential != "api-key" || who.APIKeyID != key.APIKey.ID || !slices.Equal(who.Scopes, key.APIKey.Scopes) {
		t.Errorf("me %+v", who)
	}
	ok[client.User](t)(machine.UpdateMe(ctx, map[string]any{"locale": "pt-BR"}, ""))
	_, err = machine.ListAPIKeys(ctx, paging(0))
	refusedAs(t, err, "insufficient-scope")
	_, err = machine.ChangePassword(ctx, client.PasswordChange{CurrentPassword: phrase, Password: "staple battery horse"})
	refusedAs(t, err, "person-required")
	list := ok[client.APIKeyPage](t)(me.ListAPIKeys(ctx, paging(1)))
	rest := ok[client.APIKeyPage](t)(me.ListAPIKeys(ctx, client.Paging{Cursor: list.NextCursor}))
	if len(list.APIKeys) != 1 || list.APIKeys[0].ID != key.APIKey.ID || len(rest.APIKeys) != 1 || rest.NextCursor != "" {
		t.Errorf("keys %+v and %+v", list, rest)
	}
	rotated := ok[client.NewAPIKey](t)(me.RotateAPIKey(ctx, key.APIKey.ID))
	if got := ok[client.APIKey](t)(me.GetAPIKey(ctx, key.APIKey.ID)); got.Prefix != rotated.APIKey.Prefix || got.PreviousUntil == nil {
		t.Errorf("got %+v", got)
	}
	none(t, me.RevokeAPIKey(ctx, key.APIKey.ID))
	_, err = me.GetAPIKey(ctx, key.APIKey.ID)
	refusedAs(t, err, "not-found")
}

func ownUsers(t *testing.T, i *servertest.Instance, admin *client.Client) {
	t.Helper()
	ctx := t.Context()
	i.Clock.Advance(time.Second)
	lee := ok[client.User](t)(admin.CreateUser(ctx, client.NewUser{Email: "lee@example.com", EmailVerified: true, Role: "member",
		Attributes: map[string]any{"plan": "gold"}}))
	_, err := admin.CreateUser(ctx, client.NewUser{Email: "lee@example.com"})
	refusedAs(t, err, "identifier-taken")
	none(t, i.Client.ResetPassword(ctx, mailed(t, i, "lee@example.com"), phrase))
	in := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "lee@example.com", Password: phrase}))
	if got := ok[client.User](t)(admin.GetUser(ctx, "lee@example.com")); got.ID != lee.ID || got.Attributes["plan"] != "gold" {
		t.Errorf("got %+v", got)
	}
	var all []string
	for cursor := ""; ; {
		page := ok[client.UserPage](t)(admin.ListUsers(ctx, userFilter(), client.Paging{Limit: 2, Cursor: cursor}))
		for _, u := range page.Users {
			all = append(all, u.Email)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(all) != 4 || all[0] != "ada@example.com" || all[3] != "lee@example.com" {
		t.Errorf("users %v", all)
	}
	if page := ok[client.UserPage](t)(admin.ListUsers(ctx, client.UserFilter{Role: "member", Status: "active", Search: "le"}, paging(0))); len(page.Users) != 1 {
		t.Errorf("found %+v", page)
	}
	if got := ok[client.User](t)(admin.SetRole(ctx, lee.ID, "moderator")); got.Role != "moderator" {
		t.Errorf("role %+v", got)
	}
	if got := ok[client.User](t)(admin.UpdateUser(ctx, lee.ID, map[string]any{"name": "Lee", "attributes": map[string]any{"plan": "silver"}}, "")); got.Name != "Lee" || got.Attributes["plan"] != "silver" {
		t.Errorf("updated %+v", got)
	}
	events := ok[client.EventPage](t)(admin.ListEvents(ctx, client.EventFilter{UserID: lee.ID, Action: "user.updated"}, paging(1)))
	if len(events.Events) != 1 || events.Events[0].Outcome != "ok" || events.Events[0].ActorKind != "session" || events.NextCursor != "" {
		t.Errorf("events %+v", events)
	}
	if n := ok[int](t)(admin.EndUserSessions(ctx, lee.ID)); n != 1 {
		t.Errorf("%d sessions ended", n)
	}
	_, err = i.Client.WithToken(in.Tokens.AccessToken).GetMe(ctx)
	refusedAs(t, err, "session-ended")
	if got := ok[client.User](t)(admin.DisableUser(ctx, lee.ID)); got.Status != "disabled" || got.DisabledAt == nil {
		t.Errorf("disabled %+v", got)
	}
	_, err = i.Client.SignIn(ctx, client.SignIn{Identifier: "lee@example.com", Password: phrase})
	refusedAs(t, err, "account-disabled")
	_, err = i.Client.SignIn(ctx, client.SignIn{Identifier: "lee@example.com", Password: "wrong"})
	refusedAs(t, err, "invalid-credentials")
	ok[client.User](t)(admin.EnableUser(ctx, lee.ID))
}

func ownApps(t *testing.T, i *servertest.Instance, admin *client.Client) {
	t.Helper()
	ctx := t.Context()
	shop := ok[client.App](t)(admin.CreateApp(ctx, "Shop"))
	if got := ok[client.App](t)(admin.GetApp(ctx, shop.ID)); got.Name != "Shop" || got.DefaultClientID == "" {
		t.Errorf("app %+v", got)
	}
	if page := ok[client.AppPage](t)(admin.ListApps(ctx, paging(0))); len(page.Apps) != 2 {
		t.Errorf("apps %+v", page)
	}
	key := ok[client.NewAppKey](t)(admin.CreateAppKey(ctx, shop.ID, "Front", "30d"))
	inShop := *i.Client
	inShop.AppKey = key.Secret
	jo := signUp(t, i, &inShop, "jo@shop.example")
	if jo.User.Number != 1 {
		t.Errorf("the numbers of another app go on: %+v", jo.User)
	}
	_, err := i.Client.WithToken(jo.Tokens.AccessToken).GetMe(ctx)
	refusedAs(t, err, "app-mismatch")
	ok[client.Me](t)(inShop.WithToken(jo.Tokens.AccessToken).GetMe(ctx))
	refusedAs(t, inShop.WithApp("default").RequestPasswordReset(ctx, "x@example.com"), "app-mismatch")
	if keys := ok[client.AppKeyPage](t)(admin.ListAppKeys(ctx, shop.ID, paging(0))); len(keys.AppKeys) != 1 || keys.AppKeys[0].AppID != shop.ID {
		t.Errorf("app keys %+v", keys)
	}
	if page := ok[client.UserPage](t)(i.Operator.WithApp(shop.ID).ListUsers(ctx, userFilter(), paging(0))); len(page.Users) != 1 {
		t.Errorf("the operator sees %+v", page)
	}
	none(t, admin.RevokeAppKey(ctx, shop.ID, key.AppKey.ID))
	refusedAs(t, inShop.RequestPasswordReset(ctx, "x@example.com"), "invalid-token")
}

func ownHouse(t *testing.T, i *servertest.Instance, admin *client.Client) {
	t.Helper()
	ctx := t.Context()
	none(t, i.Operator.RotateSigningKeys(ctx, false))
	ok[client.Me](t)(admin.GetMe(ctx))
	i.Clock.Advance(time.Minute)
	i.Work()
	if report := ok[client.AuditReport](t)(i.Operator.VerifyAudit(ctx)); !report.Intact || report.Sealed == 0 {
		t.Errorf("audit %+v", report)
	}
	for _, err := range []error{admin.RotateSigningKeys(ctx, true), i.Client.RotateSigningKeys(ctx, true)} {
		if err == nil {
			t.Error("somebody else than the operator rotates keys")
		}
	}
	if i.Config.Database == "" {
		file := filepath.Join(t.TempDir(), "copy.db")
		if saved := ok[client.Backup](t)(i.Operator.Backup(ctx, file)); saved.Size == 0 {
			t.Errorf("saved %+v", saved)
		}
	}
}

// TestOwnAPIMatrix_AK04_AD01 asks every operation of our own API as everybody who is not let in. A path that was
// forgotten in the access rules would show here, whatever it is called.
func TestOwnAPIMatrix_AK04_AD01(t *testing.T) {
	i := servertest.Start(t)
	ctx := t.Context()
	jo := signUp(t, i, i.Client, "jo@example.com")
	me := i.Client.WithToken(jo.Tokens.AccessToken)
	bare := ok[client.NewAPIKey](t)(me.CreateAPIKey(ctx, client.KeyRequest{Name: "Bare"}))
	full := ok[client.NewAPIKey](t)(me.CreateAPIKey(ctx, client.KeyRequest{Name: "Full",
		Scopes: []string{"account:read", "account:write", "api-keys:read", "api-keys:write"}}))
	catalogue := operation.New(operation.Deps{})
	for _, caller := range []struct {
		name string
		c    *client.Client
		want map[operation.Access]string
	}{
		{"anonymous", i.Client, map[operation.Access]string{operation.SignedIn: "unauthenticated", operation.SignedInOrOperator: "unauthenticated", operation.Person: "unauthenticated",
			operation.Administrator: "unauthenticated", operation.Operator: "unauthenticated"}},
		{"user", me, map[operation.Access]string{operation.Administrator: "forbidden", operation.Operator: "forbidden"}},
		{"bare key", i.Client.WithToken(bare.Secret), map[operation.Access]string{operation.SignedIn: "insufficient-scope", operation.SignedInOrOperator: "insufficient-scope",
			operation.Person: "person-required", operation.Administrator: "forbidden", operation.Operator: "forbidden"}},
		{"full key", i.Client.WithToken(full.Secret), map[operation.Access]string{operation.Person: "person-required",
			operation.Administrator: "forbidden", operation.Operator: "forbidden"}},
	} {
		methods := reflect.ValueOf(caller.c)
		asked := 0
		for n := range methods.NumMethod() {
			name := methods.Type().Method(n).Name
			d := catalogue.Lookup(kebab(name))
			if d == nil || caller.want[d.Access] == "" {
				continue
			}
			asked++
			if err := callMethod(ctx, name, methods.Method(n)); !client.IsCode(err, caller.want[d.Access]) {
				t.Errorf("%s calls %s: %v, want %s", caller.name, d.Name, err, caller.want[d.Access])
			}
		}
		if asked < 10 {
			t.Errorf("%s: only %d operations were found", caller.name, asked)
		}
	}
}

// kebab turns a client method's name into the operation's: CreateAPIKey, create-api-key.
func kebab(name string) string {
	for from, to := range map[string]string{"APIKey": "ApiKey", "TOTP": "Totp"} {
		name = strings.ReplaceAll(name, from, to)
	}
	var b strings.Builder
	for n, r := range name {
		if r >= 'A' && r <= 'Z' {
			if n > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// callMethod calls a client method with arguments that pass the document's schema.
func callMethod(ctx context.Context, name string, m reflect.Value) error {
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for n := 1; n < m.Type().NumIn(); n++ {
		v := reflect.New(m.Type().In(n)).Elem()
		text := "1d"
		if word, ok := map[string]string{"SetRole": "user", "AddMember": "owner", "SetMemberRole": "owner", "ListWaitlistEntries": "waiting"}[name]; ok {
			text = word
		}
		plausible(v, text)
		if name == "CreateProvider" {
			v.FieldByName("ClientID").SetString("x")
		}
		if name == "CreateResource" && v.Kind() == reflect.Struct {
			v.FieldByName("URI").SetString("https://api.example.com")
		}
		if name == "UpdateProvider" && v.Kind() == reflect.Map {
			v.Set(reflect.ValueOf(map[string]any{"title": "x"}))
		}
		args = append(args, v)
	}
	out := m.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

func plausible(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]any{"name": "x"}))
	case reflect.Struct:
		for name, text := range map[string]string{"Email": "x@example.com", "Password": phrase, "Name": "x", "Username": "x", "Code": "123456", "Kind": "oidc"} {
			if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String {
				f.SetString(text)
			}
		}
	}
}
