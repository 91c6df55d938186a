package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// leaseFor is how long a claim holds without a word from its worker.
	leaseFor = 2 * time.Minute
	// deadline of a handler: it ends well before the lease, so that a live worker's finish is never void.
	deadline = 90 * time.Second
	// grace is how long Run waits, after the drain, for handlers whose context it has ended.
	grace = 5 * time.Second
	// dueBatch is how many jobs RunDue claims in one Write.
	dueBatch = 10
	// errorLimit is the most bytes of an error that a row keeps.
	errorLimit = 500
)

// Workers claim, run, retry and finish jobs. Several may share a database; a job is held by one at a time, under a
// lease that is fenced by owner and version: a worker that slept through its lease finishes nothing (F-30).
type Workers struct {
	Queue    *Queue
	DB       *store.DB
	Clock    func() time.Time
	Handlers map[string]Handler // by kind; kinds without one are left alone
	Logger   *slog.Logger       // nil: silent
	// Owner names this process among all that share the database; empty: a random name.
	Owner string
	// Concurrency is how many jobs of one kind run at once; 0 means 4. Kinds have their own, so that one that
	// hangs does not hold up the others (WH-02).
	Concurrency int
	Poll        time.Duration // how often to look without being woken; 0 means 1 s
	Drain       time.Duration // how long handlers may go on after Run's context ended; 0 means 10 s
	// Observe is told of every attempt's end, for metrics: the state that the job is in now. nil: nobody is.
	Observe func(kind string, state store.JobState, took time.Duration)

	once  sync.Once
	bells map[string]chan struct{}
}

// Run works until ctx ends, then lets running handlers finish for Drain, ends their contexts and gives back what
// they did not finish. It returns when nothing of it runs any more, or 5 s later if a handler does not heed its
// context; that job's lease runs out.
func (w *Workers) Run(ctx context.Context) {
	w.start()
	defer w.DB.Watch(w.heard)()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var loops, running sync.WaitGroup
	for kind := range w.Handlers {
		loops.Go(func() { w.loop(ctx, hard, kind, &running) })
	}
	loops.Wait()
	<-ctx.Done()
	drained := make(chan struct{})
	go func() { running.Wait(); close(drained) }()
	if ends(drained, orElse(w.Drain, 10*time.Second)) {
		return
	}
	cancel()
	ends(drained, grace)
}

// RunDue works off what is due now, one job after the other, and returns how many it took up, expired ones
// included. Jobs that fail are due later and not taken up twice.
func (w *Workers) RunDue(ctx context.Context) (n int, err error) {
	w.start()
	for _, kind := range slices.Sorted(maps.Keys(w.Handlers)) {
		for ctx.Err() == nil {
			jobs, seen, err := w.claim(ctx, kind, dueBatch)
			if err != nil {
				return n, err
			}
			if seen == 0 {
				break
			}
			for _, j := range jobs {
				w.work(ctx, j)
			}
			n += seen
		}
	}
	return n, ctx.Err()
}

// Wake makes Run look for jobs at once. It never blocks and may be called at any time. Jobs that are committed on
// this database wake Run by themselves.
func (w *Workers) Wake() {
	w.start()
	for _, bell := range w.bells {
		ring(bell)
	}
}

// heard wakes what an invalidation is about.
func (w *Workers) heard(inv store.Invalidation) {
	switch {
	case inv.Kind == store.KindAll || inv.Kind == kindJob && inv.ID == "":
		w.Wake()
	case inv.Kind == kindJob && w.bells[inv.ID] != nil:
		ring(w.bells[inv.ID])
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default: // rung already
	}
}

func (w *Workers) start() {
	w.once.Do(func() {
		if w.Owner == "" {
			w.Owner = secret.NewID(w.Queue.Rand, w.Clock())
		}
		if w.Logger == nil {
			w.Logger = slog.New(slog.DiscardHandler)
		}
		w.bells = make(map[string]chan struct{}, len(w.Handlers))
		for kind := range w.Handlers {
			w.bells[kind] = make(chan struct{}, 1)
		}
	})
}

// loop claims and starts jobs of one kind. New work stops with ctx; what runs ends with hard.
func (w *Workers) loop(ctx, hard context.Context, kind string, running *sync.WaitGroup) {
	concurrency := w.Concurrency
	if concurrency <= 0 {
		concurrency = 4
	}
	slots := make(chan struct{}, concurrency)
	for {
		free := takeSlots(ctx, slots)
		if free == 0 {
			return
		}
		jobs, seen, err := w.claim(hard, kind, free)
		for range free - len(jobs) {
			<-slots
		}
		for _, j := range jobs {
			running.Go(func() {
				defer func() { <-slots }()
				w.work(hard, j)
			})
		}
		if err != nil {
			w.Logger.Error("jobs could not be claimed", "kind", kind, "error", err)
		}
		if err == nil && seen == free {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return
		case <-w.bells[kind]:
		case <-time.After(orElse(w.Poll, time.Second)):
		}
	}
}

