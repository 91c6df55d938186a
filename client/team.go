package client

import (
	"context"
	"net/http"
	"time"
)

// Account is a customer or team inside an app.
type Account struct {
	ID        string     `json:"id"`
	ParentID  string     `json:"parent_id"`
	Name      string     `json:"name"`
	AvatarURL string     `json:"avatar_url"`
	Status    string     `json:"status"` // active, trial, past_due, suspended or closed
	PaidUntil *time.Time `json:"paid_until"`
	Version   int64      `json:"version"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// Membership is a place in an account. Account is there in profiles, UserID in lists of members.
type Membership struct {
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`
	AccountID string    `json:"account_id"`
	Role      string    `json:"role"` // owner, member or viewer
	CreatedAt time.Time `json:"created_at"`
	Account   *Account  `json:"account"`
	Name      string    `json:"name"`  // of the user, in lists of members
	Email     string    `json:"email"` // likewise, for owners and administrators
}

// Credit is what a user has of credit, in units.
type Credit struct {
	ID             int64   `json:"id"`
	Balance        float64 `json:"balance"`
	GrantedBalance float64 `json:"granted_balance"` // the part that was given for nothing
}

// AccountPage is one page of accounts.
type AccountPage struct {
	Accounts   []Account `json:"accounts"`
	NextCursor string    `json:"next_cursor"`
}

// ListAccounts lists accounts, oldest first: the own ones, or for administrators all. user narrows it to those of one
// user; empty: not.
func (c *Client) ListAccounts(ctx context.Context, user string, p Paging) (AccountPage, error) {
	q := p.query()
	if user != "" {
		q.Set("user_id", user)
	}
	var out AccountPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/accounts", query: q, out: &out})
}

// GetAccount shows an account.
func (c *Client) GetAccount(ctx context.Context, id string) (Account, error) {
	var out Account
	return out, c.call(ctx, request{method: http.MethodGet, path: "/accounts/" + segment(id), out: &out})
}

// NewAccount is an account to be made. OwnerID is for administrators and the operator.
type NewAccount struct {
	Name      string `json:"name"`
	AvatarURL string `json:"avatar_url,omitempty"`
	ParentID  string `json:"parent_id,omitempty"`
	OwnerID   string `json:"owner_id,omitempty"`
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, in NewAccount) (Account, error) {
	var out Account
	return out, c.call(ctx, request{method: http.MethodPost, path: "/accounts", in: in, out: &out})
}

// UpdateAccount changes an account: members of the change are name, avatar_url, parent_id, status and paid_until; nil
// clears. version is that of the account that the change was made against; 0: any.
func (c *Client) UpdateAccount(ctx context.Context, id string, version int64, change map[string]any) (Account, error) {
	var out Account
	return out, c.call(ctx, request{method: http.MethodPatch, path: "/accounts/" + segment(id), in: change, ifMatch: etag(version), out: &out})
}

// MemberPage is one page of the members of an account.
type MemberPage struct {
	Members    []Membership `json:"members"`
	NextCursor string       `json:"next_cursor"`
}

// ListMembers lists the members of an account, oldest first.
func (c *Client) ListMembers(ctx context.Context, account string, p Paging) (MemberPage, error) {
	var out MemberPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/accounts/" + segment(account) + "/members", query: p.query(), out: &out})
}

// AddMember makes a user a member of an account.
func (c *Client) AddMember(ctx context.Context, account, user, role string) (Membership, error) {
	var out Membership
	in := map[string]string{"user_id": user, "role": role}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/accounts/" + segment(account) + "/members", in: in, out: &out})
}

// SetMemberRole gives a member another role: owner, member or viewer.
func (c *Client) SetMemberRole(ctx context.Context, account, user, role string) (Membership, error) {
	var out Membership
	in := map[string]string{"role": role}
	path := "/accounts/" + segment(account) + "/members/" + segment(user)
	return out, c.call(ctx, request{method: http.MethodPut, path: path, in: in, out: &out})
}

// RemoveMember takes a user out of an account.
func (c *Client) RemoveMember(ctx context.Context, account, user string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/accounts/" + segment(account) + "/members/" + segment(user)})
}

// SwitchAccount lets the session act for another account; empty: for none. The session's tokens are new.
func (c *Client) SwitchAccount(ctx context.Context, account string) (SignedIn, error) {
	in := map[string]any{"account_id": nil}
	if account != "" {
		in["account_id"] = account
	}
	var out SignedIn
	return out, c.call(ctx, request{method: http.MethodPut, path: "/sessions/current/account", in: in, out: &out})
}

// GetCredit shows what a user has of credit.
func (c *Client) GetCredit(ctx context.Context, user string) (Credit, error) {
	var out Credit
	return out, c.call(ctx, request{method: http.MethodGet, path: "/users/" + segment(user) + "/credit", out: &out})
}

// GrantCredit adds to a user's balance; a negative amount takes back. paid says that it was not given for nothing.
func (c *Client) GrantCredit(ctx context.Context, user string, amount float64, paid bool) (Credit, error) {
	var out Credit
	in := map[string]any{"amount": amount, "paid": paid}
	return out, c.call(ctx, request{method: http.MethodPost, path: "/users/" + segment(user) + "/credit", in: in, out: &out})
}
