package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Settings are what an operator may choose. The zero value of each field means the default in its comment.
type Settings struct {
	AccessTTL time.Duration // of an access token where neither resource nor client says; 15 min (TK-07)
	IDTTL     time.Duration // of an ID token; 1 h
	DeviceTTL time.Duration // in which a device may be let in; 10 min
	// NonceOff takes DPoP proofs without a nonce of ours (RFC 9449 section 8).
	NonceOff bool
	// Registration lets clients register themselves with an initial token (RFC 7591).
	Registration bool
}

func (s Settings) withDefaults() Settings {
	if s.AccessTTL == 0 {
		s.AccessTTL = 15 * time.Minute
	}
	if s.IDTTL == 0 {
		s.IDTTL = time.Hour
	}
	if s.DeviceTTL == 0 {
		s.DeviceTTL = 10 * time.Minute
	}
	return s
}

// Options are what a Service is made of. All fields but Settings and Logger are needed.
type Options struct {
	DB       *store.DB
	Apps     *app.Service
	APIKeys  *apikey.Service
	Sessions *session.Service
	Signer   *signer.Signer
	Keys     *secret.Keys
	Proofs   *proof.Ledger
	Limits   *limit.Limits
	Audit    *audit.Log
	Outbound *outbound.Client
	Clock    func() time.Time
	Rand     io.Reader
	// Issuer is the public URL, without a slash at the end (MD-01).
	Issuer   string
	Settings Settings
	// Logger is told of custom claims that fail; nil: nobody is.
	Logger *slog.Logger
}

// Service is the authorization server. It is safe for concurrent use.
type Service struct {
	o         Options
	resources *store.Cache[auth.ProtectedResource] // by identifier
	secrets   *store.Cache[[]auth.ClientSecret]    // by client
	remote    *documents
	mappings  *mappings
	log       *slog.Logger
	verified  *signer.Verified[signedToken]
	revoked   *store.Cache[bool]      // by jti: whether the access token was revoked by itself
	metadata  *store.Cache[*Document] // of the default app: what it allows is advertised
	published *store.Cache[*Document] // metadata of resources, by identifier
}

// New makes a Service.
func New(o Options) *Service {
	o.Settings = o.Settings.withDefaults()
	s := &Service{o: o, log: o.Logger, mappings: newMappings(),
		resources: store.NewCache[auth.ProtectedResource](o.DB, store.KindResource, 1000),
		secrets:   store.NewCache[[]auth.ClientSecret](o.DB, store.KindClient, 1000),
		verified:  signer.NewVerified[signedToken](o.DB, knownTokens),
		revoked:   store.NewCache[bool](o.DB, store.KindToken, knownTokens),
		metadata:  store.NewCache[*Document](o.DB, store.KindApp, 1),
		published: store.NewCache[*Document](o.DB, store.KindResource, 1000),
	}
	s.remote = newDocuments(o.Outbound, o.Clock)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Issuer is the identifier of the authorization server, the same everywhere.
func (s *Service) Issuer() string { return s.o.Issuer }

// resource finds a protected resource by its identifier, from the cache. ok is false if there is none in the app.
func (s *Service) resource(ctx context.Context, app auth.AppID, uri string) (r auth.ProtectedResource, ok bool, err error) {
	r, ok, err = s.anyResource(ctx, uri)
	return r, ok && r.App == app, err
}

// anyResource is resource for all apps: an identifier is registered once.
func (s *Service) anyResource(ctx context.Context, uri string) (r auth.ProtectedResource, ok bool, err error) {
	r, err = s.resources.Get(ctx, uri, func(tx *store.Tx) (auth.ProtectedResource, error) { return tx.ResourceByURI(uri) })
	if errors.Is(err, store.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read a resource: %w", err)
	}
	return r, true, nil
}
