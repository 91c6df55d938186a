package login

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// SetupLink is the secret that makes the first administrator, once.
type SetupLink struct {
	Token     string
	ExpiresAt time.Time
}

// EnsureSetupProof makes a new setup secret while the app `default` has no administrator; the one before it dies.
// needed is false, and nothing is made, once there is one. The server calls it at each start and prints the link.
func (s *Service) EnsureSetupProof(ctx context.Context) (link SetupLink, needed bool, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		link, needed, err = s.setupProof(tx)
		return err
	})
	return link, needed, err
}

// IssueSetupLink is EnsureSetupProof for an operator who has lost the link, with the event setup-link.issued.
func (s *Service) IssueSetupLink(ctx context.Context, c auth.Caller) (link SetupLink, needed bool, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if link, needed, err = s.setupProof(tx); err != nil || !needed {
			return err
		}
		return s.Record(tx, c, auth.Event{App: auth.DefaultApp, Action: "setup-link.issued"})
	})
	return link, needed, err
}

func (s *Service) setupProof(tx *store.Tx) (link SetupLink, needed bool, err error) {
	if vacant, err := lockVacancy(tx); err != nil || !vacant {
		return SetupLink{}, false, err
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofSetup, App: auth.DefaultApp})
	return SetupLink{Token: token, ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofSetup))}, err == nil, err
}

// lockVacancy locks the default app and reports whether it has no administrator, which stays true until the commit.
func lockVacancy(tx *store.Tx) (bool, error) {
	if _, err := tx.AppForUpdate(auth.DefaultApp); err != nil {
		return false, err
	}
	n, err := tx.CountActive(auth.DefaultApp, auth.RoleAdmin)
	return n == 0, err
}

// FirstAdministrator is who takes over a new server.
type FirstAdministrator struct {
	Token                         string
	Email, Password, Name, Device string
}

// CreateFirstAdministrator spends the setup secret, makes the administrator and signs it in. Of any number of
// simultaneous calls exactly one succeeds (PW-17, AD-01). The address counts as proven: the secret comes from the
// server's own console. Codes: proof-invalid, invalid-request, weak-password, conflict (there is one already),
// identifier-taken, rate-limited, overloaded.
func (s *Service) CreateFirstAdministrator(ctx context.Context, c auth.Caller, in FirstAdministrator) (SignedIn, error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return SignedIn{}, err
	}
	app, err := s.checkSetup(ctx, c, in.Token)
	if err != nil {
		return SignedIn{}, err
	}
	n, err := s.prepareAdministrator(ctx, c, app, in)
	if err != nil {
		s.Refund(ctx, guess)
		return SignedIn{}, err
	}
	draft, err := s.Sessions.Draft(session.Start{User: n.User, EmailVerified: true, Caller: c,
		AMR: []string{auth.AMRPassword}, Device: cleanDevice(in.Device)})
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		vacant, err := lockVacancy(tx)
		if err != nil {
			return err
		}
		if _, err := s.Proofs.Consume(tx, auth.ProofSetup, auth.DefaultApp, in.Token); err != nil {
			return err
		}
		if !vacant {
			return auth.E(auth.CodeConflict, "There is an administrator already.")
		}
		made, email, err := user.Insert(tx, n)
		if err != nil {
			return err
		}
		if err := s.Record(tx, c, auth.Event{Action: "user.created", User: made.ID,
			Data: map[string]string{"role": string(made.Role), "by": "setup"}}); err != nil {
			return err
		}
		draft.For(made, true)
		if out, err = s.startSession(tx, c, draft, user.Identity{User: made, Email: email}); err != nil {
			return err
		}
		return refund(tx, guess)
	})
	if err != nil {
		return SignedIn{}, err
	}
	out.Grant, err = s.Sessions.Issue(ctx, draft)
	return out, err
}

func (s *Service) checkSetup(ctx context.Context, c auth.Caller, token string) (app auth.App, err error) {
	if c.App != auth.DefaultApp {
		return app, auth.E(auth.CodeProofInvalid, "")
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if app, err = openApp(tx, auth.DefaultApp); err != nil {
			return err
		}
		_, err = s.Proofs.Check(tx, auth.ProofSetup, auth.DefaultApp, token)
		return err
	})
	return app, err
}

func (s *Service) prepareAdministrator(ctx context.Context, c auth.Caller, app auth.App, in FirstAdministrator) (user.New, error) {
	now := s.Clock()
	n, err := user.Check(user.New{
		User: auth.User{ID: auth.UserID(secret.NewID(s.Rand, now)), App: app.ID, Name: in.Name, Role: auth.RoleAdmin,
			Locale: s.Mail.Language(c.AcceptLanguage)},
		Email:    auth.Email{ID: auth.EmailID(secret.NewID(s.Rand, now)), Address: in.Email},
		Verified: true,
	})
	if err != nil {
		return n, err
	}
	if err := s.CheckPassword(ctx, app, in.Password, n.Email.Address); err != nil {
		return n, err
	}
	n.PasswordHash, err = s.Hash(ctx, in.Password)
	return n, err
}
