package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// GetMe tells who the credential belongs to.
func (c *Client) GetMe(ctx context.Context) (Me, error) {
	var out Me
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me", out: &out})
}

// UpdateMe changes the own profile (JSON Merge Patch: what is left out stays, nil clears). IfMatch is the ETag of
// the version that the change was made against; empty: whatever it is.
func (c *Client) UpdateMe(ctx context.Context, change map[string]any, ifMatch string) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/me", ifMatch: ifMatch, in: change, out: &out})
}

// PasswordChange is a new password with what proves the right to it: nothing within five minutes of a sign-in.
type PasswordChange struct {
	CurrentPassword string `json:"current_password,omitempty"`
	Password        string `json:"password"`
	Code            string `json:"code,omitempty"`
}

// ChangePassword sets a new password; every other session ends.
func (c *Client) ChangePassword(ctx context.Context, in PasswordChange) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPut, path: "/me/password", in: in, out: &out})
}

// EmailChange is a new address with what proves the right to it: nothing within five minutes of a sign-in. Without an
// address the mail about the one that waits is sent again.
type EmailChange struct {
	Email           string `json:"email,omitempty"`
	CurrentPassword string `json:"current_password,omitempty"`
	Code            string `json:"code,omitempty"`
}

// EmailPending is a new address that waits for the link in its mail.
type EmailPending struct {
	Email     string    `json:"email"`
	ExpiresAt time.Time `json:"expires_at"`
}

// ChangeEmail mails a link to a new address; VerifyEmail with its token makes it the user's.
func (c *Client) ChangeEmail(ctx context.Context, in EmailChange) (EmailPending, error) {
	var out EmailPending
	return out, c.call(ctx, request{method: http.MethodPut, path: "/me/email", in: in, out: &out})
}

// Address is an address of a user. Pointers are nil where the server knows no value: WaitsUntil is set while the address
// waits for the link that was mailed there.
type Address struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	Primary    bool       `json:"primary"`
	VerifiedAt *time.Time `json:"verified_at"`
	WaitsUntil *time.Time `json:"waits_until"`
	CreatedAt  time.Time  `json:"created_at"`
}

