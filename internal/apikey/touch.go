package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

const usedEvery = time.Minute // how coarse last_used_at is

func (s *Service) touch(key *liveKey, now time.Time) {
	last := key.used.Load()
	if now.UnixMicro()-last < usedEvery.Microseconds() || !key.used.CompareAndSwap(last, now.UnixMicro()) {
		return
	}
	s.used.Note(key.row.App, key.row.ID, now)
}

// Flush writes last_used_at of the keys used since. A background loop calls it every few seconds and once at the
// end. Lists show the written time.
func (s *Service) Flush(ctx context.Context) error {
	err := s.used.Flush(ctx, s.db, func(tx *store.Tx, app auth.AppID, id auth.APIKeyID, at time.Time) error {
		return tx.TouchAPIKey(app, id, at)
	})
	if err != nil {
		return fmt.Errorf("note the last use of keys: %w", err)
	}
	return nil
}
