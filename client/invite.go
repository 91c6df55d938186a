package client

import (
	"context"
	"net/http"
	"time"
)

// Invite is a pending invitation by mail.
type Invite struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"` // empty: to the app
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	InvitedBy string    `json:"invited_by"` // empty: the operator
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// InvitePage is one page of invitations.
type InvitePage struct {
	Invites    []Invite `json:"invites"`
	NextCursor string   `json:"next_cursor"`
}

// ListInvites lists pending invitations, oldest first: to an account, or, for administrators, of the whole app.
func (c *Client) ListInvites(ctx context.Context, account string, p Paging) (InvitePage, error) {
	q := p.query()
	if account != "" {
		q.Set("account_id", account)
	}
	var out InvitePage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/invites", query: q, out: &out})
}

// NewInvite is somebody to be invited. Without an account it is to the app.
type NewInvite struct {
	Email     string `json:"email"`
	AccountID string `json:"account_id,omitempty"`
	Role      string `json:"role,omitempty"`
}

// CreateInvite mails an invitation.
func (c *Client) CreateInvite(ctx context.Context, in NewInvite) (Invite, error) {
	var out Invite
	return out, c.call(ctx, request{method: http.MethodPost, path: "/invites", in: in, out: &out})
}

// RevokeInvite ends a pending invitation.
func (c *Client) RevokeInvite(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/invites/" + segment(id)})
}

// Acceptance is who follows an invitation. Name is for somebody who becomes a user by it.
type Acceptance struct {
	Token  string `json:"token"`
	Name   string `json:"name,omitempty"`
	Device string `json:"device,omitempty"`
}

// AcceptInvite spends the token of an invitation, and signs in. With a second factor the result has a Challenge and no
// tokens. A client that has a token of a session joins as its user; the result then has neither.
func (c *Client) AcceptInvite(ctx context.Context, in Acceptance) (SignInResult, error) {
	var out SignInResult
	return out, c.call(ctx, request{method: http.MethodPost, path: "/invites/accept", in: in, out: &out})
}

// InviteCode is a code that people hand on.
type InviteCode struct {
	ID        string     `json:"id"`
	Code      string     `json:"code"`
	Uses      int        `json:"uses"` // in all
	Used      int        `json:"used"`
	Credit    float64    `json:"credit"` // the starting balance of who uses it
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// InviteCodePage is one page of invite codes.
type InviteCodePage struct {
	InviteCodes []InviteCode `json:"invite_codes"`
	NextCursor  string       `json:"next_cursor"`
}

// ListInviteCodes lists the invite codes of the app, oldest first.
func (c *Client) ListInviteCodes(ctx context.Context, p Paging) (InviteCodePage, error) {
	var out InviteCodePage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/invite-codes", query: p.query(), out: &out})
}

// NewInviteCode is a code to be made. Without a Code one is made; without Uses it has one; without ExpiresIn (30d) it
// does not expire.
type NewInviteCode struct {
	Code      string  `json:"code,omitempty"`
	Uses      int     `json:"uses,omitempty"`
	ExpiresIn string  `json:"expires_in,omitempty"`
	Credit    float64 `json:"credit,omitempty"`
}

// CreateInviteCode makes an invite code.
func (c *Client) CreateInviteCode(ctx context.Context, in NewInviteCode) (InviteCode, error) {
	var out InviteCode
	return out, c.call(ctx, request{method: http.MethodPost, path: "/invite-codes", in: in, out: &out})
}

// RevokeInviteCode ends an invite code.
func (c *Client) RevokeInviteCode(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/invite-codes/" + segment(id)})
}

// WaitlistEntry is a place in the queue for a feature.
type WaitlistEntry struct {
	ID        string     `json:"id"`
	Feature   string     `json:"feature"`
	AccountID string     `json:"account_id"`
	UserID    string     `json:"user_id"`
	Email     string     `json:"email"`  // of a stranger who waits to sign up
	Status    string     `json:"status"` // waiting, approved or denied
	CreatedAt time.Time  `json:"created_at"`
	DecidedAt *time.Time `json:"decided_at"`
}

// WaitlistPage is one page of places.
type WaitlistPage struct {
	Entries    []WaitlistEntry `json:"entries"`
	NextCursor string          `json:"next_cursor"`
}

// ListWaitlists lists the queues that the session's account, or the user, is in.
func (c *Client) ListWaitlists(ctx context.Context, p Paging) (WaitlistPage, error) {
	var out WaitlistPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me/waitlists", query: p.query(), out: &out})
}

// GetWaitlistEntry shows the own place in the queue for a feature.
func (c *Client) GetWaitlistEntry(ctx context.Context, feature string) (WaitlistEntry, error) {
	var out WaitlistEntry
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me/waitlists/" + segment(feature), out: &out})
}

// JoinWaitlist waits for a feature. Who is in the queue keeps the place.
func (c *Client) JoinWaitlist(ctx context.Context, feature string) (WaitlistEntry, error) {
	var out WaitlistEntry
	return out, c.call(ctx, request{method: http.MethodPut, path: "/me/waitlists/" + segment(feature), out: &out})
}

// LeaveWaitlist waits no more.
func (c *Client) LeaveWaitlist(ctx context.Context, feature string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/me/waitlists/" + segment(feature)})
}

// ListWaitlistEntries lists who waits, oldest first. Empty feature and status: all.
func (c *Client) ListWaitlistEntries(ctx context.Context, feature, status string, p Paging) (WaitlistPage, error) {
	q := p.query()
	if feature != "" {
		q.Set("feature", feature)
	}
	if status != "" {
		q.Set("status", status)
	}
	var out WaitlistPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/waitlist-entries", query: q, out: &out})
}

// ApproveWaitlistEntry lets somebody have what they wait for.
func (c *Client) ApproveWaitlistEntry(ctx context.Context, id string) (WaitlistEntry, error) {
	var out WaitlistEntry
	return out, c.call(ctx, request{method: http.MethodPost, path: "/waitlist-entries/" + segment(id) + "/approve", out: &out})
}

// DenyWaitlistEntry refuses somebody who waits.
func (c *Client) DenyWaitlistEntry(ctx context.Context, id string) (WaitlistEntry, error) {
	var out WaitlistEntry
	return out, c.call(ctx, request{method: http.MethodPost, path: "/waitlist-entries/" + segment(id) + "/deny", out: &out})
}
