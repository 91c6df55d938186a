package store

import (
	"errors"
	"time"
)

// SpendID notes that an identifier of a kind was used and must not be taken again before it expires; fresh is false if it
// was used before. hash is its SHA-256, whatever names its owner included.
func (tx *Tx) SpendID(kind string, hash []byte, expires time.Time) (fresh bool, err error) {
	n, err := tx.exec("INSERT INTO spent_ids (kind, hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		kind, hash, micros(expires))
	return n == 1, err
}

// SpentID reports whether an identifier was used.
func (tx *Tx) SpentID(kind string, hash []byte) (bool, error) {
	var expires int64
	err := tx.one("SELECT expires_at FROM spent_ids WHERE kind = $1 AND hash = $2", []any{kind, hash}, &expires)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteExpiredIDs removes at most limit identifiers that expired before a time.
func (tx *Tx) DeleteExpiredIDs(before time.Time, limit int) (int64, error) {
	return tx.exec(`WITH due AS (SELECT kind, hash FROM spent_ids WHERE expires_at < $1 ORDER BY expires_at LIMIT $2`+tx.claimSuffix()+`)
		DELETE FROM spent_ids WHERE (kind, hash) IN (SELECT kind, hash FROM due)`, micros(before), limit)
}
