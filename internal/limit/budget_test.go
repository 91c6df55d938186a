package limit_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func keys(t *testing.T) *secret.Keys {
	t.Helper()
	return storetest.Keys(t)
}

// each runs fn on both engines with a database whose clock is set by the test.
func each(t *testing.T, settings map[string]limit.Setting, fn func(t *testing.T, db *store.DB, clock *storetest.Clock, l *limit.Limits)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		fn(t, db, clock, limit.New(limit.Options{DB: db, Keys: keys(t), Clock: clock.Now, Settings: settings}))
	})
}

func guess(limiter string) limit.Guess { return limit.Guess{Limiter: limiter, Subject: "subject"} }

func TestBudgetIsUsedUpAndComesBack(t *testing.T) {
	each(t, map[string]limit.Setting{limit.SignInAccount: {Max: 3}}, func(t *testing.T, _ *store.DB, clock *storetest.Clock, l *limit.Limits) {
		for i := range 3 {
			if _, err := l.Reserve(t.Context(), guess(limit.SignInAccount)); err != nil {
				t.Fatalf("guess %d: %v", i+1, err)
			}
			clock.Advance(time.Minute)
		}
		_, err := l.Reserve(t.Context(), guess(limit.SignInAccount))
		refusal := auth.AsError(err)
		if !auth.Is(err, auth.CodeRateLimited) || refusal.RetryAfter != 12*time.Minute || refusal.Limit == nil ||
			refusal.Limit.Name != limit.SignInAccount || refusal.Limit.Max != 3 || refusal.Limit.Remaining != 0 {
			t.Fatalf("the fourth guess: %+v", refusal)
		}
		if _, err := l.Reserve(t.Context(), limit.Guess{Limiter: limit.SignInAccount, Subject: "other"}); err != nil {
			t.Errorf("another subject: %v", err)
		}
		clock.Advance(12 * time.Minute)
		for i := range 3 {
			if _, err := l.Reserve(t.Context(), guess(limit.SignInAccount)); err != nil {
				t.Fatalf("guess %d of the next window: %v", i+1, err)
			}
		}
		if _, err := l.Reserve(t.Context(), guess(limit.SignInAccount)); err == nil {
			t.Error("the next window gives more than the first")
		}
	})
}

func TestRefundGivesGuessesBack(t *testing.T) {
	settings := map[string]limit.Setting{limit.SignInAccount: {Max: 2}, limit.RegisterNetwork: {Max: 2}}
	each(t, settings, func(t *testing.T, db *store.DB, clock *storetest.Clock, l *limit.Limits) {
		refund := func(r *limit.Reservation) {
			t.Helper()
			if err := db.Write(t.Context(), r.Refund); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 { // right every time
			r, err := l.Reserve(t.Context(), guess(limit.SignInAccount))
			if err != nil {
				t.Fatalf("right guess %d: %v", i+1, err)
			}
			refund(r)
		}
		old, err := l.Reserve(t.Context(), guess(limit.SignInAccount))
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Hour) // a window begins that the old reservation has nothing to do with
		for range 2 {
			if _, err := l.Reserve(t.Context(), guess(limit.SignInAccount)); err != nil {
				t.Fatal(err)
			}
		}
		refund(old)
		if _, err := l.Reserve(t.Context(), guess(limit.SignInAccount)); err == nil {
			t.Error("a refund reached into a later window")
		}
		for range 2 { // actions are not given back
			r, err := l.Reserve(t.Context(), guess(limit.RegisterNetwork))
			if err != nil {
				t.Fatal(err)
			}
			refund(r)
		}
		if _, err := l.Reserve(t.Context(), guess(limit.RegisterNetwork)); err == nil {
			t.Error("an action was given back")
		}
		refund(nil)
		refund(&limit.Reservation{})
	})
}

func TestReserveTakesAllOrNothing(t *testing.T) {
	settings := map[string]limit.Setting{limit.SignInAccount: {Max: 1}, limit.SignInNetwork: {Max: 2}, limit.ProofNetwork: {Off: true}}
	each(t, settings, func(t *testing.T, _ *store.DB, _ *storetest.Clock, l *limit.Limits) {
		both := []limit.Guess{guess(limit.SignInNetwork), guess(limit.SignInAccount), guess(limit.ProofNetwork)}
		if _, err := l.Reserve(t.Context(), both...); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := l.Reserve(t.Context(), both...); auth.AsError(err).Limit.Name != limit.SignInAccount {
				t.Fatalf("want the account's refusal: %v", err)
			}
		}
		if _, err := l.Reserve(t.Context(), guess(limit.SignInNetwork)); err != nil {
			t.Errorf("refused reservations used the network's budget: %v", err)
		}
		if _, err := l.Reserve(t.Context(), guess(limit.ProofNetwork)); err != nil {
			t.Errorf("a limiter that is off refuses: %v", err)
		}
		if _, err := l.Reserve(t.Context(), guess(limit.RequestsUser)); !auth.Is(err, auth.CodeInternal) {
			t.Errorf("a limiter of requests has no budget: %v", err)
		}
	})
}

