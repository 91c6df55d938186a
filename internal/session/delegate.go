package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/store"
)

// LogoutKind is the kind of the jobs that tell a client of the end of a browser's session (OpenID Back-Channel Logout).
const LogoutKind = "back-channel-logout"

// logoutLife is how long a client is tried to be told; it learns of the end at its next refresh anyhow.
const logoutLife = 24 * time.Hour

// Logout is the payload of such a job.
type Logout struct {
	App    auth.AppID     `json:"app"`
	Client auth.ClientID  `json:"client"`
	User   auth.UserID    `json:"user"`
	Sid    auth.SessionID `json:"sid"` // the browser's session, as the client's ID tokens name it; else its own
}

// Delegate prepares a session in which a client, that of the caller in st, acts for the user. parent is the browser's
// session in which the person let it in; the zero one: none, as with a device. The times of the proof are the parent's, or
// those of st for a device.
func (s *Service) Delegate(st Start, d auth.Delegation, parent auth.Session) (*Draft, error) {
	st.Caller.Door.SessionCookie = false
	draft, err := s.Draft(st)
	if err != nil {
		return nil, err
	}
	draft.Session.Delegation, draft.Session.Parent = &d, parent.ID
	draft.Session.Account = parent.Account
	return draft, nil
}

// Proven sets when the person proved who they are, for a session that begins later than that.
func (d *Draft) Proven(at time.Time) { d.proven = at }

// Lasting sets how long the session lives at all, for what a client gets without anybody at a browser.
func (d *Draft) Lasting(life time.Duration) { d.lasts = life }

// fromParent refuses a session whose parent has ended since it was let in. Error: CodeSessionEnded.
func (s *Service) fromParent(tx *store.Tx, d *Draft) error {
	if d.Session.Parent == "" || d.Session.Delegation == nil || d.Session.Delegation.Offline {
		return nil
	}
	st, err := tx.SessionStandingForUpdate(d.Session.App, d.Session.Parent)
	if errors.Is(err, store.ErrNotFound) {
		return endedError(auth.EndSignedOut)
	}
	if err != nil {
		return fmt.Errorf("read the session of a delegation: %w", err)
	}
	return standError(broken(st, d.User, tx.Now()))
}

// endDelegations ends what clients were given in a session, and lets them be told.
func (s *Service) endDelegations(tx *store.Tx, c auth.Caller, e store.SessionEnd) error {
	given, err := tx.DelegationsOf(e.App, e.ID)
	if err != nil {
		return fmt.Errorf("list delegations: %w", err)
	}
	for _, d := range given {
		if !d.Bound {
			continue
		}
		_, err := tx.EndSession(e.App, d.ID, e.Reason)
		if errors.Is(err, store.ErrNotFound) { // it ended meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("end a delegation: %w", err)
		}
		tx.Invalidate(store.KindSession, string(d.ID))
		err = s.audit.Record(tx, c, auth.Event{App: e.App, Action: "session.ended", Outcome: "ok", User: d.User, Session: d.ID,
			Target: string(d.ID), Data: map[string]string{"reason": string(e.Reason), "client": string(d.Client)}})
		if err != nil {
			return err
		}
	}
	if s.queue == nil {
		return nil
	}
	clients := map[auth.ClientID]bool{}
	for _, d := range given {
		if clients[d.Client] {
			continue
		}
		clients[d.Client] = true
		_, err := s.queue.Enqueue(tx, queue.Job{Kind: LogoutKind, App: e.App, ExpiresAt: tx.Now().Add(logoutLife),
			Payload: Logout{App: e.App, Client: d.Client, User: d.User, Sid: e.ID}})
		if err != nil {
			return err
		}
	}
	return nil
}

// EndDelegations ends every session in which a client acts for a user, and answers how many those were.
func (s *Service) EndDelegations(tx *store.Tx, c auth.Caller, app auth.AppID, user auth.UserID, client auth.ClientID,
	reason auth.EndReason) (n int, err error) {
	list, err := tx.DelegationsTo(app, user, client)
	if err != nil {
		return 0, fmt.Errorf("list delegations: %w", err)
	}
	for _, d := range list {
		ended, err := s.end(tx, c, app, d.ID, reason)
		if err != nil {
			return n, err
		}
		if ended {
			n++
		}
	}
	return n, nil
}

// Renewal is a session of a client whose refresh token was taken.
type Renewal struct {
	Session auth.Session
	User    auth.User
	Member  auth.Membership // in Session.Account, as it is now; zero: none
}

// Renew takes a refresh token of a client and answers the session to make tokens for, under the rules of Refresh. check
// runs in the same Write before anything changes; what it returns refuses the token and leaves everything as it is.
// Errors: those of Refresh and of check.
func (s *Service) Renew(ctx context.Context, caller auth.Caller, token string, check func(auth.Session) error) (Renewal, error) {
	t, ok := s.accept(token)
	if !ok {
		return Renewal{}, invalidToken()
	}
	var out refreshed
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		out, err = s.refresh(tx, caller, t, check)
		return err
	})
	if err == nil && out.refusal != nil {
		err = out.refusal
	}
	return Renewal{Session: out.session, User: out.user, Member: out.member}, err
}

// RefreshToken is the token of the session's current generation.
func (s *Service) RefreshToken(session auth.Session) string { return s.mint(session) }

// Holder answers the session whose refresh token this is, for who must know and not take it: introspection and
// revocation. It says nothing of whether the session stands. Error: CodeInvalidToken.
func (s *Service) Holder(ctx context.Context, token string) (session auth.Session, current bool, err error) {
	t, ok := s.accept(token)
	if !ok {
		return session, false, invalidToken()
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		session, err = tx.AnySession(t.session())
		return err
	})
	if err != nil {
		return session, false, absent(err, "session")
	}
	if !s.bound(t, session.App, session.Client, session.Salt) {
		return auth.Session{}, false, invalidToken()
	}
	return session, t.generation == session.Generation, nil
}

// Delegated answers who stands behind a session of a client, from the cache, if it stands. Errors: those of Authenticate.
func (s *Service) Delegated(ctx context.Context, app auth.AppID, id auth.SessionID) (Identity, error) {
	return s.identify(ctx, app, id, s.clock())
}
