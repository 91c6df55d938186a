package login

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// RequestPasswordReset mails a link to the stored address of the user whose address or username this is, never to
// what was typed (ET-07). The answer and its work are the same for every identifier, also when mails are used up.
func (s *Service) RequestPasswordReset(ctx context.Context, c auth.Caller, identifier string) error {
	a, err := s.identify(ctx, c, Credentials{Identifier: identifier})
	if err != nil {
		return err
	}
	recipient := a.who.Email.Canonical
	if recipient == "" {
		if recipient, _, err = user.CanonicalIdentifier(identifier); err != nil {
			recipient = ""
		}
	}
	may, err := s.MayMail(ctx, c, recipient)
	if err != nil {
		return err
	}
	decoy := s.decoy(c.App, recipient)
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		who, _, err := user.ByIdentifier(tx, c.App, identifier)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.Record(tx, c, auth.Event{Action: "password.reset-requested", User: who.User.ID}); err != nil {
			return err
		}
		if !may {
			return nil
		}
		if who.User.Status != auth.UserActive || who.Email.Address == "" {
			who = decoy
		}
		return s.SendReset(tx, c, a.app, who)
	})
}

// SendReset issues a reset proof, which ends older ones, and queues the mail with its link.
func (s *Service) SendReset(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity) error {
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofPasswordReset, App: who.User.App, User: who.User.ID,
		Email: who.Email.Canonical})
	if err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.ResetPassword, App: app, Token: token,
		ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofPasswordReset))}, who)
}

// ResetToken tells who holds a reset token that works.
type ResetToken struct {
	Email     string // the address that it was mailed to
	ExpiresAt time.Time
}

// CheckResetToken tells whether a reset token would work, and spends nothing. Codes: proof-invalid, rate-limited.
func (s *Service) CheckResetToken(ctx context.Context, c auth.Caller, token string) (ResetToken, error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return ResetToken{}, err
	}
	p, who, _, err := s.readReset(ctx, c, token)
	if err != nil {
		return ResetToken{}, err
	}
	s.Refund(ctx, guess)
	return ResetToken{Email: who.Email.Address, ExpiresAt: p.ExpiresAt}, nil
}

// readReset finds whose reset token this is.
func (s *Service) readReset(ctx context.Context, c auth.Caller, token string) (p auth.Proof, who user.Identity, app auth.App, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if app, err = openApp(tx, c.App); err != nil {
			return err
		}
		if p, err = s.Proofs.Check(tx, auth.ProofPasswordReset, c.App, token); err != nil {
			return err
		}
		if who, err = user.Load(tx, p.App, p.User); err != nil {
			return proofInvalid(err)
		}
		return bound(p, who)
	})
	return p, who, app, err
}

// ResetPassword spends a mailed token and sets a new password. The mail's address counts as proven from elsewhere:
// every session ends, and if the address was not proven before, the API keys made until then too (ET-12). All other
// pending links of the user die and a mail tells of the change. It signs nobody in and leaves the second factor
// alone (ET-08). A weak password spends nothing. Codes: proof-invalid, weak-password, rate-limited, overloaded.
func (s *Service) ResetPassword(ctx context.Context, c auth.Caller, token, password string) error {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return err
	}
	_, who, app, err := s.readReset(ctx, c, token)
	if err != nil {
		return err
	}
	// The token is right, so whatever refuses from here on is no guess.
	if err := s.CheckPassword(ctx, app, password, who.Email.Address, who.User.Username); err != nil {
		s.Refund(ctx, guess)
		return err
	}
	hash, err := s.Hash(ctx, password)
	if err != nil {
		s.Refund(ctx, guess)
		return err
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		_, who, err := s.lockProofOwner(tx, auth.ProofPasswordReset, c.App, token)
		if err != nil {
			return err
		}
		if err := user.SetPassword(tx, who.User, hash, false); err != nil {
			return err
		}
		if err := s.afterReset(tx, c, app, who); err != nil {
			return err
		}
		return refund(tx, guess)
	})
}

// afterReset ends what must not survive a reset, and tells the user.
func (s *Service) afterReset(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity) error {
	if _, err := s.prove(tx, c, who, auth.EndPasswordReset); err != nil {
		return err
	}
	if _, err := s.Sessions.EndAll(tx, c, who.User.App, who.User.ID, auth.EndPasswordReset); err != nil {
		return err
	}
	if err := s.Proofs.RevokeAll(tx, who.User.App, who.User.ID); err != nil {
		return err
	}
	if err := s.reopen(tx, who.User.App, who.User.ID); err != nil {
		return err
	}
	if err := s.Record(tx, c, auth.Event{Action: "password.reset", User: who.User.ID}); err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.PasswordChanged, App: app}, who)
}
