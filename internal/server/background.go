package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
)

// How often the background work is done.
const (
	sealEvery  = time.Second
	flushEvery = 5 * time.Second
	tidyEvery  = time.Minute

	tidyLease = "housekeeping"
	// tidyBatch is the most rows of one Write, so that no request waits long behind housekeeping.
	tidyBatch = 500
	// tidyRounds bounds one kind's share of a round; the rest waits a minute.
	tidyRounds = 200
	// workerDrain is how long jobs under way may go on when the server stops.
	workerDrain = 5 * time.Second
)

// background is what a server does without being asked: mail, sealing the audit log, writing down when sessions and
// keys were last used, and housekeeping.
type background struct {
	house   *house
	config  config.Config
	log     *slog.Logger
	owner   string // names this process among all that share the database
	workers *queue.Workers

	cancel context.CancelFunc
	group  sync.WaitGroup
}

func newBackground(h *house, c config.Config, p plan, o Options) *background {
	b := &background{house: h, config: c, log: o.Logger, owner: secret.NewID(o.Rand, o.Clock())}
	b.workers = &queue.Workers{Queue: h.queue, DB: h.db, Clock: o.Clock, Logger: o.Logger, Owner: b.owner, Drain: workerDrain,
		Handlers: map[string]queue.Handler{mail.DecoyKind: mail.Discard, session.LogoutKind: h.oauth.TellOfLogout}}
	// Without a handler the jobs of a kind wait in the queue: mail, when there is neither a mail server nor an inbox.
	switch {
	case p.smtp != nil:
		b.workers.Handlers[mail.JobKind] = (&mail.Handler{Transport: p.smtp, Clock: o.Clock, Library: h.library}).Handle
	case h.inbox != nil:
		b.workers.Handlers[mail.JobKind] = (&mail.Handler{Transport: h.inbox, Clock: o.Clock, Library: h.library}).Handle
	}
	return b
}

func (b *background) start() {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.group.Go(func() { b.work(ctx) })
	b.group.Go(func() { b.prepare(ctx) })
	b.group.Go(func() { b.house.audit.Run(ctx, b.house.db, b.owner, sealEvery) })
	b.group.Go(func() { b.every(ctx, flushEvery, "flush", b.flushUses) })
	b.group.Go(func() { b.every(ctx, tidyEvery, "housekeeping", b.tidy) })
}

// work delivers jobs, those first that a process which was killed had begun.
func (b *background) work(ctx context.Context) {
	if n, err := b.house.queue.Inherit(ctx, b.house.db); err != nil {
		b.log.Error("jobs of the last process wait for the end of their lease", "error", err)
	} else if n > 0 {
		b.log.Info("took over jobs of a process that was killed", "jobs", n)
	}
	b.workers.Run(ctx)
}

// prepare makes the keys of ID tokens ahead of the first of them: whoever trusts us may keep the JWKS for minutes
// (KM-01). It is not a part of the start, for RSA keys take their time.
func (b *background) prepare(ctx context.Context) {
	for {
		err := guarded(ctx, func(ctx context.Context) error { return b.house.signer.Prepare(ctx, auth.AlgorithmRS256) })
		if err == nil || ctx.Err() != nil {
			return
		}
		b.log.Error("the keys of ID tokens are not made yet; another try follows", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(tidyEvery):
		}
	}
}

// stop ends the loops and waits for them. Calling it twice, or without start, does nothing.
func (b *background) stop() {
	if b.cancel != nil {
		b.cancel()
		b.group.Wait()
		b.cancel = nil
	}
}

// every runs work once an interval until ctx ends. A failure or a panic costs one round.
func (b *background) every(ctx context.Context, interval time.Duration, name string, work func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := guarded(ctx, work); err != nil && ctx.Err() == nil {
			b.log.Error("background work failed; the next round tries again", "work", name, "error", err)
		}
	}
}

func guarded(ctx context.Context, work func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return work(ctx)
}

// flushUses writes down when sessions and keys were last used.
func (b *background) flushUses(ctx context.Context) error {
	for _, flush := range []func(context.Context) error{b.house.sessions.Flush, b.house.apikeys.Flush, b.house.apps.Flush} {
		if err := flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush does the last of it when the server stops.
func (b *background) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, workerDrain)
	defer cancel()
	if err := guarded(ctx, b.flushUses); err != nil {
		b.log.Warn("the times of last use of the last seconds are lost", "error", err)
	}
}

