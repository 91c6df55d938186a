package lifecycle

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func (h *house) changeEmail(in login.SignedIn, change EmailChange) error {
	h.clock.Advance(time.Second)
	_, err := h.ChangeEmail(context.Background(), h.caller(in.Grant), change)
	return err
}

func (h *house) confirm(token string) (login.VerifiedEmail, error) {
	return h.Login.VerifyEmail(context.Background(), anyone(), token)
}

func TestChangeEmail_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "New@example.org"}))
		if _, err := h.signIn("ann@example.org", goodPassword); err != nil {
			t.Errorf("the old address before the proof: %v", err)
		}
		if got := h.mails("ann@example.org"); got[len(got)-1].Subject != "Your e-mail address at Ostiary is about to change" {
			t.Errorf("the old address was told %q", got[len(got)-1].Subject)
		}
		token := h.token("New@example.org", "/verify")
		h.clock.Advance(time.Second)
		out, err := h.confirm(token)
		h.must(err)
		if out.Email.Address != "New@example.org" || !out.Email.Verified() || out.User.Version == in.User.Version {
			t.Errorf("confirmed %+v", out)
		}
		if _, err := h.signIn("new@example.org", goodPassword); err != nil {
			t.Errorf("the new address: %v", err)
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.confirm(token)
		wantCode(t, err, auth.CodeProofInvalid)
		if got := h.mails("ann@example.org"); got[len(got)-1].Subject != "Your e-mail address at Ostiary was changed" {
			t.Errorf("the old address was told %q", got[len(got)-1].Subject)
		}
		if e := h.events(in.User.ID); e["email.change-requested"] != 1 || e["email.changed"] != 1 {
			t.Errorf("events %v", e)
		}
	})
}

// TestChangeEmailRaces_ET13: of two changes only the last one can be confirmed, and it kills every other pending link
// (ET-05); the address that was free when it was asked for may be taken by then.
func TestChangeEmailRaces_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "one@example.org"}))
		one := h.token("one@example.org", "/verify")
		h.must(h.changeEmail(in, EmailChange{Email: "two@example.org"}))
		two := h.token("two@example.org", "/verify")
		_, err := h.confirm(one)
		wantCode(t, err, auth.CodeProofInvalid)
		h.must(h.Login.RequestPasswordReset(context.Background(), anyone(), "ann@example.org"))
		reset := h.token("ann@example.org", "/reset")
		done := 0
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, _ int) error {
			_, err := h.Login.VerifyEmail(ctx, anyone(), two)
			return err
		}) {
			if err == nil {
				done++
			} else if !auth.Is(err, auth.CodeProofInvalid) {
				t.Error(err)
			}
		}
		if done != 1 {
			t.Errorf("%d confirmed", done)
		}
		wantCode(t, h.Login.ResetPassword(context.Background(), anyone(), reset, otherPassword), auth.CodeProofInvalid)

		h.must(h.changeEmail(in, EmailChange{Email: "three@example.org"}))
		three := h.token("three@example.org", "/verify")
		h.register("three@example.org")
		_, err = h.confirm(three)
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestChangeEmailNeedsEvidence(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.register("bob@example.org")
		wantCode(t, h.changeEmail(in, EmailChange{Email: "Ann@example.org"}), auth.CodeConflict)
		wantCode(t, h.changeEmail(in, EmailChange{}), auth.CodeConflict) // none waits
		wantCode(t, h.changeEmail(in, EmailChange{Email: "nonsense"}), auth.CodeInvalidRequest)
		wantCode(t, h.changeEmail(in, EmailChange{Email: "bob@example.org"}), auth.CodeIdentifierTaken)

		// Where the door conceals, a taken address is answered like a free one, and its owner is told (EN-01).
		strict := h.caller(in.Grant)
		strict.Door.Policy = auth.Policy{}
		_, err := h.ChangeEmail(context.Background(), strict, EmailChange{Email: "bob@example.org"})
		h.must(err)
		if got := h.mails("bob@example.org"); got[len(got)-1].Subject != "You have an account at Ostiary already" {
			t.Errorf("the owner was told %q", got[len(got)-1].Subject)
		}

		h.clock.Advance(10 * time.Minute)
		wantCode(t, h.changeEmail(in, EmailChange{Email: "new@example.org"}), auth.CodeReauthRequired)
		wantCode(t, h.changeEmail(in, EmailChange{Email: "new@example.org", CurrentPassword: otherPassword}), auth.CodeInvalidCredentials)
		h.must(h.changeEmail(in, EmailChange{Email: "new@example.org", CurrentPassword: goodPassword}))
		h.must(h.changeEmail(in, EmailChange{})) // once more, without evidence
		if n := len(h.mails("new@example.org")); n != 2 {
			t.Errorf("%d mails", n)
		}

		fresh := h.register("eve@example.org")
		wantCode(t, h.changeEmail(fresh, EmailChange{Email: "new2@example.org"}), auth.CodeEmailUnverified)
	})
}

