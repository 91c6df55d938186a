package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// idType is the `typ` of ID tokens, which no other token of ours has (TK-03).
const idType = "JWT"

// IDClaims are the claims of an ID token (OpenID Core section 2) that do not speak of the person.
type IDClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	// SessionID is the browser's session, which a logout token names too (OpenID Back-Channel Logout section 2.1).
	SessionID       auth.SessionID `json:"sid,omitempty"`
	IssuedAt        int64          `json:"iat"`
	ExpiresAt       int64          `json:"exp"`
	AuthTime        int64          `json:"auth_time,omitempty"`
	Nonce           string         `json:"nonce,omitempty"`
	AMR             []string       `json:"amr,omitempty"`
	ACR             string         `json:"acr,omitempty"`
	AccessTokenHash string         `json:"at_hash,omitempty"`
}

// idToken makes the ID token of an answer. With an access token beside it, what the scopes let the client know of the
// person comes from userinfo; the `claims` parameter can ask for some of it here (OpenID Core sections 5.4 and 5.5).
func (s *Service) idToken(ctx context.Context, t tokenFacts, access string) (string, error) {
	person, err := s.requestedClaims(ctx, t)
	if err != nil {
		return "", err
	}
	payload, err := merged(s.idClaims(t, access), allowedBeside(person, t.custom))
	if err != nil {
		return "", err
	}
	return s.o.Signer.Sign(ctx, idAlgorithm(t.client), idType, payload)
}

// idAlgorithm signs the ID tokens of a client.
func idAlgorithm(c auth.Client) string {
	if own := c.Settings.OAuth.IDTokenAlg; own != "" {
		return own
	}
	return auth.AlgorithmRS256 // OpenID Core section 15.1
}

// idClaims are those of the ID token beside an access token; empty: none.
func (s *Service) idClaims(t tokenFacts, access string) IDClaims {
	amr := methods(t)
	c := IDClaims{Issuer: s.o.Issuer, Subject: s.subject(t.client, t.user.ID), Audience: audience{t.client.OAuthID()},
		SessionID: sidOf(t.session), IssuedAt: t.now.Unix(), ExpiresAt: t.now.Add(s.o.Settings.IDTTL).Unix(), Nonce: t.nonce,
		AMR: amr, ACR: auth.ACROf(amr)}
	if access != "" {
		c.AccessTokenHash = tokenHash(idAlgorithm(t.client), access)
	}
	if at := provenAt(t); !at.IsZero() {
		c.AuthTime = at.Unix()
	}
	return c
}

// sidOf is what clients know a browser's session as; a device has none but its own.
func sidOf(session auth.Session) auth.SessionID {
	if session.Parent != "" {
		return session.Parent
	}
	return session.ID
}

// tokenHash is `at_hash`: the left half of the hash that the signature's algorithm uses (OpenID Core section 3.1.3.6);
// Ed25519 uses SHA-512.
func tokenHash(algorithm, token string) string {
	if algorithm == auth.AlgorithmEdDSA {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
