package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const clientSecretColumns = "id, app_id, client_id, kind, hash, prefix, created_at, expires_at, revoked_at"

func (tx *Tx) clientSecrets(query string, args ...any) ([]auth.ClientSecret, error) {
	var out []auth.ClientSecret
	err := tx.all(query, args, func(scan func(dest ...any) error) error {
		var (
			s                         auth.ClientSecret
			created, expires, revoked int64
		)
		err := scan(&s.ID, &s.App, &s.Client, &s.Kind, &s.Hash, &s.Prefix, &created, &expires, &revoked)
		s.CreatedAt, s.ExpiresAt, s.RevokedAt = instant(created), instant(expires), instant(revoked)
		out = append(out, s)
		return err
	})
	return out, err
}

// ClientSecrets lists the secrets of a client that were not revoked, newest first.
func (tx *Tx) ClientSecrets(app auth.AppID, client auth.ClientID, kind auth.ClientSecretKind) ([]auth.ClientSecret, error) {
	return tx.clientSecrets("SELECT "+clientSecretColumns+` FROM client_secrets
		WHERE app_id = $1 AND client_id = $2 AND kind = $3 AND revoked_at = 0 ORDER BY created_at DESC, id DESC`, app, client, kind)
}

// InsertClientSecret writes a new secret.
func (tx *Tx) InsertClientSecret(s auth.ClientSecret) error {
	_, err := tx.exec("INSERT INTO client_secrets ("+clientSecretColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		s.ID, s.App, s.Client, s.Kind, s.Hash, s.Prefix, micros(s.CreatedAt), micros(s.ExpiresAt), micros(s.RevokedAt))
	return err
}

// ExpireClientSecret lets a secret end at a time, if it would not end before.
func (tx *Tx) ExpireClientSecret(app auth.AppID, id auth.ClientSecretID, at time.Time) error {
	_, err := tx.exec(`UPDATE client_secrets SET expires_at = $3
		WHERE app_id = $1 AND id = $2 AND (expires_at = 0 OR expires_at > $3)`, app, id, micros(at))
	return err
}

// RevokeClientSecrets ends all secrets of a kind that a client has and answers how many it were.
func (tx *Tx) RevokeClientSecrets(app auth.AppID, client auth.ClientID, kind auth.ClientSecretKind) (int64, error) {
	return tx.exec("UPDATE client_secrets SET revoked_at = $4 WHERE app_id = $1 AND client_id = $2 AND kind = $3 AND revoked_at = 0",
		app, client, kind, micros(tx.Now()))
}

// RevokeClientSecret ends one secret of a client; it reports whether there was such a live one.
func (tx *Tx) RevokeClientSecret(app auth.AppID, client auth.ClientID, id auth.ClientSecretID) (bool, error) {
	n, err := tx.exec("UPDATE client_secrets SET revoked_at = $4 WHERE app_id = $1 AND client_id = $2 AND id = $3 AND revoked_at = 0",
		app, client, id, micros(tx.Now()))
	return n == 1, err
}
