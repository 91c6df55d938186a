package apikey

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Identity is who an API key stands for. Its rows, maps and slices are shared with a cache: do not change them.
type Identity struct {
	App           auth.AppID
	User          auth.UserID
	Role          auth.Role
	Key           auth.APIKeyID
	Scopes        []string
	EmailVerified bool // the user's primary address, now
	UserRow       auth.User
	Email         auth.Email // the primary address; zero if there is none
	KeyRow        auth.APIKey
}

// Fill writes the identity into a caller. Request facts (IP, door, app key) and the client stay as they are.
func (i Identity) Fill(c *auth.Caller) {
	c.Kind, c.App, c.User, c.Role, c.Key = auth.CallerAPIKey, i.App, i.User, i.Role, i.Key
	c.Scopes, c.EmailVerified = i.Scopes, i.EmailVerified
}

// liveKey is a key's committed row in the cache, with the time of its last use beside it.
type liveKey struct {
	row  auth.APIKey
	used atomic.Int64 // microseconds; runs ahead of row.LastUsedAt
}

// person is a user's committed row with the primary address.
type person struct {
	row   auth.User
	email auth.Email
}

// Authenticate recognises an API key. Text that is no key is refused without asking the database. Errors:
// CodeInvalidToken (not a key, unknown, revoked, replaced, its user signed out everywhere), CodeTokenExpired,
// CodeAccountDisabled.
func (s *Service) Authenticate(ctx context.Context, text string) (Identity, error) {
	if !secret.CheckAPIKey(text) {
		return Identity{}, invalidKey()
	}
	hash, now := secret.Hash(text), s.clock()
	id, err := s.ids.Get(ctx, hex.EncodeToString(hash), func(tx *store.Tx) (auth.APIKeyID, error) {
		key, err := tx.APIKeyByHash(hash)
		return key.ID, err
	})
	if err != nil {
		return Identity{}, absent(err)
	}
	key, err := s.key(ctx, id, hash)
	if err != nil {
		return Identity{}, absent(err)
	}
	if err := check(key.row, hash, now); err != nil {
		return Identity{}, err
	}
	return s.identify(ctx, key, now)
}

// Standing answers who stands behind a key that was recognised before, from the cache, if the key still counts: what was
// issued in its stead dies with it. Errors: those of Authenticate.
func (s *Service) Standing(ctx context.Context, app auth.AppID, id auth.APIKeyID) (Identity, error) {
	key, err := s.keys.Get(ctx, string(id), func(tx *store.Tx) (*liveKey, error) {
		row, err := tx.APIKey(app, id)
		return live(row), err
	})
	if err != nil {
		return Identity{}, absent(err)
	}
	now := s.clock()
	switch {
	case key.row.App != app || !key.row.RevokedAt.IsZero():
		return Identity{}, invalidKey()
	case !key.row.Usable(now):
		return Identity{}, expired()
	}
	return s.identify(ctx, key, now)
}

func expired() *auth.Error { return auth.E(auth.CodeTokenExpired, "The API key has expired.") }

// identify answers whose key it is, if the owner stands.
func (s *Service) identify(ctx context.Context, key *liveKey, now time.Time) (Identity, error) {
	user, err := s.owner(ctx, key.row)
	if err != nil {
		return Identity{}, err
	}
	s.touch(key, now)
	return Identity{
		App: key.row.App, User: user.row.ID, Role: user.row.Role, Key: key.row.ID, Scopes: key.row.Scopes,
		EmailVerified: user.email.Verified(), UserRow: user.row, Email: user.email, KeyRow: key.row,
	}, nil
}

func live(row auth.APIKey) *liveKey {
	key := &liveKey{row: row}
	key.used.Store(row.LastUsedAt.UnixMicro())
	return key
}

// key reads a key by the hash that found it, for the credential is all that names its app.
func (s *Service) key(ctx context.Context, id auth.APIKeyID, hash []byte) (*liveKey, error) {
	return s.keys.Get(ctx, string(id), func(tx *store.Tx) (*liveKey, error) {
		row, err := tx.APIKeyByHash(hash)
		return live(row), err
	})
}

// check judges the row by which of its secrets was shown. The look-up by hash may be older than a rotation; the
// row is not.
func check(key auth.APIKey, hash []byte, now time.Time) error {
	previous := secret.Equal(key.PreviousHash, hash) && now.Before(key.PreviousUntil)
	switch {
	case !key.RevokedAt.IsZero() || !previous && !secret.Equal(key.Hash, hash):
		return invalidKey()
	case !key.Usable(now):
		return expired()
	}
	return nil
}

// owner is the key's user, who must be active, in an active app, and must not have been signed out everywhere since.
func (s *Service) owner(ctx context.Context, key auth.APIKey) (*person, error) {
	status, err := s.apps.Get(ctx, string(key.App), func(tx *store.Tx) (auth.AppStatus, error) {
		app, err := tx.App(key.App)
		return app.Status, err
	})
	if err != nil {
		return nil, absent(err)
	}
	user, err := s.users.Get(ctx, string(key.User), func(tx *store.Tx) (*person, error) {
		row, err := tx.User(key.App, key.User)
		if err != nil {
			return nil, err
		}
		email, err := tx.PrimaryEmail(key.App, key.User)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return &person{row: row, email: email}, err
	})
	switch {
	case err != nil:
		return nil, absent(err)
	case user.row.Shown() != auth.UserActive:
		return nil, auth.E(auth.CodeAccountDisabled, "")
	case status != auth.AppActive || user.row.Epoch != key.UserEpoch:
		return nil, invalidKey()
	}
	return user, nil
}

func invalidKey() *auth.Error { return auth.E(auth.CodeInvalidToken, "") }

// absent turns a row that is not there into CodeInvalidToken.
func absent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return invalidKey()
	}
	return fmt.Errorf("recognise API key: %w", err)
}
