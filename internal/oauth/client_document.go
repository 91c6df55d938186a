package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/outbound"
)

const (
	maxKeySet   = 64 << 10 // bytes
	maxDocument = 5 << 10  // bytes of a client metadata document (CR-02)
)

// documents are remote documents that others publish: key sets of clients and issuers, and the metadata of clients that
// nobody registered. Who sends requests with invented addresses pushes no key set out, for each kind has its own place.
type documents struct {
	keySets  *outbound.Documents
	metadata *outbound.Documents
}

func newDocuments(o *outbound.Client, clock func() time.Time) *documents {
	return &documents{
		keySets: outbound.NewDocuments(o, clock, outbound.Keep{MaxBody: maxKeySet, Fresh: time.Hour, Least: 5 * time.Minute, Most: 24 * time.Hour,
			Stale: 24 * time.Hour, Renew: time.Minute, Retry: 10 * time.Second, Count: 500, Concurrent: 16}),
		metadata: outbound.NewDocuments(o, clock, outbound.Keep{MaxBody: maxDocument, Fresh: time.Hour, Least: 5 * time.Minute, Most: 24 * time.Hour,
			Renew: time.Minute, Retry: time.Minute, Count: 500, Concurrent: 16, JSON: true}),
	}
}

// keys answers the public keys of a client or issuer: those that it registered, else those that it publishes. A key id
// that is not among those at hand asks for newer ones, once a minute at most, so that a new key works at once and
// invented ids cost nothing; empty: any key will do. Error: that the set cannot be had, or is none.
func (d *documents) keys(ctx context.Context, inline json.RawMessage, uri, kid string) (jose.JSONWebKeySet, error) {
	if len(inline) > 0 {
		return readKeySet(inline)
	}
	if uri == "" {
		return jose.JSONWebKeySet{}, errors.New("there are no keys")
	}
	set, err := d.published(ctx, uri, false)
	if err != nil || kid == "" || len(set.Key(kid)) > 0 {
		return set, err
	}
	return d.published(ctx, uri, true)
}

func (d *documents) published(ctx context.Context, uri string, renew bool) (set jose.JSONWebKeySet, err error) {
	body, err := d.keySets.Get(ctx, uri, renew, func(b []byte) error { _, err := readKeySet(b); return err })
	if err == nil {
		set, err = readKeySet(body)
	}
	if err != nil {
		err = fmt.Errorf("read published keys: %w", err)
	}
	return set, err
}

// readKeySet reads the public keys for signatures of a set and passes over all others: a set may hold more than we know,
// and a symmetric or private key proves nothing (TK-02).
func readKeySet(body []byte) (jose.JSONWebKeySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	var out jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return out, errors.New("not a JSON Web Key Set")
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			out.Keys = append(out.Keys, key)
		}
	}
	if len(out.Keys) == 0 {
		return out, errors.New("no public key for signatures in the set")
	}
	return out, nil
}
