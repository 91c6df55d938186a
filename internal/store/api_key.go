package store

import (
	"math"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const apiKeyColumns = "id, app_id, user_id, name, prefix, hash, previous_hash, previous_until, scopes, session_id, " +
	"email_verified, user_epoch, created_at, expires_at, last_used_at, revoked_at, lifetime"

func scanAPIKey(scan func(dest ...any) error) (auth.APIKey, error) {
	var (
		k                                       auth.APIKey
		scopes                                  string
		previous, created, expires, used, ended int64
		lifetime                                int64
	)
	err := scan(&k.ID, &k.App, &k.User, &k.Name, &k.Prefix, &k.Hash, &k.PreviousHash, &previous, &scopes, &k.Session,
		&k.EmailVerified, &k.UserEpoch, &created, &expires, &used, &ended, &lifetime)
	if err != nil {
		return auth.APIKey{}, err
	}
	k.PreviousUntil, k.CreatedAt, k.ExpiresAt = instant(previous), instant(created), instant(expires)
	k.LastUsedAt, k.RevokedAt = instant(used), instant(ended)
	k.Lifetime = time.Duration(lifetime) * time.Microsecond
	return k, fromJSON(scopes, &k.Scopes)
}

func (tx *Tx) apiKey(query string, args ...any) (auth.APIKey, error) {
	return scanAPIKey(func(dest ...any) error { return tx.one(query, args, dest...) })
}

// APIKey reads one key of the app, revoked ones too.
func (tx *Tx) APIKey(app auth.AppID, id auth.APIKeyID) (auth.APIKey, error) {
	return tx.apiKey("SELECT "+apiKeyColumns+" FROM api_keys WHERE app_id = $1 AND id = $2", app, id)
}

// APIKeyForUpdate is APIKey with the row locked until the transaction ends.
func (tx *Tx) APIKeyForUpdate(app auth.AppID, id auth.APIKeyID) (auth.APIKey, error) {
	return tx.apiKey("SELECT "+apiKeyColumns+" FROM api_keys WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), app, id)
}

// APIKeyByHash finds the key whose present or previous secret has this SHA-256, in whatever state it is. The app
// comes from the row: the key is the credential that names it.
func (tx *Tx) APIKeyByHash(hash []byte) (auth.APIKey, error) {
	return tx.apiKey("SELECT "+apiKeyColumns+` FROM api_keys WHERE id IN (
		SELECT id FROM api_keys WHERE hash = $1 UNION ALL SELECT id FROM api_keys WHERE previous_hash = $1)`, hash)
}

// APIKeyQuery selects one user's keys that are not revoked, newest first. The zero AfterTime starts at the newest.
type APIKeyQuery struct {
	App       auth.AppID
	User      auth.UserID
	AfterTime time.Time
	AfterID   auth.APIKeyID
	Limit     int
}

// APIKeys lists a user's keys by (created_at, id) descending: those not revoked, expired ones too.
func (tx *Tx) APIKeys(q APIKeyQuery) ([]auth.APIKey, error) {
	after := int64(math.MaxInt64)
	if !q.AfterTime.IsZero() {
		after = micros(q.AfterTime)
	}
	var out []auth.APIKey
	err := tx.all("SELECT "+apiKeyColumns+` FROM api_keys
		WHERE app_id = $1 AND user_id = $2 AND revoked_at = 0 AND (created_at, id) < ($3, $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`,
		[]any{q.App, q.User, after, q.AfterID, q.Limit},
		func(scan func(dest ...any) error) error {
			k, err := scanAPIKey(scan)
			out = append(out, k)
			return err
		})
	return out, err
}

// CountAPIKeys counts a user's keys that are neither revoked nor expired.
func (tx *Tx) CountAPIKeys(app auth.AppID, user auth.UserID) (int, error) {
	var n int
	err := tx.one(`SELECT count(*) FROM api_keys
		WHERE app_id = $1 AND user_id = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $3)`,
		[]any{app, user, micros(tx.Now())}, &n)
	return n, err
}

// InsertAPIKey writes a new key.
func (tx *Tx) InsertAPIKey(k auth.APIKey) error {
	_, err := tx.exec("INSERT INTO api_keys ("+apiKeyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		k.ID, k.App, k.User, k.Name, k.Prefix, k.Hash, nullBytes(k.PreviousHash), micros(k.PreviousUntil),
		jsonText(k.Scopes), k.Session, k.EmailVerified, k.UserEpoch, micros(k.CreatedAt), micros(k.ExpiresAt),
		micros(k.LastUsedAt), micros(k.RevokedAt), k.Lifetime.Microseconds())
	return err
}

// RotateAPIKey stores the new secret of a key beside the one before it.
func (tx *Tx) RotateAPIKey(k auth.APIKey) error {
	_, err := tx.exec(`UPDATE api_keys SET hash = $3, previous_hash = $4, previous_until = $5, prefix = $6
		WHERE app_id = $1 AND id = $2`,
		k.App, k.ID, k.Hash, nullBytes(k.PreviousHash), micros(k.PreviousUntil), k.Prefix)
	return err
}

// RefreshAPIKey stores another expiry of a key.
func (tx *Tx) RefreshAPIKey(k auth.APIKey) error {
	_, err := tx.exec("UPDATE api_keys SET expires_at = $3 WHERE app_id = $1 AND id = $2", k.App, k.ID, micros(k.ExpiresAt))
	return err
}

// RevokeAPIKey revokes a user's key that is not revoked yet; ErrNotFound if there is no such one.
func (tx *Tx) RevokeAPIKey(app auth.AppID, user auth.UserID, id auth.APIKeyID) error {
	n, err := tx.exec("UPDATE api_keys SET revoked_at = $4 WHERE app_id = $1 AND user_id = $2 AND id = $3 AND revoked_at = 0",
		app, user, id, micros(tx.Now()))
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// UnverifiedAPIKeys lists a user's live keys that were made before the address was verified.
func (tx *Tx) UnverifiedAPIKeys(app auth.AppID, user auth.UserID) ([]auth.APIKey, error) {
	var out []auth.APIKey
	err := tx.all("SELECT "+apiKeyColumns+` FROM api_keys
		WHERE app_id = $1 AND user_id = $2 AND revoked_at = 0 AND NOT email_verified ORDER BY id`,
		[]any{app, user}, func(scan func(dest ...any) error) error {
			k, err := scanAPIKey(scan)
			out = append(out, k)
			return err
		})
	return out, err
}

// VerifyAPIKey notes that the address of the key's user has been proven by who made the key.
func (tx *Tx) VerifyAPIKey(app auth.AppID, id auth.APIKeyID) error {
	_, err := tx.exec("UPDATE api_keys SET email_verified = $3 WHERE app_id = $1 AND id = $2", app, id, true)
	return err
}

// TouchAPIKey notes that a key was used at a time.
func (tx *Tx) TouchAPIKey(app auth.AppID, id auth.APIKeyID, at time.Time) error {
	_, err := tx.exec("UPDATE api_keys SET last_used_at = $3 WHERE app_id = $1 AND id = $2 AND last_used_at < $3",
		app, id, micros(at))
	return err
}

// DeleteAPIKeys removes at most limit keys of all apps that were revoked or expired before the given time.
func (tx *Tx) DeleteAPIKeys(before time.Time, limit int) (int, error) {
	n, err := tx.exec(`WITH due AS (SELECT id FROM api_keys
			WHERE (revoked_at > 0 AND revoked_at < $1) OR (expires_at > 0 AND expires_at < $1)
			LIMIT $2`+tx.claimSuffix()+`)
		DELETE FROM api_keys WHERE id IN (SELECT id FROM due)`, micros(before), limit)
	return int(n), err
}
