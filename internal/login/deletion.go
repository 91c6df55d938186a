package login

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// DeletionGrace is how long a user who asked to be deleted can take that back.
func (s *Service) DeletionGrace() time.Duration { return s.Proofs.Lifetime(auth.ProofCancelDelete) }

// SendDeletion issues the proof that takes a deletion back and mails its link to the user.
func (s *Service) SendDeletion(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity) error {
	if who.Email.Address == "" {
		return nil
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofCancelDelete, App: who.User.App, User: who.User.ID})
	if err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.AccountDeleting, App: app, Token: token,
		ExpiresAt: tx.Now().Add(s.DeletionGrace())}, who)
}

// CancelDeletion spends the link of the mail about a deletion: the user stays. Nobody is signed in by it. A user whom an
// administrator has disabled meanwhile stays disabled, and the link is dead. Codes: proof-invalid, rate-limited.
func (s *Service) CancelDeletion(ctx context.Context, c auth.Caller, token string) error {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		p, err := s.Proofs.Consume(tx, auth.ProofCancelDelete, c.App, token)
		if err != nil {
			return err
		}
		who, err := user.Lock(tx, p.App, p.User)
		if err != nil {
			return proofInvalid(err)
		}
		if who.User.Shown() != auth.UserDeleting || who.User.Status != auth.UserActive || due(tx, who.User) {
			return auth.E(auth.CodeProofInvalid, "")
		}
		if _, err := s.keep(tx, c, who.User, "link"); err != nil {
			return err
		}
		return refund(tx, guess)
	})
}

// due reports whether the time of a user has come, so that the erasure may have begun and nothing takes it back.
func due(tx *store.Tx, u auth.User) bool { return !u.DeleteAt.IsZero() && !tx.Now().Before(u.DeleteAt) }

// returned takes a deletion back because the user has signed in, and tells them so: whoever it was may not be the one who
// asked to be deleted. Codes: invalid-credentials (the time has come).
func (s *Service) returned(tx *store.Tx, c auth.Caller, who user.Identity) (auth.User, error) {
	if who.User.DeleteAt.IsZero() {
		return who.User, nil
	}
	if due(tx, who.User) {
		return who.User, auth.E(auth.CodeInvalidCredentials, "")
	}
	u, err := s.keep(tx, c, who.User, "sign-in")
	if err != nil || who.Email.Address == "" {
		return u, err
	}
	app, err := tx.App(u.App)
	if err != nil {
		return u, err
	}
	return u, s.Notify(tx, c, mail.Message{Kind: mail.AccountKept, App: app}, who)
}

// keep ends a deletion that waits.
func (s *Service) keep(tx *store.Tx, c auth.Caller, u auth.User, by string) (auth.User, error) {
	u, err := user.SetDeletion(tx, u, time.Time{})
	if err != nil {
		return u, err
	}
	if err := s.Proofs.RevokeAll(tx, u.App, u.ID, auth.ProofCancelDelete); err != nil {
		return u, err
	}
	return u, s.Record(tx, c, auth.Event{App: u.App, Action: "user.deletion-canceled", User: u.ID, Data: map[string]string{"by": by}})
}
