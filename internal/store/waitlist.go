package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const waitlistColumns = "id, app_id, feature, account_id, user_id, email, status, created_at, decided_at"

func scanWaitlistEntry(scan func(dest ...any) error) (auth.WaitlistEntry, error) {
	var (
		e                auth.WaitlistEntry
		created, decided int64
	)
	if err := scan(&e.ID, &e.App, &e.Feature, &e.Account, &e.User, &e.Email, &e.Status, &created, &decided); err != nil {
		return auth.WaitlistEntry{}, err
	}
	e.CreatedAt, e.DecidedAt = instant(created), instant(decided)
	return e, nil
}

// WaitlistEntry reads the place of a subject (an account, a user or a stranger's canonical address) in the queue for
// a feature.
func (tx *Tx) WaitlistEntry(app auth.AppID, feature, subject string) (auth.WaitlistEntry, error) {
	return scanWaitlistEntry(func(dest ...any) error {
		return tx.one("SELECT "+waitlistColumns+" FROM waitlist_entries WHERE app_id = $1 AND feature = $2 AND subject = $3",
			[]any{app, feature, subject}, dest...)
	})
}

// WaitlistEntryForUpdate reads an entry by its id and locks its row until the transaction ends.
func (tx *Tx) WaitlistEntryForUpdate(app auth.AppID, id auth.WaitlistEntryID) (auth.WaitlistEntry, error) {
	return scanWaitlistEntry(func(dest ...any) error {
		return tx.one("SELECT "+waitlistColumns+" FROM waitlist_entries WHERE app_id = $1 AND id = $2"+tx.lockSuffix(),
			[]any{app, id}, dest...)
	})
}

// WaitlistQuery selects entries of an app, oldest first.
type WaitlistQuery struct {
	App       auth.AppID
	Subject   string // only this one's; empty: everybody's
	Feature   string // only this one; empty: all
	Status    auth.WaitStatus
	AfterTime time.Time
	AfterID   auth.WaitlistEntryID
	Limit     int
}

// WaitlistEntries lists entries by (created_at, id) ascending.
func (tx *Tx) WaitlistEntries(q WaitlistQuery) ([]auth.WaitlistEntry, error) {
	var out []auth.WaitlistEntry
	err := tx.all("SELECT "+waitlistColumns+` FROM waitlist_entries
		WHERE app_id = $1 AND ($2 = '' OR subject = $2) AND ($3 = '' OR feature = $3) AND ($4 = '' OR status = $4)
			AND (created_at, id) > ($5, $6) ORDER BY created_at, id LIMIT $7`,
		[]any{q.App, q.Subject, q.Feature, q.Status, micros(q.AfterTime), q.AfterID, q.Limit},
		func(scan func(dest ...any) error) error {
			e, err := scanWaitlistEntry(scan)
			out = append(out, e)
			return err
		})
	return out, err
}

// InsertWaitlistEntry adds a subject to a queue. It reports false, and writes nothing, if it is in it already.
func (tx *Tx) InsertWaitlistEntry(e auth.WaitlistEntry, subject string) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO waitlist_entries ("+waitlistColumns+", subject) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
		e.ID, e.App, e.Feature, e.Account, e.User, e.Email, e.Status, micros(e.CreatedAt), micros(e.DecidedAt), subject)
	return n == 1, err
}

// DecideWaitlistEntry stores what became of a wait; it reports whether there was such an entry.
func (tx *Tx) DecideWaitlistEntry(app auth.AppID, id auth.WaitlistEntryID, status auth.WaitStatus) (bool, error) {
	n, err := tx.exec("UPDATE waitlist_entries SET status = $3, decided_at = $4 WHERE app_id = $1 AND id = $2",
		app, id, status, micros(tx.Now()))
	return n == 1, err
}

// DeleteWaitlistEntry takes a subject out of a queue; it reports whether it was in it.
func (tx *Tx) DeleteWaitlistEntry(app auth.AppID, feature, subject string) (bool, error) {
	n, err := tx.exec("DELETE FROM waitlist_entries WHERE app_id = $1 AND feature = $2 AND subject = $3", app, feature, subject)
	return n == 1, err
}
