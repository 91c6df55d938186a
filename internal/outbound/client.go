package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// ErrTooLarge is in the chain of an error when an answer is longer than Options.MaxBody.
var ErrTooLarge = errors.New("the answer is too large")

const (
	defaultTimeout = 10 * time.Second // SECURITY AV-01
	defaultMaxBody = 1 << 20
	maxHeader      = 64 << 10
	idleTime       = 60 * time.Second
	userAgent      = "Ostiary"
)

// Options make a Client. The zero value calls public https addresses only.
type Options struct {
	Allow   []netip.Prefix // networks that may be called although they are not public, on any port, over plain http too
	Proxy   *url.URL       // forward proxy for every call to an address outside Allow; nil: none. The environment is never asked
	Timeout time.Duration  // of one call, its body included; 0: 10 s
	MaxBody int64          // bytes of one answer; 0: 1 MiB
	// Resolve finds the addresses of a name; nil: the machine's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Roots   *x509.CertPool // whose certificates are believed; nil: the machine's
}

// Client makes calls that leave the house. It is safe for concurrent use.
type Client struct {
	http *http.Client
}

// New makes a client. Make one and keep it: it holds the open connections.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Resolve == nil {
		o.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	sealed := gate{allow: o.Allow, resolve: o.Resolve}
	plain := gate{allow: o.Allow, resolve: o.Resolve, plain: true}
	g := guard{sealed: transport(o, sealed), plain: transport(o, plain), max: o.MaxBody}
	if o.Proxy != nil {
		g.proxied, g.gate = throughProxy(o), sealed
	}
	return &Client{http: &http.Client{
		Transport: g, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func transport(o Options, g gate) *http.Transport {
	return &http.Transport{
		Proxy: nil, DialContext: g.dial, ForceAttemptHTTP2: true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        idleTime,
		TLSHandshakeTimeout:    dialTime,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// throughProxy dials nothing but the operator's proxy.
func throughProxy(o Options) *http.Transport {
	t := transport(o, gate{})
	t.Proxy = http.ProxyURL(o.Proxy)
	t.DialContext = (&net.Dialer{Timeout: dialTime}).DialContext
	return t
}

// HTTP is the guarded client for libraries that want one. Its answers are bounded like all; redirects are answered,
// not followed.
func (c *Client) HTTP() *http.Client { return c.http }

// Get fetches a URL. The status is the other side's, 3xx included; only a call that brought no whole answer is an
// error, ErrRefused or ErrTooLarge among them. No error holds the query, for it may be secret.
func (c *Client) Get(ctx context.Context, target string) (status int, body []byte, err error) {
	return c.call(ctx, http.MethodGet, target, nil)
}

// PostForm sends a form, and answers as Get does.
func (c *Client) PostForm(ctx context.Context, target string, form url.Values) (status int, body []byte, err error) {
	return c.call(ctx, http.MethodPost, target, form)
}

func (c *Client) call(ctx context.Context, method, target string, form url.Values) (int, []byte, error) {
	var send io.Reader
	if form != nil {
		send = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, target, send)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: not a URL", ErrRefused)
	}
	r.Header.Set("Accept", "application/json")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w, err := c.http.Do(r)
	if err != nil {
		return 0, nil, named(r, err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		return 0, nil, named(r, err)
	}
	return w.StatusCode, body, nil
}

// named tells the host of a failed call and nothing else of its URL.
func named(r *http.Request, err error) error {
	var whole *url.Error
	if errors.As(err, &whole) {
		err = whole.Err
	}
	return fmt.Errorf("%s %s: %w", r.Method, r.URL.Host, err)
}

// guard picks the transport of a scheme and bounds the answer.
type guard struct {
	sealed, plain *http.Transport
	proxied       *http.Transport // nil: no proxy
	gate          gate
	max           int64
}

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	t, err := g.pick(r.URL)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // the contract of a RoundTripper; nothing was sent
		}
		return nil, err
	}
	if r.Header.Get("User-Agent") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", userAgent)
	}
	w, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if w.ContentLength > g.max {
		_ = w.Body.Close() // given up
		return nil, fmt.Errorf("%w: %d bytes announced, %d allowed", ErrTooLarge, w.ContentLength, g.max)
	}
	w.Body = &bounded{body: w.Body, left: g.max}
	return w, nil
}

// CloseIdleConnections is what http.Client calls by this name.
func (g guard) CloseIdleConnections() {
	for _, t := range []*http.Transport{g.sealed, g.plain, g.proxied} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
}

func (g guard) pick(u *url.URL) (*http.Transport, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w: it names a user", ErrRefused)
	}
	literal, err := netip.ParseAddr(u.Hostname())
	isAddress := err == nil
	switch u.Scheme {
	case "https":
		if g.proxied == nil || isAddress && g.gate.allowed(literal) {
			return g.sealed, nil
		}
		if isAddress && !Public(literal) {
			return nil, fmt.Errorf("%w: %s is not public, and outbound.allow does not list it", ErrRefused, literal)
		}
		return g.proxied, nil
	case "http":
		return g.plain, nil
	}
	return nil, fmt.Errorf("%w: want https", ErrRefused)
}

// bounded fails a body that goes on for too long; cutting it short would hand on half an answer as a whole one.
type bounded struct {
	body io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		b.left = 0
		return n, ErrTooLarge
	}
	b.left -= int64(n)
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }
