package lifecycle

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// EmailChange is a new address and what shows that it is the user who wants it, as in PasswordChange. An empty address
// asks for another mail about the one that waits for confirmation, which takes no evidence.
type EmailChange struct {
	Email                 string
	CurrentPassword, Code string
}

// EmailPending is a change of address that waits for the link in its mail.
type EmailPending struct {
	Email     string // the new address, as typed
	ExpiresAt time.Time
}

// ChangeEmail mails a link to a new address and a notice to the old one, which stays the user's until the link is
// followed, and whose own link cancels the change (ET-13); a second change ends the first. Only who has proven the present address may change it. Whether
// the new one is taken is told only where sign-up.existing says `reveal`; elsewhere its owner gets a mail. Codes:
// person-required, invalid-request, email-unverified, conflict (an address of the user's, or none waits), identifier-taken,
// reauthentication-required, invalid-credentials, second-factor-invalid, totp-not-enabled, rate-limited, overloaded.
func (s *Service) ChangeEmail(ctx context.Context, c auth.Caller, in EmailChange) (EmailPending, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return EmailPending{}, err
	}
	if !g.who.Email.Verified() {
		return EmailPending{}, auth.E(auth.CodeEmailUnverified, "Confirm the present address first.")
	}
	wanted := login.NewEmail{Address: in.Email, From: g.who.Email.Canonical}
	if in.Email == "" {
		err := s.Login.DB.Read(ctx, func(tx *store.Tx) (err error) {
			wanted, err = s.Login.PendingEmail(tx, g.who.User)
			return err
		})
		if err != nil {
			return EmailPending{}, err
		}
	}
	canonical, err := auth.CanonicalEmail(wanted.Address)
	if err != nil {
		return EmailPending{}, err
	}
	if canonical == g.who.Email.Canonical {
		return EmailPending{}, auth.E(auth.CodeConflict, "This is the address of the account already.")
	}
	if in.Email != "" {
		if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
			return EmailPending{}, err
		}
	}
	if _, err := s.mailable(ctx, c, canonical); err != nil {
		return EmailPending{}, err
	}
	out := EmailPending{Email: wanted.Address}
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		out.ExpiresAt = tx.Now().Add(s.Login.Proofs.Lifetime(auth.ProofChangeEmail))
		if now.Email.Canonical != wanted.From {
			return auth.E(auth.CodeReauthRequired, "The account has just changed. Please try again.")
		}
		return g.sendNewEmail(tx, now, wanted, canonical)
	})
	return out, err
}

// VerifyOrChangeEmail mails a verification link to the user's own address, or asks for another one as ChangeEmail does,
// within the step-up window. Codes: those of login.RequestEmailVerification and ChangeEmail.
func (s *Service) VerifyOrChangeEmail(ctx context.Context, c auth.Caller, typed string) error {
	own := typed == ""
	if !own {
		canonical, err := auth.CanonicalEmail(typed)
		if err != nil {
			return err
		}
		err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
			now, err := tx.PrimaryEmail(c.App, c.User)
			own = now.Canonical == canonical
			return err
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if own {
		return s.Login.RequestEmailVerification(ctx, c, typed)
	}
	_, err := s.ChangeEmail(ctx, c, EmailChange{Email: typed})
	return err
}

// sendNewEmail mails both addresses, or the owner of one that is taken.
func (g *gate) sendNewEmail(tx *store.Tx, now user.Identity, wanted login.NewEmail, canonical string) error {
	if err := g.record(tx, "email.change-requested"); err != nil {
		return err
	}
	if err := g.s.Login.TellOldAddress(tx, g.caller, mail.EmailChanging, g.app, now); err != nil {
		return err
	}
	return g.whoseEmail(tx, canonical, func() error { return g.s.Login.SendNewEmail(tx, g.caller, g.app, now, wanted) })
}

// UsernameChange is a new username and what shows that it is the user who wants it, as in PasswordChange.
type UsernameChange struct {
	Username              string
	CurrentPassword, Code string
}

// ChangeUsername gives the user another name to sign in with. Every other session ends (username-changed). Usernames
// are public to who chooses one, so a taken one is told. Codes: person-required, invalid-request, conflict (the same
// name), identifier-taken, and those of a change that needs evidence, as in ChangePassword.
func (s *Service) ChangeUsername(ctx context.Context, c auth.Caller, in UsernameChange) (user.Profile, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return user.Profile{}, err
	}
	switch in.Username {
	case "":
		return user.Profile{}, auth.Invalid("username", auth.ViolationRequired, "A username is needed.")
	case g.who.User.Username:
		return user.Profile{}, auth.E(auth.CodeConflict, "This is the username of the account already.")
	}
	if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
		return user.Profile{}, err
	}
	g.lockApp = true // a rule about all usernames of the app
	var out user.Profile
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		_, err := user.Update(tx, now.User, g.app.Settings.Attributes, auth.WrittenByUser, user.Change{Username: &in.Username})
		if err != nil {
			return err
		}
		if _, err := s.Login.Sessions.EndAll(tx, c, c.App, c.User, auth.EndUsernameChanged, c.Session); err != nil {
			return err
		}
		if err := g.record(tx, "username.changed"); err != nil {
			return err
		}
		out, err = user.ReadProfile(tx, c.App, c.User)
		return err
	})
	return out, err
}
