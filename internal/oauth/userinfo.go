package oauth

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// userinfoType is the `typ` of signed userinfo answers, so that none passes for an ID token (TK-03).
const userinfoType = "userinfo+jwt"

// Userinfo is what a client is told of a person: JSON, or a JWT if the client registered for one (OpenID Core section
// 5.3.2).
type Userinfo struct {
	Body   []byte
	Signed bool // Body is a JWT
}

// Userinfo tells the holder of an access token what its scopes let it know of the person. `sub` is the ID token's, a
// pairwise one too (OI-03). Errors: those of OpenAccess.
func (s *Service) Userinfo(ctx context.Context, u AccessUse) (Userinfo, error) {
	u.Scope = auth.ScopeOpenID
	t, err := s.OpenAccess(ctx, u)
	if err != nil {
		return Userinfo{}, err
	}
	if t.User.ID == "" {
		return Userinfo{}, refuse(InvalidToken, "The access token speaks of no person.")
	}
	claims := personClaims(t.User, t.Email, t.scopes())
	maps.Copy(claims, rights(t))
	custom, err := s.custom(ctx, holder{t.Client, t.User, auth.Membership{Account: t.Account, Role: auth.MemberRole(t.AccountRole)}, t.scopes()})
	if err != nil {
		return Userinfo{}, err
	}
	claims = allowedBeside(claims, custom)
	claims["sub"] = t.Subject
	algorithm := t.Client.Settings.OAuth.UserinfoAlg
	if algorithm == "" {
		body, err := json.Marshal(claims)
		return Userinfo{Body: body}, err
	}
	claims["iss"], claims["aud"] = s.o.Issuer, t.Client.OAuthID()
	token, err := s.o.Signer.Sign(ctx, algorithm, userinfoType, claims)
	return Userinfo{Body: []byte(token), Signed: true}, err
}

// rights are the claims by scope that say what the person may do, as the access token has them.
func rights(t *AccessToken) map[string]any {
	out := map[string]any{}
	if t.Role != "" {
		out["role"] = t.User.Role // as it is now
	}
	if t.Account != "" {
		out["account"], out["account_role"] = t.Account, t.AccountRole
	}
	if len(t.Permissions) > 0 {
		out["permissions"] = t.Permissions
	}
	return out
}
