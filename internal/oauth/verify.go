package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	strict "github.com/go-jose/go-jose/v4/json"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxAccessToken = 8 << 10 // bytes (TK-04)
	// maxAhead is how far the clock of the node that issued a token may be ahead of ours. Expiry has no such leeway (TK-10).
	maxAhead = time.Minute
	// knownTokens is how many verified tokens are remembered, and of how many it is known whether they were revoked.
	knownTokens = 20_000
)

// signedToken is what a token of ours says, once its signature or seal stands.
type signedToken struct {
	claims AccessClaims
	// told is the token's claims as introspection tells them.
	told json.RawMessage
}

// AccessToken is an access token of ours that stands, with everybody who stands behind it. Its rows are shared with
// caches: do not change them.
type AccessToken struct {
	AccessClaims
	// Client is the one that it was issued to.
	Client auth.Client
	// Session is the one in which the client acts; zero: none.
	Session auth.Session
	// User is the person; zero: the client acts by itself.
	User  auth.User
	Email auth.Email // the primary address of User; zero: none

	told json.RawMessage
}

// VerifyAccess recognises an access token that was issued to a client: signature or seal, issuer and times, then all that
// may have ended since: the token itself, its API key, the session, user, client and app. What our own doors use among
// themselves is none. With everything cached it checks no signature and asks no row. Error: invalid_token.
func (s *Service) VerifyAccess(ctx context.Context, token string) (*AccessToken, error) {
	known, err := s.signedHere(ctx, token)
	if err != nil {
		return nil, err
	}
	t := &AccessToken{AccessClaims: known.claims, told: known.told}
	if err := s.unrevoked(ctx, t.AccessClaims); err != nil {
		return nil, err
	}
	if t.Client, err = s.clientIn(ctx, t.App, t.ClientID); err != nil {
		return nil, badToken(err)
	}
	if t.Client.App != t.App {
		return nil, badToken(nil)
	}
	if t.Key != "" {
		return t, s.behindKey(ctx, t)
	}
	return t, s.behindSession(ctx, t)
}

// badToken is the one answer to a token that does not stand. What is no word about the token stays what it is.
func badToken(cause error) error {
	if cause != nil {
		switch e := AsError(cause); e.Code {
		case ServerError, TemporarilyUnavailable:
			return cause
		}
	}
	return &Error{Code: InvalidToken, Description: "The access token is not valid.", Err: cause}
}

// signedHere checks what needs no row, and remembers it.
func (s *Service) signedHere(ctx context.Context, token string) (signedToken, error) {
	now, digest := s.o.Clock(), sha256.Sum256([]byte(token))
	known, round, ok := s.verified.Get(&digest, now)
	if ok {
		return known, nil
	}
	payload, err := s.payload(ctx, token)
	if err != nil {
		return signedToken{}, badToken(err)
	}
	if strict.Unmarshal(payload, &known.claims) != nil {
		return signedToken{}, badToken(nil)
	}
	if !s.inTime(known.claims, now) {
		return signedToken{}, badToken(nil)
	}
	if known.told, err = toldOf(known.claims, payload); err != nil {
		return signedToken{}, err
	}
	s.verified.Put(&digest, known, known.claims.ExpiresAt, round, now)
	return known, nil
}

// payload is what a token says whose signature or seal stands.
func (s *Service) payload(ctx context.Context, token string) ([]byte, error) {
	if text, opaque := strings.CutPrefix(token, opaquePrefix); opaque {
		return s.unsealed(text)
	}
	return s.o.Signer.VerifySigned(ctx, accessType, token)
}

// unsealed opens an opaque token; there is one spelling of each (TK-11).
func (s *Service) unsealed(text string) ([]byte, error) {
	if len(text) > maxAccessToken || strings.ContainsAny(text, "\r\n") {
		return nil, refuse(InvalidToken, "not sealed here")
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refuse(InvalidToken, "not sealed here")
	}
	plain, err := s.o.Keys.Open(opaquePurpose, s.o.Issuer, box)
	if err != nil {
		return nil, &Error{Code: InvalidToken, Err: err}
	}
	return plain, nil
}

