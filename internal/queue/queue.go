package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// kindJob tells workers, on this node and on others, that a job of the kind in the ID was committed.
	kindJob store.Kind = "job"
	// purpose binds a payload's seal to this table.
	purpose = "job"
	// cleanBatch is the most rows that one Write of housekeeping touches.
	cleanBatch = 500
)

// Queue writes jobs and keeps their table small.
type Queue struct {
	Keys *secret.Keys
	Rand io.Reader
}

// Job is what to do.
type Job struct {
	Kind      string
	App       auth.AppID
	Payload   any       // encoded as JSON, sealed at rest, purged when the job is finished
	RunAt     time.Time // zero: as soon as possible
	ExpiresAt time.Time // zero: never. A job whose time is over is marked, never run late
}

// Enqueue writes a job in the transaction of the change that causes it: both stand or neither. The id stays the
// same over all attempts, so what a handler sends can bear it.
func (q *Queue) Enqueue(tx *store.Tx, j Job) (auth.JobID, error) {
	id := auth.JobID(secret.NewID(q.Rand, tx.Now()))
	plain, err := json.Marshal(j.Payload)
	if err != nil {
		return "", fmt.Errorf("encode a job of kind %s: %w", j.Kind, err)
	}
	sealed, err := q.Keys.Seal(purpose, string(id), plain)
	if err != nil {
		return "", err
	}
	due := j.RunAt
	if due.Before(tx.Now()) {
		due = tx.Now()
	}
	err = tx.InsertJob(store.Job{ID: id, Kind: j.Kind, App: j.App, Payload: sealed, State: store.JobQueued,
		RunAt: due, CreatedAt: due, ExpiresAt: j.ExpiresAt})
	if err != nil {
		return "", fmt.Errorf("enqueue a job of kind %s: %w", j.Kind, err)
	}
	if !due.After(tx.Now()) {
		tx.Invalidate(kindJob, j.Kind)
	}
	return id, nil
}

// Inherit makes due at once what a process that is gone was holding, and returns how many jobs that were. Only where no
// other process can be at work: on SQLite, whose directory lock says so, before the first Run. On PostgreSQL it does
// nothing, for the holder may live on another node; its leases run out within two minutes.
func (q *Queue) Inherit(ctx context.Context, db *store.DB) (n int, err error) {
	if db.Engine() != store.SQLite {
		return 0, nil
	}
	var released int64
	err = db.Write(ctx, func(tx *store.Tx) (err error) {
		released, err = tx.ReleaseJobs()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("inherit jobs: %w", err)
	}
	return int(released), nil
}

// Clean marks what has expired, whether or not its kind has a worker, and deletes jobs that finished longer ago
// than the retention: at most 500 rows of each in a Write of their own. n is how many; call again while it is not 0.
func (q *Queue) Clean(ctx context.Context, db *store.DB, retention time.Duration) (n int, err error) {
	var expired, deleted int64
	err = db.Write(ctx, func(tx *store.Tx) (err error) {
		expired, err = tx.ExpireJobs(cleanBatch)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("expire jobs: %w", err)
	}
	err = db.Write(ctx, func(tx *store.Tx) (err error) {
		deleted, err = tx.DeleteFinishedJobs(tx.Now().Add(-retention), cleanBatch)
		return err
	})
	if err != nil {
		return int(expired), fmt.Errorf("delete finished jobs: %w", err)
	}
	return int(expired + deleted), nil
}

// Discard ends all unfinished jobs of a kind without running them, held or not, and returns how many. A restored
// backup uses it: what it holds was sent long ago.
func (q *Queue) Discard(ctx context.Context, db *store.DB, kind, reason string) (n int, err error) {
	for {
		var discarded int64
		err := db.Write(ctx, func(tx *store.Tx) (err error) {
			discarded, err = tx.DiscardJobs(kind, reason, cleanBatch)
			return err
		})
		n += int(discarded)
		if err != nil || discarded == 0 {
			return n, err
		}
	}
}

// Delivery is a claimed job in the hands of its handler.
type Delivery struct {
	ID        auth.JobID
	Kind      string
	App       auth.AppID
	Attempt   int             // 1 for the first
	CreatedAt time.Time       // when it was first due
	ExpiresAt time.Time       // zero: never
	Payload   json.RawMessage // never to be logged
}

// Handler does one job. An error is a failed attempt, which is tried again later; Permanent marks one that no
// retry can help. ctx ends before the lease does. Delivery is at least once: a handler must bear the same id twice.
type Handler func(ctx context.Context, d Delivery) error

// permanent is an error that no retry can help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error of a handler: the job is finished as failed at once.
func Permanent(err error) error { return permanent{err} }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// open makes the delivery of a claimed job.
func (q *Queue) open(j store.Job) (Delivery, error) {
	plain, err := q.Keys.Open(purpose, string(j.ID), j.Payload)
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{ID: j.ID, Kind: j.Kind, App: j.App, Attempt: j.Attempts, CreatedAt: j.CreatedAt,
		ExpiresAt: j.ExpiresAt, Payload: plain}, nil
}
