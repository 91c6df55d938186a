package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	verifier   = "a-verifier-of-at-least-forty-three-characters-in-all"
	callback   = "https://app.example.test/cb"
	accessType = "urn:ietf:params:oauth:token-type:access_token"
	apiKeyType = "urn:ostiary:params:oauth:token-type:api-key"
)

// issuing is a server with somebody who is signed in, for what clients do behind the browser's back.
type issuing struct {
	*wire
	me  *client.Client
	in  client.SignedIn
	key *ecdsa.PrivateKey // of clients that sign
}

func newIssuing(t *testing.T, i *servertest.Instance) *issuing {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	none(t, err)
	h := &issuing{wire: newWire(t, i), key: key}
	h.me, h.in = person(t, i, "ann@example.com")
	return h
}

// rp is a client with its secret.
type rp struct {
	auth.Client
	secret string
}

// authenticated are the parameters by which it presents itself.
func (c rp) authenticated() url.Values {
	out := url.Values{}
	if c.ID != "" {
		out.Set("client_id", string(c.ID))
	}
	if c.secret != "" && c.Settings.OAuth.AuthMethod == auth.ClientAuthPost {
		out.Set("client_secret", c.secret)
	}
	return out
}

// client registers a confidential client of the default app that may do everything, with changes.
func (h *issuing) client(changes ...func(*auth.Client)) rp {
	h.t.Helper()
	text, err := secret.Token(rand.Reader)
	none(h.t, err)
	made := rp{secret: text, Client: auth.Client{ID: auth.ClientID(secret.NewID(rand.Reader, h.i.Clock.Now())), App: auth.DefaultApp, Name: "RP",
		Status: auth.ClientActive, Settings: auth.ClientSettings{RedirectURIs: []string{callback}, OAuth: auth.OAuthSettings{
			AuthMethod: auth.ClientAuthPost, GrantTypes: auth.GrantTypes(), Scopes: append(auth.StandardScopes(), "read", "write")}}}}
	for _, change := range changes {
		change(&made.Client)
	}
	h.rows(func(tx *store.Tx) error {
		made.CreatedAt, made.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertClient(made.Client); err != nil {
			return err
		}
		return tx.InsertClientSecret(auth.ClientSecret{ID: auth.ClientSecretID(made.ID), App: made.App, Client: made.ID,
			Kind: auth.SecretOfClient, Hash: secret.Hash(text), CreatedAt: tx.Now()})
	})
	return made
}

func public(c *auth.Client) { c.Settings.OAuth.AuthMethod = auth.ClientAuthNone }

// resource registers a protected resource that a client serves.
func (h *issuing) resource(uri string, server rp, scopes ...string) {
	h.t.Helper()
	r := auth.ProtectedResource{ID: auth.ResourceID(secret.NewID(rand.Reader, h.i.Clock.Now())), App: auth.DefaultApp, URI: uri, Name: "API",
		Scopes: map[string]string{}, Client: server.ID, Document: true}
	for _, s := range scopes {
		r.Scopes[s] = "May " + s
	}
	h.rows(func(tx *store.Tx) error {
		r.CreatedAt, r.UpdatedAt = tx.Now(), tx.Now()
		_, err := tx.InsertResource(r)
		return err
	})
}

func (h *issuing) rows(write func(tx *store.Tx) error) {
	h.t.Helper()
	none(h.t, h.i.DB.Write(h.t.Context(), write))
}

// code gives a client a code, as the browser brings it after the person's consent.
func (h *issuing) code(c rp, scope string, changes ...func(*auth.AuthorizationCode)) string {
	h.t.Helper()
	text, err := secret.Token(rand.Reader)
	none(h.t, err)
	sum := sha256.Sum256([]byte(verifier))
	code := auth.AuthorizationCode{App: c.App, Client: c.ID, User: auth.UserID(h.in.User.ID), Parent: auth.SessionID(h.in.Session.ID),
		RedirectURI: callback, Challenge: base64.RawURLEncoding.EncodeToString(sum[:]), Nonce: "n-1", AMR: []string{auth.AMRPassword},
		AuthTime:   h.i.Clock.Now(),
		Delegation: auth.Delegation{Scopes: strings.Fields(scope), Offline: strings.Contains(scope, auth.ScopeOfflineAccess)}}
	for _, change := range changes {
		change(&code)
	}
	h.rows(func(tx *store.Tx) error { return grant.IssueCode(tx, text, code) })
	return text
}

func forResource(uris ...string) func(*auth.AuthorizationCode) {
	return func(c *auth.AuthorizationCode) { c.Delegation.Resources = uris }
}

// token asks the token endpoint. Parameters come in pairs.
func (h *issuing) token(c rp, pairs ...string) reply {
	h.t.Helper()
	return h.form("/oauth2/token", c, pairs)
}

