package queue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// bench is a database with a queue and a clock.
type bench struct {
	t     *testing.T
	db    *store.DB
	clock *storetest.Clock
	queue *queue.Queue
}

func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		master, err := secret.NewMaster(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := secret.NewKeys(master)
		if err != nil {
			t.Fatal(err)
		}
		fn(t, &bench{t, open(store.Options{Clock: clock.Now}), clock, &queue.Queue{Keys: keys, Rand: rand.Reader}})
	})
}

func (b *bench) enqueue(j queue.Job) auth.JobID {
	b.t.Helper()
	var id auth.JobID
	if j.Kind == "" {
		j.Kind = "test"
	}
	err := b.db.Write(b.t.Context(), func(tx *store.Tx) (err error) {
		id, err = b.queue.Enqueue(tx, j)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) job(id auth.JobID) store.Job {
	b.t.Helper()
	var j store.Job
	if err := b.db.Read(b.t.Context(), func(tx *store.Tx) (err error) {
		j, err = tx.Job(id)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return j
}

func (b *bench) workers(handlers map[string]queue.Handler) *queue.Workers {
	return &queue.Workers{Queue: b.queue, DB: b.db, Clock: b.clock.Now, Handlers: handlers, Poll: 10 * time.Millisecond}
}

func (b *bench) runDue(w *queue.Workers, want int) {
	b.t.Helper()
	if n, err := w.RunDue(b.t.Context()); n != want || err != nil {
		b.t.Fatalf("%d jobs were taken up, want %d: %v", n, want, err)
	}
}

func handle(fn queue.Handler) map[string]queue.Handler { return map[string]queue.Handler{"test": fn} }

func TestJobIsDeliveredOnceAndPurged_EM04(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var got []queue.Delivery
		w := b.workers(handle(func(_ context.Context, d queue.Delivery) error {
			got = append(got, d)
			return nil
		}))
		id := b.enqueue(queue.Job{App: auth.DefaultApp, Payload: map[string]string{"link": "canary"}})
		if waiting := b.job(id); len(waiting.Payload) == 0 || bytes.Contains(waiting.Payload, []byte("canary")) {
			t.Error("the payload is not sealed")
		}
		b.runDue(w, 1)
		b.runDue(w, 0)
		var payload map[string]string
		if len(got) != 1 || got[0].ID != id || got[0].App != auth.DefaultApp || got[0].Attempt != 1 ||
			json.Unmarshal(got[0].Payload, &payload) != nil || payload["link"] != "canary" {
			t.Fatalf("%+v", got)
		}
		if done := b.job(id); done.State != store.JobDone || len(done.Payload) != 0 || done.FinishedAt.IsZero() || done.Owner != "" {
			t.Errorf("%+v", done)
		}
	})
}

func TestJobOfARolledBackChangeIsNotThere(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		broken := errors.New("broken")
		err := b.db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := b.queue.Enqueue(tx, queue.Job{Kind: "test"})
			return errors.Join(err, broken)
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		b.runDue(b.workers(handle(func(context.Context, queue.Delivery) error { return nil })), 0)
	})
}

// Retries: soon at first, never more than 5 min apart during the first day (F-08), given up after 72 h.
func TestFailingJobIsRetriedForDays(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		attempts := 0
		w := b.workers(handle(func(_ context.Context, d queue.Delivery) error {
			if attempts++; d.Attempt != attempts {
				t.Errorf("attempt %d is called %d", attempts, d.Attempt)
			}
			return fmt.Errorf("no\r\nway %s", strings.Repeat("x", 1000))
		}))
		id := b.enqueue(queue.Job{})
		began := b.clock.Now()
		for {
			b.runDue(w, 1)
			j := b.job(id)
			if j.LastError == "" || len(j.LastError) > 500 || strings.ContainsAny(j.LastError, "\r\n") {
				t.Fatalf("last error: %q", j.LastError)
			}
			if j.State == store.JobDead {
				break
			}
			wait := j.RunAt.Sub(b.clock.Now())
			age := b.clock.Now().Sub(began)
			if wait < 3*time.Second || wait > 30*time.Minute || age < 24*time.Hour && wait > 5*time.Minute {
				t.Fatalf("after %s: wait %s", age, wait)
			}
			b.runDue(w, 0)
			b.clock.Advance(wait)
		}
		if age := b.clock.Now().Sub(began); age < 72*time.Hour || age > 73*time.Hour {
			t.Errorf("given up after %s", age)
		}
		if j := b.job(id); len(j.Payload) != 0 {
			t.Error("a dead job keeps its payload")
		}
		if attempts < 300 {
			t.Errorf("only %d attempts", attempts)
		}
	})
}

