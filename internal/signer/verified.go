package signer

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
)

// Digest is the SHA-256 of a token.
type Digest = [sha256.Size]byte

// Verified remembers what tokens said whose signature was verified, by their hash: a hit needs neither a signature check
// nor any JSON. It is no cache of rows, so it is emptied when a signing key changes and never says that a session
// stands. It is split so that requests rarely wait for each other, and holds about as many tokens as it was made for.
type Verified[V any] struct {
	shards [verifiedShards]verifiedShard[V]
}

const (
	verifiedShards = 16
	verifiedLooks  = 16
)

type verifiedShard[V any] struct {
	mu    sync.RWMutex
	max   int
	round int // raised by clear: what was verified before is not kept after
	known map[Digest]verifiedToken[V]
}

type verifiedToken[V any] struct {
	said    V
	expires int64 // unix seconds
}

// NewVerified makes a memory of about size tokens that is emptied whenever a signing key of db changes, or may have
// without our hearing of it.
func NewVerified[V any](db *store.DB, size int) *Verified[V] {
	v := &Verified[V]{}
	for i := range v.shards {
		v.shards[i].max = max(1, size/verifiedShards)
		v.shards[i].known = map[Digest]verifiedToken[V]{}
	}
	db.Watch(func(i store.Invalidation) {
		if i.Kind == store.KindSigningKey || i.Kind == store.KindAll {
			v.clear()
		}
	})
	return v
}

func (v *Verified[V]) shard(d *Digest) *verifiedShard[V] { return &v.shards[d[0]%verifiedShards] }

// Get answers what a token said that has not expired, and the round to hand to Put.
func (v *Verified[V]) Get(d *Digest, now time.Time) (said V, round int, ok bool) {
	s := v.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := s.known[*d]
	return found.said, s.round, ok && now.Unix() < found.expires
}

// Put keeps what a token says that was verified in the given round and expires at a time in unix seconds. A full shard
// loses its expired entries, or else some.
func (v *Verified[V]) Put(d *Digest, said V, expires int64, round int, now time.Time) {
	s := v.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.round != round {
		return
	}
	if len(s.known) >= s.max {
		s.makeRoom(now)
	}
	s.known[*d] = verifiedToken[V]{said, expires}
}

// makeRoom looks at a few entries in the map's random order: expired ones go, and if there was none, the last
// one looked at.
func (s *verifiedShard[V]) makeRoom(now time.Time) {
	looks, dropped := 0, false
	for d, t := range s.known {
		looks++
		expired := now.Unix() >= t.expires
		if expired || (looks >= verifiedLooks && !dropped) {
			delete(s.known, d)
			dropped = true
		}
		if looks >= verifiedLooks {
			return
		}
	}
	if dropped {
		return
	}
	for d := range s.known {
		delete(s.known, d)
		return
	}
}

func (v *Verified[V]) clear() {
	for i := range v.shards {
		s := &v.shards[i]
		s.mu.Lock()
		s.round++
		clear(s.known)
		s.mu.Unlock()
	}
}
