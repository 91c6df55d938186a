package signer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

const (
	maxToken = 8 << 10 // bytes (SECURITY TK-04)
	// maxAhead is how far the clock of the node that issued a token may be ahead of ours (SECURITY F-15). Expiry has
	// no such leeway (TK-10).
	maxAhead = 60 * time.Second
)

// VerifyAccess checks an access token of ours and returns its claims. Key and algorithm come from our own record of
// the key that the header names, never from the header itself (RFC 8725 section 3.1); nothing of the claims is looked
// at before the signature stands.
//
// The error is token-expired for a token of ours whose time is over, invalid-token for everything else, and the
// store's own if the keys had to be read and could not be.
func (s *Signer) VerifyAccess(ctx context.Context, token string) (AccessClaims, error) {
	h, err := parseHeader(token, accessType)
	if err != nil {
		return AccessClaims{}, invalid(err)
	}
	if app, ok := sharedApp(h.KeyID); ok {
		return s.verifyShared(token, h, app)
	}
	payload, err := s.payload(ctx, token, h)
	if err != nil {
		return AccessClaims{}, err
	}
	var c AccessClaims
	if err := strict.Unmarshal(payload, &c); err != nil {
		return AccessClaims{}, invalid(err)
	}
	return s.inTime(c)
}

// VerifySigned checks that a token of the given type was signed here and answers its claims as they were signed: JSON,
// each member once. Issuer, audience and times are the caller's to check; an ID token may be believed after its time
// (OpenID RP-Initiated Logout section 2). Errors: invalid-token, and the store's own.
func (s *Signer) VerifySigned(ctx context.Context, typ, token string) ([]byte, error) {
	h, err := parseHeader(token, typ)
	if err != nil {
		return nil, invalid(err)
	}
	return s.payload(ctx, token, h)
}

// payload verifies a token with the key that its header names.
func (s *Signer) payload(ctx context.Context, token string, h header) ([]byte, error) {
	k, err := s.find(ctx, h.KeyID)
	if err != nil {
		return nil, err
	}
	if k == nil || !k.published(s.o.Clock(), s.o.Overlap) || h.Algorithm != k.row.Algorithm {
		return nil, invalid(errKey)
	}
	payload, err := verified(token, k.row.Algorithm, k.public)
	if err != nil {
		return nil, invalid(err)
	}
	return payload, nil
}

// verifyShared verifies a token signed with an app's shared secret: the app must be the one of the claims, and the
// claims must have been issued here.
func (s *Signer) verifyShared(token string, h header, app auth.AppID) (AccessClaims, error) {
	if h.Algorithm != auth.AlgorithmHS256 {
		return AccessClaims{}, invalid(errKey)
	}
	payload, err := verified(token, auth.AlgorithmHS256, s.HS256Secret(app))
	if err != nil {
		return AccessClaims{}, invalid(err)
	}
	var c sharedClaims
	if err := strict.Unmarshal(payload, &c); err != nil {
		return AccessClaims{}, invalid(err)
	}
	want, err := s.issuedHere(c.AccessClaims)
	if err != nil {
		return AccessClaims{}, invalid(err)
	}
	proof, err := base64.RawURLEncoding.Strict().DecodeString(c.Proof)
	if err != nil || !secret.Equal(proof, want) || c.App != string(app) {
		return AccessClaims{}, invalid(errors.New("not issued here"))
	}
	return s.inTime(c.AccessClaims)
}

// verified is the payload of a token whose signature stands for exactly this algorithm and key.
func verified(token, algorithm string, key any) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return nil, err
	}
	return jws.Verify(key)
}

// inTime checks the claims of a token whose signature stands.
func (s *Signer) inTime(c AccessClaims) (AccessClaims, error) {
	now := s.o.Clock()
	ahead := now.Add(maxAhead).Unix()
	switch {
	case c.Issuer != s.o.Issuer:
		return AccessClaims{}, invalid(errors.New("another issuer"))
	case c.Subject == "" || c.Audience == "" || c.IssuedAt <= 0 || c.ExpiresAt <= 0:
		return AccessClaims{}, invalid(errors.New("a claim is missing"))
	case c.IssuedAt > ahead || c.NotBefore > ahead:
		return AccessClaims{}, invalid(errors.New("from the future"))
	case now.Unix() >= c.ExpiresAt:
		return AccessClaims{}, auth.E(auth.CodeTokenExpired, "")
	}
	return c, nil
}

var (
	errShape  = errors.New("not a token of ours by its form")
	errHeader = errors.New("not a header of ours")
	errKey    = errors.New("no such key, or another algorithm than the key's")
)

// invalid keeps the cause for our own log; the answer never says why.
func invalid(cause error) *auth.Error { return &auth.Error{Code: auth.CodeInvalidToken, Err: cause} }

// parseHeader checks the outer form of a token before anything is split or decoded, and reads its header: the
// members alg, kid and typ, each once, and no other, so that jku, jwk, x5u, x5c, crit and zip cannot occur
// (SECURITY TK-02, TK-06). typ is the only type that is taken.
func parseHeader(token, typ string) (header, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return header{}, errShape
	}
	first, rest, _ := strings.Cut(token, ".")
	second, third, _ := strings.Cut(rest, ".")
	text, ok := decodeSegment(first)
	if !ok || !wholeSegment(second) || !wholeSegment(third) {
		return header{}, errShape
	}
	var h header
	var members map[string]strict.RawMessage
	if strict.Unmarshal(text, &members) != nil || len(members) != 3 || strict.Unmarshal(text, &h) != nil {
		return header{}, errHeader
	}
	kind := strings.ToLower(h.Type)
	if h.KeyID == "" || h.Algorithm == "" || strings.TrimPrefix(kind, "application/") != strings.ToLower(typ) {
		return header{}, errHeader
	}
	return h, nil
}

// decodeSegment decodes base64url with nothing left over: no padding, no line breaks, no stray bits in the last
// character, so that a token has one spelling.
func decodeSegment(s string) ([]byte, bool) {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && !bytes.Equal(b, nil)
}

func wholeSegment(s string) bool { _, ok := decodeSegment(s); return ok }
