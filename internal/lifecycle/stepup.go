package lifecycle

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Evidence is what a person offers to prove again who they are: the current password, a TOTP or backup code, or a
// passkey. A user with a second factor needs a code or a passkey.
type Evidence struct {
	CurrentPassword, Code string
	// Flow and Credential are the answer to BeginPasskeyStepUp.
	Flow       string
	Credential map[string]any
}

// BeginPasskeyStepUp asks for a passkey of the caller's user, who has to be verified by it. Codes: person-required,
// invalid-request (no passkey), forbidden, rate-limited.
func (s *Service) BeginPasskeyStepUp(ctx context.Context, c auth.Caller) (login.PasskeyFlow, error) {
	if _, err := s.read(ctx, c); err != nil {
		return login.PasskeyFlow{}, err
	}
	return s.Login.AskForPasskey(ctx, c, login.PasskeyStart{Kind: auth.ProofPasskeyStepUp, Owner: c.User, Session: c.Session})
}

// SteppedUp is a session whose person was proven again.
type SteppedUp struct {
	Until time.Time // how long it counts as fresh
	// SessionCookie replaces the one that the request came with; empty if it came with none.
	SessionCookie string
	// Marker is the value of the step-up cookie of clients that look for one. It opens nothing: that the person was
	// proven is kept in the session.
	Marker string
}

// NeedFresh refuses a person who has not signed in, by all the factors the account has, or stepped up within the step-up
// window. Codes: person-required, reauthentication-required.
func (s *Service) NeedFresh(ctx context.Context, c auth.Caller) error {
	g, err := s.read(ctx, c)
	if err == nil && !g.fresh() {
		err = auth.E(auth.CodeReauthRequired, "")
	}
	return err
}

// StepUp notes in the caller's session that its person has just proven again who they are, so that changes which need
// a fresh sign-in work for a while. Codes: person-required, invalid-request (neither, or no code where one is needed),
// invalid-credentials, second-factor-invalid, totp-not-enabled, proof-invalid and not-found (of a passkey), rate-limited,
// overloaded.
func (s *Service) StepUp(ctx context.Context, c auth.Caller, in Evidence) (SteppedUp, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return SteppedUp{}, err
	}
	switch {
	case in.Flow != "":
		if err := g.showPasskey(ctx, in); err != nil {
			return SteppedUp{}, err
		}
	case in.Code == "" && g.who.User.TOTP:
		return SteppedUp{}, auth.Invalid("code", auth.ViolationRequired, "A code of the second factor is needed.")
	case in.Code == "" && in.CurrentPassword == "":
		return SteppedUp{}, auth.Invalid("current_password", auth.ViolationRequired, "The current password or a code is needed.")
	}
	if err := g.offer(ctx, evidence{password: in.CurrentPassword, code: in.Code}); err != nil {
		return SteppedUp{}, renameField(err, "password", "current_password")
	}
	var cookie session.Cookie
	if c.Cookie {
		if cookie, err = s.Login.Sessions.NewCookie(); err != nil {
			return SteppedUp{}, err
		}
	}
	out := SteppedUp{SessionCookie: cookie.Secret}
	if out.Marker, err = secret.Token(s.Login.Rand); err != nil {
		return SteppedUp{}, err
	}
	err = g.pass(ctx, func(tx *store.Tx, _ user.Identity) error {
		out.Until = tx.Now().Add(s.Login.Sessions.StepUpWindow())
		if err := s.Login.Sessions.StepUp(tx, c, g.methods(), cookie); err != nil {
			return err
		}
		return g.record(tx, "session.stepped-up")
	})
	return out, err
}

// methods are the AMR values of what was offered.
func (g *gate) methods() []string {
	var out []string
	if g.passkey != nil {
		out = append(out, g.passkey.Methods()...)
	}
	if g.offered.password != "" {
		out = append(out, auth.AMRPassword)
	}
	switch {
	case g.offered.code == "":
	case g.spent == auth.FactorBackupCode:
		out = append(out, auth.AMRBackupCode, auth.AMRMFA)
	default:
		out = append(out, auth.AMROTP, auth.AMRMFA)
	}
	return out
}
