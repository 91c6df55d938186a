package lifecycle

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// UpdateMe changes the profile of the user who asks. A username that is there already is a name to sign in with, so
// replacing it takes a person whose sign-in is fresh. Codes: version-mismatch, invalid-request, identifier-taken
// (usernames are public to who chooses one), person-required, reauthentication-required, and those of session.Recheck.
func (s *Service) UpdateMe(ctx context.Context, c auth.Caller, change user.Change) (user.Profile, error) {
	var out user.Profile
	err := s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		read := tx.App
		if change.Username != nil {
			read = tx.AppForUpdate // a rule about all usernames of the app
		}
		app, err := read(c.App)
		if err != nil {
			return err
		}
		if _, err := s.Login.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		now, err := user.Lock(tx, c.App, c.User)
		if err != nil {
			return err
		}
		if now.User.Username != "" && change.TouchesUsername(now.User) {
			if err := s.mayRename(c, now); err != nil {
				return err
			}
		}
		u, err := user.Update(tx, now.User, app.Settings.Attributes, auth.WrittenByUser, change)
		if err != nil {
			return err
		}
		if err := s.Login.Record(tx, c, auth.Event{Action: "user.updated", User: u.ID, Session: c.Session}); err != nil {
			return err
		}
		out, err = user.ReadProfile(tx, c.App, c.User)
		return err
	})
	return out, err
}

func (s *Service) mayRename(c auth.Caller, now user.Identity) error {
	if !c.Person() {
		return auth.E(auth.CodePersonRequired, "")
	}
	if g := (&gate{s: s, caller: c, who: now}); !g.fresh() {
		return auth.E(auth.CodeReauthRequired, "")
	}
	return nil
}

// SignOut ends the caller's session.
func (s *Service) SignOut(ctx context.Context, c auth.Caller) error {
	if !c.Person() {
		return auth.E(auth.CodePersonRequired, "")
	}
	return s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Login.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		return s.Login.Sessions.EndOwn(tx, c, c.Session, auth.EndSignedOut)
	})
}

// EndSession ends one session of the caller's user. Code: not-found, also for another user's.
func (s *Service) EndSession(ctx context.Context, c auth.Caller, id auth.SessionID) error {
	return s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Login.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		return s.Login.Sessions.EndOwn(tx, c, id, auth.EndByUser)
	})
}

// SignOutEverywhere ends every session of the caller's user, or every other one, and answers how many. API keys stay.
func (s *Service) SignOutEverywhere(ctx context.Context, c auth.Caller, keepCurrent bool) (n int, err error) {
	if !c.Person() {
		return 0, auth.E(auth.CodePersonRequired, "")
	}
	var keep []auth.SessionID
	if keepCurrent {
		keep = append(keep, c.Session)
	}
	err = s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Login.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		n, err = s.Login.Sessions.EndAll(tx, c, c.App, c.User, auth.EndSignedOutEverywhere, keep...)
		return err
	})
	return n, err
}
