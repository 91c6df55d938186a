// Command rp-go is a relying party: a web page where people sign in through an OpenID provider, and which then asks an API
// in their name. It does what the API asks for when it wants a fresher or a stronger sign-in (RFC 9470).
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"html"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// party is the relying party. What it knows of browsers it keeps in memory; a real one keeps it in its sessions.
type party struct {
	issuer, resource string
	provider         *oidc.Provider
	oauth            oauth2.Config

	mu     sync.Mutex
	visits map[string]*visit
}

// visit is one browser: on its way through the provider, and back with tokens.
type visit struct {
	state, nonce, pkce, next string
	stepped                  bool // it was sent away for a better sign-in
	name                     string
	tokens                   oauth2.TokenSource // refreshes by itself
}

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "the OpenID provider")
	listen := flag.String("listen", "127.0.0.1:9090", "where to listen")
	id, secret := flag.String("client-id", "", "of the client"), flag.String("client-secret", "", "of the client")
	resource := flag.String("resource", "http://127.0.0.1:9091", "the API, and its identifier")
	flag.Parse()
	provider, err := oidc.NewProvider(context.Background(), *issuer)
	if err != nil {
		log.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // trying out which one is right would spend the code
	p := &party{issuer: *issuer, resource: *resource, provider: provider, visits: map[string]*visit{},
		oauth: oauth2.Config{ClientID: *id, ClientSecret: *secret, Endpoint: endpoint, RedirectURL: "http://" + *listen + "/callback",
			Scopes: []string{oidc.ScopeOpenID, "profile", "notes.read", "notes.secret"}}}
	for path, serve := range map[string]func(http.ResponseWriter, *http.Request, *visit){
		"GET /{$}": p.home, "GET /sign-in": p.signIn, "GET /callback": p.callback, "GET /notes": p.notes, "GET /secrets": p.notes} {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { serve(w, r, p.visit(w, r)) })
	}
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: 5 * time.Second}
	log.Printf("the relying party is at http://%s", *listen)
	log.Fatal(server.ListenAndServe())
}

func (p *party) visit(w http.ResponseWriter, r *http.Request) *visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie("rp"); err == nil && p.visits[c.Value] != nil {
		return p.visits[c.Value]
	}
	key := rand.Text()
	//nolint:gosec // not Secure, for the example speaks plain HTTP on this machine; yours does not
	http.SetCookie(w, &http.Cookie{Name: "rp", Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	p.visits[key] = &visit{}
	return p.visits[key]
}

func (p *party) home(w http.ResponseWriter, _ *http.Request, v *visit) {
	if v.tokens == nil {
		page(w, http.StatusOK, `<a href="/sign-in">Sign in</a>`)
		return
	}
	page(w, http.StatusOK, `Hello, `+html.EscapeString(v.name)+`. Read <a href="/notes">your notes</a> or <a href="/secrets">your secrets</a>.`)
}

func (p *party) signIn(w http.ResponseWriter, r *http.Request, v *visit) {
	v.next, v.stepped = "/", false
	p.leave(w, r, v)
}

// leave sends the browser to the provider.
func (p *party) leave(w http.ResponseWriter, r *http.Request, v *visit, more ...oauth2.AuthCodeOption) {
	v.state, v.nonce, v.pkce = rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	more = append(more, oidc.Nonce(v.nonce), oauth2.S256ChallengeOption(v.pkce), oauth2.SetAuthURLParam("resource", p.resource))
	http.Redirect(w, r, p.oauth.AuthCodeURL(v.state, more...), http.StatusSeeOther)
}

func (p *party) callback(w http.ResponseWriter, r *http.Request, v *visit) {
	if v.state == "" || r.FormValue("state") != v.state || r.FormValue("iss") != p.issuer {
		page(w, http.StatusBadRequest, "This is no answer to a question of ours.")
		return
	}
	v.state = ""
	tokens, err := p.oauth.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(v.pkce))
	if err != nil {
		page(w, http.StatusBadGateway, html.EscapeString(r.FormValue("error")+" "+err.Error()))
		return
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.provider.Verifier(&oidc.Config{ClientID: p.oauth.ClientID}).Verify(r.Context(), raw)
	if err != nil || id.Nonce != v.nonce {
		page(w, http.StatusBadGateway, "The ID token is not for us.")
		return
	}
	v.name, v.tokens = id.Subject, p.oauth.TokenSource(context.WithoutCancel(r.Context()), tokens)
	http.Redirect(w, r, v.next, http.StatusSeeOther)
}

// page shows a text, which is HTML.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html><title>Relying party</title><p>%s</p>", text)
}
