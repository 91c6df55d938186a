package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		_, err := h.Register(ctx, anyone(), Registration{Email: "Ann@example.org", Username: "Ann.Lee", Password: goodPassword})
		h.must(err)
		for _, identifier := range []string{"Ann@example.org", " ann@EXAMPLE.org ", "Ann.Lee", "ann.lee"} {
			out, err := h.signIn(identifier, goodPassword)
			if err != nil || out.SignedIn == nil {
				t.Fatalf("%q: %v", identifier, err)
			}
			c := h.caller(out.SignedIn.Grant)
			if !slices.Equal(c.AMR, []string{auth.AMRPassword}) || c.AuthTime.IsZero() {
				t.Fatalf("%+v", c)
			}
		}
		_, err = h.signIn("ann@example.org", goodPassword+" ")
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.signIn("ann@example.org", strings.Repeat("a", 1_000_000))
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

// The same password in another Unicode form is the same password (PW-05).
func TestPasswordForms_PW05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, err := h.Register(context.Background(), anyone(), Registration{Email: "ann@example.org", Password: "caf\u00e9 lanterns at noon"})
		h.must(err)
		_, err = h.signIn("ann@example.org", "cafe\u0301 lanterns at noon")
		h.must(err)
	})
}

// Unknown, wrong, disabled, unverified and without a password: one answer, one hash (EN-01, EN-02).
func TestSignInConceals_EN01(t *testing.T) {
	eachWith(t, off(limit.SignInNetwork), func(t *testing.T, h *house) {
		h.verified("known@example.org")
		h.register("waits@example.org")
		h.disable(h.register("gone@example.org").User.ID)
		h.write(func(tx *store.Tx) error {
			n, err := user.Check(user.New{User: auth.User{ID: "00000000-0000-7000-8000-000000000001", App: auth.DefaultApp},
				Email: auth.Email{ID: "00000000-0000-7000-8000-000000000002", Address: "invited@example.org"}})
			if err != nil {
				return err
			}
			_, _, err = user.Insert(tx, n)
			return err
		})
		answers := map[string]bool{}
		for _, identifier := range []string{"nobody@example.org", "known@example.org", "waits@example.org", "gone@example.org",
			"invited@example.org", "nobody", "not an identifier", "a@b@c", ""} {
			before := h.Pool.Evaluations()
			out, err := h.signIn(identifier, otherPassword)
			if spent := h.Pool.Evaluations() - before; spent != 1 {
				t.Fatalf("%q cost %d hashes", identifier, spent)
			}
			e := auth.AsError(err)
			answers[fmt.Sprintf("%+v %+v", out, *e)] = true
		}
		if len(answers) != 1 {
			t.Fatalf("answers differ: %v", answers)
		}
	})
}

// What is wrong with an account is told to who proved the password.
func TestStateIsToldToWhoKnows(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		u := h.register("ann@example.org").User
		_, err := h.SignIn(ctx, strict(), Credentials{Identifier: "ann@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeEmailUnverified)
		h.write(func(tx *store.Tx) error {
			p, err := tx.Password(u.App, u.ID)
			if err != nil {
				return err
			}
			return user.SetPassword(tx, u, p.Hash, true)
		})
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
		h.disable(u.ID)
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeAccountDisabled)
	})
}

// All ways to name a user share one budget, a locked account answers like a locked stranger, and its owner gets one
// mail (RL-01, EN-06).
func TestAccountBudget_RL01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		out, err := h.Register(ctx, anyone(), Registration{Email: "ann@example.org", Username: "ann", Password: goodPassword})
		h.must(err)
		names := []string{"ann@example.org", "ANN@example.org", "ann", "Ann"}
		for i := range 10 {
			_, err := h.signIn(names[i%len(names)], otherPassword)
			wantCode(t, err, auth.CodeInvalidCredentials)
			_, err = h.signIn([]string{"nobody@example.org", "Nobody@Example.org"}[i%2], otherPassword)
			wantCode(t, err, auth.CodeInvalidCredentials)
		}
		before := h.Pool.Evaluations()
		_, known := h.signIn("ann@example.org", goodPassword)
		wantCode(t, known, auth.CodeRateLimited)
		_, unknown := h.signIn("nobody@example.org", goodPassword)
		a, b := auth.AsError(known), auth.AsError(unknown)
		if a.Text() != b.Text() || *a.Limit != *b.Limit || a.RetryAfter != b.RetryAfter || a.Limit.Name != limit.SignInAccount {
			t.Fatalf("%+v %+v", a, b)
		}
		if h.Pool.Evaluations() != before {
			t.Fatal("a refused guess was hashed")
		}
		locked := 0
		for _, m := range h.mails("ann@example.org") {
			if strings.Contains(m.Text, "too many wrong attempts") {
				locked++
			}
		}
		if locked != 1 {
			t.Fatalf("%d mails about the lock", locked)
		}
		if n := h.events(out.Registered.User.ID)["sign-in.failed"]; n != 10 {
			t.Fatalf("%d events", n)
		}
		h.clock.Advance(15 * time.Minute)
		_, err = h.signIn("ann", goodPassword)
		h.must(err)
	})
}

