package grant

import (
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// CodeLife is how long an authorization code lives (OA-04).
	CodeLife = time.Minute
	// codeKept is how long a used code is remembered, so that its second use ends what the first one issued (OA-05).
	codeKept = 24 * time.Hour
)

// IssueCode stores an authorization code with the secret that text is; it fills hash and times.
func IssueCode(tx *store.Tx, text string, c auth.AuthorizationCode) error {
	c.Hash = secret.Hash(text)
	c.CreatedAt, c.ExpiresAt = tx.Now(), tx.Now().Add(CodeLife)
	if err := tx.InsertAuthorizationCode(c); err != nil {
		return fmt.Errorf("store an authorization code: %w", err)
	}
	return nil
}

// FindCode reads the code that a text is, used and expired ones too, and holds it until the transaction ends; found is
// false for one that nobody was given.
func FindCode(tx *store.Tx, text string) (c auth.AuthorizationCode, found bool, err error) {
	return held(text, "an authorization code", tx.AuthorizationCodeForUpdate)
}

// held reads what a secret stands for, by its hash, and holds the row; found is false for one that nobody was given.
func held[T any](text, what string, read func(hash []byte) (T, error)) (row T, found bool, err error) {
	if !secret.TokenShaped(text) {
		return row, false, nil
	}
	row, err = read(secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return row, false, nil
	}
	if err != nil {
		return row, false, fmt.Errorf("read %s: %w", what, err)
	}
	return row, true, nil
}

// SpendCode notes what a code was exchanged for. It fails if FindCode did not hold an unused one in this transaction.
func SpendCode(tx *store.Tx, c auth.AuthorizationCode, issued auth.SessionID) error {
	ok, err := tx.UseAuthorizationCode(c.App, c.Hash, issued)
	if err == nil && !ok {
		err = errors.New("it was used already")
	}
	if err != nil {
		return fmt.Errorf("spend an authorization code: %w", err)
	}
	return nil
}
