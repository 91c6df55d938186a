package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
)

// CreateAPIKeyInput is the input of create-api-key. ExpiresIn and ExpiresAt exclude each other; neither means
// that the key does not expire.
type CreateAPIKeyInput struct {
	Name      string        `input:"name,required"`
	Scopes    []string      `input:"scopes"`
	ExpiresIn time.Duration `input:"expires_in"`
	ExpiresAt time.Time     `input:"expires_at"`
	Prefix    string        `input:"prefix"` // what the secret starts with; for documents, not for users
	Fresh     bool          `input:"fresh"`  // only within the step-up window
}

func (c *Catalogue) createAPIKey() *Definition {
	return define(Definition{
		Name: "create-api-key",
		Doc: "Makes an API key of the user who asks. The secret is in this answer and nowhere else, for only its hash " +
			"is stored. A key can make only keys whose scopes are among its own. With `fresh` only within five minutes of a " +
			"sign-in or a step-up.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[NewAPIKey]("ok", "The key with its secret.")},
		Errors:  []auth.Code{auth.CodeLimitReached, auth.CodeForbidden, auth.CodeInsufficientScope, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *CreateAPIKeyInput) (Outcome, error) {
		if err := c.fresh(ctx, r, in.Fresh); err != nil {
			return Outcome{}, err
		}
		key, secret, err := c.deps.APIKeys.Create(ctx, r.Caller, apikey.Input{Name: in.Name, Prefix: in.Prefix,
			Scopes: in.Scopes, ExpiresIn: in.ExpiresIn, ExpiresAt: in.ExpiresAt})
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewAPIKey{APIKey: c.apiKeyView(key), Secret: secret}), nil
	})
}

// ListAPIKeysInput is the input of list-api-keys.
type ListAPIKeysInput struct {
	Paging
}

func (c *Catalogue) listAPIKeys() *Definition {
	return define(Definition{
		Name:    "list-api-keys",
		Doc:     "Lists the user's live API keys, newest first, without their secrets.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysRead,
		Results: []Result{result[APIKeys]("ok", "One page of keys.")},
	}, func(ctx context.Context, r *Request, in *ListAPIKeysInput) (Outcome, error) {
		page, err := c.page("list-api-keys", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.APIKeys.List(ctx, apikey.Query{App: r.Caller.App, User: r.Caller.User,
			AfterTime: page.after.at, AfterID: auth.APIKeyID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(k auth.APIKey) place { return place{k.CreatedAt, string(k.ID)} })
		out := APIKeys{APIKeys: make([]APIKey, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.APIKeys[i] = c.apiKeyView(row)
		}
		return OK(out), nil
	})
}

// APIKeyInput names one API key.
type APIKeyInput struct {
	ID auth.APIKeyID `input:"id,required"`
}

func (c *Catalogue) getAPIKey() *Definition {
	return define(Definition{
		Name:    "get-api-key",
		Doc:     "One of the user's API keys, without its secret.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysRead,
		Results: []Result{result[APIKeyResult]("ok", "The key.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *APIKeyInput) (Outcome, error) {
		key, err := c.deps.APIKeys.Get(ctx, r.Caller.App, r.Caller.User, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		return OK(APIKeyResult{APIKey: c.apiKeyView(key)}), nil
	})
}

// RotateAPIKeyInput is the input of rotate-api-key.
type RotateAPIKeyInput struct {
	ID    auth.APIKeyID `input:"id,required"`
	Fresh bool          `input:"fresh"` // only within the step-up window
}

func (c *Catalogue) rotateAPIKey() *Definition {
	return define(Definition{
		Name: "rotate-api-key",
		Doc: "Gives a key a new secret; the old one works for one more hour. A key can rotate only keys whose scopes are among " +
			"its own. With `fresh` only within five minutes of a sign-in or a step-up.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[NewAPIKey]("ok", "The key with its new secret.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *RotateAPIKeyInput) (Outcome, error) {
		if err := c.fresh(ctx, r, in.Fresh); err != nil {
			return Outcome{}, err
		}
		key, secret, err := c.deps.APIKeys.Rotate(ctx, r.Caller, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewAPIKey{APIKey: c.apiKeyView(key), Secret: secret}), nil
	})
}

// RefreshAPIKeyInput is the input of refresh-api-key.
type RefreshAPIKeyInput struct {
	ID        auth.APIKeyID `input:"id,required"`
	ExpiresIn time.Duration `input:"expires_in"` // 0: as long as the key was made for
}

func (c *Catalogue) refreshAPIKey() *Definition {
	return define(Definition{
		Name: "refresh-api-key",
		Doc: "Lets a key live on under the same secret, for as long as it was made for, from now. A key that does not " +
			"expire stays as it is; one that has expired does not come back.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[APIKeyResult]("ok", "The key with its new expiry.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *RefreshAPIKeyInput) (Outcome, error) {
		key, err := c.deps.APIKeys.Refresh(ctx, r.Caller, in.ID, in.ExpiresIn)
		if err != nil {
			return Outcome{}, err
		}
		return OK(APIKeyResult{APIKey: c.apiKeyView(key)}), nil
	})
}

func (c *Catalogue) revokeAPIKey() *Definition {
	return define(Definition{
		Name:    "revoke-api-key",
		Doc:     "Ends a key at once, its secret before the last rotation included.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[Done]("ok", "The key is revoked.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *APIKeyInput) (Outcome, error) {
		return done(c.deps.APIKeys.Revoke(ctx, r.Caller, in.ID))
	})
}
