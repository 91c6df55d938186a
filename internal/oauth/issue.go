package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// The token types of an answer.
const (
	bearerType = "Bearer"
	dpopType   = "DPoP"
)

// issue makes the tokens. All that had to be stored is stored; signing takes no part in a Write.
func (s *Service) issue(ctx context.Context, x *exchange, p *proven, got issued) (TokenResponse, error) {
	home, err := s.o.Apps.Get(ctx, x.client.App)
	if err != nil {
		return TokenResponse{}, fmt.Errorf("read the app of a client: %w", err)
	}
	t := tokenFacts{exchange: x, proven: p, issued: got, app: home, now: s.o.Clock()}
	if t.life, err = s.lifeOf(ctx, t); err != nil {
		return TokenResponse{}, err
	}
	if t.custom, err = s.custom(ctx, holder{t.client, t.user, t.member, t.granted.Scopes}); err != nil {
		return TokenResponse{}, err
	}
	out := TokenResponse{TokenType: bearerType, ExpiresIn: t.life, Scope: strings.Join(x.granted.Scopes, " "), IssuedType: p.issuedType}
	if x.granted.JKT != "" {
		out.TokenType = dpopType
	}
	if out.AccessToken, err = s.accessToken(ctx, t); err != nil {
		return TokenResponse{}, err
	}
	if p.refresh && got.session.ID != "" {
		out.RefreshToken = s.o.Sessions.RefreshToken(got.session)
	}
	if p.identify {
		out.IDToken, err = s.idToken(ctx, t, out.AccessToken)
	}
	return out, err
}

// tokenFacts is all that tokens are made from.
type tokenFacts struct {
	*exchange
	*proven
	issued
	app  auth.App
	now  time.Time
	life time.Duration // of the access token
	// custom are the client's custom claims, the same in every token of the answer.
	custom map[string]any
}

// lifeOf is how long the access token lives: what the resource says, else the client, else the server; never longer than
// the session and never longer than what was proven.
func (s *Service) lifeOf(ctx context.Context, t tokenFacts) (time.Duration, error) {
	life := s.o.Settings.AccessTTL
	if own := t.client.Settings.AccessTTL; own > 0 {
		life = own
	}
	for _, uri := range t.granted.Resources {
		r, _, err := s.resource(ctx, t.client.App, uri)
		if err != nil {
			return 0, err
		}
		if r.TokenTTL > 0 && r.TokenTTL < life {
			life = r.TokenTTL
		}
	}
	if t.proven.life > 0 {
		life = min(life, t.proven.life)
	}
	if t.session.ID != "" {
		life = min(life, t.session.ExpiresAt.Sub(t.now))
	}
	return life, nil
}
