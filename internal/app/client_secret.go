package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxSecrets = 2 // valid at one time, so that the new one can be brought out while the old one works
	// DefaultSecretOverlap is how long the older secret works on after a rotation.
	DefaultSecretOverlap = 7 * 24 * time.Hour
	maxSecretOverlap     = 90 * 24 * time.Hour
)

// NewSecret generates a secret of a client, and the row that knows it again. Its text is shown this once.
func (s *Service) NewSecret(c auth.Client, kind auth.ClientSecretKind) (row auth.ClientSecret, text string, err error) {
	prefix := auth.ClientSecretPrefix
	if kind == auth.SecretOfRegistration {
		prefix = auth.RegistrationPrefix
	}
	random, err := secret.Token(s.rand)
	if err != nil {
		return row, "", err
	}
	text = prefix + random
	return auth.ClientSecret{ID: auth.ClientSecretID(secret.NewID(s.rand, s.clock())), App: c.App, Client: c.ID, Kind: kind,
		Hash: secret.Hash(text), Prefix: secret.KeyPrefix(text, prefix)}, text, nil
}

// insertSecrets stores secrets of a client whose row is held.
func insertSecrets(tx *store.Tx, rows []auth.ClientSecret) error {
	for _, row := range rows {
		row.CreatedAt = tx.Now()
		if err := tx.InsertClientSecret(row); err != nil {
			return fmt.Errorf("insert the secret of a client: %w", err)
		}
	}
	return nil
}

// ListSecrets reads the secrets of a client that work, newest first, without their texts. Errors: CodeForbidden,
// CodeNotFound.
func (s *Service) ListSecrets(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID) (list []auth.ClientSecret, err error) {
	if _, err := s.ShowClient(ctx, c, app, id); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.ClientSecrets(app, id, auth.SecretOfClient)
		list = slices.DeleteFunc(list, func(one auth.ClientSecret) bool { return !one.Live(tx.Now()) })
		return err
	})
	return list, err
}

// RotateSecret gives a client a new secret and answers it with its text. The one before works for overlap more, at most 90
// days; 0 ends it now. Two work at one time, so a third is refused until the first has ended. Errors: CodeInvalidRequest
// (overlap), CodeForbidden, CodeNotFound, CodeConflict (two work already, or the client has no secrets), and those of Recheck.
func (s *Service) RotateSecret(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID, overlap time.Duration) (auth.ClientSecret, string, error) {
	if overlap < 0 || overlap > maxSecretOverlap {
		return auth.ClientSecret{}, "", auth.Invalid("overlap", auth.ViolationInvalid, "The older secret works for 0 to 90 days more.")
	}
	made, text, err := s.NewSecret(auth.Client{ID: id, App: app}, auth.SecretOfClient)
	if err != nil {
		return auth.ClientSecret{}, "", err
	}
	_, err = s.changeClient(ctx, c, app, id, clientChange{action: "client.secret-rotated", apply: func(tx *store.Tx, to *auth.Client) error {
		if !to.Settings.OAuth.AuthMethod.Secret() {
			return auth.E(auth.CodeConflict, "The client does not authenticate by a secret.")
		}
		made.CreatedAt = tx.Now()
		return s.replaceSecret(tx, made, overlap)
	}})
	if err != nil {
		return auth.ClientSecret{}, "", err
	}
	return made, text, nil
}

// replaceSecret puts a secret in the place of those before. The client's row is held, so two rotations decide one after
// the other.
func (s *Service) replaceSecret(tx *store.Tx, made auth.ClientSecret, overlap time.Duration) error {
	list, err := tx.ClientSecrets(made.App, made.Client, made.Kind)
	if err != nil {
		return fmt.Errorf("read the secrets of a client: %w", err)
	}
	live := 0
	for _, one := range list {
		if !one.Live(tx.Now()) {
			continue
		}
		if live++; overlap == 0 {
			_, err = tx.RevokeClientSecret(one.App, one.Client, one.ID)
		} else {
			err = tx.ExpireClientSecret(one.App, one.ID, tx.Now().Add(overlap))
		}
		if err != nil {
			return fmt.Errorf("end the secret of a client: %w", err)
		}
	}
	if live >= maxSecrets && overlap > 0 {
		return auth.E(auth.CodeConflict, "Two secrets work already. Revoke one, or wait until the older one ends.")
	}
	return insertSecrets(tx, []auth.ClientSecret{made})
}

// RevokeSecret ends one secret of a client at once. Errors: CodeForbidden, CodeNotFound, and those of Recheck.
func (s *Service) RevokeSecret(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID, one auth.ClientSecretID) error {
	_, err := s.changeClient(ctx, c, app, id, clientChange{action: "client.secret-revoked", apply: func(tx *store.Tx, _ *auth.Client) error {
		ok, err := tx.RevokeClientSecret(app, id, one)
		if err == nil && !ok {
			err = store.ErrNotFound
		}
		if err != nil {
			return missing(err, "secret")
		}
		return nil
	}})
	return err
}
