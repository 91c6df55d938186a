package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// End ends one session of the app, whoever's it is, with a stored reason and the event session.ended. A session
// that has ended already stays as it is. Error: CodeNotFound.
func (s *Service) End(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.SessionID, reason auth.EndReason) error {
	ended, err := s.end(tx, c, app, id, reason)
	if err != nil || ended {
		return err
	}
	if _, err := tx.Session(app, id); errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such session.")
	} else if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	return nil
}

// EndOwn is End for a session of the caller's own user; one of anybody else is CodeNotFound (TN-01).
func (s *Service) EndOwn(tx *store.Tx, c auth.Caller, id auth.SessionID, reason auth.EndReason) error {
	session, err := tx.Session(c.App, id)
	if errors.Is(err, store.ErrNotFound) || (err == nil && (session.User != c.User || c.User == "")) {
		return auth.E(auth.CodeNotFound, "There is no such session.")
	}
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	_, err = s.end(tx, c, c.App, id, reason)
	return err
}

// end reports whether there was a session that had not ended.
func (s *Service) end(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.SessionID, reason auth.EndReason) (bool, error) {
	user, err := tx.EndSession(app, id, reason)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return true, s.ended(tx, c, store.SessionEnd{ID: id, App: app, User: user, Reason: reason})
}

// ended does what every end of a session needs. What clients were given in the session ends with it.
func (s *Service) ended(tx *store.Tx, c auth.Caller, e store.SessionEnd) error {
	tx.Invalidate(store.KindSession, string(e.ID))
	if err := s.endDelegations(tx, c, e); err != nil {
		return err
	}
	return s.audit.Record(tx, c, auth.Event{App: e.App, Action: "session.ended", Outcome: "ok", User: e.User,
		Session: e.ID, Target: string(e.ID), Data: map[string]string{"reason": string(e.Reason)}})
}

// EndAll ends every session of a user but the excepted ones and answers how many. It locks the user's row, as
// Insert does, so a sign-in that races with it is either ended or begins after it: one that was checked before and is
// stored after looks again, in its own Write, at what it was checked by (password, factors, status). What clients were let
// have and have not taken yet ends too, also where a session is excepted.
func (s *Service) EndAll(tx *store.Tx, c auth.Caller, app auth.AppID, user auth.UserID, reason auth.EndReason,
	except ...auth.SessionID) (int, error) {
	if _, err := tx.UserForUpdate(app, user); errors.Is(err, store.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("lock user: %w", err)
	}
	ids, err := tx.LiveSessionIDs(app, user)
	if err != nil {
		return 0, fmt.Errorf("list sessions: %w", err)
	}
	n := 0
	for _, id := range ids {
		if slices.Contains(except, id) {
			continue
		}
		ended, err := s.end(tx, c, app, id, reason)
		if err != nil {
			return n, err
		}
		if ended {
			n++
		}
	}
	if s.waiting != nil {
		err = s.waiting(tx, app, user)
	}
	return n, err
}

// EndStale ends at most limit sessions of all apps whose idle or absolute time has run out, with the reason that
// says which; housekeeping calls it with at most 500 until it answers fewer than limit.
func (s *Service) EndStale(tx *store.Tx, limit int) (int, error) {
	return s.sweep(tx, func() ([]store.SessionEnd, error) { return tx.EndStaleSessions(limit) })
}

// EndAllRestored ends at most limit sessions of all apps, because the database was put back to an older state in
// which sessions live that had ended since. Together with app.RaiseEpochs it is what `restore` does; it is
// repeated until it answers 0.
func (s *Service) EndAllRestored(tx *store.Tx, limit int) (int, error) {
	return s.sweep(tx, func() ([]store.SessionEnd, error) { return tx.EndLiveSessions(auth.EndRestored, limit) })
}

func (s *Service) sweep(tx *store.Tx, end func() ([]store.SessionEnd, error)) (int, error) {
	ends, err := end()
	if err != nil {
		return 0, fmt.Errorf("sweep sessions: %w", err)
	}
	for _, e := range ends {
		if err := s.ended(tx, auth.Caller{Kind: auth.CallerSystem, App: e.App}, e); err != nil {
			return 0, err
		}
	}
	return len(ends), nil
}

// DeleteEndedBefore removes at most limit sessions that ended before the given time.
func (s *Service) DeleteEndedBefore(tx *store.Tx, before time.Time, limit int) (int, error) {
	return tx.DeleteEndedSessions(before, limit)
}
