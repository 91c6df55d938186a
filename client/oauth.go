package client

import (
	"context"
	"net/http"
	"time"
)

// ClientSecret is a secret of a client, without its text.
type ClientSecret struct {
	ID        string     `json:"id"`
	Prefix    string     `json:"prefix"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"` // nil: never
	// Secret is its text, in the answer that made it and nowhere else.
	Secret string `json:"client_secret,omitempty"`
}

func clientPath(app, id string) string { return "/apps/" + segment(app) + "/clients/" + segment(id) }

// ListClientSecrets lists the secrets of a client that work, newest first.
func (c *Client) ListClientSecrets(ctx context.Context, app, id string) ([]ClientSecret, error) {
	var out struct {
		Secrets []ClientSecret `json:"secrets"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: clientPath(app, id) + "/secrets", out: &out})
	return out.Secrets, err
}

// RotateClientSecret gives a client a new secret. The one before works for overlap more (`1d`, `0s`); empty: 7 days.
func (c *Client) RotateClientSecret(ctx context.Context, app, id, overlap string) (ClientSecret, error) {
	var out ClientSecret
	in := map[string]string{}
	if overlap != "" {
		in["overlap"] = overlap
	}
	return out, c.call(ctx, request{method: http.MethodPost, path: clientPath(app, id) + "/secrets", in: in, out: &out})
}

// RevokeClientSecret ends one secret of a client at once.
func (c *Client) RevokeClientSecret(ctx context.Context, app, id, secret string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: clientPath(app, id) + "/secrets/" + segment(secret)})
}

// ClaimsQuery asks what a client would get for a user and scopes. Without a user it acts by itself.
type ClaimsQuery struct {
	UserID    string   `json:"user_id,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
}

// ClaimsPreview is what a client would get.
type ClaimsPreview struct {
	AccessToken map[string]any    `json:"access_token"`
	IDToken     map[string]any    `json:"id_token"`
	Userinfo    map[string]any    `json:"userinfo"`
	Failed      map[string]string `json:"failed"` // custom claims that would be left out, with the reason
}

// PreviewClaims tells what a client would get. Nothing is issued.
func (c *Client) PreviewClaims(ctx context.Context, app, id string, in ClaimsQuery) (ClaimsPreview, error) {
	var out ClaimsPreview
	return out, c.call(ctx, request{method: http.MethodPost, path: clientPath(app, id) + "/claims", in: in, out: &out})
}

// Resource is a protected resource: a resource server that tokens can be made for.
type Resource struct {
	ID               string            `json:"id"`
	AppID            string            `json:"app_id"`
	URI              string            `json:"uri"`
	Name             string            `json:"name"`
	Scopes           map[string]string `json:"scopes"`
	ClientID         string            `json:"client_id"` // may introspect the tokens for it
	TokenTTL         string            `json:"token_ttl"` // 5m; empty: as the client or the server says
	MetadataDocument bool              `json:"metadata_document"`
	CreatedAt        time.Time         `json:"created_at"`
	UpdatedAt        time.Time         `json:"updated_at"`
}

// ResourcePage is one page of the protected resources of an app.
type ResourcePage struct {
	Resources  []Resource `json:"resources"`
	NextCursor string     `json:"next_cursor"`
}

// NewResource is a protected resource to be registered.
type NewResource struct {
	URI              string            `json:"uri"`
	Name             string            `json:"name"`
	Scopes           map[string]string `json:"scopes,omitempty"` // with what each lets a client do
	ClientID         string            `json:"client_id,omitempty"`
	TokenTTL         string            `json:"token_ttl,omitempty"`
	MetadataDocument bool              `json:"metadata_document,omitempty"`
}

func resourcePath(app, id string) string {
	return "/apps/" + segment(app) + "/resources/" + segment(id)
}

// ListResources lists the protected resources of an app, oldest first.
func (c *Client) ListResources(ctx context.Context, app string, p Paging) (ResourcePage, error) {
	var out ResourcePage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(app) + "/resources", query: p.query(), out: &out})
}

