package bench

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	benchVerifier = "a-verifier-of-at-least-forty-three-characters-in-all"
	benchCallback = "https://app.bench.test/cb"
)

// relying is a client of the front's default app, and somebody who let it in.
type relying struct {
	*front
	id, secret string
	person     auth.UserID
}

func newRelying(b testing.TB, f *front) *relying {
	b.Helper()
	now := time.Now()
	r := &relying{front: f, id: secret.NewID(rand.Reader, now), person: auth.UserID(secret.NewID(rand.Reader, now))}
	var err error
	if r.secret, err = secret.Token(rand.Reader); err != nil {
		b.Fatal(err)
	}
	err = f.db.Write(b.Context(), func(tx *store.Tx) error {
		err := tx.InsertClient(auth.Client{ID: auth.ClientID(r.id), App: auth.DefaultApp, Name: "RP", Status: auth.ClientActive, CreatedAt: tx.Now(),
			UpdatedAt: tx.Now(), Settings: auth.ClientSettings{RedirectURIs: []string{benchCallback}, OAuth: auth.OAuthSettings{
				AuthMethod: auth.ClientAuthBasic, GrantTypes: auth.GrantTypes(), Scopes: []string{"read"}}}})
		if err != nil {
			return err
		}
		_, err = tx.InsertUser(auth.User{ID: r.person, App: auth.DefaultApp, Number: 1_000_000, Name: "Bench", Role: auth.RoleUser,
			Status: auth.UserActive, Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}, "")
		if err != nil {
			return err
		}
		return tx.InsertClientSecret(auth.ClientSecret{ID: auth.ClientSecretID(r.id), App: auth.DefaultApp, Client: auth.ClientID(r.id),
			Kind: auth.SecretOfClient, Hash: secret.Hash(r.secret), CreatedAt: tx.Now()})
	})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// post sends a form as the client and answers the body.
func (r *relying) post(path string, form url.Values) []byte {
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:8080"+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.b.Error(err)
		return nil
	}
	req.RemoteAddr, req.RequestURI = "192.0.2.1:4711", path
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.id, r.secret)
	w := &memory{header: http.Header{}, status: http.StatusOK}
	r.handler.ServeHTTP(w, req)
	if w.status != http.StatusOK {
		r.b.Errorf("%s: %d %s", path, w.status, w.body.Bytes())
	}
	return w.body.Bytes()
}

// tokens are what the token endpoint answers.
func (r *relying) tokens(form url.Values) (access, refresh string) {
	var out struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(r.post("/oauth2/token", form), &out); err != nil {
		r.b.Error(err)
	}
	return out.Access, out.Refresh
}

// letIn exchanges a code, as after the person's consent.
func (r *relying) letIn() (access, refresh string) {
	text, err := secret.Token(rand.Reader)
	if err != nil {
		r.b.Error(err)
		return "", ""
	}
	sum := sha256.Sum256([]byte(benchVerifier))
	err = r.db.Write(r.b.Context(), func(tx *store.Tx) error {
		return grant.IssueCode(tx, text, auth.AuthorizationCode{App: auth.DefaultApp, Client: auth.ClientID(r.id), User: r.person,
			RedirectURI: benchCallback, Challenge: base64.RawURLEncoding.EncodeToString(sum[:]), AMR: []string{auth.AMRPassword},
			AuthTime: tx.Now(), Delegation: auth.Delegation{Scopes: []string{"read"}, Offline: true}})
	})
	if err != nil {
		r.b.Error(err)
	}
	return r.tokens(url.Values{"grant_type": {auth.GrantAuthorizationCode}, "code": {text}, "code_verifier": {benchVerifier},
		"redirect_uri": {benchCallback}})
}

// BenchmarkOAuthRefresh rotates for real at the token endpoint: the client authenticates, the rotation is durable, the new
// access token is signed with ES256.
func BenchmarkOAuthRefresh(b *testing.B) {
	const workers = 64
	r := newRelying(b, newFront(b))
	held := make([]string, workers)
	for w := range held {
		_, held[w] = r.letIn()
	}
	loop(b, workers, func(w int) {
		_, held[w] = r.tokens(url.Values{"grant_type": {auth.GrantRefreshToken}, "refresh_token": {held[w]}})
	})
}

// BenchmarkIntrospection asks about one token again and again, as a resource server does: the client authenticates and
// every layer of revocation is looked at, all from caches.
func BenchmarkIntrospection(b *testing.B) {
	r := newRelying(b, newFront(b))
	access, _ := r.letIn()
	form := url.Values{"token": {access}}
	loop(b, 8, func(int) {
		if body := r.post("/oauth2/introspect", form); !strings.Contains(string(body), `"active":true`) {
			b.Errorf("%s", body)
		}
	})
}

// BenchmarkPublished reads the documents that everybody may read.
func BenchmarkPublished(b *testing.B) {
	for name, path := range map[string]string{"discovery": "/.well-known/openid-configuration", "jwks": "/.well-known/jwks.json"} {
		b.Run(name, func(b *testing.B) {
			f := newFront(b)
			loop(b, 8, func(int) { f.ask("GET", path, "", "", http.StatusOK) })
		})
	}
}
