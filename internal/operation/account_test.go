package operation_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// TestAccount walks through a user's life, every operation that needs no administrator.
func TestAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := must[operation.Granted](h, "register", &operation.RegisterInput{Email: "Jo@example.com", Password: password,
			Name: "Jo Doe", Username: "jo", Attributes: map[string]any{"company": "Acme"}, Device: "Laptop"})
		if in.User.Number != 1 || in.User.Email != "Jo@example.com" || in.User.Attributes["company"] != "Acme" ||
			in.Session.Device != "Laptop" || !in.Session.Current || in.Tokens.TokenType != "Bearer" || in.Tokens.ExpiresIn <= 0 {
			t.Errorf("registered as %+v", in)
		}
		me := must[operation.Me](h, "get-me", &operation.GetMeInput{}, bearer(in.Tokens.AccessToken))
		if me.User.ID != in.User.ID || me.Credential != auth.CallerSession || me.SessionID != in.Session.ID || !me.HasPassword {
			t.Errorf("me is %+v", me)
		}
		as := bearer(in.Tokens.AccessToken)

		changed := must[operation.UserResult](h, "update-me", &operation.UpdateMeInput{ProfileChange: operation.ProfileChange{
			Name:       operation.Optional[string]{Present: true, Value: "Jo D. Doe"},
			Username:   operation.Optional[string]{},
			Attributes: operation.Optional[map[string]any]{Present: true, Value: map[string]any{"company": nil}},
			IfMatch:    `"1"`}}, as).User
		if changed.Name != "Jo D. Doe" || changed.Username != "jo" || len(changed.Attributes) != 0 || changed.Version != 2 {
			t.Errorf("changed to %+v", changed)
		}
		h.refused(auth.CodeVersionMismatch)(h.call("update-me", &operation.UpdateMeInput{ProfileChange: operation.ProfileChange{IfMatch: `"1"`}}, as))
		h.refused(auth.CodeInvalidRequest)(h.call("update-me", &operation.UpdateMeInput{ProfileChange: operation.ProfileChange{
			Attributes: operation.Optional[map[string]any]{Present: true, Value: map[string]any{"plan": "pro"}}}}, as))

		h.clock.Advance(time.Second)
		must[operation.Done](h, "request-email-verification", &operation.RequestEmailVerificationInput{}, as)
		verified := must[operation.UserResult](h, "verify-email", &operation.VerifyEmailInput{Token: h.token("Jo@example.com")}, as)
		if !verified.User.EmailVerified {
			t.Errorf("verified: %+v", verified.User)
		}

		must[operation.UserResult](h, "change-password", &operation.ChangePasswordInput{CurrentPassword: password,
			Password: "staple battery horse"}, as)
		h.refused(auth.CodeInvalidCredentials)(h.call("sign-in", &operation.SignInInput{Identifier: "jo", Password: password}))
		second := must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo", Password: "staple battery horse"})

		page := must[operation.Sessions](h, "list-sessions", &operation.ListSessionsInput{Paging: operation.Paging{Limit: 1}}, as)
		if len(page.Sessions) != 1 || page.Sessions[0].ID != second.Session.ID || page.Sessions[0].Current || page.NextCursor == "" {
			t.Errorf("first page %+v", page)
		}
		page = must[operation.Sessions](h, "list-sessions", &operation.ListSessionsInput{
			Paging: operation.Paging{Limit: 1, Cursor: page.NextCursor}}, as)
		if len(page.Sessions) != 1 || page.Sessions[0].ID != in.Session.ID || !page.Sessions[0].Current || page.NextCursor != "" {
			t.Errorf("second page %+v", page)
		}
		must[operation.Done](h, "end-session", &operation.EndSessionInput{ID: second.Session.ID}, as)
		h.refused(auth.CodeSessionEnded)(h.call("get-me", &operation.GetMeInput{}, bearer(second.Tokens.AccessToken)))
		ended := must[operation.Sessions](h, "list-sessions", &operation.ListSessionsInput{Ended: true}, as)
		if len(ended.Sessions) != 1 || ended.Sessions[0].EndReason != auth.EndByUser {
			t.Errorf("ended ones %+v", ended)
		}

		fresh := must[operation.Granted](h, "refresh-session", &operation.RefreshSessionInput{RefreshToken: in.Tokens.RefreshToken})
		again := must[operation.Granted](h, "refresh-session", &operation.RefreshSessionInput{RefreshToken: in.Tokens.RefreshToken})
		if fresh.Tokens.RefreshToken != again.Tokens.RefreshToken || fresh.User.ID != in.User.ID {
			t.Error("the predecessor did not get the same successor")
		}
		third := must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo", Password: "staple battery horse"})
		if n := must[operation.Ended](h, "sign-out-everywhere", &operation.SignOutEverywhereInput{KeepCurrent: true}, as).Ended; n != 1 {
			t.Errorf("%d sessions ended", n)
		}
		h.refused(auth.CodeSessionEnded)(h.call("get-me", &operation.GetMeInput{}, bearer(third.Tokens.AccessToken)))
		must[operation.Done](h, "sign-out", &operation.SignOutInput{}, as)
		h.refused(auth.CodeSessionEnded)(h.call("get-me", &operation.GetMeInput{}, as))
	})
}

func TestSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.signUp("jo@example.com")
		as := bearer(in.Tokens.AccessToken)
		begun := must[operation.BegunTOTP](h, "begin-totp", &operation.BeginTOTPInput{}, as).TOTP
		if !strings.HasPrefix(begun.URI, "otpauth://totp/") || len(begun.Secret) != 32 {
			t.Errorf("begun %+v", begun)
		}
		codes := must[operation.BackupCodes](h, "confirm-totp", &operation.ConfirmTOTPInput{Code: h.code(begun.Secret)}, as).BackupCodes
		if len(codes) != 10 {
			t.Errorf("%d backup codes", len(codes))
		}
		challenged := must[operation.Challenged](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password}).Challenge
		if !slices.Equal(challenged.Factors, []auth.FactorKind{auth.FactorTOTP, auth.FactorBackupCode}) {
			t.Errorf("factors %v", challenged.Factors)
		}
		h.refused(auth.CodeSecondFactorWrong)(h.call("complete-second-factor",
			&operation.CompleteSecondFactorInput{Token: challenged.Token, Code: "000000"}))
		done := must[operation.Granted](h, "complete-second-factor",
			&operation.CompleteSecondFactorInput{Token: challenged.Token, Code: h.code(begun.Secret)})
		if !slices.Contains(done.Session.AMR, auth.AMRMFA) || !done.User.TwoFactorEnabled {
			t.Errorf("signed in as %+v", done)
		}
		inline := must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password, Code: codes[0]})
		h.refused(auth.CodeSecondFactorWrong)(h.call("sign-in",
			&operation.SignInInput{Identifier: "jo@example.com", Password: password, Code: codes[0]}))
		as = bearer(inline.Tokens.AccessToken)
		if left := must[operation.Me](h, "get-me", &operation.GetMeInput{}, as).BackupCodesLeft; left != 9 {
			t.Errorf("%d codes left", left)
		}
		renewed := must[operation.BackupCodes](h, "regenerate-backup-codes",
			&operation.RegenerateBackupCodesInput{Code: h.code(begun.Secret)}, as).BackupCodes
		if len(renewed) != 10 || slices.Contains(renewed, codes[1]) {
			t.Errorf("renewed %v", renewed)
		}
		h.refused(auth.CodeInvalidCredentials)(h.call("disable-totp",
			&operation.DisableTOTPInput{Code: h.code(begun.Secret), Password: "not the right one"}, as))
		must[operation.Done](h, "disable-totp", &operation.DisableTOTPInput{Code: h.code(begun.Secret), Password: password}, as)
		must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password})
	})
}

func TestRecovery(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.signUp("jo@example.com")
		h.clock.Advance(time.Second)
		must[operation.Done](h, "request-password-reset", &operation.RequestPasswordResetInput{Identifier: "nobody@example.com"})
		must[operation.Done](h, "request-password-reset", &operation.RequestPasswordResetInput{Identifier: "jo@example.com"})
		token := h.token("jo@example.com")
		checked := must[operation.ResetToken](h, "check-reset-token", &operation.CheckResetTokenInput{Token: token})
		if !checked.Valid || checked.ExpiresAt.IsZero() {
			t.Errorf("checked %+v", checked)
		}
		h.refused(auth.CodeWeakPassword)(h.call("reset-password", &operation.ResetPasswordInput{Token: token, Password: "short"}))
		must[operation.Done](h, "reset-password", &operation.ResetPasswordInput{Token: token, Password: "staple battery horse"})
		h.refused(auth.CodeProofInvalid)(h.call("reset-password", &operation.ResetPasswordInput{Token: token, Password: "staple battery horse"}))
		h.refused(auth.CodeSessionEnded)(h.call("get-me", &operation.GetMeInput{}, bearer(in.Tokens.AccessToken)))
		must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: "staple battery horse"})
	})
}

