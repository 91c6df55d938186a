package signer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	accessType = "at+jwt" // RFC 9068 section 2.1

	sharedPrefix  = "hs256." // of the key id of an app's shared secret
	sharedPurpose = "hs256-access-token"
	proofPurpose  = "hs256-issued-here"
)

// AccessClaims are the claims of an access token (RFC 9068 section 2.2). Times are unix seconds. Empty ones are left
// out of the token.
type AccessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	ClientID  string   `json:"client_id,omitempty"`
	SessionID string   `json:"sid,omitempty"`
	ID        string   `json:"jti,omitempty"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf,omitempty"`
	ExpiresAt int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	AMR       []string `json:"amr,omitempty"` // RFC 8176
	App       string   `json:"app,omitempty"`
	Role      string   `json:"role,omitempty"`
	// Account is the account that the session acts for, and AccountRole the user's role in it.
	Account     string `json:"account,omitempty"`
	AccountRole string `json:"account_role,omitempty"`

	Scope string `json:"scope,omitempty"` // RFC 6749 section 3.3: separated by spaces
}

// sharedClaims are those of a token signed with an app's shared secret. Resource servers of that app know the secret
// and could sign tokens themselves; Proof is a MAC over the other claims with a key that never leaves the house, so
// our own doors accept what was issued here and nothing else.
type sharedClaims struct {
	AccessClaims
	Proof string `json:"ostiary_proof"`
}

// SignAccess makes an access token of type at+jwt. algorithm is ES256 (also when empty), EdDSA, RS256 or, for apps
// whose settings ask for it, HS256 with HS256Secret of c.App; the first token of an algorithm makes its keys. An empty
// Issuer is that of the options, an empty Audience the issuer.
func (s *Signer) SignAccess(ctx context.Context, algorithm string, c AccessClaims) (string, error) {
	if c.Issuer == "" {
		c.Issuer = s.o.Issuer
	}
	if c.Audience == "" {
		c.Audience = c.Issuer
	}
	if algorithm == auth.AlgorithmHS256 {
		return s.signShared(c)
	}
	k, err := s.signingKey(ctx, algorithm)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	return assemble(k.header, payload, k.sign)
}

// Sign makes a token of another type than access tokens, or an access token with claims of its own: typ is the header's
// `typ`, which VerifySigned asks for again, so that no kind passes for another (TK-03). algorithm is ES256 (also when
// empty), EdDSA or RS256; the first token of an algorithm makes its keys. claims is anything that JSON can write.
func (s *Signer) Sign(ctx context.Context, algorithm, typ string, claims any) (string, error) {
	k, err := s.signingKey(ctx, algorithm)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	head := k.header
	if typ != accessType {
		head = protectedHeader(k.row.Algorithm, string(k.row.ID), typ)
	}
	return assemble(head, payload, k.sign)
}

// Issuer is the `iss` of every token.
func (s *Signer) Issuer() string { return s.o.Issuer }

// signingKey is the key that signs now; the first call for an algorithm makes its keys.
func (s *Signer) signingKey(ctx context.Context, algorithm string) (*key, error) {
	if algorithm == "" {
		algorithm = auth.AlgorithmES256
	}
	if k := s.current(ctx).signing(algorithm, s.o.Clock()); k != nil {
		return k, nil
	}
	if err := s.Prepare(ctx, algorithm); err != nil {
		return nil, err
	}
	if k := s.set.Load().signing(algorithm, s.o.Clock()); k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("there is no key to sign with %s", algorithm)
}

// assemble builds the compact serialisation (RFC 7515 section 7.1).
func assemble(header string, payload []byte, sign func([]byte) ([]byte, error)) (string, error) {
	b64 := base64.RawURLEncoding
	out := make([]byte, 0, len(header)+b64.EncodedLen(len(payload))+1+b64.EncodedLen(rsaBits/8))
	out = b64.AppendEncode(append(out, header...), payload)
	signature, err := sign(out)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(b64.AppendEncode(append(out, '.'), signature)), nil
}

// HS256Secret is the secret that an app's old resource servers share with us: 256 bits derived from the master key.
// It changes with the master key only.
func (s *Signer) HS256Secret(app auth.AppID) []byte { return s.o.Keys.MAC(sharedPurpose, string(app)) }

func (s *Signer) signShared(c AccessClaims) (string, error) {
	if c.App == "" {
		return "", errors.New("a token with a shared secret needs an app")
	}
	proof, err := s.issuedHere(c)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(sharedClaims{AccessClaims: c, Proof: base64.RawURLEncoding.EncodeToString(proof)})
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	key := s.HS256Secret(auth.AppID(c.App))
	return assemble(protectedHeader(auth.AlgorithmHS256, sharedPrefix+c.App, accessType), payload, func(input []byte) ([]byte, error) {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write(input)
		return h.Sum(nil), nil
	})
}

// issuedHere is the MAC over the claims that only this house can make.
func (s *Signer) issuedHere(c AccessClaims) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	return s.o.Keys.MAC(proofPurpose, string(text)), nil
}

// sharedApp is the app whose shared secret a key id names.
func sharedApp(keyID string) (auth.AppID, bool) {
	app, ok := strings.CutPrefix(keyID, sharedPrefix)
	return auth.AppID(app), ok && app != ""
}
