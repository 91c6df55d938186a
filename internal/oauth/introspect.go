package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	strict "github.com/go-jose/go-jose/v4/json"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// introspectionType is the `typ` of a signed answer (RFC 9701 section 5).
const introspectionType = "token-introspection+jwt"

// inactive is all that is told of a token that does not stand, or that is none of the client's business (RFC 7662 section
// 2.2).
const inactive = `{"active":false}`

// toldOf is what introspection tells of an access token: every claim of it, the custom ones too.
func toldOf(c AccessClaims, payload []byte) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if strict.Unmarshal(payload, &all) != nil {
		return nil, badToken(nil)
	}
	kind := bearerType
	if c.Confirmation != nil {
		kind = dpopType
	}
	all["active"], all["token_type"] = json.RawMessage(`true`), json.RawMessage(`"`+kind+`"`)
	told, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("write what a token says: %w", err)
	}
	return told, nil
}

// IntrospectRequest is a question about a token (RFC 7662 section 2.1).
type IntrospectRequest struct {
	ClientRequest
	// Signed asks for a signed answer (RFC 9701 section 4).
	Signed bool
}

// Introspection is the answer: JSON, or a JWT.
type Introspection struct {
	Body   []byte
	Signed bool // Body is a JWT
}

// Introspect tells a confidential client of a token of its own, or of one made for a resource that it serves; of all
// others it learns nothing, not even whether they exist (IR-01). Errors: those of AuthenticateClient, invalid_request.
func (s *Service) Introspect(ctx context.Context, r IntrospectRequest) (Introspection, error) {
	client, token, err := s.aboutToken(ctx, r.ClientRequest)
	if err != nil {
		return Introspection{}, err
	}
	if client.Settings.OAuth.Public() {
		return Introspection{}, refuse(InvalidClient, "Only clients that authenticate may ask.")
	}
	told, err := s.introspect(ctx, client, token)
	if err != nil || !r.Signed {
		return Introspection{Body: told}, err
	}
	signed, err := s.o.Signer.Sign(ctx, auth.AlgorithmRS256, introspectionType, struct {
		Issuer   string          `json:"iss"`
		Audience string          `json:"aud"`
		IssuedAt int64           `json:"iat"`
		Token    json.RawMessage `json:"token_introspection"`
	}{s.o.Issuer, client.OAuthID(), s.o.Clock().Unix(), told})
	return Introspection{Body: []byte(signed), Signed: true}, err
}

// aboutToken reads a request about a token: which client asks, and the token.
func (s *Service) aboutToken(ctx context.Context, r ClientRequest) (client auth.Client, token string, err error) {
	if err := r.Form.check(); err != nil {
		return client, "", err
	}
	if client, err = s.AuthenticateClient(ctx, r); err != nil {
		return client, "", err
	}
	if token = r.Form.Get("token"); token == "" {
		return client, "", refuse(InvalidRequest, "token is missing.")
	}
	return client, token, nil
}

func (s *Service) introspect(ctx context.Context, client auth.Client, token string) (told []byte, err error) {
	if strings.HasPrefix(token, refreshPrefix) {
		return s.introspectRefresh(ctx, client, token)
	}
	t, err := s.VerifyAccess(ctx, token)
	if Is(err, InvalidToken) {
		return []byte(inactive), nil
	}
	if err != nil {
		return nil, err
	}
	ok, err := s.visible(ctx, client, t.AccessClaims)
	if err != nil || !ok {
		return []byte(inactive), err
	}
	return t.told, nil
}

// refreshPrefix stands before every refresh token (package session).
const refreshPrefix = "ort1."

// introspectRefresh tells of a refresh token, to the client that holds it alone. One that was exchanged already is not
// active, even while its successor may be asked for again.
func (s *Service) introspectRefresh(ctx context.Context, client auth.Client, token string) ([]byte, error) {
	held, current, err := s.o.Sessions.Holder(ctx, token)
	if err == nil && current && held.App == client.App && held.Client == client.ID && held.Delegation != nil {
		_, err = s.o.Sessions.Delegated(ctx, held.App, held.ID)
	} else if err == nil {
		return []byte(inactive), nil
	}
	if err != nil {
		if err = badToken(err); Is(err, InvalidToken) {
			return []byte(inactive), nil
		}
		return nil, err
	}
	return json.Marshal(map[string]any{"active": true, "iss": s.o.Issuer, "client_id": client.OAuthID(), "sub": s.subject(client, held.User),
		"scope": strings.Join(held.Delegation.Scopes, " "), "aud": s.audienceOf(*held.Delegation), "sid": held.ID,
		"exp": held.IdleExpiresAt.Unix(), "iat": held.CreatedAt.Unix()})
}