func TestAPIKeys_AK01_AK02_AK03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		as := bearer(h.signUp("jo@example.com").Tokens.AccessToken)
		made := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "Build", Prefix: "ch_live_",
			Scopes: []string{"account:read", "api-keys:read", "api-keys:write"}, ExpiresIn: 365 * 24 * time.Hour}, as)
		if !strings.HasPrefix(made.Secret, "ch_live_") || !strings.HasPrefix(made.Secret, made.APIKey.Prefix) ||
			!made.APIKey.ExpiresAt.Equal(h.clock.Now().Add(365*24*time.Hour)) {
			t.Errorf("made %+v", made.APIKey)
		}
		key := bearer(made.Secret)
		me := must[operation.Me](h, "get-me", &operation.GetMeInput{}, key)
		if me.Credential != auth.CallerAPIKey || me.APIKeyID != made.APIKey.ID || me.SessionID != "" {
			t.Errorf("me by key %+v", me)
		}
		h.refused(auth.CodePersonRequired)(h.call("change-password", &operation.ChangePasswordInput{Password: "staple battery horse"}, key))
		h.refused(auth.CodeInsufficientScope)(h.call("create-api-key",
			&operation.CreateAPIKeyInput{Name: "More", Scopes: []string{"account:write"}}, key))
		h.clock.Advance(time.Second)
		less := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "Less",
			Scopes: []string{"account:read"}, ExpiresIn: time.Hour}, key)
		list := must[operation.APIKeys](h, "list-api-keys", &operation.ListAPIKeysInput{}, key)
		if len(list.APIKeys) != 2 || list.APIKeys[0].ID != less.APIKey.ID || list.NextCursor != "" {
			t.Errorf("newest first: %+v", list)
		}
		rotated := must[operation.NewAPIKey](h, "rotate-api-key", &operation.RotateAPIKeyInput{ID: made.APIKey.ID}, as)
		if !rotated.APIKey.PreviousUntil.Equal(h.clock.Now().Add(time.Hour)) || rotated.Secret == made.Secret {
			t.Errorf("rotated %+v", rotated.APIKey)
		}
		must[operation.Me](h, "get-me", &operation.GetMeInput{}, key)
		h.clock.Advance(time.Hour)
		h.refused(auth.CodeInvalidToken)(h.call("get-me", &operation.GetMeInput{}, key))
		got := must[operation.APIKeyResult](h, "get-api-key", &operation.APIKeyInput{ID: made.APIKey.ID}, bearer(rotated.Secret))
		if got.APIKey.Prefix != rotated.APIKey.Prefix {
			t.Errorf("got %+v", got)
		}
		must[operation.Done](h, "revoke-api-key", &operation.APIKeyInput{ID: made.APIKey.ID}, bearer(rotated.Secret))
		h.refused(auth.CodeInvalidToken)(h.call("get-me", &operation.GetMeInput{}, bearer(rotated.Secret)))
	})
}