func TestPermanentFailureAndPanic(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		hopeless := b.enqueue(queue.Job{Payload: "permanent"})
		panics := b.enqueue(queue.Job{Payload: "panic"})
		foreign := b.enqueue(queue.Job{Kind: "nobody's"})
		w := b.workers(handle(func(_ context.Context, d queue.Delivery) error {
			if string(d.Payload) == `"panic"` {
				panic("at the disco")
			}
			return fmt.Errorf("wrapped: %w", queue.Permanent(errors.New("hopeless")))
		}))
		b.runDue(w, 2)
		if j := b.job(hopeless); j.State != store.JobFailed || j.LastError != "wrapped: hopeless" || len(j.Payload) != 0 {
			t.Errorf("%+v", j)
		}
		if j := b.job(panics); j.State != store.JobQueued || j.LastError != "the handler panicked: at the disco" || j.Attempts != 1 {
			t.Errorf("%+v", j)
		}
		if j := b.job(foreign); j.State != store.JobQueued || j.Attempts != 0 {
			t.Errorf("a kind without a handler was touched: %+v", j)
		}
	})
}

func TestExpiredJobIsMarkedNotRun_EM06(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		now := b.clock.Now()
		late := b.enqueue(queue.Job{ExpiresAt: now.Add(time.Minute)})
		inTime := b.enqueue(queue.Job{ExpiresAt: now.Add(time.Hour)})
		orphan := b.enqueue(queue.Job{Kind: "nobody's", ExpiresAt: now.Add(time.Minute)})
		b.clock.Advance(time.Minute)
		ran := 0
		w := b.workers(handle(func(context.Context, queue.Delivery) error { ran++; return nil }))
		b.runDue(w, 2)
		if j := b.job(late); j.State != store.JobExpired || len(j.Payload) != 0 || ran != 1 {
			t.Errorf("%+v; %d ran", j, ran)
		}
		if j := b.job(inTime); j.State != store.JobDone {
			t.Errorf("%+v", j)
		}
		if n, err := b.queue.Clean(t.Context(), b.db, time.Hour); n != 1 || err != nil {
			t.Errorf("%d cleaned, %v", n, err)
		}
		if j := b.job(orphan); j.State != store.JobExpired || len(j.Payload) != 0 {
			t.Errorf("%+v", j)
		}
	})
}

func TestLaterJobWaitsForItsTime(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.workers(handle(func(context.Context, queue.Delivery) error { return nil }))
		b.enqueue(queue.Job{RunAt: b.clock.Now().Add(time.Hour)})
		b.runDue(w, 0)
		b.clock.Advance(time.Hour)
		b.runDue(w, 1)
	})
}

// A worker that was stopped for longer than its lease: another takes the job, and what the first one writes when
// it wakes up is void.
func TestStaleWorkerIsFenced_F30(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.enqueue(queue.Job{})
		asleep, wake := make(chan struct{}), make(chan struct{})
		stale := b.workers(handle(func(context.Context, queue.Delivery) error {
			close(asleep)
			<-wake
			return queue.Permanent(errors.New("from the grave"))
		}))
		var log bytes.Buffer
		stale.Logger = slog.New(slog.NewTextHandler(&log, nil))
		done := make(chan struct{})
		go func() { defer close(done); _, _ = stale.RunDue(context.Background()) }()
		<-asleep
		var state store.JobState
		fresh := b.workers(handle(func(_ context.Context, d queue.Delivery) error {
			if d.Attempt != 2 || d.ID != id {
				t.Errorf("%+v", d)
			}
			return nil
		}))
		fresh.Observe = func(_ string, s store.JobState, _ time.Duration) { state = s }
		b.clock.Advance(time.Minute)
		b.runDue(fresh, 0) // the lease holds
		b.clock.Advance(time.Minute)
		b.runDue(fresh, 1)
		close(wake)
		<-done
		if j := b.job(id); j.State != store.JobDone || state != store.JobDone || j.LastError != "" {
			t.Errorf("the stale worker's end was written: %+v", j)
		}
		if !strings.Contains(log.String(), "lost to another worker") {
			t.Errorf("nothing was logged: %s", log.String())
		}
	})
}

