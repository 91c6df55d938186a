package session

import (
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Settings are the lifetimes of sessions and their tokens. A zero field means the default in its comment.
type Settings struct {
	AccessTTL    time.Duration // of an access token where neither client nor door says; 15 min
	RefreshTTL   time.Duration // idle lifetime where neither client nor door says; 30 days
	AbsoluteTTL  time.Duration // from sign-in, never extended (SE-04); 180 days
	Grace        time.Duration // in which a spent refresh token answers with its successor; 120 s
	StepUpWindow time.Duration // how long a full proof counts as fresh; 5 min
	CacheSize    int           // entries of each cache; 10,000
}

func (s Settings) withDefaults() Settings {
	s.AccessTTL = firstSet(s.AccessTTL, 15*time.Minute)
	s.RefreshTTL = firstSet(s.RefreshTTL, 30*24*time.Hour)
	s.AbsoluteTTL = firstSet(s.AbsoluteTTL, 180*24*time.Hour)
	s.Grace = firstSet(s.Grace, 2*time.Minute)
	s.StepUpWindow = firstSet(s.StepUpWindow, 5*time.Minute)
	if s.CacheSize == 0 {
		s.CacheSize = 10_000
	}
	return s
}

// firstSet is the first of the lifetimes that says something.
func firstSet(ttls ...time.Duration) time.Duration {
	for _, d := range ttls {
		if d > 0 {
			return d
		}
	}
	return 0
}

// Options are what a Service is made of. All fields but Settings, Queue, EndWaiting and Reused are needed.
type Options struct {
	DB     *store.DB
	Signer *signer.Signer
	Keys   *secret.Keys
	Audit  *audit.Log
	// Queue takes the jobs that tell clients of the end of what they were given; nil: nobody is told.
	Queue *queue.Queue
	// EndWaiting ends what a user has let clients have that they have not taken yet, in the Write that ends the user's
	// sessions: it would begin another. Nil: nobody lets clients in.
	EndWaiting func(tx *store.Tx, app auth.AppID, user auth.UserID) error
	// Reused tells the owner of a session, in the Write that ends it, that its refresh token was used twice; nil: nobody is
	// told.
	Reused   func(tx *store.Tx, c auth.Caller, ended auth.Session) error
	Clock    func() time.Time
	Rand     io.Reader
	Settings Settings
}

// Service starts, recognises and ends sessions. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	signer   *signer.Signer
	keys     *secret.Keys
	audit    *audit.Log
	queue    *queue.Queue
	waiting  func(tx *store.Tx, app auth.AppID, user auth.UserID) error
	reused   func(tx *store.Tx, c auth.Caller, ended auth.Session) error
	clock    func() time.Time
	rand     io.Reader
	settings Settings
	keyID    string // of the current master key, as refresh tokens name it

	claims  *signer.Verified[claim]
	cookies *store.Cache[auth.SessionID] // hex SHA-256 of the cookie -> session, believed only with the session's own hash
	live    *store.Cache[*liveSession]
	users   *store.Cache[*person]
	apps    *store.Cache[*auth.App]
	clients *store.Cache[*auth.Client]
	seen    store.Uses[auth.SessionID]
}

// New makes a Service.
func New(o Options) *Service {
	settings := o.Settings.withDefaults()
	if o.Reused == nil {
		o.Reused = func(*store.Tx, auth.Caller, auth.Session) error { return nil }
	}
	return &Service{
		db: o.DB, signer: o.Signer, keys: o.Keys, audit: o.Audit, queue: o.Queue, waiting: o.EndWaiting, reused: o.Reused, clock: o.Clock, rand: o.Rand,
		settings: settings,
		keyID:    o.Keys.Fingerprint()[:8],
		claims:   signer.NewVerified[claim](o.DB, settings.CacheSize),
		cookies:  store.NewCache[auth.SessionID](o.DB, store.KindSession, settings.CacheSize),
		live:     store.NewCache[*liveSession](o.DB, store.KindSession, settings.CacheSize),
		users:    store.NewCache[*person](o.DB, store.KindUser, settings.CacheSize),
		apps:     store.NewCache[*auth.App](o.DB, store.KindApp, 1000),
		clients:  store.NewCache[*auth.Client](o.DB, store.KindClient, 1000),
	}
}

// StepUpWindow is how long a full proof of the person counts as fresh.
func (s *Service) StepUpWindow() time.Duration { return s.settings.StepUpWindow }

// Fresh reports whether the caller proved who it is, in full, within the step-up window.
func (s *Service) Fresh(c auth.Caller) bool {
	return c.Person() && !c.AuthTime.IsZero() && s.clock().Sub(c.AuthTime) <= s.settings.StepUpWindow
}
