package client

import (
	"context"
	"net/http"
	"time"
)

// Evidence shows that it is the person who asks: nothing within five minutes of a sign-in.
type Evidence struct {
	CurrentPassword string `json:"current_password,omitempty"`
	Code            string `json:"code,omitempty"` // of the second factor
}

// OwnEvent is something that happened to one's own account.
type OwnEvent struct {
	ID        string            `json:"id"`
	At        time.Time         `json:"at"`
	Action    string            `json:"action"`  // such as session.ended
	Outcome   string            `json:"outcome"` // ok or an error code
	By        string            `json:"by"`      // me, administrator, system or stranger
	SessionID string            `json:"session_id"`
	Target    string            `json:"target"`
	IP        string            `json:"ip"`
	UserAgent string            `json:"user_agent"`
	Data      map[string]string `json:"data"`
}

// OwnEventPage is one page of them.
type OwnEventPage struct {
	Events     []OwnEvent `json:"events"`
	NextCursor string     `json:"next_cursor"`
}

// ListMyEvents reads what happened to the own account, newest first.
func (c *Client) ListMyEvents(ctx context.Context, p Paging) (OwnEventPage, error) {
	var out OwnEventPage
	return out, c.call(ctx, request{method: http.MethodGet, path: "/me/events", query: p.query(), out: &out})
}

// ExportMyData reads everything that the server keeps about the own user, as the server says it.
func (c *Client) ExportMyData(ctx context.Context, e Evidence) (map[string]any, error) {
	var out map[string]any
	return out, c.call(ctx, request{method: http.MethodPost, path: "/me/export", in: e, out: &out})
}

// DeleteAccount lets the own user be erased and tells when. Until then signing in keeps the account.
func (c *Client) DeleteAccount(ctx context.Context, e Evidence) (time.Time, error) {
	var out struct {
		DeletesAt time.Time `json:"deletes_at"`
	}
	err := c.call(ctx, request{method: http.MethodPost, path: "/me/delete", in: e, out: &out})
	return out.DeletesAt, err
}

// CancelAccountDeletion keeps an account by the token of the mail about its deletion.
func (c *Client) CancelAccountDeletion(ctx context.Context, token string) error {
	in := map[string]string{"token": token}
	return c.call(ctx, request{method: http.MethodPost, path: "/account-deletion/cancel", in: in})
}