// A right password gives its guess back, so who signs in often is not locked out.
func TestRightGuessesAreFree(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("ann@example.org")
		for range 12 {
			_, err := h.signIn("ann@example.org", goodPassword)
			h.must(err)
		}
	})
}

// Simultaneous guesses do not pass the budget (RL-05).
func TestParallelGuesses_RL05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("ann@example.org")
		before := h.Pool.Evaluations()
		limited := 0
		for _, err := range storetest.Race(t, h.db, 40, func(context.Context, int) error {
			_, err := h.signIn("ann@example.org", otherPassword)
			return err
		}) {
			if auth.Is(err, auth.CodeRateLimited) {
				limited++
			}
		}
		if spent := h.Pool.Evaluations() - before; spent != 10 || limited != 30 {
			t.Fatalf("%d hashes, %d refused", spent, limited)
		}
	})
}

func TestNetworkBudget_RL02(t *testing.T) {
	eachWith(t, settings{limits: map[string]limit.Setting{limit.SignInNetwork: {Max: 4}}}, func(t *testing.T, h *house) {
		var err error
		for i := range 5 {
			c := anyone()
			c.IP = netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%d", i+1))
			_, err = h.SignIn(context.Background(), c, Credentials{Identifier: fmt.Sprintf("n%d@example.org", i), Password: goodPassword})
		}
		wantCode(t, err, auth.CodeRateLimited)
		_, err = h.signIn("n9@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
	})
}

// An outdated hash is upgraded at the next sign-in, but never over a password that was changed meanwhile (PW-11).
func TestRehash_PW11(t *testing.T) {
	eachWith(t, settings{params: secret.PasswordParams{Memory: 128, Time: 1, Threads: 1}}, func(t *testing.T, h *house) {
		u := h.register("ann@example.org").User
		weak := secret.NewPool(secret.PoolOptions{Params: smallParams(), Workers: 1, Rand: h.Rand})
		defer weak.Close()
		old, err := weak.Hash(context.Background(), goodPassword)
		h.must(err)
		h.write(func(tx *store.Tx) error { return user.SetPassword(tx, u, old, false) })
		stale := h.identity(u.ID).Password
		_, err = h.signIn("ann@example.org", goodPassword)
		h.must(err)
		now := h.identity(u.ID).Password
		if now.Hash == old || !strings.Contains(now.Hash, "m=128") {
			t.Fatalf("not upgraded: %s", now.Hash)
		}
		h.write(func(tx *store.Tx) error { return user.UpgradePassword(tx, stale, "other") })
		if h.identity(u.ID).Password.Hash != now.Hash {
			t.Fatal("an upgrade overwrote a password that was changed")
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		h.must(err)
	})
}

// A sign-in whose password is changed while it is being checked gets no session.
func TestSignInRacesWithAChange(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.register("ann@example.org").User
		a, err := h.identify(context.Background(), anyone(), Credentials{Identifier: "ann@example.org", Password: goodPassword})
		h.must(err)
		hash, err := h.Hash(context.Background(), otherPassword)
		h.must(err)
		h.write(func(tx *store.Tx) error { return user.SetPassword(tx, u, hash, false) })
		_, err = h.passwordProven(context.Background(), a, false)
		wantCode(t, err, auth.CodeInvalidCredentials)
	})
}

// A disabled app lets nobody in.
func TestDisabledApp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("ann@example.org")
		h.write(func(tx *store.Tx) error {
			app, err := tx.AppForUpdate(auth.DefaultApp)
			if err != nil {
				return err
			}
			app.Status = auth.AppDisabled
			if ok, err := tx.UpdateApp(app); err != nil || !ok {
				return errors.Join(err, errors.New("the app was not updated"))
			}
			return nil
		})
		_, err := h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeForbidden)
	})
}
