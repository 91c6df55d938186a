package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxKeys     = 100             // live keys of one app
	usedEvery   = 5 * time.Minute // how coarse last_used_at is
	minLifetime = time.Minute
	maxLifetime = 10 * 365 * 24 * time.Hour
)

// KeyInput is what a new app key is made from.
type KeyInput struct {
	App       auth.AppID
	Name      string
	ExpiresIn time.Duration // 0: never
}

// CreateKey makes a key that identifies an app and answers it with its text, which is shown this once. Errors:
// CodeInvalidRequest (name, expires_in), CodeForbidden, CodeNotFound, CodeLimitReached, and those of Recheck.
func (s *Service) CreateKey(ctx context.Context, c auth.Caller, in KeyInput) (auth.AppKey, string, error) {
	name, err := checkName(in.Name)
	if err != nil {
		return auth.AppKey{}, "", err
	}
	if in.ExpiresIn != 0 && (in.ExpiresIn < minLifetime || in.ExpiresIn > maxLifetime) {
		return auth.AppKey{}, "", auth.Invalid("expires_in", auth.ViolationInvalid, "A key lives from a minute to 10 years.")
	}
	text, err := secret.NewAPIKey(s.rand, auth.AppKeyPrefix)
	if err != nil {
		return auth.AppKey{}, "", err
	}
	key := auth.AppKey{ID: auth.AppKeyID(secret.NewID(s.rand, s.clock())), App: in.App, Name: name,
		Prefix: secret.KeyPrefix(text, auth.AppKeyPrefix), Hash: secret.Hash(text)}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, in.App); err != nil {
			return err
		}
		key.CreatedAt = tx.Now()
		if in.ExpiresIn > 0 {
			key.ExpiresAt = tx.Now().Add(in.ExpiresIn).Truncate(time.Microsecond)
		}
		return s.insertKey(tx, c, key)
	})
	if err != nil {
		return auth.AppKey{}, "", err
	}
	return key, text, nil
}

// insertKey holds the app's row while it counts, so that two calls decide one after the other.
func (s *Service) insertKey(tx *store.Tx, c auth.Caller, key auth.AppKey) error {
	if _, err := tx.AppForUpdate(key.App); err != nil {
		return missing(err, "app")
	}
	n, err := tx.CountAppKeys(key.App)
	if err != nil {
		return fmt.Errorf("count app keys: %w", err)
	}
	if n >= maxKeys {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("An app has at most %d keys.", maxKeys))
	}
	if err := tx.InsertAppKey(key); err != nil {
		return fmt.Errorf("insert app key: %w", err)
	}
	return s.recordKey(tx, c, key, "app-key.created")
}

func (s *Service) recordKey(tx *store.Tx, c auth.Caller, key auth.AppKey, action string) error {
	return s.audit.Record(tx, c, auth.Event{App: key.App, Action: action, Outcome: "ok", User: c.User,
		Session: c.Session, Target: string(key.ID)})
}

// KeyQuery selects one app's keys that are not revoked, oldest first.
type KeyQuery = store.AppKeyQuery

// ListKeys reads an app's keys, expired ones too, revoked ones not. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ListKeys(ctx context.Context, c auth.Caller, q KeyQuery) (list []auth.AppKey, err error) {
	if err := Manages(c, q.App); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := tx.App(q.App); err != nil {
			return missing(err, "app")
		}
		list, err = tx.AppKeys(q)
		return err
	})
	return list, err
}

// RevokeKey ends an app key at once. Errors: CodeForbidden, CodeNotFound, and those of Recheck.
func (s *Service) RevokeKey(ctx context.Context, c auth.Caller, app auth.AppID, id auth.AppKeyID) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, app); err != nil {
			return err
		}
		if err := tx.RevokeAppKey(app, id); err != nil {
			return missing(err, "app key")
		}
		tx.Invalidate(store.KindAppKey, string(id))
		return s.recordKey(tx, c, auth.AppKey{ID: id, App: app}, "app-key.revoked")
	})
}

// liveKey is a key's committed row in the cache, with the time of its last use beside it.
type liveKey struct {
	row  auth.AppKey
	used atomic.Int64 // microseconds; runs ahead of row.LastUsedAt
}

// AuthenticateKey recognises an app key and answers which app it names. Text that is no key is refused without
// asking the database. Errors: CodeInvalidToken (not a key, unknown, revoked, its app disabled), CodeTokenExpired.
func (s *Service) AuthenticateKey(ctx context.Context, text string) (auth.AppKey, error) {
	if !strings.HasPrefix(text, auth.AppKeyPrefix) || !secret.CheckAPIKey(text) {
		return auth.AppKey{}, invalidKey()
	}
	hash, now := secret.Hash(text), s.clock()
	key, err := s.key(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return auth.AppKey{}, invalidKey()
	}
	if err != nil {
		return auth.AppKey{}, fmt.Errorf("recognise app key: %w", err)
	}
	app, err := s.Get(ctx, key.row.App)
	switch {
	case err != nil:
		return auth.AppKey{}, err
	case !key.row.RevokedAt.IsZero() || app.Status != auth.AppActive || !secret.Equal(key.row.Hash, hash):
		return auth.AppKey{}, invalidKey()
	case !key.row.ExpiresAt.IsZero() && !now.Before(key.row.ExpiresAt):
		return auth.AppKey{}, auth.E(auth.CodeTokenExpired, "The app key has expired.")
	}
	s.touch(key, now)
	return key.row, nil
}

func (s *Service) key(ctx context.Context, hash []byte) (*liveKey, error) {
	id, err := s.keyIDs.Get(ctx, hex.EncodeToString(hash), func(tx *store.Tx) (auth.AppKeyID, error) {
		key, err := tx.AppKeyByHash(hash)
		return key.ID, err
	})
	if err != nil {
		return nil, err
	}
	return s.keys.Get(ctx, string(id), func(tx *store.Tx) (*liveKey, error) {
		row, err := tx.AppKeyByHash(hash)
		if err != nil {
			return nil, err
		}
		key := &liveKey{row: row}
		key.used.Store(row.LastUsedAt.UnixMicro())
		return key, nil
	})
}

func invalidKey() *auth.Error { return auth.E(auth.CodeInvalidToken, "") }

func (s *Service) touch(key *liveKey, now time.Time) {
	last := key.used.Load()
	if now.UnixMicro()-last < usedEvery.Microseconds() || !key.used.CompareAndSwap(last, now.UnixMicro()) {
		return
	}
	s.used.Note(key.row.App, key.row.ID, now)
}

// Flush writes last_used_at of the keys used since. A background loop calls it every few seconds and once at the end.
func (s *Service) Flush(ctx context.Context) error {
	err := s.used.Flush(ctx, s.db, func(tx *store.Tx, app auth.AppID, id auth.AppKeyID, at time.Time) error {
		return tx.TouchAppKey(app, id, at)
	})
	if err != nil {
		return fmt.Errorf("note the last use of app keys: %w", err)
	}
	return nil
}
