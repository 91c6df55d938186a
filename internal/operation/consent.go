package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// Consent is what a person has let a client have.
type Consent struct {
	Client     auth.ClientID `json:"client_id"`
	ClientName string        `json:"client_name"`
	LogoURI    string        `json:"logo_uri,omitempty"`
	ClientURI  string        `json:"client_uri,omitempty"`
	// Verified says that somebody here vouches for the client's name.
	Verified  bool     `json:"verified"`
	Scopes    []string `json:"scopes"`
	Resources []string `json:"resources"`
	// Words and Targets are scopes and resources as people read them.
	Words     []AskedScope    `json:"scope_words"`
	Targets   []AskedResource `json:"resource_words"`
	GrantedAt time.Time       `json:"granted_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// Consents are those of one user.
type Consents struct {
	Consents []Consent `json:"consents"`
}

func consentsOutcome(list []oauth.Granted, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	out := Consents{Consents: make([]Consent, len(list))}
	for i, g := range list {
		o := g.Holder.Settings.OAuth
		out.Consents[i] = Consent{Client: g.Client, ClientName: g.Holder.Name, LogoURI: o.LogoURI, ClientURI: o.ClientURI,
			Verified: o.Origin() == auth.OriginAdministrator, Scopes: some(g.Scopes), Resources: some(g.Resources), GrantedAt: g.GrantedAt,
			UpdatedAt: g.UpdatedAt, Words: scopeWords(g.Words), Targets: resourceWords(g.Targets)}
	}
	return OK(out), nil
}

func (c *Catalogue) listConsents() *Definition {
	return define(Definition{
		Name:    "list-consents",
		Doc:     "Lists what the user has let clients have.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Consents]("ok", "The consents.")},
	}, func(ctx context.Context, r *Request, in *struct{}) (Outcome, error) {
		return consentsOutcome(c.deps.OAuth.Consents(ctx, r.Caller.App, r.Caller.User))
	})
}

// ConsentInput names a consent of the user who asks, by its client.
type ConsentInput struct {
	Client auth.ClientID `input:"consent_client_id,required"`
}

func (c *Catalogue) revokeConsent() *Definition {
	return define(Definition{
		Name:    "revoke-consent",
		Doc:     "Takes back what the user has let a client have. The client's tokens end at once, those that outlive a sign-out too.",
		Access:  SignedIn,
		Scope:   ScopeAccountWrite,
		Results: []Result{result[Done]("ok", "The client has nothing any more.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ConsentInput) (Outcome, error) {
		return done(c.deps.OAuth.RevokeConsent(ctx, r.Caller, r.Caller.User, in.Client))
	})
}

func (c *Catalogue) listUserConsents() *Definition {
	return define(Definition{
		Name:    "list-user-consents",
		Doc:     "Lists what a user has let clients have.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Consents]("ok", "The consents.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return consentsOutcome(c.deps.OAuth.Consents(ctx, r.Caller.App, in.ID))
	})
}

// UserConsentInput names a consent of a user.
type UserConsentInput struct {
	UserInput
	ConsentInput
}

func (c *Catalogue) revokeUserConsent() *Definition {
	return define(Definition{
		Name:    "revoke-user-consent",
		Doc:     "Takes back what a user has let a client have. The client's tokens end at once.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The client has nothing any more.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserConsentInput) (Outcome, error) {
		return done(c.deps.OAuth.RevokeConsent(ctx, r.Caller, in.ID, in.Client))
	})
}
