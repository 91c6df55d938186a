package client

import (
	"context"
	"net/http"
)

// UserPage is one page of users.
type UserPage struct {
	Users      []User `json:"users"`
	NextCursor string `json:"next_cursor"`
}

// UserFilter narrows a list of users; empty fields do not.
type UserFilter struct {
	Status string // active or disabled
	Role   string
	Search string // what the address or the username begins with
}

// ListUsers lists the users of the app, oldest first.
func (c *Client) ListUsers(ctx context.Context, f UserFilter, p Paging) (UserPage, error) {
	q := p.query()
	for name, value := range map[string]string{"status": f.Status, "role": f.Role, "search": f.Search} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out UserPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/users", query: q, out: &out})
}

// GetUser shows a user, by id, the id it had elsewhere, number, e-mail address or username.
func (c *Client) GetUser(ctx context.Context, id string) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodGet, path: "/users/" + segment(id), out: &out})
}

// NewUser is a user that an administrator makes. Without a password the user is mailed a link to choose one.
type NewUser struct {
	Email         string         `json:"email"`
	EmailVerified bool           `json:"email_verified,omitempty"`
	Password      string         `json:"password,omitempty"`
	Username      string         `json:"username,omitempty"`
	Name          string         `json:"name,omitempty"`
	GivenName     string         `json:"given_name,omitempty"`
	FamilyName    string         `json:"family_name,omitempty"`
	Locale        string         `json:"locale,omitempty"`
	Role          string         `json:"role,omitempty"`
	ExternalID    string         `json:"external_id,omitempty"`
	Attributes    map[string]any `json:"attributes,omitempty"`
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, in NewUser) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPost, path: "/users", in: in, out: &out})
}

// UpdateUser changes a user's profile (JSON Merge Patch). IfMatch is the ETag of the version that the change was made
// against; empty: whatever it is.
func (c *Client) UpdateUser(ctx context.Context, id string, change map[string]any, ifMatch string) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/users/" + segment(id), ifMatch: ifMatch, in: change, out: &out})
}

// DisableUser shuts a user out.
func (c *Client) DisableUser(ctx context.Context, id string) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPost, path: "/users/" + segment(id) + "/disable", out: &out})
}

// EnableUser lets a user in again.
func (c *Client) EnableUser(ctx context.Context, id string) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPost, path: "/users/" + segment(id) + "/enable", out: &out})
}

// DeleteUser shuts a user out and lets them be erased after the grace period, or within minutes.
func (c *Client) DeleteUser(ctx context.Context, id string, immediately bool) (User, error) {
	var out User
	in := map[string]bool{"immediately": immediately}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/users/" + segment(id) + "/delete", in: in, out: &out})
}

// SetRole gives a user another role: user, member, moderator or admin.
func (c *Client) SetRole(ctx context.Context, id, role string) (User, error) {
	var out User
	in := map[string]string{"role": role}
	return out, c.call(ctx, request{method: http.MethodPut, path: "/users/" + segment(id) + "/role", in: in, out: &out})
}

// EndUserSessions signs a user out everywhere and tells how many sessions that were.
func (c *Client) EndUserSessions(ctx context.Context, id string) (int, error) {
	var out ended
	err := c.call(ctx, request{method: http.MethodDelete, path: "/users/" + segment(id) + "/sessions", out: &out})
	return out.Ended, err
}

// AppPage is one page of apps.
type AppPage struct {
	Apps       []App  `json:"apps"`
	NextCursor string `json:"next_cursor"`
}

// ListApps lists the apps, oldest first.
func (c *Client) ListApps(ctx context.Context, p Paging) (AppPage, error) {
	var out AppPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps", query: p.query(), out: &out})
}

// GetApp shows an app.
func (c *Client) GetApp(ctx context.Context, id string) (App, error) {
	var out App
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(id), out: &out})
}

// DisableApp closes an app: its people, keys and clients are refused at once.
func (c *Client) DisableApp(ctx context.Context, id string) (App, error) {
	var out App
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(id) + "/disable", out: &out})
}

// EnableApp opens an app again.
func (c *Client) EnableApp(ctx context.Context, id string) (App, error) {
	var out App
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(id) + "/enable", out: &out})
}

// CreateApp makes an app.
func (c *Client) CreateApp(ctx context.Context, name string) (App, error) {
	var out App
	in := map[string]string{"name": name}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps", in: in, out: &out})
}

