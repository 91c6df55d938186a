package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// The whole life of a second factor, as its user sees it.
func TestSecondFactor_MF03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		_, err := h.ConfirmTOTP(ctx, c, "123456")
		wantCode(t, err, auth.CodeTotpNotBegun)
		begun, err := h.BeginTOTP(ctx, c, "")
		h.must(err)
		if !strings.HasPrefix(begun.URI, "otpauth://totp/Ostiary:ann@example.org?secret="+begun.Secret) || len(begun.Secret) != 32 {
			t.Fatalf("%+v", begun)
		}
		if out, err := h.signIn("ann@example.org", goodPassword); err != nil || out.SignedIn == nil {
			t.Fatal("an enrolment that was not confirmed has power")
		}
		_, err = h.ConfirmTOTP(ctx, c, h.wrongCode(begun.Secret))
		wantCode(t, err, auth.CodeSecondFactorWrong)
		codes, err := h.ConfirmTOTP(ctx, c, h.code(begun.Secret))
		h.must(err)
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		_, err = h.BeginTOTP(ctx, c, goodPassword)
		wantCode(t, err, auth.CodeTotpAlreadyEnabled)
		out, err := h.signIn("ann@example.org", goodPassword)
		if err != nil || out.Challenge == nil {
			t.Fatal("no challenge")
		}
		other, err := h.Login.CompleteSecondFactor(ctx, anyone(), login.SecondFactor{Token: out.Challenge.Token, Code: h.nextCode(begun.Secret)})
		h.must(err)
		waiting, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)

		_, err = h.RegenerateBackupCodes(ctx, c, codes[0]) // a backup code makes no backup codes
		wantCode(t, err, auth.CodeSecondFactorWrong)
		renewed, err := h.RegenerateBackupCodes(ctx, c, h.nextCode(begun.Secret))
		h.must(err)
		wantCode(t, h.DisableTOTP(ctx, c, TOTPRemoval{Code: codes[0]}), auth.CodeSecondFactorWrong)
		wantCode(t, h.DisableTOTP(ctx, c, TOTPRemoval{}), auth.CodeInvalidRequest)
		wantCode(t, h.DisableTOTP(ctx, c, TOTPRemoval{Password: "wrong", Code: renewed[0]}), auth.CodeInvalidCredentials)
		h.must(h.DisableTOTP(ctx, c, TOTPRemoval{Password: goodPassword, Code: renewed[0]}))
		wantCode(t, h.DisableTOTP(ctx, c, TOTPRemoval{Code: renewed[1]}), auth.CodeTotpNotEnabled)

		if !h.alive(in.Grant) || h.alive(other.Grant) || h.endReason(other.Grant) != auth.EndFactorRemoved {
			t.Fatal("the wrong session lives") // RT-08
		}
		_, err = h.Login.CompleteSecondFactor(ctx, anyone(), login.SecondFactor{Token: waiting.Challenge.Token, Code: renewed[1]})
		wantCode(t, err, auth.CodeProofInvalid)
		if out, err := h.signIn("ann@example.org", goodPassword); err != nil || out.SignedIn == nil {
			t.Fatal("still asks for a code")
		}
		e := h.events(in.User.ID)
		if e["totp.enabled"] != 1 || e["totp.disabled"] != 1 || e["backup-codes.regenerated"] != 1 || e["backup-code.used"] != 1 {
			t.Fatalf("%v", e)
		}
		changed := 0
		for _, m := range h.mails("ann@example.org") {
			if strings.Contains(m.Text, "two-factor authentication of your account") {
				changed++
			}
		}
		if changed != 3 {
			t.Fatalf("%d mails about changes", changed)
		}
	})
}

