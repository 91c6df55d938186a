package operation

import (
	"context"
	"time"

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
}

func (c *Catalogue) createAPIKey() *Definition {
	return define(Definition{
		Name: "create-api-key",
		Doc: "Makes an API key of the user who asks. The secret is in this answer and nowhere else, for only its hash " +
			"is stored. A key can make only keys whose scopes are among its own.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[NewAPIKey]("ok", "The key with its secret.")},
		Errors:  []auth.Code{auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateAPIKeyInput) (Outcome, error) {
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
	})
}

func (c *Catalogue) rotateAPIKey() *Definition {
	return define(Definition{
		Name:    "rotate-api-key",
		Doc:     "Gives a key a new secret; the old one works for one more hour. A key can rotate only keys whose scopes are among its own.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[NewAPIKey]("ok", "The key with its new secret.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *APIKeyInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

func (c *Catalogue) revokeAPIKey() *Definition {
	return define(Definition{
		Name:    "revoke-api-key",
		Doc:     "Ends a key at once, its secret before the last rotation included.",
		Access:  SignedIn,
		Scope:   ScopeAPIKeysWrite,
		Results: []Result{result[APIKeyResult]("ok", "The key is revoked.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *APIKeyInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}
