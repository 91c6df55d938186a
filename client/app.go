package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// AppClient is a client of an app: what people sign in to.
type AppClient struct {
	ID             string   `json:"id"`
	AppID          string   `json:"app_id"`
	Name           string   `json:"name"`
	Default        bool     `json:"default"`
	Status         string   `json:"status"`
	RedirectURIs   []string `json:"redirect_uris"`
	AllowedOrigins []string `json:"allowed_origins"`
	AccessTTL      string   `json:"access_ttl"`  // 1h; empty: as the door says
	RefreshTTL     string   `json:"refresh_ttl"` // 14d; empty: as the door says
	ClientOAuth
	MetadataURL string `json:"metadata_url"` // client id of a client that is known by its metadata document
	Dynamic     bool   `json:"dynamic"`      // it registered itself
	// Secret is that of a client which proves itself by one, in the answer that made it and nowhere else.
	Secret string `json:"client_secret,omitempty"`

	CreatedAt *time.Time `json:"created_at"` // nil: with the database
	UpdatedAt *time.Time `json:"updated_at"`
}

// ClientOAuth is what an OAuth client registered, by the names of RFC 7591 where it has one. Empty fields mean the default.
type ClientOAuth struct {
	TokenEndpointAuthMethod string            `json:"token_endpoint_auth_method,omitempty"`
	ApplicationType         string            `json:"application_type,omitempty"`
	GrantTypes              []string          `json:"grant_types,omitempty"`
	Scopes                  []string          `json:"scopes,omitempty"`
	DefaultScopes           []string          `json:"default_scopes,omitempty"`
	Resources               []string          `json:"resources,omitempty"`
	JWKS                    map[string]any    `json:"jwks,omitempty"`
	JWKSURI                 string            `json:"jwks_uri,omitempty"`
	AccessTokenFormat       string            `json:"access_token_format,omitempty"`
	IDTokenAlg              string            `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg             string            `json:"userinfo_signed_response_alg,omitempty"`
	SubjectType             string            `json:"subject_type,omitempty"`
	Sector                  string            `json:"sector,omitempty"`
	RequirePAR              bool              `json:"require_pushed_authorization_requests,omitempty"`
	DPoPBound               bool              `json:"dpop_bound_access_tokens,omitempty"`
	Consent                 string            `json:"consent,omitempty"`
	ResponseModes           []string          `json:"response_modes,omitempty"`
	PostLogoutRedirectURIs  []string          `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI    string            `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI   string            `json:"frontchannel_logout_uri,omitempty"`
	ClientURI               string            `json:"client_uri,omitempty"`
	LogoURI                 string            `json:"logo_uri,omitempty"`
	PolicyURI               string            `json:"policy_uri,omitempty"`
	TOSURI                  string            `json:"tos_uri,omitempty"`
	Claims                  map[string]string `json:"claims,omitempty"`
	AssertionIssuers        map[string]any    `json:"assertion_issuers,omitempty"`
}

// AppClientPage is one page of the clients of an app.
type AppClientPage struct {
	Clients    []AppClient `json:"clients"`
	NextCursor string      `json:"next_cursor"`
}

// ListClients lists the clients of an app, oldest first.
func (c *Client) ListClients(ctx context.Context, app string, p Paging) (AppClientPage, error) {
	var out AppClientPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(app) + "/clients", query: p.query(), out: &out})
}

// GetClient shows a client of an app.
func (c *Client) GetClient(ctx context.Context, app, id string) (AppClient, error) {
	var out AppClient
	return out, c.call(ctx, request{method: http.MethodGet, path: clientPath(app, id), out: &out})
}

// NewClient is a client to be registered.
type NewClient struct {
	Name           string   `json:"name"`
	RedirectURIs   []string `json:"redirect_uris,omitempty"`
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
	AccessTTL      string   `json:"access_ttl,omitempty"`
	RefreshTTL     string   `json:"refresh_ttl,omitempty"`
	Type           string   `json:"type,omitempty"` // web, browser, native or service; chooses the OAuth settings that are not given
	ClientOAuth
}

// CreateClient registers a client of an app.
func (c *Client) CreateClient(ctx context.Context, app string, in NewClient) (AppClient, error) {
	var out AppClient
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(app) + "/clients", in: in, out: &out})
}

// UpdateClient changes a client: members of the change are those of NewClient by their JSON names; nil clears.
func (c *Client) UpdateClient(ctx context.Context, app, id string, change map[string]any) (AppClient, error) {
	var out AppClient
	return out, c.call(ctx, request{method: http.MethodPatch, path: clientPath(app, id), in: change, out: &out})
}

// DeleteClient ends a client of an app.
func (c *Client) DeleteClient(ctx context.Context, app, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: clientPath(app, id)})
}

// UpdateApp changes an app: members of the change are name, registration, accounts_on_sign_up, client_id_metadata_documents, password_min, locale,
// attributes (an AttributeRule by name), signing_algorithm, brand (accent, logo in base64, terms_url, privacy_url, support_email) and challenge (kind, secret, site_keys, hostnames, min_score, check_action, exempt_app_keys); nil puts a setting back. version is that of the app that the change was made against; 0: any.
func (c *Client) UpdateApp(ctx context.Context, id string, version int64, change map[string]any) (App, error) {
	var out App
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/apps/" + segment(id), in: change, ifMatch: etag(version), out: &out})
}

// etag is the entity tag of a version; empty for none.
func etag(version int64) string {
	if version == 0 {
		return ""
	}
	return strconv.Quote(strconv.FormatInt(version, 10))
}
