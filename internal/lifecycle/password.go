package lifecycle

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// PasswordChange is a new password and what shows that it is the user who wants it: the current password, a code of
// the second factor, or neither within the step-up window after a full sign-in.
type PasswordChange struct {
	CurrentPassword, Code string
	NewPassword           string
}

// ChangePassword sets the user's own password. Every other session ends (password-changed), every pending link and
// challenge dies, and a mail tells the user; API keys live on, for they are not made with the password (PW-15, ET-05).
// Codes: person-required, weak-password, conflict (the same password), reauthentication-required, invalid-credentials, second-factor-invalid,
// totp-not-enabled (a code without a factor), rate-limited, overloaded.
func (s *Service) ChangePassword(ctx context.Context, c auth.Caller, in PasswordChange) (user.Profile, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return user.Profile{}, err
	}
	if err := s.Login.CheckPassword(ctx, g.app, in.NewPassword, g.who.Email.Address, g.who.User.Username); err != nil {
		return user.Profile{}, err
	}
	if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
		return user.Profile{}, err
	}
	same, err := g.same(ctx, in)
	if err != nil {
		return user.Profile{}, err
	}
	hash, err := s.Login.Hash(ctx, in.NewPassword)
	if err != nil {
		return user.Profile{}, err
	}
	var out user.Profile
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if same {
			return samePassword()
		}
		if err := user.SetPassword(tx, now.User, hash, false); err != nil {
			return err
		}
		if _, err := s.Login.Sessions.EndAll(tx, c, c.App, c.User, auth.EndPasswordChanged, c.Session); err != nil {
			return err
		}
		if err := s.Login.Proofs.RevokeAll(tx, c.App, c.User); err != nil {
			return err
		}
		if err := g.record(tx, "password.changed"); err != nil {
			return err
		}
		if err := g.notify(tx, mail.PasswordChanged, "", now); err != nil {
			return err
		}
		out, err = user.ReadProfile(tx, c.App, c.User)
		return err
	})
	return out, err
}

// same reports whether the account has the new password already. A code is looked at in the Write only, so the answer
// is given there: whoever holds a token and a wrong code shall not try passwords here.
func (g *gate) same(ctx context.Context, in PasswordChange) (bool, error) {
	if in.CurrentPassword != "" || g.who.Password.Hash == "" {
		return in.CurrentPassword == in.NewPassword, nil
	}
	same, _, err := g.s.Login.VerifyPassword(ctx, g.who.Password, in.NewPassword)
	return same, err
}

func samePassword() error {
	e := auth.E(auth.CodeConflict, "This is the password of the account already.")
	e.Violations = []auth.Violation{{Field: "password", Code: auth.ViolationInvalid, Message: e.Message}}
	return e
}

// renameField moves violations of one input field to another: the gate calls the password it checks `password`.
func renameField(err error, from, to string) error {
	e := auth.AsError(err)
	if e == nil || e.Code != auth.CodeInvalidRequest {
		return err
	}
	for i := range e.Violations {
		if e.Violations[i].Field == from {
			e.Violations[i].Field = to
		}
	}
	return e
}
