package federation_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
)

// service is a plain service that answers by path. Its token endpoint gives out `at` for any code.
func service(t *testing.T, answers map[string]any, look func(r *http.Request)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		look(r)
		body, ok := answers[r.URL.Path]
		switch {
		case r.URL.Path == "/token":
			body, ok = map[string]any{"access_token": "at", "token_type": "bearer"}, true
		case r.Header.Get("Authorization") != "Bearer at":
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(s.Close)
	return s
}

// The ready profiles, against answers in the shape of each service's documentation.
func TestProfiles(t *testing.T) {
	for name, test := range map[string]struct {
		kind    auth.ProviderKind
		answers map[string]any
		want    auth.Upstream
	}{
		"github": {auth.ProviderGitHub, map[string]any{
			"/me":     map[string]any{"id": 583231, "login": "octo", "name": "Octo", "email": "shown@example.com", "avatar_url": "https://a.test/u/1"},
			"/emails": []any{map[string]any{"email": "a@example.com", "primary": false, "verified": true}, map[string]any{"email": "b@example.com", "primary": true, "verified": true}}},
			auth.Upstream{Subject: "583231", Username: "octo", Name: "Octo", Email: "b@example.com", EmailVerified: true, Picture: "https://a.test/u/1"}},
		"github without addresses": {auth.ProviderGitHub, map[string]any{"/me": map[string]any{"id": 7, "login": "octo", "email": "shown@example.com"}},
			auth.Upstream{Subject: "7", Username: "octo"}},
		"facebook": {auth.ProviderFacebook, map[string]any{"/me": map[string]any{"id": "100", "name": "Jo Doe", "first_name": "Jo", "last_name": "Doe", "email": "jo@gmail.com",
			"picture": map[string]any{"data": map[string]any{"url": "https://a.test/p"}}}},
			auth.Upstream{Subject: "100", Name: "Jo Doe", GivenName: "Jo", FamilyName: "Doe", Email: "jo@gmail.com", Picture: "https://a.test/p"}},
		"discord": {auth.ProviderDiscord, map[string]any{"/me": map[string]any{"id": "80351110224678912", "username": "jo", "global_name": "Jo", "email": "jo@example.com", "verified": true, "locale": "en-US"}},
			auth.Upstream{Subject: "80351110224678912", Username: "jo", Name: "Jo", Email: "jo@example.com", EmailVerified: true, Locale: "en-US"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t)
			var token, user url.Values
			s := service(t, test.answers, func(r *http.Request) {
				switch r.URL.Path {
				case "/token":
					token = r.PostForm
				case "/me":
					user = r.URL.Query()
				}
			})
			settings := auth.ProviderSettings{ClientID: "client", AuthorizationURL: s.URL + "/authorize", TokenURL: s.URL + "/token", UserURL: s.URL + "/me"}
			if test.kind == auth.ProviderGitHub {
				settings.EmailsURL = s.URL + "/emails"
			}
			p := must(h.Create(t.Context(), admin(), federation.ProviderInput{Name: "upstream", Kind: test.kind, Secret: "hush", Settings: settings}))
			start := must(h.Begin(t.Context(), auth.DefaultApp, "upstream", callback, state))
			got, err := h.finish(state, federation.Answer{Code: "c"})
			if err != nil {
				t.Fatal(err)
			}
			test.want.Provider, test.want.ProviderName, test.want.Issuer = p.ID, "upstream", "upstream"
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Error(diff)
			}
			sum := sha256.Sum256([]byte(token.Get("code_verifier")))
			if q := must(url.Parse(start.URL)).Query(); q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || q.Has("nonce") {
				t.Errorf("%v", q)
			}
			if token.Get("client_secret") != "hush" || token.Get("redirect_uri") != callback {
				t.Errorf("%v", token)
			}
			if test.kind == auth.ProviderFacebook {
				mac := hmac.New(sha256.New, []byte("hush"))
				mac.Write([]byte("at"))
				if user.Get("appsecret_proof") != hex.EncodeToString(mac.Sum(nil)) {
					t.Errorf("%v", user)
				}
			}
		})
	}
}

// Apple: the answer is posted, the client secret is a fresh token of the team's key, and the name comes once, through
// the browser, where the address is not believed.
func TestApple(t *testing.T) {
	h := one(t)
	f := forge(t, h)
	private := applePEM(t)
	must(h.Create(t.Context(), admin(), federation.ProviderInput{Name: "upstream", Kind: auth.ProviderApple, Secret: private,
		Settings: auth.ProviderSettings{ClientID: "client", Issuer: f.URL, TeamID: "TEAM012345", KeyID: "KEY0123456"}}))
	start := must(h.Begin(t.Context(), auth.DefaultApp, "upstream", callback, state))
	q := must(url.Parse(start.URL)).Query()
	if !start.FormPost || q.Get("response_mode") != "form_post" || q.Get("scope") != "name email" {
		t.Errorf("%+v", start)
	}
	f.claims = func(c map[string]any) { delete(c, "name"); c["email_verified"] = "true" }
	up, err := h.finish(state, federation.Answer{Code: q.Get("nonce"), User: `{"name":{"firstName":"Jo","lastName":"Doe"},"email":"boss@corp.example"}`})
	if err != nil || up.Name != "Jo Doe" || up.GivenName != "Jo" || up.Email != "jo@example.com" || !up.EmailVerified || up.Authoritative {
		t.Fatalf("%+v, %v", up, err)
	}
	secret := (*f.form.Load())["client_secret"].(string)
	token := must(jwt.ParseSigned(secret, []jose.SignatureAlgorithm{jose.ES256}))
	var claims jwt.Claims
	if err := token.Claims(publicOf(t, private), &claims); err != nil {
		t.Fatal(err)
	}
	if err := claims.Validate(jwt.Expected{Issuer: "TEAM012345", Subject: "client", AnyAudience: jwt.Audience{f.URL}, Time: h.clock.Now()}); err != nil || token.Headers[0].KeyID != "KEY0123456" {
		t.Errorf("%+v, %v", claims, err)
	}
}

// Nothing that a provider or a browser sends is repeated in an error (LG-02, SS-01).
func TestErrorsTellNoSecrets_LG02(t *testing.T) {
	h := one(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_ = r.ParseForm()
		_ = json.NewEncoder(w).Encode(map[string]any{"error": "invalid_grant", "error_description": r.PostForm.Encode() + " inner page"})
	}))
	defer s.Close()
	must(h.Create(t.Context(), admin(), federation.ProviderInput{Name: "upstream", Kind: auth.ProviderOAuth2, Secret: "hush-hush", Settings: auth.ProviderSettings{
		ClientID: "client", AuthorizationURL: s.URL + "/a", TokenURL: s.URL + "/t?key=hidden", UserURL: s.URL + "/u?key=hidden"}}))
	check := func(err error) {
		t.Helper()
		for _, secret := range []string{"the-code", "hush-hush", "inner page", "hidden", "code_verifier", state} {
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%v holds %q", err, secret)
			}
		}
	}
	_, err := h.finish(state, federation.Answer{Code: "the-code"})
	wantCode(t, err, auth.CodeProviderRefused)
	check(err)
	s.Close()
	_, err = h.finish(state, federation.Answer{Code: "the-code"})
	wantCode(t, err, auth.CodeProviderUnavailable)
	check(err)
}

func publicOf(t *testing.T, private string) *ecdsa.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(private))
	return &must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*ecdsa.PrivateKey).PublicKey
}
