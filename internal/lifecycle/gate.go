package lifecycle

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Service makes the changes. Login carries everything it is made of.
type Service struct {
	Login *login.Service
}

// evidence is what a person offers to show again who they are.
type evidence struct {
	password string
	code     string // of the second factor
	totpOnly bool   // a backup code does not count
}

// gate is a caller on the way to a change that needs more than a credential.
type gate struct {
	s       *Service
	caller  auth.Caller
	app     auth.App
	who     user.Identity // as it was when the evidence was checked
	offered evidence
	guesses []*limit.Reservation
	lockApp bool                // the change is about a rule of the whole app, whose row is locked before the user's
	spent   auth.FactorKind     // what the offered code was
	passkey *login.ShownPasskey // that was offered and is right; nil: none
}

// read loads the caller's user and app.
func (s *Service) read(ctx context.Context, c auth.Caller) (*gate, error) {
	if !c.Person() {
		return nil, auth.E(auth.CodePersonRequired, "")
	}
	g := &gate{s: s, caller: c}
	err := s.Login.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if g.app, err = tx.App(c.App); err != nil {
			return err
		}
		g.who, err = user.Load(tx, c.App, c.User)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.E(auth.CodeInvalidToken, "")
	}
	return g, err
}

// fresh reports whether the person signed in within the step-up window, by all the factors the account has: a sign-in
// from before the second factor was set up is none (C2).
func (g *gate) fresh() bool {
	return g.s.Login.Sessions.Fresh(g.caller) && (!g.who.User.TOTP || slices.Contains(g.caller.AMR, auth.AMRMFA))
}

// prove takes what a change needs: the password, a code, or neither while the sign-in is fresh. Codes:
// reauthentication-required and those of offer, about current_password.
func (g *gate) prove(ctx context.Context, password, code string) error {
	if password == "" && code == "" && !g.fresh() {
		return auth.E(auth.CodeReauthRequired, "")
	}
	err := g.offer(ctx, evidence{password: password, code: code})
	if err == nil {
		return nil
	}
	return renameField(err, "password", "current_password")
}

// offer checks a password at once, under the same budgets as a sign-in, and reserves a guess for a code, which is spent
// by pass. Codes: invalid-credentials, rate-limited, overloaded, invalid-request.
func (g *gate) offer(ctx context.Context, e evidence) error {
	g.offered = e
	if e.password != "" {
		if err := g.checkPassword(ctx, e.password); err != nil {
			return err
		}
	}
	if e.code == "" {
		return nil
	}
	guess, err := g.s.Login.Limits.Reserve(ctx, factor.Guess(g.caller.App, g.caller.User))
	g.guesses = append(g.guesses, guess)
	return err
}

// showPasskey checks a passkey, which pass spends. Codes: proof-invalid, invalid-request, second-factor-invalid, not-found,
// rate-limited.
func (g *gate) showPasskey(ctx context.Context, in Evidence) (err error) {
	g.passkey, err = g.s.Login.CheckPasskey(ctx, g.caller, login.PasskeyAnswer{Kind: auth.ProofPasskeyStepUp, Flow: in.Flow,
		Credential: in.Credential, Owner: g.caller.User, Session: g.caller.Session})
	return err
}

func (g *gate) checkPassword(ctx context.Context, password string) error {
	if len(password) > auth.PasswordMaxBytes {
		return auth.Invalid("password", auth.ViolationTooLong, "No password is that long.")
	}
	guess, shut, err := g.s.Login.ReservePassword(ctx, g.caller, g.caller.User)
	if err != nil {
		return err
	}
	stored := g.who.Password
	if shut {
		stored.Hash = ""
	}
	ok, _, err := g.s.Login.VerifyPassword(ctx, stored, password)
	if auth.Is(err, auth.CodeOverloaded) {
		g.s.Login.Refund(ctx, guess)
	}
	if err != nil {
		return err
	}
	if ok {
		g.guesses = append(g.guesses, guess)
		return nil
	}
	err = g.s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		err := g.s.Login.Record(tx, g.caller, auth.Event{Action: "reauthentication.failed",
			Outcome: string(auth.CodeInvalidCredentials), User: g.caller.User})
		if err != nil || !guess.Last(limit.SignInAccount) {
			return err
		}
		return g.s.Login.Notify(tx, g.caller, mail.Message{Kind: mail.AccountLocked, App: g.app}, g.who)
	})
	if err != nil {
		return err
	}
	return auth.E(auth.CodeInvalidCredentials, "")
}

