package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	seenEvery     = 5 * time.Minute // how coarse last_seen_at is
	touchesAWrite = 200
	maxTouches    = 20_000 // beyond it, uses go unnoted until the next one
)

// touches are the uses of sessions that have not been written yet. A request only adds to them.
type touches struct {
	mu      sync.Mutex
	pending map[auth.SessionID]touch
}

type touch struct {
	app auth.AppID
	at  time.Time
}

// touch notes a use, if the last noted one is long enough ago: a tenth of the idle lifetime, at most 5 minutes.
func (s *Service) touch(live *liveSession, now time.Time) {
	last := live.seen.Load()
	if now.UnixMicro()-last < min(seenEvery, live.row.IdleTTL/10).Microseconds() || !live.seen.CompareAndSwap(last, now.UnixMicro()) {
		return
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.pending == nil {
		s.seen.pending = map[auth.SessionID]touch{}
	}
	if len(s.seen.pending) < maxTouches {
		s.seen.pending[live.row.ID] = touch{app: live.row.App, at: now}
	}
}

// Flush writes the noted uses: last_seen_at, and the idle expiry that moves with it. A background loop calls it
// every few seconds and once at the end; what is lost in between is a coarse time and no right.
func (s *Service) Flush(ctx context.Context) error {
	s.seen.mu.Lock()
	pending := s.seen.pending
	s.seen.pending = nil
	s.seen.mu.Unlock()

	ids := make([]auth.SessionID, 0, len(pending))
	for id := range pending {
		ids = append(ids, id)
	}
	// One order for all nodes, so that two flushes do not wait for each other's rows in a circle.
	slices.SortFunc(ids, func(a, b auth.SessionID) int { return strings.Compare(string(a), string(b)) })
	for batch := range slices.Chunk(ids, touchesAWrite) {
		err := s.db.Write(ctx, func(tx *store.Tx) error {
			for _, id := range batch {
				if err := tx.TouchSession(pending[id].app, id, pending[id].at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("note the last use of sessions: %w", err)
		}
	}
	return nil
}
