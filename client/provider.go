package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Provider is a connection of the app to an identity provider. Its secret is never shown.
type Provider struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Kind             string            `json:"kind"`
	Status           string            `json:"status"`
	Title            string            `json:"title"`
	ClientID         string            `json:"client_id"`
	HasSecret        bool              `json:"has_secret"`
	Issuer           string            `json:"issuer"`
	Scopes           []string          `json:"scopes"`
	Use              string            `json:"use"`
	Domains          []string          `json:"domains"`
	HostedDomain     string            `json:"hosted_domain"`
	AuthorizationURL string            `json:"authorization_url"`
	TokenURL         string            `json:"token_url"`
	UserURL          string            `json:"user_url"`
	EmailsURL        string            `json:"emails_url"`
	ClientAuth       string            `json:"client_auth"`
	Claims           map[string]string `json:"claims"`
	TeamID           string            `json:"team_id"`
	KeyID            string            `json:"key_id"`
	Version          int64             `json:"version"`
	CreatedAt        time.Time         `json:"created_at"`
	UpdatedAt        time.Time         `json:"updated_at"`
}

// NewProvider is a provider to be connected. Only Kind and ClientID are needed by every kind.
type NewProvider struct {
	Name             string            `json:"name,omitempty"` // empty: the kind
	Kind             string            `json:"kind"`
	Title            string            `json:"title,omitempty"`
	ClientID         string            `json:"client_id"`
	ClientSecret     string            `json:"client_secret,omitempty"`
	Issuer           string            `json:"issuer,omitempty"`
	Scopes           []string          `json:"scopes,omitempty"`
	Use              string            `json:"use,omitempty"`
	Domains          []string          `json:"domains,omitempty"`
	HostedDomain     string            `json:"hosted_domain,omitempty"`
	AuthorizationURL string            `json:"authorization_url,omitempty"`
	TokenURL         string            `json:"token_url,omitempty"`
	UserURL          string            `json:"user_url,omitempty"`
	EmailsURL        string            `json:"emails_url,omitempty"`
	ClientAuth       string            `json:"client_auth,omitempty"`
	Claims           map[string]string `json:"claims,omitempty"`
	TeamID           string            `json:"team_id,omitempty"`
	KeyID            string            `json:"key_id,omitempty"`
	Disabled         bool              `json:"disabled,omitempty"`
}

// ListProviders lists the identity providers of the app by name.
func (c *Client) ListProviders(ctx context.Context) ([]Provider, error) {
	var out struct {
		Providers []Provider `json:"providers"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/providers", out: &out})
	return out.Providers, err
}

// GetProvider shows an identity provider of the app.
func (c *Client) GetProvider(ctx context.Context, name string) (Provider, error) {
	var out Provider
	return out, c.call(ctx, request{method: http.MethodGet, path: "/providers/" + segment(name), out: &out})
}

// CreateProvider connects the app to an identity provider.
func (c *Client) CreateProvider(ctx context.Context, in NewProvider) (Provider, error) {
	var out Provider
	return out, c.call(ctx, request{method: http.MethodPost, path: "/providers", in: in, out: &out})
}

// UpdateProvider changes an identity provider: members of the change are those of NewProvider by their JSON names; nil
// puts back what the kind says.
func (c *Client) UpdateProvider(ctx context.Context, name string, change map[string]any) (Provider, error) {
	var out Provider
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/providers/" + segment(name), in: change, out: &out})
}

// DeleteProvider disconnects an identity provider. With unlink it does so even if people are linked by it, who lose that
// way in.
func (c *Client) DeleteProvider(ctx context.Context, name string, unlink bool) error {
	query := url.Values{}
	if unlink {
		query.Set("unlink", "true")
	}
	return c.call(ctx, request{method: http.MethodDelete, path: "/providers/" + segment(name), query: query})
}

// Departure is a way to an identity provider.
type Departure struct {
	Provider      string `json:"-"`
	RedirectURI   string `json:"redirect_uri,omitempty"` // one that the client has registered; empty: its first one
	Mode          string `json:"mode,omitempty"`         // sign-in makes no users
	InviteCode    string `json:"invite_code,omitempty"`
	State         string `json:"state,omitempty"`          // comes back
	CodeChallenge string `json:"code_challenge,omitempty"` // S256
	ClientID      string `json:"client_id,omitempty"`
	Device        string `json:"device,omitempty"`
}

// BeginFederatedSignIn asks for the address at a provider to send the browser to. HTTP must keep cookies, and be the
// browser's: the way back is bound to them.
func (c *Client) BeginFederatedSignIn(ctx context.Context, in Departure) (authorizeURL string, err error) {
	var out struct {
		URL string `json:"authorize_url"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: "/federation/" + segment(in.Provider) + "/authorize", in: in, out: &out})
	return out.URL, err
}

// SignInWithVerifier spends the token that a way through a provider ended with, which began with the S256 challenge of the
// verifier. With the cookies of the browser SignInWithToken does the same.
func (c *Client) SignInWithVerifier(ctx context.Context, token, codeVerifier, device string) (SignInResult, error) {
	var out SignInResult
	in := map[string]string{"token": token, "code_verifier": codeVerifier}
	if device != "" {
		in["device"] = device
	}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/magic-link", in: in, out: &out})
}

// IdentityProof proves the address of an account at a provider: by the code of the mail, or the password of the user who
// has the address.
type IdentityProof struct {
	Token        string `json:"token"` // link_token of the redirect
	Code         string `json:"code,omitempty"`
	Password     string `json:"password,omitempty"`
	CodeVerifier string `json:"code_verifier,omitempty"`
	ClientID     string `json:"client_id,omitempty"`
	Device       string `json:"device,omitempty"`
}

// ConfirmIdentity signs in with an account at a provider whose address had to be proven first.
func (c *Client) ConfirmIdentity(ctx context.Context, in IdentityProof) (SignInResult, error) {
	var out SignInResult
	return out, c.call(ctx, request{method: http.MethodPost, path: "/federation/confirm", in: in, out: &out})
}

// Identity is an account at an identity provider that signs the user in.
type Identity struct {
	ID         string     `json:"id"`
	Provider   string     `json:"provider"`
	Issuer     string     `json:"issuer"`
	Subject    string     `json:"subject"`
	Email      string     `json:"email"` // as the provider told it last
	Username   string     `json:"username"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// ListIdentities lists the user's accounts at providers, oldest first.
func (c *Client) ListIdentities(ctx context.Context) ([]Identity, error) {
	var out struct {
		Identities []Identity `json:"identities"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/me/identities", out: &out})
	return out.Identities, err
}

// LinkIdentity asks for the address at a provider to send the user's browser to, to link an account there.
func (c *Client) LinkIdentity(ctx context.Context, provider, redirectURI, state string) (authorizeURL string, err error) {
	var out struct {
		URL string `json:"authorize_url"`
	}
	in := map[string]string{"provider": provider}
	for name, value := range map[string]string{"redirect_uri": redirectURI, "state": state} {
		if value != "" {
			in[name] = value
		}
	}
	err = c.call(ctx, request{method: http.MethodPost, path: "/me/identities", in: in, out: &out})
	return out.URL, err
}

// UnlinkIdentity takes an account at a provider from the user's ways in.
func (c *Client) UnlinkIdentity(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/me/identities/" + segment(id)})
}
