package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const appKeyColumns = "id, app_id, name, prefix, hash, created_at, expires_at, revoked_at, last_used_at"

func scanAppKey(scan func(dest ...any) error) (auth.AppKey, error) {
	var (
		k                               auth.AppKey
		created, expires, revoked, used int64
	)
	if err := scan(&k.ID, &k.App, &k.Name, &k.Prefix, &k.Hash, &created, &expires, &revoked, &used); err != nil {
		return auth.AppKey{}, err
	}
	k.CreatedAt, k.ExpiresAt = instant(created), instant(expires)
	k.RevokedAt, k.LastUsedAt = instant(revoked), instant(used)
	return k, nil
}

// AppKey reads one key of the app, revoked ones too.
func (tx *Tx) AppKey(app auth.AppID, id auth.AppKeyID) (auth.AppKey, error) {
	return scanAppKey(func(dest ...any) error {
		return tx.one("SELECT "+appKeyColumns+" FROM app_keys WHERE app_id = $1 AND id = $2", []any{app, id}, dest...)
	})
}

// AppKeyByHash finds the key with this SHA-256, in whatever state it is. The app comes from the row: the key is
// the credential that names it.
func (tx *Tx) AppKeyByHash(hash []byte) (auth.AppKey, error) {
	return scanAppKey(func(dest ...any) error {
		return tx.one("SELECT "+appKeyColumns+" FROM app_keys WHERE hash = $1", []any{hash}, dest...)
	})
}

// AppKeyQuery selects one app's keys that are not revoked, oldest first. The zero AfterTime starts at the oldest.
type AppKeyQuery struct {
	App       auth.AppID
	AfterTime time.Time
	AfterID   auth.AppKeyID
	Limit     int
}

// AppKeys lists an app's keys by (created_at, id) ascending: those not revoked, expired ones too.
func (tx *Tx) AppKeys(q AppKeyQuery) ([]auth.AppKey, error) {
	var out []auth.AppKey
	err := tx.all("SELECT "+appKeyColumns+` FROM app_keys
		WHERE app_id = $1 AND revoked_at = 0 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		[]any{q.App, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			k, err := scanAppKey(scan)
			out = append(out, k)
			return err
		})
	return out, err
}

// CountAppKeys counts an app's keys that are neither revoked nor expired.
func (tx *Tx) CountAppKeys(app auth.AppID) (int, error) {
	var n int
	err := tx.one(`SELECT count(*) FROM app_keys
		WHERE app_id = $1 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)`,
		[]any{app, micros(tx.Now())}, &n)
	return n, err
}

// InsertAppKey writes a new key.
func (tx *Tx) InsertAppKey(k auth.AppKey) error {
	_, err := tx.exec("INSERT INTO app_keys ("+appKeyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		k.ID, k.App, k.Name, k.Prefix, k.Hash, micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.RevokedAt), micros(k.LastUsedAt))
	return err
}

// RevokeAppKey revokes a key that is not revoked yet; ErrNotFound if there is no such one.
func (tx *Tx) RevokeAppKey(app auth.AppID, id auth.AppKeyID) error {
	n, err := tx.exec("UPDATE app_keys SET revoked_at = $3 WHERE app_id = $1 AND id = $2 AND revoked_at = 0",
		app, id, micros(tx.Now()))
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// TouchAppKey notes that a key was used at a time.
func (tx *Tx) TouchAppKey(app auth.AppID, id auth.AppKeyID, at time.Time) error {
	_, err := tx.exec("UPDATE app_keys SET last_used_at = $3 WHERE app_id = $1 AND id = $2 AND last_used_at < $3",
		app, id, micros(at))
	return err
}
