package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	oauthdoor "github.com/ostiary-id/ostiary/internal/api/oauth"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/ui"
)

// routes is the table of everything that the server answers. The house's own paths come first; what is left belongs
// to the mounted contracts, and what no contract knows to the pages, which say that it does not exist.
func (s *Server) routes() http.Handler {
	h := s.house
	docs := h.engine.Docs()
	contracts := h.engine.Handler()
	brand := h.brandImages()
	unreadable := named("pages", "", httpx.Handle(func(http.ResponseWriter, *http.Request) error { return auth.E(auth.CodeNotFound, "") }, httpx.Problem))
	exact := map[string]http.Handler{
		"/healthz":         http.HandlerFunc(s.alive),
		"/readyz":          http.HandlerFunc(s.ready),
		oauthdoor.JWKSPath: named("jwks", oauthdoor.JWKSPath, h.jwks),
		"/docs":            named("docs", "/docs", docs),
	}
	if party := h.factors.Party; party != nil && len(party.Related) > 0 {
		exact[relatedPath] = named("webauthn", relatedPath, relatedOrigins(party.Origins()))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if handler, ok := exact[path]; ok {
			handler.ServeHTTP(w, r)
			return
		}
		switch {
		case !auth.IsText(path) && !h.engine.Owns(r): // nothing of the house has such a name, and no row can hold it
			unreadable.ServeHTTP(w, r)
		case strings.HasPrefix(path, brandBelow):
			brand.ServeHTTP(w, r)
		case strings.HasPrefix(path, docsBelow):
			exact["/docs"].ServeHTTP(w, r)
		case h.door.Owns(path):
			h.door.ServeHTTP(w, r)
		case h.pages.Owns(path):
			h.pages.ServeHTTP(w, r)
		case h.engine.Owns(r):
			contracts.ServeHTTP(w, r)
		default:
			h.pages.ServeHTTP(w, r)
		}
	})
}

// docsBelow is where the reference pages of the contracts stand.
const docsBelow = "/docs/"

// reserved answers which paths routes keeps from the contracts.
func reserved() func(path string) bool {
	pages := ui.Reserved()
	return func(path string) bool {
		switch path {
		case "/healthz", "/readyz", oauthdoor.JWKSPath, relatedPath, "/docs":
			return true
		}
		return strings.HasPrefix(path, docsBelow) || strings.HasPrefix(path, brandBelow) || oauthdoor.Reserved(path) || pages(path)
	}
}

// relatedPath is where browsers ask which origins may use the passkeys of this host (WebAuthn L3 section 5.11).
const relatedPath = "/.well-known/webauthn"

func relatedOrigins(origins []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		_ = httpx.JSON(w, map[string][]string{"origins": origins}) // texts always encode
	})
}

// named puts a route without operations into the wide event.
func named(name, route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := httpx.Event(r.Context())
		e.SetString(httpx.KeyContract, name)
		e.SetString(httpx.KeyRoute, route)
		next.ServeHTTP(w, r)
	})
}

// alive says that the process answers, whatever state the database is in.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) {
	httpx.Event(r.Context()).SetString(httpx.KeyRoute, "/healthz")
	_ = httpx.JSON(w, map[string]string{"status": "alive"}) // a map of strings always encodes
}

// healthWait bounds the question to the database.
const healthWait = 2 * time.Second

// ready says whether requests should be sent here: the database answers, keys are loaded, nobody is stopping it.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	httpx.Event(r.Context()).SetString(httpx.KeyRoute, "/readyz")
	state := map[string]string{"status": "ready", "database": "ok", "keys": "ok"}
	ctx, cancel := context.WithTimeout(r.Context(), healthWait)
	defer cancel()
	if err := s.house.db.Health(ctx); err != nil {
		state["database"], state["status"] = "unreachable", "unready"
		httpx.Event(r.Context()).Fail(err)
	}
	if len(s.house.signer.JWKS()) < len(`{"keys":[{}]}`) {
		state["keys"], state["status"] = "missing", "unready"
	}
	if s.house.challenges.Stats().Down > 0 { // other nodes would fare no better, so it is told and not held against this one
		state["challenges"] = "unavailable"
	}
	if s.draining.Load() {
		state["status"] = "draining"
	}
	if state["status"] != "ready" {
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = httpx.JSON(w, state) // as above
}

// hostOf is the host that a request names, without its port, in lower case.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
