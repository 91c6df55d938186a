package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/app"
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
		page, err := c.page("list-apps", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Apps.List(ctx, r.Caller, app.Query{AfterTime: page.after.at,
			AfterID: auth.AppID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(a auth.App) place { return place{a.CreatedAt, string(a.ID)} })
		out := Apps{Apps: make([]App, len(rows)), NextCursor: next}
		for i, row := range rows {
			if out.Apps[i], err = c.appView(ctx, row); err != nil {
				return Outcome{}, err
			}
		}
		return OK(out), nil
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
		row, err := c.deps.Apps.Show(ctx, r.Caller, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		view, err := c.appView(ctx, row)
		return OK(view), err
	})
}

// CreateAppInput is the input of create-app.
type CreateAppInput struct {
	Name string `input:"name,required"`
}

func (c *Catalogue) createApp() *Definition {
	return define(Definition{
		Name: "create-app",
		Doc: "Makes an app: a pool of users of its own, with a default client. Only the operator and administrators of " +
			"the app `default` may.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app.")},
	}, func(ctx context.Context, r *Request, in *CreateAppInput) (Outcome, error) {
		row, err := c.deps.Apps.Create(ctx, r.Caller, app.Input{Name: in.Name})
		if err != nil {
			return Outcome{}, err
		}
		view, err := c.appView(ctx, row)
		return OK(view), err
	})
}

func (c *Catalogue) disableApp() *Definition {
	return define(Definition{
		Name: "disable-app",
		Doc: "Closes an app at once: nobody signs in to it, and its sessions, API keys, app keys and OAuth clients are refused. " +
			"A session that comes to a refresh meanwhile ends for good. The app `default` cannot be disabled.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app is disabled.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *AppInput) (Outcome, error) {
		return c.setAppStatus(ctx, r, in.ID, auth.AppDisabled)
	})
}

func (c *Catalogue) enableApp() *Definition {
	return define(Definition{
		Name: "enable-app",
		Doc: "Opens an app again that is disabled. Its own administrators are shut out of it, so this is for the operator and " +
			"administrators of the app `default`.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app is active.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *AppInput) (Outcome, error) {
		return c.setAppStatus(ctx, r, in.ID, auth.AppActive)
	})
}

func (c *Catalogue) setAppStatus(ctx context.Context, r *Request, id auth.AppID, status auth.AppStatus) (Outcome, error) {
	row, err := c.deps.Apps.SetStatus(ctx, r.Caller, id, status)
	if err != nil {
		return Outcome{}, err
	}
	view, err := c.appView(ctx, row)
	return OK(view), err
}

// ListAppKeysInput is the input of list-app-keys.
type ListAppKeysInput struct {
	Paging
	AppID auth.AppID `input:"app_id,required"`
}

func (c *Catalogue) listAppKeys() *Definition {
	return define(Definition{
		Name:    "list-app-keys",
		Doc:     "Lists the live keys of an app, oldest first, without their secrets.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[AppKeys]("ok", "One page of app keys.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ListAppKeysInput) (Outcome, error) {
		page, err := c.page("list-app-keys/"+string(in.AppID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Apps.ListKeys(ctx, r.Caller, app.KeyQuery{App: in.AppID, AfterTime: page.after.at,
			AfterID: auth.AppKeyID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(k auth.AppKey) place { return place{k.CreatedAt, string(k.ID)} })
		out := AppKeys{AppKeys: make([]AppKey, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.AppKeys[i] = appKeyView(row)
		}
		return OK(out), nil
	})
}

// CreateAppKeyInput is the input of create-app-key. Without ExpiresIn the key does not expire.
type CreateAppKeyInput struct {
	AppID     auth.AppID    `input:"app_id,required"`
	Name      string        `input:"name,required"`
	ExpiresIn time.Duration `input:"expires_in"`
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
		key, secret, err := c.deps.Apps.CreateKey(ctx, r.Caller, app.KeyInput{App: in.AppID, Name: in.Name,
			ExpiresIn: in.ExpiresIn})
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewAppKey{AppKey: appKeyView(key), Secret: secret}), nil
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
		return done(c.deps.Apps.RevokeKey(ctx, r.Caller, in.AppID, in.ID))
	})
}
