package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
)

// Resource is a protected resource: a resource server that tokens can be made for.
type Resource struct {
	ID        auth.ResourceID   `json:"id"`
	App       auth.AppID        `json:"app_id"`
	URI       string            `json:"uri"`
	Name      string            `json:"name"`
	Scopes    map[string]string `json:"scopes"`
	Client    auth.ClientID     `json:"client_id,omitempty"` // that may introspect the tokens for it
	TokenTTL  time.Duration     `json:"token_ttl,omitempty"`
	Document  bool              `json:"metadata_document"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// Resources is one page of the protected resources of an app, oldest first.
type Resources struct {
	Resources  []Resource `json:"resources"`
	NextCursor string     `json:"next_cursor,omitempty"`
}

func resourceView(r auth.ProtectedResource) Resource {
	out := Resource{ID: r.ID, App: r.App, URI: r.URI, Name: r.Name, Scopes: r.Scopes, Client: r.Client, TokenTTL: r.TokenTTL, Document: r.Document,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	if out.Scopes == nil {
		out.Scopes = map[string]string{}
	}
	return out
}

func resourceOutcome(r auth.ProtectedResource, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(resourceView(r)), nil
}

// ListResourcesInput is the input of list-resources.
type ListResourcesInput struct {
	Paging
	AppID auth.AppID `input:"app_id,required"`
}

func (c *Catalogue) listResources() *Definition {
	return define(Definition{
		Name:    "list-resources",
		Doc:     "Lists the protected resources of an app, oldest first.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Resources]("ok", "One page of resources.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ListResourcesInput) (Outcome, error) {
		page, err := c.page("list-resources/"+string(in.AppID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Apps.ListResources(ctx, r.Caller, app.ResourceQuery{App: in.AppID, AfterTime: page.after.at,
			AfterID: auth.ResourceID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(row auth.ProtectedResource) place { return place{row.CreatedAt, string(row.ID)} })
		out := Resources{Resources: make([]Resource, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Resources[i] = resourceView(row)
		}
		return OK(out), nil
	})
}

// ResourceInput names one protected resource of an app.
type ResourceInput struct {
	AppID auth.AppID      `input:"app_id,required"`
	ID    auth.ResourceID `input:"id,required"`
}

func (c *Catalogue) getResource() *Definition {
	return define(Definition{
		Name:    "get-resource",
		Doc:     "One protected resource of an app.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Resource]("ok", "The resource.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ResourceInput) (Outcome, error) {
		return resourceOutcome(c.deps.Apps.ShowResource(ctx, r.Caller, in.AppID, in.ID))
	})
}

// ResourceChange is what may be set of a resource; null clears.
type ResourceChange struct {
	Scopes   Optional[map[string]any] `input:"scopes"` // merged; a null member takes it away
	Client   Optional[auth.ClientID]  `input:"introspecting_client_id"`
	TokenTTL Optional[time.Duration]  `input:"token_ttl"`
	Document Optional[bool]           `input:"metadata_document"`
}

// CreateResourceInput is the input of create-resource.
type CreateResourceInput struct {
	AppID auth.AppID `input:"app_id,required"`
	URI   string     `input:"uri,required"`
	Name  string     `input:"name,required"`
	ResourceChange
}

func (c *Catalogue) createResource() *Definition {
	return define(Definition{
		Name: "create-resource",
		Doc: "Registers a resource server that tokens can be made for (RFC 8707). `uri` is how clients name it; a slash at its " +
			"end makes no difference. `scopes` tell, by name, what each lets a client do, in words for people. `client_id` may " +
			"introspect the tokens for it. `metadata_document` serves its metadata (RFC 9728).",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Resource]("ok", "The resource.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateResourceInput) (Outcome, error) {
		scopes, err := textChanges("scopes", in.Scopes)
		if err != nil {
			return Outcome{}, err
		}
		return resourceOutcome(c.deps.Apps.CreateResource(ctx, r.Caller, app.ResourceInput{App: in.AppID, URI: in.URI, Name: in.Name,
			Scopes: scopes(nil), Client: in.Client.Value, TokenTTL: in.TokenTTL.Value, Document: in.Document.Value}))
	})
}

// UpdateResourceInput is the input of update-resource.
type UpdateResourceInput struct {
	ResourceInput
	Name Optional[string] `input:"name"`
	ResourceChange
}

func (c *Catalogue) updateResource() *Definition {
	return define(Definition{
		Name:    "update-resource",
		Doc:     "Changes a protected resource (JSON Merge Patch). Its identifier stays; tokens that were made stay as they are.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Resource]("ok", "The resource as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UpdateResourceInput) (Outcome, error) {
		scopes, err := textChanges("scopes", in.Scopes)
		if err != nil {
			return Outcome{}, err
		}
		return resourceOutcome(c.deps.Apps.UpdateResource(ctx, r.Caller, in.AppID, in.ID, app.ResourceChange{Name: changed(in.Name), Scopes: scopes,
			Client: changed(in.Client), TokenTTL: changed(in.TokenTTL), Document: changed(in.Document)}))
	})
}

func (c *Catalogue) deleteResource() *Definition {
	return define(Definition{
		Name:    "delete-resource",
		Doc:     "Ends a protected resource: no token is made for it any more.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The resource is gone.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ResourceInput) (Outcome, error) {
		return done(c.deps.Apps.DeleteResource(ctx, r.Caller, in.AppID, in.ID))
	})
}
