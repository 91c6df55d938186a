package limit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// CleanBatch is the most rows that one Clean removes.
const CleanBatch = 500

// Guess is one thing to count: a limiter of kind Guesses or Actions, and whom it is counted for. The database holds
// a keyed mark of the subject, so it may be an address.
type Guess struct{ Limiter, Subject string }

// Reservation is what Reserve took. The zero value took nothing.
type Reservation struct{ spent []budget }

// budget is one row: of a guess before Reserve, with resets after it.
type budget struct {
	limiter *limiter
	subject string
	mark    string
	resets  time.Time
	seen    int // spent before Reserve
	left    int // after Reserve
}

// maxGrown is the longest that a growing window becomes by growing.
const maxGrown = 4 * time.Hour

// grows names the limiter whose count over the same subject makes the windows of another longer: who goes on guessing
// waits longer each time (RL-07).
func (l *limiter) grows() string {
	if l.Name == SignInAccount {
		return SignInTotal
	}
	return ""
}

// window is how long a window of the budget lasts that begins now.
func (b budget) window(all []budget) time.Duration {
	per := b.limiter.Per
	for _, other := range all {
		if other.limiter.Name != b.limiter.grows() || other.subject != b.subject {
			continue
		}
		for n := other.seen / b.limiter.Max; n > 0 && per < maxGrown; n-- {
			per = min(2*per, maxGrown)
		}
	}
	return per
}

// Reserve counts one guess against each budget before the secret is looked at, in a Write of its own that stands
// whatever becomes of the request (RL-01), so that parallel guesses never exceed a budget (RL-05). If one budget
// is used up, nothing is counted anywhere and the error is CodeRateLimited with Limit and RetryAfter.
//
// A budget that is used up is seen by a read first: a flood of refused guesses does not hold up the writer.
func (l *Limits) Reserve(ctx context.Context, guesses ...Guess) (*Reservation, error) {
	budgets, err := l.budgets(guesses)
	if err != nil {
		return nil, err
	}
	if len(budgets) == 0 {
		return &Reservation{}, nil
	}
	if err := l.db.Read(ctx, func(tx *store.Tx) error { return look(tx, budgets) }); err != nil {
		return nil, err
	}
	if err := l.db.WriteRelaxed(ctx, func(tx *store.Tx) error { return spend(tx, budgets) }); err != nil {
		return nil, err
	}
	return &Reservation{spent: budgets}, nil
}

// Refund gives back what was taken from budgets of guesses, in the Write of the success; actions stay counted.
// Nothing is given back to a window that has begun since. A nil Reservation took nothing.
func (r *Reservation) Refund(tx *store.Tx) error {
	if r == nil {
		return nil
	}
	for _, b := range r.spent {
		if b.limiter.Kind != Guesses {
			continue
		}
		if err := tx.RefundBudget(b.limiter.Name, b.mark, b.resets); err != nil {
			return fmt.Errorf("refund %s: %w", b.limiter.Name, err)
		}
	}
	return nil
}

// Forget empties budgets in the Write of what makes them pointless, whatever their windows hold.
func (l *Limits) Forget(tx *store.Tx, guesses ...Guess) error {
	budgets, err := l.budgets(guesses)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		if err := tx.DeleteBudget(b.limiter.Name, b.mark); err != nil {
			return fmt.Errorf("forget %s: %w", b.limiter.Name, err)
		}
	}
	return nil
}

// Last reports whether the reservation took the last guess of a limiter's budget: whoever learns it is the one to tell
// of the lock, for among parallel guesses it is true once.
func (r *Reservation) Last(limiter string) bool {
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.spent, func(b budget) bool { return b.limiter.Name == limiter && b.left == 0 })
}

// Clean removes at most CleanBatch budgets whose window is over and returns how many.
func (l *Limits) Clean(ctx context.Context) (n int, err error) {
	err = l.db.Write(ctx, func(tx *store.Tx) error {
		deleted, err := tx.DeleteExpiredBudgets(CleanBatch)
		n = int(deleted)
		return err
	})
	return n, err
}

// budgets resolves guesses, without those whose limiter is off, in the one order in which rows are locked.
func (l *Limits) budgets(guesses []Guess) ([]budget, error) {
	out := make([]budget, 0, len(guesses))
	for _, g := range guesses {
		lim := l.limiters[g.Limiter]
		if lim == nil || lim.Kind == Requests {
			return nil, auth.Internal(fmt.Errorf("%q is no limiter with a budget", g.Limiter))
		}
		if !lim.off {
			out = append(out, budget{limiter: lim, subject: g.Subject, mark: l.mark(g)})
		}
	}
	slices.SortFunc(out, func(a, b budget) int {
		return cmp.Or(cmp.Compare(a.limiter.Name, b.limiter.Name), cmp.Compare(a.mark, b.mark))
	})
	return out, nil
}

// mark is 128 bits that stand for the subject.
func (l *Limits) mark(g Guess) string {
	var sum []byte
	if l.keys != nil {
		sum = l.keys.MAC("limit", g.Limiter, g.Subject)
	} else {
		plain := sha256.Sum256([]byte(g.Limiter + "\x00" + g.Subject))
		sum = plain[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// look refuses what is used up, and notes what is spent.
func look(tx *store.Tx, budgets []budget) error {
	for i := range budgets {
		b := &budgets[i]
		found, err := tx.Budget(b.limiter.Name, b.mark)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !tx.Now().Before(found.ResetsAt) {
			continue
		}
		if b.seen = int(found.Spent); b.seen >= b.limiter.Max {
			return b.limiter.exhausted(tx.Now(), found.ResetsAt)
		}
	}
	return nil
}

// spend takes from all budgets. The refusal is an error on purpose: it rolls back what was taken from the others.
func spend(tx *store.Tx, budgets []budget) error {
	for i := range budgets {
		b := &budgets[i]
		found, err := tx.SpendBudget(b.limiter.Name, b.mark, b.window(budgets))
		if err != nil {
			return err
		}
		if found.Spent > int64(b.limiter.Max) {
			return b.limiter.exhausted(tx.Now(), found.ResetsAt)
		}
		b.resets, b.left = found.ResetsAt, b.limiter.Max-int(found.Spent)
	}
	return nil
}

func (l *limiter) exhausted(now, resets time.Time) *auth.Error {
	return refusal(auth.LimitState{Name: l.Name, Max: l.Max, Reset: resets, RetryAfter: max(resets.Sub(now), 1)})
}
