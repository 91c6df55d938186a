package federation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/federation/upstreamtest"
)

// forger is an OpenID provider that says whatever a test wants. Its honest answers are right in every respect.
type forger struct {
	*upstreamtest.Upstream
	t   testing.TB
	now func() time.Time
	key *ecdsa.PrivateKey
	kid string

	published map[string]any                 // the discovery document
	keys      any                            // the key set; nil: the honest one
	user      map[string]any                 // the user endpoint's answer
	claims    func(map[string]any)           // changes the claims of the ID token
	sign      func(payload []byte) string    // makes the ID token; nil: honestly
	answer    func(answer map[string]any)    // changes the token endpoint's answer
	down      atomic.Bool                    // everything answers 503
	fetched   [3]atomic.Int64                // discovery, keys, token
	form      atomic.Pointer[map[string]any] // of the last token request
}

func forge(t testing.TB, h *house) *forger {
	t.Helper()
	f := &forger{t: t, now: h.clock.Now, key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), kid: "k1"}
	routes := http.NewServeMux()
	serve := func(path string, count int, body func(r *http.Request) any) {
		routes.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if f.fetched[count].Add(1); f.down.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body(r))
		})
	}
	serve("/.well-known/openid-configuration", 0, func(*http.Request) any { return f.published })
	serve("/keys", 1, func(*http.Request) any { return f.set() })
	serve("/token", 2, func(r *http.Request) any { return f.token(r) })
	serve("/me", 2, func(*http.Request) any { return f.user })
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	f.published = map[string]any{"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token",
		"jwks_uri": server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}}
	f.Upstream = &upstreamtest.Upstream{Kind: auth.ProviderOIDC, URL: server.URL, Secret: "secret-of-the-forger",
		Settings: auth.ProviderSettings{Issuer: server.URL, ClientID: "client"}}
	return f
}

func (f *forger) set() any {
	if f.keys != nil {
		return f.keys
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.key.Public(), KeyID: f.kid, Algorithm: "ES256", Use: "sig"}}}
}

func (f *forger) token(r *http.Request) any {
	form := map[string]any{}
	_ = r.ParseForm()
	for name := range r.PostForm {
		form[name] = r.PostForm.Get(name)
	}
	f.form.Store(&form)
	nonce := r.PostFormValue("code") // the browser hands the nonce on as the code
	claims := map[string]any{"iss": f.published["issuer"], "aud": "client", "sub": "jo", "nonce": nonce, "iat": f.now().Unix(),
		"exp": f.now().Add(time.Hour).Unix(), "email": "jo@example.com", "email_verified": true, "name": "Jo"}
	if f.claims != nil {
		f.claims(claims)
	}
	payload := must(json.Marshal(claims))
	sign := f.honest
	if f.sign != nil {
		sign = f.sign
	}
	answer := map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": sign(payload)}
	if f.answer != nil {
		f.answer(answer)
	}
	return answer
}

func (f *forger) honest(payload []byte) string {
	return f.signed(payload, jose.ES256, jose.JSONWebKey{Key: f.key, KeyID: f.kid})
}

func (f *forger) signed(payload []byte, alg jose.SignatureAlgorithm, key any) string {
	s := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil))
	return must(must(s.Sign(payload)).CompactSerialize())
}

// unsigned is a token without a signature.
func unsigned(alg string, payload []byte) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `"}`))
	return head + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// try makes a whole journey.
func (f *forger) try(h *house) (auth.Upstream, error) {
	start, err := h.Begin(f.t.Context(), auth.DefaultApp, "upstream", callback, state)
	if err != nil {
		return auth.Upstream{}, err
	}
	nonce := must(url.Parse(start.URL)).Query().Get("nonce")
	return h.finish(state, federation.Answer{Code: nonce})
}

func TestForgerIsHonestByItself(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	h.connect(f.Upstream)
	up, err := f.try(h)
	if err != nil || up.Subject != "jo" || up.Issuer != f.URL || !up.EmailVerified || up.Authoritative {
		t.Fatalf("%+v, %v", up, err)
	}
	form := *f.form.Load()
	if len(form["code_verifier"].(string)) != 43 || form["redirect_uri"] != callback {
		t.Errorf("%v", form)
	}
}

