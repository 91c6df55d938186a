package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Credentials are what somebody signs in with. Code is for doors that ask for the second factor at once.
type Credentials struct {
	Identifier string // e-mail address or username
	Password   string
	Code       string // TOTP or backup code; empty: a challenge follows if one is needed
	Device     string
}

// Challenge is a half-finished sign-in. Nothing but CompleteSecondFactor takes its token.
type Challenge struct {
	Token     string
	Factors   []auth.FactorKind
	ExpiresAt time.Time
}

// SignInOutcome is one of the two.
type SignInOutcome struct {
	SignedIn  *SignedIn
	Challenge *Challenge
}

// attempt is one sign-in on its way.
type attempt struct {
	caller   auth.Caller
	in       Credentials
	app      auth.App
	known    bool
	who      user.Identity // as it was when the password was checked
	subject  string        // of the guess budget: one for all ways to name one user
	guesses  []*limit.Reservation
	methods  []string       // how the person was proven so far; nil: by the password
	upstream *auth.Upstream // to be linked when the second factor is shown; nil: none
	rehash   string         // the same password under today's parameters; empty: it is already
}

// SignIn checks a password and, where the user has one, the second factor. Budgets of the account and of the network
// are reserved before the password is hashed and given back with a right one. An unknown user costs the same hash;
// unknown, wrong and disabled are the same answer to who does not know the password (EN-01, EN-02). Codes:
// invalid-credentials, second-factor-invalid, account-disabled, password-reset-required, email-unverified (these
// three only to who proved the password), rate-limited, overloaded, invalid-request (a password beyond all bounds).
func (s *Service) SignIn(ctx context.Context, c auth.Caller, in Credentials) (SignInOutcome, error) {
	if len(in.Password) > maxPassword {
		return SignInOutcome{}, auth.Invalid("password", auth.ViolationTooLong, "No password is that long.")
	}
	in.Device = cleanDevice(in.Device)
	began := s.Clock()
	a, err := s.identify(ctx, c, in)
	if err != nil {
		return SignInOutcome{}, err
	}
	guess, shut, err := s.reservePassword(ctx, c, a.subject)
	if err != nil {
		return SignInOutcome{}, err
	}
	a.guesses = append(a.guesses, guess)
	if shut {
		a.who.Password.Hash = ""
	}
	ok, outdated, err := s.VerifyPassword(ctx, a.who.Password, in.Password)
	if err != nil {
		s.refundUnlooked(ctx, err, a.guesses...)
		return SignInOutcome{}, err
	}
	if !ok {
		refusal := s.refuseSignIn(ctx, a)
		if err := s.waitUntil(ctx, began.Add(s.FailureFloor)); err != nil {
			return SignInOutcome{}, err
		}
		return SignInOutcome{}, refusal
	}
	return s.passwordProven(ctx, a, outdated)
}

// waitUntil holds an answer back, so that who is refused cannot tell by the time whose password was looked at, and how it
// is hashed: hashes that other systems made cost what they cost (EN-03).
func (s *Service) waitUntil(ctx context.Context, at time.Time) error {
	rest := at.Sub(s.Clock())
	if rest <= 0 || s.Wait == nil {
		return nil
	}
	return s.Wait(ctx, rest)
}

// refundUnlooked gives the guesses back if the server had no time to look at the secret.
func (s *Service) refundUnlooked(ctx context.Context, err error, guesses ...*limit.Reservation) {
	if auth.Is(err, auth.CodeOverloaded) {
		s.Refund(ctx, guesses...)
	}
}

// identify looks up who is meant. Not finding anybody is no error here.
func (s *Service) identify(ctx context.Context, c auth.Caller, in Credentials) (*attempt, error) {
	a := &attempt{caller: c, in: in}
	var err error
	if a.app, err = s.app(ctx, c.App); err != nil {
		return nil, err
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		var canonical string
		a.who, canonical, err = user.ByIdentifier(tx, c.App, in.Identifier)
		switch {
		case err == nil:
			a.known = true
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		a.subject, err = lane(tx, c.App, a.who.User.ID, limit.Network(c.IP))
		if !a.known {
			a.subject = limit.Identifier(c.App, canonical)
		}
		return err
	})
	return a, err
}

