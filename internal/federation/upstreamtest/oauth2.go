package upstreamtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// plain is an OAuth 2.0 server without OpenID: RFC 6749 with PKCE (RFC 7636), and a user endpoint of its own shape. It
// checks client, secret, redirect URI and verifier, and spends a code once.
type plain struct {
	redirects []string

	mu     sync.Mutex
	people map[string]Person
	codes  map[string]grant
	tokens map[string]string // login by access token
}

type grant struct{ login, redirect, challenge string }

// OAuth2 starts a plain OAuth 2.0 server with a client of these redirect URIs.
func OAuth2(t testing.TB, redirectURIs ...string) *Upstream {
	t.Helper()
	s := &plain{redirects: redirectURIs, people: map[string]Person{}, codes: map[string]grant{}, tokens: map[string]string{}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /authorize", s.page)
	routes.HandleFunc("POST /authorize", s.agree)
	routes.HandleFunc("POST /token", s.token)
	routes.HandleFunc("GET /me", s.me)
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return &Upstream{Kind: auth.ProviderOAuth2, URL: server.URL, Secret: clientSecret, people: map[string]Person{},
		Settings: auth.ProviderSettings{Title: "Plain", ClientID: clientID, Scopes: []string{"me"},
			AuthorizationURL: server.URL + "/authorize", TokenURL: server.URL + "/token", UserURL: server.URL + "/me",
			Claims: auth.ClaimMapping{Subject: "id", Email: "mails.0.address", EmailVerified: "mails.0.confirmed", Name: "names.full", Username: "login"}},
		say: func(people map[string]Person) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.people = map[string]Person{}
			for login, p := range people {
				s.people[login] = p
			}
		}}
}

// refusal says what is wrong with an authorization request; empty if nothing is.
func (s *plain) refusal(q url.Values) string {
	switch {
	case q.Get("client_id") != clientID || q.Get("response_type") != "code":
		return "client_id or response_type"
	case !slices.Contains(s.redirects, q.Get("redirect_uri")):
		return "redirect_uri"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return "PKCE"
	case len(q.Get("state")) < 22:
		return "state"
	}
	return ""
}

func (s *plain) page(w http.ResponseWriter, r *http.Request) {
	if why := s.refusal(r.URL.Query()); why != "" {
		http.Error(w, why, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<form method="post" action="/authorize?%s"><input type="text" name="login"></form>`, html.EscapeString(r.URL.RawQuery))
}

func (s *plain) agree(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if why := s.refusal(q); why != "" {
		http.Error(w, why, http.StatusBadRequest)
		return
	}
	code := rand.Text()
	s.mu.Lock()
	s.codes[code] = grant{login: r.PostFormValue("login"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge")}
	s.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (s *plain) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok || id != clientID || secret != url.QueryEscape(clientSecret) {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	s.mu.Lock()
	defer s.mu.Unlock()
	code := r.PostFormValue("code")
	g, ok := s.codes[code]
	delete(s.codes, code)
	if !ok || r.PostFormValue("grant_type") != "authorization_code" || g.redirect != r.PostFormValue("redirect_uri") ||
		g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	token := rand.Text()
	s.tokens[token] = g.login
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": 60})
}

func (s *plain) me(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	login, ok := s.tokens[token]
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	p := s.people[login]
	out := map[string]any{"id": number(login), "login": login, "names": map[string]any{"full": p.Name}}
	if p.Email != "" {
		out["mails"] = []any{map[string]any{"address": p.Email, "confirmed": p.EmailVerified}}
	}
	answer(w, http.StatusOK, out)
}

// number is an id that is as large as ids of services are.
func number(login string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(login))
	return h.Sum64() >> 1
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
