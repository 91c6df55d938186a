package session

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/signer"
)

// claim is what a verified access token says, as far as a request needs it. All else comes from rows.
type claim struct {
	app     auth.AppID
	session auth.SessionID
	user    auth.UserID
	account auth.AccountID
	expires int64 // unix seconds
}

func claimOf(c signer.AccessClaims) claim {
	return claim{app: auth.AppID(c.App), session: auth.SessionID(c.SessionID), user: auth.UserID(c.Subject),
		account: auth.AccountID(c.Account), expires: c.ExpiresAt}
}

type digest = [sha256.Size]byte

// claimCache remembers tokens whose signature was verified, by their hash: a hit needs neither a signature check
// nor any JSON. It is no cache of rows, so it is emptied when a signing key changes and never says that a session
// stands. It is split so that requests rarely wait for each other.
type claimCache struct {
	shards [claimShards]claimShard
}

const claimShards = 16

type claimShard struct {
	mu    sync.RWMutex
	max   int
	round int // raised by clear: what was verified before is not kept after
	known map[digest]claim
}

func newClaimCache(size int) *claimCache {
	c := &claimCache{}
	for i := range c.shards {
		c.shards[i].max = max(1, size/claimShards)
		c.shards[i].known = map[digest]claim{}
	}
	return c
}

func (c *claimCache) shard(d *digest) *claimShard { return &c.shards[d[0]%claimShards] }

// get answers the claim and the round to hand to put.
func (c *claimCache) get(d *digest, now time.Time) (found claim, round int, ok bool) {
	s := c.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok = s.known[*d]
	return found, s.round, ok && now.Unix() < found.expires
}

// put keeps a claim that was verified in the given round. A full shard loses its expired entries, or else some.
func (c *claimCache) put(d *digest, v claim, round int, now time.Time) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.round != round {
		return
	}
	if len(s.known) >= s.max {
		s.makeRoom(now)
	}
	s.known[*d] = v
}

// makeRoom looks at a few entries in the map's random order: expired ones go, and if there was none, the last
// one looked at.
func (s *claimShard) makeRoom(now time.Time) {
	looks, dropped := 0, false
	for d, v := range s.known {
		looks++
		expired := now.Unix() >= v.expires
		if expired || (looks >= 16 && !dropped) {
			delete(s.known, d)
			dropped = true
		}
		if looks >= 16 {
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

func (c *claimCache) clear() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.round++
		clear(s.known)
		s.mu.Unlock()
	}
}
