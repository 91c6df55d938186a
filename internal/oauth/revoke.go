package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Revoke ends a token of the client's (RFC 7009). A refresh token takes its session along, and with it every access token
// that was issued in it; an access token goes alone. A token that nobody knows is gone already, so that is no error; one
// of another client stays as it is (IR-02). Errors: those of AuthenticateClient, invalid_request, unauthorized_client.
func (s *Service) Revoke(ctx context.Context, r ClientRequest) error {
	client, token, err := s.aboutToken(ctx, r)
	if err != nil {
		return err
	}
	r.Caller.App, r.Caller.Client, r.Caller.Door = client.App, client.ID, door()
	if strings.HasPrefix(token, refreshPrefix) {
		err = s.revokeRefresh(ctx, client, r.Caller, token)
	} else {
		err = s.revokeAccess(ctx, client, r.Caller, token)
	}
	if Is(err, InvalidToken) {
		return nil
	}
	return err
}

func (s *Service) revokeRefresh(ctx context.Context, client auth.Client, c auth.Caller, token string) error {
	held, _, err := s.o.Sessions.Holder(ctx, token)
	switch {
	case err != nil:
		return badToken(err)
	case held.Delegation == nil:
		return badToken(nil)
	case held.App != client.App || held.Client != client.ID:
		return notYours()
	}
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		return s.o.Sessions.End(tx, c, held.App, held.ID, auth.EndTokenRevoked)
	})
}

func notYours() *Error {
	return refuse(UnauthorizedClient, "The token was not issued to this client.")
}

func (s *Service) revokeAccess(ctx context.Context, client auth.Client, c auth.Caller, token string) error {
	known, err := s.signedHere(ctx, token)
	if err != nil {
		return err
	}
	t := known.claims
	if t.App != client.App || t.ClientID != client.OAuthID() {
		return notYours()
	}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		fresh, err := grant.Spend(tx, grant.KindRevoked, time.Unix(t.ExpiresAt, 0), t.ID)
		if err != nil || !fresh {
			return err
		}
		tx.Invalidate(store.KindToken, t.ID)
		return s.o.Audit.Record(tx, c, auth.Event{App: client.App, Action: "token.revoked", Outcome: "ok", Session: t.SessionID,
			Target: string(client.ID), Data: map[string]string{"jti": t.ID}})
	})
	if err != nil {
		return fmt.Errorf("revoke an access token: %w", err)
	}
	return nil
}
