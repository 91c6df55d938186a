package oauth

import (
	"context"
	"encoding/json"

	strict "github.com/go-jose/go-jose/v4/json"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// readClaims reads the `claims` parameter: JSON with every member once. A wish about `acr` and `sub` of the ID token is one
// about who answers, and how; the rest picks from what the scopes open.
func readClaims(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	text := f.Get("claims")
	if text == "" {
		return nil
	}
	bad := refuse(InvalidRequest, "claims is not an object as OpenID Connect has it.")
	var wanted claimsParameter
	if len(text) > maxClaims || strict.Unmarshal([]byte(text), &wanted) != nil {
		return bad
	}
	for _, list := range []map[string]json.RawMessage{wanted.IDToken, wanted.Userinfo} {
		for _, raw := range list {
			if strict.Unmarshal(raw, &claimWish{}) != nil {
				return bad
			}
		}
	}
	var acr, sub claimWish
	if raw, asked := wanted.IDToken["acr"]; asked {
		_ = json.Unmarshal(raw, &acr) // it was read above
		if list := acr.texts(); len(list) > 0 {
			r.ACR, r.EssentialACR = list, acr.Essential
		}
	}
	if raw, asked := wanted.IDToken["sub"]; asked {
		_ = json.Unmarshal(raw, &sub) // as above
		if list := sub.texts(); len(list) == 1 {
			r.Subject = list[0]
		}
	}
	r.Delegation.Claims = json.RawMessage(text)
	return nil
}

// readIDToken reads an ID token of ours that comes back as a hint. That its time is over is no matter (OpenID
// RP-Initiated Logout section 2). Error: invalid_request.
func (s *Service) readIDToken(ctx context.Context, token string) (IDClaims, error) {
	var c IDClaims
	payload, err := s.o.Signer.VerifySigned(ctx, idType, token)
	if err != nil && !auth.Is(err, auth.CodeInvalidToken) {
		return c, err
	}
	if err != nil || json.Unmarshal(payload, &c) != nil || c.Issuer != s.o.Issuer {
		return c, refuse(InvalidRequest, "The id_token_hint is not an ID token of this server.")
	}
	return c, nil
}
