package signer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// DefaultOverlap is how long a key stays published after it signed last: the longest access token that a
	// document may ask for, a day, and an hour for those who cache the JWKS.
	DefaultOverlap = 25 * time.Hour
	// DefaultPeriod is how long a key signs before the next one takes over by itself.
	DefaultPeriod = 90 * 24 * time.Hour

	refreshEvery = time.Minute // a set older than this is read again, should a notification have been lost
	retryEvery   = time.Second // the least time between two reads that unknown keys or failures cause
)

// Options are what a Signer needs. Zero durations mean the defaults above.
type Options struct {
	DB      *store.DB
	Keys    *secret.Keys
	Clock   func() time.Time
	Rand    io.Reader
	Issuer  string        // the `iss` of every token: the public URL
	Overlap time.Duration // at least the longest access token lifetime plus what caches of the JWKS may hold it
	Period  time.Duration
}

// Signer signs and verifies access tokens with the keys of the database. Safe for concurrent use.
type Signer struct {
	o       Options
	set     atomic.Pointer[keySet]
	wanted  atomic.Uint64 // raised by every invalidation; the set that read the rows after it carries the number
	loading sync.Mutex
	tried   time.Time // when the rows were last read, guarded by loading
	failure error     // of that read, guarded by loading
	stop    func()
}

// New makes a Signer; Start must come before its first use.
func New(o Options) *Signer {
	o.Overlap, o.Period = cmp.Or(o.Overlap, DefaultOverlap), cmp.Or(o.Period, DefaultPeriod)
	s := &Signer{o: o, stop: func() {}}
	s.set.Store(&keySet{})
	return s
}

// Start makes the first keys if there are none, on exactly one of several nodes that start at once, and loads them.
// Of a database that cannot be written it still loads the keys that are there.
func (s *Signer) Start(ctx context.Context) error {
	s.stop = s.o.DB.Watch(func(i store.Invalidation) {
		if i.Kind == store.KindSigningKey || i.Kind == store.KindAll {
			s.wanted.Add(1)
		}
	})
	tended := s.Tend(ctx)
	if err := s.reload(ctx); err != nil {
		return errors.Join(tended, err)
	}
	if s.set.Load().signing(auth.AlgorithmES256, s.o.Clock()) == nil {
		return fmt.Errorf("there is no signing key: %w", tended)
	}
	return nil
}

// Stop ends the listening for changes.
func (s *Signer) Stop() { s.stop() }

// current is the key set, read again first if it may be out of date. While somebody else reads, or the database does
// not answer, the set at hand serves on: tokens must verify while the disk is full or the database away.
func (s *Signer) current(ctx context.Context) *keySet {
	set := s.set.Load()
	if s.settled(set) || !s.loading.TryLock() {
		return set
	}
	defer s.loading.Unlock()
	if now := s.o.Clock(); !s.settled(s.set.Load()) && (s.failure == nil || s.rested(now)) {
		_ = s.load(ctx, now) // a later call tries again
	}
	return s.set.Load()
}

// settled reports whether no change is known that the set has not seen, and the set is young.
func (s *Signer) settled(set *keySet) bool {
	age := s.o.Clock().Sub(set.loadedAt)
	return set.seen == s.wanted.Load() && age < refreshEvery && age > -refreshEvery
}

// rested reports whether enough time has passed since the last read. The caller holds loading.
func (s *Signer) rested(now time.Time) bool {
	since := now.Sub(s.tried)
	return since >= retryEvery || since < 0
}

// find looks for a key by id and reads the rows again, at most once a second, when it is not among those at hand:
// another node may have made it a moment ago. nil without an error means that there is no such key: a key that could
// not be looked up is no reason to tell a client that its token is bad.
func (s *Signer) find(ctx context.Context, id string) (*key, error) {
	if k := s.current(ctx).byID[id]; k != nil {
		return k, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if k := s.set.Load().byID[id]; k != nil {
		return k, nil
	}
	now := s.o.Clock()
	if !s.rested(now) {
		return nil, s.failure
	}
	if err := s.load(ctx, now); err != nil {
		return nil, err
	}
	return s.set.Load().byID[id], nil
}

// reload reads the rows now.
func (s *Signer) reload(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(ctx, s.o.Clock())
}

// load replaces the set. The caller holds loading.
func (s *Signer) load(ctx context.Context, now time.Time) error {
	s.tried = now
	set, err := s.read(ctx, now)
	if s.failure = err; err == nil {
		s.set.Store(set)
	}
	return err
}

func (s *Signer) read(ctx context.Context, now time.Time) (*keySet, error) {
	seen := s.wanted.Load() // before the snapshot: a change during the read is seen by the next one
	var rows []auth.SigningKey
	err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	set := &keySet{seen: seen, loadedAt: now, byID: make(map[string]*key, len(rows))}
	for _, row := range rows {
		k, err := s.openKey(row)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		set.keys = append(set.keys, k)
		set.byID[string(row.ID)] = k
	}
	return set, nil
}

// JWKS is the document of the public keys (RFC 7517 section 5): those that sign, that will sign next, and that have
// signed within the overlap. The result is the caller's own.
func (s *Signer) JWKS() []byte {
	// The document must come even to callers without a context of their own; the store has a deadline.
	return s.current(context.Background()).document(s.o.Clock(), s.o.Overlap)
}

// keySet is what the rows say at one moment. It never changes.
type keySet struct {
	keys     []*key // by the time at which they begin to sign
	byID     map[string]*key
	seen     uint64
	loadedAt time.Time
}

// signing is the key that signs at now: of those whose time has come the latest. If the node's clock is behind the
// database's, the earliest one serves ahead of its time.
func (ks *keySet) signing(algorithm string, now time.Time) *key {
	var best *key
	for _, k := range ks.keys {
		if k.row.Algorithm != algorithm || k.sign == nil || k.retired(now) {
			continue
		}
		if best == nil || !k.row.ActivatesAt.After(now) {
			best = k
		}
	}
	return best
}

// document writes the JWKS.
func (ks *keySet) document(now time.Time, overlap time.Duration) []byte {
	out := []byte(`{"keys":[`)
	first := true
	for _, k := range ks.keys {
		if !k.published(now, overlap) {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		out, first = append(out, k.row.PublicJWK...), false
	}
	return append(out, ']', '}')
}
