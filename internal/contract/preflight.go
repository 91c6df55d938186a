package contract

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// options answers OPTIONS: a preflight for the union of the clients of the apps that serve the path, anything else
// with the methods of the path.
func (c *call) options() {
	c.plan = c.e.nearest(c.r.Host, c.path)
	allowed, _ := c.e.allowed(c.r.Host, c.path)
	if len(allowed) == 0 {
		c.refuse(auth.E(auth.CodeNotFound, ""))
		return
	}
	c.sharedHeaders(http.StatusNoContent)
	h := c.w.Header()
	origin := c.r.Header.Get("Origin")
	method := c.r.Header.Get("Access-Control-Request-Method")
	if origin == "" || method == "" {
		c.allow(allowed)
		c.w.WriteHeader(http.StatusNoContent)
		return
	}
	h.Add("Vary", "Origin")
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	if headers, ok := c.admits(origin, method); ok {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Methods", strings.Join(allowed, ", "))
		h.Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
		h.Set("Access-Control-Max-Age", "600")
	}
	c.w.WriteHeader(http.StatusNoContent)
}

// admits reports whether some client lists the origin, and which headers the operations of the path read.
func (c *call) admits(origin, method string) (headers []string, ok bool) {
	found := c.e.lookup(chi.NewRouteContext(), c.r.Host, method, c.path)
	if found == nil || origin == "null" || c.e.o.Origins == nil {
		return nil, false
	}
	headers = []string{"Authorization", "Content-Type", "Accept", csrfHeader, challengeHeader}
	for _, op := range found.candidates {
		list, err := c.e.o.Origins(c.r.Context(), op.contract.app, "")
		ok = ok || err == nil && slices.Contains(list, origin)
		for i := range op.params {
			if op.params[i].in == auth.InHeader {
				headers = append(headers, op.params[i].name)
			}
		}
		for _, s := range op.security.schemes {
			if s.header != "" {
				headers = append(headers, s.header)
			}
		}
	}
	slices.Sort(headers)
	return slices.Compact(headers), ok
}

func (c *call) allow(methods []string) {
	c.w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
}
