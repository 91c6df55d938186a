package login

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

func (h *house) inline(code string) (SignInOutcome, error) {
	return h.SignIn(context.Background(), anyone(), Credentials{Identifier: "ann@example.org", Password: goodPassword, Code: code})
}

func (h *house) challenged() Challenge {
	h.t.Helper()
	out, err := h.signIn("ann@example.org", goodPassword)
	h.must(err)
	if out.Challenge == nil || out.SignedIn != nil {
		h.t.Fatalf("%+v", out)
	}
	return *out.Challenge
}

func (h *house) answer(token, code string) (SignedIn, error) {
	return h.CompleteSecondFactor(context.Background(), anyone(), SecondFactor{Token: token, Code: code})
}

// With a second factor no door makes a session without it (MF-05), and the session tells how it was proven (MF-09).
func TestSecondFactor_MF05_MF09(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.verified("ann@example.org").User
		s, backup := h.enrol(u)
		ch := h.challenged()
		if !slices.Equal(ch.Factors, []auth.FactorKind{auth.FactorTOTP, auth.FactorBackupCode}) || !ch.ExpiresAt.After(h.clock.Now()) {
			t.Fatalf("%+v", ch)
		}
		in, err := h.answer(ch.Token, h.code(s))
		h.must(err)
		if amr := h.caller(in.Grant).AMR; !slices.Equal(amr, []string{auth.AMRPassword, auth.AMROTP, auth.AMRMFA}) {
			t.Fatalf("%v", amr)
		}
		_, err = h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeProofInvalid)
		out, err := h.inline(h.nextCode(s))
		h.must(err)
		if !h.alive(out.SignedIn.Grant) {
			t.Fatal("no session")
		}
		_, err = h.inline(h.code(s)) // the same code again (MF-02)
		wantCode(t, err, auth.CodeSecondFactorWrong)
		out, err = h.inline(strings.ToUpper(backup[0]))
		h.must(err)
		if amr := h.caller(out.SignedIn.Grant).AMR; !slices.Contains(amr, auth.AMRBackupCode) {
			t.Fatalf("%v", amr)
		}
		_, err = h.inline(backup[0])
		wantCode(t, err, auth.CodeSecondFactorWrong)
		used := 0
		for _, m := range h.mails("ann@example.org") {
			if strings.Contains(m.Text, "9 backup codes are left") {
				used++
			}
		}
		if used != 1 {
			t.Fatalf("%d mails about the backup code", used)
		}
		e := h.events(u.ID)
		if e["password.known"] != 3 || e["second-factor.failed"] != 2 || e["backup-code.used"] != 1 || e["sign-in.succeeded"] != 3 {
			t.Fatalf("%v", e)
		}
	})
}

// The same code at both doors fifty times at once: one session (MF-02).
func TestOneCodeOneSession_MF02(t *testing.T) {
	eachWith(t, off(limit.SecondFactorAccount, limit.SignInAccount), func(t *testing.T, h *house) {
		s, _ := h.enrol(h.verified("ann@example.org").User)
		ch := h.challenged()
		code := h.nextCode(s)
		won := 0
		for _, err := range storetest.Race(t, h.db, 50, func(_ context.Context, i int) error {
			if i%10 == 0 {
				_, err := h.answer(ch.Token, code)
				return err
			}
			_, err := h.inline(code)
			return err
		}) {
			switch {
			case err == nil:
				won++
			case auth.Is(err, auth.CodeSecondFactorWrong), auth.Is(err, auth.CodeProofInvalid):
			default:
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d sessions from one code", won)
		}
	})
}

// Inline codes and challenges share one budget, whatever comes first, and a right password does not refill it (RL-04,
// RL-12).
func TestSharedBudget_RL04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s, _ := h.enrol(h.verified("ann@example.org").User)
		ch := h.challenged()
		wrong := h.wrongCode(s)
		for range 2 {
			_, err := h.inline(wrong)
			wantCode(t, err, auth.CodeSecondFactorWrong)
		}
		for range 3 {
			_, err := h.answer(ch.Token, wrong)
			wantCode(t, err, auth.CodeSecondFactorWrong)
		}
		_, err := h.inline(h.code(s))
		wantCode(t, err, auth.CodeRateLimited)
		_, err = h.answer(h.challenged().Token, h.code(s))
		wantCode(t, err, auth.CodeRateLimited)
		if l := auth.AsError(err).Limit; l == nil || l.Name != limit.SecondFactorAccount {
			t.Fatalf("%+v", l)
		}
	})
}

