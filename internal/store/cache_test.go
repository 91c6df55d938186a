package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// fact is a cached row with a count of its loads.
type fact struct {
	cache *store.Cache[string]
	mu    sync.Mutex
	loads int
}

func newFact(db *store.DB) *fact {
	return &fact{cache: store.NewCache[string](db, store.KindUser, 100)}
}

func (f *fact) get(t *testing.T) string {
	t.Helper()
	v, err := f.cache.Get(t.Context(), "fact", func(tx *store.Tx) (string, error) {
		f.mu.Lock()
		f.loads++
		f.mu.Unlock()
		return tx.Meta("fact")
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (f *fact) loaded() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loads
}

func setFact(t *testing.T, db *store.DB, value string) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		tx.Invalidate(store.KindUser, "fact")
		return tx.SetMeta("fact", value)
	})
}

func TestCacheDropsAtOnceOnItsOwnNode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := newFact(db)
		for i := range 20 {
			want := fmt.Sprint(i)
			setFact(t, db, want)
			for range 3 {
				if got := f.get(t); got != want {
					t.Fatalf("read %q after %q was written", got, want)
				}
			}
		}
		if f.loads != 20 {
			t.Errorf("%d loads for 20 values", f.loads)
		}
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			tx.Invalidate(store.KindUser, "fact")
			return errRefused
		})
		if !errors.Is(err, errRefused) || f.get(t) != "19" || f.loads != 20 {
			t.Error("a Write that was rolled back invalidated something")
		}
		write(t, db, func(tx *store.Tx) error { tx.Invalidate(store.KindUser, ""); return nil })
		write(t, db, func(tx *store.Tx) error { tx.Invalidate(store.KindSession, "fact"); return nil })
		f.get(t)
		write(t, db, func(tx *store.Tx) error { tx.Invalidate(store.KindAll, ""); return nil })
		f.get(t)
		if f.loads != 22 {
			t.Errorf("%d loads, want one more for the kind and one for all", f.loads)
		}
	})
}

// What a lookup read before an invalidation must not be kept after it.
func TestCacheFillAfterInvalidationIsNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		setFact(t, db, "old")
		cache := store.NewCache[string](db, store.KindUser, 100)
		got, err := cache.Get(t.Context(), "fact", func(tx *store.Tx) (string, error) {
			old, err := tx.Meta("fact")
			setFact(t, db, "new")
			return old, err
		})
		if err != nil || got != "old" {
			t.Fatal(got, err)
		}
		got, err = cache.Get(t.Context(), "fact", func(tx *store.Tx) (string, error) { return tx.Meta("fact") })
		if err != nil || got != "new" {
			t.Errorf("the cache kept %q from before the invalidation (%v)", got, err)
		}
	})
}

func TestCacheFillsRaceWithInvalidations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		setFact(t, db, "0")
		f := newFact(db)
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						f.get(t)
					}
				}
			})
		}
		for i := range 100 {
			want := fmt.Sprint(i)
			setFact(t, db, want)
			if got := f.get(t); got != want {
				t.Errorf("read %q after %q was written", got, want)
			}
		}
		close(done)
		readers.Wait()
	})
}

func TestCacheKeepsNoErrorsAndStaysBounded(t *testing.T) {
	db := storetest.Open(t)
	cache := store.NewCache[string](db, store.KindUser, 64)
	loads := 0
	missing := func(tx *store.Tx) (string, error) { loads++; return tx.Meta("nobody") }
	for range 2 {
		if _, err := cache.Get(t.Context(), "nobody", missing); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	}
	if loads != 2 {
		t.Error("an error was kept")
	}
	load := func(*store.Tx) (string, error) { loads++; return "v", nil }
	for i := range 1000 {
		if _, err := cache.Get(t.Context(), fmt.Sprint(i), load); err != nil {
			t.Fatal(err)
		}
	}
	loads = 0
	for i := range 1000 {
		if _, err := cache.Get(t.Context(), fmt.Sprint(i), load); err != nil {
			t.Fatal(err)
		}
	}
	if kept := 1000 - loads; kept > 200 {
		t.Errorf("a cache of 64 kept %d", kept)
	}
	cache.Drop("999")
	before := loads
	_, err := cache.Get(t.Context(), "999", load)
	if err != nil || loads != before+1 {
		t.Error("Drop did not drop")
	}
}

func TestWatch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var heard []store.Invalidation
		stop := db.Watch(func(i store.Invalidation) { heard = append(heard, i) })
		invalidate := func(tx *store.Tx) error {
			tx.Invalidate(store.KindSigningKey, "k")
			tx.Invalidate(store.KindSigningKey, "k")
			return nil
		}
		write(t, db, invalidate)
		stop()
		write(t, db, invalidate)
		if len(heard) != 1 || heard[0] != (store.Invalidation{Kind: store.KindSigningKey, ID: "k"}) {
			t.Errorf("heard %v", heard)
		}
	})
}

// nodes opens two nodes on one PostgreSQL database.
func nodes(t *testing.T) (a, b *store.DB, url string) {
	t.Helper()
	url = storetest.PostgresURL(t)
	o := store.Options{URL: url}
	return storetest.Open(t, o), storetest.Open(t, o), url
}

func TestCacheDropsOnTheOtherNodeWithinASecond(t *testing.T) {
	a, b, _ := nodes(t)
	f := newFact(b)
	for i := range 5 {
		want := fmt.Sprint(i)
		setFact(t, a, want)
		written := time.Now()
		eventually(t, "the other node reads "+want, func() bool { return f.get(t) == want })
		if took := time.Since(written); took > time.Second {
			t.Errorf("the other node took %v", took)
		}
	}
	// More than one notification's worth.
	setFact(t, a, "before")
	eventually(t, "the other node reads it", func() bool { return f.get(t) == "before" })
	write(t, a, func(tx *store.Tx) error {
		for i := range 500 {
			tx.Invalidate(store.KindSession, fmt.Sprintf("00000000-0000-7000-8000-%012d", i))
		}
		tx.Invalidate(store.KindUser, "fact")
		return tx.SetMeta("fact", "many")
	})
	eventually(t, "the other node reads the last of many", func() bool { return f.get(t) == "many" })
}

func TestCacheServesNothingWhileNobodyListens(t *testing.T) {
	a, b, url := nodes(t)
	f := newFact(b)
	setFact(t, a, "old")
	eventually(t, "the cache serves", func() bool {
		f.get(t)
		before := f.loaded()
		f.get(t)
		return f.loaded() == before
	})
	beside := serverOf(t, url)
	beside.admit(t, false)
	// The pools' connections stay: only hearing is lost.
	beside.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND (query LIKE 'LISTEN%' OR query = '-- ping')", beside.name)
	eventually(t, "both nodes notice", func() bool { return !a.Stats().Live && !b.Stats().Live })
	setFact(t, a, "new")
	for range 3 {
		before := f.loaded()
		if got := f.get(t); got != "new" || f.loaded() != before+1 {
			t.Errorf("served %q after %d loads while nobody listened", got, f.loaded()-before)
		}
	}
	beside.admit(t, true)
	eventually(t, "the node listens again", func() bool { return b.Stats().Live })
	if got := f.get(t); got != "new" {
		t.Errorf("served %q after the listener came back", got)
	}
	before := f.loaded()
	if f.get(t); f.loaded() != before {
		t.Error("the cache does not serve although the node listens")
	}
}
