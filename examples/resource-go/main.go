// Command resource-go is a resource server: an API that checks access tokens by itself, with the keys that the authorization
// server publishes. It tells clients that know nothing of it where tokens come from (RFC 9728), and asks for a fresher or a
// stronger sign-in before it shows secrets (RFC 9470).
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// api checks the tokens of its callers.
type api struct {
	verifier *oidc.IDTokenVerifier // signature, issuer, audience, expiry; it keeps the published keys
	metadata string                // where clients learn about the API
	acr      string                // of the sign-in that shows secrets
	maxAge   time.Duration         // how old that sign-in may be
}

// claims are those of an access token (RFC 9068 section 2.2) that the API looks at.
type claims struct {
	Subject  string          `json:"sub"`
	ClientID string          `json:"client_id"`
	Scope    string          `json:"scope"`
	ACR      string          `json:"acr"`
	AuthTime int64           `json:"auth_time"`
	Bound    json.RawMessage `json:"cnf"` // a key that the caller has to show (RFC 9449)
}

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "the authorization server")
	listen := flag.String("listen", "127.0.0.1:9091", "where to listen")
	resource := flag.String("resource", "http://127.0.0.1:9091", "the identifier of this API")
	acr := flag.String("acr", "aal2", "what sign-in shows secrets")
	maxAge := flag.Duration("max-age", 5*time.Minute, "how old that sign-in may be")
	flag.Parse()
	provider, err := oidc.NewProvider(context.Background(), *issuer)
	if err != nil {
		log.Fatal(err)
	}
	a := &api{acr: *acr, maxAge: *maxAge,
		verifier: provider.Verifier(&oidc.Config{ClientID: *resource, SupportedSigningAlgs: []string{oidc.ES256, oidc.EdDSA, oidc.RS256}})}
	if err := a.describe(*resource, *issuer); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /notes", a.guard("notes.read", false, "Water the fern."))
	http.HandleFunc("GET /secrets", a.guard("notes.secret", true, "The fern is made of plastic."))
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: 5 * time.Second}
	log.Printf("the resource server is at http://%s", *listen)
	log.Fatal(server.ListenAndServe())
}

// guard shows a text to callers whose token is for this API and has the scope; strict wants a better sign-in too.
func (a *api) guard(scope string, strict bool, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !found {
			a.refuse(w, http.StatusUnauthorized, scope, "") // no token, so no error code either (RFC 6750 section 3.1)
			return
		}
		c, err := a.check(r.Context(), token)
		switch {
		case err != nil:
			log.Printf("a token was refused: %v", err)
			a.refuse(w, http.StatusUnauthorized, scope, `, error="invalid_token"`)
		case !slices.Contains(strings.Fields(c.Scope), scope):
			a.refuse(w, http.StatusForbidden, scope, `, error="insufficient_scope"`)
		case strict && (!reaches(c.ACR, a.acr) || time.Since(time.Unix(c.AuthTime, 0)) > a.maxAge):
			a.refuse(w, http.StatusUnauthorized, scope, fmt.Sprintf(`, error="insufficient_user_authentication", `+
				`error_description="Secrets want a fresh and strong sign-in", acr_values=%q, max_age="%.0f"`, a.acr, a.maxAge.Seconds()))
		default:
			_, _ = fmt.Fprintf(w, "%s (%s reads this for %s.)\n", text, c.ClientID, c.Subject)
		}
	}
}

// check says whose token this is. Its kind is looked at first: an ID token is signed by the same keys (RFC 9068 section 4).
func (a *api) check(ctx context.Context, token string) (c claims, err error) {
	var header struct {
		Type string `json:"typ"`
	}
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(text, &header) != nil || !strings.EqualFold(header.Type, "at+jwt") {
		return c, errors.New("this is no access token")
	}
	verified, err := a.verifier.Verify(ctx, token)
	if err != nil {
		return c, err
	}
	if err := verified.Claims(&c); err != nil {
		return c, err
	}
	if c.Bound != nil {
		return c, errors.New("the token is bound to a key, and this API checks no proofs")
	}
	return c, nil
}

// reaches compares the classes of Ostiary, from the weakest to the strongest.
func reaches(have, want string) bool {
	classes := []string{"aal1", "aal2", "phr"}
	return slices.Index(classes, have) >= slices.Index(classes, want)
}