// pass runs the change in a Write whose caller stands, whose user is locked and whose evidence is still true. A wrong
// code is recorded, the guess stays spent, and change does not run. The guesses go back with the change.
func (g *gate) pass(ctx context.Context, change func(tx *store.Tx, now user.Identity) error) error {
	var refusal error
	err := g.s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		now, err := g.enter(tx)
		if err != nil {
			return err
		}
		if g.offered.code != "" {
			ok, err := g.spend(tx, now)
			if err != nil {
				return err
			}
			if !ok {
				refusal = auth.E(auth.CodeSecondFactorWrong, "")
				return g.wrongCode(tx)
			}
		}
		if g.passkey != nil {
			if refusal, err = g.s.Login.SpendPasskey(tx, g.caller, g.passkey, now); err != nil || refusal != nil {
				return err
			}
		}
		if err := change(tx, now); err != nil {
			return err
		}
		return g.refund(tx)
	})
	if err == nil {
		err = refusal
	}
	return err
}

// enter reads the caller and the user again and locks the user.
func (g *gate) enter(tx *store.Tx) (user.Identity, error) {
	if g.lockApp {
		if _, err := tx.AppForUpdate(g.caller.App); err != nil {
			return user.Identity{}, err
		}
	}
	if _, err := g.s.Login.Sessions.Recheck(tx, g.caller); err != nil {
		return user.Identity{}, err
	}
	now, err := user.Lock(tx, g.caller.App, g.caller.User)
	if err != nil {
		return now, err
	}
	if now.User.Status != auth.UserActive {
		return now, auth.E(auth.CodeAccountDisabled, "")
	}
	if now.Password.Hash != g.who.Password.Hash || now.User.TOTP != g.who.User.TOTP {
		return now, auth.E(auth.CodeReauthRequired, "The account has just changed. Please try again.")
	}
	return now, nil
}

func (g *gate) spend(tx *store.Tx, now user.Identity) (bool, error) {
	if g.offered.totpOnly {
		return g.s.Login.Factors.VerifyTOTP(tx, now.User.App, now.User.ID, g.offered.code)
	}
	kind, ok, err := g.s.Login.Factors.Verify(tx, now.User.App, now.User.ID, g.offered.code)
	g.spent = kind
	if err == nil && ok && kind == auth.FactorBackupCode {
		err = g.s.Login.BackupCodeUsed(tx, g.caller, g.app, now)
	}
	return ok, err
}

func (g *gate) wrongCode(tx *store.Tx) error {
	return g.s.Login.Record(tx, g.caller, auth.Event{Action: "second-factor.failed",
		Outcome: string(auth.CodeSecondFactorWrong), User: g.caller.User})
}

func (g *gate) refund(tx *store.Tx) error {
	for _, guess := range g.guesses {
		if err := guess.Refund(tx); err != nil {
			return err
		}
	}
	return nil
}

// record writes an event about the caller's own user.
func (g *gate) record(tx *store.Tx, action string) error {
	return g.s.Login.Record(tx, g.caller, auth.Event{Action: action, User: g.caller.User, Session: g.caller.Session})
}

// notify mails the user a notice about the change.
func (g *gate) notify(tx *store.Tx, kind mail.Kind, detail mail.Detail, now user.Identity) error {
	return g.s.Login.Notify(tx, g.caller, mail.Message{Kind: kind, App: g.app, Detail: detail}, now)
}
