package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Consents are what a user has let OAuth clients have.
type Consents struct {
	Consents []Consent `json:"consents"`
}

// Consent is what a user has let one OAuth client have.
type Consent struct {
	Client    AskingClient    `json:"client"`
	Scopes    []AskedScope    `json:"scopes"`
	Resources []AskedResource `json:"resources"`
	GrantedAt time.Time       `json:"granted_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// ListConsentsInput is the input of list-consents.
type ListConsentsInput struct{}

func (c *Catalogue) listConsents() *Definition {
	return define(Definition{
		Name:    "list-consents",
		Doc:     "Lists the OAuth clients that the user has let have access, by id: to what, and since when.",
		Access:  Person,
		Results: []Result{result[Consents]("ok", "The clients.")},
	}, func(ctx context.Context, r *Request, in *ListConsentsInput) (Outcome, error) {
		list, err := c.deps.OAuth.Consents(ctx, r.Caller)
		if err != nil {
			return Outcome{}, err
		}
		out := Consents{Consents: make([]Consent, len(list))}
		for i, one := range list {
			asked := askedFor(one.AskedFor)
			out.Consents[i] = Consent{Client: asked.Client, Scopes: asked.Scopes, Resources: asked.Resources, GrantedAt: one.GrantedAt, UpdatedAt: one.UpdatedAt}
		}
		return OK(out), nil
	})
}

// RevokeConsentInput is the input of revoke-consent.
type RevokeConsentInput struct {
	Client string `input:"client,required"`
}

func (c *Catalogue) revokeConsent() *Definition {
	return define(Definition{
		Name:    "revoke-consent",
		Doc:     "Takes back what the user has let an OAuth client have. Its sessions and refresh tokens for the user end at once.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "The client has no access any more.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *RevokeConsentInput) (Outcome, error) {
		return done(c.deps.OAuth.RevokeConsent(ctx, r.Caller, in.Client))
	})
}