func (h *issuing) form(path string, c rp, pairs []string, headers ...string) reply {
	h.t.Helper()
	form := c.authenticated()
	for n := 0; n < len(pairs); n += 2 {
		form.Add(pairs[n], pairs[n+1])
	}
	return h.ask("POST", path, form, headers...)
}

// signedIn exchanges a code for tokens.
func (h *issuing) signedIn(c rp, scope string, changes ...func(*auth.AuthorizationCode)) reply {
	h.t.Helper()
	return h.token(c, "grant_type", "authorization_code", "code", h.code(c, scope, changes...), "code_verifier", verifier,
		"redirect_uri", callback).want(200)
}

// refused asserts an error of OAuth.
func (r reply) refused(status int, code string) {
	r.t.Helper()
	if got := at(r.want(status).object(), "error"); got != code {
		r.t.Errorf("%s: %v, want %s: %s", r.what, got, code, r.Body)
	}
}

// introspected is what the client learns of a token.
func (h *issuing) introspected(c rp, token string) object {
	h.t.Helper()
	return h.form("/oauth2/introspect", c, []string{"token", token}).want(200).object()
}

func (h *issuing) active(c rp, token string) bool {
	h.t.Helper()
	out := h.introspected(c, token)
	on, _ := out["active"].(bool)
	if !on && len(out) != 1 {
		h.t.Errorf("an inactive token is told of: %v", out)
	}
	return on
}

// unsealedJWT reads the claims of a JWT without a look at its signature.
func unsealedJWT(t testing.TB, token string) object {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %s", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	none(t, err)
	var out object
	none(t, json.Unmarshal(text, &out))
	return out
}

// signedAs makes a JWT of somebody else's. header replaces members; nil removes one.
func signedAs(t testing.TB, key any, alg string, header, claims object) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	for name, v := range header {
		if name != "alg" {
			o.WithHeader(jose.HeaderKey(name), v)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, o)
	none(t, err)
	payload, err := json.Marshal(claims)
	none(t, err)
	jws, err := signer.Sign(payload)
	none(t, err)
	text, err := jws.CompactSerialize()
	none(t, err)
	return text
}

// prover makes proofs of possession.
type prover struct {
	h   *issuing
	key *ecdsa.PrivateKey
	n   int
}

func (h *issuing) prover() *prover {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	none(h.t, err)
	return &prover{h: h, key: key}
}

func (p *prover) jwk() jose.JSONWebKey { return jose.JSONWebKey{Key: p.key.Public()} }

func (p *prover) thumbprint() string {
	k := p.jwk()
	sum, err := k.Thumbprint(crypto.SHA256)
	none(p.h.t, err)
	return base64.RawURLEncoding.EncodeToString(sum)
}

// nonce is the one that the server hands out now.
func (p *prover) nonce() string {
	return p.h.ask("POST", "/oauth2/token", url.Values{}).Header.Get("DPoP-Nonce")
}

// claims are those of a good proof, with an access token's hash if there is one; others replace them, nil removes one.
func (p *prover) claims(method, path, token string, others object) object {
	p.n++
	out := object{"jti": fmt.Sprint("proof-", p.n), "htm": method, "htu": p.h.i.URL + path, "iat": p.h.i.Clock.Now().Unix(), "nonce": p.nonce()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		out["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return with(out, others)
}

func (p *prover) proof(method, path, token string) string {
	return signedAs(p.h.t, p.key, "ES256", object{"typ": "dpop+jwt", "jwk": p.jwk()}, p.claims(method, path, token, nil))
}

// discovery is one document at every address, the same whatever host is asked for, and says what is there (MD-01).
func TestMetadata_MD01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		first := w.ask("GET", "/.well-known/openid-configuration", nil).want(200)
		doc := first.object()
		if doc["issuer"] != i.URL || first.Header.Get("Access-Control-Allow-Origin") != "*" || first.Header.Get("ETag") == "" {
			t.Errorf("%v %v", doc["issuer"], first.Header)
		}
		other := w.ask("GET", "/.well-known/oauth-authorization-server", nil, "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example").want(200)
		if string(other.Body) != string(first.Body) {
			t.Error("two documents")
		}
		w.ask("GET", "/.well-known/openid-configuration", nil, "If-None-Match", first.Header.Get("ETag")).want(304)
		w.ask("POST", "/.well-known/openid-configuration", url.Values{}).want(405)
		for name, v := range doc {
			text, _ := v.(string)
			if !strings.HasSuffix(name, "_endpoint") || !strings.HasPrefix(text, i.URL+"/") {
				continue
			}
			path := strings.TrimPrefix(text, i.URL)
			if map[string]bool{"/oauth2/authorize": true, "/oauth2/par": true, "/oauth2/logout": true}[path] {
				continue // served elsewhere
			}
			if r := w.ask("POST", path, url.Values{}); r.Status == 404 || r.Status == 405 {
				t.Errorf("%s is advertised and not there: %d", name, r.Status)
			}
		}
		if doc["registration_endpoint"] != nil {
			t.Error("registration is advertised and off")
		}
	})
}

