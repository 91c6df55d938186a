package lifecycle

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// stale is a caller whose sign-in is older than the step-up window.
func (h *house) stale(in login.SignedIn) auth.Caller {
	h.t.Helper()
	h.clock.Advance(6 * time.Minute)
	return h.caller(in.Grant)
}

func (h *house) change(c auth.Caller, in PasswordChange) error {
	_, err := h.ChangePassword(context.Background(), c, in)
	return err
}

// A change ends every other session with its refresh token, spares the own one and the keys, kills what waits, and
// mails the user (PW-15, ET-05).
func TestChangePassword_PW15(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		other, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		c := h.stale(in)
		_, key, err := h.Login.APIKeys.Create(ctx, c, apikey.Input{Name: "a key", Scopes: []string{"things:read"}})
		h.must(err)
		h.must(h.Login.RequestPasswordReset(ctx, anyone(), "ann@example.org"))
		reset := h.token("ann@example.org", "/reset")
		h.clock.Advance(time.Second)

		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword}), auth.CodeReauthRequired)
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: "wrong"}), auth.CodeInvalidCredentials)
		wantCode(t, h.change(c, PasswordChange{NewPassword: "password1234", CurrentPassword: goodPassword}), auth.CodeWeakPassword)
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: strings.Repeat("x", 2000)}), auth.CodeInvalidRequest)
		h.must(h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: goodPassword}))

		if !h.alive(in.Grant) || h.alive(other.SignedIn.Grant) || h.endReason(other.SignedIn.Grant) != auth.EndPasswordChanged {
			t.Fatal("the wrong session lives")
		}
		if _, _, err := h.Login.Sessions.Refresh(ctx, anyone(), other.SignedIn.Grant.RefreshToken); err == nil {
			t.Fatal("the refresh token of before works")
		}
		if _, _, err := h.Login.Sessions.Refresh(ctx, anyone(), in.Grant.RefreshToken); err != nil {
			t.Fatalf("the own session: %v", err)
		}
		if _, err := h.Login.APIKeys.Authenticate(ctx, key); err != nil {
			t.Fatalf("the key: %v", err)
		}
		wantCode(t, h.Login.ResetPassword(ctx, anyone(), reset, goodPassword), auth.CodeProofInvalid)
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.signIn("ann@example.org", otherPassword)
		h.must(err)
		if m := h.mails("ann@example.org"); !strings.Contains(m[len(m)-1].Text, "was changed on") {
			t.Fatal("no mail about the change")
		}
		if e := h.events(in.User.ID); e["password.changed"] != 1 || e["reauthentication.failed"] != 1 {
			t.Fatalf("%v", e)
		}
	})
}

// Shortly after a full sign-in nothing more is needed; with a second factor only a sign-in with it is a full one (C2).
func TestFreshSignInIsEnough_C2(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.change(h.caller(in.Grant), PasswordChange{NewPassword: otherPassword}))
		s, backup := h.enrol(in.User)
		wantCode(t, h.change(h.caller(in.Grant), PasswordChange{NewPassword: goodPassword}), auth.CodeReauthRequired)
		wantCode(t, h.change(h.caller(in.Grant), PasswordChange{NewPassword: goodPassword, Code: h.wrongCode(s)}), auth.CodeSecondFactorWrong)
		h.must(h.change(h.caller(in.Grant), PasswordChange{NewPassword: goodPassword, Code: h.nextCode(s)}))
		h.must(h.change(h.stale(in), PasswordChange{NewPassword: otherPassword, Code: backup[0]}))
		full, err := h.Login.SignIn(context.Background(), anyone(), login.Credentials{Identifier: "ann@example.org",
			Password: otherPassword, Code: h.nextCode(s)})
		h.must(err)
		h.must(h.change(h.caller(full.SignedIn.Grant), PasswordChange{NewPassword: goodPassword}))
	})
}

// A code is no help where there is no second factor.
func TestChangePasswordWithoutAFactor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.stale(h.verified("ann@example.org"))
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, Code: "123456"}), auth.CodeTotpNotEnabled)
	})
}

