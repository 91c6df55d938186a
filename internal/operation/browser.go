package operation

import (
	"context"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// GetCSRFTokenInput is the input of get-csrf-token.
type GetCSRFTokenInput struct{}

func (c *Catalogue) getCSRFToken() *Definition {
	return define(Definition{
		Name: "get-csrf-token",
		Doc: "Does nothing itself: an answer of it may set the cookie of kind `csrf` and tell `request.csrf_token`, the " +
			"token that goes with the browser's cookies.",
		Access:  Anyone,
		Results: []Result{result[Done]("ok", "The token is in `request.csrf_token`.")},
	}, func(context.Context, *Request, *GetCSRFTokenInput) (Outcome, error) { return OK(Done{}), nil })
}

// GetAuthenticationInput is the input of get-authentication.
type GetAuthenticationInput struct{}

func (c *Catalogue) getAuthentication() *Definition {
	return define(Definition{
		Name: "get-authentication",
		Doc: "Tells whether somebody is signed in, and who. A credential that is not valid is refused as everywhere; a " +
			"document may answer those refusals with a plain no.",
		Access:  Anyone,
		Results: []Result{result[Authentication]("ok", "Yes or no.")},
	}, func(ctx context.Context, r *Request, in *GetAuthenticationInput) (Outcome, error) {
		who := r.Caller
		if who.User == "" || !who.EmailVerified && !who.Door.Policy.AllowUnverified {
			return OK(Authentication{}), nil
		}
		key := who.Kind == auth.CallerAPIKey
		if key && !slices.Contains(who.Scopes, ScopeAccountRead) && !slices.Contains(who.Scopes, "*") {
			return OK(Authentication{Authenticated: true}), nil
		}
		p, err := c.deps.Users.Profile(ctx, who.App, who.User)
		if err != nil {
			return Outcome{}, err
		}
		shown := profile(p)
		return OK(Authentication{Authenticated: true, User: &shown}), nil
	})
}
