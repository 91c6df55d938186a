package httpx

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Cookie describes a cookie that a door sets. Every cookie is HttpOnly unless a script of the page must read it.
type Cookie struct {
	Name     string
	Value    string
	Path     string        // empty: /
	SameSite string        // strict, lax or none; empty: lax
	MaxAge   time.Duration // 0: until the browser closes
	Readable bool          // scripts may read it: CSRF tokens only
}

// Cookies builds cookies for one public URL. Secure is left out only where the server is reached as plain http
// on this very machine, for some browsers keep no Secure cookie there.
type Cookies struct{ insecure bool }

// NewCookies takes the public URL.
func NewCookies(publicURL string) Cookies {
	u, err := url.Parse(publicURL)
	return Cookies{insecure: err == nil && u.Scheme == "http" && loopback(u.Hostname())}
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Name is the name under which a cookie is set and read. The prefixes __Host- and __Secure- demand Secure
// (RFC 6265bis section 4.1.3), so they are left out where cookies are not.
func (c Cookies) Name(name string) string {
	if c.insecure {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "__Host-"), "__Secure-")
	}
	return name
}

// Set adds the cookie to the answer.
func (c Cookies) Set(h http.Header, k Cookie) {
	if v := c.build(k).String(); v != "" {
		h.Add("Set-Cookie", v)
	}
}

// Clear removes the cookie from the browser; name, path and attributes must be those it was set with (SE-03).
func (c Cookies) Clear(h http.Header, k Cookie) {
	k.Value = ""
	cookie := c.build(k) //nolint:gosec // the attributes are those it was set with
	cookie.MaxAge = -1
	h.Add("Set-Cookie", cookie.String())
}

func (c Cookies) build(k Cookie) *http.Cookie {
	out := &http.Cookie{ //nolint:gosec // Secure but for plain http on this machine, HttpOnly but for CSRF tokens
		Name: c.Name(k.Name), Value: k.Value, Path: k.Path, MaxAge: int(k.MaxAge / time.Second),
		HttpOnly: !k.Readable, Secure: !c.insecure, SameSite: http.SameSiteLaxMode,
	}
	if out.Path == "" || strings.HasPrefix(k.Name, "__Host-") {
		out.Path = "/"
	}
	switch k.SameSite {
	case "strict":
		out.SameSite = http.SameSiteStrictMode
	case "none":
		// SameSite=None without Secure is dropped by browsers.
		if !c.insecure {
			out.SameSite = http.SameSiteNoneMode
		}
	}
	return out
}

// Read finds a cookie's value. A name that came twice is no value at all: somebody planted one of them.
func (c Cookies) Read(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(c.Name(name))
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}
