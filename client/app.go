package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// AppClient is a client of an app: what people sign in to.
type AppClient struct {
	ID             string     `json:"id"`
	AppID          string     `json:"app_id"`
	Name           string     `json:"name"`
	Default        bool       `json:"default"`
	Status         string     `json:"status"`
	RedirectURIs   []string   `json:"redirect_uris"`
	AllowedOrigins []string   `json:"allowed_origins"`
	AccessTTL      string     `json:"access_ttl"`  // 1h; empty: as the door says
	RefreshTTL     string     `json:"refresh_ttl"` // 14d; empty: as the door says
	CreatedAt      *time.Time `json:"created_at"`  // nil: with the database
	UpdatedAt      *time.Time `json:"updated_at"`
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
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(app) + "/clients/" + segment(id), out: &out})
}

// NewClient is a client to be registered.
type NewClient struct {
	Name           string   `json:"name"`
	RedirectURIs   []string `json:"redirect_uris,omitempty"`
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
	AccessTTL      string   `json:"access_ttl,omitempty"`
	RefreshTTL     string   `json:"refresh_ttl,omitempty"`
}

// CreateClient registers a client of an app.
func (c *Client) CreateClient(ctx context.Context, app string, in NewClient) (AppClient, error) {
	var out AppClient
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(app) + "/clients", in: in, out: &out})
}

// UpdateClient changes a client: members of the change are those of NewClient by their JSON names; nil clears.
func (c *Client) UpdateClient(ctx context.Context, app, id string, change map[string]any) (AppClient, error) {
	var out AppClient
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/apps/" + segment(app) + "/clients/" + segment(id), in: change, out: &out})
}

// DeleteClient ends a client of an app.
func (c *Client) DeleteClient(ctx context.Context, app, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/apps/" + segment(app) + "/clients/" + segment(id)})
}

// UpdateApp changes an app: members of the change are name, registration, accounts_on_sign_up, password_min, locale,
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