// Every claim of an ID token that must be right (FD-05), and the nonce (FD-04): missing, wrong, of the wrong type.
func TestIDTokenClaims_FD05(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	h.connect(f.Upstream)
	set := func(name string, value any) func(map[string]any) { return func(c map[string]any) { c[name] = value } }
	drop := func(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }
	for name, change := range map[string]func(map[string]any){
		"no nonce": drop("nonce"), "another nonce": set("nonce", "x"), "empty nonce": set("nonce", ""),
		"no issuer": drop("iss"), "another issuer": set("iss", "https://evil.test"), "issuer with a slash": set("iss", f.URL+"/"),
		"no audience": drop("aud"), "another audience": set("aud", "other"), "audiences without azp": set("aud", []string{"client", "other"}),
		"another azp": set("azp", "other"), "azp of no text": set("azp", 7),
		"several audiences, another azp": func(c map[string]any) { c["aud"], c["azp"] = []string{"client", "other"}, "other" },
		"no expiry":                      drop("exp"), "expired": set("exp", f.now().Add(-time.Minute).Unix()),
		"no iat": drop("iat"), "iat in the future": set("iat", f.now().Add(time.Hour).Unix()), "not yet": set("nbf", f.now().Add(time.Hour).Unix()),
		"no subject": drop("sub"), "empty subject": set("sub", ""), "subject of no text": set("sub", 7), "long subject": set("sub", strings.Repeat("x", 256)),
		"subject with NUL": set("sub", "a\x00b"), "at_hash of another token": set("at_hash", "AAAA"),
	} {
		t.Run(name, func(t *testing.T) {
			f.claims = change
			up, err := f.try(h)
			wantCode(t, err, auth.CodeProviderRefused)
			if up != (auth.Upstream{}) {
				t.Errorf("a refusal comes with %+v", up)
			}
		})
	}
	f.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"client", "other"}, "client" }
	if _, err := f.try(h); err != nil {
		t.Errorf("several audiences with our azp: %v", err)
	}
}

// Who must not be able to sign, cannot (FD-05).
func TestIDTokenSignatures_FD05(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	h.connect(f.Upstream)
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	mac := []byte("secret-of-the-forger-secret-of-the-forger")
	public := must(json.Marshal(jose.JSONWebKey{Key: f.key.Public()}))
	own := func(payload []byte) string {
		s := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: other}, &jose.SignerOptions{EmbedJWK: true}))
		return must(must(s.Sign(payload)).CompactSerialize())
	}
	for name, sign := range map[string]func([]byte) string{
		"none": func(p []byte) string { return unsigned("none", p) }, "NONE": func(p []byte) string { return unsigned("NONE", p) },
		"empty signature":             func(p []byte) string { return unsigned("ES256", p) },
		"client secret as MAC key":    func(p []byte) string { return f.signed(p, jose.HS256, mac) },
		"public key as MAC key":       func(p []byte) string { return f.signed(p, jose.HS256, public) },
		"another key":                 func(p []byte) string { return f.signed(p, jose.ES256, other) },
		"another key of the same id":  func(p []byte) string { return f.signed(p, jose.ES256, jose.JSONWebKey{Key: other, KeyID: "k1"}) },
		"a key that the token brings": own,
		"a key id that nobody has":    func(p []byte) string { return f.signed(p, jose.ES256, jose.JSONWebKey{Key: f.key, KeyID: "k2"}) },
		"nothing":                     func([]byte) string { return "" },
		"garbage":                     func([]byte) string { return "a.b.c" },
	} {
		t.Run(name, func(t *testing.T) {
			f.sign = sign
			_, err := f.try(h)
			wantCode(t, err, auth.CodeProviderRefused)
		})
	}
	// A provider that publishes a symmetric key, or its private one, has no key that counts.
	f.sign = func(p []byte) string { return f.signed(p, jose.HS256, jose.JSONWebKey{Key: mac, KeyID: "m"}) }
	fresh := one(t)
	fresh.connect(f.Upstream)
	f.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: mac, KeyID: "m"}}}
	_, err := f.try(fresh)
	wantCode(t, err, auth.CodeProviderUnavailable)
}

// Discovery cannot lead elsewhere than its issuer may (FD-05, SS-01).
func TestDiscoveryIsPinned_FD05(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another issuer": {"issuer": "https://evil.test"}, "no issuer": {"issuer": ""}, "a tenant's template": {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"},
		"a script": {"authorization_endpoint": "javascript:alert(1)"}, "a file": {"token_endpoint": "file:///etc/passwd"},
		"no keys": {"jwks_uri": ""}, "only MACs": {"id_token_signing_alg_values_supported": []string{"HS256", "none"}}, "types": {"issuer": 7},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t)
			f := forge(t, h)
			maps.Copy(f.published, change)
			h.connect(f.Upstream)
			_, err := f.try(h)
			wantCode(t, err, auth.CodeProviderUnavailable)
		})
	}
	t.Run("keys at an inner address", func(t *testing.T) {
		h := one(t)
		f := forge(t, h)
		f.published["jwks_uri"] = "http://169.254.169.254/latest"
		h.connect(f.Upstream)
		_, err := f.try(h)
		wantCode(t, err, auth.CodeProviderUnavailable)
	})
}

// What the user endpoint adds is about the same person, and overrules nothing that is signed.
func TestUserEndpointOnlyAdds_FD02(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	f.published["userinfo_endpoint"] = f.URL + "/me"
	h.connect(f.Upstream, func(in *federation.ProviderInput) { in.Settings.Domains = []string{"Example.COM"} })
	f.claims = func(c map[string]any) { delete(c, "name"); c["email_verified"] = false }
	f.user = map[string]any{"sub": "jo", "email": "boss@example.com", "email_verified": true, "name": "Jo", "iss": "x"}
	up, err := f.try(h)
	if err != nil || up.Email != "jo@example.com" || up.EmailVerified || up.Name != "Jo" || up.Issuer != f.URL {
		t.Errorf("%+v, %v", up, err)
	}
	f.claims = func(c map[string]any) { delete(c, "email"); delete(c, "email_verified") }
	up, err = f.try(h)
	if err != nil || up.Email != "boss@example.com" || !up.SilentlyLinks() {
		t.Errorf("%+v, %v", up, err)
	}
	for _, sub := range []any{"eve", "", nil, 7} {
		f.user["sub"] = sub
		_, err = f.try(h)
		wantCode(t, err, auth.CodeProviderRefused)
	}
}