// tidy is one round of housekeeping, on one node at a time: what is over is ended, what is old enough removed.
func (b *background) tidy(ctx context.Context) error {
	held := false
	err := b.house.db.Write(ctx, func(tx *store.Tx) (err error) {
		_, held, err = tx.AcquireLease(tidyLease, b.owner, tidyEvery)
		return err
	})
	if err != nil || !held {
		return err
	}
	for _, chore := range b.chores() {
		if err := b.repeat(ctx, chore.work); err != nil {
			return fmt.Errorf("%s: %w", chore.name, err)
		}
	}
	return b.house.signer.Tend(ctx)
}

// chore removes or ends at most tidyBatch rows and tells how many.
type chore struct {
	name string
	work func(ctx context.Context, now time.Time) (int, error)
}

func (b *background) chores() []chore {
	h, keep := b.house, b.config.Retention
	inWrite := func(work func(tx *store.Tx) (int, error)) func(context.Context, time.Time) (int, error) {
		return func(ctx context.Context, _ time.Time) (n int, err error) {
			err = h.db.Write(ctx, func(tx *store.Tx) (err error) {
				n, err = work(tx)
				return err
			})
			return n, err
		}
	}
	return []chore{
		{"remove spent codes", func(ctx context.Context, _ time.Time) (int, error) {
			n, err := grant.Sweep(ctx, h.db, tidyBatch)
			return int(n), err
		}},
		{"retire clients", inWrite(func(tx *store.Tx) (int, error) {
			return h.apps.RetireIdle(tx, tx.Now().Add(-keep.Clients), tidyBatch)
		})},
		{"end sessions", inWrite(func(tx *store.Tx) (int, error) { return h.sessions.EndStale(tx, tidyBatch) })},
		{"remove ended sessions", inWrite(func(tx *store.Tx) (int, error) {
			return h.sessions.DeleteEndedBefore(tx, tx.Now().Add(-keep.Sessions), tidyBatch)
		})},
		{"remove ended API keys", inWrite(func(tx *store.Tx) (int, error) {
			return h.apikeys.DeleteEndedBefore(tx, tx.Now().Add(-keep.Sessions), tidyBatch)
		})},
		{"remove links and codes", func(ctx context.Context, now time.Time) (int, error) {
			n, err := h.proofs.Sweep(ctx, h.db, now.Add(-keep.Proofs))
			return int(n), err
		}},
		{"remove counters", func(ctx context.Context, _ time.Time) (int, error) { return h.limits.Clean(ctx) }},
		{"remove jobs", func(ctx context.Context, _ time.Time) (int, error) { return h.queue.Clean(ctx, h.db, keep.Jobs) }},
		{"remove events", b.trimEvents},
		{"trim the development inbox", func(ctx context.Context, _ time.Time) (int, error) {
			if h.inbox == nil {
				return 0, nil
			}
			return h.inbox.Clean(ctx)
		}},
		{"erase users", inWrite(func(tx *store.Tx) (int, error) { return h.lifecycle.EraseDue(tx, tidyBatch) })},
	}
}

// trimEvents removes what the audit log keeps no longer, app by app.
func (b *background) trimEvents(ctx context.Context, now time.Time) (n int, err error) {
	keep := b.config.Retention.Events
	if keep == 0 {
		return 0, nil
	}
	q := store.AppQuery{Limit: 100}
	for {
		var apps []auth.App
		err := b.house.db.Read(ctx, func(tx *store.Tx) (err error) {
			apps, err = tx.Apps(q)
			return err
		})
		if err != nil {
			return n, err
		}
		for _, app := range apps {
			removed, err := b.house.audit.Trim(ctx, b.house.db, app.ID, now.Add(-keep), tidyBatch)
			if n += removed; err != nil {
				return n, err
			}
		}
		if len(apps) < q.Limit {
			return n, nil
		}
		last := apps[len(apps)-1]
		q.AfterTime, q.AfterID = last.CreatedAt, last.ID
	}
}

// repeat works in batches until nothing is left or the round's share is done.
func (b *background) repeat(ctx context.Context, work func(context.Context, time.Time) (int, error)) error {
	for range tidyRounds {
		now, err := b.now(ctx)
		if err != nil {
			return err
		}
		n, err := work(ctx, now)
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// now is the database's time.
func (b *background) now(ctx context.Context) (now time.Time, err error) {
	err = b.house.db.Read(ctx, func(tx *store.Tx) error {
		now = tx.Now()
		return nil
	})
	return now, err
}
