package login

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
)

// operator is the machine's own, in the default app.
func operator() auth.Caller { return auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp} }

// set changes the settings of the default app behind everybody's back.
func (h *house) set(change func(*auth.AppSettings)) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		a, err := tx.AppForUpdate(auth.DefaultApp)
		if err != nil {
			return err
		}
		change(&a.Settings)
		_, err = tx.UpdateApp(a)
		tx.Invalidate(store.KindApp, string(a.ID))
		return err
	})
}

func (h *house) mode(m auth.RegistrationMode) {
	h.t.Helper()
	h.set(func(s *auth.AppSettings) { s.Registration = m })
}

func (h *house) codeOf(in invite.CodeInput) auth.InviteCode {
	h.t.Helper()
	code, err := h.Invites.CreateCode(h.t.Context(), operator(), in)
	h.must(err)
	return code
}

func (h *house) try(email, code string) error {
	h.t.Helper()
	_, err := h.Register(h.t.Context(), anyone(), Registration{Email: email, Password: goodPassword, InviteCode: code})
	return err
}

// What the mode says is the same for a known and for an unknown address, at every door (EN-01).
func TestRegistrationModes_EN01(t *testing.T) {
	eachWith(t, off(limit.MailRecipient, limit.ProofNetwork), func(t *testing.T, h *house) {
		h.register("known@example.com")
		for mode, want := range map[auth.RegistrationMode]auth.Code{
			auth.RegistrationClosed: auth.CodeRegistrationClosed, auth.RegistrationInvite: auth.CodeInvitationRequired,
			auth.RegistrationInviteCode: auth.CodeInviteCodeRequired, auth.RegistrationWaitlist: auth.CodeRegistrationWaitlisted,
		} {
			h.mode(mode)
			for _, c := range []auth.Caller{anyone(), strict()} {
				for _, email := range []string{"known@example.com", "new@example.com"} {
					_, err := h.Register(t.Context(), c, Registration{Email: email, Password: goodPassword})
					wantCode(t, err, want)
				}
			}
		}
		h.mode(auth.RegistrationInviteCode)
		wantCode(t, h.try("new@example.com", "WRONG-CODE-1"), auth.CodeInviteCodeInvalid)
		wantCode(t, h.try("known@example.com", "WRONG-CODE-1"), auth.CodeInviteCodeInvalid)
		h.mode("")
		wantCode(t, h.try("new@example.com", "WRONG-CODE-1"), auth.CodeInviteCodeInvalid) // not needed, but said
		h.must(h.try("new@example.com", ""))
	})
}

func TestInviteCode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.mode(auth.RegistrationInviteCode)
		h.codeOf(invite.CodeInput{Code: "Spring-2026", Uses: 2, ExpiresIn: time.Hour, Credit: 12_500_000})
		out, err := h.Register(t.Context(), anyone(), Registration{Email: "a@example.com", Password: goodPassword, InviteCode: "spring 2026"})
		h.must(err)
		if c := out.Registered.Credit; c == nil || c.Balance != 12_500_000 || c.Granted != 12_500_000 {
			t.Errorf("credit %+v", c)
		}
		wantCode(t, h.try("a@example.com", "SPRING2026"), auth.CodeIdentifierTaken) // told, so not spent
		h.must(h.try("b@example.com", "SPRING2026"))
		wantCode(t, h.try("c@example.com", "SPRING2026"), auth.CodeInviteCodeInvalid)

		h.codeOf(invite.CodeInput{Code: "SOON-OVER", ExpiresIn: time.Minute})
		h.clock.Advance(time.Minute)
		wantCode(t, h.try("c@example.com", "SOON-OVER"), auth.CodeInviteCodeInvalid)
		gone := h.codeOf(invite.CodeInput{})
		h.must(h.Invites.RevokeCode(t.Context(), operator(), gone.ID))
		wantCode(t, h.try("c@example.com", gone.Code), auth.CodeInviteCodeInvalid)
		wantCode(t, h.Invites.RevokeCode(t.Context(), operator(), gone.ID), auth.CodeNotFound)
		_, err = h.Invites.CreateCode(t.Context(), operator(), invite.CodeInput{Code: "spring2026"})
		wantCode(t, err, auth.CodeConflict)
	})
}

