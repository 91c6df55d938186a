package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Options are what a Service is made of. All fields but BadClaim are needed.
type Options struct {
	DB    *store.DB
	Audit *audit.Log
	Clock func() time.Time
	Rand  io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
	// SealChallenge makes the stored form of an app's secret at a challenge service: challenge.Verifier.Seal.
	SealChallenge func(app auth.AppID, plain string) ([]byte, error)
	// BadClaim says what is wrong with the expression of a custom claim of a client: oauth.BadClaim. nil: no client has any.
	BadClaim func(name, expression string) string
}

// Service makes and finds apps, clients and app keys. It is safe for concurrent use.
type Service struct {
	db      *store.DB
	audit   *audit.Log
	clock   func() time.Time
	rand    io.Reader
	recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
	seal    func(app auth.AppID, plain string) ([]byte, error)

	badClaim func(name, expression string) string

	apps     *store.Cache[*auth.App]
	clients  *store.Cache[*auth.Client]
	defaults *store.Cache[auth.ClientID] // app -> its default client
	origins  *store.Cache[[]string]      // app -> the origins of all its clients
	keyIDs   *store.Cache[auth.AppKeyID] // hex SHA-256 of a key -> key
	keys     *store.Cache[*liveKey]
	logos    *store.Cache[auth.Logo] // by app
	used     store.Uses[auth.AppKeyID]
}

const (
	cacheSize = 1000
	logoCache = 100
)

// New makes a Service.
func New(o Options) *Service {
	if o.BadClaim == nil {
		o.BadClaim = func(string, string) string { return "There are no custom claims here." }
	}
	return &Service{
		badClaim: o.BadClaim,
		db:       o.DB, audit: o.Audit, clock: o.Clock, rand: o.Rand, recheck: o.Recheck, seal: o.SealChallenge,
		apps:     store.NewCache[*auth.App](o.DB, store.KindApp, cacheSize),
		clients:  store.NewCache[*auth.Client](o.DB, store.KindClient, cacheSize),
		defaults: store.NewCache[auth.ClientID](o.DB, store.KindApp, cacheSize),
		origins:  store.NewCache[[]string](o.DB, store.KindApp, cacheSize),
		keyIDs:   store.NewCache[auth.AppKeyID](o.DB, store.KindAppKey, cacheSize),
		logos:    store.NewCache[auth.Logo](o.DB, store.KindApp, logoCache),
		keys:     store.NewCache[*liveKey](o.DB, store.KindAppKey, cacheSize),
	}
}

// Get reads an app from the cache of committed rows. Its maps are shared: do not change them. It asks for no
// caller: it is for the house itself; Show is for administrators. Error: CodeNotFound.
func (s *Service) Get(ctx context.Context, id auth.AppID) (auth.App, error) {
	a, err := s.apps.Get(ctx, string(id), func(tx *store.Tx) (*auth.App, error) {
		a, err := tx.App(id)
		return &a, err
	})
	if err != nil {
		return auth.App{}, missing(err, "app")
	}
	return *a, nil
}

// Client reads a client of the app from the cache. Error: CodeNotFound, also for a client of another app (TN-01).
func (s *Service) Client(ctx context.Context, app auth.AppID, id auth.ClientID) (auth.Client, error) {
	c, err := s.clients.Get(ctx, string(id), func(tx *store.Tx) (*auth.Client, error) {
		c, err := tx.Client(app, id)
		return &c, err
	})
	if err != nil {
		return auth.Client{}, missing(err, "client")
	}
	if c.App != app || !c.DeletedAt.IsZero() {
		return auth.Client{}, missing(store.ErrNotFound, "client")
	}
	return *c, nil
}

// ClientByID reads a client from the cache, for a request that names its app by nothing else. Error: CodeNotFound.
func (s *Service) ClientByID(ctx context.Context, id auth.ClientID) (auth.Client, error) {
	if !auth.IsText(string(id)) { // nobody's: it comes from requests as it is
		return auth.Client{}, missing(store.ErrNotFound, "client")
	}
	c, err := s.clients.Get(ctx, string(id), func(tx *store.Tx) (*auth.Client, error) {
		c, err := tx.ClientByID(id)
		return &c, err
	})
	if err != nil {
		return auth.Client{}, missing(err, "client")
	}
	if !c.DeletedAt.IsZero() {
		return auth.Client{}, missing(store.ErrNotFound, "client")
	}
	return *c, nil
}

// DefaultClient reads the client that the app has had from its start, from the cache. Error: CodeNotFound.
func (s *Service) DefaultClient(ctx context.Context, app auth.AppID) (auth.Client, error) {
	id, err := s.defaults.Get(ctx, string(app), func(tx *store.Tx) (auth.ClientID, error) {
		c, err := tx.DefaultClient(app)
		return c.ID, err
	})
	if err != nil {
		return auth.Client{}, missing(err, "client")
	}
	return s.Client(ctx, app, id)
}

// missing turns a row that is not there into CodeNotFound.
func missing(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such "+what+".")
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// Admit re-reads the caller inside a Write and refuses who may not manage the app: the operator may, an
// administrator of the app may, and an administrator of the default app may manage all. An app that the caller may
// not manage does not exist for it: CodeNotFound. Who is no administrator gets CodeForbidden.
func (s *Service) Admit(tx *store.Tx, c auth.Caller, app auth.AppID) error {
	if c.Kind == auth.CallerSystem {
		return nil
	}
	user, err := s.recheck(tx, c)
	if err != nil {
		return err
	}
	c.Role = user.Role
	return Manages(c, app)
}

// Manages is Admit for reads, by what the caller's credential says. Errors: CodeForbidden, CodeNotFound.
func Manages(c auth.Caller, app auth.AppID) error {
	switch {
	case !c.Admin():
		return auth.E(auth.CodeForbidden, "")
	case !everyApp(c) && c.App != app:
		return auth.E(auth.CodeNotFound, "There is no such app.")
	}
	return nil
}

// everyApp reports whether an administrator's word goes beyond the own app.
func everyApp(c auth.Caller) bool { return c.Kind == auth.CallerSystem || c.App == auth.DefaultApp }
