package server

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// webClient registers a client as a program on a server has it.
func (s *stage) webClient(ctx context.Context) (auth.Client, error) {
	o, _ := auth.ClientTypeWeb.Preset()
	made, _, err := s.house.apps.CreateClient(ctx, operatorCaller(), app.ClientInput{App: auth.DefaultApp, Name: "Notes",
		Settings: auth.ClientSettings{RedirectURIs: []string{"https://notes.example.com/callback"}, OAuth: o}})
	return made, err
}

// over is an administrator and something of the app's, whose id find answers.
func over(find func(ctx context.Context, s *stage, values map[string]string) (id string, err error)) give {
	return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		values, err := administratorOf(ctx, s, e)
		if err != nil {
			return nil, err
		}
		values["app_id"] = string(auth.DefaultApp)
		values["id"], err = find(ctx, s, values)
		return values, err
	}
}

// consented is somebody who let a client have something. by signs in who asks.
func consented(by give) give {
	return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		values, err := by(ctx, s, e)
		if err != nil {
			return nil, err
		}
		user := auth.UserID(values["id"])
		if user == "" {
			c, err := s.caller(ctx, values[contract.GivenBearer])
			if err != nil {
				return nil, err
			}
			user = c.User
		}
		made, err := s.webClient(ctx)
		if err != nil {
			return nil, err
		}
		values["consent_client_id"] = string(made.ID)
		return values, s.house.db.Write(ctx, func(tx *store.Tx) error {
			return grant.Remember(tx, auth.DefaultApp, user, made.ID, auth.Delegation{Scopes: []string{auth.ScopeOpenID, auth.ScopeEmail}})
		})
	}
}

// delegations are the Givens of OAuth clients and of what people let them have.
func delegations() map[string]give {
	client := over(func(ctx context.Context, s *stage, _ map[string]string) (string, error) {
		made, err := s.webClient(ctx)
		return string(made.ID), err
	})
	resource := over(func(ctx context.Context, s *stage, _ map[string]string) (string, error) {
		made, err := s.house.apps.CreateResource(ctx, operatorCaller(), app.ResourceInput{App: auth.DefaultApp, URI: "https://api.example.com", Name: "API"})
		return string(made.ID), err
	})
	token := over(func(ctx context.Context, s *stage, _ map[string]string) (string, error) {
		made, _, err := s.house.oauth.CreateRegistrationToken(ctx, operatorCaller(), oauth.RegistrationTokenInput{App: auth.DefaultApp, Name: "CI"})
		return string(made.ID), err
	})
	out := map[string]give{
		"list-client-secrets/ok":  client,
		"rotate-client-secret/ok": client,
		"preview-claims/ok": over(func(ctx context.Context, s *stage, values map[string]string) (string, error) {
			c, err := s.caller(ctx, values[contract.GivenBearer])
			if err != nil {
				return "", err
			}
			values["user_id"] = string(c.User)
			made, err := s.webClient(ctx)
			return string(made.ID), err
		}),
		"revoke-client-secret/ok": over(func(ctx context.Context, s *stage, values map[string]string) (string, error) {
			made, err := s.webClient(ctx)
			if err != nil {
				return "", err
			}
			list, err := s.house.apps.ListSecrets(ctx, operatorCaller(), auth.DefaultApp, made.ID)
			if err == nil {
				values["secret_id"] = string(list[0].ID)
			}
			return string(made.ID), err
		}),
		"list-resources/ok":            resource,
		"get-resource/ok":              resource,
		"update-resource/ok":           resource,
		"delete-resource/ok":           resource,
		"list-registration-tokens/ok":  token,
		"revoke-registration-token/ok": token,
		"list-consents/ok":             consented(memberOf),
		"revoke-consent/ok":            consented(memberOf),
		"list-user-consents/ok":        consented(overUser),
		"revoke-user-consent/ok":       consented(overUser),
	}
	for _, name := range []string{"list-client-secrets", "rotate-client-secret", "revoke-client-secret", "preview-claims", "list-resources", "get-resource",
		"create-resource", "update-resource", "delete-resource", "list-registration-tokens", "create-registration-token", "revoke-registration-token",
		"list-user-consents", "revoke-user-consent"} {
		out[name+"/not-found"] = missing
	}
	return out
}
