package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxConsents is how many consents of one user are listed.
const maxConsents = 500

// Granted is what a person has let a client have, with the client.
type Granted struct {
	auth.Consent
	Holder auth.Client
	// Words and Targets are scopes and resources as people read them.
	Words   []ScopeWords
	Targets []auth.ProtectedResource
}

// Consents lists what a user has let clients have that there are. Who may ask is the caller's affair: the user, or Manages. Error:
// CodeNotFound.
func (s *Service) Consents(ctx context.Context, app auth.AppID, user auth.UserID) (list []Granted, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := tx.User(app, user); err != nil {
			return noUser(err)
		}
		rows, err := tx.Consents(app, user, maxConsents)
		if err != nil {
			return err
		}
		list = make([]Granted, 0, len(rows))
		for _, row := range rows {
			c, err := tx.Client(app, row.Client)
			if err != nil {
				return err
			}
			if c.DeletedAt.IsZero() { // one that is known by its document may come back, and is asked about no more then
				list = append(list, Granted{Consent: row, Holder: c})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	for i, one := range list {
		list[i].Words, list[i].Targets, err = s.inWords(ctx, app, auth.Delegation{Scopes: one.Scopes, Resources: one.Resources})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// RevokeConsent takes back what a user has let a client have, and ends the client's sessions with the reason
// EndConsentRevoked, offline ones too (RT-08). The caller is the user, or manages the app. Errors: CodeNotFound (neither a
// consent nor a session), CodeForbidden, and those of Recheck.
func (s *Service) RevokeConsent(ctx context.Context, c auth.Caller, user auth.UserID, client auth.ClientID) error {
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.mayRevoke(tx, c, user); err != nil {
			return err
		}
		held, err := tx.Consent(c.App, user, client)
		if err != nil && !isMissing(err) {
			return fmt.Errorf("read a consent: %w", err)
		}
		found, err := grant.Withdraw(tx, c.App, user, client)
		if err != nil {
			return fmt.Errorf("withdraw a consent: %w", err)
		}
		if err := grant.EndWaiting(tx, c.App, user, client); err != nil {
			return err
		}
		ended, err := s.o.Sessions.EndDelegations(tx, c, c.App, user, client, auth.EndConsentRevoked)
		if err != nil {
			return err
		}
		if !found && ended == 0 {
			return auth.E(auth.CodeNotFound, "There is no such consent.")
		}
		return s.o.Audit.Record(tx, c, auth.Event{App: c.App, Action: "consent.revoked", Outcome: "ok", User: user, Session: c.Session,
			Target: string(client), Data: map[string]string{"scope": strings.Join(held.Scopes, " "), "sessions": fmt.Sprint(ended)}})
	})
}

func (s *Service) mayRevoke(tx *store.Tx, c auth.Caller, user auth.UserID) error {
	if c.User == user {
		_, err := s.o.Sessions.Recheck(tx, c)
		return err
	}
	if err := s.o.Apps.Admit(tx, c, c.App); err != nil {
		return err
	}
	if _, err := tx.User(c.App, user); err != nil {
		return noUser(err)
	}
	return nil
}
