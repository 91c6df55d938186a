package server

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
)

// measure publishes what the packages count by themselves. Each number is read at the moment of a scrape.
func (h *house) measure() {
	m := h.metrics
	m.Counter("password_hashes_total", "Password hashes computed.", func() float64 { return float64(h.pool.Evaluations()) })
	if breaches := h.login.Breaches; breaches != nil {
		m.Counter("breach_checks_failed_total", "New passwords that the service of known breaches did not tell of.",
			func() float64 { return float64(breaches.Failures()) })
	}
	m.Gauge("password_hashes_waiting", "Sign-ins that wait for a hashing worker.", func() float64 { return float64(h.pool.Waiting()) })
	m.Gauge("password_workers", "Hashing workers.", func() float64 { return float64(h.pool.Workers()) })
	m.Counter("database_writes_total", "Writes.", func() float64 { return float64(h.db.Stats().Writes) })
	m.Counter("database_commits_total", "Commits; one carries many writes.", func() float64 { return float64(h.db.Stats().Commits) })
	m.Counter("database_retries_total", "Writes repeated after a conflict.", func() float64 {
		s := h.db.Stats()
		return float64(s.Retries + s.Reruns)
	})
	m.Gauge("database_writes_waiting", "Writes that wait for the writer.", func() float64 { return float64(h.db.Stats().Waiting) })
	m.Counter("cache_hits_total", "Answers from caches of committed rows.", func() float64 { return float64(h.db.Stats().CacheHits) })
	m.Counter("cache_misses_total", "Reads that no cache could answer.", func() float64 { return float64(h.db.Stats().CacheMisses) })
	m.Gauge("cache_live", "1 while invalidations of other nodes are heard, so that caches serve.", func() float64 {
		if h.db.Stats().Live {
			return 1
		}
		return 0
	})
	m.Counter("challenges_passed_total", "Responses to challenges that were right.", func() float64 { return float64(h.challenges.Stats().Passed) })
	m.Counter("challenges_failed_total", "Responses to challenges that were missing or wrong.", func() float64 { return float64(h.challenges.Stats().Failed) })
	m.Counter("challenges_unavailable_total", "Requests refused because a challenge service did not answer.", func() float64 {
		return float64(h.challenges.Stats().Unavailable)
	})
	m.Gauge("challenge_services_down", "Apps whose challenge service did not answer when it was asked last.", func() float64 {
		return float64(h.challenges.Stats().Down)
	})
	m.Gauge("jobs_queued", "Jobs that wait, mails above all.", func() float64 { return h.jobs(store.JobQueued) })
	m.Gauge("jobs_dead", "Jobs that were given up.", func() float64 { return h.jobs(store.JobDead) })
}

// jobs counts jobs in a state; -1 while the database cannot be asked.
func (h *house) jobs(state store.JobState) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	total := 0.0
	err := h.db.Read(ctx, func(tx *store.Tx) error {
		total = 0
		counts, err := tx.JobCounts()
		for _, c := range counts {
			if c.State == state {
				total += float64(c.Count)
			}
		}
		return err
	})
	if err != nil {
		return -1
	}
	return total
}
