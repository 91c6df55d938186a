package contract

import (
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// csrfState is what one call knows of its CSRF secret: the value that tokens are bound to.
type csrfState struct {
	value string // session cookie, else the csrf cookie's secret
	kind  string
	fresh bool // the csrf cookie must be set
	done  bool
}

// checkOrigin refuses a write that carries or sets a cookie and comes from a foreign page (DESIGN section 7 rule
// 10). Same origin, an origin that the caller's client lists, or the CSRF token lets it pass; a call with a bearer
// token or key needs none of them.
func (c *call) checkOrigin() error {
	if c.op.def.CrossSite || !c.shown.cookie && (!c.op.sets || c.shown.header) {
		return nil
	}
	r := c.r
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if !c.op.def.Consumes {
			return nil
		}
		clone := *r
		clone.Method = http.MethodPost // it writes, whatever it is called
		r = &clone
	}
	var allowed []string
	if r.Header.Get("Origin") != "" {
		var err error
		if allowed, err = c.clientOrigins(c.caller.Client); err != nil {
			return err
		}
	}
	if err := c.e.origins.Check(r, allowed...); err == nil || c.tokenValid() {
		return nil
	}
	return auth.E(auth.CodeCSRF, "")
}

// tokenValid checks the CSRF token of the request against the secret that this browser holds.
func (c *call) tokenValid() bool {
	token := c.own.csrf
	if token == "" {
		token = c.r.Header.Get(csrfHeader)
	}
	mac, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || token == "" {
		return false
	}
	c.bindCSRF()
	if c.csrf.value == "" || c.csrf.fresh {
		return false
	}
	return c.e.o.Keys.CheckMAC("csrf", mac, c.csrf.kind, string(c.plan.app), c.csrf.value)
}

// bindCSRF finds what tokens of this browser are bound to. Once there is a session cookie only that counts, so a
// token from before a sign-in, or of another session, is worth nothing (WB-02).
func (c *call) bindCSRF() {
	if c.csrf.done {
		return
	}
	c.csrf.done = true
	for _, kind := range []cookieKind{cookieSession, cookieCSRF} {
		if value, ok := c.e.cookies.Read(c.r, c.plan.cookies[kind].Name); ok {
			c.csrf.value, c.csrf.kind = value, cookieNames[kind]
			return
		}
	}
}

// newCSRF makes the secret of a browser that has none yet.
func (c *call) newCSRF() {
	c.bindCSRF()
	if c.csrf.value != "" {
		return
	}
	if value, err := secret.Token(c.e.o.Rand); err == nil {
		c.csrf = csrfState{value: value, kind: cookieNames[cookieCSRF], fresh: true, done: true}
	}
}

// csrfToken is the token for this browser, empty when it holds no secret.
func (c *call) csrfToken() string {
	c.bindCSRF()
	if c.csrf.value == "" {
		return ""
	}
	mac := c.e.o.Keys.MAC("csrf", c.csrf.kind, string(c.plan.app), c.csrf.value)
	return base64.RawURLEncoding.EncodeToString(mac)
}

// clientOrigins lists the allowed origins of a client; those of all clients of the app for the empty one.
func (c *call) clientOrigins(client auth.ClientID) ([]string, error) {
	if c.e.o.Origins == nil {
		return nil, nil
	}
	app := c.plan.app
	if c.known && c.caller.App != "" {
		app = c.caller.App
	}
	return c.e.o.Origins(c.r.Context(), app, client)
}

// crossOrigin lets scripts of an allowed origin read the answer: exactly that origin, never a star, never what the
// request merely claims (WB-03).
func (c *call) crossOrigin(h http.Header) {
	if c.e.o.Origins == nil {
		return
	}
	h.Add("Vary", "Origin")
	origin := c.r.Header.Get("Origin")
	if origin == "" || origin == "null" || c.plan == nil {
		return
	}
	client := auth.ClientID("")
	if c.known {
		client = c.caller.Client
	}
	allowed, err := c.clientOrigins(client)
	if err != nil || !slices.Contains(allowed, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, WWW-Authenticate, ETag, X-CSRF-Token")
}
