package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	logoutType  = "logout+jwt" // OpenID Back-Channel Logout section 2.4
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutLife is how long a logout token counts (LO-03).
	logoutLife = 2 * time.Minute
)

// LogoutClaims are the claims of a logout token (OpenID Back-Channel Logout section 2.4). There is no nonce, so none passes
// for an ID token.
type LogoutClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	ExpiresAt int64               `json:"exp"`
	ID        string              `json:"jti"`
	SessionID auth.SessionID      `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

// TellOfLogout is the queue.Handler of session.LogoutKind: it tells a client that a browser's session has ended. Each attempt
// has a token of its own, with the id of the job, so a client takes no end twice (LO-03).
func (s *Service) TellOfLogout(ctx context.Context, d queue.Delivery) error {
	var l session.Logout
	if err := json.Unmarshal(d.Payload, &l); err != nil {
		return queue.Permanent(fmt.Errorf("read a logout: %w", err))
	}
	var client auth.Client
	err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
		client, err = tx.Client(l.App, l.Client)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the client of a logout: %w", err)
	}
	o := client.Settings.OAuth
	if client.Status != auth.ClientActive || o.BackchannelLogoutURI == "" {
		return nil // nobody wants to be told
	}
	now := s.o.Clock()
	token, err := s.o.Signer.Sign(ctx, idAlgorithm(client), logoutType, LogoutClaims{Issuer: s.o.Issuer, Subject: s.subject(client, l.User),
		Audience: client.OAuthID(), IssuedAt: now.Unix(), ExpiresAt: now.Add(logoutLife).Unix(), ID: string(d.ID), SessionID: l.Sid,
		Events: map[string]struct{}{logoutEvent: {}}})
	if err != nil {
		return err
	}
	status, _, err := s.o.Outbound.PostForm(ctx, o.BackchannelLogoutURI, url.Values{"logout_token": {token}})
	switch {
	case err != nil:
		return fmt.Errorf("tell a client of a logout: %w", err)
	case status >= 200 && status < 300:
		return nil
	case status == 400: // it read the token and wants nothing of it (section 2.8)
		return queue.Permanent(errors.New("the client refused the logout token"))
	}
	return fmt.Errorf("tell a client of a logout: status %d", status)
}
