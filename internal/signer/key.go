package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	sealPurpose = "signing-key"
	rsaBits     = 2048
)

// key is a row made ready for use.
type key struct {
	row    auth.SigningKey
	public any    // *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey
	header string // base64url of the protected header, with the dot after it
	// sign makes the JWS signature of a signing input; nil for a key that signs no more.
	sign func(input []byte) ([]byte, error)
}

// retired reports whether the key's time to sign is over.
func (k *key) retired(now time.Time) bool {
	return !k.row.RetiresAt.IsZero() && !now.Before(k.row.RetiresAt)
}

// published reports whether the key is in the JWKS and verifies.
func (k *key) published(now time.Time, overlap time.Duration) bool {
	return k.row.RetiresAt.IsZero() || now.Before(k.row.RetiresAt.Add(overlap))
}

// makeKey makes a key pair and its row, without times.
func (s *Signer) makeKey(algorithm string) (auth.SigningKey, error) {
	private, err := generate(s.o.Rand, algorithm)
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("make a key for %s: %w", algorithm, err)
	}
	jwk := jose.JSONWebKey{Key: private.Public(), Algorithm: algorithm, Use: "sig"}
	print256, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("name a key for %s: %w", algorithm, err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(print256)
	public, err := jwk.MarshalJSON()
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("write a public key for %s: %w", algorithm, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("write a private key for %s: %w", algorithm, err)
	}
	sealed, err := s.o.Keys.Seal(sealPurpose, jwk.KeyID, der)
	clear(der)
	if err != nil {
		return auth.SigningKey{}, err
	}
	return auth.SigningKey{ID: auth.SigningKeyID(jwk.KeyID), Algorithm: algorithm, Sealed: sealed, PublicJWK: string(public)}, nil
}

func generate(r io.Reader, algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case auth.AlgorithmES256:
		return ecdsa.GenerateKey(elliptic.P256(), r)
	case auth.AlgorithmEdDSA:
		_, private, err := ed25519.GenerateKey(r)
		return private, err
	case auth.AlgorithmRS256:
		return rsa.GenerateKey(r, rsaBits)
	}
	return nil, errors.New("no such signing algorithm")
}

// openKey prepares a row. The public half must be what the id says, whoever wrote the row.
func (s *Signer) openKey(row auth.SigningKey) (*key, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON([]byte(row.PublicJWK)); err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	print256, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name the public key: %w", err)
	}
	if !jwk.IsPublic() || !fits(jwk.Key, row.Algorithm) || base64.RawURLEncoding.EncodeToString(print256) != string(row.ID) {
		return nil, errors.New("the public key is not the one that the row names")
	}
	k := &key{row: row, public: jwk.Key, header: protectedHeader(row.Algorithm, string(row.ID), accessType)}
	if len(row.Sealed) == 0 {
		return k, nil
	}
	der, err := s.o.Keys.Open(sealPurpose, string(row.ID), row.Sealed)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	clear(der)
	if err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	if k.sign = s.signature(private); k.sign == nil {
		return nil, errors.New("the private key is of an unknown kind")
	}
	return k, nil
}

// fits reports whether a public key is one that its algorithm may use (SECURITY TK-08).
func fits(public any, algorithm string) bool {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		return algorithm == auth.AlgorithmES256 && p.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return algorithm == auth.AlgorithmEdDSA && len(p) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		return algorithm == auth.AlgorithmRS256 && p.N.BitLen() >= rsaBits
	}
	return false
}

// signature is the JWS signature function of a private key (RFC 7518 sections 3.3 and 3.4, RFC 8037 section 3.1).
// It calls the standard library instead of go-jose because the protected header is the same for every token of a
// key: written once, it saves the header's maps and JSON at each signing, about a third of the time.
func (s *Signer) signature(private any) func(input []byte) ([]byte, error) {
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		return func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			r, v, err := ecdsa.Sign(s.o.Rand, p, digest[:])
			if err != nil {
				return nil, err
			}
			out := make([]byte, 64)
			r.FillBytes(out[:32])
			v.FillBytes(out[32:])
			return out, nil
		}
	case ed25519.PrivateKey:
		return func(input []byte) ([]byte, error) { return ed25519.Sign(p, input), nil }
	case *rsa.PrivateKey:
		return func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			return rsa.SignPKCS1v15(s.o.Rand, p, crypto.SHA256, digest[:])
		}
	}
	return nil
}

// header is the protected header of our tokens: these three members and no other.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// protectedHeader writes a header as it stands before the first dot, with that dot.
func protectedHeader(algorithm, id, typ string) string {
	text, err := json.Marshal(header{Algorithm: algorithm, KeyID: id, Type: typ})
	if err != nil {
		panic(err) // three strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(text) + "."
}
