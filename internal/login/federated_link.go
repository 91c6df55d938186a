package login

import (
	"context"
	"net/url"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// mayLink asks, inside the Write, whether the caller may change what signs in: a person, freshly proven by all the factors
// that the account has, whose address is proven (C5).
func (s *Service) mayLink(tx *store.Tx, c auth.Caller) error {
	if !c.Person() {
		return auth.E(auth.CodePersonRequired, "")
	}
	if _, err := s.Sessions.Recheck(tx, c); err != nil {
		return err
	}
	now, err := user.Load(tx, c.App, c.User)
	if err != nil {
		return err
	}
	return s.provenFresh(c, now)
}

func (s *Service) provenFresh(c auth.Caller, now user.Identity) error {
	switch {
	case !now.Email.Verified():
		return auth.E(auth.CodeEmailUnverified, "Confirm the address of the account first.")
	case !s.Sessions.Fresh(c), now.User.TOTP && !slices.Contains(c.AMR, auth.AMRMFA):
		return auth.E(auth.CodeReauthRequired, "")
	}
	return nil
}

// linkArrived gives the upstream identity to the user whose session began the way, if that session still stands (FD-03).
func (s *Service) linkArrived(ctx context.Context, c auth.Caller, p auth.Proof, pass passage, up auth.Upstream) (end FederatedEnd, err error) {
	c.Kind, c.User, c.Session = auth.CallerSession, p.User, p.Session
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		end = FederatedEnd{Linked: p.User}
		if _, err := s.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		if _, err := federation.Confirm(tx, p.App, up, auth.UseLink); err != nil {
			return err
		}
		now, err := user.Lock(tx, p.App, p.User)
		if err != nil {
			return err
		}
		if now.User.Status != auth.UserActive || !now.Email.Verified() {
			return auth.E(auth.CodeForbidden, "The account may not link identities.")
		}
		id, found, err := federation.ByUpstream(tx, p.App, up)
		if err != nil || found && id.User == p.User {
			return err
		}
		return s.linkUpstream(tx, c, now, up)
	})
	if err != nil {
		return FederatedEnd{}, err
	}
	end.Location, err = pass.back(url.Values{"linked": {pass.Provider}})
	return end, err
}

// linkUpstream gives an upstream identity to a user, who is told by mail. The provider was confirmed and the user's row is
// locked, in this order. Codes: conflict (the identity is somebody else's), limit-reached.
func (s *Service) linkUpstream(tx *store.Tx, c auth.Caller, now user.Identity, up auth.Upstream) error {
	if _, err := s.Federation.Link(tx, c, now.User.ID, up); err != nil {
		return err
	}
	app, err := openApp(tx, now.User.App)
	if err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.IdentityChanged, App: app, Detail: mail.IdentityLinked}, now)
}

// unlinkAll takes every upstream identity from a user.
func (s *Service) unlinkAll(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.UserID) error {
	list, err := federation.OfUser(tx, app, id)
	for _, i := range list {
		if err := s.Federation.Unlink(tx, c, id, i.ID); err != nil {
			return err
		}
	}
	return err
}

// ListIdentities reads the upstream identities of the caller, oldest first.
func (s *Service) ListIdentities(ctx context.Context, c auth.Caller) (list []auth.Identity, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = federation.OfUser(tx, c.App, c.User)
		return err
	})
	return list, err
}

// UnlinkIdentity takes an upstream identity from the caller. The last way in stays: there must be a password, a
// passkey or another identity whose provider is in use. A mailbox does not count, for it may be the very account that is being left. Codes:
// not-found, conflict (the last way in), person-required, email-unverified, reauthentication-required and those of
// session.Recheck.
func (s *Service) UnlinkIdentity(ctx context.Context, c auth.Caller, id auth.IdentityID) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		if !c.Person() {
			return auth.E(auth.CodePersonRequired, "")
		}
		if _, err := s.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		now, err := user.Lock(tx, c.App, c.User)
		if err != nil {
			return err
		}
		if err := s.provenFresh(c, now); err != nil {
			return err
		}
		list, err := federation.OfUser(tx, c.App, c.User)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(i auth.Identity) bool { return i.ID == id })
		if at < 0 {
			return auth.E(auth.CodeNotFound, "There is no such identity.")
		}
		if err := s.keepsWayIn(tx, now, slices.Delete(list, at, at+1)); err != nil {
			return err
		}
		if err := s.Federation.Unlink(tx, c, c.User, id); err != nil {
			return err
		}
		app, err := openApp(tx, c.App)
		if err != nil {
			return err
		}
		return s.Notify(tx, c, mail.Message{Kind: mail.IdentityChanged, App: app, Detail: mail.IdentityUnlinked}, now)
	})
}

// keepsWayIn refuses to leave a user without a password, a passkey, or one of the identities by a provider in use. Code:
// conflict.
func (s *Service) keepsWayIn(tx *store.Tx, now user.Identity, left []auth.Identity) error {
	if now.Password.Hash != "" && !now.Password.MustChange {
		return nil
	}
	if keys, err := s.withPasskey(tx, now.User, nil); err != nil || len(keys) > 0 {
		return err
	}
	for _, i := range left {
		_, err := federation.Active(tx, now.User.App, i.ProviderName)
		if !auth.Is(err, auth.CodeNotFound) {
			return err
		}
	}
	return auth.E(auth.CodeConflict, "This is the last way in. Set a password or link another account first.")
}
