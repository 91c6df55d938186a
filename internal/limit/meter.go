package limit

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/throttled/throttled/v2"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	shards = 64
	// subjects is how many subjects a request limiter remembers (RL-11): about 8 MB at the most.
	subjects = 64 * 1024
	// lookedAt is how many subjects are compared when one must be forgotten.
	lookedAt = 8
)

// meter is one request limiter: the algorithm is throttled's, the memory is ours.
type meter struct {
	gcra  *throttled.GCRARateLimiterCtx
	clock func() time.Time
}

// newMeter allows bursts of most, refilled evenly over per.
func newMeter(most int, per time.Duration, clock func() time.Time) *meter {
	gcra, err := throttled.NewGCRARateLimiterCtx(newMemory(clock, subjects/shards),
		throttled.RateQuota{MaxRate: throttled.PerDuration(most, per), MaxBurst: most - 1})
	if err != nil {
		panic(fmt.Errorf("a limiter of %d in %s: %w", most, per, err)) // the catalogue and ParseSetting exclude it
	}
	// A lost compare-and-swap means that another request of the subject was counted, so somebody always gets on.
	gcra.SetMaxCASAttemptsLimit(1 << 20)
	return &meter{gcra: gcra, clock: clock}
}

func (m *meter) count(subject string) (auth.LimitState, bool, error) {
	limited, r, err := m.gcra.RateLimitCtx(context.Background(), subject, 1)
	if err != nil {
		return auth.LimitState{}, false, err
	}
	state := auth.LimitState{Max: r.Limit, Remaining: r.Remaining, Reset: m.clock().Add(r.ResetAfter)}
	if limited {
		state.RetryAfter = max(r.RetryAfter, 1)
	}
	return state, limited, nil
}

// memory is a throttled.GCRAStoreCtx of bounded size: for each subject the time at which its allowance is full
// again. When a shard is full, of a few subjects taken at random the one whose allowance is full soonest is
// forgotten, so a flood of new subjects pushes out idle ones before those that are being limited.
type memory struct {
	clock  func() time.Time
	seed   maphash.Seed
	most   int // subjects per shard
	shards [shards]shard
}

type shard struct {
	sync.Mutex
	full map[string]int64 // Unix nanoseconds
}

func newMemory(clock func() time.Time, most int) *memory {
	m := &memory{clock: clock, seed: maphash.MakeSeed(), most: most}
	for i := range m.shards {
		m.shards[i].full = map[string]int64{}
	}
	return m
}

func (m *memory) shard(key string) *shard {
	return &m.shards[maphash.String(m.seed, key)%shards]
}

// GetWithTime returns the value, or -1 if there is none.
func (m *memory) GetWithTime(_ context.Context, key string) (int64, time.Time, error) {
	s := m.shard(key)
	s.Lock()
	value, ok := s.full[key]
	s.Unlock()
	if !ok {
		value = -1
	}
	return value, m.clock(), nil
}

// SetIfNotExistsWithTTL sets a value where none is.
func (m *memory) SetIfNotExistsWithTTL(_ context.Context, key string, value int64, _ time.Duration) (bool, error) {
	s := m.shard(key)
	s.Lock()
	defer s.Unlock()
	if _, ok := s.full[key]; ok {
		return false, nil
	}
	if len(s.full) >= m.most {
		s.forget()
	}
	s.full[strings.Clone(key)] = value // the key may be part of a larger buffer
	return true, nil
}

// CompareAndSwapWithTTL replaces old by value.
func (m *memory) CompareAndSwapWithTTL(_ context.Context, key string, old, value int64, _ time.Duration) (bool, error) {
	s := m.shard(key)
	s.Lock()
	defer s.Unlock()
	if found, ok := s.full[key]; !ok || found != old {
		return false, nil
	}
	s.full[key] = value
	return true, nil
}

func (s *shard) forget() {
	var victim string
	var soonest int64
	seen := 0
	for key, value := range s.full { // begins at a random place
		if seen == 0 || value < soonest {
			victim, soonest = key, value
		}
		if seen++; seen == lookedAt {
			break
		}
	}
	delete(s.full, victim)
}
