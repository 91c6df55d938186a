package store

import (
	"sync/atomic"
	"time"
)

// counters count since the start.
type counters struct {
	writes, commits, reruns, retries atomic.Uint64
	cacheHits, cacheMisses           atomic.Uint64
	sizes                            [len(groupBounds)]atomic.Uint64
}

// groupBounds are the upper bounds of Stats.GroupSizes.
var groupBounds = [...]int{1, 2, 4, 8, 16, 32, 64, maxGroup}

// Stats are counts since the database was opened.
type Stats struct {
	Writes  uint64 // Writes that committed or were rolled back in a transaction that committed
	Commits uint64 // transactions that committed; with SQLite, groups
	Reruns  uint64 // SQLite: groups that ran again without a member that broke the transaction
	Retries uint64 // PostgreSQL: Writes that ran again after a conflict or a lost connection
	// Waiting is how many SQLite Writes are queued now.
	Waiting int
	// GroupSizes counts SQLite's groups by size: how many had at most Bound members and more than the bound before.
	GroupSizes             []GroupSize
	CacheHits, CacheMisses uint64
	// Live says whether invalidations of other nodes arrive, so caches serve.
	Live bool
}

// GroupSize is one bar of the histogram of group sizes.
type GroupSize struct {
	Bound int
	Count uint64
}

func (c *counters) group(size int) {
	c.writes.Add(uint64(size))
	c.commits.Add(1)
	for i, bound := range groupBounds {
		if size <= bound {
			c.sizes[i].Add(1)
			return
		}
	}
}

// Stats tells what the database did so far.
func (db *DB) Stats() Stats {
	c := &db.stats
	s := Stats{Writes: c.writes.Load(), Commits: c.commits.Load(), Reruns: c.reruns.Load(), Retries: c.retries.Load(),
		CacheHits: c.cacheHits.Load(), CacheMisses: c.cacheMisses.Load(), Live: db.isLive()}
	for i, bound := range groupBounds {
		s.GroupSizes = append(s.GroupSizes, GroupSize{Bound: bound, Count: c.sizes[i].Load()})
	}
	if lite, ok := db.engine.(*sqliteEngine); ok {
		lite.writer.mu.Lock()
		s.Waiting = len(lite.writer.waiting)
		lite.writer.mu.Unlock()
	}
	return s
}

// now reads the clock of the database's transactions.
func (db *DB) now() time.Time {
	return db.options.Clock().Add(time.Duration(db.offset.Load()))
}
