package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ListAppsInput is the input of list-apps.
type ListAppsInput struct {
	Paging
}

func (c *Catalogue) listApps() *Definition {
	return define(Definition{
		Name: "list-apps",
		Doc: "Lists the apps, oldest first: all of them for an administrator of the app `default` and for the operator, " +
			"the own one for administrators of other apps.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Apps]("ok", "One page of apps.")},
	}, func(ctx context.Context, r *Request, in *ListAppsInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// AppInput names one app.
type AppInput struct {
	ID auth.AppID `input:"id,required"`
}

func (c *Catalogue) getApp() *Definition {
	return define(Definition{
		Name:    "get-app",
		Doc:     "One app. Administrators of apps other than `default` find only their own.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *AppInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// CreateAppInput is the input of create-app.
type CreateAppInput struct {
	Name string     `input:"name,required"`
	ID   auth.AppID `input:"id"` // lower-case letters, digits and hyphens; empty: made by the server
}

func (c *Catalogue) createApp() *Definition {
	return define(Definition{
		Name: "create-app",
		Doc: "Makes an app: a pool of users of its own, with a default client. Only the operator and administrators of " +
			"the app `default` may.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app.")},
		Errors:  []auth.Code{auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *CreateAppInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// ListAppKeysInput is the input of list-app-keys.
type ListAppKeysInput struct {
	Paging
	AppID auth.AppID `input:"app_id,required"`
}

func (c *Catalogue) listAppKeys() *Definition {
	return define(Definition{
		Name:    "list-app-keys",
		Doc:     "Lists the live keys of an app, newest first, without their secrets.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[AppKeys]("ok", "One page of app keys.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ListAppKeysInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// CreateAppKeyInput is the input of create-app-key. ExpiresIn and ExpiresAt exclude each other.
type CreateAppKeyInput struct {
	AppID     auth.AppID    `input:"app_id,required"`
	Name      string        `input:"name,required"`
	ExpiresIn time.Duration `input:"expires_in"`
	ExpiresAt time.Time     `input:"expires_at"`
}

func (c *Catalogue) createAppKey() *Definition {
	return define(Definition{
		Name: "create-app-key",
		Doc: "Makes a key that tells doors which app a request belongs to. It gives no user's rights. The secret is in " +
			"this answer and nowhere else.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[NewAppKey]("ok", "The key with its secret.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateAppKeyInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// AppKeyInput names one key of an app.
type AppKeyInput struct {
	AppID auth.AppID    `input:"app_id,required"`
	ID    auth.AppKeyID `input:"id,required"`
}

func (c *Catalogue) revokeAppKey() *Definition {
	return define(Definition{
		Name:    "revoke-app-key",
		Doc:     "Ends an app key at once.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The key is revoked.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *AppKeyInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}
