package federation

import (
	"context"
	"crypto/subtle"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// clockLeeway is how far a provider's clock may be ahead of ours.
const clockLeeway = 5 * time.Minute

var tenantID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func isTenant(text string) bool { return tenantID.MatchString(text) }

// identify checks an ID token against the connection and the journey (OpenID Connect Core 3.1.3.7, FD-04, FD-05) and
// answers its claims and its issuer. Codes: provider-refused, provider-unavailable (no keys).
func (s *Service) identify(ctx context.Context, p auth.Provider, e endpoints, j journey, token *oauth2.Token) (claims, string, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, "", refused(p, "no ID token")
	}
	verifier := oidc.NewVerifier(e.issuer, keySet{documents: s.documents, address: e.jwks, algorithms: e.algorithms}, &oidc.Config{
		ClientID: p.Settings.ClientID, SupportedSigningAlgs: e.algorithms, Now: s.o.Clock,
		SkipIssuerCheck: strings.Contains(e.issuer, tenantPlaceholder), // rightIssuer does it
	})
	// The verifier hides the cause in text, so a failure to get the keys is told apart by asking for them first.
	if _, err := s.documents.Get(ctx, e.jwks, false, func(b []byte) error { _, err := readKeys(b); return err }); err != nil {
		return nil, "", unavailable(p, "keys: %w", err)
	}
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, "", refused(p, "ID token: %w", err)
	}
	payload := claims{}
	if err := id.Claims((*map[string]any)(&payload)); err != nil {
		return nil, "", refused(p, "ID token: %w", err)
	}
	now := s.o.Clock()
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(j.nonce)) != 1:
		err = errors.New("the nonce is another journey's")
	case id.IssuedAt.IsZero() || id.IssuedAt.Unix() <= 0 || id.IssuedAt.After(now.Add(clockLeeway)):
		err = errors.New("iat is missing or in the future")
	case !forUs(id, payload, p.Settings.ClientID):
		err = errors.New("azp is another client, or missing beside several audiences")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		err = errors.New("at_hash is of another access token")
	}
	issuer, ok := rightIssuer(e.issuer, id.Issuer, payload)
	if err == nil && !ok {
		err = errors.New("the issuer is not the one of its tenant")
	}
	if err != nil {
		return nil, "", refused(p, "ID token: %w", err)
	}
	return payload, issuer, nil
}

// forUs checks the authorised party: named or not, it is this client (OpenID Connect Core 3.1.3.7, rules 3 to 5).
func forUs(id *oidc.IDToken, payload claims, client string) bool {
	azp, named := payload["azp"]
	if named {
		return azp == client
	}
	return len(id.Audience) == 1
}

// rightIssuer fills the tenant of a token into the template of a shared endpoint and compares exactly. The issuer that
// identities are kept under is never the looser spelling that a token may use.
func rightIssuer(published, told string, payload claims) (string, bool) {
	if !strings.Contains(published, tenantPlaceholder) {
		return published, true // the verifier has compared
	}
	tenant, _ := payload["tid"].(string)
	issuer := strings.ReplaceAll(published, tenantPlaceholder, tenant)
	return issuer, isTenant(tenant) && told == issuer
}
