package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/outbound"
)

// maxKeys is how many keys of one set are read.
const maxKeys = 100

// keySet checks signatures with what a provider publishes at its jwks_uri. It is the oidc.KeySet of one connection.
type keySet struct {
	documents  *outbound.Documents
	address    string
	algorithms []string
}

// publishedKey is a public key of a provider.
type publishedKey struct {
	jose.JSONWebKey
	// issuer is for whose tokens the key is, where a set serves several issuers (Microsoft); empty: for all.
	issuer string
}

var errSignature = errors.New("no published key has made the signature")

// VerifySignature implements oidc.KeySet. A key id that is not known fetches the set anew, once a minute at most, so that
// a new key works at once and garbage costs nothing (SECURITY F-23).
func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	allowed := make([]jose.SignatureAlgorithm, len(k.algorithms))
	for i, a := range k.algorithms {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(token, allowed)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	payload, found, err := k.try(ctx, jws, false)
	if err == nil && !found {
		payload, _, err = k.try(ctx, jws, true)
	}
	if err == nil && payload == nil {
		err = errSignature
	}
	return payload, err
}

// try looks for the key. found is false if the set has none of the token's key id.
func (k keySet) try(ctx context.Context, jws *jose.JSONWebSignature, renew bool) (payload []byte, found bool, err error) {
	body, err := k.documents.Get(ctx, k.address, renew, func(b []byte) error {
		_, err := readKeys(b)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errKeys, err)
	}
	keys, err := readKeys(body)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errKeys, err)
	}
	header := jws.Signatures[0].Header
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		found = found || header.KeyID != ""
		if payload, err := jws.Verify(key.JSONWebKey); err == nil {
			if !key.signsFor(payload) {
				return nil, true, errSignature
			}
			return payload, true, nil
		}
	}
	return nil, found, nil
}

// errKeys is in the chain of an error when the keys cannot be had.
var errKeys = errors.New("the provider's keys cannot be had")

// readKeys picks the keys that sign. Those of unknown kinds are passed over, for a provider may publish more than we
// know; symmetric ones are no public keys.
func readKeys(body []byte) ([]publishedKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("not a JSON Web Key Set")
	}
	var out []publishedKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key publishedKey
		if json.Unmarshal(raw, &key.JSONWebKey) != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
			continue
		}
		var more struct {
			Issuer string `json:"issuer"`
		}
		if json.Unmarshal(raw, &more) == nil {
			key.issuer = more.Issuer
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, errors.New("no public key for signatures in it")
	}
	return out, nil
}

// signsFor reports whether a key may sign for the issuer that a token names. A personal account's key must not make
// tokens of an organisation.
func (k publishedKey) signsFor(payload []byte) bool {
	if k.issuer == "" {
		return true
	}
	var claims struct {
		Issuer string `json:"iss"`
		Tenant string `json:"tid"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return false
	}
	return claims.Issuer == strings.ReplaceAll(k.issuer, tenantPlaceholder, claims.Tenant)
}
