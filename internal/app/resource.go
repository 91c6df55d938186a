package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxResources   = 100 // of one app
	maxScopeText   = 200 // code points of what a scope lets a client do
	minResourceTTL = time.Minute
)

// ResourceInput is what a new protected resource is made from.
type ResourceInput struct {
	App      auth.AppID
	URI      string
	Name     string
	Scopes   map[string]string // with what each lets a client do
	Client   auth.ClientID     // that may introspect the tokens for it; empty: none
	TokenTTL time.Duration     // 0: what the client or the server says
	Document bool              // serve its metadata (RFC 9728)
}

// CreateResource registers a resource server that tokens can be made for. Errors: CodeInvalidRequest (uri, name, scopes,
// client_id, token_ttl), CodeForbidden, CodeNotFound, CodeConflict (the identifier is taken), CodeLimitReached, and those
// of Recheck.
func (s *Service) CreateResource(ctx context.Context, c auth.Caller, in ResourceInput) (auth.ProtectedResource, error) {
	uri, ok := resourceURI(in.URI)
	if !ok {
		return auth.ProtectedResource{}, auth.Invalid("uri", auth.ViolationInvalid,
			"A resource is named by an https URL without query and fragment, or by one of http on the own machine.")
	}
	made := auth.ProtectedResource{ID: auth.ResourceID(secret.NewID(s.rand, s.clock())), App: in.App, URI: uri, Name: in.Name, Scopes: in.Scopes,
		Client: in.Client, TokenTTL: in.TokenTTL, Document: in.Document}
	if err := checkResource(&made); err != nil {
		return auth.ProtectedResource{}, err
	}
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, in.App); err != nil {
			return err
		}
		// The app's row is held while the resources are counted, so that two calls decide one after the other.
		if _, err := tx.AppForUpdate(in.App); err != nil {
			return missing(err, "app")
		}
		list, err := tx.Resources(ResourceQuery{App: in.App, Limit: maxResources})
		if err != nil {
			return fmt.Errorf("count resources: %w", err)
		}
		if len(list) >= maxResources {
			return auth.E(auth.CodeLimitReached, fmt.Sprintf("An app has at most %d resources.", maxResources))
		}
		if err := introspector(tx, made); err != nil {
			return err
		}
		made.CreatedAt, made.UpdatedAt = tx.Now(), tx.Now()
		inserted, err := tx.InsertResource(made)
		if err != nil {
			return fmt.Errorf("insert resource: %w", err)
		}
		if !inserted {
			return auth.E(auth.CodeConflict, "There is a resource with this identifier already.")
		}
		return s.resourceChanged(tx, c, made, "resource.created")
	})
	if err != nil {
		return auth.ProtectedResource{}, err
	}
	return made, nil
}

func (s *Service) resourceChanged(tx *store.Tx, c auth.Caller, r auth.ProtectedResource, action string) error {
	tx.Invalidate(store.KindResource, r.URI)
	return s.audit.Record(tx, c, auth.Event{App: r.App, Action: action, Outcome: "ok", User: c.User, Session: c.Session, Target: string(r.ID)})
}

// ResourceQuery is a place in the list of an app's resources: zero values start at the oldest.
type ResourceQuery = store.ResourceQuery

// ListResources reads the protected resources of an app, oldest first. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ListResources(ctx context.Context, c auth.Caller, q ResourceQuery) (list []auth.ProtectedResource, err error) {
	if err := Manages(c, q.App); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := tx.App(q.App); err != nil {
			return missing(err, "app")
		}
		list, err = tx.Resources(q)
		return err
	})
	return list, err
}

// ShowResource reads one protected resource of an app that the caller may manage. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ShowResource(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ResourceID) (r auth.ProtectedResource, err error) {
	if err := Manages(c, app); err != nil {
		return r, err
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		r, err = tx.Resource(app, id)
		return err
	})
	if err != nil {
		err = missing(err, "resource")
	}
	return r, err
}

// ResourceChange is what to change of a resource; nil leaves it as it is. Its identifier stays.
type ResourceChange struct {
	Name     *string
	Scopes   func(map[string]string) map[string]string // nil: they stay
	Client   *auth.ClientID
	TokenTTL *time.Duration
	Document *bool
}

