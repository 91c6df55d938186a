package oauth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// object is a body of JSON, or the claims of a token.
type object = map[string]any

const (
	rpCallback = "https://rp.example/callback"
	rpHome     = "https://rp.example/signed-out"
	rpNative   = "com.example.app:/back"
	notes      = "https://notes.example"
	phrase     = "weathered lantern over nine bridges"
	verifier   = "the-verifier-of-the-table-has-at-least-43-characters"
)

// suite is a server with a person who is signed in at a browser, and clients of every kind.
type suite struct {
	t       *testing.T
	i       *servertest.Instance
	ann     *servertest.Visitor
	annID   string
	clients map[string]party
	key     *ecdsa.PrivateKey // of the client that signs, and of proofs
}

// party is a client of the table.
type party struct {
	id, secret string
	method     auth.ClientAuthMethod
	redirect   string
}

// parties are the clients of the table by the names that it gives them.
func (s *suite) parties() map[string]auth.OAuthSettings {
	trusted := auth.OAuthSettings{AuthMethod: auth.ClientAuthBasic, Consent: auth.ConsentTrusted,
		GrantTypes: []string{auth.GrantAuthorizationCode, auth.GrantRefreshToken, auth.GrantClientCredentials},
		Scopes:     auth.StandardScopes(), PostLogoutRedirectURIs: []string{rpHome}}
	with := func(change func(o *auth.OAuthSettings)) auth.OAuthSettings {
		o := trusted
		change(&o)
		return o
	}
	return map[string]auth.OAuthSettings{
		"shop":  trusted,
		"other": trusted,
		"asks":  with(func(o *auth.OAuthSettings) { o.Consent = auth.ConsentAsk }),
		"post":  with(func(o *auth.OAuthSettings) { o.AuthMethod = auth.ClientAuthPost }),
		"spa":   with(func(o *auth.OAuthSettings) { o.AuthMethod = auth.ClientAuthNone; o.GrantTypes = o.GrantTypes[:2] }),
		"native": with(func(o *auth.OAuthSettings) {
			o.AuthMethod, o.ApplicationType = auth.ClientAuthNone, auth.ApplicationNative
			o.GrantTypes = o.GrantTypes[:2]
		}),
		"bound":  with(func(o *auth.OAuthSettings) { o.DPoPBound = true }),
		"pushes": with(func(o *auth.OAuthSettings) { o.RequirePAR = true }),
		"robot":  with(func(o *auth.OAuthSettings) { o.GrantTypes = []string{auth.GrantClientCredentials} }),
		"device": with(func(o *auth.OAuthSettings) {
			o.AuthMethod, o.GrantTypes = auth.ClientAuthNone, []string{auth.GrantDeviceCode}
		}),
		"trades": with(func(o *auth.OAuthSettings) { o.GrantTypes = []string{auth.GrantTokenExchange} }),
		"signs": with(func(o *auth.OAuthSettings) {
			o.AuthMethod, o.JWKS = auth.ClientAuthPrivateKeyJWT, s.keySet()
		}),
	}
}

func (s *suite) keySet() json.RawMessage {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.key.PublicKey, KeyID: "of-the-table", Algorithm: "ES256", Use: "sig"}}})
	s.must(err)
	return text
}

func furnishSuite(t *testing.T, i *servertest.Instance) *suite {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s := &suite{t: t, i: i, clients: map[string]party{}, key: key}
	s.must(err)
	user, err := i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", Password: phrase, EmailVerified: true, Name: "Ann Lee"})
	s.must(err)
	s.annID = user.ID
	s.must(i.DB.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.InsertResource(auth.ProtectedResource{ID: "notes", App: auth.DefaultApp, URI: notes, Name: "Notes",
			Scopes: map[string]string{"notes.read": "Read notes", "notes.write": "Write notes"}, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
		return err
	}))
	for name, o := range s.parties() {
		s.register(name, o)
	}
	s.ann = i.Visitor("ann@example.com", phrase)
	if page := s.ann.Go("/sign-in"); page.URL.Path != "/done/signed-in" {
		t.Fatalf("ann is at %s (%d): %s", page.URL, page.Status, page.Text)
	}
	return s
}

func (s *suite) register(name string, o auth.OAuthSettings) {
	s.t.Helper()
	redirects := []string{rpCallback, rpCallback + "?known=1"}
	p := party{id: secret.NewID(rand.Reader, s.i.Clock.Now()), method: o.AuthMethod, redirect: rpCallback}
	if o.ApplicationType == auth.ApplicationNative {
		p.redirect, redirects = rpNative, []string{rpNative, "http://127.0.0.1/back"}
	}
	var err error
	p.secret, err = secret.Token(rand.Reader)
	s.must(err)
	s.must(s.i.DB.Write(s.t.Context(), func(tx *store.Tx) error {
		c := auth.Client{ID: auth.ClientID(p.id), App: auth.DefaultApp, Name: name, Status: auth.ClientActive, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
			Settings: auth.ClientSettings{RedirectURIs: redirects, OAuth: o}}
		tx.Invalidate(store.KindClient, p.id)
		if err := tx.InsertClient(c); err != nil {
			return err
		}
		return tx.InsertClientSecret(auth.ClientSecret{ID: auth.ClientSecretID(p.id), App: c.App, Client: c.ID, Kind: auth.SecretOfClient,
			Hash: secret.Hash(p.secret), CreatedAt: tx.Now()})
	}))
	s.clients[name] = p
}

