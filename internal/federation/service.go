package federation

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Options make a Service. All fields are needed.
type Options struct {
	DB       *store.DB
	Keys     *secret.Keys
	Audit    *audit.Log
	Outbound *outbound.Client
	Clock    func() time.Time
	Rand     io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
}

// Service manages providers and identities. It is safe for concurrent use.
type Service struct {
	o         Options
	documents *outbound.Documents
}

// New makes a service. Make one and keep it: it holds what providers publish about themselves.
func New(o Options) *Service {
	return &Service{o: o, documents: outbound.NewDocuments(o.Outbound, o.Clock, published())}
}

// administrator re-reads the caller and refuses who is none.
func (s *Service) administrator(tx *store.Tx, c auth.Caller) error {
	if c.Kind == auth.CallerSystem {
		return nil
	}
	u, err := s.o.Recheck(tx, c)
	if err != nil {
		return err
	}
	if c.Role = u.Role; !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators may do this.")
	}
	return nil
}

func (s *Service) record(tx *store.Tx, c auth.Caller, e auth.Event) error {
	e.Outcome, e.Session = "ok", c.Session
	if e.User == "" {
		e.User = c.User
	}
	if err := s.o.Audit.Record(tx, c, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

// Active reads a provider that people may use at present. Code: not-found (there is none, or it is disabled).
func Active(tx *store.Tx, app auth.AppID, name string) (auth.Provider, error) {
	p, err := tx.ProviderByName(app, name)
	if err != nil {
		return auth.Provider{}, missing(err, "provider")
	}
	if p.Status != auth.ProviderActive {
		return auth.Provider{}, missing(store.ErrNotFound, "provider")
	}
	return p, nil
}

// Confirm reads the provider of a person again, and holds it, in the transaction that signs in or links by it: what was
// switched off since the person left must not act any more (FD-06). Codes: not-found (it is gone or disabled), forbidden
// (it is not for the use).
func Confirm(tx *store.Tx, app auth.AppID, up auth.Upstream, use auth.ProviderUse) (auth.Provider, error) {
	p, err := tx.ProviderForUpdate(app, up.Provider)
	switch {
	case err != nil:
		return auth.Provider{}, missing(err, "provider")
	case p.Status != auth.ProviderActive:
		return auth.Provider{}, missing(store.ErrNotFound, "provider")
	case !Allows(p, use):
		return auth.Provider{}, auth.E(auth.CodeForbidden, "The provider cannot be used for this.")
	}
	return p, nil
}

// Allows reports whether a provider is for the use: one for sign-up signs in and links as well.
func Allows(p auth.Provider, use auth.ProviderUse) bool {
	width := map[auth.ProviderUse]int{auth.UseLink: 1, auth.UseSignIn: 2, auth.UseSignUp: 3, "": 3}
	return width[use] > 0 && width[use] <= width[p.Settings.Use]
}

// Offered lists the providers of an app that people may sign in with at present, by name: those that pages show.
func Offered(tx *store.Tx, app auth.AppID) ([]auth.Provider, error) {
	all, err := tx.Providers(app)
	var out []auth.Provider
	for _, p := range all {
		if p.Status == auth.ProviderActive && Allows(p, auth.UseSignIn) {
			out = append(out, p)
		}
	}
	return out, err
}

// missing turns a row that is not there into CodeNotFound.
func missing(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such "+what+".")
	}
	return fmt.Errorf("read %s: %w", what, err)
}
