package server

import (
	"context"
	"errors"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
)

// stageRedirect is where examples come back to that name no redirect URI.
const stageRedirect = "https://shop.example.com/callback"

// provider connects the app to an identity provider that nobody asks, and registers the redirect URI of the example.
func (s *stage) provider(ctx context.Context, e contract.Example) (auth.Provider, map[string]string, error) {
	uri, name := pick(e, "redirect_uri"), pick(e, "provider", "name")
	if uri == "" {
		uri = stageRedirect
	}
	if name == "" {
		name = "google"
	}
	uris := []string{uri}
	if _, err := s.house.apps.UpdateClient(ctx, operatorCaller(), auth.DefaultApp, auth.DefaultClient, app.ClientChange{RedirectURIs: &uris}); err != nil {
		return auth.Provider{}, nil, err
	}
	made, err := s.house.federation.Create(ctx, operatorCaller(), federation.ProviderInput{Name: name, Kind: auth.ProviderOAuth2, Secret: "not-a-real-secret",
		Settings: auth.ProviderSettings{Title: "Example", ClientID: "stage", AuthorizationURL: "https://idp.example.com/authorize",
			TokenURL: "https://idp.example.com/token", UserURL: "https://idp.example.com/user", Claims: auth.ClaimMapping{Subject: "id", Email: "email"}}})
	return made, map[string]string{"provider": name, "name": name, "redirect_uri": uri}, err
}

// federations are the Givens of identity providers and the accounts there.
func federations() map[string]give {
	provided := func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		_, values, err := s.provider(ctx, e)
		return values, err
	}
	with := func(who give) give {
		return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := who(ctx, s, e)
			if err != nil {
				return nil, err
			}
			_, more, err := s.provider(ctx, e)
			for name, value := range more {
				values[name] = value
			}
			return values, err
		}
	}
	out := map[string]give{
		"begin-federated-sign-in/ok":              provided,
		"begin-federated-sign-in/not-found":       nothing,
		"finish-federated-sign-in/proof-invalid":  nothing,
		"confirm-identity/signed-in":              awaited(true, false),
		"confirm-identity/registered":             awaited(false, false),
		"confirm-identity/second-factor-required": awaited(true, true),
		"confirm-identity/proof-invalid":          nothing,
		"link-identity/ok":                        with(memberOf),
		"link-identity/not-found":                 memberOf,
		"unlink-identity/ok":                      linkedIdentity,
		"create-provider/conflict":                with(administratorOf),
		"login-methods/ok":                        provided,
		"complete-second-factor/proof-invalid":    nothing,
	}
	for _, name := range []string{"get-provider", "update-provider", "delete-provider"} {
		out[name+"/ok"] = with(administratorOf)
	}
	return out
}

// upstream is a person of a provider, as whom an example arrives.
func upstream(p auth.Provider) auth.Upstream {
	return auth.Upstream{Provider: p.ID, ProviderName: p.Name, Issuer: "https://idp.example.com", Subject: "110169484474386276334", Email: stageEmail}
}

// linkedIdentity signs a user in who has a password and an account at a provider.
func linkedIdentity(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	if err != nil {
		return nil, err
	}
	p, _, err := s.provider(ctx, e)
	if err != nil {
		return nil, err
	}
	values := signedIn(in)
	err = s.house.db.Write(ctx, func(tx *store.Tx) error {
		made, err := s.house.federation.Link(tx, visitor(), in.User.ID, upstream(p))
		values["id"] = string(made.ID)
		return err
	})
	return values, err
}

// awaited comes back from a provider that has not verified the address, so that a mail asks for proof of it.
func awaited(known, factor bool) give {
	return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		if known {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
			if err == nil && factor {
				_, err = s.enrol(ctx, in)
			}
			if err != nil {
				return nil, err
			}
		}
		p, _, err := s.provider(ctx, e)
		if err != nil {
			return nil, err
		}
		v := visitor()
		v.Door.Policy = auth.Policy{}
		start, err := s.house.login.BeginFederated(ctx, v, login.FederatedBegin{Provider: p.Name, Callback: "/{provider}/callback"})
		if err != nil {
			return nil, err
		}
		state, err := told(start.Location, "state")
		if err != nil {
			return nil, err
		}
		end, err := s.house.login.FinishVouched(ctx, v, login.FederatedAnswer{Provider: p.Name, State: state, Browser: start.Browser}, upstream(p))
		if err != nil {
			return nil, err
		}
		token, err := told(end.Location, "link_token")
		if err != nil {
			return nil, err
		}
		code, err := s.mailedCode(ctx)
		return map[string]string{"token": token, "code": code, "browser": start.Browser}, err
	}
}

// told is a parameter of a redirect.
func told(location, name string) (string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	value := u.Query().Get(name)
	if value == "" {
		return "", errors.New("the redirect tells no " + name + ": " + u.Query().Get("error_description"))
	}
	return value, nil
}
