package server

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// clubRedirect is where the client of examples wants its answers.
const clubRedirect = "https://app.example.com/callback"

// authorizations are the Givens of what people decide about OAuth clients.
func authorizations() map[string]give {
	out := map[string]give{}
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
			GrantTypes: []string{auth.GrantAuthorizationCode, auth.GrantDeviceCode}, Scopes: []string{auth.ScopeOpenID}, DefaultScopes: []string{auth.ScopeOpenID}}}})
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
	waiting, err := s.house.oauth.AuthorizeDevice(ctx, oauth.ClientRequest{Form: oauth.Form{"client_id": {values["client"]}}, Caller: visitor()})
	if err != nil {
		return nil, err
	}
	values["user_code"] = waiting.UserCode
	caller, err := s.caller(ctx, values[contract.GivenBearer])
	if err == nil {
		_, err = s.house.oauth.ShowDevice(ctx, caller, values["user_code"])
	}
	return values, err
}
