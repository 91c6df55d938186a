package client

import (
	"context"
	"net/http"
	"time"
)

// MailedSignIn is the answer to SendMagicLink, the same for every address. Flow is what the mailed code is sent with.
type MailedSignIn struct {
	Flow      string    `json:"flow"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SendMagicLink mails a link and a code to sign in with, if there is such a user.
func (c *Client) SendMagicLink(ctx context.Context, email string) (MailedSignIn, error) {
	var out MailedSignIn
	in := map[string]string{"email": email}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/magic-links", in: in, out: &out})
}

// SignInWithToken signs in with the token of a mailed link.
func (c *Client) SignInWithToken(ctx context.Context, token string) (SignInResult, error) {
	var out SignInResult
	in := map[string]string{"token": token}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/magic-link", in: in, out: &out})
}

// SignInWithCode signs in with a mailed code and the flow that asked for it.
func (c *Client) SignInWithCode(ctx context.Context, flow, code string) (SignInResult, error) {
	var out SignInResult
	in := map[string]string{"flow": flow, "code": code}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/email-code", in: in, out: &out})
}

// LoginMethods lists the ways to sign in to the app, the usual one first.
func (c *Client) LoginMethods(ctx context.Context) ([]string, error) {
	var out struct {
		Methods []string `json:"methods"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/sign-in-methods", out: &out})
	return out.Methods, err
}

// EmailStatus is how one address can sign in.
type EmailStatus struct {
	Status    string   `json:"status"` // active or inactive
	Preferred []string `json:"preferred"`
	Available []string `json:"available"`
}

// CheckEmail tells how an address can sign in; this API tells the same of every address.
func (c *Client) CheckEmail(ctx context.Context, email string) (EmailStatus, error) {
	var out EmailStatus
	in := map[string]string{"email": email}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sign-in-methods/check", in: in, out: &out})
}

// Authentication tells whether the client's credential is somebody's.
type Authentication struct {
	Authenticated bool  `json:"authenticated"`
	User          *User `json:"user"`
}

// GetAuthentication tells whether somebody is signed in.
func (c *Client) GetAuthentication(ctx context.Context) (Authentication, error) {
	var out Authentication
	return out, c.call(ctx, request{method: http.MethodGet, path: "/authentication", out: &out})
}

// GetCSRFToken is a token for pages that work with cookies.
func (c *Client) GetCSRFToken(ctx context.Context) (string, error) {
	var out struct {
		CSRFToken string `json:"csrf_token"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/csrf-token", out: &out})
	return out.CSRFToken, err
}
