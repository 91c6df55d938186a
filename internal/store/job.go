package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// JobState is where a job stands.
type JobState string

const (
	JobQueued  JobState = "queued"
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobExpired JobState = "expired" // its time passed before it could run
	JobFailed  JobState = "failed"  // its handler said that no retry can help
	JobDead    JobState = "dead"    // retried to the end
)

// Job is one row of the outbox. A worker owns it while Owner and Version are the ones of its claim.
type Job struct {
	ID         auth.JobID
	Kind       string
	App        auth.AppID
	Payload    []byte // sealed; empty once the job is finished
	State      JobState
	RunAt      time.Time
	ExpiresAt  time.Time // zero: never
	Attempts   int       // claims so far, this one included
	Owner      string
	LeaseUntil time.Time
	Version    int64 // raised by every claim
	LastError  string
	CreatedAt  time.Time // when it was first due
	FinishedAt time.Time // zero: not finished
}

// JobCount is the number of jobs of one kind in one state.
type JobCount struct {
	Kind   string
	State  JobState
	Count  int64
	Oldest time.Time // CreatedAt of the oldest
}

const jobColumns = "id, kind, app_id, payload, state, run_at, expires_at, attempts, owner, lease_until, version, last_error, created_at, finished_at"

// InsertJob writes a new job.
func (tx *Tx) InsertJob(j Job) error {
	_, err := tx.exec(`INSERT INTO jobs (`+jobColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		string(j.ID), j.Kind, string(j.App), j.Payload, string(j.State), micros(j.RunAt), micros(j.ExpiresAt),
		j.Attempts, j.Owner, micros(j.LeaseUntil), j.Version, j.LastError, micros(j.CreatedAt), micros(j.FinishedAt))
	return err
}

// Job reads one job.
func (tx *Tx) Job(id auth.JobID) (Job, error) {
	var j Job
	found := false
	err := tx.all(`SELECT `+jobColumns+` FROM jobs WHERE id = $1`, []any{string(id)},
		func(scan func(dest ...any) error) error {
			found = true
			return scanJob(&j, scan)
		})
	if err == nil && !found {
		err = ErrNotFound
	}
	return j, err
}

// JobDue reports whether a job of the kind can be claimed now.
func (tx *Tx) JobDue(kind string) (bool, error) {
	now, due := micros(tx.Now()), false
	err := tx.all(`SELECT id FROM jobs WHERE kind = $1 AND finished_at = 0 AND run_at <= $2 AND lease_until <= $2
		ORDER BY run_at, id LIMIT 1`, []any{kind, now}, func(scan func(dest ...any) error) error {
		var id string
		due = true
		return scan(&id)
	})
	return due, err
}

