package store_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// chain is a database with 10 sealed events (e[0] to e[9]) and 2 that wait.
type chain struct {
	db  *store.DB
	log *audit.Log
	e   []auth.EventID
}

func newChain(t *testing.T, db *store.DB, clock *storetest.Clock) *chain {
	t.Helper()
	keys := storetest.Keys(t)
	c := &chain{db: db, log: &audit.Log{Keys: keys, Rand: rand.Reader}}
	record := func(n int) {
		for i := range n {
			clock.Advance(time.Second)
			err := db.Write(t.Context(), func(tx *store.Tx) error {
				return c.log.Record(tx, auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp},
					auth.Event{Action: "user.renamed", User: "u", Target: fmt.Sprint(i), Data: map[string]string{"n": fmt.Sprint(i)}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	record(10)
	clock.Advance(time.Minute)
	if n, err := c.log.Seal(t.Context(), db, "test"); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	record(2)
	_ = db.Read(t.Context(), func(tx *store.Tx) error {
		events, err := tx.Events(auth.DefaultApp, store.EventFilter{Limit: 20})
		for i := range events {
			c.e = append(c.e, events[len(events)-1-i].ID)
		}
		return err
	})
	return c
}

func (c *chain) tamper(t *testing.T, query string, args ...any) {
	t.Helper()
	err := c.db.Write(t.Context(), func(tx *store.Tx) error {
		n, err := tx.Tamper(query, args...)
		if err == nil && n == 0 {
			return fmt.Errorf("no row was touched")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *chain) verify(t *testing.T) audit.Report {
	t.Helper()
	report, err := c.log.Verify(t.Context(), c.db, auth.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What somebody with the database in hand does to the audit log is found, and where.
func TestTamperedChainIsFound_LG04(t *testing.T) {
	const head = "audit.head.default"
	zeros := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	cases := []struct {
		name  string
		do    func(t *testing.T, c *chain)
		first audit.Fault // Event is filled by index into c.e when at >= 0
		at    int
	}{
		{"outcome altered", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET outcome = 'forbidden' WHERE id = $1", string(c.e[4]))
		}, audit.Fault{Kind: audit.Altered, Seq: 5}, 4},
		{"time altered", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET at = at + 1 WHERE id = $1", string(c.e[0]))
		}, audit.Fault{Kind: audit.Altered, Seq: 1}, 0},
		{"actor altered", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET actor = 'somebody' WHERE id = $1", string(c.e[9]))
		}, audit.Fault{Kind: audit.Altered, Seq: 10}, 9},
		{"data altered", func(t *testing.T, c *chain) {
			c.tamper(t, `UPDATE events SET data = '{"n":"7"}' WHERE id = $1`, string(c.e[2]))
		}, audit.Fault{Kind: audit.Altered, Seq: 3}, 2},
		{"link replaced", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET link = $2 WHERE id = $1", string(c.e[6]), make([]byte, 32))
		}, audit.Fault{Kind: audit.Altered, Seq: 7}, 6},
		{"row deleted", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE id = $1", string(c.e[3]))
		}, audit.Fault{Kind: audit.Missing, Seq: 4}, -1},
		{"first row deleted", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE id = $1", string(c.e[0]))
		}, audit.Fault{Kind: audit.Missing, Seq: 1}, -1},
		{"row deleted and the others moved up", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE id = $1", string(c.e[3]))
			for seq := 5; seq <= 10; seq++ {
				c.tamper(t, "UPDATE events SET seq = $1 - 1 WHERE app_id = 'default' AND seq = $1", seq)
			}
		}, audit.Fault{Kind: audit.Altered, Seq: 4}, 4},
		{"end cut off", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE seq > 7")
		}, audit.Fault{Kind: audit.Truncated, Seq: 8}, -1},
		{"end cut off and its note rewritten", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE seq > 7")
			c.tamper(t, "UPDATE meta SET value = $2 WHERE name = $1", head, "7."+zeros+"."+zeros)
		}, audit.Fault{Kind: audit.BadHead, Seq: 7}, -1},
		{"note of the end deleted", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM meta WHERE name = $1", head)
		}, audit.Fault{Kind: audit.BadHead, Seq: 10}, -1},
		{"everything deleted but the note", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events")
		}, audit.Fault{Kind: audit.Truncated, Seq: 1}, -1},
		{"sealed row slipped in at the end", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET seq = 11 WHERE id = $1", string(c.e[10]))
		}, audit.Fault{Kind: audit.Inserted, Seq: 11}, 10},
		{"sealed row slipped in before the beginning", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET seq = -3 WHERE id = $1", string(c.e[10]))
		}, audit.Fault{Kind: audit.Inserted, Seq: -3}, 10},
		{"waiting row slipped in", func(t *testing.T, c *chain) {
			err := c.db.Write(t.Context(), func(tx *store.Tx) error {
				return tx.InsertEvent(auth.Event{ID: "forged", App: auth.DefaultApp, At: tx.Now(), Action: "user.promoted"}, make([]byte, 32))
			})
			if err != nil {
				t.Fatal(err)
			}
			c.e = append(c.e, "forged")
		}, audit.Fault{Kind: audit.Inserted}, 12},
		{"old rows removed by somebody else after ours", func(t *testing.T, c *chain) {
			c.trim(t, 4)
			c.tamper(t, "DELETE FROM events WHERE id = $1", string(c.e[4]))
		}, audit.Fault{Kind: audit.Missing, Seq: 5}, -1},
		{"a removed row put back", func(t *testing.T, c *chain) {
			c.trim(t, 4)
			c.tamper(t, "UPDATE events SET seq = 3 WHERE id = $1", string(c.e[10]))
		}, audit.Fault{Kind: audit.Inserted, Seq: 3}, 10},
		{"first rows deleted and the note forged", func(t *testing.T, c *chain) {
			c.tamper(t, "DELETE FROM events WHERE seq <= 3 AND app_id = 'default'")
			c.tamper(t, "INSERT INTO meta (name, value) VALUES ($1, $2)", "audit.tail.default", "3."+zeros+"."+zeros)
		}, audit.Fault{Kind: audit.BadTail}, -1},
		{"waiting row altered", func(t *testing.T, c *chain) {
			c.tamper(t, "UPDATE events SET target = 'other' WHERE id = $1", string(c.e[11]))
		}, audit.Fault{Kind: audit.Inserted}, 11},
	}
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				ch := newChain(t, db, clock)
				if report := ch.verify(t); !report.OK() || report.Sealed != 10 || report.Unsealed != 2 {
					t.Fatalf("before: %+v", report)
				}
				c.do(t, ch)
				want := c.first
				if c.at >= 0 {
					want.Event = ch.e[c.at]
				}
				report := ch.verify(t)
				if report.OK() || report.Faults[0] != want {
					t.Errorf("found %+v, want %+v first", report.Faults, want)
				}
				ch.empty(t)
			})
		}
	})
}

