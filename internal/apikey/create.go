package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Create makes a key for the caller's user and answers it with its secret, which is shown this once. Errors:
// CodeInvalidRequest (name, prefix, scopes, expires_in, expires_at), CodeForbidden (scope admin without the role),
// CodeInsufficientScope (a key that wants more than it has), CodeLimitReached, and those of Recheck.
func (s *Service) Create(ctx context.Context, c auth.Caller, in Input) (auth.APIKey, string, error) {
	in, err := in.normalised()
	if err != nil {
		return auth.APIKey{}, "", err
	}
	text, err := secret.NewAPIKey(s.rand, in.Prefix)
	if err != nil {
		return auth.APIKey{}, "", err
	}
	id := auth.APIKeyID(secret.NewID(s.rand, s.clock()))
	var key auth.APIKey
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		user, err := s.asker(tx, c)
		if err != nil {
			return err
		}
		key = auth.APIKey{
			ID: id, App: c.App, User: user.ID, Name: in.Name, Prefix: secret.KeyPrefix(text, in.Prefix),
			Hash: secret.Hash(text), Scopes: in.Scopes, Session: c.Session, UserEpoch: user.Epoch, CreatedAt: tx.Now(),
		}
		if key.ExpiresAt, err = in.expiry(tx.Now()); err != nil {
			return err
		}
		if !key.ExpiresAt.IsZero() {
			key.Lifetime = key.ExpiresAt.Sub(key.CreatedAt)
		}
		if err := s.grants(tx, c, user, key); err != nil {
			return err
		}
		return s.insert(tx, c, &key)
	})
	if err != nil {
		return auth.APIKey{}, "", err
	}
	return key, text, nil
}

// asker is the caller's user with its row locked: two calls that count the user's keys decide one after the other.
// A key must hold ScopeWrite.
func (s *Service) asker(tx *store.Tx, c auth.Caller) (auth.User, error) {
	if c.User == "" {
		return auth.User{}, auth.E(auth.CodeUnauthenticated, "")
	}
	if _, err := s.recheck(tx, c); err != nil {
		return auth.User{}, err
	}
	if c.Kind == auth.CallerAPIKey && !auth.ScopesWithin([]string{ScopeWrite}, c.Scopes) {
		return auth.User{}, auth.E(auth.CodeInsufficientScope, "The key needs the scope "+ScopeWrite+".")
	}
	user, err := tx.UserForUpdate(c.App, c.User)
	if err != nil {
		return auth.User{}, fmt.Errorf("lock user: %w", err)
	}
	return user, nil
}

// grants refuses a key that could do more, or live longer, than who makes it.
func (s *Service) grants(tx *store.Tx, c auth.Caller, user auth.User, key auth.APIKey) error {
	if user.Role != auth.RoleAdmin && slices.Contains(key.Scopes, ScopeAdmin) {
		return auth.E(auth.CodeForbidden, "Only an administrator's key may have the scope "+ScopeAdmin+".")
	}
	if c.Kind != auth.CallerAPIKey {
		return nil
	}
	maker, err := tx.APIKey(c.App, c.Key)
	if err != nil {
		return fmt.Errorf("read the calling key: %w", err)
	}
	if !auth.ScopesWithin(key.Scopes, maker.Scopes) {
		return auth.E(auth.CodeInsufficientScope, "A key cannot give a scope that it does not have.")
	}
	if !maker.ExpiresAt.IsZero() && (key.ExpiresAt.IsZero() || key.ExpiresAt.After(maker.ExpiresAt)) {
		return auth.E(auth.CodeInsufficientScope, "A key cannot make one that outlives it.")
	}
	return nil
}

// insert counts and stores a key, and notes in it whether the address is verified by now.
func (s *Service) insert(tx *store.Tx, c auth.Caller, key *auth.APIKey) error {
	n, err := tx.CountAPIKeys(key.App, key.User)
	if err != nil {
		return fmt.Errorf("count keys: %w", err)
	}
	if n >= s.max {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("A user has at most %d API keys.", s.max))
	}
	email, err := tx.PrimaryEmail(key.App, key.User)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read address: %w", err)
	}
	key.EmailVerified = email.Verified()
	if c.Kind == auth.CallerAPIKey {
		// What a session's key makes is that session's as well, so it dies with it in RevokeUnverified.
		maker, err := tx.APIKey(c.App, c.Key)
		if err != nil {
			return fmt.Errorf("read the calling key: %w", err)
		}
		key.Session = maker.Session
	}
	if err := tx.InsertAPIKey(*key); err != nil {
		return fmt.Errorf("insert key: %w", err)
	}
	return s.record(tx, c, *key, "api-key.created", map[string]string{"scopes": strings.Join(key.Scopes, " ")})
}

func (s *Service) record(tx *store.Tx, c auth.Caller, key auth.APIKey, action string, data map[string]string) error {
	return s.audit.Record(tx, c, auth.Event{App: key.App, Action: action, Outcome: "ok", User: key.User,
		Session: c.Session, Target: string(key.ID), Data: data})
}
