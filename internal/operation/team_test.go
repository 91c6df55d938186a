package operation_test

import (
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// TestAccounts walks through an account's life: made, switched to, joined by mail, left.
func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		jo := h.signUp("jo@example.com")
		as := bearer(jo.Tokens.AccessToken)
		acme := must[operation.AccountResult](h, "create-account", &operation.CreateAccountInput{Name: "Acme"}, as).Account
		h.clock.Advance(time.Second)
		branch := must[operation.AccountResult](h, "create-account", &operation.CreateAccountInput{Name: "Branch", ParentID: acme.ID}, as).Account
		me := must[operation.Me](h, "get-me", &operation.GetMeInput{}, as).User
		if len(me.Memberships) != 2 || me.Memberships[1].Account.Parent != acme.ID || me.ActiveMembership != nil {
			t.Fatalf("%+v", me)
		}

		switched := must[operation.Granted](h, "switch-account", &operation.SwitchAccountInput{AccountID: branch.ID}, as)
		as = bearer(switched.Tokens.AccessToken)
		if m := switched.User.ActiveMembership; m == nil || m.AccountID != branch.ID || switched.Session.Account != branch.ID ||
			switched.Session.ID != jo.Session.ID {
			t.Fatalf("%+v", switched)
		}
		if m := must[operation.Me](h, "get-me", &operation.GetMeInput{}, as).User.ActiveMembership; m == nil || m.Role != auth.MemberOwner {
			t.Errorf("active %+v", m)
		}
		must[operation.AccountResult](h, "update-account", &operation.UpdateAccountInput{ID: branch.ID, IfMatch: `"1"`,
			Name: operation.Optional[string]{Present: true, Value: "Office"}}, as)
		if m := must[operation.Me](h, "get-me", &operation.GetMeInput{}, as).User.ActiveMembership; m.Account.Name != "Office" {
			t.Errorf("a cache shows %+v", m.Account)
		}
		h.refused(auth.CodeVersionMismatch)(h.call("update-account", &operation.UpdateAccountInput{ID: branch.ID, IfMatch: `"1"`}, as))

		mo := h.signUp("mo@example.com")
		h.refused(auth.CodeNotFound)(h.call("switch-account", &operation.SwitchAccountInput{AccountID: branch.ID}, bearer(mo.Tokens.AccessToken)))
		h.refused(auth.CodeConflict)(h.call("remove-member", &operation.MemberInput{AccountID: branch.ID, UserID: jo.User.ID}, as))
		asOperator[operation.MembershipResult](h, "add-member", &operation.MemberRoleInput{AccountID: branch.ID, UserID: mo.User.ID, Role: auth.MemberOwner})

		// A refresh tells the truth of now: the account is gone, the session stays.
		must[operation.Done](h, "remove-member", &operation.MemberInput{AccountID: branch.ID, UserID: jo.User.ID}, as)
		fresh := must[operation.Granted](h, "refresh-session", &operation.RefreshSessionInput{RefreshToken: switched.Tokens.RefreshToken})
		if fresh.User.ActiveMembership != nil || fresh.Session.Account != "" || len(fresh.User.Memberships) != 1 {
			t.Errorf("%+v", fresh)
		}
		h.refused(auth.CodeForbidden)(h.call("join-waitlist", &operation.FeatureInput{Feature: "beta"}, as)) // the token of before
		as = bearer(fresh.Tokens.AccessToken)
		if entry := must[operation.WaitlistEntryResult](h, "join-waitlist", &operation.FeatureInput{Feature: "beta"}, as).Entry; entry.AccountID != "" {
			t.Errorf("%+v", entry)
		}
		if list := must[operation.Members](h, "list-members", &operation.ListMembersInput{AccountID: branch.ID}, bearer(mo.Tokens.AccessToken)).Members; len(list) != 1 || list[0].UserID != mo.User.ID {
			t.Errorf("%+v", list)
		}
		if list := asOperator[operation.Accounts](h, "list-accounts", &operation.ListAccountsInput{Paging: operation.Paging{Limit: 1}}); len(list.Accounts) != 1 || list.NextCursor == "" {
			t.Errorf("%+v", list)
		}
	})
}

