package apikey

import (
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// DefaultPrefix stands before keys whose door names no prefix of its own.
	DefaultPrefix = "ost_"
	// ScopeWrite is what a key needs to make, rotate or revoke keys.
	ScopeWrite = "api-keys:write"
	// ScopeAdmin opens administrators' operations to a key of an administrator.
	ScopeAdmin = "admin"
	// RotationOverlap is how long the secret before a rotation goes on working.
	RotationOverlap = time.Hour
	// MinLifetime and MaxLifetime bound a key that expires.
	MinLifetime = time.Minute
	MaxLifetime = 10 * 365 * 24 * time.Hour

	defaultMax = 100
)

// Options are what a Service is made of. All fields but Max and CacheSize are needed.
type Options struct {
	DB    *store.DB
	Audit *audit.Log
	Clock func() time.Time
	Rand  io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck   func(tx *store.Tx, c auth.Caller) (auth.User, error)
	Max       int // live keys of one user; 0: 100
	CacheSize int // entries; 0: 10,000
}

// Service makes, recognises and revokes API keys. It is safe for concurrent use.
type Service struct {
	db      *store.DB
	audit   *audit.Log
	clock   func() time.Time
	rand    io.Reader
	recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
	max     int

	ids   *store.Cache[auth.APIKeyID] // hex SHA-256 of a secret -> key, believed only with the key's own hashes
	keys  *store.Cache[*liveKey]
	users *store.Cache[*person]
	apps  *store.Cache[auth.AppStatus]
	used  store.Uses[auth.APIKeyID]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Max == 0 {
		o.Max = defaultMax
	}
	if o.CacheSize == 0 {
		o.CacheSize = 10_000
	}
	return &Service{
		db: o.DB, audit: o.Audit, clock: o.Clock, rand: o.Rand, recheck: o.Recheck, max: o.Max,
		ids:   store.NewCache[auth.APIKeyID](o.DB, store.KindAPIKey, o.CacheSize),
		keys:  store.NewCache[*liveKey](o.DB, store.KindAPIKey, o.CacheSize),
		users: store.NewCache[*person](o.DB, store.KindUser, o.CacheSize),
		apps:  store.NewCache[auth.AppStatus](o.DB, store.KindApp, 1000),
	}
}