// takeSlots waits for one slot and takes what else is free; 0 means that ctx ended.
func takeSlots(ctx context.Context, slots chan struct{}) int {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case <-ctx.Done():
		return 0
	case slots <- struct{}{}:
	}
	for n := 1; ; n++ {
		select {
		case slots <- struct{}{}:
		default:
			return n
		}
	}
}

// claim takes up to n due jobs of a kind. Those whose time is over are marked in the same Write (EM-06): seen
// counts them, jobs does not hold them. Without a due job nothing is written.
func (w *Workers) claim(ctx context.Context, kind string, n int) (jobs []store.Job, seen int, err error) {
	ctx = context.WithoutCancel(ctx) // a claim that commits must be known to us, else it waits for its lease
	due := false
	err = w.DB.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = tx.JobDue(kind)
		return err
	})
	if err != nil || !due {
		return nil, 0, err
	}
	err = w.DB.Write(ctx, func(tx *store.Tx) error {
		claimed, err := tx.ClaimJobs(kind, w.Owner, tx.Now().Add(leaseFor), n)
		if err != nil {
			return err
		}
		jobs, seen = nil, len(claimed)
		for _, j := range claimed {
			if j.ExpiresAt.IsZero() || tx.Now().Before(j.ExpiresAt) {
				jobs = append(jobs, j)
				continue
			}
			if _, err := tx.FinishJob(j, store.JobExpired, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if late := seen - len(jobs); late > 0 {
		w.Logger.Warn("jobs expired before they could run", "kind", kind, "jobs", late)
	}
	return jobs, seen, nil
}

// work runs one claimed job and writes down what became of it.
func (w *Workers) work(ctx context.Context, j store.Job) {
	began := w.Clock()
	failure := w.attempt(ctx, j)
	var state store.JobState
	var held bool
	err := w.DB.Write(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		state, held, err = w.settle(tx, j, failure, ctx.Err() != nil)
		return err
	})
	log := w.Logger.With("kind", j.Kind, "job", string(j.ID), "attempt", j.Attempts)
	switch {
	case err != nil:
		log.Error("a job's end was not written down; its lease will run out", "error", err)
		return
	case !held:
		log.Warn("a job was lost to another worker before it ended")
		return
	case failure != nil:
		log.Warn("a job failed", "state", string(state), "error", note(failure))
	}
	if w.Observe != nil {
		w.Observe(j.Kind, state, w.Clock().Sub(began))
	}
}

// settle writes down what became of a job. stopping means that the handler was interrupted by our own end, which
// does not count as an attempt.
func (w *Workers) settle(tx *store.Tx, j store.Job, failure error, stopping bool) (store.JobState, bool, error) {
	age := tx.Now().Sub(j.CreatedAt)
	switch {
	case failure == nil:
		held, err := tx.FinishJob(j, store.JobDone, "")
		return store.JobDone, held, err
	case IsPermanent(failure):
		held, err := tx.FinishJob(j, store.JobFailed, note(failure))
		return store.JobFailed, held, err
	case stopping:
		held, err := tx.RetryJob(j, tx.Now(), j.Attempts-1, j.LastError)
		return store.JobQueued, held, err
	case age >= giveUp:
		held, err := tx.FinishJob(j, store.JobDead, note(failure))
		return store.JobDead, held, err
	}
	next := tx.Now().Add(backoff(w.Queue.Rand, j.Attempts, age))
	held, err := tx.RetryJob(j, next, j.Attempts, note(failure))
	return store.JobQueued, held, err
}

// attempt calls the handler. A panic is a failed attempt like any other.
func (w *Workers) attempt(ctx context.Context, j store.Job) (err error) {
	d, err := w.Queue.open(j)
	if err != nil {
		return Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	handler := w.Handlers[j.Kind]
	if handler == nil {
		return errors.New("no handler of this kind")
	}
	return handler(ctx, d)
}

// note is an error in the form that a row and a log may keep.
func note(err error) string {
	s := strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "\uFFFD"))
	if len(s) > errorLimit {
		s = strings.ToValidUTF8(s[:errorLimit], "")
	}
	return s
}

// ends reports whether c was closed within d.
func ends(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
