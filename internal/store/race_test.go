package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// A rule that reads in order to decide holds if the row is read with its lock: here "at most 5".
func TestRaceLockedReadDecides(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error { return tx.SetMeta("count", "0") })
		errs := storetest.Race(t, db, 24, func(ctx context.Context, i int) error {
			var refusal error
			err := db.Write(ctx, func(tx *store.Tx) error {
				refusal = nil
				text, err := tx.Meta("count")
				if err != nil {
					return err
				}
				var n int
				if _, err := fmt.Sscan(text, &n); err != nil {
					return err
				}
				if n >= 5 {
					refusal = errRefused
					return nil
				}
				return tx.SetMeta("count", fmt.Sprint(n+1))
			})
			return errors.Join(err, refusal)
		})
		allowed := 0
		for _, err := range errs {
			switch {
			case err == nil:
				allowed++
			case !errors.Is(err, errRefused):
				t.Error(err)
			}
		}
		if allowed != 5 {
			t.Errorf("%d got through a rule of at most 5", allowed)
		}
	})
}

func TestRaceClaimsAreDisjoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error {
			for i := range 40 {
				if err := tx.SetMeta(fmt.Sprint("job", i), "free"); err != nil {
					return err
				}
			}
			return nil
		})
		var mu sync.Mutex
		claimed := map[string]int{}
		errs := storetest.Race(t, db, 8, func(ctx context.Context, i int) error {
			var mine []string
			err := db.Write(ctx, func(tx *store.Tx) error {
				mine = nil
				return tx.All(`UPDATE meta SET value = 'taken' WHERE name IN
					(SELECT name FROM meta WHERE value = 'free' ORDER BY name LIMIT 5`+tx.ClaimSuffix()+`)
					RETURNING name`, nil, func(scan func(...any) error) error {
					var name string
					err := scan(&name)
					mine = append(mine, name)
					return err
				})
			})
			mu.Lock()
			defer mu.Unlock()
			for _, name := range mine {
				claimed[name]++
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for name, n := range claimed {
			if n != 1 {
				t.Errorf("%s was claimed %d times", name, n)
			}
		}
	})
}

func TestRaceLeaseHasOneHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		holders := 0
		errs := storetest.Race(t, db, 12, func(ctx context.Context, i int) error {
			var held bool
			err := db.Write(ctx, func(tx *store.Tx) (err error) {
				_, held, err = tx.AcquireLease("sealer", fmt.Sprint("owner", i), time.Minute)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if held {
				holders++
			}
			return err
		})
		if err := errors.Join(errs...); err != nil || holders != 1 {
			t.Errorf("%d holders, %v", holders, err)
		}
	})
}

func TestLeaseFencing(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		acquire := func(owner string) (l store.Lease, held bool) {
			write(t, db, func(tx *store.Tx) (err error) {
				l, held, err = tx.AcquireLease("job", owner, time.Minute)
				return err
			})
			return l, held
		}
		holds := func(l store.Lease) (held bool) {
			write(t, db, func(tx *store.Tx) (err error) {
				held, err = tx.HoldLease(l)
				return err
			})
			return held
		}
		first, held := acquire("one")
		if !held || first.Version != 1 || !first.Until.Equal(clock.Now().Add(time.Minute)) {
			t.Fatalf("%+v %v", first, held)
		}
		theirs, held := acquire("two")
		if held || theirs.Owner != "one" || !theirs.Until.Equal(first.Until) {
			t.Fatalf("%+v %v", theirs, held)
		}
		clock.Advance(59 * time.Second)
		write(t, db, func(tx *store.Tx) error {
			held, err := tx.RenewLease(&first, time.Minute)
			if !held || !first.Until.Equal(clock.Now().Add(time.Minute)) {
				t.Errorf("renewed: %v, until %v", held, first.Until)
			}
			return err
		})
		clock.Advance(time.Minute)
		second, held := acquire("two")
		if !held || second.Version <= first.Version {
			t.Fatalf("a lease that ran out: %+v %v", second, held)
		}
		if holds(first) || !holds(second) {
			t.Error("the old holder is not fenced off")
		}
		write(t, db, func(tx *store.Tx) error {
			held, err := tx.RenewLease(&first, time.Minute)
			if held {
				t.Error("the old holder renewed")
			}
			return errors.Join(err, tx.ReleaseLease(first))
		})
		if !holds(second) {
			t.Error("the old holder released the new one's lease")
		}
		write(t, db, func(tx *store.Tx) error { return tx.ReleaseLease(second) })
		if third, held := acquire("one"); !held || third.Version <= second.Version {
			t.Errorf("after the release: %+v %v", third, held)
		}
	})
}
