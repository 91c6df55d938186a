package login

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// flow is a walk over every step of sign-up, sign-in and recovery in any order, with every token that was ever seen.
// Beside it stands what must be true: which password is the user's, and which reset token is live.
type flow struct {
	*house
	rt       *rapid.T
	email    string
	user     auth.UserID
	password string
	n        int
	live     string   // the one reset token that may set a password; empty: none
	seen     []string // tokens of all kinds, live and dead
}

// TestNoPasswordWithoutAToken_ET15 shows that no path reaches a new password but the one through a live token of the
// user's own mailbox, spent by it (ET-15, and advisory 1 of the corpus).
func TestNoPasswordWithoutAToken_ET15(t *testing.T) {
	clock := storetest.NewClock()
	h := newHouse(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock, off(limit.RegisterNetwork, limit.MailRecipient,
		limit.MailNetwork, limit.ProofNetwork, limit.SignInAccount, limit.SignInNetwork, limit.SecondFactorAccount))
	walks := 0
	rapid.Check(t, func(rt *rapid.T) {
		walks++
		f := &flow{house: h, rt: rt, email: fmt.Sprintf("walk%d@example.org", walks), password: goodPassword}
		in := h.register(f.email)
		f.user = in.User.ID
		f.seen = append(f.seen, "", strings.Repeat("A", 43), in.Grant.AccessToken, in.Grant.RefreshToken)
		f.seen = append(f.seen, h.tokens(f.email, "/verify")...)
		for range rapid.IntRange(4, 15).Draw(rt, "steps") {
			h.clock.Advance(time.Second)
			f.step()
			f.check()
		}
	})
}

func (f *flow) step() {
	ctx := context.Background()
	switch rapid.IntRange(0, 7).Draw(f.rt, "step") {
	case 0:
		f.live = f.requestReset(f.email)
		f.seen = append(f.seen, f.live)
	case 1, 2:
		f.reset(rapid.SampledFrom(f.seen).Draw(f.rt, "reset token"))
	case 3:
		token := rapid.SampledFrom(f.seen).Draw(f.rt, "checked token")
		_, err := f.CheckResetToken(ctx, anyone(), token)
		f.expect(err == nil, token != "" && token == f.live, "check")
	case 4:
		_, _ = f.VerifyEmail(ctx, anyone(), rapid.SampledFrom(f.seen).Draw(f.rt, "verify token"))
	case 5:
		out, err := f.signIn(f.email, f.password)
		f.expect(err == nil, true, "sign-in")
		if out.SignedIn != nil {
			f.seen = append(f.seen, out.SignedIn.Grant.AccessToken, out.SignedIn.Grant.RefreshToken)
		}
		if out.Challenge != nil {
			f.seen = append(f.seen, out.Challenge.Token)
		}
	case 6:
		_, _ = f.CompleteSecondFactor(ctx, anyone(), SecondFactor{Token: rapid.SampledFrom(f.seen).Draw(f.rt, "challenge"), Code: "000000"})
	case 7:
		if f.live != "" && rapid.Bool().Draw(f.rt, "expire") {
			f.clock.Advance(time.Hour)
			f.live = ""
			return
		}
		if u := f.identity(f.user).User; !u.TOTP {
			f.enrol(u)
		}
	}
}

func (f *flow) reset(token string) {
	f.n++
	next := fmt.Sprintf("%s number %d", otherPassword, f.n)
	err := f.ResetPassword(context.Background(), anyone(), token, next)
	f.expect(err == nil, token != "" && token == f.live, "reset")
	if err == nil {
		f.password, f.live = next, ""
	}
}

// check compares the row with the model: the stored hash verifies exactly the password that it should.
func (f *flow) check() {
	ok, _, err := f.VerifyPassword(context.Background(), f.identity(f.user).Password, f.password)
	f.expect(ok && err == nil, true, "password")
}

func (f *flow) expect(got, want bool, what string) {
	if got != want {
		f.rt.Fatalf("%s: %v, want %v", what, got, want)
	}
}
