package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestRefusalKeepsItsRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var refusal error
		write(t, db, func(tx *store.Tx) error {
			refusal = auth.E(auth.CodeInvalidCredentials, "")
			return insert(tx, "attempt")
		})
		if !auth.Is(refusal, auth.CodeInvalidCredentials) {
			t.Error(refusal)
		}
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(insert(tx, "taken back"), errRefused)
		})
		if !errors.Is(err, errRefused) {
			t.Error(err)
		}
		wantNames(t, db, "attempt")
	})
}

func TestFailedStatementEndsTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error { return insert(tx, "first") })
		var failed, refused, read, found error
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := insert(tx, "before"); err != nil {
				return err
			}
			_, found = tx.Meta("nobody")
			failed = insert(tx, "first")
			refused = insert(tx, "after")
			_, read = tx.Meta("first")
			return nil // swallowing a failure does not commit the rest
		})
		if !errors.Is(found, store.ErrNotFound) {
			t.Errorf("finding nothing: %v", found)
		}
		for what, got := range map[string]error{"failed": failed, "refused": refused, "read": read, "result": err} {
			if !errors.Is(got, store.ErrConstraint) {
				t.Errorf("%s: %v", what, got)
			}
		}
		wantNames(t, db, "first")
	})
}

func TestPanicTakesItsRowsBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := insert(tx, "gone"); err != nil {
				return err
			}
			panic("a mistake")
		})
		if err == nil || !strings.Contains(err.Error(), "a mistake") || !auth.Is(auth.AsError(err), auth.CodeInternal) {
			t.Error(err)
		}
		wantNames(t, db)
	})
}

func TestReadPanicGivesTheConnectionBack(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		db := open(store.Options{MaxConns: 2, MaxReaders: 2})
		for range 5 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("a Read's panic did not come through")
					}
				}()
				_ = db.Read(t.Context(), func(*store.Tx) error { panic("a mistake") })
			}()
		}
		wantNames(t, db)
	})
}

func TestArgumentsRefused(t *testing.T) {
	type named string
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, bad := range []any{"a\x00b", "\xff", "a\xc3", named("a\x00b"), named("\xed\xa0\x80"), time.Now(), struct{}{}, []string{"a"}} {
			err := db.Write(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO meta (name, value) VALUES ($1, $2)", "bad", bad)
				return err
			})
			if err == nil {
				t.Errorf("%q was taken", bad)
			}
			err = db.Read(t.Context(), func(tx *store.Tx) error {
				var v string
				return tx.One("SELECT value FROM meta WHERE name = $1", []any{bad}, &v)
			})
			if err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q was looked for: %v", bad, err)
			}
		}
		wantNames(t, db)
	})
}

// Both engines take and return the same values.
func TestValuesComeBack(t *testing.T) {
	type id string
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec(`CREATE TABLE "values" (id text PRIMARY KEY, n bigint NOT NULL, b boolean NOT NULL, x bytea, s text)`)
			return err
		})
		none := (*string)(nil)
		blob := []byte{0, 255, 1}
		write(t, db, func(tx *store.Tx) error {
			n, err := tx.Exec(`INSERT INTO "values" (id, n, b, x, s) VALUES ($1, $2, $3, $4, $5)`, id("é"), 1<<60, true, blob, none)
			if n != 1 {
				t.Errorf("%d rows", n)
			}
			return err
		})
		read(t, db, func(tx *store.Tx) error {
			var (
				gotID id
				n     int64
				b     bool
				x     []byte
				s     *string
			)
			err := tx.One(`SELECT id, n, b, x, s FROM "values" WHERE b = true AND id = $1`, []any{id("é")}, &gotID, &n, &b, &x, &s)
			if gotID != "é" || n != 1<<60 || !b || !slices.Equal(x, blob) || s != nil {
				t.Error(gotID, n, b, x, s)
			}
			return err
		})
	})
}

func TestTransactionOutlivesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var kept *store.Tx
		write(t, db, func(tx *store.Tx) error { kept = tx; return nil })
		if err := insert(kept, "late"); err == nil {
			t.Error("a transaction was used after its end")
		}
		wantNames(t, db)
	})
}

func TestNoStatementWhileRowsAreRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error { return insert(tx, "a") })
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			return tx.All("SELECT name FROM meta", nil, func(func(...any) error) error {
				_, err := tx.Meta("a")
				return err
			})
		})
		if err == nil {
			t.Error("a statement ran inside another's rows")
		}
	})
}

func TestAllStopsAtTheScansError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error { return errors.Join(insert(tx, "a"), insert(tx, "b")) })
		count := 0
		read(t, db, func(tx *store.Tx) error {
			err := tx.All("SELECT name FROM meta", nil, func(func(...any) error) error {
				count++
				return errRefused
			})
			if !errors.Is(err, errRefused) || count != 1 {
				t.Error(count, err)
			}
			_, err = tx.Meta("a") // the scan's own error is no failed statement
			return err
		})
	})
}

func TestReadWritesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Read(t.Context(), func(tx *store.Tx) error { return insert(tx, "a") }); err == nil {
			t.Error("a Read wrote")
		}
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			var name string
			return tx.One("INSERT INTO meta (name, value) VALUES ('a', 'b') RETURNING name", nil, &name)
		})
		if err == nil {
			t.Error("a Read wrote and returned")
		}
		wantNames(t, db)
	})
}

func TestReadSeesOneSnapshotAndDoesNotWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error { return insert(tx, "a") })
		read(t, db, func(tx *store.Tx) error {
			if _, err := tx.Meta("a"); err != nil {
				return err
			}
			write(t, db, func(tx *store.Tx) error { return insert(tx, "b") })
			if _, err := tx.Meta("b"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the snapshot moved: %v", err)
			}
			return nil
		})
		write(t, db, func(tx *store.Tx) error {
			if err := insert(tx, "c"); err != nil {
				return err
			}
			wantNames(t, db, "a", "b") // a Read beside a Write that is under way
			return nil
		})
	})
}

func TestReadEndsWithItsCaller(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Read(ctx, func(tx *store.Tx) error {
			cancel()
			_, err := tx.Meta("a")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		wantNames(t, db)
	})
}

func TestNowIsOneMicrosecond(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("x", 3600)))
		db := open(store.Options{Clock: clock.Now})
		want := time.Date(2026, 3, 1, 11, 0, 0, 123456000, time.UTC)
		check := func(tx *store.Tx) error {
			if tx.Now() != want {
				t.Errorf("now is %v", tx.Now())
			}
			clock.Advance(time.Second)
			defer clock.Advance(-time.Second)
			if tx.Now() != want {
				t.Error("now moved during the transaction")
			}
			return nil
		}
		write(t, db, check)
		read(t, db, check)
		if back := store.Instant(store.Micros(want)); back != want {
			t.Error(back)
		}
	})
	if store.Micros(time.Time{}) != 0 || !store.Instant(0).IsZero() {
		t.Error("the zero time is not 0")
	}
}

func TestJSONText(t *testing.T) {
	for want, v := range map[string]any{
		`[]`: []string(nil), `{}`: map[string]string(nil), `["<a>"]`: []string{"<a>"}, `{"a":1}`: map[string]int{"a": 1},
	} {
		if got := store.JSONText(v); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	var list []string
	if err := store.FromJSON(`["a"]`, &list); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	if err := store.FromJSON(`{`, &list); err == nil {
		t.Error("broken JSON was read")
	}
}

func TestNestedWriteIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var inner error
		deep := func(n int, then func()) {}
		deep = func(n int, then func()) {
			if n == 0 {
				then()
				return
			}
			deep(n-1, then)
		}
		for _, depth := range []int{0, 300} {
			err := db.Write(t.Context(), func(tx *store.Tx) error {
				deep(depth, func() {
					inner = db.Write(context.Background(), func(*store.Tx) error { return nil })
				})
				return insert(tx, fmt.Sprint(depth))
			})
			if err != nil || !errors.Is(inner, store.ErrNested) || !auth.Is(inner, auth.CodeInternal) {
				t.Errorf("outer %v, inner %v", err, inner)
			}
		}
		wantNames(t, db, "0", "300")
		// Beside each other, and inside a Read, is no nesting.
		read(t, db, func(*store.Tx) error {
			return db.Write(t.Context(), func(tx *store.Tx) error { return insert(tx, "beside") })
		})
	})
}

// Keys are compared by their bytes on both engines, so a cursor continues where the page before ended.
func TestKeysetPagingOrder(t *testing.T) {
	keys := []string{"Z", "a", "B", "b", "_", "-", "0", "é", "e", "z", "ａ", "😀", "ab", "a b", "A", "ß", "ss", "10", "9"}
	sorted := slices.Sorted(slices.Values(keys))
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error {
			for _, key := range keys {
				_, err := tx.Exec(`INSERT INTO events (id, app_id, at, action, outcome, actor, actor_kind, user_id, session_id,
					target, ip, user_agent, request_id, data) VALUES ($1, 'default', $2, '', '', '', '', 'u', '', '', '', '', '', '{}')`,
					key, len(key)%2)
				if err != nil {
					return err
				}
			}
			return nil
		})
		var got []string
		at, id := int64(-1), ""
		for {
			page := 0
			read(t, db, func(tx *store.Tx) error {
				return tx.All(`SELECT at, id FROM events WHERE app_id = $1 AND user_id = $2 AND (at, id) > ($3, $4)
					ORDER BY at, id LIMIT $5`, []any{"default", "u", at, id, 3}, func(scan func(...any) error) error {
					page++
					err := scan(&at, &id)
					got = append(got, id)
					return err
				})
			})
			if page == 0 {
				break
			}
		}
		var want []string
		for parity := range 2 {
			for _, key := range sorted {
				if len(key)%2 == parity {
					want = append(want, key)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("paged\n%q, want\n%q", got, want)
		}
	})
}