// trim removes the oldest n events as housekeeping does.
func (c *chain) trim(t *testing.T, n int) {
	t.Helper()
	removed, err := c.log.Trim(t.Context(), c.db, auth.DefaultApp, c.at(t, n).Add(time.Microsecond), 3)
	for total := removed; total < n && err == nil && removed > 0; total += removed {
		removed, err = c.log.Trim(t.Context(), c.db, auth.DefaultApp, c.at(t, n).Add(time.Microsecond), 3)
	}
	if err != nil {
		t.Fatal(err)
	}
	if report := c.verify(t); !report.OK() || report.Removed != int64(n) || report.Sealed != int64(10-n) {
		t.Fatalf("after %d were removed: %+v", n, report)
	}
}

// at is when the event with a seq happened.
func (c *chain) at(t *testing.T, seq int) (at time.Time) {
	t.Helper()
	if err := c.db.Read(t.Context(), func(tx *store.Tx) error {
		events, err := tx.SealedEvents(auth.DefaultApp, int64(seq-1), 1)
		if err == nil {
			at = events[0].At
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

// empty makes room for the next chain.
func (c *chain) empty(t *testing.T) {
	t.Helper()
	err := c.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Tamper("DELETE FROM events")
		if err == nil {
			_, err = tx.Tamper("DELETE FROM meta WHERE name LIKE 'audit.%'")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A chain that was tampered with is not continued over the damage, events that somebody slipped in are not sealed,
// and other apps' chains go on.
func TestSealerDoesNotCoverUp_LG04(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		c := newChain(t, db, clock)
		c.tamper(t, "DELETE FROM events WHERE seq = 10")
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.InsertEvent(auth.Event{ID: "forged", App: "other", At: tx.Now(), Action: "x"}, nil); err != nil {
				return err
			}
			return c.log.Record(tx, auth.Caller{App: "other"}, auth.Event{Action: "y"})
		})
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
		if n, err := c.log.Seal(t.Context(), db, "test"); n != 1 || err != nil {
			t.Errorf("%d sealed, want 1 of the other app: %v", n, err)
		}
		if report := c.verify(t); report.OK() || report.Faults[0] != (audit.Fault{Kind: audit.Truncated, Seq: 10}) || report.Unsealed != 2 {
			t.Errorf("%+v", report)
		}
		report, err := c.log.Verify(t.Context(), db, "other")
		if err != nil || report.Sealed != 1 || len(report.Faults) != 1 || report.Faults[0].Event != "forged" {
			t.Errorf("the other app: %+v, %v", report, err)
		}
	})
}
