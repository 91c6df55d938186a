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
	if !secret.TokenShaped(text) {
		return c, false, nil
	}
	c, err = tx.AuthorizationCodeForUpdate(secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read an authorization code: %w", err)
	}
	return c, true, nil
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
