package federation

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Start is how a journey to a provider begins.
type Start struct {
	URL string // where the browser goes
	// FormPost says that the provider answers with a POST from its own site, so that a cookie which shall come along must be
	// SameSite=None.
	FormPost bool
}

// Purposes of the keys that a journey's secrets are derived with.
const (
	noncePurpose    = "federation.nonce"
	verifierPurpose = "federation.pkce"
)

// journey holds what a state stands for. Both values follow from the state, the connection and a key of the server: the
// state is public on its way through browsers, they are not (FD-04).
type journey struct{ nonce, verifier string }

func (s *Service) journey(p auth.Provider, state string) journey {
	derive := func(purpose string) string {
		return base64.RawURLEncoding.EncodeToString(s.o.Keys.MAC(purpose, string(p.App), string(p.ID), state))
	}
	return journey{nonce: derive(noncePurpose), verifier: derive(verifierPurpose)}
}

// Begin makes the address to which a browser is sent. The state is a fresh secret of at least 128 bits that the caller
// has bound to the browser and will take back once; redirectURI is the one of this provider and the same at Finish.
// Codes: not-found (no such provider, or it is disabled), provider-unavailable (it publishes nothing usable).
func (s *Service) Begin(ctx context.Context, app auth.AppID, name, redirectURI, state string) (Start, error) {
	p, err := s.active(ctx, app, name)
	if err != nil {
		return Start{}, err
	}
	e, err := s.endpoints(ctx, p)
	if err != nil {
		return Start{}, err
	}
	j := s.journey(p, state)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(j.verifier)}
	if p.Kind.OpenID() {
		options = append(options, oauth2.SetAuthURLParam("nonce", j.nonce))
	}
	for name, value := range profileOf(p.Kind).parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if p.Settings.HostedDomain != "" {
		options = append(options, oauth2.SetAuthURLParam("hd", p.Settings.HostedDomain))
	}
	config := oauth2.Config{ClientID: p.Settings.ClientID, Endpoint: oauth2.Endpoint{AuthURL: e.authorization},
		RedirectURL: redirectURI, Scopes: p.Settings.Scopes}
	target := config.AuthCodeURL(state, options...)
	if !isPage(target) {
		return Start{}, unavailable(p, "its authorization endpoint is no page")
	}
	return Start{URL: target, FormPost: profileOf(p.Kind).formPost()}, nil
}

// isPage keeps a published endpoint from sending a browser to a script or a file.
func isPage(target string) bool {
	u, err := url.Parse(target)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(target, "\r\n")
}

func (s *Service) active(ctx context.Context, app auth.AppID, name string) (p auth.Provider, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		p, err = Active(tx, app, name)
		return err
	})
	return p, err
}
