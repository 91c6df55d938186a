package waitlist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxEntries is in how many queues one subject may wait.
const maxEntries = 200

var featureName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Service manages the queues. All fields are needed. It is safe for concurrent use.
type Service struct {
	DB    *store.DB
	Audit *audit.Log
	Clock func() time.Time
	Rand  io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
}

// subject is who waits when the caller does: the account it acts for, as long as it belongs to it, else the user.
func subject(tx *store.Tx, c auth.Caller, writes bool) (string, error) {
	if c.Account == "" {
		return string(c.User), nil
	}
	m, err := tx.Membership(c.App, c.Account, c.User)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", auth.E(auth.CodeForbidden, "You do not belong to this account any more.")
	case err != nil:
		return "", fmt.Errorf("read membership: %w", err)
	case writes && m.Role == auth.MemberViewer:
		return "", auth.E(auth.CodeForbidden, "A viewer cannot do this for the account.")
	}
	return string(c.Account), nil
}

func checkFeature(feature string) error {
	if !featureName.MatchString(feature) || feature == auth.SignUpFeature {
		return auth.Invalid("feature", auth.ViolationInvalid, "A feature has 1 to 64 letters, digits, dots, hyphens or underscores.")
	}
	return nil
}

// Query is a place in a list of entries: zero values start at the oldest.
type Query = store.WaitlistQuery

// Own reads the queues that the caller's account, or the caller, is in, oldest first. Code: forbidden (not of the account
// any more).
func (s *Service) Own(ctx context.Context, c auth.Caller, q Query) (list []auth.WaitlistEntry, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		q.App = c.App
		if q.Subject, err = subject(tx, c, false); err != nil {
			return err
		}
		list, err = tx.WaitlistEntries(q)
		return err
	})
	return list, err
}

// Show reads the caller's place in one queue. Codes: not-found (not in it), invalid-request, forbidden.
func (s *Service) Show(ctx context.Context, c auth.Caller, feature string) (e auth.WaitlistEntry, err error) {
	if err := checkFeature(feature); err != nil {
		return e, err
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		who, err := subject(tx, c, false)
		if err != nil {
			return err
		}
		if e, err = tx.WaitlistEntry(c.App, feature, who); err != nil {
			return missing(err)
		}
		return nil
	})
	return e, err
}

// Join puts the caller's account, or the caller, into a queue. Whoever is in it keeps the place and whatever was decided.
// Codes: invalid-request, forbidden, limit-reached, and those of Recheck.
func (s *Service) Join(ctx context.Context, c auth.Caller, feature string) (e auth.WaitlistEntry, err error) {
	if err := checkFeature(feature); err != nil {
		return e, err
	}
	id := auth.WaitlistEntryID(secret.NewID(s.Rand, s.Clock()))
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Recheck(tx, c); err != nil {
			return err
		}
		who, err := subject(tx, c, true)
		if err != nil {
			return err
		}
		if e, err = tx.WaitlistEntry(c.App, feature, who); err == nil || !errors.Is(err, store.ErrNotFound) {
			return err
		}
		list, err := tx.WaitlistEntries(Query{App: c.App, Subject: who, Limit: maxEntries})
		if err != nil {
			return fmt.Errorf("count waitlist entries: %w", err)
		}
		if len(list) >= maxEntries {
			return auth.E(auth.CodeLimitReached, fmt.Sprintf("Nobody waits in more than %d lists.", maxEntries))
		}
		e, err = s.Add(tx, c, auth.WaitlistEntry{ID: id, App: c.App, Feature: feature, Account: c.Account, User: c.User}, who)
		return err
	})
	return e, err
}

// Add stores an entry of a subject that is in the queue not at all, or answers the one that is there, with the event
// waitlist.joined. Rules are settled by the caller of Add.
func (s *Service) Add(tx *store.Tx, c auth.Caller, e auth.WaitlistEntry, subject string) (auth.WaitlistEntry, error) {
	e.Status, e.CreatedAt = auth.Waiting, tx.Now()
	ok, err := tx.InsertWaitlistEntry(e, subject)
	if err != nil {
		return e, fmt.Errorf("insert waitlist entry: %w", err)
	}
	if !ok {
		return tx.WaitlistEntry(e.App, e.Feature, subject)
	}
	return e, s.record(tx, c, "waitlist.joined", e)
}

func (s *Service) record(tx *store.Tx, c auth.Caller, action string, e auth.WaitlistEntry) error {
	err := s.Audit.Record(tx, c, auth.Event{App: e.App, Action: action, Outcome: "ok", User: e.User, Session: c.Session,
		Target: string(e.ID), Data: map[string]string{"feature": e.Feature}})
	if err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// Leave takes the caller's account, or the caller, out of a queue, or does nothing. Codes: invalid-request, forbidden,
// and those of Recheck.
func (s *Service) Leave(ctx context.Context, c auth.Caller, feature string) error {
	if err := checkFeature(feature); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Recheck(tx, c); err != nil {
			return err
		}
		who, err := subject(tx, c, true)
		if err != nil {
			return err
		}
		e, err := tx.WaitlistEntry(c.App, feature, who)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read waitlist entry: %w", err)
		}
		gone, err := tx.DeleteWaitlistEntry(c.App, feature, who)
		if err != nil || !gone {
			return err
		}
		return s.record(tx, c, "waitlist.left", e)
	})
}

// List reads entries of everybody, oldest first. Code: forbidden.
func (s *Service) List(ctx context.Context, c auth.Caller, q Query) (list []auth.WaitlistEntry, err error) {
	if !c.Administers() {
		return nil, auth.E(auth.CodeForbidden, "")
	}
	q.App, q.Subject = c.App, ""
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.WaitlistEntries(q)
		return err
	})
	return list, err
}

// Decide stores what an administrator decided, in a Write whose rules the flow has settled. It tells whether the decision
// is a new one. Code: not-found.
func (s *Service) Decide(tx *store.Tx, c auth.Caller, id auth.WaitlistEntryID, status auth.WaitStatus) (e auth.WaitlistEntry, news bool, err error) {
	if e, err = tx.WaitlistEntryForUpdate(c.App, id); err != nil {
		return e, false, missing(err)
	}
	if e.Status == status {
		return e, false, nil
	}
	e.Status, e.DecidedAt = status, tx.Now()
	if _, err := tx.DecideWaitlistEntry(c.App, id, status); err != nil {
		return e, false, fmt.Errorf("decide waitlist entry: %w", err)
	}
	return e, true, s.record(tx, c, "waitlist."+string(status), e)
}

// missing turns a row that is not there into CodeNotFound.
func missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such place in the queue.")
	}
	return fmt.Errorf("read waitlist entry: %w", err)
}
