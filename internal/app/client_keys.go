package app

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeySet  = 16 << 10 // bytes of the keys that a client registers
	maxKeysIn  = 20
	minRSABits = 2048 // TK-08
	maxRSABits = 8192 // a longer one costs more to check than anybody has a reason for
)

// badKeySet says what is wrong with public keys (RFC 7517) that somebody registers; empty if nothing is.
func badKeySet(text json.RawMessage) string {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(text) > maxKeySet || json.Unmarshal(text, &set) != nil || len(set.Keys) == 0 {
		return "It is a JSON Web Key Set with at least one key."
	}
	if len(set.Keys) > maxKeysIn {
		return fmt.Sprintf("A set has at most %d keys.", maxKeysIn)
	}
	ids := map[string]bool{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.Valid() {
			return "One of the keys cannot be read."
		}
		if why := badKey(key); why != "" {
			return why
		}
		if len(set.Keys) > 1 && (key.KeyID == "" || ids[key.KeyID]) {
			return "Each of several keys has an id (kid) of its own."
		}
		ids[key.KeyID] = true
	}
	return ""
}

func badKey(key jose.JSONWebKey) string {
	if key.Use != "" && key.Use != "sig" {
		return "The keys are for signatures (use: sig)."
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Sprintf("RSA keys have %d to %d bits.", minRSABits, maxRSABits)
		}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return "Elliptic curve keys are of P-256 or Ed25519."
		}
	case ed25519.PublicKey:
	default:
		return "The keys are public ones: RSA, P-256 or Ed25519."
	}
	return ""
}
