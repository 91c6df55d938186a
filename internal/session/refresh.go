package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// refreshed is the outcome of the Write of a refresh: a session to make tokens for, or a refusal that keeps the
// rows written with it.
type refreshed struct {
	session auth.Session
	user    auth.User
	member  auth.Membership // in session.Account, as it is now; zero: none
	refusal *auth.Error
}

// Refresh exchanges a refresh token for the next one, or for the same successor again within the grace window.
// User, app, client, epochs and both expiries are checked anew each time (RT-07). The caller needs App and Client
// of the request. A successful refresh is no audit event.
//
// Errors: CodeInvalidToken (garbage, another app or client, an older token within the window: nothing changed),
// CodeTokenExpired (idle or absolute), CodeSessionEnded (Message says why), CodeRefreshTokenReused (and the
// session has ended), CodeEmailUnverified (the door refuses unverified addresses: nothing changed).
func (s *Service) Refresh(ctx context.Context, caller auth.Caller, token string) (Grant, auth.User, error) {
	t, ok := s.accept(token)
	if !ok {
		return Grant{}, auth.User{}, invalidToken()
	}
	var out refreshed
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		out, err = s.refresh(tx, caller, t, own)
		return err
	})
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	if out.refusal != nil {
		return Grant{}, auth.User{}, out.refusal
	}
	app, err := s.app(ctx, out.session.App)
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	client, err := s.client(ctx, out.session.App, out.session.Client)
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	grant, err := s.grant(ctx, granted{session: out.session, user: out.user, member: out.member, app: app, client: client, door: caller.Door})
	return grant, out.user, err
}

// own is the check of refreshes at our own doors: what a client was given is not taken there.
func own(session auth.Session) error {
	if session.Delegation != nil {
		return invalidToken()
	}
	return nil
}

func (s *Service) refresh(tx *store.Tx, caller auth.Caller, t refreshToken, check func(auth.Session) error) (refreshed, error) {
	st, err := tx.SessionStandingForUpdate(caller.App, t.session())
	if errors.Is(err, store.ErrNotFound) {
		return refreshed{refusal: invalidToken()}, nil
	}
	if err != nil {
		return refreshed{}, fmt.Errorf("read session: %w", err)
	}
	if !s.bound(t, caller.App, caller.Client, st.Session.Salt) {
		return refreshed{refusal: invalidToken()}, nil
	}
	if err := check(st.Session); err != nil {
		return refreshed{}, err
	}
	user, err := tx.User(caller.App, st.Session.User)
	if err != nil {
		return refreshed{}, fmt.Errorf("read user of session: %w", err)
	}
	now := tx.Now()
	if reason := broken(st, user, now); reason != "" {
		return s.refuse(tx, caller, st.Session, reason, endedError(reason))
	}
	if !st.Session.EmailVerified && !st.EmailVerified && !caller.Door.Policy.AllowUnverified {
		return refreshed{refusal: auth.E(auth.CodeEmailUnverified, "")}, nil
	}
	switch decide(st.Session, t.generation, now, s.settings.Grace) {
	case rotate:
		return s.rotate(tx, st, user, now)
	case repeat:
		return s.repeat(tx, st.Session, user)
	case reused:
		return s.refuse(tx, caller, st.Session, auth.EndRefreshReused,
			auth.E(auth.CodeRefreshTokenReused, "This refresh token was used before. The session has ended."))
	case stale:
		return refreshed{refusal: auth.E(auth.CodeInvalidToken, "A newer refresh token was issued.")}, nil
	}
	return refreshed{refusal: invalidToken()}, nil
}

func (s *Service) rotate(tx *store.Tx, st store.SessionStanding, user auth.User, now time.Time) (refreshed, error) {
	session := next(st.Session, now)
	session.EmailVerified = session.EmailVerified || st.EmailVerified
	member, err := Membership(tx, session)
	if err != nil {
		return refreshed{}, err
	}
	session.Account = member.Account // none, if the user does not belong to it any more
	if session.Account != st.Session.Account {
		tx.Invalidate(store.KindSession, string(session.ID))
	}
	ok, err := tx.RotateSession(session)
	if err != nil {
		return refreshed{}, fmt.Errorf("rotate session: %w", err)
	}
	if !ok {
		// The row was read under its lock; another writer got past it.
		return refreshed{}, fmt.Errorf("rotate session %s: generation %d is not current any more", session.ID, st.Session.Generation)
	}
	return refreshed{session: session, user: user, member: member}, nil
}

// repeat answers a token whose successor exists with the same successor. The access token tells the truth of now.
func (s *Service) repeat(tx *store.Tx, session auth.Session, user auth.User) (refreshed, error) {
	member, err := Membership(tx, session)
	session.Account = member.Account
	return refreshed{session: session, user: user, member: member}, err
}

// refuse hands back a refusal and, if the session has not ended yet, ends it in the same Write.
func (s *Service) refuse(tx *store.Tx, c auth.Caller, session auth.Session, reason auth.EndReason, refusal *auth.Error) (refreshed, error) {
	if !session.EndedAt.IsZero() {
		return refreshed{refusal: refusal}, nil
	}
	ended, err := s.end(tx, c, session.App, session.ID, reason)
	if err == nil && ended && reason == auth.EndRefreshReused {
		err = s.reused(tx, c, session)
	}
	return refreshed{refusal: refusal}, err
}

func invalidToken() *auth.Error { return auth.E(auth.CodeInvalidToken, "") }
