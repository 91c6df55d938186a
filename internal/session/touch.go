package session

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

const seenEvery = 5 * time.Minute // how coarse last_seen_at is

// touch notes a use, if the last noted one is long enough ago: a tenth of the idle lifetime, at most 5 minutes.
func (s *Service) touch(live *liveSession, now time.Time) {
	last := live.seen.Load()
	if now.UnixMicro()-last < min(seenEvery, live.row.IdleTTL/10).Microseconds() || !live.seen.CompareAndSwap(last, now.UnixMicro()) {
		return
	}
	s.seen.Note(live.row.App, live.row.ID, now)
}

// Flush writes the noted uses: last_seen_at, and the idle expiry that moves with it. A background loop calls it
// every few seconds and once at the end; what is lost in between is a coarse time and no right.
func (s *Service) Flush(ctx context.Context) error {
	err := s.seen.Flush(ctx, s.db, func(tx *store.Tx, app auth.AppID, id auth.SessionID, at time.Time) error {
		return tx.TouchSession(app, id, at)
	})
	if err != nil {
		return fmt.Errorf("note the last use of sessions: %w", err)
	}
	return nil
}
