package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// JWKSPath is where the public keys are found.
const JWKSPath = "/.well-known/jwks.json"

// defaultMaxAge is how long others may keep the JWKS. The signer's overlap must be longer than this and the longest
// access token together.
const defaultMaxAge = 10 * time.Minute

// KeySet is what the door needs of the signer.
type KeySet interface {
	// JWKS is the document of the keys that verify now (RFC 7517 section 5).
	JWKS() []byte
}

// JWKS answers GET and HEAD with the public keys. maxAge is the lifetime in caches; 0 means 10 minutes. The document
// is public, so any origin may read it.
func JWKS(keys KeySet, maxAge time.Duration) http.Handler {
	if maxAge <= 0 {
		maxAge = defaultMaxAge
	}
	cacheControl := fmt.Sprintf("public, max-age=%d", int(maxAge/time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		document := keys.JWKS()
		sum := sha256.Sum256(document)
		etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		h := w.Header()
		h.Set("Cache-Control", cacheControl)
		h.Set("ETag", etag)
		h.Set("Access-Control-Allow-Origin", "*")
		if matches(r.Header.Values("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", fmt.Sprint(len(document)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(document)
		}
	})
}

// matches compares weakly, as If-None-Match does (RFC 9110 section 13.1.2).
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for tag := range strings.SplitSeq(field, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
