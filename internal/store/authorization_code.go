package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const codeColumns = "hash, app_id, client_id, user_id, parent_id, issued_id, redirect_uri, challenge, nonce, delegation, amr, auth_time, " +
	"created_at, expires_at, used_at"

// AuthorizationCodeForUpdate reads a code by its hash, used and expired ones too, with the row locked until the
// transaction ends. Its app is not known before: the code is all that a request brings.
func (tx *Tx) AuthorizationCodeForUpdate(hash []byte) (auth.AuthorizationCode, error) {
	var (
		c                                auth.AuthorizationCode
		delegation, amr                  string
		authTime, created, expires, used int64
	)
	err := tx.one("SELECT "+codeColumns+" FROM authorization_codes WHERE hash = $1"+tx.lockSuffix(), []any{hash},
		&c.Hash, &c.App, &c.Client, &c.User, &c.Parent, &c.Issued, &c.RedirectURI, &c.Challenge, &c.Nonce, &delegation, &amr, &authTime,
		&created, &expires, &used)
	if err != nil {
		return auth.AuthorizationCode{}, err
	}
	c.AuthTime, c.CreatedAt, c.ExpiresAt, c.UsedAt = instant(authTime), instant(created), instant(expires), instant(used)
	if err := fromJSON(amr, &c.AMR); err != nil {
		return auth.AuthorizationCode{}, err
	}
	return c, fromJSON(delegation, &c.Delegation)
}

// InsertAuthorizationCode writes a new code.
func (tx *Tx) InsertAuthorizationCode(c auth.AuthorizationCode) error {
	_, err := tx.exec("INSERT INTO authorization_codes ("+codeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		c.Hash, c.App, c.Client, c.User, c.Parent, c.Issued, c.RedirectURI, c.Challenge, c.Nonce, jsonText(c.Delegation), jsonText(c.AMR),
		micros(c.AuthTime), micros(c.CreatedAt), micros(c.ExpiresAt), micros(c.UsedAt))
	return err
}

// UseAuthorizationCode notes that a code was exchanged for a session; it reports whether it had not been used before.
func (tx *Tx) UseAuthorizationCode(app auth.AppID, hash []byte, issued auth.SessionID) (bool, error) {
	n, err := tx.exec("UPDATE authorization_codes SET used_at = $3, issued_id = $4 WHERE app_id = $1 AND hash = $2 AND used_at = 0",
		app, hash, micros(tx.Now()), issued)
	return n == 1, err
}

// EndCodes marks the codes of a user that nobody has exchanged yet as used: those of one client, or of all if it is empty.
func (tx *Tx) EndCodes(app auth.AppID, user auth.UserID, client auth.ClientID) error {
	_, err := tx.exec(`UPDATE authorization_codes SET used_at = $4
		WHERE app_id = $1 AND user_id = $2 AND used_at = 0 AND (client_id = $3 OR $3 = '')`, app, user, client, micros(tx.Now()))
	return err
}

// DeleteExpiredCodes removes at most limit codes of all apps that expired before a time.
func (tx *Tx) DeleteExpiredCodes(before time.Time, limit int) (int64, error) {
	return tx.exec(`WITH due AS (SELECT hash FROM authorization_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2`+tx.claimSuffix()+`)
		DELETE FROM authorization_codes WHERE hash IN (SELECT hash FROM due)`, micros(before), limit)
}