func (s *suite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// change sets parameters, given in pairs of name and value: an empty value takes one out, a + before the name adds one.
func change(f url.Values, pairs []string) url.Values {
	f = maps.Clone(f)
	for n := 0; n < len(pairs); n += 2 {
		name, value := pairs[n], pairs[n+1]
		switch added, more := strings.CutPrefix(name, "+"); {
		case more:
			f[added] = append(slices.Clone(f[added]), value)
		case value == "":
			f.Del(name)
		default:
			f.Set(name, value)
		}
	}
	return f
}

// pick takes a pseudo-parameter out of pairs.
func pick(pairs []string, name, otherwise string) (value string, rest []string) {
	value = otherwise
	for n := 0; n < len(pairs); n += 2 {
		if pairs[n] == name {
			value = pairs[n+1]
			continue
		}
		rest = append(rest, pairs[n:n+2]...)
	}
	return value, rest
}

// request is an authorization request without a fault, then changed. The pseudo-parameter `client` says whose.
func (s *suite) request(pairs []string) url.Values {
	name, pairs := pick(pairs, "client", "shop")
	sum := sha256.Sum256([]byte(verifier))
	return change(url.Values{"client_id": {s.clients[name].id}, "redirect_uri": {s.clients[name].redirect}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"of-the-table"}, "nonce": {"n-of-the-table"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"}}, pairs)
}

// told names what an authorization request came to: `page` for an error that a person sees, `asks` for a page that wants
// something, `code`, or the error that the client was told. Whatever the client is told carries state and iss.
func (s *suite) told(page servertest.Page, asked url.Values) string {
	s.t.Helper()
	if page.Away == nil {
		if page.Status >= 400 {
			return "page"
		}
		return "asks"
	}
	target := *page.Away
	target.RawQuery, target.Fragment = "", ""
	if got := target.String(); got != rpCallback && got != rpNative && !strings.HasPrefix(got, "http://127.0.0.1:") {
		s.t.Errorf("the browser was sent to %s", page.Away)
	}
	answer := page.Answer()
	if answer.Get("iss") != s.i.URL {
		s.t.Errorf("iss is %q (RFC 9207)", answer.Get("iss"))
	}
	if state := asked.Get("state"); len(state) <= 1024 && len(asked["state"]) < 2 && answer.Get("state") != state {
		s.t.Errorf("state came back as %q", answer.Get("state"))
	}
	if answer.Get("code") != "" && answer.Get("error") == "" {
		return "code"
	}
	return answer.Get("error")
}

// code is a code for a client, as the browser brings it.
func (s *suite) code(pairs ...string) string {
	s.t.Helper()
	page := s.ann.Go("/oauth2/authorize?"+s.request(pairs).Encode(), "approve")
	code := page.Answer().Get("code")
	if code == "" {
		s.t.Fatalf("no code: %d at %s, %v: %s", page.Status, page.URL, page.Answer(), page.Text)
	}
	return code
}

// answered is what came back from an endpoint for clients.
type answered struct {
	status int
	header http.Header
	body   object
	text   string
}

// String is the status, with the error code if there is one.
func (a answered) String() string {
	code, _ := a.body["error"].(string)
	if code == "" && a.status >= 400 {
		_, code, _ = strings.Cut(a.header.Get("WWW-Authenticate"), `error="`)
		code, _, _ = strings.Cut(code, `"`)
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", code))
}

func (a answered) get(name string) string { text, _ := a.body[name].(string); return text }

// send posts a form in the name of a client, which authenticates as it registered; an empty name adds nothing.
func (s *suite) send(path, name string, form url.Values, headers ...string) answered {
	s.t.Helper()
	p := s.clients[name]
	form = maps.Clone(form)
	switch p.method {
	case auth.ClientAuthBasic:
		basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(p.id) + ":" + url.QueryEscape(p.secret)))
		headers = append([]string{"Authorization", "Basic " + basic}, headers...)
	case auth.ClientAuthPost:
		form.Set("client_id", p.id)
		form.Set("client_secret", p.secret)
	case auth.ClientAuthNone:
		form.Set("client_id", p.id)
	case auth.ClientAuthPrivateKeyJWT:
		if !form.Has("client_assertion") {
			form.Set("client_assertion", s.assertion(nil))
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	}
	return s.ask(http.MethodPost, path, form, headers...)
}

func (s *suite) ask(method, path string, form url.Values, headers ...string) answered {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.i.URL+path, strings.NewReader(form.Encode()))
	s.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n < len(headers); n += 2 {
		if headers[n+1] == "" {
			r.Header.Del(headers[n])
		} else {
			r.Header.Set(headers[n], headers[n+1])
		}
	}
	resp, err := s.i.HTTP.Do(r)
	s.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	s.must(err)
	out := answered{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &out.body) // not every answer is an object
	if cache := resp.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
		s.t.Errorf("%s may be kept: %q", path, cache)
	}
	return out
}

// redeem exchanges a fresh code. Pseudo-parameters: `client` asks for the code, `as` brings it.
func (s *suite) redeem(pairs ...string) answered {
	s.t.Helper()
	name, pairs := pick(pairs, "client", "shop")
	as, pairs := pick(pairs, "as", name)
	scope, pairs := pick(pairs, "scope", "openid")
	resource, pairs := pick(pairs, "resource", "")
	form := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {s.clients[name].redirect}, "code_verifier": {verifier}}
	if code, _ := pick(pairs, "code", ""); code == "" {
		form.Set("code", s.code("client", name, "scope", scope, "resource", resource))
	}
	return s.send("/oauth2/token", as, change(form, pairs))
}

