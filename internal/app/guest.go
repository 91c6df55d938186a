package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// ChangeGuest lets a client that registered itself change itself, in the caller's Write. Errors: those of edit and of
// UpdateClient; CodeNotFound for a client that an administrator made.
func (s *Service) ChangeGuest(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.ClientID, edit func(*auth.Client) error) (auth.Client, error) {
	return s.changeHeld(tx, c, app, id, clientChange{action: "client.updated", apply: func(tx *store.Tx, to *auth.Client) error {
		if to.Settings.OAuth.Origin() != auth.OriginDynamic {
			return missing(store.ErrNotFound, "client")
		}
		before := to.Settings.OAuth
		err := edit(to)
		if err == nil {
			to.Name, err = checkName(to.Name)
		}
		if err == nil {
			to.Settings, err = s.checkClient(to.Settings)
		}
		if err != nil {
			return err
		}
		return settled(tx, *to, before)
	}})
}

// EndGuest ends a client that registered itself, in the caller's Write. Error: CodeNotFound.
func (s *Service) EndGuest(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.ClientID) error {
	_, err := s.changeHeld(tx, c, app, id, clientChange{action: "client.deleted", apply: func(tx *store.Tx, to *auth.Client) error {
		if to.Settings.OAuth.Origin() != auth.OriginDynamic {
			return missing(store.ErrNotFound, "client")
		}
		for _, kind := range []auth.ClientSecretKind{auth.SecretOfClient, auth.SecretOfRegistration} {
			if _, err := tx.RevokeClientSecrets(app, id, kind); err != nil {
				return fmt.Errorf("end the secrets of a client: %w", err)
			}
		}
		return end(tx, to)
	}})
	return err
}

// ReplaceSecret puts a generated secret in the place of all others of its kind, which end at once.
func (s *Service) ReplaceSecret(tx *store.Tx, made auth.ClientSecret) error {
	tx.Invalidate(store.KindClient, string(made.Client))
	return s.replaceSecret(tx, made, 0)
}

// Adopt stores a client that is known by its metadata document, as the document is now. made comes from PrepareClient
// with the id of the document; what an administrator has chosen for the client beside the document stays. A client that
// an administrator deleted stays away. Errors: CodeNotFound (deleted, or the app), CodeLimitReached.
func (s *Service) Adopt(ctx context.Context, c auth.Caller, made auth.Client) (out auth.Client, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		held, err := tx.ClientForUpdate(made.App, made.ID)
		if errors.Is(err, store.ErrNotFound) {
			out = made
			return s.InsertClient(tx, c, &out, nil)
		}
		if err != nil {
			return missing(err, "client")
		}
		if held.Status != auth.ClientActive {
			return missing(store.ErrNotFound, "client")
		}
		out = held
		if changed := adapt(&out, made); !changed && held.DeletedAt.IsZero() {
			return nil
		}
		out.DeletedAt, out.UpdatedAt = made.DeletedAt, tx.Now()
		if _, err := tx.UpdateClient(out); err != nil {
			return fmt.Errorf("update client: %w", err)
		}
		return s.clientChanged(tx, c, out, "client.updated")
	})
	return out, err
}

// Adopted reports whether a stored client says what its document says.
func Adopted(held, made auth.Client) bool { return !adapt(&held, made) }

// adapt writes what a document says into a client and reports whether that changed anything.
func adapt(to *auth.Client, made auth.Client) bool {
	before := *to
	to.Name, to.Settings.RedirectURIs = made.Name, made.Settings.RedirectURIs
	o, from := &to.Settings.OAuth, made.Settings.OAuth
	o.AuthMethod, o.ApplicationType, o.GrantTypes, o.Scopes = from.AuthMethod, from.ApplicationType, from.GrantTypes, from.Scopes
	o.JWKS, o.JWKSURI = from.JWKS, from.JWKSURI
	o.ClientURI, o.LogoURI, o.PolicyURI, o.TOSURI = from.ClientURI, from.LogoURI, from.PolicyURI, from.TOSURI
	o.PostLogoutRedirectURIs, o.DPoPBound = from.PostLogoutRedirectURIs, from.DPoPBound
	return !reflect.DeepEqual(before, *to)
}

// RetireIdle removes at most limit clients that made themselves and that nobody has used since a time (CR-01), and counts
// them. One that is known by its document comes back when it is used again; one that registered must register anew.
func (s *Service) RetireIdle(tx *store.Tx, before time.Time, limit int) (int, error) {
	gone, err := tx.RetireIdleClients(before, limit)
	if err != nil {
		return 0, fmt.Errorf("retire clients: %w", err)
	}
	for _, one := range gone {
		if err := s.clientChanged(tx, auth.Caller{Kind: auth.CallerSystem, App: one.App}, one, "client.retired"); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}
