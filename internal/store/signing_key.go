package store

import (
	"errors"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const signingKeyColumns = "id, algorithm, sealed, public_jwk, created_at, activates_at, retires_at, removed_at"

// LockSigningKeys takes the lock under which the keys of one algorithm are made and rotated, until the transaction
// ends. The row of `meta` that stands for it is made by whoever comes first; the others wait there for its commit.
func (tx *Tx) LockSigningKeys(algorithm string) error {
	name := "signing-keys." + algorithm
	made, err := tx.exec("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, "")
	if err != nil || made == 1 {
		return err
	}
	var value string
	return tx.one("SELECT value FROM meta WHERE name = $1"+tx.lockSuffix(), []any{name}, &value)
}

// SigningKeys lists the keys that were not removed, by the time at which they begin to sign.
func (tx *Tx) SigningKeys() ([]auth.SigningKey, error) {
	var out []auth.SigningKey
	err := tx.all("SELECT "+signingKeyColumns+` FROM signing_keys
		WHERE removed_at = 0 ORDER BY activates_at, created_at, id`, nil, func(scan func(dest ...any) error) error {
		var (
			k                                    auth.SigningKey
			created, activates, retires, removed int64
		)
		err := scan(&k.ID, &k.Algorithm, &k.Sealed, &k.PublicJWK, &created, &activates, &retires, &removed)
		k.CreatedAt, k.ActivatesAt = instant(created), instant(activates)
		k.RetiresAt, k.RemovedAt = instant(retires), instant(removed)
		out = append(out, k)
		return err
	})
	return out, err
}

// InsertSigningKey writes a new key.
func (tx *Tx) InsertSigningKey(k auth.SigningKey) error {
	_, err := tx.exec("INSERT INTO signing_keys ("+signingKeyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		k.ID, k.Algorithm, append([]byte{}, k.Sealed...), k.PublicJWK,
		micros(k.CreatedAt), micros(k.ActivatesAt), micros(k.RetiresAt), micros(k.RemovedAt))
	return err
}

// UpdateSigningKey writes what changes in a key's life: its three times and the sealed private key.
func (tx *Tx) UpdateSigningKey(k auth.SigningKey) error {
	n, err := tx.exec(`UPDATE signing_keys SET sealed = $2, activates_at = $3, retires_at = $4, removed_at = $5
		WHERE id = $1 AND removed_at = 0`,
		k.ID, append([]byte{}, k.Sealed...), micros(k.ActivatesAt), micros(k.RetiresAt), micros(k.RemovedAt))
	if err == nil && n == 0 {
		return errors.Join(ErrNotFound, errors.New("the signing key was removed meanwhile"))
	}
	return err
}
