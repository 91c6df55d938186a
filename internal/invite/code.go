package invite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	codeLetters  = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32, none that looks like another
	codeLength   = 12                                 // 60 bits
	minGivenCode = 6
	maxGivenCode = 40
	maxUses      = 1_000_000
	minLifetime  = time.Minute
	maxLifetime  = 10 * 365 * 24 * time.Hour
)

// Service manages codes and invitations. All fields are needed. It is safe for concurrent use.
type Service struct {
	DB    *store.DB
	Audit *audit.Log
	Clock func() time.Time
	Rand  io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
}

// administrator re-reads the caller and refuses who is none.
func (s *Service) administrator(tx *store.Tx, c auth.Caller) error {
	if c.Kind == auth.CallerSystem {
		return nil
	}
	u, err := s.Recheck(tx, c)
	if err != nil {
		return err
	}
	if c.Role = u.Role; !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators may do this.")
	}
	return nil
}

func (s *Service) record(tx *store.Tx, c auth.Caller, e auth.Event) error {
	e.App, e.Outcome, e.Session = c.App, "ok", c.Session
	if e.User == "" {
		e.User = c.User
	}
	if err := s.Audit.Record(tx, c, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

// CodeInput is what a new code is made from.
type CodeInput struct {
	Code      string // empty: one is made
	Uses      int    // 0: one
	ExpiresIn time.Duration
	Credit    auth.Micros // the starting balance of who uses it
}

// CreateCode makes a code of the caller's app. Errors: CodeInvalidRequest (invite_code, uses, expires_in, credit),
// CodeForbidden, CodeConflict (the app has had such a code), and those of Recheck.
func (s *Service) CreateCode(ctx context.Context, c auth.Caller, in CodeInput) (auth.InviteCode, error) {
	code, canonical, err := s.prepareCode(c, in)
	if err != nil {
		return auth.InviteCode{}, err
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		if _, err := tx.App(c.App); err != nil {
			return missing(err, "app")
		}
		code.CreatedAt = tx.Now()
		if in.ExpiresIn > 0 {
			code.ExpiresAt = tx.Now().Add(in.ExpiresIn).Truncate(time.Microsecond)
		}
		ok, err := tx.InsertInviteCode(code, canonical)
		if err != nil {
			return fmt.Errorf("insert invite code: %w", err)
		}
		if !ok {
			return auth.E(auth.CodeConflict, "The app has, or has had, this code.")
		}
		return s.record(tx, c, auth.Event{Action: "invite-code.created", Target: string(code.ID)})
	})
	if err != nil {
		return auth.InviteCode{}, err
	}
	return code, nil
}

func (s *Service) prepareCode(c auth.Caller, in CodeInput) (code auth.InviteCode, canonical string, err error) {
	if in.Uses == 0 {
		in.Uses = 1
	}
	switch {
	case in.Uses < 0 || in.Uses > maxUses:
		return code, "", auth.Invalid("uses", auth.ViolationInvalid, fmt.Sprintf("A code has 1 to %d uses.", maxUses))
	case in.ExpiresIn != 0 && (in.ExpiresIn < minLifetime || in.ExpiresIn > maxLifetime):
		return code, "", auth.Invalid("expires_in", auth.ViolationInvalid, "A code lives from a minute to 10 years.")
	case in.Credit < 0:
		return code, "", auth.Invalid("credit", auth.ViolationTooSmall, "A starting balance is not negative.")
	}
	text := strings.TrimSpace(in.Code)
	if text == "" {
		if text, err = s.newCode(); err != nil {
			return code, "", err
		}
	}
	canonical, ok := canonicalCode(text)
	if !ok || len(canonical) < minGivenCode {
		return code, "", auth.Invalid("invite_code", auth.ViolationFormat,
			fmt.Sprintf("A code has %d to %d letters A to Z and digits; hyphens and case do not count.", minGivenCode, maxGivenCode))
	}
	return auth.InviteCode{ID: auth.InviteCodeID(secret.NewID(s.Rand, s.Clock())), App: c.App, Code: text, Uses: in.Uses,
		Credit: in.Credit}, canonical, nil
}

// newCode draws a code in three groups of four.
func (s *Service) newCode() (string, error) {
	var random [codeLength]byte
	if _, err := io.ReadFull(s.Rand, random[:]); err != nil {
		return "", fmt.Errorf("invite code: %w", err)
	}
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(codeLetters[int(r)%len(codeLetters)])
	}
	return b.String(), nil
}

// canonicalCode is the one form of all ways to write a code; ok is false for what can be none.
func canonicalCode(text string) (canonical string, ok bool) {
	if len(text) > 2*maxGivenCode {
		return "", false
	}
	canonical = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(text))
	bad := strings.ContainsFunc(canonical, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	return canonical, canonical != "" && len(canonical) <= maxGivenCode && !bad
}

// CodeQuery is a place in the list of an app's codes: zero values start at the oldest.
type CodeQuery = store.InviteCodeQuery

// ListCodes reads the codes of the caller's app that are not revoked, oldest first. Error: CodeForbidden.
func (s *Service) ListCodes(ctx context.Context, c auth.Caller, q CodeQuery) (list []auth.InviteCode, err error) {
	if !c.Administers() {
		return nil, auth.E(auth.CodeForbidden, "")
	}
	q.App = c.App
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.InviteCodes(q)
		return err
	})
	return list, err
}

// RevokeCode ends a code at once. Errors: CodeForbidden, CodeNotFound, and those of Recheck.
func (s *Service) RevokeCode(ctx context.Context, c auth.Caller, id auth.InviteCodeID) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		ok, err := tx.RevokeInviteCode(c.App, id)
		if err != nil {
			return fmt.Errorf("revoke invite code: %w", err)
		}
		if !ok {
			return missing(store.ErrNotFound, "invite code")
		}
		return s.record(tx, c, auth.Event{Action: "invite-code.revoked", Target: string(id)})
	})
}

// CheckCode looks whether a code takes one more use, and uses none. Code: invite-code-invalid.
func CheckCode(tx *store.Tx, app auth.AppID, text string) error {
	_, err := findCode(app, text, tx.UsableInviteCode)
	return err
}

// UseCode spends one use of a code. Of any number of Writes that want the last one, one gets it. Code:
// invite-code-invalid.
func UseCode(tx *store.Tx, app auth.AppID, text string) (auth.InviteCode, error) {
	return findCode(app, text, tx.UseInviteCode)
}

func findCode(app auth.AppID, text string, by func(auth.AppID, string) (auth.InviteCode, error)) (auth.InviteCode, error) {
	canonical, ok := canonicalCode(text)
	if !ok {
		return auth.InviteCode{}, auth.E(auth.CodeInviteCodeInvalid, "")
	}
	code, err := by(app, canonical)
	if errors.Is(err, store.ErrNotFound) {
		return code, auth.E(auth.CodeInviteCodeInvalid, "")
	}
	if err != nil {
		return code, fmt.Errorf("look up an invite code: %w", err)
	}
	return code, nil
}

// missing turns a row that is not there into CodeNotFound.
func missing(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such "+what+".")
	}
	return fmt.Errorf("read %s: %w", what, err)
}
