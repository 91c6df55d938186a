package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

const (
	accessType = "at+jwt" // RFC 9068 section 2.1
	// opaquePrefix stands before access tokens that only introspection can read.
	opaquePrefix = "oat1."
	// opaquePurpose binds the seal of such a token.
	opaquePurpose = "opaque-access-token"
)

// audience is `aud`: one text, or a list of several (RFC 7519 section 4.1.3).
type audience []string

// MarshalJSON writes one audience as a text.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(text, &list)
	*a = list
	return err
}

// confirmation is `cnf`: the key that a token is bound to (RFC 9449 section 6.1).
type confirmation struct {
	JKT string `json:"jkt"`
}

// actor is `act`: who acts in the subject's name (RFC 8693 section 4.1).
type actor struct {
	Subject string `json:"sub"`
	Actor   *actor `json:"act,omitempty"`
}

// AccessClaims are the claims of an access token for a client (RFC 9068 section 2.2), the custom ones left out.
type AccessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ClientID string   `json:"client_id"`
	// SessionID is the session that the client was given; empty for a client that acts by itself.
	SessionID auth.SessionID `json:"sid,omitempty"`
	ID        string         `json:"jti"`
	IssuedAt  int64          `json:"iat"`
	ExpiresAt int64          `json:"exp"`
	AuthTime  int64          `json:"auth_time,omitempty"`
	AMR       []string       `json:"amr,omitempty"`
	ACR       string         `json:"acr,omitempty"`
	Scope     string         `json:"scope,omitempty"`
	App       auth.AppID     `json:"app"`

	Role        auth.Role      `json:"role,omitempty"`
	Account     auth.AccountID `json:"account,omitempty"`
	AccountRole string         `json:"account_role,omitempty"`
	Permissions []string       `json:"permissions,omitempty"`

	Confirmation *confirmation `json:"cnf,omitempty"`
	Actor        *actor        `json:"act,omitempty"`
	// Key is the API key that the token stands for; it dies with the key.
	Key auth.APIKeyID `json:"key,omitempty"`
}

// scopes are the words of `scope`.
func (c AccessClaims) scopes() []string { return strings.Fields(c.Scope) }

// accessToken makes the access token: a JWT, or a text that only we can read.
func (s *Service) accessToken(ctx context.Context, t tokenFacts) (string, error) {
	payload, err := merged(s.accessClaims(t), t.custom)
	if err != nil {
		return "", err
	}
	if t.client.Settings.OAuth.TokenFormat == auth.TokenFormatOpaque {
		return s.sealed(payload)
	}
	algorithm := t.app.Settings.SigningAlgorithm
	if algorithm == auth.AlgorithmHS256 {
		algorithm = auth.AlgorithmES256 // a shared secret is for an app's own resource servers, never for clients (TK-01)
	}
	return s.o.Signer.Sign(ctx, algorithm, accessType, payload)
}

func (s *Service) accessClaims(t tokenFacts) AccessClaims {
	c := AccessClaims{Issuer: s.o.Issuer, ClientID: t.client.OAuthID(), App: t.client.App, Scope: strings.Join(t.granted.Scopes, " "),
		ID: secret.NewID(s.o.Rand, t.now), IssuedAt: t.now.Unix(), ExpiresAt: t.now.Add(t.life).Unix(), SessionID: t.session.ID,
		Actor: t.actor, Key: t.key, Audience: s.audienceOf(t.granted)}
	if t.granted.JKT != "" {
		c.Confirmation = &confirmation{JKT: t.granted.JKT}
	}
	if t.user.ID == "" {
		c.Subject = t.client.OAuthID()
		return c
	}
	c.Subject = s.subject(t.client, t.user.ID)
	if at := provenAt(t); !at.IsZero() {
		c.AuthTime = at.Unix()
	}
	if amr := methods(t); len(amr) > 0 {
		c.AMR, c.ACR = amr, auth.ACROf(amr)
	}
	s.entitle(&c, t)
	return c
}

// audienceOf is whom an access token is for: the resources that were asked for, else ourselves. With openid it opens
// userinfo too.
func (s *Service) audienceOf(d auth.Delegation) audience {
	out := audience(slices.Clone(d.Resources))
	if len(out) == 0 || slices.Contains(d.Scopes, auth.ScopeOpenID) {
		out = append(out, s.o.Issuer)
	}
	return out
}

// entitle fills the claims that say what the person may do, by scope.
func (s *Service) entitle(c *AccessClaims, t tokenFacts) {
	for _, scope := range t.granted.Scopes {
		switch scope {
		case auth.ScopeRoles:
			c.Role = t.user.Role
		case auth.ScopeAccount:
			c.Account, c.AccountRole = t.member.Account, string(t.member.Role)
		case auth.ScopePermissions:
			c.Permissions = permissions(t.app, t.user.Role, t.member)
		}
	}
}

// permissions are those that the app gives the user's role and the role in the account.
func permissions(app auth.App, role auth.Role, member auth.Membership) []string {
	out := slices.Concat(app.Settings.Permissions[string(role)], app.Settings.Permissions[string(member.Role)])
	slices.Sort(out)
	return slices.Compact(out)
}

// subject is what the client knows the user as (OpenID Core section 8). A pairwise one tells sectors nothing of each other
// and is the same for a user and sector for ever (OI-05).
func (s *Service) subject(client auth.Client, user auth.UserID) string {
	if client.Settings.OAuth.SubjectType != auth.SubjectPairwise {
		return string(user)
	}
	mac := s.o.Keys.MAC("pairwise-subject", sectorOf(client), string(client.App), string(user))
	return base64.RawURLEncoding.EncodeToString(mac)
}

// provenAt is when the person last proved who they are, as the session knows it now.
func provenAt(t tokenFacts) time.Time {
	if at := t.session.ProvenAt(); !at.IsZero() {
		return at
	}
	return t.authTime
}

func methods(t tokenFacts) []string {
	if t.session.ID != "" {
		return t.session.AMR
	}
	return t.amr
}

// sealed makes a text that only we can read, and that nobody can alter or cut (TK-11).
func (s *Service) sealed(payload any) (string, error) {
	plain, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	box, err := s.o.Keys.Seal(opaquePurpose, s.o.Issuer, plain)
	if err != nil {
		return "", err
	}
	return opaquePrefix + base64.RawURLEncoding.EncodeToString(box), nil
}
