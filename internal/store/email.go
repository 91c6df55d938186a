package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const emailColumns = "id, app_id, user_id, address, canonical, is_primary, verified_at, created_at"

// EmailByCanonical finds an address of the app by its canonical form, or ErrNotFound.
func (tx *Tx) EmailByCanonical(app auth.AppID, canonical string) (auth.Email, error) {
	return tx.oneEmail("SELECT "+emailColumns+" FROM emails WHERE app_id = $1 AND canonical = $2", app, canonical)
}

// PrimaryEmail reads a user's primary address, or ErrNotFound.
func (tx *Tx) PrimaryEmail(app auth.AppID, user auth.UserID) (auth.Email, error) {
	return tx.oneEmail("SELECT "+emailColumns+" FROM emails WHERE app_id = $1 AND user_id = $2 AND is_primary", app, user)
}

// PrimaryEmails reads the primary addresses of the given users, by user.
func (tx *Tx) PrimaryEmails(app auth.AppID, users []auth.UserID) (map[auth.UserID]auth.Email, error) {
	out := make(map[auth.UserID]auth.Email, len(users))
	if len(users) == 0 {
		return out, nil
	}
	args := []any{app}
	for _, u := range users {
		args = append(args, u)
	}
	err := tx.all("SELECT "+emailColumns+" FROM emails WHERE app_id = $1 AND is_primary AND user_id IN ("+marks(2, len(users))+")", args,
		func(scan func(dest ...any) error) error {
			e, err := scanEmail(scan)
			out[e.User] = e
			return err
		})
	return out, err
}

// InsertEmail adds an address. It reports false, and writes nothing, if the address is taken in the app or the user
// has another primary one.
func (tx *Tx) InsertEmail(e auth.Email) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO emails ("+emailColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
		e.ID, e.App, e.User, e.Address, e.Canonical, e.Primary, micros(e.VerifiedAt), micros(e.CreatedAt))
	tx.Invalidate(KindUser, string(e.User))
	return n == 1, err
}

// MarkEmailVerified stamps an unverified address. It reports false if the address was verified already.
func (tx *Tx) MarkEmailVerified(e auth.Email, at time.Time) (marked bool, err error) {
	n, err := tx.exec("UPDATE emails SET verified_at = $3 WHERE app_id = $1 AND id = $2 AND verified_at = 0", e.App, e.ID, micros(at))
	tx.Invalidate(KindUser, string(e.User))
	return n == 1, err
}

// ReplaceEmail gives an address row another address, proven at a time. It reports false, and writes nothing, if the
// row is gone or the address is taken in the app. The caller has locked the app's row, so that stays true.
func (tx *Tx) ReplaceEmail(e auth.Email, at time.Time) (replaced bool, err error) {
	n, err := tx.exec("UPDATE emails SET address = $3, canonical = $4, verified_at = $5 WHERE app_id = $1 AND id = $2 AND "+
		"NOT EXISTS (SELECT 1 FROM emails o WHERE o.app_id = $1 AND o.canonical = $4 AND o.id <> $2)",
		e.App, e.ID, e.Address, e.Canonical, micros(at))
	tx.Invalidate(KindUser, string(e.User))
	return n == 1, err
}

// SetPrimaryEmail makes an address of a user the primary one instead of the present one. It reports false, and writes
// nothing, if the user does not have it or it is the primary one already.
func (tx *Tx) SetPrimaryEmail(e auth.Email) (set bool, err error) {
	// The one before goes first, for a user has one primary address at any time.
	n, err := tx.exec("UPDATE emails SET is_primary = FALSE WHERE app_id = $1 AND user_id = $2 AND is_primary AND "+
		"EXISTS (SELECT 1 FROM emails o WHERE o.app_id = $1 AND o.user_id = $2 AND o.id = $3 AND NOT o.is_primary)", e.App, e.User, e.ID)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.exec("UPDATE emails SET is_primary = TRUE WHERE app_id = $1 AND user_id = $2 AND id = $3", e.App, e.User, e.ID)
	tx.Invalidate(KindUser, string(e.User))
	return err == nil, err
}

// DeleteEmail removes an address of a user that is not the primary one. It reports false if there is no such address.
func (tx *Tx) DeleteEmail(e auth.Email) (deleted bool, err error) {
	n, err := tx.exec("DELETE FROM emails WHERE app_id = $1 AND user_id = $2 AND id = $3 AND NOT is_primary", e.App, e.User, e.ID)
	tx.Invalidate(KindUser, string(e.User))
	return n == 1, err
}

// DeleteOtherEmails removes every address of a user but the primary one, and counts them.
func (tx *Tx) DeleteOtherEmails(app auth.AppID, user auth.UserID) (int64, error) {
	n, err := tx.exec("DELETE FROM emails WHERE app_id = $1 AND user_id = $2 AND NOT is_primary", app, user)
	tx.Invalidate(KindUser, string(user))
	return n, err
}

func (tx *Tx) oneEmail(query string, args ...any) (auth.Email, error) {
	return scanEmail(func(dest ...any) error { return tx.one(query, args, dest...) })
}

func scanEmail(scan func(dest ...any) error) (auth.Email, error) {
	var (
		e                 auth.Email
		verified, created int64
	)
	err := scan(&e.ID, &e.App, &e.User, &e.Address, &e.Canonical, &e.Primary, &verified, &created)
	e.VerifiedAt, e.CreatedAt = instant(verified), instant(created)
	return e, err
}
