package auth

import "time"

// SigningKey is one key pair that signs access tokens. Its life: published from the moment it is made, signing from
// ActivatesAt until RetiresAt, published for the overlap after that, so that what it signed last still verifies.
type SigningKey struct {
	ID        SigningKeyID // the RFC 7638 thumbprint; the `kid` of tokens and of the JWKS
	Algorithm string       // ES256, EdDSA or RS256
	Sealed    []byte       // the private key, sealed with the id as row; empty once removed
	PublicJWK string       // RFC 7517, public members only
	CreatedAt time.Time
	// ActivatesAt may lie in the future: such a key is published so that others know it before it signs.
	ActivatesAt time.Time
	RetiresAt   time.Time // zero: not planned
	RemovedAt   time.Time // zero: not; a removed key verifies nothing from that moment on
}

// The algorithms that sign access tokens.
const (
	AlgorithmES256 = "ES256"
	AlgorithmEdDSA = "EdDSA"
	AlgorithmRS256 = "RS256"
	AlgorithmHS256 = "HS256" // only where an app's settings say so
)