// An API key changes no password and no factor.
func TestKeysNeedAPerson(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		_, text, err := h.Login.APIKeys.Create(ctx, h.caller(in.Grant), apikey.Input{Name: "a key", Scopes: []string{"account:write"}})
		h.must(err)
		id, err := h.Login.APIKeys.Authenticate(ctx, text)
		h.must(err)
		c := anyone()
		id.Fill(&c)
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: goodPassword}), auth.CodePersonRequired)
		_, err = h.BeginTOTP(ctx, c, goodPassword)
		wantCode(t, err, auth.CodePersonRequired)
		_, err = h.ConfirmTOTP(ctx, c, "123456")
		wantCode(t, err, auth.CodePersonRequired)
		wantCode(t, h.DisableTOTP(ctx, c, TOTPRemoval{Code: "123456"}), auth.CodePersonRequired)
		_, err = h.RegenerateBackupCodes(ctx, c, "123456")
		wantCode(t, err, auth.CodePersonRequired)
		_, err = h.SignOutEverywhere(ctx, c, false)
		wantCode(t, err, auth.CodePersonRequired)
		wantCode(t, h.SignOut(ctx, c), auth.CodePersonRequired)
	})
}

// A caller whose session ended a moment ago changes nothing, whatever a cache says.
func TestEndedSessionsChangeNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		h.write(func(tx *store.Tx) error {
			return h.Login.Sessions.End(tx, c, auth.DefaultApp, c.Session, auth.EndByAdmin)
		})
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: goodPassword}), auth.CodeSessionEnded)
	})
}

// Guessing the current password runs into the budget of signing in, and the owner hears of it once.
func TestCurrentPasswordBudget_RL01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		for i := range 10 {
			var err error
			if i%2 == 0 {
				err = h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: "wrong"})
			} else {
				_, err = h.signIn("ann@example.org", "wrong")
			}
			wantCode(t, err, auth.CodeInvalidCredentials)
		}
		wantCode(t, h.change(c, PasswordChange{NewPassword: otherPassword, CurrentPassword: goodPassword}), auth.CodeRateLimited)
		locked := 0
		for _, m := range h.mails("ann@example.org") {
			if strings.Contains(m.Text, "too many wrong attempts") {
				locked++
			}
		}
		if locked != 1 {
			t.Fatalf("%d mails about the lock", locked)
		}
	})
}

// Two changes at the same moment, both checked against the same old password: one stands, the other is told.
func TestChangePasswordRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		words := []string{otherPassword, otherPassword + " two", otherPassword + " three", otherPassword + " four"}
		errs := storetest.Race(t, h.db, len(words), func(_ context.Context, i int) error {
			return h.change(c, PasswordChange{NewPassword: words[i], CurrentPassword: goodPassword})
		})
		won := 0
		for i, err := range errs {
			_, signIn := h.signIn("ann@example.org", words[i])
			switch {
			case err == nil && signIn == nil:
				won++
			case err == nil: // an earlier one of two that came one after the other cannot have known the old password
				t.Fatalf("%d was told that its password stands", i)
			case !auth.Is(err, auth.CodeInvalidCredentials) && !auth.Is(err, auth.CodeReauthRequired):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d changes stand", won)
		}
	})
}

// The password that the account has already is refused, whatever shows that it is the user who asks; nothing ends.
func TestChangePasswordToTheSame(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		other, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		change := func(in login.SignedIn, c PasswordChange) error {
			_, err := h.ChangePassword(context.Background(), h.caller(in.Grant), c)
			return err
		}
		wantCode(t, change(in, PasswordChange{NewPassword: goodPassword}), auth.CodeConflict)
		wantCode(t, change(in, PasswordChange{CurrentPassword: goodPassword, NewPassword: goodPassword}), auth.CodeConflict)
		wantCode(t, change(in, PasswordChange{CurrentPassword: otherPassword, NewPassword: otherPassword}), auth.CodeInvalidCredentials)
		if !h.alive(other.SignedIn.Grant) {
			t.Error("a session ended, though nothing changed")
		}
		h.must(change(in, PasswordChange{NewPassword: otherPassword}))
	})
}

// A stolen token and a wrong code do not tell whether a password is the right one (RL-01).
func TestChangePasswordIsNoOracle_RL01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		s, _ := h.enrol(in.User)
		c := h.stale(in)
		for _, guess := range []string{goodPassword, otherPassword} {
			wantCode(t, h.change(c, PasswordChange{NewPassword: guess, Code: h.wrongCode(s)}), auth.CodeSecondFactorWrong)
		}
		wantCode(t, h.change(c, PasswordChange{NewPassword: goodPassword, Code: h.nextCode(s)}), auth.CodeConflict)
	})
}
