package apikey

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
	usedEvery     = time.Minute // how coarse last_used_at is
	touchesAWrite = 200
	maxTouches    = 20_000 // beyond it, uses go unnoted until the next one
)

// touches are the uses of keys that have not been written yet. A request only adds to them.
type touches struct {
	mu      sync.Mutex
	pending map[auth.APIKeyID]touch
}

type touch struct {
	app auth.AppID
	at  time.Time
}

func (s *Service) touch(key *liveKey, now time.Time) {
	last := key.used.Load()
	if now.UnixMicro()-last < usedEvery.Microseconds() || !key.used.CompareAndSwap(last, now.UnixMicro()) {
		return
	}
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	if s.used.pending == nil {
		s.used.pending = map[auth.APIKeyID]touch{}
	}
	if len(s.used.pending) < maxTouches {
		s.used.pending[key.row.ID] = touch{app: key.row.App, at: now}
	}
}

// Flush writes last_used_at of the keys used since. A background loop calls it every few seconds and once at the
// end. Lists show the written time.
func (s *Service) Flush(ctx context.Context) error {
	s.used.mu.Lock()
	pending := s.used.pending
	s.used.pending = nil
	s.used.mu.Unlock()

	ids := make([]auth.APIKeyID, 0, len(pending))
	for id := range pending {
		ids = append(ids, id)
	}
	// One order for all nodes, so that two flushes do not wait for each other's rows in a circle.
	slices.SortFunc(ids, func(a, b auth.APIKeyID) int { return strings.Compare(string(a), string(b)) })
	for batch := range slices.Chunk(ids, touchesAWrite) {
		err := s.db.Write(ctx, func(tx *store.Tx) error {
			for _, id := range batch {
				if err := tx.TouchAPIKey(pending[id].app, id, pending[id].at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("note the last use of keys: %w", err)
		}
	}
	return nil
}