// A code of one use tells nobody whether the first sign-up with it met a known address (EN-01).
func TestInviteCodeConceals_EN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.verified("known@example.com")
		for _, email := range []string{"known@example.com", "new@example.com"} {
			code := h.codeOf(invite.CodeInput{})
			_, err := h.Register(t.Context(), strict(), Registration{Email: email, Password: goodPassword, InviteCode: code.Code})
			h.must(err)
			_, err = h.Register(t.Context(), strict(), Registration{Email: "second@example.com", Password: goodPassword, InviteCode: code.Code})
			wantCode(t, err, auth.CodeInviteCodeInvalid)
		}
	})
}

// The last use of a code is taken by exactly one of 50 sign-ups at once.
func TestLastUseOfACodeUnderRace(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork, limit.ProofNetwork, limit.MailNetwork), func(t *testing.T, h *house) {
		h.mode(auth.RegistrationInviteCode)
		code := h.codeOf(invite.CodeInput{Uses: 3})
		h.must(h.try("first@example.com", code.Code))
		h.must(h.try("second@example.com", code.Code))
		var (
			wait sync.WaitGroup
			errs = make([]error, 50)
		)
		for i := range errs {
			wait.Go(func() { errs[i] = h.try(fmt.Sprintf("u%d@example.com", i), code.Code) })
		}
		wait.Wait()
		in := 0
		for _, err := range errs {
			if err == nil {
				in++
			} else if !auth.Is(err, auth.CodeInviteCodeInvalid) {
				t.Error(err)
			}
		}
		list, err := h.Invites.ListCodes(t.Context(), operator(), invite.CodeQuery{Limit: 10})
		if in != 1 || err != nil || list[0].Used != 3 {
			t.Errorf("%d got in, %+v, %v", in, list, err)
		}
	})
}

func TestWaitlistOfSignUps(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.mode(auth.RegistrationWaitlist)
		wantCode(t, h.try("Jo@example.com", ""), auth.CodeRegistrationWaitlisted)
		wantCode(t, h.try("jo@example.com", ""), auth.CodeRegistrationWaitlisted)
		list, err := h.Waits.List(t.Context(), operator(), store.WaitlistQuery{Feature: auth.SignUpFeature, Limit: 10})
		if err != nil || len(list) != 1 || list[0].Email != "Jo@example.com" || list[0].Status != auth.Waiting {
			t.Fatalf("%+v, %v", list, err)
		}
		h.must(h.try("in@example.com", h.codeOf(invite.CodeInput{}).Code)) // a code goes past the queue
	})
}

func TestAccountsOnSignUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.set(func(s *auth.AppSettings) { s.AccountsOnSignUp = true })
		in := h.verified("jo@example.com")
		if len(in.Memberships) != 1 {
			t.Fatalf("%+v", in.Memberships)
		}
		m := in.Memberships[0]
		if m.Membership.Role != auth.MemberOwner || m.Membership.User != in.User.ID || in.Grant.Session.Account != m.Account.ID {
			t.Errorf("%+v in session %+v", m, in.Grant.Session)
		}
		again, err := h.SignIn(t.Context(), anyone(), Credentials{Identifier: "jo@example.com", Password: goodPassword})
		if err != nil || again.SignedIn.Grant.Session.Account != m.Account.ID {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// A door may ask for the account itself; who has none begins in none.
func TestAccountAskedForAtSignUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, asked := range []bool{true, false} {
			out, err := h.Register(t.Context(), anyone(), Registration{Email: fmt.Sprint(asked, "@example.com"), Password: goodPassword, Account: asked})
			h.must(err)
			in := out.Registered
			if got := len(in.Memberships) == 1 && in.Grant.Session.Account == in.Memberships[0].Account.ID && in.Grant.Session.Account != ""; got != asked {
				t.Errorf("asked for an account: %v, got %+v in session %+v", asked, in.Memberships, in.Grant.Session)
			}
		}
	})
}
