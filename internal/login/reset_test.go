package login

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// requestReset asks for a reset mail and returns the token in it.
func (h *house) requestReset(email string) string {
	h.t.Helper()
	h.clock.Advance(time.Second)
	h.must(h.RequestPasswordReset(context.Background(), anyone(), email))
	return h.token(email, "/reset")
}

// A reset sets the password, proves the address, ends every session, signs nobody in and asks for the second factor
// as before (ET-08).
func TestReset_ET08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.register("ann@example.org")
		s, _ := h.enrol(in.User)
		token := h.requestReset("ann@example.org")
		got, err := h.CheckResetToken(ctx, anyone(), token)
		h.must(err)
		if got.Email != "ann@example.org" || !got.ExpiresAt.After(h.clock.Now()) {
			t.Fatalf("%+v", got)
		}
		wantCode(t, h.ResetPassword(ctx, anyone(), token, "password1234"), auth.CodeWeakPassword)
		h.must(h.ResetPassword(ctx, anyone(), token, otherPassword))
		wantCode(t, h.ResetPassword(ctx, anyone(), token, otherPassword), auth.CodeProofInvalid)
		if h.alive(in.Grant) || h.endReason(in.Grant) != auth.EndPasswordReset {
			t.Fatalf("the session lives or ended as %q", h.endReason(in.Grant))
		}
		if _, _, err := h.Sessions.Refresh(ctx, anyone(), in.Grant.RefreshToken); err == nil {
			t.Fatal("the refresh token works")
		}
		if !h.identity(in.User.ID).Email.Verified() {
			t.Fatal("the mailbox was proven")
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		out, err := h.signIn("ann@example.org", otherPassword)
		h.must(err)
		if out.SignedIn != nil || out.Challenge == nil {
			t.Fatal("the second factor was passed by")
		}
		_, err = h.answer(out.Challenge.Token, h.nextCode(s))
		h.must(err)
		e := h.events(in.User.ID)
		if e["password.reset-requested"] != 1 || e["password.reset"] != 1 || e["email.verified"] != 1 {
			t.Fatalf("%v", e)
		}
		if m := h.mails("ann@example.org"); !strings.Contains(m[len(m)-1].Text, "was changed on") {
			t.Fatal("no mail about the change")
		}
	})
}

// Of many simultaneous uses one succeeds (ET-03).
func TestResetOnce_ET03(t *testing.T) {
	eachWith(t, off(limit.ProofNetwork), func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		token := h.requestReset("ann@example.org")
		won := 0
		for _, err := range storetest.Race(t, h.db, 50, func(ctx context.Context, _ int) error {
			return h.ResetPassword(ctx, anyone(), token, otherPassword)
		}) {
			if err == nil {
				won++
			} else if !auth.Is(err, auth.CodeProofInvalid) {
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d resets", won)
		}
	})
}

// A newer link ends the older one; an old one is dead on time; a link of another app or kind is none (ET-02, ET-04,
// ET-05).
func TestResetTokens_ET05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.register("ann@example.org")
		verify := h.token("ann@example.org", "/verify")
		wantCode(t, h.ResetPassword(ctx, anyone(), verify, otherPassword), auth.CodeProofInvalid)
		first := h.requestReset("ann@example.org")
		second := h.requestReset("ann@example.org")
		if first == second {
			t.Fatal("one mail")
		}
		_, err := h.CheckResetToken(ctx, anyone(), first)
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.VerifyEmail(ctx, anyone(), second)
		wantCode(t, err, auth.CodeProofInvalid)
		h.write(func(tx *store.Tx) error {
			if err := tx.InsertApp(auth.App{ID: "other", Name: "Other", Status: auth.AppActive, Epoch: 1, Version: 1}); err != nil {
				return err
			}
			return nil
		})
		elsewhere := anyone()
		elsewhere.App = "other"
		wantCode(t, h.ResetPassword(ctx, elsewhere, second, otherPassword), auth.CodeProofInvalid)
		h.clock.Advance(time.Hour)
		wantCode(t, h.ResetPassword(ctx, anyone(), second, otherPassword), auth.CodeProofInvalid)
		third := h.requestReset("ann@example.org")
		h.disable(h.identityByEmail("ann@example.org"))
		wantCode(t, h.ResetPassword(ctx, anyone(), third, otherPassword), auth.CodeProofInvalid)
	})
}

func (h *house) identityByEmail(canonical string) (id auth.UserID) {
	h.t.Helper()
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) error {
		e, err := tx.EmailByCanonical(auth.DefaultApp, canonical)
		id = e.User
		return err
	}))
	return id
}

// Whoever is asked about, nothing is told; the mail goes to the address in the row (EN-01, ET-07) and no more often
// than a mailbox bears (RL-08).
func TestResetRequestConceals_EN01_ET07_RL08(t *testing.T) {
	eachWith(t, off(limit.MailNetwork), func(t *testing.T, h *house) {
		ctx := context.Background()
		_, err := h.Register(ctx, anyone(), Registration{Email: "Ann@example.org", Username: "ann", Password: goodPassword})
		h.must(err)
		h.disable(h.register("gone@example.org").User.ID)
		for _, identifier := range []string{"nobody@example.org", "gone@example.org", "ann", "ANN@EXAMPLE.ORG", "a@b@c", "", "\u212Ann@example.org"} {
			h.must(h.RequestPasswordReset(ctx, anyone(), identifier))
		}
		if n := len(h.tokens("Ann@example.org", "/reset")); n != 2 {
			t.Fatalf("%d mails", n)
		}
		if n := len(h.mails("gone@example.org")); n != 1 { // of the sign-up
			t.Fatalf("%d mails to a disabled user", n)
		}
		for range 20 {
			h.must(h.RequestPasswordReset(ctx, anyone(), "ann@example.org"))
		}
		if n := len(h.mails("Ann@example.org")); n != 5 {
			t.Fatalf("%d mails in an hour", n)
		}
		for _, to := range []string{"nobody@example.org", "ANN@EXAMPLE.ORG", "ann@example.org"} {
			if n := len(h.mails(to)); n != 0 {
				t.Fatalf("%d mails to %s", n, to)
			}
		}
	})
}

// Guesses at tokens are limited by network; a right token gives its guess back.
func TestProofBudget(t *testing.T) {
	eachWith(t, settings{limits: map[string]limit.Setting{limit.ProofNetwork: {Max: 3}}}, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.register("ann@example.org")
		token := h.requestReset("ann@example.org")
		for range 5 {
			_, err := h.CheckResetToken(ctx, anyone(), token)
			h.must(err)
		}
		guess := strings.Repeat("A", 43)
		for range 3 {
			_, err := h.CheckResetToken(ctx, anyone(), guess)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		wantCode(t, h.ResetPassword(ctx, anyone(), token, otherPassword), auth.CodeRateLimited)
		_, err := h.VerifyEmail(ctx, anyone(), guess)
		wantCode(t, err, auth.CodeRateLimited)
	})
}

// A reset does not refill the budget of the second factor (RL-12), nor open a locked account's code.
func TestResetKeepsTheCodeBudget_RL12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s, _ := h.enrol(h.verified("ann@example.org").User)
		for range 5 {
			_, err := h.inline(h.wrongCode(s))
			wantCode(t, err, auth.CodeSecondFactorWrong)
		}
		h.must(h.ResetPassword(context.Background(), anyone(), h.requestReset("ann@example.org"), otherPassword))
		_, err := h.SignIn(context.Background(), anyone(), Credentials{Identifier: "ann@example.org", Password: otherPassword, Code: h.code(s)})
		wantCode(t, err, auth.CodeRateLimited)
	})
}