func TestChangeUsername(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		other, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		change := func(name, password string) error {
			_, err := h.ChangeUsername(context.Background(), h.caller(in.Grant), UsernameChange{Username: name, CurrentPassword: password})
			return err
		}
		h.must(change("ann", ""))
		if h.alive(other.SignedIn.Grant) || !h.alive(in.Grant) || h.endReason(other.SignedIn.Grant) != auth.EndUsernameChanged {
			t.Error("other sessions end, the own one stays")
		}
		if _, err := h.signIn("ann", goodPassword); err != nil {
			t.Error(err)
		}
		wantCode(t, change("ann", ""), auth.CodeConflict)
		wantCode(t, change("", ""), auth.CodeInvalidRequest)
		bob := h.verified("bob@example.org")
		_, err = h.ChangeUsername(context.Background(), h.caller(bob.Grant), UsernameChange{Username: "Ann"})
		wantCode(t, err, auth.CodeIdentifierTaken)
		h.clock.Advance(10 * time.Minute)
		wantCode(t, change("anna", ""), auth.CodeReauthRequired)
		wantCode(t, change("anna", otherPassword), auth.CodeInvalidCredentials)
		h.must(change("anna", goodPassword))
	})
}

func TestStepUp_SE02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		up := func(e Evidence) (SteppedUp, error) {
			return h.StepUp(context.Background(), h.caller(in.Grant), e)
		}
		h.clock.Advance(6 * time.Minute)
		wantCode(t, h.changeEmail(in, EmailChange{Email: "new@example.org"}), auth.CodeReauthRequired)
		_, err := up(Evidence{})
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = up(Evidence{CurrentPassword: otherPassword})
		wantCode(t, err, auth.CodeInvalidCredentials)
		out, err := up(Evidence{CurrentPassword: goodPassword})
		h.must(err)
		if !out.Until.Equal(h.clock.Now().Add(5*time.Minute)) || out.SessionCookie != "" || out.Marker == "" {
			t.Errorf("stepped up %+v", out)
		}
		h.must(h.changeEmail(in, EmailChange{Email: "new@example.org"}))

		// A session cookie is replaced; the one of before is dead.
		door := anyone()
		door.Door.SessionCookie = true
		signed, err := h.Login.SignIn(context.Background(), door, login.Credentials{Identifier: "ann@example.org", Password: goodPassword})
		h.must(err)
		old := signed.SignedIn.Grant.SessionCookie
		c := h.caller(signed.SignedIn.Grant)
		c.Cookie = true
		out, err = h.StepUp(context.Background(), c, Evidence{CurrentPassword: goodPassword})
		h.must(err)
		if _, err := h.Login.Sessions.AuthenticateCookie(context.Background(), auth.DefaultApp, old); err == nil {
			t.Error("the cookie of before opens the door")
		}
		if _, err := h.Login.Sessions.AuthenticateCookie(context.Background(), auth.DefaultApp, out.SessionCookie); err != nil {
			t.Error(err)
		}

		// Whoever has a second factor needs a code; a backup code does.
		secretText, backup := h.enrol(in.User)
		h.clock.Advance(6 * time.Minute)
		_, err = up(Evidence{CurrentPassword: goodPassword})
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = up(Evidence{Code: h.wrongCode(secretText)})
		wantCode(t, err, auth.CodeSecondFactorWrong)
		_, err = up(Evidence{Code: h.nextCode(secretText)})
		h.must(err)
		if amr := h.caller(in.Grant).AMR; !slices.Contains(amr, auth.AMRMFA) || !slices.Contains(amr, auth.AMROTP) {
			t.Errorf("methods %v", amr)
		}
		_, err = up(Evidence{Code: backup[0]})
		h.must(err)
		_, err = up(Evidence{Code: backup[0]})
		wantCode(t, err, auth.CodeSecondFactorWrong)
	})
}

