package lifecycle

import (
	"context"
	"errors"
	"time"

	accounts "github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
	"github.com/ostiary-id/ostiary/internal/waitlist"
)

// DeleteAccount lets the caller's own user be erased after the grace period (login.DeletionGrace) and answers when that
// is. At once every session ends (account-deleted), API keys rest and mailed links die (SE-05, ET-05). A mail tells so with
// a link that takes it back, as every sign-in does. Codes: person-required, conflict (the last administrator of the app, the
// last owner of an account with other members; AD-04), reauthentication-required, invalid-credentials,
// second-factor-invalid, totp-not-enabled, rate-limited, overloaded.
func (s *Service) DeleteAccount(ctx context.Context, c auth.Caller, in Evidence) (at time.Time, err error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return at, err
	}
	if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
		return at, err
	}
	g.lockApp = true // a rule about all administrators of the app
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if err := accounts.MayLeave(tx, now.User); err != nil {
			return err
		}
		if at, err = s.scheduleDeletion(tx, c, now, s.Login.DeletionGrace()); err != nil {
			return err
		}
		return s.Login.SendDeletion(tx, c, g.app, now)
	})
	return at, err
}

// DeleteUser shuts a user out at once and lets them be erased: after the grace period, until which EnableUser takes it
// back, or with immediately in the next round of housekeeping. Nothing is mailed. Codes: not-found, conflict (the last
// administrator), forbidden (oneself).
func (s *Service) DeleteUser(ctx context.Context, c auth.Caller, id auth.UserID, immediately bool) (user.Profile, error) {
	grace := s.Login.DeletionGrace()
	if immediately {
		grace = 0
	}
	return s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		if c.User == now.User.ID {
			return auth.E(auth.CodeForbidden, "Nobody deletes their own account here.")
		}
		now.User.Status = auth.UserDisabled // or a sign-in would take it back
		if now.User.DisabledAt.IsZero() {
			now.User.DisabledAt = tx.Now()
		}
		_, err := s.scheduleDeletion(tx, c, now, grace)
		return err
	})
}

// scheduleDeletion is what both have in common. The app's row is locked, then the user's.
func (s *Service) scheduleDeletion(tx *store.Tx, c auth.Caller, now user.Identity, grace time.Duration) (at time.Time, err error) {
	before, err := tx.User(now.User.App, now.User.ID)
	if err != nil {
		return at, err
	}
	if err := keepOneAdministrator(tx, before); err != nil {
		return at, err
	}
	at = tx.Now().Add(grace)
	if _, err := user.SetDeletion(tx, now.User, at); err != nil {
		return at, err
	}
	if _, err := s.Login.Sessions.EndAll(tx, c, now.User.App, now.User.ID, auth.EndDeleted); err != nil {
		return at, err
	}
	if err := s.Login.Proofs.RevokeAll(tx, now.User.App, now.User.ID); err != nil {
		return at, err
	}
	return at, s.Login.Record(tx, c, auth.Event{Action: "user.deletion-scheduled", User: now.User.ID, Session: c.Session,
		Data: map[string]string{"at": at.UTC().Format(time.RFC3339)}})
}

// EraseDue removes, in a Write, at most limit rows of one user whose time has come, and counts them; 0: nobody waits. The
// audit log keeps its events, which name the user by an id that is never given again; the last is user.erased.
func (s *Service) EraseDue(tx *store.Tx, limit int) (int, error) {
	u, err := tx.UserToErase()
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// Accounts are locked before users.
	if n, err := accounts.Erase(tx, u, limit); err != nil || n > 0 {
		return int(n), err
	}
	if u, err = tx.UserForUpdate(u.App, u.ID); err != nil {
		return 0, err
	}
	if u.DeleteAt.IsZero() || tx.Now().Before(u.DeleteAt) {
		return 0, nil // taken back a moment ago
	}
	for _, erase := range erasures() {
		if n, err := erase(tx, u, limit); err != nil || n > 0 {
			return int(n), err
		}
	}
	n, gone, err := user.Erase(tx, u, limit)
	if err != nil || !gone {
		return int(n), err
	}
	return int(n), s.Login.Record(tx, auth.Caller{Kind: auth.CallerSystem, App: u.App}, auth.Event{App: u.App, Action: "user.erased", User: u.ID})
}

// erasures are the packages that keep rows about a user, beside account and user, in the order in which they let go:
// what still looks for the user's addresses comes before these go.
func erasures() []func(tx *store.Tx, u auth.User, limit int) (int64, error) {
	return []func(tx *store.Tx, u auth.User, limit int) (int64, error){session.Erase, apikey.Erase, proof.Erase, factor.Erase,
		federation.Erase, waitlist.Erase, invite.Erase, grant.Erase}
}
