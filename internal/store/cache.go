package store

import (
	"context"
	"hash/maphash"
	"sync"
)

// Cache holds values made from committed rows, by the id that Tx.Invalidate names. It serves nothing that this
// node's own Writes have invalidated, nothing that another node invalidated more than a second ago, and nothing at
// all while the node does not hear of invalidations.
type Cache[V any] struct {
	db     *DB
	seed   maphash.Seed
	shards [cacheShards]cacheShard[V]
}

const (
	cacheShards = 16
	maxLooks    = 8
)

type cacheShard[V any] struct {
	mu      sync.Mutex
	max     int
	entries map[string]*cacheEntry[V]
	loads   map[string]*cacheLoad
}

type cacheEntry[V any] struct {
	value V
	used  bool // since the last look for something to evict
}

// cacheLoad is shared by all lookups of a key that began since its last invalidation.
type cacheLoad struct {
	count int
	stale bool // invalidated since: what they found must not be kept
}

// NewCache makes a cache that the invalidations of kind empty. It holds about size values.
func NewCache[V any](db *DB, kind Kind, size int) *Cache[V] {
	c := &Cache[V]{db: db, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].max = max(1, size/cacheShards)
		c.shards[i].entries = map[string]*cacheEntry[V]{}
		c.shards[i].loads = map[string]*cacheLoad{}
	}
	db.subscribe(kind, c)
	return c
}

// Get returns the value of id, from load in a Read of its own if the cache has none. Errors of load are returned
// and not kept. Values are shared: callers must not change what they point to.
func (c *Cache[V]) Get(ctx context.Context, id string, load func(*Tx) (V, error)) (V, error) {
	if c.db.isLive() {
		if entry, ok := c.shard(id).get(id); ok {
			c.db.stats.cacheHits.Add(1)
			return entry.value, nil
		}
	}
	return c.miss(ctx, id, load)
}

// miss reads the value, and keeps it if the node hears of invalidations and none came meanwhile. It stands apart from
// Get so that a hit allocates nothing.
func (c *Cache[V]) miss(ctx context.Context, id string, load func(*Tx) (V, error)) (value V, err error) {
	read := func(tx *Tx) (err error) {
		value, err = load(tx)
		return err
	}
	if !c.db.isLive() {
		err = c.db.Read(ctx, read)
		return value, err
	}
	c.db.stats.cacheMisses.Add(1)
	s := c.shard(id)
	// The load is on the list before its snapshot is taken, so an invalidation of any later commit finds it.
	l := s.begin(id)
	kept := false
	defer func() { s.end(id, l, kept, value) }()
	err = c.db.Read(ctx, read)
	kept = err == nil
	return value, err
}

// Drop takes id out of this node's cache. Invalidations do that by themselves.
func (c *Cache[V]) Drop(id string) { c.drop(id) }

func (c *Cache[V]) shard(id string) *cacheShard[V] {
	return &c.shards[maphash.String(c.seed, id)%cacheShards]
}

func (c *Cache[V]) drop(id string) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, id)
	if l := s.loads[id]; l != nil {
		l.stale = true
		delete(s.loads, id)
	}
}

func (c *Cache[V]) dropAll() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.entries)
		for _, l := range s.loads {
			l.stale = true
		}
		clear(s.loads)
		s.mu.Unlock()
	}
}

func (s *cacheShard[V]) get(id string) (*cacheEntry[V], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.entries[id]
	if ok {
		entry.used = true
	}
	return entry, ok
}

func (s *cacheShard[V]) begin(id string) *cacheLoad {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.loads[id]
	if l == nil {
		l = &cacheLoad{}
		s.loads[id] = l
	}
	l.count++
	return l
}

func (s *cacheShard[V]) end(id string, l *cacheLoad, keep bool, value V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.count--
	if l.stale {
		return
	}
	if l.count == 0 {
		delete(s.loads, id)
	}
	if keep {
		s.makeRoom(id)
		s.entries[id] = &cacheEntry[V]{value: value}
	}
}

// makeRoom evicts an entry that nobody asked for lately: maps are walked in random order, so the first unused one
// is a fair choice, and maxLooks bounds the time. A shard smaller than that may grow one past its bound.
func (s *cacheShard[V]) makeRoom(id string) {
	if _, ok := s.entries[id]; ok || len(s.entries) < s.max {
		return
	}
	looks := 0
	for victim, entry := range s.entries {
		looks++
		if looks == maxLooks || !entry.used {
			delete(s.entries, victim)
			return
		}
		entry.used = false
	}
}
