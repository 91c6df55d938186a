package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// personClaims are what the scopes let a client know of a person (OpenID Core section 5.4); what is not known is left out.
func personClaims(u auth.User, email auth.Email, scopes []string) map[string]any {
	out := map[string]any{}
	put := func(name string, value string) {
		if value != "" {
			out[name] = value
		}
	}
	for _, scope := range scopes {
		switch scope {
		case auth.ScopeProfile:
			put("name", u.Name)
			put("given_name", u.GivenName)
			put("family_name", u.FamilyName)
			put("preferred_username", u.Username)
			put("locale", u.Locale)
			if !u.UpdatedAt.IsZero() {
				out["updated_at"] = u.UpdatedAt.Unix()
			}
		case auth.ScopeEmail:
			if email.Address != "" {
				out["email"], out["email_verified"] = email.Address, email.Verified()
			}
		case auth.ScopePhone:
			put("phone_number", text(u.Attributes["phone"]))
		case auth.ScopeAddress:
			if line := text(u.Attributes["address"]); line != "" {
				out["address"] = map[string]string{"formatted": line}
			}
		}
	}
	return out
}

func text(v any) string { s, _ := v.(string); return s }

// requestedClaims are those that the `claims` parameter asked for in the ID token, as far as the scopes allow them: the
// parameter picks, it opens nothing (FD-10).
func (s *Service) requestedClaims(ctx context.Context, t tokenFacts) (map[string]any, error) {
	if t.granted.Claims == nil {
		return nil, nil
	}
	var wanted claimsParameter
	if err := json.Unmarshal(t.granted.Claims, &wanted); err != nil || len(wanted.IDToken) == 0 {
		return nil, nil // it was checked when it came; a null asks for nothing
	}
	email, err := s.primaryEmail(ctx, t.user)
	if err != nil {
		return nil, err
	}
	out := personClaims(t.user, email, t.granted.Scopes)
	maps.DeleteFunc(out, func(name string, _ any) bool { _, ok := wanted.IDToken[name]; return !ok })
	return out, nil
}

func (s *Service) primaryEmail(ctx context.Context, u auth.User) (email auth.Email, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		email, err = tx.PrimaryEmail(u.App, u.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("read an address: %w", err)
	}
	return email, err
}

// reserved are the claims that say what a token is; nothing else may set them (TK-09).
var reserved = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "sid", "nonce", "auth_time", "acr", "amr", "at_hash",
	"c_hash", "scope", "cnf", "act", "may_act", "app", "key", "role", "account", "account_role", "permissions", "events", "typ"}

// merged writes the claims of a struct with others beside them, which never take the place of one of the struct's or of a
// reserved one.
func merged(own any, others map[string]any) (json.RawMessage, error) {
	text, err := json.Marshal(own)
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	if len(others) == 0 {
		return text, nil
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	for name, value := range others {
		if _, taken := all[name]; taken || slices.Contains(reserved, name) {
			continue
		}
		if all[name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("write the claim %s: %w", name, err)
		}
	}
	return json.Marshal(all)
}

// allowedBeside adds custom claims to those that the server states, whose place they never take, nor that of a reserved
// one (TK-09).
func allowedBeside(own, custom map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range custom {
		if !slices.Contains(reserved, name) {
			out[name] = value
		}
	}
	maps.Copy(out, own)
	return out
}
