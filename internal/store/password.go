package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

const passwordColumns = "user_id, app_id, hash, normaliser, must_change, changed_at"

// Password reads a user's password record, or ErrNotFound if the user has none.
func (tx *Tx) Password(app auth.AppID, user auth.UserID) (auth.Password, error) {
	var (
		p       auth.Password
		changed int64
	)
	err := tx.one("SELECT "+passwordColumns+" FROM passwords WHERE app_id = $1 AND user_id = $2", []any{app, user},
		&p.User, &p.App, &p.Hash, &p.Normaliser, &p.MustChange, &changed)
	p.ChangedAt = instant(changed)
	return p, err
}

// PutPassword sets a user's password record, replacing the one there was.
func (tx *Tx) PutPassword(p auth.Password) error {
	_, err := tx.exec("INSERT INTO passwords ("+passwordColumns+") VALUES ($1, $2, $3, $4, $5, $6) "+
		"ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, normaliser = excluded.normaliser, "+
		"must_change = excluded.must_change, changed_at = excluded.changed_at",
		p.User, p.App, p.Hash, p.Normaliser, p.MustChange, micros(p.ChangedAt))
	tx.Invalidate(KindUser, string(p.User))
	return err
}

// UpgradePassword replaces a hash by a stronger one of the same password, only if the old one still stands: a
// password that was changed meanwhile is not overwritten.
func (tx *Tx) UpgradePassword(p auth.Password, oldHash string) (upgraded bool, err error) {
	n, err := tx.exec("UPDATE passwords SET hash = $4, normaliser = $5 WHERE app_id = $1 AND user_id = $2 AND hash = $3",
		p.App, p.User, oldHash, p.Hash, p.Normaliser)
	return n == 1, err
}