// A challenge dies after five answers, also for a right sixth (ET-11).
func TestChallengeAttempts_ET11(t *testing.T) {
	eachWith(t, off(limit.SecondFactorAccount), func(t *testing.T, h *house) {
		s, _ := h.enrol(h.verified("ann@example.org").User)
		ch := h.challenged()
		for range challengeAttempts {
			_, err := h.answer(ch.Token, h.wrongCode(s))
			wantCode(t, err, auth.CodeSecondFactorWrong)
		}
		_, err := h.answer(ch.Token, h.code(s))
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// Everything that the first half found is looked at again at the end.
func TestChallengeIsCheckedAtTheEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.verified("ann@example.org").User
		s, _ := h.enrol(u)
		ch := h.challenged()
		h.clock.Advance(time.Minute)
		hash := h.identity(u.ID).Password.Hash
		h.write(func(tx *store.Tx) error { return user.SetPassword(tx, u, hash, false) })
		_, err := h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeProofInvalid)

		ch = h.challenged()
		h.write(func(tx *store.Tx) error {
			row, err := tx.UserForUpdate(u.App, u.ID)
			if err != nil {
				return err
			}
			_, err = user.BumpEpoch(tx, row)
			return err
		})
		_, err = h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeProofInvalid)

		ch = h.challenged()
		c := anyone()
		c.Client = "another"
		_, err = h.CompleteSecondFactor(context.Background(), c, SecondFactor{Token: ch.Token, Code: h.nextCode(s)})
		wantCode(t, err, auth.CodeProofInvalid)

		ch = h.challenged()
		h.write(func(tx *store.Tx) error { return h.Factors.Remove(tx, u.App, u.ID) })
		_, err = h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeProofInvalid)
		s, _ = h.enrol(u)

		ch = h.challenged()
		h.clock.Advance(11 * time.Minute)
		_, err = h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeProofInvalid)

		ch = h.challenged()
		h.disable(u.ID)
		_, err = h.answer(ch.Token, h.nextCode(s))
		wantCode(t, err, auth.CodeAccountDisabled)
	})
}

// Half a sign-in opens nothing: its token is no credential and no other proof (MF-04, ET-02).
func TestHalfASignInOpensNothing_MF04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.enrol(h.verified("ann@example.org").User)
		token := h.challenged().Token
		if _, err := h.Sessions.Authenticate(ctx, token); err == nil {
			t.Fatal("an access token")
		}
		if _, err := h.Sessions.AuthenticateCookie(ctx, auth.DefaultApp, token); err == nil {
			t.Fatal("a cookie")
		}
		if _, _, err := h.Sessions.Refresh(ctx, anyone(), token); err == nil {
			t.Fatal("a refresh token")
		}
		_, err := h.VerifyEmail(ctx, anyone(), token)
		wantCode(t, err, auth.CodeProofInvalid)
		wantCode(t, h.ResetPassword(ctx, anyone(), token, otherPassword), auth.CodeProofInvalid)
		_, err = h.CreateFirstAdministrator(ctx, anyone(), FirstAdministrator{Token: token, Email: "x@example.org", Password: otherPassword})
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// A wrong code is no way around the strict door.
func TestChallengeKeepsThePolicy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s, _ := h.enrol(h.register("ann@example.org").User)
		ch := h.challenged()
		_, err := h.CompleteSecondFactor(context.Background(), strict(), SecondFactor{Token: ch.Token, Code: h.nextCode(s)})
		wantCode(t, err, auth.CodeEmailUnverified)
	})
}