// UpdateResource changes a protected resource. Tokens that were made stay as they are. Errors are those of
// CreateResource but CodeConflict and CodeLimitReached.
func (s *Service) UpdateResource(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ResourceID, change ResourceChange) (auth.ProtectedResource, error) {
	return s.changeResource(ctx, c, app, id, "resource.updated", func(tx *store.Tx, r *auth.ProtectedResource) error {
		set(&r.Name, change.Name)
		if change.Scopes != nil {
			r.Scopes = change.Scopes(r.Scopes)
		}
		set(&r.Client, change.Client)
		set(&r.TokenTTL, change.TokenTTL)
		set(&r.Document, change.Document)
		if err := checkResource(r); err != nil {
			return err
		}
		if change.Client == nil {
			return nil
		}
		return introspector(tx, *r)
	})
}

// DeleteResource ends a protected resource: no token is made for it any more. Errors: CodeForbidden, CodeNotFound.
func (s *Service) DeleteResource(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ResourceID) error {
	_, err := s.changeResource(ctx, c, app, id, "resource.deleted", func(tx *store.Tx, r *auth.ProtectedResource) error {
		r.DeletedAt = tx.Now()
		return nil
	})
	return err
}

func (s *Service) changeResource(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ResourceID, action string,
	change func(*store.Tx, *auth.ProtectedResource) error) (r auth.ProtectedResource, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, app); err != nil {
			return err
		}
		if r, err = tx.ResourceForUpdate(app, id); err != nil {
			return missing(err, "resource")
		}
		if err := change(tx, &r); err != nil {
			return err
		}
		r.UpdatedAt = tx.Now()
		if _, err := tx.UpdateResource(r); err != nil {
			return fmt.Errorf("update resource: %w", err)
		}
		return s.resourceChanged(tx, c, r, action)
	})
	return r, err
}

// resourceURI is the identifier of a resource as it is stored and compared: without a slash at its end, which clients
// write or leave out (RFC 8707 section 2, MCP authorization).
func resourceURI(text string) (string, bool) {
	u, ok := address(text)
	if !ok || strings.Contains(text, "?") || u.Host != strings.ToLower(u.Host) {
		return "", false
	}
	return strings.TrimRight(text, "/"), true
}

// checkResource refuses what no resource may have and tidies its name.
func checkResource(r *auth.ProtectedResource) (err error) {
	if r.Name, err = checkName(r.Name); err != nil {
		return err
	}
	if r.TokenTTL != 0 && (r.TokenTTL < minResourceTTL || r.TokenTTL > maxAccessTTL) {
		return auth.Invalid("token_ttl", auth.ViolationInvalid, "An access token lives from a minute to a day.")
	}
	if len(r.Scopes) > maxScopes {
		return auth.Invalid("scopes", auth.ViolationTooMany, fmt.Sprintf("A resource has at most %d.", maxScopes))
	}
	for name, text := range r.Scopes {
		switch {
		case !auth.ValidScope(name):
			return auth.Invalid("scopes", auth.ViolationPattern, "A scope is a word of printable ASCII without quote and backslash.")
		case slices.Contains(auth.StandardScopes(), name):
			return auth.Invalid("scopes", auth.ViolationInvalid, "The scope "+name+" is one of every app and means what it means there.")
		case utf8.RuneCountInString(text) > maxScopeText:
			return auth.Invalid("scopes", auth.ViolationTooLong, fmt.Sprintf("What a scope is has at most %d characters.", maxScopeText))
		}
	}
	return nil
}

// introspector refuses a client that is not one of the app.
func introspector(tx *store.Tx, r auth.ProtectedResource) error {
	if r.Client == "" {
		return nil
	}
	found, err := tx.Client(r.App, r.Client)
	if err == nil && !found.DeletedAt.IsZero() {
		err = store.ErrNotFound
	}
	if err != nil {
		if auth.Is(missing(err, "client"), auth.CodeNotFound) {
			return auth.Invalid("client_id", auth.ViolationInvalid, "There is no such client in the app.")
		}
		return err
	}
	return nil
}
