package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// RegistrationToken lets somebody register clients.
type RegistrationToken struct {
	ID        auth.RegistrationTokenID `json:"id"`
	App       auth.AppID               `json:"app_id"`
	Name      string                   `json:"name"`
	UsesLeft  int                      `json:"uses_left"`
	CreatedAt time.Time                `json:"created_at"`
	ExpiresAt time.Time                `json:"expires_at"`
}

// RegistrationTokens are those of an app that were not revoked, oldest first.
type RegistrationTokens struct {
	Tokens []RegistrationToken `json:"registration_tokens"`
}

// NewRegistrationToken is a token with its text, which is shown this once.
type NewRegistrationToken struct {
	RegistrationToken
	Token string `json:"token"`
}

func registrationView(r auth.RegistrationToken) RegistrationToken {
	return RegistrationToken{ID: r.ID, App: r.App, Name: r.Name, UsesLeft: r.UsesLeft, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
}

// AppIDInput names an app.
type AppIDInput struct {
	AppID auth.AppID `input:"app_id,required"`
}

func (c *Catalogue) listRegistrationTokens() *Definition {
	return define(Definition{
		Name:    "list-registration-tokens",
		Doc:     "Lists the tokens of an app that let somebody register clients, oldest first, without their texts.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[RegistrationTokens]("ok", "The tokens.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *AppIDInput) (Outcome, error) {
		list, err := c.deps.OAuth.ListRegistrationTokens(ctx, r.Caller, in.AppID)
		if err != nil {
			return Outcome{}, err
		}
		out := RegistrationTokens{Tokens: make([]RegistrationToken, len(list))}
		for i, t := range list {
			out.Tokens[i] = registrationView(t)
		}
		return OK(out), nil
	})
}

// CreateRegistrationTokenInput is the input of create-registration-token.
type CreateRegistrationTokenInput struct {
	AppIDInput
	Name      string        `input:"name,required"`
	Uses      int           `input:"uses"`       // left out: one
	ExpiresIn time.Duration `input:"expires_in"` // left out: a day
}

func (c *Catalogue) createRegistrationToken() *Definition {
	return define(Definition{
		Name: "create-registration-token",
		Doc: "Makes a token with which clients register themselves at `/oauth2/register` (RFC 7591), where the setting " +
			"`oauth.registration` is on. It registers `uses` clients (1) and lives for `expires_in` (a day). It is in this answer " +
			"and nowhere else.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[NewRegistrationToken]("ok", "The token.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateRegistrationTokenInput) (Outcome, error) {
		made, text, err := c.deps.OAuth.CreateRegistrationToken(ctx, r.Caller, oauth.RegistrationTokenInput{App: in.AppID, Name: in.Name,
			Uses: in.Uses, ExpiresIn: in.ExpiresIn})
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewRegistrationToken{RegistrationToken: registrationView(made), Token: text}), nil
	})
}

// RegistrationTokenInput names a token of an app.
type RegistrationTokenInput struct {
	AppIDInput
	ID auth.RegistrationTokenID `input:"id,required"`
}

func (c *Catalogue) revokeRegistrationToken() *Definition {
	return define(Definition{
		Name:    "revoke-registration-token",
		Doc:     "Ends a token that lets somebody register clients. Clients that it registered stay.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The token is refused from now on.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *RegistrationTokenInput) (Outcome, error) {
		return done(c.deps.OAuth.RevokeRegistrationToken(ctx, r.Caller, in.AppID, in.ID))
	})
}
