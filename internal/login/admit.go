package login

import (
	"context"
	"errors"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Admission is what an app's registration mode says to somebody who wants in without an invitation by mail: nil, or
// registration-closed, invitation-required, invite-code-required or registration-waitlisted. A code is not looked at
// here. Every flow that makes a user of a stranger asks it; administrators and invitations do not.
func Admission(app auth.App, inviteCode string) error {
	switch app.Settings.Registration {
	case auth.RegistrationClosed:
		return auth.E(auth.CodeRegistrationClosed, "")
	case auth.RegistrationInvite:
		return auth.E(auth.CodeInvitationRequired, "")
	case auth.RegistrationInviteCode:
		if inviteCode == "" {
			return auth.E(auth.CodeInviteCodeRequired, "")
		}
	case auth.RegistrationWaitlist:
		if inviteCode == "" {
			return auth.E(auth.CodeRegistrationWaitlisted, "The address is on the waiting list. A mail will tell when it is its turn.")
		}
	}
	return nil
}

// admit applies the mode. Who must wait goes on, to be put into the queue.
func (r *registration) admit(code string) error {
	r.code = code
	err := Admission(r.app, code)
	if auth.Is(err, auth.CodeRegistrationWaitlisted) {
		r.waits = true
		return nil
	}
	return err
}

// checkCode looks at the invite code before the password is hashed. A wrong one counts as a guess of the network.
func (s *Service) checkCode(ctx context.Context, c auth.Caller, r *registration) error {
	if r.code == "" {
		return nil
	}
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return err
	}
	r.guesses = append(r.guesses, guess)
	return s.DB.Read(ctx, func(tx *store.Tx) error { return invite.CheckCode(tx, c.App, r.code) })
}

// useCode spends the invite code. It is spent as well by a sign-up with the address of an account where the policy
// conceals: what is left of a code must not tell what became of the sign-up.
func (s *Service) useCode(tx *store.Tx, r registration) (auth.InviteCode, error) {
	if r.code == "" {
		return auth.InviteCode{}, nil
	}
	code, err := invite.UseCode(tx, r.app.ID, r.code)
	if err != nil {
		return code, err
	}
	return code, refund(tx, r.guesses...)
}

// endow gives a new user what the app and the code promise: an account, a starting balance.
func (s *Service) endow(tx *store.Tx, c auth.Caller, r registration, code auth.InviteCode, out *SignedIn) error {
	if r.account != (account.New{}) {
		if _, err := s.Accounts.Open(tx, c, r.account); err != nil {
			return err
		}
	}
	if code.ID != "" {
		err := s.Record(tx, c, auth.Event{Action: "invite-code.used", User: out.User.ID, Target: string(code.ID)})
		if err != nil {
			return err
		}
	}
	if code.Credit > 0 {
		if _, err := s.Accounts.AddCredit(tx, c, account.Grant{User: out.User.ID, Amount: code.Credit}); err != nil {
			return err
		}
	}
	var err error
	out.Belongings, err = user.ReadBelongings(tx, out.User.App, out.User.ID)
	return err
}

// accountName is how the account of a new user is called until somebody gives it a name.
func accountName(n user.New) string {
	for _, name := range []string{n.User.Name, n.User.Username} {
		if name != "" {
			return name
		}
	}
	if name := []rune(n.Email.Address); len(name) > longAccountName {
		return string(name[:longAccountName])
	}
	return n.Email.Address
}

const longAccountName = 200

// queue puts a stranger's address into the waitlist of sign-ups. The answer is the same for an address that is in use
// already; its owner gets a mail (EN-01).
func (s *Service) queue(ctx context.Context, c auth.Caller, r registration) error {
	id := auth.WaitlistEntryID(secret.NewID(s.Rand, s.Clock()))
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		switch _, err := tx.EmailByCanonical(c.App, r.new.Email.Canonical); {
		case err == nil:
			return s.tellOwner(tx, c, r)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		_, err := s.Waits.Add(tx, c, auth.WaitlistEntry{ID: id, App: c.App, Feature: auth.SignUpFeature, Email: r.new.Email.Address},
			r.new.Email.Canonical)
		return err
	})
	if err != nil {
		return err
	}
	return Admission(r.app, "")
}
