package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json"
)

// The signatures that we take from others: asymmetric ones alone, so that nobody's public key serves as a shared secret
// (RFC 8725 section 3.1).
const (
	algES256   = "ES256"
	algEdDSA   = "EdDSA"
	algEd25519 = "Ed25519" // EdDSA by its full name (RFC 9864)
	algRS256   = "RS256"
	algPS256   = "PS256"
)

func inboundAlgorithms() []string {
	return []string{algES256, algEdDSA, algEd25519, algRS256, algPS256}
}

// ProofAlgorithms are the signatures that proofs of possession may have.
func ProofAlgorithms() []string { return inboundAlgorithms() }

const (
	minRSA = 2048 // bits (TK-08)
	maxRSA = 8192 // bits: a longer one would only buy our time

	maxProof     = 8 << 10  // bytes (TK-04)
	maxAssertion = 16 << 10 // bytes
	maxJTI       = 512      // bytes
	// maxFuture is how far ahead of ours the clock of who signed something may be (TK-10).
	maxFuture = 10 * time.Second
)

// inbound is a JWT that somebody else signed. Nothing in it is proven before verify.
type inbound struct {
	token  string
	header inboundHeader
}

// inboundHeader are the members of a header that we understand. What would lead us to a key is refused rather than
// ignored (TK-02), and so is what must be understood (RFC 7515 section 4.1.11).
type inboundHeader struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ"`
	KeyID     string          `json:"kid"`
	JWK       json.RawMessage `json:"jwk"`
}

var (
	errInboundShape = errors.New("not a signed JWT")
	errInboundKey   = errors.New("the key does not fit")
)

// readInbound checks the outer form of a token before anything is split, and reads its header.
func readInbound(token string, longest int) (inbound, error) {
	if len(token) > longest || strings.Count(token, ".") != 2 {
		return inbound{}, errInboundShape
	}
	first, rest, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil || strings.ContainsAny(rest, "\r\n= ") || strings.ContainsAny(first, "\r\n") {
		return inbound{}, errInboundShape
	}
	var members map[string]strict.RawMessage
	in := inbound{token: token}
	if strict.Unmarshal(text, &members) != nil || strict.Unmarshal(text, &in.header) != nil {
		return inbound{}, errInboundShape
	}
	for _, refused := range []string{"jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "p2c"} {
		if _, there := members[refused]; there {
			return inbound{}, errInboundShape
		}
	}
	if !slices.Contains(inboundAlgorithms(), in.header.Algorithm) {
		return inbound{}, errors.New("not one of the algorithms that are taken")
	}
	return in, nil
}

// unproven reads a claim that says where to look for the key; it is believed when verify has been.
func (in inbound) unproven(claim string) string {
	middle := strings.Split(in.token, ".")[1]
	text, err := base64.RawURLEncoding.Strict().DecodeString(middle)
	var claims map[string]strict.RawMessage
	if err != nil || strict.Unmarshal(text, &claims) != nil {
		return ""
	}
	var value string
	if strict.Unmarshal(claims[claim], &value) != nil {
		return ""
	}
	return value
}

// verify checks the signature with a key and fills claims from what was signed, each member once and by its exact name
// (TK-06).
func (in inbound) verify(key jose.JSONWebKey, claims any) error {
	if !fitsAlgorithm(key, in.header.Algorithm) {
		return errInboundKey
	}
	payload, err := in.signed(key.Key)
	if err != nil {
		return err
	}
	return strict.Unmarshal(payload, claims)
}

func (in inbound) signed(key any) ([]byte, error) {
	if in.header.Algorithm != algEd25519 {
		jws, err := jose.ParseSignedCompact(in.token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(in.header.Algorithm)})
		if err != nil {
			return nil, err
		}
		return jws.Verify(key)
	}
	last := strings.LastIndexByte(in.token, '.')
	signature, err := base64.RawURLEncoding.Strict().DecodeString(in.token[last+1:])
	public, ok := key.(ed25519.PublicKey)
	if err != nil || !ok || !ed25519.Verify(public, []byte(in.token[:last]), signature) {
		return nil, errors.New("the signature does not stand")
	}
	_, middle, _ := strings.Cut(in.token[:last], ".")
	return base64.RawURLEncoding.Strict().DecodeString(middle)
}

// fitsAlgorithm reports whether a public key is one that an algorithm may use (TK-08).
func fitsAlgorithm(key jose.JSONWebKey, algorithm string) bool {
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != algorithm && !bothEdwards(key.Algorithm, algorithm) {
		return false
	}
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey:
		return algorithm == algES256 && public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return bothEdwards(algorithm, algEdDSA) && len(public) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return (algorithm == algRS256 || algorithm == algPS256) && bits >= minRSA && bits <= maxRSA
	}
	return false
}

func bothEdwards(a, b string) bool {
	return (a == algEdDSA || a == algEd25519) && (b == algEdDSA || b == algEd25519)
}

// verifyAny checks the signature with whichever of a publisher's keys made it.
func (s *Service) verifyAny(ctx context.Context, in inbound, inline json.RawMessage, uri string, claims any) error {
	keys, err := s.remote.keys(ctx, inline, uri, in.header.KeyID)
	if err != nil {
		return err
	}
	err = errInboundKey
	for _, key := range keys.Keys {
		if in.header.KeyID != "" && key.KeyID != "" && key.KeyID != in.header.KeyID {
			continue
		}
		if err = in.verify(key, claims); err == nil {
			return nil
		}
	}
	return err
}

// assertionClaims are those of an assertion about a client or a user (RFC 7523 section 3).
type assertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
}

// fits says what is wrong with an assertion whose signature stands; empty if nothing is. longest bounds how long it may
// live on, for that long its identifier is remembered.
func (c assertionClaims) fits(audiences []string, now time.Time, longest time.Duration) string {
	ahead := now.Add(maxFuture).Unix()
	switch {
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(audiences, a) }):
		return "The assertion is for somebody else."
	case c.ExpiresAt <= now.Unix():
		return "The assertion has expired."
	case c.ExpiresAt > now.Add(longest+maxFuture).Unix():
		return "The assertion lives too long."
	case c.IssuedAt > ahead || c.NotBefore > ahead:
		return "The assertion is from the future."
	case c.ID == "" || len(c.ID) > maxJTI:
		return "The assertion has no jti."
	}
	return ""
}

// assertionAudiences is what an assertion for us may name us: the issuer, or the token endpoint as older clients do
// (RFC 7523 section 3).
func (s *Service) assertionAudiences() []string { return []string{s.o.Issuer, s.o.Issuer + TokenPath} }