// ListEmails lists the own addresses, the primary one first, and last the one that waits for its link.
func (c *Client) ListEmails(ctx context.Context) ([]Address, error) {
	var out struct {
		Emails []Address `json:"emails"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/me/emails", out: &out})
	return out.Emails, err
}

// AddEmail mails a link to one more address; VerifyEmail with its token adds it.
func (c *Client) AddEmail(ctx context.Context, in EmailChange) (EmailPending, error) {
	var out EmailPending
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/emails", in: in, out: &out})
}

// MakeEmailPrimary lets mails go to another of the own addresses.
func (c *Client) MakeEmailPrimary(ctx context.Context, id string, e Evidence) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/emails/" + url.PathEscape(id) + "/primary", in: e, out: &out})
}

// RemoveEmail takes one of the own addresses away, or gives up the one that waits.
func (c *Client) RemoveEmail(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/me/emails/" + url.PathEscape(id)})
}

// UsernameChange is a new username with what proves the right to it: nothing within five minutes of a sign-in.
type UsernameChange struct {
	Username        string `json:"username"`
	CurrentPassword string `json:"current_password,omitempty"`
	Code            string `json:"code,omitempty"`
}

// ChangeUsername sets another username; every other session ends.
func (c *Client) ChangeUsername(ctx context.Context, in UsernameChange) (User, error) {
	var out User
	return out, c.call(ctx, request{method: http.MethodPut, path: "/me/username", in: in, out: &out})
}

// StepUp proves the person of the session again, by password or code, and tells how long that counts.
func (c *Client) StepUp(ctx context.Context, currentPassword, code string) (time.Time, error) {
	in := map[string]string{}
	for name, value := range map[string]string{"current_password": currentPassword, "code": code} {
		if value != "" {
			in[name] = value
		}
	}
	var out struct {
		ExpiresAt time.Time `json:"expires_at"`
	}
	err := c.call(ctx, request{method: http.MethodPost, path: "/sessions/current/step-up", in: in, out: &out})
	return out.ExpiresAt, err
}

// SessionPage is one page of sessions.
type SessionPage struct {
	Sessions   []Session `json:"sessions"`
	NextCursor string    `json:"next_cursor"`
}

// ListSessions lists the own live sessions, newest first; with ended those that ended instead.
func (c *Client) ListSessions(ctx context.Context, ended bool, p Paging) (SessionPage, error) {
	q := p.query()
	if ended {
		q.Set("ended", "true")
	}
	var out SessionPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/sessions", query: q, out: &out})
}

// EndSession ends one of the own sessions.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/sessions/" + segment(id)})
}

// SignOut ends the session that asks.
func (c *Client) SignOut(ctx context.Context) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/sessions/current"})
}

// SignOutEverywhere ends all own sessions, or all but the one that asks, and tells how many.
func (c *Client) SignOutEverywhere(ctx context.Context, keepCurrent bool) (int, error) {
	q := Paging{}.query()
	if keepCurrent {
		q.Set("keep_current", "true")
	}
	var out ended
	err := c.call(ctx, request{method: http.MethodDelete, path: "/sessions", query: q, out: &out})
	return out.Ended, err
}

type ended struct {
	Ended int `json:"ended"`
}

// BeginTOTP begins to set up an authenticator app. The password is needed when the sign-in is not fresh.
func (c *Client) BeginTOTP(ctx context.Context, password string) (TOTP, error) {
	in := map[string]string{}
	if password != "" {
		in["password"] = password
	}
	var out TOTP
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/totp", in: in, out: &out})
}

// TOTPStatus tells whether two-factor authentication is on.
type TOTPStatus struct {
	Enabled         bool `json:"enabled"`
	BackupCodesLeft int  `json:"backup_codes_left"`
}

// GetTOTPStatus tells whether two-factor authentication is on, and how many backup codes are left.
func (c *Client) GetTOTPStatus(ctx context.Context) (TOTPStatus, error) {
	var out TOTPStatus
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me/totp", out: &out})
}

type backupCodes struct {
	BackupCodes []string `json:"backup_codes"`
}

// ConfirmTOTP turns two-factor authentication on and returns the backup codes.
func (c *Client) ConfirmTOTP(ctx context.Context, code string) ([]string, error) {
	var out backupCodes
	in := map[string]string{"code": code}
	err := c.call(ctx, request{method: http.MethodPost, path: "/me/totp/confirm", in: in, out: &out})
	return out.BackupCodes, err
}

// DisableTOTP turns two-factor authentication off. The password may be empty.
func (c *Client) DisableTOTP(ctx context.Context, code, password string) error {
	in := map[string]string{"code": code}
	if password != "" {
		in["password"] = password
	}
	return c.call(ctx, request{method: http.MethodPost, path: "/me/totp/disable", in: in})
}

// RegenerateBackupCodes replaces the backup codes.
func (c *Client) RegenerateBackupCodes(ctx context.Context, code string) ([]string, error) {
	var out backupCodes
	in := map[string]string{"code": code}
	err := c.call(ctx, request{method: http.MethodPost, path: "/me/backup-codes", in: in, out: &out})
	return out.BackupCodes, err
}

// KeyRequest describes a new API key. At most one of ExpiresIn (such as 365d) and ExpiresAt; neither: it does not expire.
type KeyRequest struct {
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes,omitempty"`
	ExpiresIn string     `json:"expires_in,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// CreateAPIKey makes an API key of the user who asks.
func (c *Client) CreateAPIKey(ctx context.Context, in KeyRequest) (NewAPIKey, error) {
	var out NewAPIKey
	return out, c.call(ctx, request{method: http.MethodPost, path: "/api-keys", in: in, out: &out})
}

// APIKeyPage is one page of API keys.
type APIKeyPage struct {
	APIKeys    []APIKey `json:"api_keys"`
	NextCursor string   `json:"next_cursor"`
}

// ListAPIKeys lists the own API keys, newest first.
func (c *Client) ListAPIKeys(ctx context.Context, p Paging) (APIKeyPage, error) {
	var out APIKeyPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/api-keys", query: p.query(), out: &out})
}

// GetAPIKey shows one of the own API keys.
func (c *Client) GetAPIKey(ctx context.Context, id string) (APIKey, error) {
	var out APIKey
	return out, c.call(ctx, request{method: http.MethodGet, path: "/api-keys/" + segment(id), out: &out})
}

// RotateAPIKey gives an API key a new secret; the old one works for an hour.
func (c *Client) RotateAPIKey(ctx context.Context, id string) (NewAPIKey, error) {
	var out NewAPIKey
	return out, c.call(ctx, request{method: http.MethodPost, path: "/api-keys/" + segment(id) + "/rotate", out: &out})
}

// RefreshAPIKey lets an API key live on under its secret: for expiresIn (such as 365d), or, empty, for as long as it was
// made for.
func (c *Client) RefreshAPIKey(ctx context.Context, id, expiresIn string) (APIKey, error) {
	in := map[string]string{}
	if expiresIn != "" {
		in["expires_in"] = expiresIn
	}
	var out APIKey
	return out, c.call(ctx, request{method: http.MethodPost, path: "/api-keys/" + segment(id) + "/refresh", in: in, out: &out})
}

// RevokeAPIKey ends an API key.
func (c *Client) RevokeAPIKey(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/api-keys/" + segment(id)})
}
