package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Query selects one user's keys that are not revoked, newest first. The place of the last one seen (CreatedAt, ID)
// goes into AfterTime and AfterID.
type Query = store.APIKeyQuery

// List reads a user's keys, expired ones too, revoked ones not.
func (s *Service) List(ctx context.Context, q Query) (list []auth.APIKey, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.APIKeys(q)
		return err
	})
	return list, err
}

// Get reads one key of a user. Error: CodeNotFound, also for a revoked key and one of somebody else (TN-01).
func (s *Service) Get(ctx context.Context, app auth.AppID, user auth.UserID, id auth.APIKeyID) (key auth.APIKey, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		key, err = owned(tx.APIKey(app, id))(user)
		return err
	})
	return key, err
}

// owned answers a key that was read if it is the user's and not revoked.
func owned(key auth.APIKey, err error) func(auth.UserID) (auth.APIKey, error) {
	return func(user auth.UserID) (auth.APIKey, error) {
		if errors.Is(err, store.ErrNotFound) || (err == nil && (key.User != user || !key.RevokedAt.IsZero())) {
			return auth.APIKey{}, auth.E(auth.CodeNotFound, "There is no such API key.")
		}
		return key, err
	}
}

// Rotate gives a key of the caller's user a new secret and answers it, shown this once. The secret of before goes on
// working for RotationOverlap, one from before that ends at once. Name, scopes and expiry stay. Errors:
// CodeNotFound, CodeConflict (the key has expired), CodeInsufficientScope, and those of Recheck.
func (s *Service) Rotate(ctx context.Context, c auth.Caller, id auth.APIKeyID) (auth.APIKey, string, error) {
	// The prefix of the secret's text is known from the row only, and nothing random is drawn inside the Write.
	known, err := s.Get(ctx, c.App, c.User, id)
	if err != nil {
		return auth.APIKey{}, "", err
	}
	prefix := secretPrefix(known)
	text, err := secret.NewAPIKey(s.rand, prefix)
	if err != nil {
		return auth.APIKey{}, "", err
	}
	var key auth.APIKey
	err = s.db.Write(ctx, func(tx *store.Tx) error {
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
		if err := s.grants(tx, c, user, key); err != nil {
			return err
		}
		key.PreviousHash, key.PreviousUntil = key.Hash, tx.Now().Add(RotationOverlap)
		key.Hash, key.Prefix = secret.Hash(text), secret.KeyPrefix(text, prefix)
		if err := tx.RotateAPIKey(key); err != nil {
			return fmt.Errorf("rotate key: %w", err)
		}
		tx.Invalidate(store.KindAPIKey, string(key.ID))
		return s.record(tx, c, key, "api-key.rotated", nil)
	})
	if err != nil {
		return auth.APIKey{}, "", err
	}
	return key, text, nil
}

// secretPrefix is what stands before the random part of the key's text.
func secretPrefix(k auth.APIKey) string {
	return k.Prefix[:max(0, len(k.Prefix)-shownRandom)]
}

// shownRandom is how many characters secret.KeyPrefix shows of the random part.
const shownRandom = 3

// Revoke ends a key of the caller's user at once. Errors: CodeNotFound, CodeInsufficientScope, those of Recheck.
func (s *Service) Revoke(ctx context.Context, c auth.Caller, id auth.APIKeyID) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		user, err := s.asker(tx, c)
		if err != nil {
			return err
		}
		key, err := owned(tx.APIKeyForUpdate(c.App, id))(user.ID)
		if err != nil {
			return err
		}
		return s.revoke(tx, c, key, "revoked")
	})
}

func (s *Service) revoke(tx *store.Tx, c auth.Caller, key auth.APIKey, reason string) error {
	if err := tx.RevokeAPIKey(key.App, key.User, key.ID); err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	tx.Invalidate(store.KindAPIKey, string(key.ID))
	return s.record(tx, c, key, "api-key.revoked", map[string]string{"reason": reason})
}

// RevokeSince revokes the keys of a user that were made at a time or later, and answers how many.
func (s *Service) RevokeSince(tx *store.Tx, c auth.Caller, app auth.AppID, user auth.UserID, since time.Time, reason string) (n int, err error) {
	q := store.APIKeyQuery{App: app, User: user, Limit: 500}
	for {
		keys, err := tx.APIKeys(q) // newest first
		if err != nil {
			return n, fmt.Errorf("list keys: %w", err)
		}
		for _, key := range keys {
			if key.CreatedAt.Before(since) {
				return n, nil
			}
			if err := s.revoke(tx, c, key, reason); err != nil {
				return n, err
			}
			n++
			q.AfterTime, q.AfterID = key.CreatedAt, key.ID
		}
		if len(keys) < q.Limit {
			return n, nil
		}
	}
}

// RevokeUnverified revokes the keys of a user that were made before its address was proven, and answers how many
// (ET-12). It is called in the Write that proves the address; keys made from an excepted session, the one that the
// proof came from, live on and count as proven.
func (s *Service) RevokeUnverified(tx *store.Tx, c auth.Caller, app auth.AppID, user auth.UserID, except ...auth.SessionID) (int, error) {
	keys, err := tx.UnverifiedAPIKeys(app, user)
	if err != nil {
		return 0, fmt.Errorf("list keys: %w", err)
	}
	n := 0
	for _, key := range keys {
		if key.Session != "" && slices.Contains(except, key.Session) {
			if err := tx.VerifyAPIKey(app, key.ID); err != nil {
				return n, fmt.Errorf("mark key: %w", err)
			}
			continue
		}
		if err := s.revoke(tx, c, key, string(auth.EndEmailProven)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// DeleteEndedBefore removes at most limit keys that were revoked or expired before the given time.
func (s *Service) DeleteEndedBefore(tx *store.Tx, before time.Time, limit int) (int, error) {
	return tx.DeleteAPIKeys(before, limit)
}