func (h *house) cancelChange(token string) (bool, error) {
	h.clock.Advance(time.Second)
	return h.Login.CancelEmailChange(context.Background(), anyone(), token)
}

// TestCancelEmailChange_ET13: the old address ends a change that waits; whoever asked for it is out.
func TestCancelEmailChange_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "thief@example.org"}))
		confirm, cancel := h.token("thief@example.org", "/verify"), h.token("ann@example.org", "/cancel-email-change")
		_, err := h.confirm(cancel)
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.cancelChange(confirm)
		wantCode(t, err, auth.CodeProofInvalid)

		restored, err := h.cancelChange(cancel)
		h.must(err)
		if restored || h.alive(in.Grant) || h.endReason(in.Grant) != auth.EndEmailKept {
			t.Errorf("restored %v, ended %q", restored, h.endReason(in.Grant))
		}
		_, err = h.confirm(confirm)
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.cancelChange(cancel)
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
		h.must(h.Login.ResetPassword(context.Background(), anyone(), h.token("ann@example.org", "/reset"), otherPassword))
		if _, err := h.signIn("ann@example.org", otherPassword); err != nil {
			t.Error(err)
		}
		if e := h.events(in.User.ID); e["email.change-canceled"] != 1 || e["email.restored"] != 0 {
			t.Errorf("events %v", e)
		}
	})
}

// TestRestoreEmail_ET13: for a day the old address takes the account back, however often the thief has moved on, whatever
// he has changed, and whoever tries to sign up with it meanwhile.
func TestRestoreEmail_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		change := func(to string) {
			h.must(h.changeEmail(in, EmailChange{Email: to}))
			_, err := h.confirm(h.token(to, "/verify"))
			h.must(err)
		}
		change("one@example.org")
		cancel := h.token("ann@example.org", "/cancel-email-change")
		change("two@example.org")
		later := h.token("one@example.org", "/cancel-email-change")
		_, err := h.ChangePassword(context.Background(), h.caller(in.Grant), PasswordChange{NewPassword: otherPassword})
		h.must(err)

		// The address is the owner's still: nobody else gets it, by sign-up or by a change, at any door.
		_, err = h.Login.Register(context.Background(), anyone(), login.Registration{Email: "Ann@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeIdentifierTaken)
		strict := anyone()
		strict.Door.Policy = auth.Policy{}
		out, err := h.Login.Register(context.Background(), strict, login.Registration{Email: "ann@example.org", Password: goodPassword})
		h.must(err)
		if got := h.mails("ann@example.org"); out.Pending == nil || got[len(got)-1].Subject != "You have an account at Ostiary already" {
			t.Errorf("%+v, the owner was told %q", out, got[len(got)-1].Subject)
		}
		bob := h.verified("bob@example.org")
		h.must(h.changeEmail(bob, EmailChange{Email: "ann@example.org"}))
		_, err = h.confirm(h.token("ann@example.org", "/verify"))
		wantCode(t, err, auth.CodeProofInvalid)

		h.clock.Advance(23 * time.Hour)
		restored, err := h.cancelChange(cancel)
		h.must(err)
		if !restored || h.alive(in.Grant) {
			t.Error("the address is not back, or the session lives")
		}
		_, err = h.cancelChange(later)
		wantCode(t, err, auth.CodeProofInvalid)
		if got := h.mails("two@example.org"); got[len(got)-1].Subject != "The change of your e-mail address at Ostiary was taken back" {
			t.Errorf("the new address was told %q", got[len(got)-1].Subject)
		}
		_, err = h.signIn("ann@example.org", otherPassword)
		wantCode(t, err, auth.CodePasswordExpired)
		_, err = h.signIn("two@example.org", otherPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		h.register("two@example.org") // nobody holds what was never the owner's
	})
}