func TestAdministration(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		link := asOperator[operation.SetupLink](h, "issue-setup-link", &operation.IssueSetupLinkInput{})
		if !strings.HasPrefix(link.URL, "https://id.example/setup?token=") {
			t.Errorf("link %+v", link)
		}
		first := must[operation.Granted](h, "create-first-administrator", &operation.CreateFirstAdministratorInput{
			Token: link.Token, Email: "ada@example.com", Password: password, Name: "Ada"})
		h.refused(auth.CodeConflict)(h.callIn(operation.WithOperator(t.Context()), "issue-setup-link", &operation.IssueSetupLinkInput{}))
		as := bearer(first.Tokens.AccessToken)
		if found := must[operation.Events](h, "list-events", &operation.ListEventsInput{Action: "setup-link.issued"}, as).Events; len(found) != 1 {
			t.Errorf("%d links were recorded", len(found))
		}

		h.clock.Advance(time.Second)
		made := must[operation.UserResult](h, "create-user", &operation.CreateUserInput{Email: "jo@example.com", EmailVerified: true,
			Role: auth.RoleMember, ExternalID: "old-7", Attributes: map[string]any{"plan": "pro"}}, as).User
		if made.Role != auth.RoleMember || made.ExternalID != "old-7" || made.Attributes["plan"] != "pro" || !made.EmailVerified {
			t.Errorf("made %+v", made)
		}
		must[operation.Done](h, "reset-password", &operation.ResetPasswordInput{Token: h.token("jo@example.com"), Password: password})
		jo := must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password})
		changed := must[operation.UserResult](h, "update-user", &operation.UpdateUserInput{ID: made.ID, ProfileChange: operation.ProfileChange{
			Attributes: operation.Optional[map[string]any]{Present: true, Value: map[string]any{"plan": "free"}}, IfMatch: `"1"`}}, as).User
		if changed.Attributes["plan"] != "free" || changed.Version != 2 {
			t.Errorf("changed %+v", changed)
		}
		events := must[operation.Events](h, "list-events", &operation.ListEventsInput{User: made.ID, Action: "user.updated"}, as).Events
		if len(events) != 1 || events[0].Actor != string(first.User.ID) || events[0].User != made.ID {
			t.Errorf("events %+v", events)
		}
		for _, typed := range []string{string(made.ID), "2", "jo@example.com"} {
			if got := must[operation.UserResult](h, "get-user", &operation.UserInput{ID: auth.UserID(typed)}, as).User; got.ID != made.ID {
				t.Errorf("%s is %+v", typed, got)
			}
		}
		page := must[operation.Users](h, "list-users", &operation.ListUsersInput{Paging: operation.Paging{Limit: 1}}, as)
		rest := must[operation.Users](h, "list-users", &operation.ListUsersInput{Paging: operation.Paging{Cursor: page.NextCursor}}, as)
		if len(page.Users) != 1 || page.Users[0].ID != first.User.ID || len(rest.Users) != 1 || rest.Users[0].ID != made.ID || rest.NextCursor != "" {
			t.Errorf("pages %+v and %+v", page, rest)
		}
		found := must[operation.Users](h, "list-users", &operation.ListUsersInput{Role: auth.RoleMember, Search: "JO@"}, as)
		if len(found.Users) != 1 {
			t.Errorf("found %+v", found)
		}
		if n := must[operation.Ended](h, "end-user-sessions", &operation.UserInput{ID: made.ID}, as).Ended; n != 1 {
			t.Errorf("%d sessions ended", n)
		}
		h.refused(auth.CodeSessionEnded)(h.call("get-me", &operation.GetMeInput{}, bearer(jo.Tokens.AccessToken)))
		if got := must[operation.UserResult](h, "set-role", &operation.SetRoleInput{ID: made.ID, Role: auth.RoleModerator}, as).User; got.Role != auth.RoleModerator {
			t.Errorf("role %s", got.Role)
		}
		jo = must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password})
		must[operation.UserResult](h, "disable-user", &operation.UserInput{ID: made.ID}, as)
		h.refused(auth.CodeAccountDisabled)(h.call("get-me", &operation.GetMeInput{}, bearer(jo.Tokens.AccessToken)))
		must[operation.UserResult](h, "enable-user", &operation.UserInput{ID: made.ID}, as)

		shop, _ := h.newApp("Shop")
		if got := must[operation.App](h, "get-app", &operation.AppInput{ID: shop}, as); got.Name != "Shop" || got.DefaultClient == "" {
			t.Errorf("app %+v", got)
		}
		if list := must[operation.Apps](h, "list-apps", &operation.ListAppsInput{}, as).Apps; len(list) != 2 {
			t.Errorf("apps %+v", list)
		}
		keys := must[operation.AppKeys](h, "list-app-keys", &operation.ListAppKeysInput{AppID: shop}, as).AppKeys
		if len(keys) != 1 {
			t.Fatalf("app keys %+v", keys)
		}
		must[operation.Done](h, "revoke-app-key", &operation.AppKeyInput{AppID: shop, ID: keys[0].ID}, as)

		asOperator[operation.Done](h, "rotate-signing-keys", &operation.RotateSigningKeysInput{})
		must[operation.Me](h, "get-me", &operation.GetMeInput{}, as)
		if report := asOperator[operation.AuditReport](h, "verify-audit", &operation.VerifyAuditInput{}); !report.Intact || report.Unsealed == 0 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestBackup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		file := filepath.Join(t.TempDir(), "copy.db")
		out, err := h.callIn(operation.WithOperator(t.Context()), "backup", &operation.BackupInput{Path: file})
		if err != nil {
			if strings.HasSuffix(t.Name(), "sqlite") {
				t.Fatal(err)
			}
			return // PostgreSQL has tools of its own
		}
		if saved, ok := out.Value.(operation.SavedBackup); !ok || saved.Size == 0 {
			t.Errorf("saved %+v", out)
		}
		h.refused(auth.CodeConflict)(h.callIn(operation.WithOperator(t.Context()), "backup", &operation.BackupInput{Path: file}))
		h.refused(auth.CodeInvalidRequest)(h.callIn(operation.WithOperator(t.Context()), "backup", &operation.BackupInput{Path: "copy.db"}))
	})
}