// What a killed process held is due at once where nobody else can be at work, and only there; the dead one's finish
// is fenced.
func TestInheritedJobsAreDueAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.enqueue(queue.Job{})
		asleep, wake := make(chan struct{}), make(chan struct{})
		killed := b.workers(handle(func(context.Context, queue.Delivery) error {
			close(asleep)
			<-wake
			return nil
		}))
		done := make(chan struct{})
		go func() { defer close(done); _, _ = killed.RunDue(context.Background()) }()
		<-asleep
		n, err := b.queue.Inherit(t.Context(), b.db)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if b.db.Engine() == store.SQLite {
			want = 1
		}
		if n != want {
			t.Errorf("%d jobs inherited, not %d", n, want)
		}
		failing := b.workers(handle(func(context.Context, queue.Delivery) error { return errors.New("not now") }))
		b.runDue(failing, want)
		close(wake)
		<-done
		if j := b.job(id); (j.State == store.JobDone) != (want == 0) {
			t.Errorf("%+v", j)
		}
	})
}

// Many workers, each job once.
func TestRacingWorkersClaimEachJobOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var mu sync.Mutex
		seen := map[auth.JobID]int{}
		for range 60 {
			b.enqueue(queue.Job{})
		}
		for _, err := range storetest.Race(t, b.db, 5, func(ctx context.Context, _ int) error {
			_, err := b.workers(handle(func(_ context.Context, d queue.Delivery) error {
				mu.Lock()
				defer mu.Unlock()
				seen[d.ID]++
				return nil
			})).RunDue(ctx)
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s ran %d times", id, n)
			}
		}
		if len(seen) != 60 {
			t.Errorf("%d of 60 ran", len(seen))
		}
	})
}

func TestAlteredPayloadIsNotRun(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var a, other store.Job
		a, other = b.job(b.enqueue(queue.Job{Payload: "a"})), b.job(b.enqueue(queue.Job{Payload: "b"}))
		other.ID, other.Payload = "copied", a.Payload
		if err := b.db.Write(t.Context(), func(tx *store.Tx) error { return tx.InsertJob(other) }); err != nil {
			t.Fatal(err)
		}
		ran := 0
		b.runDue(b.workers(handle(func(context.Context, queue.Delivery) error { ran++; return nil })), 3)
		if j := b.job("copied"); j.State != store.JobFailed || ran != 2 {
			t.Errorf("a payload moved to another row ran: %+v", j)
		}
	})
}

func TestCleanKeepsTheRetention(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.workers(handle(func(context.Context, queue.Delivery) error { return nil }))
		old := b.enqueue(queue.Job{})
		b.runDue(w, 1)
		b.clock.Advance(48 * time.Hour)
		recent, waiting := b.enqueue(queue.Job{}), b.enqueue(queue.Job{Kind: "nobody's"})
		b.runDue(w, 1)
		b.clock.Advance(time.Second)
		if n, err := b.queue.Clean(t.Context(), b.db, 24*time.Hour); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		b.job(recent)
		b.job(waiting)
		if err := b.db.Read(t.Context(), func(tx *store.Tx) error { _, err := tx.Job(old); return err }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old job is still there: %v", err)
		}
	})
}

func TestDiscardEndsWaitingJobs(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.enqueue(queue.Job{})
		other := b.enqueue(queue.Job{Kind: "other"})
		if n, err := b.queue.Discard(t.Context(), b.db, "test", "restored"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		b.runDue(b.workers(handle(func(context.Context, queue.Delivery) error { t.Error("ran"); return nil })), 0)
		if j := b.job(id); j.State != store.JobFailed || j.LastError != "restored" || len(j.Payload) != 0 {
			t.Errorf("%+v", j)
		}
		if j := b.job(other); j.State != store.JobQueued {
			t.Errorf("%+v", j)
		}
		var counts []store.JobCount
		_ = b.db.Read(t.Context(), func(tx *store.Tx) (err error) { counts, err = tx.JobCounts(); return err })
		if len(counts) != 2 || counts[0].Kind != "other" || counts[0].State != store.JobQueued || counts[0].Count != 1 {
			t.Errorf("%+v", counts)
		}
	})
}