// A resource that asks for it has its metadata served, and nobody else (MD-02).
func TestResourceMetadata_MD02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		h.resource(i.URL+"/mcp", h.client(), "read")
		h.resource("https://api.example.test/v1", h.client(), "read", "write")
		for path, uri := range map[string]string{"/mcp": i.URL + "/mcp", "/api.example.test/v1": "https://api.example.test/v1"} {
			doc := h.ask("GET", "/.well-known/oauth-protected-resource"+path, nil).want(200).object()
			if doc["resource"] != uri || doc["authorization_servers"].([]any)[0] != i.URL {
				t.Errorf("%v", doc)
			}
		}
		for _, path := range []string{"", "/", "/nothing", "/api.example.test"} {
			h.ask("GET", "/.well-known/oauth-protected-resource"+path, nil).want(404)
		}
	})
}

// What userinfo tells, to whom, and how tokens come (OI-03, MD-03, TK-03).
func TestUserinfo_OI03_MD03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client()
		got := h.signedIn(c, "openid email profile")
		token := got.text("access_token")
		for _, r := range []reply{
			h.ask("GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+token),
			h.ask("POST", "/oauth2/userinfo", nil, "Authorization", "bearer "+token),
			h.ask("POST", "/oauth2/userinfo", url.Values{"access_token": {token}}),
		} {
			out := r.want(200).object()
			if out["sub"] != unsealedJWT(t, got.text("id_token"))["sub"] || out["email"] != "ann@example.com" || out["email_verified"] != true ||
				r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%v %v", out, r.Header)
			}
		}
		bare := h.ask("GET", "/oauth2/userinfo", nil).want(401)
		if challenge := strings.Join(bare.Header.Values("WWW-Authenticate"), "; "); strings.Contains(challenge, "error") || len(bare.Body) > 0 ||
			!strings.Contains(challenge, "Bearer") || !strings.Contains(challenge, "DPoP") {
			t.Errorf("%s %s", challenge, bare.Body)
		}
		h.ask("GET", "/oauth2/userinfo?access_token="+token, nil).refused(400, "invalid_request")
		h.ask("POST", "/oauth2/userinfo", url.Values{"access_token": {token}}, as(token)...).refused(400, "invalid_request")
		h.ask("GET", "/oauth2/userinfo", nil, "Authorization", "Bearer nonsense").refused(401, "invalid_token")
		narrow := h.ask("GET", "/oauth2/userinfo", nil, as(h.signedIn(c, "email").text("access_token"))...)
		narrow.refused(403, "insufficient_scope")
		if challenge := narrow.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="openid"`) {
			t.Error(challenge)
		}
		preflight := h.ask("OPTIONS", "/oauth2/userinfo", nil, "Origin", "https://app.example.test", "Access-Control-Request-Method", "GET").want(204)
		if !strings.Contains(preflight.Header.Get("Access-Control-Allow-Headers"), "DPoP") {
			t.Error(preflight.Header)
		}
		h.ask("GET", "/oauth2/userinfo", nil, as(h.in.Tokens.AccessToken)...).refused(401, "invalid_token")

		signed := h.client(func(c *auth.Client) {
			c.Settings.OAuth.UserinfoAlg, c.Settings.OAuth.SubjectType, c.Settings.OAuth.Sector = "ES256", auth.SubjectPairwise, "app.example.test"
		})
		got = h.signedIn(signed, "openid email")
		r := h.ask("GET", "/oauth2/userinfo", nil, as(got.text("access_token"))...).want(200)
		if r.Header.Get("Content-Type") != "application/jwt" {
			t.Error(r.Header)
		}
		claims := unsealedJWT(t, string(r.Body))
		if claims["sub"] != unsealedJWT(t, got.text("id_token"))["sub"] || claims["sub"] == h.in.User.ID || claims["iss"] != i.URL || claims["aud"] != string(signed.ID) {
			t.Errorf("%v", claims)
		}
		h.i.Clock.Advance(16 * time.Minute)
		h.ask("GET", "/oauth2/userinfo", nil, as(token)...).refused(401, "invalid_token")
	})
}

// with is the claims with others in their place; nil removes one.
func with(claims, others object) object {
	maps.Copy(claims, others)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// jwks are the public keys of clients that sign with h.key.
func (h *issuing) jwks() json.RawMessage {
	h.t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: h.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	none(h.t, err)
	return text
}

// serial is a text that was never used.
func (h *issuing) serial() string { return secret.NewID(rand.Reader, h.i.Clock.Now()) }

func basicHeader(id, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(password)))
}