// A provider that is down harms nobody who needs nothing new of it; a new key works at once; garbage is asked about once
// a minute at most (F-23).
func TestPublishedDocumentsAreKept_F23(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	h.connect(f.Upstream)
	must(f.try(h))
	for range 5 {
		must(f.try(h))
	}
	if d, k := f.fetched[0].Load(), f.fetched[1].Load(); d != 1 || k != 1 {
		t.Errorf("discovery was fetched %d times, the keys %d times", d, k)
	}
	h.clock.Advance(2 * time.Minute)
	f.kid = "k2" // rotated
	must(f.try(h))
	if k := f.fetched[1].Load(); k != 2 {
		t.Errorf("the keys were fetched %d times", k)
	}
	f.sign = func(p []byte) string { return f.signed(p, jose.ES256, jose.JSONWebKey{Key: f.key, KeyID: rand.Text()}) }
	for range 20 {
		_, err := f.try(h)
		wantCode(t, err, auth.CodeProviderRefused)
	}
	if k := f.fetched[1].Load(); k != 2 {
		t.Errorf("garbage fetched the keys %d times", k-2)
	}
	f.sign = nil
	h.clock.Advance(90 * time.Minute) // both are due
	f.published["issuer"] = "https://evil.test"
	f.claims = func(c map[string]any) { c["iss"] = f.URL }
	f.keys = map[string]any{"keys": "none"}
	must(f.try(h)) // the old documents stand
	h.clock.Advance(25 * time.Hour)
	_, err := f.try(h)
	wantCode(t, err, auth.CodeProviderUnavailable)
}

func TestProviderIsDown_F23(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	h.connect(f.Upstream)
	f.down.Store(true)
	for range 5 {
		_, err := f.try(h)
		wantCode(t, err, auth.CodeProviderUnavailable)
		if auth.AsError(err).RetryAfter <= 0 {
			t.Error("nobody knows when to come back")
		}
	}
	if d := f.fetched[0].Load(); d != 1 {
		t.Errorf("a provider that is down was asked %d times", d)
	}
	h.clock.Advance(time.Minute)
	f.down.Store(false)
	must(f.try(h))
	f.down.Store(true)
	_, err := f.try(h) // the token endpoint now
	wantCode(t, err, auth.CodeProviderUnavailable)
}

// A shared Microsoft endpoint takes exactly the tenant that the token is from, and never believes its address unless the
// tenant has proven the domain (FD-02, FD-05).
func TestMicrosoftTenants_FD05(t *testing.T) {
	const tenant, evil = "11111111-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555"
	h := one(t)
	f := forge(t, h)
	f.Kind = auth.ProviderMicrosoft
	f.Settings.Issuer = f.URL + "/"
	f.published["issuer"] = f.URL + "/{tenantid}/v2.0"
	h.connect(f.Upstream)
	issuer := func(t string) string { return f.URL + "/" + t + "/v2.0" }
	set := func(iss, tid string, more map[string]any) {
		f.claims = func(c map[string]any) { c["iss"], c["tid"] = iss, tid; maps.Copy(c, more) }
	}
	set(issuer(tenant), tenant, nil)
	up, err := f.try(h)
	if err != nil || up.Issuer != issuer(tenant) || up.EmailVerified || up.SilentlyLinks() {
		t.Errorf("%+v, %v", up, err)
	}
	set(issuer(tenant), tenant, map[string]any{"xms_edov": "1"})
	if up, err = f.try(h); err != nil || !up.SilentlyLinks() {
		t.Errorf("%+v, %v", up, err)
	}
	for _, pair := range [][2]string{{issuer(tenant), evil}, {issuer("{tenantid}"), "{tenantid}"}, {issuer(""), ""}, {issuer("../x"), "../x"}, {"https://evil.test/" + tenant + "/v2.0", tenant}} {
		set(pair[0], pair[1], nil)
		_, err = f.try(h)
		wantCode(t, err, auth.CodeProviderRefused)
	}
	// A key that is published for one tenant signs for no other.
	key := must(json.Marshal(jose.JSONWebKey{Key: f.key.Public(), KeyID: f.kid, Use: "sig"}))
	var entry map[string]any
	if err := json.Unmarshal(key, &entry); err != nil {
		t.Fatal(err)
	}
	entry["issuer"] = issuer(evil)
	f.keys = map[string]any{"keys": []any{entry}}
	h.clock.Advance(2 * time.Hour)
	set(issuer(tenant), tenant, nil)
	_, err = f.try(h)
	wantCode(t, err, auth.CodeProviderRefused)
	set(issuer(evil), evil, nil)
	must(f.try(h))
}
