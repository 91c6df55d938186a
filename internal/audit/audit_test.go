package audit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func master(t *testing.T) secret.Master {
	t.Helper()
	m, err := secret.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func keys(t *testing.T, m secret.Master, old ...secret.Master) *secret.Keys {
	t.Helper()
	k, err := secret.NewKeys(m, old...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func each(t *testing.T, fn func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, open(store.Options{Clock: clock.Now}), clock, &audit.Log{Keys: keys(t, master(t)), Rand: rand.Reader})
	})
}

func record(t *testing.T, db *store.DB, log *audit.Log, c auth.Caller, e auth.Event) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx *store.Tx) error { return log.Record(tx, c, e) }); err != nil {
		t.Fatal(err)
	}
}

func events(t *testing.T, db *store.DB, app auth.AppID, f store.EventFilter) []auth.Event {
	t.Helper()
	var out []auth.Event
	if err := db.Read(t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.Events(app, f)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func sealed(t *testing.T, db *store.DB, app auth.AppID) []store.SealedEvent {
	t.Helper()
	var out []store.SealedEvent
	if err := db.Read(t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.SealedEvents(app, 0, 10_000)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordTakesTheCallersFacts(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		caller := auth.Caller{App: auth.DefaultApp, IP: netip.MustParseAddr("::ffff:192.0.2.1"), RequestID: "r1",
			UserAgent: "odd\x00\x1b[31m\xff agent" + strings.Repeat("x", 1000)}
		for _, c := range []struct {
			kind         auth.CallerKind
			preset, want string
		}{
			{auth.CallerSession, "", "user-1"}, {auth.CallerAPIKey, "", "key-1"}, {auth.CallerSystem, "", "system"},
			{auth.CallerAnonymous, "", ""}, {auth.CallerAnonymous, "user-2", "user-2"},
		} {
			caller.Kind, caller.User, caller.Key = c.kind, "user-1", "key-1"
			clock.Advance(time.Second)
			record(t, db, log, caller, auth.Event{Action: "session.started", Actor: c.preset, User: "user-1",
				Data: map[string]string{"reason": "why\nnot"}})
			got := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 1})[0]
			if got.Actor != c.want || got.ActorKind != string(c.kind) || got.Outcome != "ok" || got.IP != "192.0.2.1" ||
				got.RequestID != "r1" || !got.At.Equal(clock.Now()) || got.ID == "" || got.Data["reason"] != "whynot" {
				t.Errorf("%s: %+v", c.kind, got)
			}
			if strings.ContainsAny(got.UserAgent, "\x00\x1b") || !utf8.ValidString(got.UserAgent) || len(got.UserAgent) > 512 {
				t.Errorf("user agent: %q", got.UserAgent)
			}
		}
		if report, err := log.Verify(t.Context(), db, auth.DefaultApp); err != nil || !report.OK() || report.Unsealed != 5 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestRollbackLeavesNoEvent_LG04(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ *storetest.Clock, log *audit.Log) {
		broken := errors.New("broken")
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(log.Record(tx, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "a"}), broken)
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if got := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 10}); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestSealChainsEachAppInOrderOfTime(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		for i := range 450 { // more than two batches
			clock.Advance(time.Millisecond)
			app := auth.AppID([]string{"default", "other"}[i%2])
			record(t, db, log, auth.Caller{App: app}, auth.Event{Action: "a", Target: fmt.Sprint(i)})
		}
		if n, err := log.Seal(t.Context(), db, "one"); n != 0 || err != nil {
			t.Errorf("sealed too early: %d, %v", n, err)
		}
		clock.Advance(2 * time.Second)
		if n, err := log.Seal(t.Context(), db, "one"); n < 449 || err != nil { // the last one is exactly as old as the margin
			t.Errorf("%d, %v", n, err)
		}
		clock.Advance(time.Second)
		if _, err := log.Seal(t.Context(), db, "one"); err != nil {
			t.Fatal(err)
		}
		for first, app := range []auth.AppID{"default", "other"} {
			chain := sealed(t, db, app)
			if len(chain) != 225 {
				t.Fatalf("%s: %d events", app, len(chain))
			}
			for i, e := range chain {
				if e.Seq != int64(i+1) || e.Target != fmt.Sprint(2*i+first) {
					t.Fatalf("%s: place %d holds seq %d, event %s", app, i+1, e.Seq, e.Target)
				}
			}
			if report, err := log.Verify(t.Context(), db, app); err != nil || !report.OK() || report.Sealed != 225 {
				t.Errorf("%s: %+v, %v", app, report, err)
			}
		}
	})
}

// An event that turns up late (its transaction began before others that are sealed) is sealed once, at a later
// place.
func TestLateEventIsSealedToo(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		record(t, db, log, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "second"})
		early := clock.Now().Add(-time.Hour)
		clock.Advance(time.Minute)
		if n, err := log.Seal(t.Context(), db, "one"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		now := clock.Now()
		clock.Set(early)
		record(t, db, log, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "first"})
		clock.Set(now)
		if n, err := log.Seal(t.Context(), db, "one"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		chain := sealed(t, db, auth.DefaultApp)
		if len(chain) != 2 || chain[0].Action != "second" || chain[1].Action != "first" {
			t.Errorf("%+v", chain)
		}
		if report, err := log.Verify(t.Context(), db, auth.DefaultApp); err != nil || !report.OK() {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestOneSealerHoldsTheLease(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		seal := func(owner string, want int) {
			t.Helper()
			record(t, db, log, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "a"})
			clock.Advance(3 * time.Second)
			if n, err := log.Seal(t.Context(), db, owner); n != want || err != nil {
				t.Errorf("%s sealed %d, want %d: %v", owner, n, want, err)
			}
		}
		seal("one", 1)
		seal("two", 0)
		seal("one", 2)
		clock.Advance(time.Hour)
		seal("two", 1)
	})
}

