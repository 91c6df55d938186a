package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const proofColumns = "id, kind, app_id, client_id, user_id, session_id, email, hash, data, attempts, created_at, expires_at, used_at"

func scanProof(scan func(dest ...any) error) (auth.Proof, error) {
	var (
		p                      auth.Proof
		data                   string
		created, expires, used int64
	)
	err := scan(&p.ID, &p.Kind, &p.App, &p.Client, &p.User, &p.Session, &p.Email, &p.Hash, &data, &p.Attempts,
		&created, &expires, &used)
	if err != nil {
		return auth.Proof{}, err
	}
	p.Data = []byte(data)
	p.CreatedAt, p.ExpiresAt, p.UsedAt = instant(created), instant(expires), instant(used)
	return p, nil
}

// ProofKey is what must agree before a proof counts: the secret's hash, the kind and the app, in one statement.
type ProofKey struct {
	App  auth.AppID
	Kind auth.ProofKind
	Hash []byte
}

// UnspentProof reads a proof that is neither spent nor expired now; ErrNotFound otherwise.
func (tx *Tx) UnspentProof(k ProofKey) (auth.Proof, error) {
	return scanProof(func(dest ...any) error {
		return tx.one("SELECT "+proofColumns+` FROM proofs
			WHERE app_id = $1 AND kind = $2 AND hash = $3 AND used_at = 0 AND expires_at > $4`,
			[]any{k.App, k.Kind, k.Hash, micros(tx.Now())}, dest...)
	})
}

// AnyProof reads a proof that counts or counted, as long as it is kept; ErrNotFound otherwise.
func (tx *Tx) AnyProof(k ProofKey) (auth.Proof, error) {
	return scanProof(func(dest ...any) error {
		return tx.one("SELECT "+proofColumns+" FROM proofs WHERE app_id = $1 AND kind = $2 AND hash = $3", []any{k.App, k.Kind, k.Hash}, dest...)
	})
}

// ProofHome reads the app of a proof that is neither spent nor expired; ErrNotFound otherwise.
func (tx *Tx) ProofHome(kind auth.ProofKind, hash []byte) (app auth.AppID, err error) {
	err = tx.one("SELECT app_id FROM proofs WHERE kind = $1 AND hash = $2 AND used_at = 0 AND expires_at > $3",
		[]any{kind, hash, micros(tx.Now())}, &app)
	return app, err
}

// PendingProof reads the newest proof of a kind and user that is neither spent nor expired; ErrNotFound otherwise.
func (tx *Tx) PendingProof(app auth.AppID, user auth.UserID, kind auth.ProofKind) (auth.Proof, error) {
	return scanProof(func(dest ...any) error {
		return tx.one("SELECT "+proofColumns+` FROM proofs
			WHERE app_id = $1 AND user_id = $2 AND kind = $3 AND used_at = 0 AND expires_at > $4
			ORDER BY created_at DESC, id DESC LIMIT 1`,
			[]any{app, user, kind, micros(tx.Now())}, dest...)
	})
}

// SpendProof marks an unspent, unexpired proof as used and returns it; ErrNotFound if there is none. Of any number of
// transactions that try at once, one succeeds.
func (tx *Tx) SpendProof(k ProofKey) (auth.Proof, error) {
	return scanProof(func(dest ...any) error {
		return tx.one(`UPDATE proofs SET used_at = $4
			WHERE app_id = $1 AND kind = $2 AND hash = $3 AND used_at = 0 AND expires_at > $4
			RETURNING `+proofColumns,
			[]any{k.App, k.Kind, k.Hash, micros(tx.Now())}, dest...)
	})
}

// InsertProof writes a new proof.
func (tx *Tx) InsertProof(p auth.Proof) error {
	_, err := tx.exec("INSERT INTO proofs ("+proofColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		p.ID, p.Kind, p.App, p.Client, p.User, p.Session, p.Email, p.Hash, string(p.Data), p.Attempts,
		micros(p.CreatedAt), micros(p.ExpiresAt), micros(p.UsedAt))
	return err
}

// SpendProofs marks all unspent proofs of one kind of one user as used and counts them.
func (tx *Tx) SpendProofs(app auth.AppID, user auth.UserID, kind auth.ProofKind) (int64, error) {
	return tx.exec("UPDATE proofs SET used_at = $4 WHERE app_id = $1 AND user_id = $2 AND kind = $3 AND used_at = 0",
		app, user, kind, micros(tx.Now()))
}

// SpendCancelProofs marks the user's unspent links against a change of address as used: those that went to an address,
// and those made at a time or later.
func (tx *Tx) SpendCancelProofs(app auth.AppID, user auth.UserID, email string, since time.Time) (int64, error) {
	return tx.exec(`UPDATE proofs SET used_at = $6 WHERE app_id = $1 AND user_id = $2 AND kind = $3 AND used_at = 0 AND
		(email = $4 OR created_at >= $5)`, app, user, auth.ProofCancelEmail, email, micros(since), micros(tx.Now()))
}

// CancelProof reads an unspent, unexpired link against a change of address that went to an address; ErrNotFound if
// there is none. While there is one, its user can take the address back, so nobody else may have it.
func (tx *Tx) CancelProof(app auth.AppID, email string) (auth.Proof, error) {
	return scanProof(func(dest ...any) error {
		return tx.one("SELECT "+proofColumns+` FROM proofs
			WHERE app_id = $1 AND email = $2 AND kind = '`+string(auth.ProofCancelEmail)+`' AND used_at = 0 AND expires_at > $3
			ORDER BY created_at, id LIMIT 1`, []any{app, email, micros(tx.Now())}, dest...)
	})
}

// SpendProofAttempt counts an answer to an unspent, unexpired proof that had fewer than most, and returns how many
// there were with it; ErrNotFound if the proof takes no answer any more.
func (tx *Tx) SpendProofAttempt(app auth.AppID, id auth.ProofID, most int) (attempts int, err error) {
	err = tx.one(`UPDATE proofs SET attempts = attempts + 1
		WHERE app_id = $1 AND id = $2 AND used_at = 0 AND expires_at > $3 AND attempts < $4 RETURNING attempts`,
		[]any{app, id, micros(tx.Now()), most}, &attempts)
	return attempts, err
}

// DeleteExpiredProofs removes at most limit proofs, of all apps, that expired before a time, and counts them.
func (tx *Tx) DeleteExpiredProofs(before time.Time, limit int) (int64, error) {
	return tx.exec(`DELETE FROM proofs WHERE id IN
		(SELECT id FROM proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, micros(before), limit)
}
