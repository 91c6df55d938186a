package session

import (
	"context"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// SwitchAccount lets the caller's session act for another account of its user, or for none, and answers new tokens for
// the same session. The refresh token of before still gets the new one within the grace window. Errors: CodeNotFound
// (no such account, or not a member of it), and those of Recheck.
func (s *Service) SwitchAccount(ctx context.Context, caller auth.Caller, to auth.AccountID) (Grant, auth.User, error) {
	var out refreshed
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		st, err := tx.SessionStandingForUpdate(caller.App, caller.Session)
		if err != nil {
			return absent(err, "session")
		}
		user, err := s.Recheck(tx, caller)
		if err != nil {
			return err
		}
		st.Session.Account = to
		if out, err = s.rotate(tx, st, user, tx.Now()); err != nil {
			return err
		}
		if out.session.Account != to {
			return auth.E(auth.CodeNotFound, "There is no such account.")
		}
		tx.Invalidate(store.KindSession, string(caller.Session))
		return s.audit.Record(tx, caller, auth.Event{App: caller.App, Action: "session.account-switched", Outcome: "ok",
			User: user.ID, Session: caller.Session, Target: string(to)})
	})
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	app, err := s.app(ctx, caller.App)
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	client, err := s.client(ctx, caller.App, out.session.Client)
	if err != nil {
		return Grant{}, auth.User{}, err
	}
	grant, err := s.grant(ctx, granted{session: out.session, user: out.user, member: out.member, app: app, client: client, door: caller.Door})
	if err != nil {
		err = fmt.Errorf("tokens of a switched session: %w", err)
	}
	return grant, out.user, err
}
