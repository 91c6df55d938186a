package login

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Who was in an account and changed its address leaves nothing behind when the owner takes the change back: no account of a
// provider, no key, no second factor. What the owner had long before stays (ET-13).
func TestCancelLeavesNothingOfTheThief_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		ann := h.verified("ann@example.com")
		_, own := h.key(h.caller(ann.Grant))
		h.clock.Advance(48 * time.Hour)
		in, err := h.signIn("ann@example.com", goodPassword)
		h.must(err)
		thief := h.caller(in.SignedIn.Grant)
		j := h.leave(atDoor(thief), p, FederatedBegin{Mode: FederatedLink})
		j.c = atDoor(anyone())
		up := vouch(p, "thief@evil.example", false, false)
		if end := j.land(up); end.Linked != ann.User.ID {
			t.Fatal("the thief's account was not linked")
		}
		_, planted := h.key(thief)
		h.enrol(ann.User)
		h.write(func(tx *store.Tx) error {
			app, err := tx.App(auth.DefaultApp)
			if err != nil {
				return err
			}
			return h.TellOldAddress(tx, thief, mail.EmailChanging, app, h.identity(ann.User.ID))
		})
		_, err = h.CancelEmailChange(context.Background(), anyone(), h.token("ann@example.com", "/cancel-email-change"))
		h.must(err)
		if _, end := h.comeBy(atDoor(strict()), p, up); end.SignedIn != nil && end.SignedIn.User.ID == ann.User.ID {
			t.Error("the thief comes in by the account that was linked")
		}
		if h.keyWorks(planted) || !h.keyWorks(own) {
			t.Errorf("the thief's key works: %v, the owner's: %v", h.keyWorks(planted), h.keyWorks(own))
		}
		h.must(h.ResetPassword(context.Background(), anyone(), h.token("ann@example.com", "/reset"), otherPassword))
		if out, err := h.signIn("ann@example.com", otherPassword); err != nil || out.SignedIn == nil {
			t.Errorf("the owner is kept out: %+v %v", out, err)
		}
	})
}

// A new password by a mailed link begins anew from the owner's own network too (RL-07).
func TestKnownNetworkAfterReset_RL07(t *testing.T) {
	eachWith(t, off(limit.SignInNetwork), func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		h.clock.Advance(time.Second)
		const home = "192.0.2.7" // where she signed up from
		for wrong := 0; wrong < 100; {
			e := auth.AsError(h.signInFrom(home, "ann@example.org", otherPassword))
			if e.Code == auth.CodeInvalidCredentials {
				wrong++
				continue
			}
			h.clock.Advance(e.RetryAfter)
		}
		h.clock.Advance(4 * time.Hour)
		h.must(h.RequestPasswordReset(context.Background(), from(home), "ann@example.org"))
		h.must(h.ResetPassword(context.Background(), from(home), h.token("ann@example.org", "/reset"), otherPassword))
		h.must(h.signInFrom(home, "ann@example.org", otherPassword))
	})
}

// The password that confirms an account of a provider is guessed from the budgets of the sign-in: once they are used up
// nobody looks at it, and the owner is told (RL-01).
func TestGuessesThatConfirm_RL01(t *testing.T) {
	eachWith(t, off(limit.ProofNetwork, limit.MailRecipient, limit.MailNetwork, limit.SignInNetwork), func(t *testing.T, h *house) {
		p := h.provider("club")
		h.verified("ann@example.com")
		h.clock.Advance(time.Minute)
		c := strict()
		c.IP = from("203.0.113.50").IP
		guess := func(j journey, end FederatedEnd, password string) error {
			out, err := j.confirm(end, IdentityProof{Password: password})
			if err == nil && out.SignedIn == nil {
				t.Fatal("neither a session nor a refusal")
			}
			return err
		}
		j, end := h.comeBy(atDoor(c), p, vouch(p, "ann@example.com", false, false))
		for wrong := 0; wrong < 100; {
			if wrong%5 == 0 {
				j, end = h.comeBy(atDoor(c), p, vouch(p, "ann@example.com", false, false))
			}
			err := guess(j, end, otherPassword)
			if auth.Is(err, auth.CodeRateLimited) {
				h.clock.Advance(auth.AsError(err).RetryAfter)
				j, end = h.comeBy(atDoor(c), p, vouch(p, "ann@example.com", false, false))
				continue
			}
			wantCode(t, err, auth.CodeInvalidCredentials)
			wrong++
		}
		if links := h.tokens("ann@example.com", "/reset"); len(links) != 1 {
			t.Errorf("%d links to a new password", len(links))
		}
		h.clock.Advance(5 * time.Hour)
		j, end = h.comeBy(atDoor(c), p, vouch(p, "ann@example.com", false, false))
		wantCode(t, guess(j, end, goodPassword), auth.CodeInvalidCredentials)
		wantCode(t, h.signInFrom("203.0.113.50", "ann@example.com", goodPassword), auth.CodeInvalidCredentials)
		h.must(h.RequestPasswordReset(context.Background(), anyone(), "ann@example.com"))
		h.must(h.ResetPassword(context.Background(), anyone(), h.token("ann@example.com", "/reset"), otherPassword))
		j, end = h.comeBy(atDoor(c), p, vouch(p, "ann@example.com", false, false))
		h.must(guess(j, end, otherPassword))
	})
}