// Sealers that all believe to hold the lease make one chain without gaps.
func TestRacingSealersMakeOneChain(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		for i := range 300 {
			record(t, db, log, auth.Caller{App: auth.AppID([]string{"default", "other"}[i%2])}, auth.Event{Action: "a"})
		}
		clock.Advance(time.Minute)
		for _, err := range storetest.Race(t, db, 6, func(ctx context.Context, _ int) error {
			_, err := log.Seal(ctx, db, "the same")
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		for _, app := range []auth.AppID{"default", "other"} {
			if report, err := log.Verify(t.Context(), db, app); err != nil || !report.OK() || report.Sealed != 150 || report.Unsealed != 0 {
				t.Errorf("%s: %+v, %v", app, report, err)
			}
		}
	})
}

// A chain made under an older master key still verifies, and is continued under the new one.
func TestChainOutlivesTheMasterKey(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, _ *audit.Log) {
		older, newer := master(t), master(t)
		before := &audit.Log{Keys: keys(t, older), Rand: rand.Reader}
		after := &audit.Log{Keys: keys(t, newer, older), Rand: rand.Reader}
		record(t, db, before, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "a"})
		clock.Advance(time.Minute)
		if n, err := before.Seal(t.Context(), db, "one"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		record(t, db, before, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "b"})
		record(t, db, after, auth.Caller{App: auth.DefaultApp}, auth.Event{Action: "c"})
		clock.Advance(time.Minute)
		if n, err := after.Seal(t.Context(), db, "one"); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if report, err := after.Verify(t.Context(), db, auth.DefaultApp); err != nil || !report.OK() || report.Sealed != 3 {
			t.Errorf("%+v, %v", report, err)
		}
		if report, _ := before.Verify(t.Context(), db, auth.DefaultApp); report.OK() {
			t.Error("a chain verifies without the key it was made with")
		}
	})
}

func TestEventsArePagedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		for i := range 9 {
			if i%3 == 0 {
				clock.Advance(time.Second) // three events share a time
			}
			record(t, db, log, auth.Caller{App: auth.DefaultApp}, auth.Event{
				Action: []string{"a", "b"}[i%2], User: auth.UserID([]string{"u", "v"}[i%2])})
		}
		record(t, db, log, auth.Caller{App: "other"}, auth.Event{Action: "a"})
		all := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 100})
		if len(all) != 9 {
			t.Fatalf("%d events", len(all))
		}
		var paged []auth.Event
		f := store.EventFilter{Limit: 2}
		for {
			page := events(t, db, auth.DefaultApp, f)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			last := page[len(page)-1]
			f.AfterTime, f.AfterID = last.At, last.ID
		}
		for i := range all {
			if paged[i].ID != all[i].ID || i > 0 && all[i].At.After(all[i-1].At) {
				t.Errorf("place %d", i)
			}
		}
		if got := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 9, Action: "b"}); len(got) != 4 {
			t.Errorf("by action: %d", len(got))
		}
		if got := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 9, Action: "a", User: "u"}); len(got) != 5 {
			t.Errorf("by user and action: %d", len(got))
		}
		if got := events(t, db, auth.DefaultApp, store.EventFilter{Limit: 9, Action: "a", User: "v"}); len(got) != 0 {
			t.Errorf("by user and another's action: %d", len(got))
		}
	})
}

// Events go from the oldest on when they are old enough; the chain goes on and stays whole. The last one stays, and
// nothing is removed from a break on.
func TestTrim(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *storetest.Clock, log *audit.Log) {
		begun := clock.Now()
		fill := func(n int) {
			for range n {
				clock.Advance(time.Second)
				record(t, db, log, auth.Caller{App: "default"}, auth.Event{Action: "a"})
			}
			clock.Advance(time.Minute)
			if _, err := log.Seal(t.Context(), db, "one"); err != nil {
				t.Fatal(err)
			}
		}
		trim := func(before time.Time, limit, want int) {
			t.Helper()
			if n, err := log.Trim(t.Context(), db, "default", before, limit); n != want || err != nil {
				t.Errorf("removed %d, want %d, %v", n, want, err)
			}
		}
		whole := func(removed, sealed int64) {
			t.Helper()
			if r, err := log.Verify(t.Context(), db, "default"); err != nil || !r.OK() || r.Removed != removed || r.Sealed != sealed {
				t.Errorf("%+v, %v", r, err)
			}
		}
		fill(20)
		trim(begun, 100, 0)
		trim(begun.Add(5500*time.Millisecond), 3, 3)
		trim(begun.Add(5500*time.Millisecond), 3, 2)
		trim(begun.Add(5500*time.Millisecond), 3, 0)
		whole(5, 15)
		trim(clock.Now(), 100, 14)
		whole(19, 1)
		fill(5)
		whole(19, 6)
		other := &audit.Log{Keys: keys(t, master(t)), Rand: rand.Reader}
		if n, err := other.Trim(t.Context(), db, "default", clock.Now(), 100); n != 0 || err != nil {
			t.Errorf("a chain that is not ours: removed %d, %v", n, err)
		}
		whole(19, 6)
	})
}
