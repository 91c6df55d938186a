package client

import (
	"context"
	"net/http"
	"time"
)

// AskingClient is an OAuth client that wants to act for somebody.
type AskingClient struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Verified bool   `json:"verified"` // somebody at the server vouches for the name
	Site     string `json:"site"`
	Logo     string `json:"logo"`
	Terms    string `json:"terms"`
	Privacy  string `json:"privacy"`
}

// AskedScope is one of the scopes that it wants; Text says in words what it lets the client do, but for the standard ones.
type AskedScope struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// AskedResource is a resource that its tokens will be for.
type AskedResource struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// WaitingDevice is a device that waits for somebody to let it in (RFC 8628).
type WaitingDevice struct {
	Client    AskingClient    `json:"client"`
	Scopes    []AskedScope    `json:"scopes"`
	Resources []AskedResource `json:"resources"`
	Offline   bool            `json:"offline"` // it keeps its access when the person signs out
	UserCode  string          `json:"user_code"`
	IP        string          `json:"ip"` // where it asked from
	UserAgent string          `json:"user_agent"`
	AskedAt   time.Time       `json:"asked_at"`
}

func (c *Client) device(ctx context.Context, what, userCode string, out any) error {
	return c.call(ctx, request{method: http.MethodPost, path: "/device/" + what, in: map[string]string{"user_code": userCode}, out: out})
}

// ShowDevice answers which device waits under the code that it shows. From then on this session alone decides about it.
func (c *Client) ShowDevice(ctx context.Context, userCode string) (WaitingDevice, error) {
	var out WaitingDevice
	return out, c.device(ctx, "show", userCode, &out)
}

// ApproveDevice lets a device in that ShowDevice has shown.
func (c *Client) ApproveDevice(ctx context.Context, userCode string) error {
	return c.device(ctx, "approve", userCode, nil)
}

// DenyDevice turns it away.
func (c *Client) DenyDevice(ctx context.Context, userCode string) error {
	return c.device(ctx, "deny", userCode, nil)
}