// tokens are those of a client that did all right.
func (s *suite) tokens(pairs ...string) object {
	s.t.Helper()
	got := s.redeem(pairs...)
	if got.status != http.StatusOK {
		s.t.Fatalf("no tokens: %s", got.text)
	}
	return got.body
}

func (s *suite) accessToken(pairs ...string) string {
	text, _ := s.tokens(pairs...)["access_token"].(string)
	return text
}

// alter changes header and claims of a token that is being made.
type alter func(header, claims object)

// assertion is a client assertion of the client `signs`, then altered.
func (s *suite) assertion(change alter) string {
	now := s.i.Clock.Now()
	id := s.clients["signs"].id
	header := object{"alg": "ES256", "kid": "of-the-table"}
	claims := object{"iss": id, "sub": id, "aud": s.i.URL, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text()}
	return s.forge(header, claims, change)
}

// proof is a DPoP proof for the token endpoint, then altered.
func (s *suite) proof(nonce string, change alter) string {
	header := object{"alg": "ES256", "typ": "dpop+jwt", "jwk": s.publicKey()}
	claims := object{"htm": "POST", "htu": s.i.URL + "/oauth2/token", "iat": s.i.Clock.Now().Unix(), "jti": rand.Text(), "nonce": nonce}
	return s.forge(header, claims, change)
}

func (s *suite) publicKey() object {
	var out object
	text, err := jose.JSONWebKey{Key: &s.key.PublicKey}.MarshalJSON()
	s.must(err)
	s.must(json.Unmarshal(text, &out))
	return out
}

// nonce is what proofs have to hold now.
func (s *suite) nonce() string {
	s.t.Helper()
	got := s.send("/oauth2/token", "bound", url.Values{"grant_type": {"client_credentials"}}, "DPoP", s.proof("", nil))
	nonce := got.header.Get("DPoP-Nonce")
	if got.String() != "400 use_dpop_nonce" || nonce == "" {
		s.t.Fatalf("no nonce: %s %s", got, got.text)
	}
	return nonce
}

// forge makes a JWT as its header says: with the table's key, with an HMAC over a public key as its secret, or unsigned. A
// nil member is taken out.
func (s *suite) forge(header, claims object, change alter) string {
	if change != nil {
		change(header, claims)
	}
	unset := func(_ string, v any) bool { return v == nil }
	maps.DeleteFunc(header, unset)
	maps.DeleteFunc(claims, unset)
	signed := s.part(header) + "." + s.part(claims)
	return signed + "." + s.signature(fmt.Sprint(header["alg"]), signed)
}

func (s *suite) part(v object) string {
	text, err := json.Marshal(v)
	s.must(err)
	return base64.RawURLEncoding.EncodeToString(text)
}

func (s *suite) signature(alg, text string) string {
	switch {
	case strings.EqualFold(alg, "none"):
		return ""
	case strings.HasPrefix(alg, "HS"):
		mac := hmac.New(sha256.New, s.published())
		mac.Write([]byte(text))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	s.must(err)
	return base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

// published is the first of the server's keys, as everybody may read it.
func (s *suite) published() []byte {
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.i.URL+"/.well-known/jwks.json", nil)
	s.must(err)
	resp, err := s.i.HTTP.Do(r)
	s.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	s.must(err)
	return bytes.TrimSpace(text)
}

// read takes a token apart.
func (s *suite) read(token string) (header, claims object) {
	s.t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		s.t.Fatalf("%q is no JWT", token)
	}
	for n, to := range []*object{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		s.must(err)
		s.must(json.Unmarshal(text, to))
	}
	return header, claims
}

// reforged is an access token whose header and claims somebody changed, signed as the header then says.
func (s *suite) reforged(token string, change alter) string {
	header, claims := s.read(token)
	return s.forge(header, claims, change)
}