// refuseSignIn records a wrong password, or a user that does not exist, and tells the owner of an account whose last
// guess it was: the lock itself is not told at the door (EN-06). After the last of the total the owner gets a link to
// choose a new password, which is the way back in (RL-07).
func (s *Service) refuseSignIn(ctx context.Context, a *attempt) error {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		err := s.Record(tx, a.caller, auth.Event{Action: "sign-in.failed", Outcome: string(auth.CodeInvalidCredentials),
			User: a.who.User.ID, Data: map[string]string{"contract": a.caller.Door.Contract}})
		if err != nil || !a.known || a.who.User.Status != auth.UserActive || a.who.Email.Address == "" {
			return err
		}
		if a.guesses[0].Last(limit.SignInTotal) {
			if err := s.SendReset(tx, a.caller, a.app, a.who); err != nil {
				return err
			}
		}
		if !a.guesses[0].Last(limit.SignInAccount) {
			return nil
		}
		return s.Mail.Send(tx, mail.Message{Kind: mail.AccountLocked, App: a.app, To: a.who.Email.Address, Name: a.who.User.Name,
			Links: a.caller.Door.Links, Languages: languages(a.who.User, a.caller)})
	})
	if err != nil {
		return err
	}
	return auth.E(auth.CodeInvalidCredentials, "")
}

// passwordProven goes on after a right password.
func (s *Service) passwordProven(ctx context.Context, a *attempt, outdated bool) (SignInOutcome, error) {
	if refusal := standing(a.who, a.caller.Door.Policy); refusal != nil {
		return SignInOutcome{}, s.refuseProven(ctx, a, refusal)
	}
	if outdated {
		// Upgrading is a favour; a busy server leaves it for the next sign-in.
		if hash, err := s.Hash(ctx, a.in.Password); err == nil {
			a.rehash = hash
		}
	}
	if !a.who.User.TOTP {
		return s.finish(ctx, a, []string{auth.AMRPassword})
	}
	if a.in.Code == "" {
		return s.challenge(ctx, a)
	}
	guess, err := s.Limits.Reserve(ctx, factor.Guess(a.caller.App, a.who.User.ID))
	if err != nil {
		return SignInOutcome{}, err
	}
	a.guesses = append(a.guesses, guess)
	return s.finish(ctx, a, nil)
}

// standing says why a user who proved the password may still not sign in at a door; nil if nothing is in the way.
func standing(who user.Identity, p auth.Policy) *auth.Error {
	return standingFor(who, p, []string{auth.AMRPassword})
}

// standingFor is standing for a user who was proven by the methods. A password that must be changed bars only itself.
func standingFor(who user.Identity, p auth.Policy, methods []string) *auth.Error {
	switch {
	case who.User.Status != auth.UserActive:
		return auth.E(auth.CodeAccountDisabled, "")
	case who.Password.MustChange && slices.Contains(methods, auth.AMRPassword):
		return auth.E(auth.CodePasswordExpired, "")
	case !p.AllowUnverified && !who.Email.Verified():
		return auth.E(auth.CodeEmailUnverified, "")
	}
	return nil
}

// refuseProven records a refusal to somebody who knows the password. The guess was right, so it is given back.
func (s *Service) refuseProven(ctx context.Context, a *attempt, refusal *auth.Error) error {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.Record(tx, a.caller, auth.Event{Action: "sign-in.failed", Outcome: string(refusal.Code), User: a.who.User.ID,
			Data: map[string]string{"contract": a.caller.Door.Contract}}); err != nil {
			return err
		}
		return s.passwordRight(tx, a)
	})
	if err != nil {
		return err
	}
	return refusal
}