// AppKeyPage is one page of app keys.
type AppKeyPage struct {
	AppKeys    []AppKey `json:"app_keys"`
	NextCursor string   `json:"next_cursor"`
}

// ListAppKeys lists the keys of an app, oldest first.
func (c *Client) ListAppKeys(ctx context.Context, app string, p Paging) (AppKeyPage, error) {
	var out AppKeyPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/apps/" + segment(app) + "/keys", query: p.query(), out: &out})
}

// CreateAppKey makes a key of an app that lives as long as expiresIn says (365d); empty: it does not expire.
func (c *Client) CreateAppKey(ctx context.Context, app, name, expiresIn string) (NewAppKey, error) {
	var out NewAppKey
	in := map[string]string{"name": name}
	if expiresIn != "" {
		in["expires_in"] = expiresIn
	}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/apps/" + segment(app) + "/keys", in: in, out: &out})
}

// RevokeAppKey ends a key of an app.
func (c *Client) RevokeAppKey(ctx context.Context, app, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/apps/" + segment(app) + "/keys/" + segment(id)})
}

// EventFilter narrows the audit log; empty fields do not.
type EventFilter struct {
	UserID string
	Action string // such as session.ended
}

// EventPage is one page of the audit log.
type EventPage struct {
	Events     []Event `json:"events"`
	NextCursor string  `json:"next_cursor"`
}

// ListEvents reads the audit log of the app, newest first.
func (c *Client) ListEvents(ctx context.Context, f EventFilter, p Paging) (EventPage, error) {
	q := p.query()
	for name, value := range map[string]string{"user_id": f.UserID, "action": f.Action} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out EventPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/events", query: q, out: &out})
}

// The methods below are for the operator: they work only over the server's own socket.

// GetSharedSecret reads the secret that signs the access tokens of the app, whose algorithm is HS256.
func (c *Client) GetSharedSecret(ctx context.Context) (SharedSecret, error) {
	var out SharedSecret
	return out, c.call(ctx, request{method: http.MethodGet, path: "/house/shared-secret", out: &out})
}

// IssueSetupLink makes a new link for the first administrator.
func (c *Client) IssueSetupLink(ctx context.Context) (SetupLink, error) {
	var out SetupLink
	return out, c.call(ctx, request{method: http.MethodPost, path: "/house/setup-link", out: &out})
}

// RotateSigningKeys makes new signing keys; in an emergency the old ones stop at once.
func (c *Client) RotateSigningKeys(ctx context.Context, emergency bool) error {
	in := map[string]bool{"emergency": emergency}
	return c.call(ctx, request{method: http.MethodPost, path: "/house/signing-keys/rotate", in: in})
}

// VerifyAudit checks the chain of audit events of the app.
func (c *Client) VerifyAudit(ctx context.Context) (AuditReport, error) {
	var out AuditReport
	return out, c.call(ctx, request{method: http.MethodPost, path: "/house/audit/verify", out: &out})
}

// ImportBatch is a part of a file of users.
type ImportBatch struct {
	Lines     []string `json:"lines"` // at most 500
	FirstLine int      `json:"first_line,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
	Existing  string   `json:"existing,omitempty"` // skip (or empty) or fail
}

// ImportUsers makes users from lines of a file.
func (c *Client) ImportUsers(ctx context.Context, in ImportBatch) (ImportReport, error) {
	if in.Lines == nil {
		in.Lines = []string{}
	}
	var out ImportReport
	return out, c.call(ctx, request{method: http.MethodPost, path: "/house/users/import", in: in, out: &out})
}

// ExportedPage is one page of users as lines of a file.
type ExportedPage struct {
	Lines      []string `json:"lines"`
	NextCursor string   `json:"next_cursor"`
}

// ExportUsers writes users as lines of a file, oldest first; with secrets the lines hold TOTP secrets.
func (c *Client) ExportUsers(ctx context.Context, secrets bool, p Paging) (ExportedPage, error) {
	in := map[string]any{"secrets": secrets}
	if p.Cursor != "" {
		in["cursor"] = p.Cursor
	}
	if p.Limit != 0 {
		in["limit"] = p.Limit
	}
	var out ExportedPage
	return out, c.call(ctx, request{method: http.MethodPost, path: "/house/users/export", in: in, out: &out})
}

// Backup copies the database to a new file on the server's machine.
func (c *Client) Backup(ctx context.Context, path string) (Backup, error) {
	var out Backup
	in := map[string]string{"path": path}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/house/backup", in: in, out: &out})
}