// TestRestoreEmailEnds_ET13: a day after the change the old address has no claim any more.
func TestRestoreEmailEnds_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "new@example.org"}))
		_, err := h.confirm(h.token("new@example.org", "/verify"))
		h.must(err)
		cancel := h.token("ann@example.org", "/cancel-email-change")
		h.clock.Advance(24*time.Hour + time.Second)
		_, err = h.cancelChange(cancel)
		wantCode(t, err, auth.CodeProofInvalid)
		h.register("ann@example.org")
	})
}

// TestPasswordChangeCancelsEmailChange_ET13: with a new password every change that waits is dead.
func TestPasswordChangeCancelsEmailChange_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "one@example.org"}))
		_, err := h.ChangePassword(context.Background(), h.caller(in.Grant), PasswordChange{NewPassword: otherPassword})
		h.must(err)
		_, err = h.confirm(h.token("one@example.org", "/verify"))
		wantCode(t, err, auth.CodeProofInvalid)

		h.must(h.changeEmail(in, EmailChange{Email: "two@example.org"}))
		h.must(h.Login.RequestPasswordReset(context.Background(), anyone(), "ann@example.org"))
		h.must(h.Login.ResetPassword(context.Background(), anyone(), h.token("ann@example.org", "/reset"), goodPassword))
		_, err = h.confirm(h.token("two@example.org", "/verify"))
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// TestCancelRacesConfirm_ET13: whichever of the two comes first, the account ends at the old address.
func TestCancelRacesConfirm_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.changeEmail(in, EmailChange{Email: "new@example.org"}))
		confirm, cancel := h.token("new@example.org", "/verify"), h.token("ann@example.org", "/cancel-email-change")
		errs := storetest.Race(t, h.db, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				_, err := h.Login.VerifyEmail(ctx, anyone(), confirm)
				return err
			}
			_, err := h.Login.CancelEmailChange(ctx, anyone(), cancel)
			return err
		})
		if errs[1] != nil || errs[0] != nil && !auth.Is(errs[0], auth.CodeProofInvalid) {
			t.Error(errs)
		}
		_, err := h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
	})
}

// TestVerifyOrChangeEmail_ET13: another address where a verification mail is asked for is a change of the address, with
// all that a change needs.
func TestVerifyOrChangeEmail_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		ask := func(in login.SignedIn, email string) error {
			h.clock.Advance(time.Second)
			return h.VerifyOrChangeEmail(context.Background(), h.caller(in.Grant), email)
		}
		h.must(ask(in, ""))
		h.must(ask(in, "ANN@example.org"))
		wantCode(t, ask(in, "nonsense"), auth.CodeInvalidRequest)
		h.must(ask(in, "new@example.org"))
		if _, err := h.signIn("new@example.org", goodPassword); err == nil {
			t.Error("the new address counts before its link is followed")
		}
		_, err := h.confirm(h.token("new@example.org", "/verify"))
		h.must(err)
		if _, err := h.signIn("new@example.org", goodPassword); err != nil {
			t.Error(err)
		}
		h.clock.Advance(10 * time.Minute)
		wantCode(t, ask(in, "third@example.org"), auth.CodeReauthRequired)
		wantCode(t, h.NeedFresh(context.Background(), h.caller(in.Grant)), auth.CodeReauthRequired)

		fresh := h.register("eve@example.org")
		wantCode(t, ask(fresh, "other@example.org"), auth.CodeEmailUnverified)
		h.must(h.NeedFresh(context.Background(), h.caller(fresh.Grant)))
	})
}
