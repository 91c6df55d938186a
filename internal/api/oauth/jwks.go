package oauth

import (
	"crypto/sha256"
	"encoding/base64"
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		document := keys.JWKS()
		sum := sha256.Sum256(document)
		published(w, r, document, base64.RawURLEncoding.EncodeToString(sum[:12]), maxAge)
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
