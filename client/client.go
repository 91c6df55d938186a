package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// basePath is where the API lies below the server's URL.
const basePath = "/api/ostiary/v1"

// maxAnswer is more than any answer of the API.
const maxAnswer = 8 << 20

// Client asks one server. The zero value of every field but BaseURL is fine. It may be used by many goroutines, and
// copied to change a field.
type Client struct {
	BaseURL string       // of the server, without a path: https://id.example.com
	HTTP    *http.Client // nil: http.DefaultClient
	Token   string       // access token or API key; empty: nobody is signed in
	AppKey  string       // says which app requests belong to
	App     string       // the app that is meant; the operator chooses with it, others may only confirm
	// ChallengeResponse answers the app's challenge, where it has one: what its widget gave, or a site key. It works once.
	ChallengeResponse string
}

// WithToken is c with another credential.
func (c *Client) WithToken(token string) *Client {
	d := *c
	d.Token = token
	return &d
}

// WithApp is c for another app.
func (c *Client) WithApp(app string) *Client {
	d := *c
	d.App = app
	return &d
}

// Error is a refusal of the server: a problem document (RFC 9457).
type Error struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"` // one of the server's closed list, `invalid-credentials`
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	RequestID  string        `json:"request_id"`
	Violations []Violation   `json:"violations"`
	RetryAfter time.Duration `json:"-"` // 0: the server did not say
}

// Violation is one member of the request that is not valid.
type Violation struct {
	In       string `json:"in"` // body, query, path, header or cookie
	Path     string `json:"path"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Expected string `json:"expected"`
	Received string `json:"received"`
}

func (e *Error) Error() string {
	var parts []string
	said := false // the detail, by a violation that tells the place as well
	for _, v := range e.Violations {
		said = said || v.Message == e.Detail
		if v.Path != "" {
			v.Message = v.Path + ": " + v.Message
		}
		parts = append(parts, v.Message)
	}
	switch {
	case e.Detail == "":
		parts = append([]string{e.Title}, parts...)
	case !said:
		parts = append([]string{e.Detail}, parts...)
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", strings.Join(parts, "; "), e.Code, e.Status)
}

// IsCode reports whether err is a refusal of the server with this code.
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// request is one call. In and Out are JSON; nil means none.
type request struct {
	method  string
	path    string
	query   url.Values
	ifMatch string
	in, out any
}

// do sends the request and answers the status and headers of a success.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	hr, err := c.build(ctx, r)
	if err != nil {
		return nil, err
	}
	hc := c.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(hr)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below; nothing hangs on it
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return nil, refusal(resp, body)
	}
	if r.out != nil && len(body) > 0 {
		if err := json.Unmarshal(body, r.out); err != nil {
			return nil, fmt.Errorf("understand the answer to %s %s: %w", r.method, r.path, err)
		}
	}
	return resp, nil
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	target := strings.TrimRight(c.BaseURL, "/") + basePath + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.in != nil {
		data, err := json.Marshal(r.in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	hr, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}
	hr.Header.Set("Accept", "application/json, application/problem+json")
	for name, value := range map[string]string{"X-App-Key": c.AppKey, "X-App": c.App, "If-Match": r.ifMatch,
		"X-Challenge-Response": c.ChallengeResponse} {
		if value != "" {
			hr.Header.Set(name, value)
		}
	}
	if body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		hr.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return hr, nil
}

// refusal reads a problem document; an answer that is none (a proxy's page) becomes an Error without a code.
func refusal(resp *http.Response, body []byte) error {
	e := &Error{}
	if err := json.Unmarshal(body, e); err != nil || e.Code == "" {
		*e = Error{Title: http.StatusText(resp.StatusCode)}
	}
	e.Status = resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// call is do for answers whose headers do not matter.
func (c *Client) call(ctx context.Context, r request) error {
	_, err := c.do(ctx, r) //nolint:bodyclose // do has closed it
	return err
}

// segment escapes one part of a path.
func segment(s string) string { return url.PathEscape(s) }

// Paging chooses a page of a list: the NextCursor of the page before, and how many (0: the server's default).
type Paging struct {
	Cursor string
	Limit  int
}

func (p Paging) query() url.Values {
	q := url.Values{}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return q
}