// The access token names the account and the role in it, as they are when it is made.
func TestAccountInTheToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		jo := h.signUp("jo@example.com")
		acme := must[operation.AccountResult](h, "create-account", &operation.CreateAccountInput{Name: "Acme"}, bearer(jo.Tokens.AccessToken)).Account
		asOperator[operation.MembershipResult](h, "add-member", &operation.MemberRoleInput{AccountID: acme.ID, UserID: h.signUp("mo@example.com").User.ID, Role: auth.MemberOwner})
		switched := must[operation.Granted](h, "switch-account", &operation.SwitchAccountInput{AccountID: acme.ID}, bearer(jo.Tokens.AccessToken))
		asOperator[operation.MembershipResult](h, "set-member-role", &operation.MemberRoleInput{AccountID: acme.ID, UserID: jo.User.ID, Role: auth.MemberViewer})
		fresh := must[operation.Granted](h, "refresh-session", &operation.RefreshSessionInput{RefreshToken: switched.Tokens.RefreshToken})
		for token, want := range map[string][2]string{jo.Tokens.AccessToken: {}, switched.Tokens.AccessToken: {string(acme.ID), "owner"},
			fresh.Tokens.AccessToken: {string(acme.ID), "viewer"}} {
			claims, err := h.signer.VerifyAccess(t.Context(), token)
			if err != nil || claims.Account != want[0] || claims.AccountRole != want[1] || claims.Role != "user" {
				t.Errorf("%+v, %v, want %v", claims, err, want)
			}
		}
		none := must[operation.Granted](h, "switch-account", &operation.SwitchAccountInput{}, bearer(fresh.Tokens.AccessToken))
		if none.User.ActiveMembership != nil || none.Session.Account != "" {
			t.Errorf("%+v", none)
		}
	})
}

// TestWaysIn walks through registration modes, codes, credits, invitations and the waitlist of sign-ups.
func TestWaysIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := bearer(h.admin("ada@example.com").Tokens.AccessToken)
		mode := func(m auth.RegistrationMode) {
			t.Helper()
			must[operation.App](h, "update-app", &operation.UpdateAppInput{ID: auth.DefaultApp,
				Registration: operation.Optional[auth.RegistrationMode]{Present: true, Value: m}}, ada)
		}
		register := func(email, code string) (operation.Outcome, error) {
			return h.call("register", &operation.RegisterInput{Email: email, Password: password, InviteCode: code})
		}
		mode(auth.RegistrationInviteCode)
		h.refused(auth.CodeInviteCodeRequired)(register("jo@example.com", ""))
		code := must[operation.InviteCodeResult](h, "create-invite-code", &operation.CreateInviteCodeInput{Credit: 12.5}, ada).InviteCode
		jo := value[operation.Granted](h, "register")(register("jo@example.com", code.Code))
		if jo.User.Credit == nil || jo.User.Credit.Balance != 12.5 || jo.User.Credit.ID != jo.User.Number {
			t.Errorf("%+v", jo.User.Credit)
		}
		h.refused(auth.CodeInviteCodeInvalid)(register("mo@example.com", code.Code))
		must[operation.CreditResult](h, "grant-credit", &operation.GrantCreditInput{ID: jo.User.ID, Amount: 0.1, Paid: true}, ada)
		if got := must[operation.Me](h, "get-me", &operation.GetMeInput{}, bearer(jo.Tokens.AccessToken)).User.Credit; got.Balance != 12.6 || got.GrantedBalance != 12.5 {
			t.Errorf("%+v", got)
		}
		h.refused(auth.CodeInvalidRequest)(h.call("grant-credit", &operation.GrantCreditInput{ID: jo.User.ID, Amount: 0.0000001}, ada))

		mode(auth.RegistrationWaitlist)
		h.refused(auth.CodeRegistrationWaitlisted)(register("wait@example.com", ""))
		list := must[operation.WaitlistEntries](h, "list-waitlist-entries", &operation.ListWaitlistEntriesInput{Feature: auth.SignUpFeature}, ada).Entries
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		must[operation.WaitlistEntryResult](h, "approve-waitlist-entry", &operation.WaitlistEntryInput{ID: list[0].ID}, ada)
		in := must[operation.Granted](h, "accept-invite", &operation.AcceptInviteInput{Token: h.token("wait@example.com")})
		if !in.User.EmailVerified || in.User.Role != auth.RoleUser {
			t.Errorf("%+v", in.User)
		}

		mode(auth.RegistrationClosed)
		h.refused(auth.CodeRegistrationClosed)(register("late@example.com", ""))
		must[operation.InviteResult](h, "create-invite", &operation.CreateInviteInput{Email: "mod@example.com", Role: "moderator"}, ada)
		if mod := must[operation.Granted](h, "accept-invite", &operation.AcceptInviteInput{Token: h.token("mod@example.com")}); mod.User.Role != auth.RoleModerator {
			t.Errorf("%+v", mod.User)
		}
		h.refused(auth.CodeForbidden)(h.call("create-invite", &operation.CreateInviteInput{Email: "x@example.com"}, bearer(jo.Tokens.AccessToken)))
		h.refused(auth.CodeInvalidRequest)(h.call("list-invites", &operation.ListInvitesInput{}, bearer(jo.Tokens.AccessToken)))
	})
}