// ClaimJobs takes up to limit due jobs of the kind for owner until the given time, in the order in which they
// became due. A job whose lease ran out is due again. Jobs that another worker is claiming are passed over.
func (tx *Tx) ClaimJobs(kind, owner string, until time.Time, limit int) ([]Job, error) {
	var out []Job
	err := tx.all(`SELECT `+jobColumns+` FROM jobs
		WHERE kind = $1 AND finished_at = 0 AND run_at <= $2 AND lease_until <= $2
		ORDER BY run_at, id LIMIT $3`+tx.claimSuffix(),
		[]any{kind, micros(tx.Now()), limit}, func(scan func(dest ...any) error) error {
			var j Job
			if err := scanJob(&j, scan); err != nil {
				return err
			}
			out = append(out, j)
			return nil
		})
	if err != nil {
		return nil, err
	}
	for i := range out {
		j := &out[i]
		j.State, j.Owner, j.LeaseUntil = JobRunning, owner, until
		j.Attempts++
		j.Version++
		if _, err := tx.exec(`UPDATE jobs SET state = $2, owner = $3, lease_until = $4, attempts = $5, version = $6
			WHERE id = $1`, string(j.ID), string(j.State), owner, micros(until), j.Attempts, j.Version); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FinishJob ends a claimed job in the given state and purges its payload. It is false, and nothing changes, if
// the claim is not j's any more.
func (tx *Tx) FinishJob(j Job, state JobState, lastError string) (bool, error) {
	n, err := tx.exec(`UPDATE jobs SET state = $4, last_error = $5, finished_at = $6, payload = $7, owner = '', lease_until = 0
		WHERE id = $1 AND owner = $2 AND version = $3 AND finished_at = 0`,
		string(j.ID), j.Owner, j.Version, string(state), lastError, micros(tx.Now()), []byte{})
	return n == 1, err
}

// RetryJob gives a claimed job back, to be due at runAt with so many attempts counted. It is false, and nothing
// changes, if the claim is not j's any more.
func (tx *Tx) RetryJob(j Job, runAt time.Time, attempts int, lastError string) (bool, error) {
	n, err := tx.exec(`UPDATE jobs SET state = $4, run_at = $5, attempts = $6, last_error = $7, owner = '', lease_until = 0
		WHERE id = $1 AND owner = $2 AND version = $3 AND finished_at = 0`,
		string(j.ID), j.Owner, j.Version, string(JobQueued), micros(runAt), attempts, lastError)
	return n == 1, err
}

// ReleaseJobs takes every unfinished job from whoever holds it and returns how many there were.
func (tx *Tx) ReleaseJobs() (int64, error) {
	return tx.exec(`UPDATE jobs SET state = $1, owner = '', lease_until = 0, version = version + 1
		WHERE finished_at = 0 AND owner <> ''`, string(JobQueued))
}

// ExpireJobs marks at most limit jobs whose time is over and which nobody holds. Some conditions stand twice
// because a row that was found may be claimed before it is changed.
func (tx *Tx) ExpireJobs(limit int) (int64, error) {
	return tx.exec(`UPDATE jobs SET state = $3, finished_at = $1, payload = $4, version = version + 1, owner = ''
		WHERE finished_at = 0 AND lease_until <= $1 AND id IN (SELECT id FROM jobs
			WHERE finished_at = 0 AND expires_at > 0 AND expires_at <= $1 AND lease_until <= $1 LIMIT $2)`,
		micros(tx.Now()), limit, string(JobExpired), []byte{})
}

// DiscardJobs ends at most limit unfinished jobs of the kind without running them, held or not: a holder's
// finish is void.
func (tx *Tx) DiscardJobs(kind, reason string, limit int) (int64, error) {
	return tx.exec(`UPDATE jobs SET state = $4, finished_at = $1, payload = $5, version = version + 1, owner = '', last_error = $6
		WHERE finished_at = 0 AND id IN (SELECT id FROM jobs WHERE kind = $2 AND finished_at = 0 LIMIT $3)`,
		micros(tx.Now()), kind, limit, string(JobFailed), []byte{}, reason)
}

// DeleteFinishedJobs removes at most limit jobs that finished before the given time.
func (tx *Tx) DeleteFinishedJobs(before time.Time, limit int) (int64, error) {
	return tx.exec(`DELETE FROM jobs WHERE id IN (SELECT id FROM jobs
		WHERE finished_at > 0 AND finished_at < $1 ORDER BY finished_at LIMIT $2)`, micros(before), limit)
}

// JobCounts counts jobs by kind and state.
func (tx *Tx) JobCounts() ([]JobCount, error) {
	var out []JobCount
	err := tx.all(`SELECT kind, state, COUNT(*), MIN(created_at) FROM jobs GROUP BY kind, state ORDER BY kind, state`,
		nil, func(scan func(dest ...any) error) error {
			var c JobCount
			var oldest int64
			if err := scan(&c.Kind, &c.State, &c.Count, &oldest); err != nil {
				return err
			}
			c.Oldest = instant(oldest)
			out = append(out, c)
			return nil
		})
	return out, err
}

func scanJob(j *Job, scan func(dest ...any) error) error {
	var run, expires, lease, created, finished int64
	err := scan(&j.ID, &j.Kind, &j.App, &j.Payload, &j.State, &run, &expires, &j.Attempts, &j.Owner, &lease,
		&j.Version, &j.LastError, &created, &finished)
	j.RunAt, j.ExpiresAt, j.LeaseUntil = instant(run), instant(expires), instant(lease)
	j.CreatedAt, j.FinishedAt = instant(created), instant(finished)
	return err
}
