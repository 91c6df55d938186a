package lifecycle

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// BegunTOTP is a secret that waits for its first code. It is shown once.
type BegunTOTP struct {
	Secret    string // base32 without padding
	URI       string // otpauth://, for a QR image; the issuer is the app's name
	ExpiresAt time.Time
}

// BeginTOTP makes a TOTP secret for the user. It needs the password, or a sign-in within the step-up window (MF-04).
// Codes: person-required, totp-already-enabled, reauthentication-required, invalid-credentials, rate-limited.
func (s *Service) BeginTOTP(ctx context.Context, c auth.Caller, password string) (BegunTOTP, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return BegunTOTP{}, err
	}
	if g.who.User.TOTP {
		return BegunTOTP{}, auth.E(auth.CodeTotpAlreadyEnabled, "")
	}
	if password == "" && !g.fresh() {
		return BegunTOTP{}, auth.E(auth.CodeReauthRequired, "")
	}
	if err := g.offer(ctx, evidence{password: password}); err != nil {
		return BegunTOTP{}, err
	}
	e, err := s.Login.Factors.Draft(c.App, c.User)
	if err != nil {
		return BegunTOTP{}, err
	}
	err = g.pass(ctx, func(tx *store.Tx, _ user.Identity) error {
		if err := s.Login.Factors.Begin(tx, e); err != nil {
			return err
		}
		return g.record(tx, "totp.begun")
	})
	if err != nil {
		return BegunTOTP{}, err
	}
	return BegunTOTP{Secret: e.Secret, URI: e.URI(g.app.Name, account(g.who)), ExpiresAt: e.ExpiresAt()}, nil
}

// account is the name under which an authenticator app lists the secret.
func account(who user.Identity) string {
	switch {
	case who.Email.Address != "":
		return who.Email.Address
	case who.User.Username != "":
		return who.User.Username
	}
	return string(who.User.ID)
}

// ConfirmTOTP turns the begun factor on with its first code and returns the backup codes, shown once. Codes:
// person-required, second-factor-invalid, totp-not-begun, totp-already-enabled, rate-limited.
func (s *Service) ConfirmTOTP(ctx context.Context, c auth.Caller, code string) ([]string, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return nil, err
	}
	guess, err := s.Login.Limits.Reserve(ctx, factor.Guess(c.App, c.User))
	if err != nil {
		return nil, err
	}
	g.guesses = append(g.guesses, guess)
	backup, err := s.Login.Factors.DraftBackup(c.App, c.User)
	if err != nil {
		return nil, err
	}
	var refusal error
	err = s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		now, err := g.enter(tx)
		if err != nil {
			return err
		}
		ok, err := s.Login.Factors.Confirm(tx, c.App, c.User, code, backup)
		if err != nil {
			return err
		}
		if !ok {
			refusal = auth.E(auth.CodeSecondFactorWrong, "")
			return g.wrongCode(tx)
		}
		if err := g.record(tx, "totp.enabled"); err != nil {
			return err
		}
		if err := g.notify(tx, mail.FactorChanged, mail.FactorOn, now); err != nil {
			return err
		}
		return g.refund(tx)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return nil, err
	}
	return backup.Codes, nil
}

// TOTPRemoval is what turns the second factor off: a TOTP or backup code, always; a password that comes along has to be
// right as well.
type TOTPRemoval struct {
	Password, Code string
}

// DisableTOTP turns the second factor off and destroys the backup codes. Every other session ends
// (second-factor-removed), waiting challenges die, and a mail tells the user. Codes: person-required, totp-not-enabled,
// invalid-credentials, second-factor-invalid, rate-limited, overloaded.
func (s *Service) DisableTOTP(ctx context.Context, c auth.Caller, in TOTPRemoval) error {
	g, err := s.readProtected(ctx, c, in.Code)
	if err != nil {
		return err
	}
	if err := g.offer(ctx, evidence{password: in.Password, code: in.Code}); err != nil {
		return err
	}
	return g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if err := s.Login.Factors.Remove(tx, c.App, c.User); err != nil {
			return err
		}
		if _, err := s.Login.Sessions.EndAll(tx, c, c.App, c.User, auth.EndFactorRemoved, c.Session); err != nil {
			return err
		}
		if err := s.Login.Proofs.RevokeAll(tx, c.App, c.User, auth.ProofSecondFactor); err != nil {
			return err
		}
		if err := g.record(tx, "totp.disabled"); err != nil {
			return err
		}
		return g.notify(tx, mail.FactorChanged, mail.FactorOff, now)
	})
}

// readProtected is read for changes to a factor that must exist and be proven by a code.
func (s *Service) readProtected(ctx context.Context, c auth.Caller, code string) (*gate, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return nil, err
	}
	if !g.who.User.TOTP {
		return nil, auth.E(auth.CodeTotpNotEnabled, "")
	}
	if code == "" {
		return nil, auth.Invalid("code", auth.ViolationRequired, "A code is needed.")
	}
	return g, nil
}

// RegenerateBackupCodes makes a new set of backup codes, shown once, and kills the old one. It takes a code of the
// authenticator app; a backup code is not enough. Codes: person-required, totp-not-enabled, second-factor-invalid,
// rate-limited.
func (s *Service) RegenerateBackupCodes(ctx context.Context, c auth.Caller, code string) ([]string, error) {
	g, err := s.readProtected(ctx, c, code)
	if err != nil {
		return nil, err
	}
	if err := g.offer(ctx, evidence{code: code, totpOnly: true}); err != nil {
		return nil, err
	}
	backup, err := s.Login.Factors.DraftBackup(c.App, c.User)
	if err != nil {
		return nil, err
	}
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if err := s.Login.Factors.ReplaceBackup(tx, c.App, c.User, backup); err != nil {
			return err
		}
		if err := g.record(tx, "backup-codes.regenerated"); err != nil {
			return err
		}
		return g.notify(tx, mail.FactorChanged, mail.NewBackupCodes, now)
	})
	if err != nil {
		return nil, err
	}
	return backup.Codes, nil
}
