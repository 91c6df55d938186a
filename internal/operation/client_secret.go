package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// ClientSecret is a secret of a client, without its text.
type ClientSecret struct {
	ID        auth.ClientSecretID `json:"id"`
	Prefix    string              `json:"prefix"`
	CreatedAt time.Time           `json:"created_at"`
	ExpiresAt time.Time           `json:"expires_at,omitzero"` // zero: never
}

// ClientSecrets are those of a client that work, newest first.
type ClientSecrets struct {
	Secrets []ClientSecret `json:"secrets"`
}

// NewClientSecret is a secret with its text, which is shown this once.
type NewClientSecret struct {
	ClientSecret
	Secret string `json:"client_secret"`
}

func secretView(s auth.ClientSecret) ClientSecret {
	return ClientSecret{ID: s.ID, Prefix: s.Prefix, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt}
}

func (c *Catalogue) listClientSecrets() *Definition {
	return define(Definition{
		Name:    "list-client-secrets",
		Doc:     "Lists the secrets of a client that work, newest first, without their texts.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[ClientSecrets]("ok", "The secrets.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ClientInput) (Outcome, error) {
		list, err := c.deps.Apps.ListSecrets(ctx, r.Caller, in.AppID, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		out := ClientSecrets{Secrets: make([]ClientSecret, len(list))}
		for i, s := range list {
			out.Secrets[i] = secretView(s)
		}
		return OK(out), nil
	})
}

// RotateClientSecretInput is the input of rotate-client-secret.
type RotateClientSecretInput struct {
	ClientInput
	Overlap *time.Duration `input:"overlap"` // left out: 7 days
}

func (c *Catalogue) rotateClientSecret() *Definition {
	return define(Definition{
		Name: "rotate-client-secret",
		Doc: "Gives a client a new secret, which is in this answer and nowhere else. The one before works for `overlap` more " +
			"(7 days if left out, at most 90; 0 ends it now). Two work at one time: a third is refused until the first has ended.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[NewClientSecret]("ok", "The new secret.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *RotateClientSecretInput) (Outcome, error) {
		overlap := app.DefaultSecretOverlap
		if in.Overlap != nil {
			overlap = *in.Overlap
		}
		made, text, err := c.deps.Apps.RotateSecret(ctx, r.Caller, in.AppID, in.ID, overlap)
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewClientSecret{ClientSecret: secretView(made), Secret: text}), nil
	})
}

// RevokeClientSecretInput is the input of revoke-client-secret.
type RevokeClientSecretInput struct {
	ClientInput
	Secret auth.ClientSecretID `input:"secret_id,required"`
}

func (c *Catalogue) revokeClientSecret() *Definition {
	return define(Definition{
		Name:    "revoke-client-secret",
		Doc:     "Ends one secret of a client at once.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The secret is refused from now on.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *RevokeClientSecretInput) (Outcome, error) {
		return done(c.deps.Apps.RevokeSecret(ctx, r.Caller, in.AppID, in.ID, in.Secret))
	})
}

// PreviewClaimsInput is the input of preview-claims.
type PreviewClaimsInput struct {
	ClientInput
	User      auth.UserID `input:"user_id"` // left out: the client acts by itself
	Scopes    []string    `input:"scopes"`
	Resources []string    `input:"resources"`
}

// ClaimsPreview is what a client would get.
type ClaimsPreview struct {
	AccessToken map[string]any    `json:"access_token"`
	IDToken     map[string]any    `json:"id_token,omitempty"`
	Userinfo    map[string]any    `json:"userinfo,omitempty"`
	Failed      map[string]string `json:"failed"` // custom claims that would be left out, with the reason
}

func (c *Catalogue) previewClaims() *Definition {
	return define(Definition{
		Name: "preview-claims",
		Doc: "What a client would get for a user and scopes: the claims of its access token and ID token, and what userinfo " +
			"tells. Nothing is issued; ids and times are examples. `failed` tells which custom claims would be left out, and why.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[ClaimsPreview]("ok", "The claims.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *PreviewClaimsInput) (Outcome, error) {
		p, err := c.deps.OAuth.Preview(ctx, r.Caller, oauth.PreviewInput{App: in.AppID, Client: in.ID, User: in.User, Scopes: in.Scopes,
			Resources: in.Resources})
		if err != nil {
			return Outcome{}, err
		}
		return OK(ClaimsPreview{AccessToken: p.AccessToken, IDToken: p.IDToken, Userinfo: p.Userinfo, Failed: p.Failed}), nil
	})
}
