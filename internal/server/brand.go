package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
)

// brandBelow is where the images of apps stand: /brand/{app}/logo.
const brandBelow = "/brand/"

// logo serves the logo of an app. It is what its first bytes said when it was stored and nothing else: nosniff stands on
// every answer, and whoever opens it alone runs nothing (WB-08). With the hash of the image browsers keep it for ever.
func (h *house) logo(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return auth.E(auth.CodeMethodNotAllowed, "")
	}
	name, found := strings.CutSuffix(strings.TrimPrefix(r.URL.EscapedPath(), brandBelow), "/logo")
	id, err := url.PathUnescape(name)
	if !found || err != nil || id == "" || strings.ContainsAny(id, "/\x00") {
		return auth.E(auth.CodeNotFound, "")
	}
	app, err := h.apps.Get(r.Context(), auth.AppID(id))
	if err != nil {
		return err
	}
	logo, err := h.apps.Logo(r.Context(), app.ID)
	if err != nil {
		return err
	}
	tag := `"` + app.Settings.Brand.LogoHash + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "public, max-age=300")
	if r.URL.Query().Get("v") == app.Settings.Brand.LogoHash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", logo.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(logo.Image)))
	_, _ = w.Write(logo.Image) // a client that hung up cannot be told
	return nil
}

// brandImages is the route of logo.
func (h *house) brandImages() http.Handler {
	return named("brand", brandBelow+"{app}/logo", httpx.Handle(h.logo, httpx.Problem))
}
