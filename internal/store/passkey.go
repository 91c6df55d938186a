package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

const passkeyColumns = "id, app_id, user_id, credential_id, public_key, name, aaguid, transports, sign_count, " +
	"backup_eligible, backed_up, created_at, last_used_at, cloned_at"

func scanPasskey(scan func(dest ...any) error) (auth.Passkey, error) {
	var (
		p                     auth.Passkey
		transports            string
		created, used, cloned int64
	)
	err := scan(&p.ID, &p.App, &p.User, &p.CredentialID, &p.PublicKey, &p.Name, &p.AAGUID, &transports, &p.SignCount,
		&p.BackupEligible, &p.BackedUp, &created, &used, &cloned)
	if err != nil {
		return auth.Passkey{}, err
	}
	p.CreatedAt, p.LastUsedAt, p.ClonedAt = instant(created), instant(used), instant(cloned)
	return p, fromJSON(transports, &p.Transports)
}

// Passkeys lists the user's passkeys, oldest first.
func (tx *Tx) Passkeys(app auth.AppID, user auth.UserID) ([]auth.Passkey, error) {
	var out []auth.Passkey
	err := tx.all("SELECT "+passkeyColumns+" FROM passkeys WHERE app_id = $1 AND user_id = $2 ORDER BY created_at, id",
		[]any{app, user}, func(scan func(dest ...any) error) error {
			p, err := scanPasskey(scan)
			out = append(out, p)
			return err
		})
	return out, err
}

// Passkey reads one passkey of the user, or ErrNotFound.
func (tx *Tx) Passkey(app auth.AppID, user auth.UserID, id auth.FactorID) (auth.Passkey, error) {
	return scanPasskey(func(dest ...any) error {
		return tx.one("SELECT "+passkeyColumns+" FROM passkeys WHERE app_id = $1 AND user_id = $2 AND id = $3",
			[]any{app, user, id}, dest...)
	})
}

// PasskeyByCredential reads the passkey with the authenticator's id, of whatever app, or ErrNotFound: all apps share
// one relying party id, and authenticators know nothing of apps.
func (tx *Tx) PasskeyByCredential(credential []byte) (auth.Passkey, error) {
	return scanPasskey(func(dest ...any) error {
		return tx.one("SELECT "+passkeyColumns+" FROM passkeys WHERE credential_id = $1", []any{credential}, dest...)
	})
}

// InsertPasskey adds a passkey. It reports false, and writes nothing, if the authenticator's id is taken.
func (tx *Tx) InsertPasskey(p auth.Passkey) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO passkeys ("+passkeyColumns+") "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (credential_id) DO NOTHING",
		p.ID, p.App, p.User, p.CredentialID, p.PublicKey, p.Name, p.AAGUID, jsonText(p.Transports), p.SignCount,
		p.BackupEligible, p.BackedUp, micros(p.CreatedAt), micros(p.LastUsedAt), micros(p.ClonedAt))
	return n == 1, err
}

// UpdatePasskey writes what changes of a passkey: its name, its counter, whether it is synced, and its times. It
// reports false if there is no such passkey of the user any more.
func (tx *Tx) UpdatePasskey(p auth.Passkey) (found bool, err error) {
	n, err := tx.exec("UPDATE passkeys SET name = $4, sign_count = $5, backed_up = $6, last_used_at = $7, cloned_at = $8 "+
		"WHERE app_id = $1 AND user_id = $2 AND id = $3",
		p.App, p.User, p.ID, p.Name, p.SignCount, p.BackedUp, micros(p.LastUsedAt), micros(p.ClonedAt))
	return n == 1, err
}

// DeletePasskey removes one passkey of the user and reports whether there was one.
func (tx *Tx) DeletePasskey(app auth.AppID, user auth.UserID, id auth.FactorID) (found bool, err error) {
	n, err := tx.exec("DELETE FROM passkeys WHERE app_id = $1 AND user_id = $2 AND id = $3", app, user, id)
	return n == 1, err
}

// DeletePasskeys removes all passkeys of the user and counts them.
func (tx *Tx) DeletePasskeys(app auth.AppID, user auth.UserID) (int64, error) {
	return tx.exec("DELETE FROM passkeys WHERE app_id = $1 AND user_id = $2", app, user)
}

// PasskeyHandle is the name under which authenticators know the user, or ErrNotFound before the first passkey.
func (tx *Tx) PasskeyHandle(app auth.AppID, user auth.UserID) (handle []byte, err error) {
	err = tx.one("SELECT handle FROM passkey_handles WHERE app_id = $1 AND user_id = $2", []any{app, user}, &handle)
	return handle, err
}

// InsertPasskeyHandle gives the user a handle, once: a user who has one keeps it.
func (tx *Tx) InsertPasskeyHandle(app auth.AppID, user auth.UserID, handle []byte) error {
	_, err := tx.exec("INSERT INTO passkey_handles (user_id, app_id, handle) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING",
		user, app, handle)
	return err
}
