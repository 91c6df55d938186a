package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Refresh lets a key of the caller's user live on under the same secret: for the given lifetime from now, or, if that
// is 0, for as long as it was made for. A key that does not expire stays as it is; one that has expired does not come
// back. Errors: CodeInvalidRequest (expires_in), CodeNotFound, CodeConflict (the key has expired),
// CodeInsufficientScope, and those of Recheck.
func (s *Service) Refresh(ctx context.Context, c auth.Caller, id auth.APIKeyID, lifetime time.Duration) (auth.APIKey, error) {
	var key auth.APIKey
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		user, err := s.asker(tx, c)
		if err != nil {
			return err
		}
		if key, err = owned(tx.APIKeyForUpdate(c.App, id))(user.ID); err != nil {
			return err
		}
		if !key.Usable(tx.Now()) || key.UserEpoch != user.Epoch {
			return auth.E(auth.CodeConflict, "The API key has expired.")
		}
		switch {
		case lifetime != 0:
			if key.ExpiresAt, err = (Input{ExpiresIn: lifetime}).expiry(tx.Now()); err != nil {
				return err
			}
		case !key.ExpiresAt.IsZero():
			key.ExpiresAt = tx.Now().Add(key.Lifetime)
		}
		if err := s.grants(tx, c, user, key); err != nil {
			return err
		}
		if err := tx.RefreshAPIKey(key); err != nil {
			return fmt.Errorf("refresh key: %w", err)
		}
		tx.Invalidate(store.KindAPIKey, string(key.ID))
		return s.record(tx, c, key, "api-key.refreshed", nil)
	})
	return key, err
}