// lockProven reads the user again inside the Write of a success: what was proven must still be the truth.
func lockProven(tx *store.Tx, who user.Identity, p auth.Policy) (user.Identity, error) {
	now, err := user.Lock(tx, who.User.App, who.User.ID)
	if err != nil {
		return now, err
	}
	if now.Password.Hash != who.Password.Hash || now.User.Epoch != who.User.Epoch || now.User.TOTP != who.User.TOTP ||
		due(tx, now.User) {
		return now, auth.E(auth.CodeInvalidCredentials, "The account has just changed. Please sign in again.")
	}
	if refusal := standing(now, p); refusal != nil {
		return now, refusal
	}
	return now, nil
}

// challenge ends the first half of a sign-in. The password is known to whoever asks, which is worth an event (C14).
func (s *Service) challenge(ctx context.Context, a *attempt) (SignInOutcome, error) {
	var ch Challenge
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		now, err := lockProven(tx, a.who, a.caller.Door.Policy)
		if err != nil {
			return err
		}
		if err := s.upgrade(tx, a); err != nil {
			return err
		}
		if err := s.Record(tx, a.caller, auth.Event{Action: "password.known", User: now.User.ID}); err != nil {
			return err
		}
		if ch, err = s.issueChallenge(tx, a, now); err != nil {
			return err
		}
		return s.passwordRight(tx, a)
	})
	if err != nil {
		return SignInOutcome{}, err
	}
	return SignInOutcome{Challenge: &ch}, nil
}

func (s *Service) upgrade(tx *store.Tx, a *attempt) error {
	if a.rehash == "" {
		return nil
	}
	return user.UpgradePassword(tx, a.who.Password, a.rehash)
}

// finish makes the session. methods is nil where the inline code decides.
func (s *Service) finish(ctx context.Context, a *attempt, methods []string) (SignInOutcome, error) {
	draft, err := s.Sessions.Draft(session.Start{User: a.who.User, EmailVerified: a.who.Email.Verified(), Caller: a.caller,
		AMR: methods, Device: a.in.Device})
	if err != nil {
		return SignInOutcome{}, err
	}
	var (
		out     SignedIn
		refusal error
	)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		now, err := lockProven(tx, a.who, a.caller.Door.Policy)
		if err != nil {
			return err
		}
		if methods == nil {
			kind, ok, err := s.Factors.Verify(tx, a.caller.App, a.who.User.ID, a.in.Code)
			if err != nil {
				return err
			}
			if !ok {
				refusal = auth.E(auth.CodeSecondFactorWrong, "")
				return s.recordWrongFactor(tx, a.caller, now.User)
			}
			draft.Session.AMR = factorMethods(kind, auth.AMRPassword)
			if err := s.spentFactor(tx, a.caller, a.app, now, kind); err != nil {
				return err
			}
		}
		if err := s.upgrade(tx, a); err != nil {
			return err
		}
		out, err = s.startSession(tx, a.caller, draft, now)
		if err != nil {
			return err
		}
		return s.passwordRight(tx, a)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return SignInOutcome{}, err
	}
	out.Grant, err = s.Sessions.Issue(ctx, draft)
	return SignInOutcome{SignedIn: &out}, err
}

// startSession stores the session and the event of a sign-in that is complete. It takes back a deletion that waits.
func (s *Service) startSession(tx *store.Tx, c auth.Caller, draft *session.Draft, now user.Identity) (SignedIn, error) {
	var err error
	if now.User, err = s.returned(tx, c, now); err != nil {
		return SignedIn{}, err
	}
	if err := s.Sessions.Insert(tx, draft); err != nil {
		return SignedIn{}, err
	}
	err = s.Record(tx, c, auth.Event{Action: "sign-in.succeeded", User: now.User.ID, Session: draft.Session.ID,
		Data: map[string]string{"contract": c.Door.Contract}})
	if err != nil {
		return SignedIn{}, err
	}
	out := SignedIn{User: now.User, Email: now.Email}
	out.Belongings, err = user.ReadBelongings(tx, now.User.App, now.User.ID)
	return out, err
}