// Setting a factor up takes a fresh sign-in or the password (MF-04).
func TestBeginNeedsAFreshProof_MF04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		c := h.stale(h.verified("ann@example.org"))
		_, err := h.BeginTOTP(ctx, c, "")
		wantCode(t, err, auth.CodeReauthRequired)
		_, err = h.BeginTOTP(ctx, c, "wrong")
		wantCode(t, err, auth.CodeInvalidCredentials)
		begun, err := h.BeginTOTP(ctx, c, goodPassword)
		h.must(err)
		h.clock.Advance(11 * time.Minute)
		_, err = h.ConfirmTOTP(ctx, c, h.code(begun.Secret))
		wantCode(t, err, auth.CodeTotpNotBegun)
	})
}

// Every flow that takes a code draws on one budget, in any order (RL-04).
func TestOneBudgetForAllFlows_RL04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		s, _ := h.enrol(in.User)
		wrong := h.wrongCode(s)
		ch, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		inline := func(code string) error {
			_, err := h.Login.SignIn(ctx, anyone(), login.Credentials{Identifier: "ann@example.org", Password: goodPassword, Code: code})
			return err
		}
		regenerate := func(code string) error { _, err := h.RegenerateBackupCodes(ctx, c, code); return err }
		disable := func(code string) error { return h.DisableTOTP(ctx, c, TOTPRemoval{Code: code}) }
		complete := func(code string) error {
			_, err := h.Login.CompleteSecondFactor(ctx, anyone(), login.SecondFactor{Token: ch.Challenge.Token, Code: code})
			return err
		}
		change := func(code string) error { return h.change(c, PasswordChange{NewPassword: otherPassword, Code: code}) }
		all := []func(string) error{inline, regenerate, disable, complete, change}
		for _, try := range all {
			wantCode(t, try(wrong), auth.CodeSecondFactorWrong)
		}
		for _, try := range all {
			wantCode(t, try(h.nextCode(s)), auth.CodeRateLimited)
		}
		h.clock.Advance(15 * time.Minute)
		h.must(disable(h.nextCode(s)))
	})
}

// One backup code at many doors at once works once (MF-07).
func TestBackupCodeOnceAcrossFlows_MF07(t *testing.T) {
	eachWith(t, off(limit.SecondFactorAccount, limit.SignInAccount), func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		_, backup := h.enrol(in.User)
		won := 0
		for _, err := range storetest.Race(t, h.db, 30, func(ctx context.Context, i int) error {
			if i%2 == 0 {
				return h.change(c, PasswordChange{NewPassword: fmt.Sprint(otherPassword, " ", i), Code: backup[0]})
			}
			_, err := h.Login.SignIn(ctx, anyone(), login.Credentials{Identifier: "ann@example.org", Password: goodPassword, Code: backup[0]})
			return err
		}) {
			switch {
			case err == nil:
				won++
			case auth.Is(err, auth.CodeSecondFactorWrong), auth.Is(err, auth.CodeInvalidCredentials), auth.Is(err, auth.CodeReauthRequired):
			default:
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d doors opened", won)
		}
	})
}

// Two confirmations at once make one factor with one set of codes.
func TestConfirmRace(t *testing.T) {
	eachWith(t, off(limit.SecondFactorAccount), func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		begun, err := h.BeginTOTP(ctx, c, "")
		h.must(err)
		won := 0
		for _, err := range storetest.Race(t, h.db, 10, func(ctx context.Context, _ int) error {
			_, err := h.ConfirmTOTP(ctx, c, h.code(begun.Secret))
			return err
		}) {
			switch {
			case err == nil:
				won++
			case auth.Is(err, auth.CodeTotpAlreadyEnabled), auth.Is(err, auth.CodeReauthRequired):
			default:
				t.Fatal(err)
			}
		}
		left := 0
		h.must(h.db.Read(ctx, func(tx *store.Tx) (err error) {
			left, err = tx.BackupCodesLeft(auth.DefaultApp, in.User.ID)
			return err
		}))
		if won != 1 || left != 10 {
			t.Fatalf("%d confirmations, %d codes", won, left)
		}
	})
}
