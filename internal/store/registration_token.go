package store

import "github.com/ostiary-id/ostiary/internal/auth"

const registrationColumns = "id, app_id, name, hash, uses_left, created_at, expires_at, revoked_at"

func scanRegistration(scan func(dest ...any) error) (auth.RegistrationToken, error) {
	var (
		r                         auth.RegistrationToken
		created, expires, revoked int64
	)
	err := scan(&r.ID, &r.App, &r.Name, &r.Hash, &r.UsesLeft, &created, &expires, &revoked)
	r.CreatedAt, r.ExpiresAt, r.RevokedAt = instant(created), instant(expires), instant(revoked)
	return r, err
}

// RegistrationTokens lists the tokens of an app that let somebody register clients, oldest first.
func (tx *Tx) RegistrationTokens(app auth.AppID, limit int) ([]auth.RegistrationToken, error) {
	var out []auth.RegistrationToken
	err := tx.all("SELECT "+registrationColumns+` FROM registration_tokens
		WHERE app_id = $1 AND revoked_at = 0 ORDER BY created_at, id LIMIT $2`, []any{app, limit}, func(scan func(dest ...any) error) error {
		r, err := scanRegistration(scan)
		out = append(out, r)
		return err
	})
	return out, err
}

// InsertRegistrationToken writes a new token.
func (tx *Tx) InsertRegistrationToken(r auth.RegistrationToken) error {
	_, err := tx.exec("INSERT INTO registration_tokens ("+registrationColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		r.ID, r.App, r.Name, r.Hash, r.UsesLeft, micros(r.CreatedAt), micros(r.ExpiresAt), micros(r.RevokedAt))
	return err
}

// SpendRegistrationToken takes one use of a live token, by its hash; ErrNotFound if there is none left. Its app is not
// known before.
func (tx *Tx) SpendRegistrationToken(hash []byte) (auth.RegistrationToken, error) {
	return scanRegistration(func(dest ...any) error {
		return tx.one(`UPDATE registration_tokens SET uses_left = uses_left - 1
			WHERE hash = $1 AND uses_left > 0 AND revoked_at = 0 AND expires_at > $2 RETURNING `+registrationColumns,
			[]any{hash, micros(tx.Now())}, dest...)
	})
}

// RevokeRegistrationToken ends a token of the app; it reports whether there was such a live one.
func (tx *Tx) RevokeRegistrationToken(app auth.AppID, id auth.RegistrationTokenID) (bool, error) {
	n, err := tx.exec("UPDATE registration_tokens SET revoked_at = $3 WHERE app_id = $1 AND id = $2 AND revoked_at = 0",
		app, id, micros(tx.Now()))
	return n == 1, err
}