// GetResource shows a protected resource.
func (c *Client) GetResource(ctx context.Context, app, id string) (Resource, error) {
	var out Resource
	return out, c.call(ctx, request{method: http.MethodGet, path: resourcePath(app, id), out: &out})
}

// CreateResource registers a protected resource of an app.
func (c *Client) CreateResource(ctx context.Context, app string, in NewResource) (Resource, error) {
	var out Resource
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(app) + "/resources", in: in, out: &out})
}

// UpdateResource changes a protected resource: members of the change are those of NewResource by their JSON names but uri;
// nil clears.
func (c *Client) UpdateResource(ctx context.Context, app, id string, change map[string]any) (Resource, error) {
	var out Resource
	return out, c.call(ctx, request{method: http.MethodPatch, path: resourcePath(app, id), in: change, out: &out})
}

// DeleteResource ends a protected resource.
func (c *Client) DeleteResource(ctx context.Context, app, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: resourcePath(app, id)})
}

// RegistrationToken lets somebody register clients.
type RegistrationToken struct {
	ID        string    `json:"id"`
	AppID     string    `json:"app_id"`
	Name      string    `json:"name"`
	UsesLeft  int       `json:"uses_left"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Token is its text, in the answer that made it and nowhere else.
	Token string `json:"token,omitempty"`
}

// NewRegistrationToken is a token to be made. Empty fields: one use, a day.
type NewRegistrationToken struct {
	Name      string `json:"name"`
	Uses      int    `json:"uses,omitempty"`
	ExpiresIn string `json:"expires_in,omitempty"`
}

// ListRegistrationTokens lists the tokens of an app that register clients, oldest first.
func (c *Client) ListRegistrationTokens(ctx context.Context, app string) ([]RegistrationToken, error) {
	var out struct {
		Tokens []RegistrationToken `json:"registration_tokens"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(app) + "/registration-tokens", out: &out})
	return out.Tokens, err
}

// CreateRegistrationToken makes a token with which clients register themselves.
func (c *Client) CreateRegistrationToken(ctx context.Context, app string, in NewRegistrationToken) (RegistrationToken, error) {
	var out RegistrationToken
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(app) + "/registration-tokens", in: in, out: &out})
}

// RevokeRegistrationToken ends such a token. Clients that it registered stay.
func (c *Client) RevokeRegistrationToken(ctx context.Context, app, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/apps/" + segment(app) + "/registration-tokens/" + segment(id)})
}

// Consent is what a person has let a client have.
type Consent struct {
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name"`
	LogoURI    string    `json:"logo_uri"`
	ClientURI  string    `json:"client_uri"`
	Verified   bool      `json:"verified"` // somebody here vouches for the name of the client
	Scopes     []string  `json:"scopes"`
	Resources  []string  `json:"resources"`
	GrantedAt  time.Time `json:"granted_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

func (c *Client) consents(ctx context.Context, path string) ([]Consent, error) {
	var out struct {
		Consents []Consent `json:"consents"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: path, out: &out})
	return out.Consents, err
}

// ListConsents lists what the user has let clients have.
func (c *Client) ListConsents(ctx context.Context) ([]Consent, error) {
	return c.consents(ctx, "/me/consents")
}

// RevokeConsent takes back what the user has let a client have; its tokens end.
func (c *Client) RevokeConsent(ctx context.Context, clientID string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/me/consents/" + segment(clientID)})
}

// ListUserConsents lists what a user has let clients have, for administrators.
func (c *Client) ListUserConsents(ctx context.Context, user string) ([]Consent, error) {
	return c.consents(ctx, "/users/"+segment(user)+"/consents")
}

// RevokeUserConsent takes back what a user has let a client have, for administrators.
func (c *Client) RevokeUserConsent(ctx context.Context, user, clientID string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/users/" + segment(user) + "/consents/" + segment(clientID)})
}
