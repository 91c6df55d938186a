package oauth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/outbound"
)

// --- to be replaced, each in the file that is named beside it ---

// client_document.go: documents are remote documents (JWKS of clients and issuers, client metadata), fetched through the
// guarded client and kept as their headers allow.
type documents struct{}

func newDocuments(o *outbound.Client, clock func() time.Time) *documents { return &documents{} }

// keys are the public keys of a publisher: those given inline, else those at its JWKS URI. kid is a key id that must be
// among them if it can be had; empty: any.
func (d *documents) keys(ctx context.Context, inline json.RawMessage, uri, kid string) ([]jose.JSONWebKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(inline, &set); err != nil {
		return nil, err
	}
	return set.Keys, nil
}
func (s *Service) documented(ctx context.Context, url string) (auth.Client, error) {
	return auth.Client{}, unknownClient()
}

// claim_mapping.go
func (s *Service) withCustom(ctx context.Context, t tokenFacts, c AccessClaims) (any, error) {
	return c, nil
}

// subject.go
func sectorOf(client auth.Client) string { return client.Settings.OAuth.Sector }