// inTime checks the claims of a token whose signature stands.
func (s *Service) inTime(c AccessClaims, now time.Time) bool {
	return c.Issuer == s.o.Issuer && c.Subject != "" && c.ClientID != "" && c.ID != "" && c.App != "" && len(c.Audience) > 0 &&
		c.IssuedAt > 0 && c.IssuedAt <= now.Add(maxAhead).Unix() && now.Unix() < c.ExpiresAt
}

// unrevoked refuses a token that was revoked by itself (RFC 7009).
func (s *Service) unrevoked(ctx context.Context, c AccessClaims) error {
	gone, err := s.revoked.Get(ctx, c.ID, func(tx *store.Tx) (bool, error) { return grant.Spent(tx, grant.KindRevoked, c.ID) })
	if err != nil {
		return fmt.Errorf("ask whether a token was revoked: %w", err)
	}
	if gone {
		return badToken(nil)
	}
	return nil
}

// behindKey finds the owner of the API key in whose stead a token stands.
func (s *Service) behindKey(ctx context.Context, t *AccessToken) error {
	id, err := s.o.APIKeys.Standing(ctx, t.App, t.Key)
	if err != nil {
		return badToken(err)
	}
	if s.subject(t.Client, id.User) != t.Subject {
		return badToken(nil)
	}
	t.User, t.Email = id.UserRow, id.Email
	return nil
}

// behindSession finds the person of a token, if its session stands. One without a session is a client's own.
func (s *Service) behindSession(ctx context.Context, t *AccessToken) error {
	if t.SessionID == "" {
		if t.Subject != t.ClientID {
			return badToken(nil)
		}
		return nil
	}
	id, err := s.o.Sessions.Delegated(ctx, t.App, t.SessionID)
	if err != nil {
		return badToken(err)
	}
	if id.SessionRow.Delegation == nil || s.subject(t.Client, id.User) != t.Subject {
		return badToken(nil)
	}
	t.Session, t.User, t.Email = id.SessionRow, id.UserRow, id.Email
	return nil
}

// visible reports whether a client may know of a token: its own, or one that was made for a resource that it serves
// (RFC 7662 section 4).
func (s *Service) visible(ctx context.Context, client auth.Client, c AccessClaims) (bool, error) {
	if c.App != client.App {
		return false, nil
	}
	if c.ClientID == client.OAuthID() {
		return true, nil
	}
	for _, uri := range c.Audience {
		r, ok, err := s.resource(ctx, client.App, uri)
		if err != nil {
			return false, err
		}
		if ok && r.Client == client.ID {
			return true, nil
		}
	}
	return false, nil
}

// AccessUse is a request to an endpoint that an access token opens.
type AccessUse struct {
	Token string
	Possession
	Scope string // that the token must have; empty: none
}

// OpenAccess recognises an access token for an endpoint of ours. Errors: invalid_token, insufficient_scope,
// invalid_dpop_proof, use_dpop_nonce.
func (s *Service) OpenAccess(ctx context.Context, u AccessUse) (*AccessToken, error) {
	t, err := s.VerifyAccess(ctx, u.Token)
	if err != nil {
		return nil, err
	}
	if err := s.held(ctx, t, u.Token, u.Possession); err != nil {
		return nil, err
	}
	if !slices.Contains(t.scopes(), u.Scope) {
		return nil, &Error{Code: InsufficientScope, Description: "The access token was not granted the scope " + u.Scope + ".", Scope: u.Scope}
	}
	if !slices.Contains(t.Audience, s.o.Issuer) {
		return nil, refuse(InvalidToken, "The access token is for somebody else.")
	}
	return t, nil
}

// standsFor rechecks inside a Write who stands behind a token, so that nothing is issued on the word of a cache. Errors:
// those of session.Recheck.
func (s *Service) standsFor(tx *store.Tx, t *AccessToken) (auth.User, error) {
	c := auth.Caller{Kind: auth.CallerSession, App: t.App, Session: t.SessionID, User: t.User.ID}
	if t.Key != "" {
		c = auth.Caller{Kind: auth.CallerAPIKey, App: t.App, Key: t.Key, User: t.User.ID}
	}
	return s.o.Sessions.Recheck(tx, c)
}
