package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// goParty is a relying party as coreos/go-oidc and golang.org/x/oauth2 make one.
type goParty struct {
	t        *testing.T
	i        *servertest.Instance
	ctx      context.Context //nolint:containedctx // both libraries take their HTTP client from a context
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	visitor  *servertest.Visitor
}

func newGoParty(t *testing.T, i *servertest.Instance) *goParty {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Timeout: 30 * time.Second})
	provider, err := oidc.NewProvider(ctx, i.URL)
	none(t, err)
	made := ok[client.AppClient](t)(i.Operator.CreateClient(t.Context(), "default", client.NewClient{Name: "Go party", Type: "web", RedirectURIs: []string{shopURI}}))
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", Password: phrase, EmailVerified: true, Name: "Ann Lee"}))
	p := &goParty{t: t, i: i, ctx: ctx, provider: provider, visitor: i.Visitor("ann@example.com", phrase),
		verifier: provider.Verifier(&oidc.Config{ClientID: made.ID, Now: i.Clock.Now}),
		oauth: oauth2.Config{ClientID: made.ID, ClientSecret: made.Secret, Endpoint: provider.Endpoint(), RedirectURL: shopURI,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}}
	p.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return p
}

// signIn sends the person there and exchanges the code that comes back.
func (p *goParty) signIn() (*oauth2.Token, *oidc.IDToken) {
	p.t.Helper()
	verifier := oauth2.GenerateVerifier()
	page := p.visitor.Go(p.oauth.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier)), "approve")
	back := page.Answer()
	if back.Get("code") == "" || back.Get("state") != "state-1" {
		p.t.Fatalf("back with %v, at %s (%d): %s", back, page.URL, page.Status, page.Text)
	}
	tokens, err := p.oauth.Exchange(p.ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	none(p.t, err)
	id, err := p.verify(tokens)
	none(p.t, err)
	if id.Nonce != "nonce-1" {
		p.t.Errorf("nonce %q", id.Nonce)
	}
	none(p.t, id.VerifyAccessToken(tokens.AccessToken)) // at_hash
	return tokens, id
}

func (p *goParty) verify(tokens *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := tokens.Extra("id_token").(string)
	return p.verifier.Verify(p.ctx, raw)
}

// renewed refreshes whatever the token says of its expiry.
func (p *goParty) renewed(tokens *oauth2.Token) (*oauth2.Token, error) {
	return p.oauth.TokenSource(p.ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
}

func TestGoRelyingParty_OI01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newGoParty(t, i)
		tokens, id := p.signIn()
		info, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(tokens))
		none(t, err)
		var profile struct{ Name string }
		none(t, info.Claims(&profile))
		if info.Subject != id.Subject || info.Email != "ann@example.com" || !info.EmailVerified || profile.Name != "Ann Lee" {
			t.Errorf("userinfo %+v %+v of %s", info, profile, id.Subject)
		}
		fresh, err := p.renewed(tokens)
		none(t, err)
		again, err := p.verify(fresh)
		none(t, err)
		if again.Subject != id.Subject || fresh.RefreshToken == tokens.RefreshToken || fresh.AccessToken == tokens.AccessToken {
			t.Errorf("refreshed as %s: %v", again.Subject, fresh.RefreshToken == tokens.RefreshToken)
		}
		_, err = p.oauth.Exchange(p.ctx, "of-nobody", oauth2.VerifierOption(oauth2.GenerateVerifier()))
		if err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("a code of nobody: %v", err)
		}
	})
}

// Keys are rotated while a relying party refreshes and verifies; nothing fails, and what old keys signed goes on being
// verified.
func TestRotationUnderLoad_KM01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newGoParty(t, i)
		first, _ := p.signIn()
		const workers, rounds = 4, 50
		verified, failed := make(chan struct{}, workers*rounds), make(chan error, 2*workers*rounds)
		var parties, rotation sync.WaitGroup
		for range workers {
			tokens, _ := p.signIn()
			parties.Go(func() {
				for range rounds {
					var err error
					if tokens, err = p.renewed(tokens); err == nil {
						_, err = p.verify(tokens)
					}
					if err != nil {
						failed <- err
						return
					}
					verified <- struct{}{}
				}
			})
		}
		rotation.Go(func() {
			for n := 1; ; n++ {
				if _, more := <-verified; !more {
					return
				}
				if n%40 != 20 {
					continue
				}
				if err := i.Operator.RotateSigningKeys(t.Context(), false); err != nil {
					failed <- fmt.Errorf("rotate: %w", err)
				}
			}
		})
		parties.Wait()
		close(verified)
		rotation.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		if _, err := p.verify(first); err != nil {
			t.Errorf("what the first key signed: %v", err)
		}
	})
}
