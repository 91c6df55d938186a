package oauth

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// metadata answers with what the server can do (RFC 8414, OpenID Discovery), and resource with what a resource says of
// itself (RFC 9728).
func (d *Door) metadata(w http.ResponseWriter, r *http.Request) error {
	doc, err := d.o.Service.Metadata(r.Context())
	if err != nil {
		return err
	}
	published(w, r, doc.Body, doc.Tag, defaultMaxAge)
	return nil
}

func (d *Door) resource(w http.ResponseWriter, r *http.Request) error {
	doc, err := d.o.Service.ResourceMetadata(r.Context(), strings.TrimPrefix(r.URL.Path, oauth.ResourcePath))
	if err != nil {
		return err
	}
	if doc == nil {
		http.NotFound(w, r)
		return nil
	}
	published(w, r, doc.Body, doc.Tag, defaultMaxAge)
	return nil
}

// published answers GET and HEAD with a public document. tag is of its text; maxAge is the lifetime in caches.
func published(w http.ResponseWriter, r *http.Request, body []byte, tag string, maxAge time.Duration) {
	etag := `"` + tag + `"`
	h := w.Header()
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(maxAge/time.Second)))
	h.Set("ETag", etag)
	h.Set("Access-Control-Allow-Origin", "*")
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) //nolint:gosec // G705: JSON by its Content-Type, and nosniff stands on every answer
	}
}
