package server_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// upstream is an OAuth 2.0 server outside the house that lets everybody in who is somebody at the moment. It is strict:
// it wants PKCE, its own client with its secret, the same redirect URI twice, and each code once.
type upstream struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	person object // who is signed in there
	codes  map[string]url.Values
	tokens map[string]object
}

const (
	upstreamClient = "ostiary-at-the-club"
	upstreamSecret = "a-secret-of-the-club-and-the-house"
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// loopbackAllowed lets the server call this machine.
func loopbackAllowed() servertest.Option {
	return servertest.Configure(func(c *config.Config) { c.Outbound.Allow = loopback() })
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{t: t, codes: map[string]url.Values{}, tokens: map[string]object{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", u.authorize)
	mux.HandleFunc("POST /token", u.token)
	mux.HandleFunc("GET /user", u.user)
	u.Server = httptest.NewServer(mux)
	t.Cleanup(u.Close)
	return u
}

// as says who sits at the provider. Members are those of the provider's user endpoint.
func (u *upstream) as(person object) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.person = person
}

func (u *upstream) authorize(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != upstreamClient || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 22 {
		http.Error(w, "bad request "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if u.person == nil {
		back.Set("error", "access_denied")
	} else {
		code := rand.Text() + rand.Text()
		u.codes[code] = q
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (u *upstream) token(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	asked, known := u.codes[r.PostFormValue("code")]
	delete(u.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id != upstreamClient || secret != upstreamSecret || !known || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || r.PostFormValue("grant_type") != "authorization_code" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	token := rand.Text()
	u.tokens[token] = u.person
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object{"access_token": token, "token_type": "Bearer", "expires_in": 60})
}

func (u *upstream) user(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	const scheme = "Bearer "
	header := r.Header.Get("Authorization")
	if len(header) < len(scheme) || u.tokens[header[len(scheme):]] == nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(u.tokens[header[len(scheme):]])
}

// answer is what it sends a browser back with that was sent to it.
func (u *upstream) answer(location string) url.Values {
	u.t.Helper()
	r, err := http.NewRequestWithContext(u.t.Context(), http.MethodGet, location, nil)
	none(u.t, err)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	none(u.t, err)
	none(u.t, resp.Body.Close())
	back, err := resp.Location()
	none(u.t, err)
	return back.Query()
}

// connect makes it a provider of the default app, and registers a redirect URI of the default client.
func (u *upstream) connect(i *servertest.Instance, name, redirectURI string, domains ...string) client.Provider {
	u.t.Helper()
	ok[client.AppClient](u.t)(i.Operator.UpdateClient(u.t.Context(), "default", "default", map[string]any{"redirect_uris": []string{redirectURI}}))
	return ok[client.Provider](u.t)(i.Operator.CreateProvider(u.t.Context(), client.NewProvider{Name: name, Kind: "oauth2", Title: "The Club",
		ClientID: upstreamClient, ClientSecret: upstreamSecret, AuthorizationURL: u.URL + "/authorize", TokenURL: u.URL + "/token", UserURL: u.URL + "/user",
		Domains: domains, Claims: map[string]string{"subject": "id", "email": "email", "email_verified": "email_verified", "name": "name"}}))
}
