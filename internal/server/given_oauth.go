package server

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// clubRedirect is where the client of examples wants its answers.
const clubRedirect = "https://app.example.com/callback"

// authorizations are the Givens of what people decide about OAuth clients.
func authorizations() map[string]give {
	out := map[string]give{
		"revoke-consent/not-found": memberOf,
		"revoke-consent/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := asked(ctx, s, e)
			if err != nil {
				return nil, err
			}
			caller, err := s.caller(ctx, values[contract.GivenBearer])
			if err == nil {
				_, err = s.house.oauth.ApproveAuthorization(ctx, caller, values["flow"], values["browser"])
			}
			return values, err
		},
	}
	for _, name := range []string{"show-authorization", "approve-authorization", "deny-authorization"} {
		out[name+"/ok"], out[name+"/proof-invalid"] = asked, memberOf
	}
	for _, name := range []string{"show-device", "approve-device", "deny-device"} {
		out[name+"/proof-invalid"], out[name+"/ok"] = memberOf, deviceShown
	}
	return out
}

// asked signs somebody in whom a client asks for consent.
func asked(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := memberOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	client, _, err := s.house.apps.CreateClient(ctx, operatorCaller(), app.ClientInput{App: auth.DefaultApp, Name: "Book Club",
		Settings: auth.ClientSettings{RedirectURIs: []string{clubRedirect}, OAuth: auth.OAuthSettings{AuthMethod: auth.ClientAuthNone,
			GrantTypes: []string{auth.GrantAuthorizationCode, auth.GrantDeviceCode}, Scopes: []string{auth.ScopeOpenID}}}})
	if err != nil {
		return nil, err
	}
	nobody := func(context.Context, auth.AppID) (auth.Caller, error) { return visitor(), nil }
	step, err := s.house.oauth.Authorize(ctx, oauth.Form{"client_id": {client.OAuthID()}, "redirect_uri": {clubRedirect}, "response_type": {"code"},
		"scope": {auth.ScopeOpenID}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}},
		oauth.Visit{Who: nobody})
	values["flow"], values["browser"], values["client"] = step.Flow, step.Browser, client.OAuthID()
	return values, err
}

// deviceShown lets a device wait, and shows it to somebody.
func deviceShown(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := asked(ctx, s, e)
	if err != nil {
		return nil, err
	}
	values["user_code"] = "BCDF-GHJK"
	err = s.house.db.Write(ctx, func(tx *store.Tx) error {
		_, err := grant.IssueDevice(tx, "device", auth.DeviceAuthorization{ID: "device", App: auth.DefaultApp, Client: auth.ClientID(values["client"]),
			UserCode: "BCDFGHJK", Delegation: auth.Delegation{Scopes: []string{auth.ScopeOpenID}}}, time.Minute)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller, err := s.caller(ctx, values[contract.GivenBearer])
	if err == nil {
		_, err = s.house.oauth.ShowDevice(ctx, caller, values["user_code"])
	}
	return values, err
}
