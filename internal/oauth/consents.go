package oauth

import (
	"context"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxConsents is how many consents of one user are listed.
const maxConsents = 500

// Consented is what a user has let a client have, in words.
type Consented struct {
	auth.Consent
	AskedFor
}

// Consents lists what the caller's user has let clients have. A client that is gone has nothing any more and is left out.
func (s *Service) Consents(ctx context.Context, c auth.Caller) ([]Consented, error) {
	var rows []auth.Consent
	err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.Consents(c.App, c.User, maxConsents)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	var out []Consented
	for _, row := range rows {
		one := Consented{Consent: row}
		err := s.describe(ctx, &one.AskedFor, row.App, row.Client, auth.Delegation{Scopes: row.Scopes, Resources: row.Resources})
		if auth.Is(err, auth.CodeNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// RevokeConsent takes back what the caller's user has let a client have, and ends every session in which the client acts
// for them. client is what it is called on the wire. Code: not-found (the user has let it have nothing).
func (s *Service) RevokeConsent(ctx context.Context, c auth.Caller, client string) error {
	found, err := s.Client(ctx, client)
	if Is(err, InvalidClient) {
		found, err = auth.Client{ID: auth.ClientID(client), App: c.App}, nil
	}
	if err != nil {
		return err
	}
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.o.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		had, err := grant.Withdraw(tx, c.App, c.User, found.ID)
		if err != nil {
			return fmt.Errorf("take a consent back: %w", err)
		}
		n, err := s.o.Sessions.EndDelegations(tx, c, c.App, c.User, found.ID, auth.EndConsentRevoked)
		switch {
		case err != nil:
			return err
		case !had && n == 0:
			return auth.E(auth.CodeNotFound, "This app has no access.")
		}
		return s.o.Audit.Record(tx, c, auth.Event{App: c.App, Action: "consent.revoked", Outcome: "ok", User: c.User, Session: c.Session,
			Target: string(found.ID)})
	})
}
