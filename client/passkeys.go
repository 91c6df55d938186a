package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// PasskeyFlow is a passkey ceremony that a browser has to answer. Options is what navigator.credentials takes, in the JSON
// form of WebAuthn Level 3; Flow goes back with the answer, once, before ExpiresAt.
type PasskeyFlow struct {
	Flow      string         `json:"flow"`
	Options   map[string]any `json:"options"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// Passkey is a passkey of a user. Pointers are nil where the server knows no value.
type Passkey struct {
	ID               string     `json:"id"`
	CredentialID     string     `json:"credential_id"` // base64url
	Name             string     `json:"name"`
	AAGUID           string     `json:"aaguid"`
	Model            string     `json:"model"` // the make of the authenticator; nobody attests it
	Transports       []string   `json:"transports"`
	Syncable         bool       `json:"syncable"`
	Synced           bool       `json:"synced"`
	CreatedAt        time.Time  `json:"created_at"`
	LastUsedAt       *time.Time `json:"last_used_at"`
	CloneSuspectedAt *time.Time `json:"clone_suspected_at"`
}

// Passkeys are the passkeys of a user, oldest first. Signals is nil before the first one.
type Passkeys struct {
	Passkeys []Passkey       `json:"passkeys"`
	Signals  *PasskeySignals `json:"signals"`
}

// PasskeySignals is what a browser tells its authenticators: which passkeys still work, and the user's name of today.
type PasskeySignals struct {
	RPID          string   `json:"rp_id"`
	UserHandle    string   `json:"user_handle"`
	CredentialIDs []string `json:"credential_ids"`
	Name          string   `json:"name"`
	DisplayName   string   `json:"display_name"`
}

// BeginPasskeyRegistration tells what to ask the browser for a new passkey. It needs a sign-in of the last five minutes.
// With conditional the browser is to be called with mediation "conditional".
func (c *Client) BeginPasskeyRegistration(ctx context.Context, conditional bool) (PasskeyFlow, error) {
	var out PasskeyFlow
	in := map[string]bool{"conditional": conditional}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/passkeys/options", in: in, out: &out})
}

// FinishPasskeyRegistration stores the passkey that the browser has made. Without a name it is called by its make.
func (c *Client) FinishPasskeyRegistration(ctx context.Context, flow string, credential map[string]any, name string) (Passkey, error) {
	var out Passkey
	in := map[string]any{"flow": flow, "credential": credential}
	if name != "" {
		in["name"] = name
	}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/passkeys", in: in, out: &out})
}

// BeginPasskeySignIn tells what to ask the browser for a sign-in. The token is that of a challenge whose second factor
// the passkey is; empty: the passkey signs in by itself.
func (c *Client) BeginPasskeySignIn(ctx context.Context, token string) (PasskeyFlow, error) {
	var out PasskeyFlow
	in := map[string]string{}
	if token != "" {
		in["token"] = token
	}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/passkey/options", in: in, out: &out})
}

// PasskeySignIn is the browser's answer to BeginPasskeySignIn.
type PasskeySignIn struct {
	Flow       string         `json:"flow"`
	Credential map[string]any `json:"credential"`
	Token      string         `json:"token,omitempty"` // the same as at the beginning
	Device     string         `json:"device,omitempty"`
}

// FinishPasskeySignIn signs in. The code not-found means that nobody has the passkey, so the browser may forget it.
func (c *Client) FinishPasskeySignIn(ctx context.Context, in PasskeySignIn) (SignedIn, error) {
	var out SignedIn
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/passkey", in: in, out: &out})
}

// BeginPasskeyStepUp tells what to ask the browser to prove again who is signed in.
func (c *Client) BeginPasskeyStepUp(ctx context.Context) (PasskeyFlow, error) {
	var out PasskeyFlow
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/current/step-up/passkey", out: &out})
}

// StepUpWithPasskey proves again who is signed in, with the browser's answer to BeginPasskeyStepUp. It answers how long
// the sign-in counts as fresh.
func (c *Client) StepUpWithPasskey(ctx context.Context, flow string, credential map[string]any) (time.Time, error) {
	var out struct {
		ExpiresAt time.Time `json:"expires_at"`
	}
	in := map[string]any{"flow": flow, "credential": credential}
	err := c.call(ctx, request{method: http.MethodPost, path: "/sessions/current/step-up", in: in, out: &out})
	return out.ExpiresAt, err
}

// ListPasskeys lists the own passkeys.
func (c *Client) ListPasskeys(ctx context.Context) (Passkeys, error) {
	var out Passkeys
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me/passkeys", out: &out})
}

// RenamePasskey gives one of the own passkeys another name.
func (c *Client) RenamePasskey(ctx context.Context, id, name string) (Passkey, error) {
	var out Passkey
	in := map[string]string{"name": name}
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/me/passkeys/" + url.PathEscape(id), in: in, out: &out})
}

// DeletePasskey removes one of the own passkeys. It needs a sign-in of the last five minutes.
func (c *Client) DeletePasskey(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/me/passkeys/" + url.PathEscape(id)})
}

// ListUserPasskeys lists the passkeys of a user, for administrators.
func (c *Client) ListUserPasskeys(ctx context.Context, user string) (Passkeys, error) {
	var out Passkeys
	return out, c.call(ctx, request{method: http.MethodGet, path: "/users/" + url.PathEscape(user) + "/passkeys", out: &out})
}

// DeleteUserPasskey removes a passkey of a user, for administrators.
func (c *Client) DeleteUserPasskey(ctx context.Context, user, id string) error {
	path := "/users/" + url.PathEscape(user) + "/passkeys/" + url.PathEscape(id)
	return c.call(ctx, request{method: http.MethodDelete, path: path})
}
