package httpx

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Origins decides whether a request that carries or sets a cookie may change anything (WB-01).
type Origins struct{ public string }

// NewOrigins takes the public URL; its origin counts as ours whatever Host a proxy sends.
func NewOrigins(publicURL string) Origins {
	u, err := url.Parse(publicURL)
	if err != nil {
		return Origins{}
	}
	return Origins{public: OriginOf(u)}
}

// OriginOf is the serialised origin of a URL (RFC 6454 section 6.2): lower case, without a default port.
func OriginOf(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != defaultPort(scheme) {
		host += ":" + port
	}
	return scheme + "://" + host
}

func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

// Check refuses a state-changing request that a browser sent from a foreign page, with auth.CodeCSRF. allowed
// are the exact origins that the client of the request lists.
//
// Browsers tell where a request comes from in Sec-Fetch-Site and Origin, which scripts cannot set. A request with
// neither does not come from a browser of this decade: it is let through, unless a Referer names a foreign page.
// "same-site" (a sibling subdomain) and the opaque origin "null" are foreign. GET, HEAD and OPTIONS change
// nothing and always pass.
func (o Origins) Check(r *http.Request, allowed ...string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	origin, sent := header(r, "Origin")
	if site, ok := header(r, "Sec-Fetch-Site"); ok {
		if site == "same-origin" || site == "none" || (sent && o.named(origin, allowed)) {
			return nil
		}
		return refusedOrigin()
	}
	if sent {
		if o.named(origin, allowed) || origin == o.direct(r) {
			return nil
		}
		return refusedOrigin()
	}
	return o.referer(r, allowed)
}

// Ours reports whether the request provably comes from one of our own pages or an allowed origin.
func (o Origins) Ours(r *http.Request, allowed ...string) bool {
	_, hasSite := header(r, "Sec-Fetch-Site")
	_, hasOrigin := header(r, "Origin")
	return (hasSite || hasOrigin) && o.Check(r, allowed...) == nil
}

func (o Origins) named(origin string, allowed []string) bool {
	return origin != "" && origin != "null" && (origin == o.public || slices.Contains(allowed, origin))
}

// direct is our own origin as the request's Host names it. The scheme follows from the connection or the public
// URL, so that a page of http://host cannot write to https://host.
func (o Origins) direct(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.HasPrefix(o.public, "https://") {
		scheme = "https"
	}
	return OriginOf(&url.URL{Scheme: scheme, Host: r.Host})
}

func (o Origins) referer(r *http.Request, allowed []string) error {
	text, sent := header(r, "Referer")
	if !sent {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return refusedOrigin()
	}
	if from := OriginOf(u); o.named(from, allowed) || from == o.direct(r) {
		return nil
	}
	return refusedOrigin()
}

// header returns the one value of a header. Two values are one value that fits nothing.
func header(r *http.Request, name string) (value string, sent bool) {
	values := r.Header.Values(name)
	if len(values) == 0 {
		return "", false
	}
	if len(values) > 1 {
		return "", true
	}
	return values[0], true
}

func refusedOrigin() error {
	return auth.E(auth.CodeCSRF, "")
}
