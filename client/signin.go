package client

import (
	"context"
	"net/http"
	"time"
)

// Setup is what makes the first administrator.
type Setup struct {
	Token    string `json:"token"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name,omitempty"`
	Device   string `json:"device,omitempty"`
}

// CreateFirstAdministrator spends a setup link.
func (c *Client) CreateFirstAdministrator(ctx context.Context, in Setup) (SignedIn, error) {
	var out SignedIn
	return out, c.call(ctx, request{method: http.MethodPost, path: "/setup", in: in, out: &out})
}

// Registration is a sign-up.
type Registration struct {
	Email      string         `json:"email"`
	Password   string         `json:"password"`
	Username   string         `json:"username,omitempty"`
	Name       string         `json:"name,omitempty"`
	GivenName  string         `json:"given_name,omitempty"`
	FamilyName string         `json:"family_name,omitempty"`
	Locale     string         `json:"locale,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	InviteCode string         `json:"invite_code,omitempty"`
}

// Register signs somebody up. A mail asks to confirm the address; the answer never tells whether it was known.
func (c *Client) Register(ctx context.Context, in Registration) error {
	return c.call(ctx, request{method: http.MethodPost, path: "/registrations", in: in})
}

// SignIn is a sign-in with a password. Code is the second factor, for those who have it at hand.
type SignIn struct {
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
	Code       string `json:"code,omitempty"`
	Device     string `json:"device,omitempty"`
}

// SignInResult is a session, or a challenge if the user has a second factor.
type SignInResult struct {
	SignedIn
	Challenge *Challenge `json:"challenge"`
}

// SignIn signs a user in. With a second factor and no code the result has a Challenge and no tokens.
func (c *Client) SignIn(ctx context.Context, in SignIn) (SignInResult, error) {
	var out SignInResult
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions", in: in, out: &out})
}

// ChallengeAnswer is the second step of a sign-in.
type ChallengeAnswer struct {
	Token  string `json:"token"`
	Code   string `json:"code"`
	Device string `json:"device,omitempty"`
}

// CompleteSecondFactor answers a challenge.
func (c *Client) CompleteSecondFactor(ctx context.Context, in ChallengeAnswer) (SignedIn, error) {
	var out SignedIn
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/second-factor", in: in, out: &out})
}

// RefreshSession exchanges a refresh token for new tokens.
func (c *Client) RefreshSession(ctx context.Context, refreshToken string) (SignedIn, error) {
	var out SignedIn
	in := map[string]string{"refresh_token": refreshToken}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/sessions/refresh", in: in, out: &out})
}

// RequestPasswordReset mails a link if there is such a user; the answer never tells.
func (c *Client) RequestPasswordReset(ctx context.Context, identifier string) error {
	in := map[string]string{"identifier": identifier}
	return c.call(ctx, request{method: http.MethodPost, path: "/password-reset/request", in: in})
}

// ResetToken is a password-reset token that would work.
type ResetToken struct {
	Valid     bool      `json:"valid"`
	Email     string    `json:"email"`
	ExpiresAt time.Time `json:"expires_at"`
}

// CheckResetToken tries a mailed token without spending it.
func (c *Client) CheckResetToken(ctx context.Context, token string) (ResetToken, error) {
	var out ResetToken
	in := map[string]string{"token": token}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/password-reset/check", in: in, out: &out})
}

// LinkPreview is whom a link is about.
type LinkPreview struct {
	Kind      string    `json:"kind"`
	Email     string    `json:"email"`
	Account   string    `json:"account"`
	Provider  string    `json:"provider"`
	Upstream  string    `json:"upstream"`
	ExpiresAt time.Time `json:"expires_at"`
}

// PreviewLink tells whom a link of a kind is about, and spends nothing.
func (c *Client) PreviewLink(ctx context.Context, kind, token string) (LinkPreview, error) {
	var out LinkPreview
	in := map[string]string{"kind": kind, "token": token}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/links/preview", in: in, out: &out})
}

// ResetPassword sets a new password with a mailed token.
func (c *Client) ResetPassword(ctx context.Context, token, password string) error {
	in := map[string]string{"token": token, "password": password}
	return c.call(ctx, request{method: http.MethodPost, path: "/password-reset/complete", in: in})
}

// RequestEmailVerification asks for another verification mail: for the signed-in user, or for an address.
func (c *Client) RequestEmailVerification(ctx context.Context, email string) error {
	in := map[string]string{}
	if email != "" {
		in["email"] = email
	}
	return c.call(ctx, request{method: http.MethodPost, path: "/email-verification/request", in: in})
}

// CancelEmailChange spends the token of the notice that an old address gets about a change. It reports whether the
// change had been made and was taken back.
func (c *Client) CancelEmailChange(ctx context.Context, token string) (restored bool, err error) {
	var out struct {
		Restored bool `json:"restored"`
	}
	in := map[string]string{"token": token}
	err = c.call(ctx, request{method: http.MethodPost, path: "/email-change/cancel", in: in, out: &out})
	return out.Restored, err
}

// VerifyEmail spends a mailed token.
func (c *Client) VerifyEmail(ctx context.Context, token string) error {
	in := map[string]string{"token": token}
	return c.call(ctx, request{method: http.MethodPost, path: "/email-verification/complete", in: in})
}
