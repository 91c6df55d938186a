package queue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/store"
)

// running is a Run in the background.
func running(w *queue.Workers) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return func() { cancel(); <-done }
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
}

// A kind that hangs holds up only its own jobs (WH-02). A job that is committed is noticed at once, long before the
// next look.
func TestHangingKindDoesNotHoldUpOthers_WH02(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		hung, release, ran := make(chan struct{}, 10), make(chan struct{}), make(chan struct{}, 10)
		w := b.workers(map[string]queue.Handler{
			"hanging": func(context.Context, queue.Delivery) error { hung <- struct{}{}; <-release; return nil },
			"test":    func(context.Context, queue.Delivery) error { ran <- struct{}{}; return nil },
		})
		w.Concurrency = 2
		w.Poll = time.Hour
		for range 4 {
			b.enqueue(queue.Job{Kind: "hanging"})
		}
		stop := running(w)
		wait(t, hung, "the first hanging job")
		wait(t, hung, "the second hanging job")
		for range 3 {
			b.enqueue(queue.Job{})
			wait(t, ran, "a job of the other kind")
		}
		if len(hung) != 0 {
			t.Error("more jobs of one kind run at once than allowed")
		}
		close(release)
		wait(t, hung, "the third hanging job")
		wait(t, hung, "the fourth hanging job")
		stop()
	})
}

// Stopping lets what runs finish and gives back what does not, without counting an attempt.
func TestStopFinishesOrGivesBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		started, finish := make(chan struct{}, 2), make(chan struct{})
		var interrupted atomic.Bool
		w := b.workers(map[string]queue.Handler{
			"quick": func(context.Context, queue.Delivery) error { started <- struct{}{}; <-finish; return nil },
			"slow": func(ctx context.Context, _ queue.Delivery) error {
				started <- struct{}{}
				<-ctx.Done()
				interrupted.Store(true)
				return ctx.Err()
			},
		})
		w.Drain = 50 * time.Millisecond
		quick, slow := b.enqueue(queue.Job{Kind: "quick"}), b.enqueue(queue.Job{Kind: "slow"})
		stop := running(w)
		wait(t, started, "one job")
		wait(t, started, "the other job")
		close(finish)
		stop()
		if j := b.job(quick); j.State != store.JobDone {
			t.Errorf("%+v", j)
		}
		if j := b.job(slow); j.State != store.JobQueued || j.Attempts != 0 || j.Owner != "" || !interrupted.Load() {
			t.Errorf("%+v", j)
		}
		late := b.enqueue(queue.Job{Kind: "quick"})
		if n, err := w.RunDue(canceled()); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d, %v", n, err)
		}
		if j := b.job(late); j.State != store.JobQueued {
			t.Errorf("%+v", j)
		}
	})
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
