package lifecycle

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// OwnEmail is an address of a user, or one that waits to become one.
type OwnEmail struct {
	auth.Email
	WaitsUntil time.Time // the link that was mailed there works until then; zero: the address is the user's
}

// Emails lists the addresses of the caller's user, the primary one first, and last the one that waits for its link.
func (s *Service) Emails(ctx context.Context, c auth.Caller) (out []OwnEmail, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		list, err := user.Emails(tx, c.App, c.User)
		if err != nil {
			return err
		}
		out = make([]OwnEmail, len(list), len(list)+1)
		for i, e := range list {
			out[i].Email = e
		}
		address, p, err := s.Login.AddedEmail(tx, auth.User{ID: c.User, App: c.App})
		if auth.Is(err, auth.CodeConflict) {
			return nil
		}
		out = append(out, OwnEmail{Email: auth.Email{ID: auth.EmailID(p.ID), App: c.App, User: c.User, Address: address,
			Canonical: p.Email, CreatedAt: p.CreatedAt}, WaitsUntil: p.ExpiresAt})
		return err
	})
	return out, err
}

// AddEmail mails a link to one more address, which becomes the user's when the link is followed; a second one ends the
// first. People sign in with any of their addresses, and mails go to the primary one, which has to be proven and is told.
// An empty address asks for another mail about the one that waits, which takes no evidence. Whether an address is taken is
// told only where sign-up.existing says `reveal`; elsewhere its owner gets a mail. Codes: person-required,
// invalid-request, email-unverified, conflict (one of the user's already, or none waits), limit-reached, identifier-taken,
// reauthentication-required, invalid-credentials, second-factor-invalid, totp-not-enabled, rate-limited, overloaded.
func (s *Service) AddEmail(ctx context.Context, c auth.Caller, in EmailChange) (EmailPending, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return EmailPending{}, err
	}
	if !g.who.Email.Verified() {
		return EmailPending{}, auth.E(auth.CodeEmailUnverified, "Confirm the present address first.")
	}
	out := EmailPending{Email: in.Email}
	if in.Email == "" {
		err = s.Login.DB.Read(ctx, func(tx *store.Tx) (err error) {
			out.Email, _, err = s.Login.AddedEmail(tx, g.who.User)
			return err
		})
	} else {
		err = g.prove(ctx, in.CurrentPassword, in.Code)
	}
	if err != nil {
		return EmailPending{}, err
	}
	canonical, err := s.mailable(ctx, c, out.Email)
	if err != nil {
		return EmailPending{}, err
	}
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		out.ExpiresAt = tx.Now().Add(s.Login.Proofs.Lifetime(auth.ProofAddEmail))
		if err := g.record(tx, "email.add-requested"); err != nil {
			return err
		}
		send := func() error { return s.Login.SendAddedEmail(tx, c, g.app, now, out.Email) }
		known, err := tx.EmailByCanonical(c.App, canonical)
		if err == nil && known.User == c.User && !known.Verified() { // it came with an import
			return send()
		}
		if err := user.RoomForEmail(tx, now.User); err != nil {
			return err
		}
		return g.whoseEmail(tx, canonical, send)
	})
	return out, err
}

// mailable is the canonical form of an address that a mail may go to now. Codes: invalid-request, rate-limited.
func (s *Service) mailable(ctx context.Context, c auth.Caller, address string) (string, error) {
	canonical, err := auth.CanonicalEmail(address)
	if err != nil {
		return "", err
	}
	may, err := s.Login.MayMail(ctx, c, canonical)
	if err == nil && !may {
		err = auth.E(auth.CodeRateLimited, "Too many mails were sent to this address. Please try again later.")
	}
	return canonical, err
}

// whoseEmail does send for an address that nobody has. The owner of one that is taken is told; the caller is, where the door
// reveals it. Codes: conflict (the caller's own), identifier-taken.
func (g *gate) whoseEmail(tx *store.Tx, canonical string, send func() error) error {
	known, err := tx.EmailByCanonical(g.caller.App, canonical)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return send()
	case err != nil:
		return err
	case known.User == g.caller.User:
		return auth.E(auth.CodeConflict, "This is one of your addresses already.")
	case g.caller.Door.Policy.RevealExisting:
		e := auth.E(auth.CodeIdentifierTaken, "")
		e.Violations = []auth.Violation{{Field: "email", Code: auth.ViolationNotUnique, Message: "This is taken."}}
		return e
	}
	owner, err := user.Load(tx, g.caller.App, known.User)
	if err != nil || owner.User.Status != auth.UserActive {
		return err
	}
	owner.Email = known
	return g.notify(tx, mail.EmailTaken, "", owner)
}

// MakeEmailPrimary lets mails go to another address of the user. The one of before stays an address of the user, and is
// told, with a link that takes the change back for a day (ET-13). Links that were mailed before die (ET-05). Codes:
// person-required, not-found, email-unverified (the address waits for its link), conflict (it is the primary one), and
// those of a change that needs evidence, as in ChangePassword.
func (s *Service) MakeEmailPrimary(ctx context.Context, c auth.Caller, id auth.EmailID, in Evidence) (user.Profile, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return user.Profile{}, err
	}
	if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
		return user.Profile{}, err
	}
	var out user.Profile
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if _, p, err := s.Login.AddedEmail(tx, now.User); err == nil && auth.EmailID(p.ID) == id {
			return auth.E(auth.CodeEmailUnverified, "Confirm this address first.")
		}
		if _, err := user.MakePrimary(tx, now.User, id); err != nil {
			return err
		}
		if err := s.Login.Proofs.RevokeAll(tx, c.App, c.User); err != nil {
			return err
		}
		if err := g.record(tx, "email.changed"); err != nil {
			return err
		}
		if now.Email.Address != "" {
			if err := s.Login.TellOldAddress(tx, c, mail.EmailChanged, g.app, now); err != nil {
				return err
			}
		}
		out, err = user.ReadProfile(tx, c.App, c.User)
		return err
	})
	return out, err
}

// RemoveEmail takes an address from the user, or gives up the one that waits for its link. The primary one stays. An address
// that was the user's is told, and so is the primary one. Codes: person-required, not-found, conflict (the primary one), and
// reauthentication-required but for an address that waits.
func (s *Service) RemoveEmail(ctx context.Context, c auth.Caller, id auth.EmailID) error {
	g, err := s.read(ctx, c)
	if err != nil {
		return err
	}
	return g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		_, p, err := s.Login.AddedEmail(tx, now.User)
		switch {
		case err == nil && auth.EmailID(p.ID) == id:
			return s.Login.Proofs.RevokeAll(tx, c.App, c.User, auth.ProofAddEmail)
		case err != nil && !auth.Is(err, auth.CodeConflict):
			return err
		case !g.fresh():
			return auth.E(auth.CodeReauthRequired, "")
		}
		gone, err := user.RemoveEmail(tx, now.User, id)
		if err != nil {
			return err
		}
		if err := g.record(tx, "email.removed"); err != nil {
			return err
		}
		if err := g.notify(tx, mail.EmailsChanged, mail.EmailRemoved, now); err != nil {
			return err
		}
		now.Email = gone
		return g.notify(tx, mail.EmailsChanged, mail.EmailRemoved, now)
	})
}