// 200 guesses at once: exactly as many as the budget holds get through, though each also spends a wider budget.
func TestParallelGuesses_RL05(t *testing.T) {
	each(t, map[string]limit.Setting{limit.SignInAccount: {Max: 10}, limit.SignInNetwork: {Max: 150}},
		func(t *testing.T, db *store.DB, _ *storetest.Clock, l *limit.Limits) {
			var evaluated atomic.Int64
			errs := storetest.Race(t, db, 200, func(ctx context.Context, i int) error {
				_, err := l.Reserve(ctx, guess(limit.SignInNetwork), guess(limit.SignInAccount))
				if err == nil {
					evaluated.Add(1)
				}
				return err
			})
			for _, err := range errs {
				if err != nil && !auth.Is(err, auth.CodeRateLimited) {
					t.Fatal(err)
				}
			}
			if evaluated.Load() != 10 {
				t.Errorf("%d guesses were evaluated, want 10", evaluated.Load())
			}
			for i := range 140 { // the refused ones spent nothing of the network's
				if _, err := l.Reserve(t.Context(), guess(limit.SignInNetwork)); err != nil {
					t.Fatalf("guess %d of the network: %v", i+11, err)
				}
			}
		})
}

func TestParallelReservationsInAnyOrder(t *testing.T) {
	each(t, nil, func(t *testing.T, db *store.DB, _ *storetest.Clock, l *limit.Limits) {
		a, b := limit.Guess{Limiter: limit.SignInNetwork, Subject: "a"}, limit.Guess{Limiter: limit.SignInNetwork, Subject: "b"}
		for _, err := range storetest.Race(t, db, 40, func(ctx context.Context, i int) error {
			guesses := []limit.Guess{a, b}
			if i%2 == 1 {
				guesses = []limit.Guess{b, a}
			}
			_, err := l.Reserve(ctx, guesses...)
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What was counted stands although the request that it was counted for is rolled back.
func TestFailedRequestKeepsItsGuess_RL01(t *testing.T) {
	each(t, map[string]limit.Setting{limit.SecondFactorAccount: {Max: 1}}, func(t *testing.T, db *store.DB, _ *storetest.Clock, l *limit.Limits) {
		r, err := l.Reserve(t.Context(), guess(limit.SecondFactorAccount))
		if err != nil {
			t.Fatal(err)
		}
		broken := errors.New("the request fails after the refund")
		if err := db.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(r.Refund(tx), broken)
		}); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if _, err := l.Reserve(t.Context(), guess(limit.SecondFactorAccount)); !auth.Is(err, auth.CodeRateLimited) {
			t.Errorf("the guess was forgotten: %v", err)
		}
	})
}

func TestBudgetsSurviveRestart_RL10(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock, k := storetest.NewClock(), keys(t)
		node := func() (*store.DB, *limit.Limits) {
			db := open(store.Options{Clock: clock.Now})
			return db, limit.New(limit.Options{DB: db, Keys: k, Clock: clock.Now})
		}
		db, l := node()
		for range 4 {
			if _, err := l.Reserve(t.Context(), guess(limit.SecondFactorAccount)); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		_, l = node()
		if _, err := l.Reserve(t.Context(), guess(limit.SecondFactorAccount)); err != nil {
			t.Fatalf("the fifth: %v", err)
		}
		if _, err := l.Reserve(t.Context(), guess(limit.SecondFactorAccount)); !auth.Is(err, auth.CodeRateLimited) {
			t.Errorf("the sixth: %v", err)
		}
	})
}

func TestCleanRemovesOnlyWhatIsOver(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *store.DB, clock *storetest.Clock, l *limit.Limits) {
		for i := range 7 {
			if _, err := l.Reserve(t.Context(), limit.Guess{Limiter: limit.ProofNetwork, Subject: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		clock.Advance(10 * time.Minute)
		if _, err := l.Reserve(t.Context(), limit.Guess{Limiter: limit.ProofNetwork, Subject: "later"}); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Clean(t.Context()); n != 0 || err != nil {
			t.Errorf("too early: %d, %v", n, err)
		}
		clock.Advance(5 * time.Minute)
		if n, err := l.Clean(t.Context()); n != 7 || err != nil {
			t.Errorf("%d removed, want 7: %v", n, err)
		}
	})
}

// The database says of no budget whose it is.
func TestBudgetsNameNobody(t *testing.T) {
	each(t, nil, func(t *testing.T, db *store.DB, _ *storetest.Clock, l *limit.Limits) {
		subject := limit.Identifier(auth.DefaultApp, "ada@example.com")
		if _, err := l.Reserve(t.Context(), limit.Guess{Limiter: limit.MailRecipient, Subject: subject}); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Budget(limit.MailRecipient, subject)
			return err
		})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the budget stands under the address itself: %v", err)
		}
	})
}
