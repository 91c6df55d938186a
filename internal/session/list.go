package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Query selects the sessions of one user: alive ones, or with Ended those that ended, newest first. The place of
// the last one seen (CreatedAt, ID) goes into AfterTime and AfterID.
type Query = store.SessionQuery

// List reads a user's sessions. Those whose time ran out count as ended, with the reason that housekeeping will
// store.
func (s *Service) List(ctx context.Context, q Query) (list []auth.Session, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if list, err = tx.Sessions(q); err != nil {
			return fmt.Errorf("list sessions: %w", err)
		}
		for i := range list {
			list[i] = runOut(list[i], tx)
		}
		return nil
	})
	return list, err
}

// Count is how many sessions List would show without a limit.
func (s *Service) Count(ctx context.Context, q Query) (n int, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		n, err = tx.CountSessions(q)
		return err
	})
	return n, err
}

// Get reads one session of a user. Error: CodeNotFound, also for a session of somebody else.
func (s *Service) Get(ctx context.Context, app auth.AppID, user auth.UserID, id auth.SessionID) (session auth.Session, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		session, err = tx.Session(app, id)
		session = runOut(session, tx)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || (err == nil && session.User != user) {
		return auth.Session{}, auth.E(auth.CodeNotFound, "There is no such session.")
	}
	return session, err
}

// runOut shows a session whose time has passed as ended, though its row does not say so yet.
func runOut(s auth.Session, tx *store.Tx) auth.Session {
	reason := outOfTime(s, tx.Now())
	if !s.EndedAt.IsZero() || reason == "" {
		return s
	}
	s.EndedAt, s.EndReason = s.ExpiresAt, reason
	if reason == auth.EndIdle {
		s.EndedAt = s.IdleExpiresAt
	}
	return s
}
