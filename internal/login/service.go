package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
	"github.com/ostiary-id/ostiary/internal/waitlist"
)

// Service runs the flows. All fields are needed but those that say what nothing means.
type Service struct {
	DB         *store.DB
	Pool       *secret.Pool
	Sessions   *session.Service
	APIKeys    *apikey.Service
	Factors    *factor.Factors
	Proofs     *proof.Ledger
	Limits     *limit.Limits
	Audit      *audit.Log
	Mail       *mail.Mailer
	Accounts   *account.Service
	Invites    *invite.Service
	Waits      *waitlist.Service
	Federation *federation.Service
	App        func(ctx context.Context, id auth.AppID) (auth.App, error) // from the cache of committed rows; not-found
	Clock      func() time.Time
	Rand       io.Reader
	Breaches   *BreachCheck // nil: new passwords are not compared with known breaches
	// FailureFloor is how long the answer to a wrong sign-in takes at least (EN-03), and Wait what waits for the rest of
	// it; zero and nil: no longer than the work.
	FailureFloor time.Duration
	Wait         func(ctx context.Context, d time.Duration) error
}

// SignedIn is a sign-in that is complete.
type SignedIn struct {
	User  auth.User
	Email auth.Email // the primary address; zero if there is none
	user.Belongings
	Grant session.Grant
}

// maxPassword is more than any stored password has; more is refused before any work (PW-03).
const maxPassword = auth.PasswordMaxBytes

// app reads the app of a request from the cache: what a Write decides by it, it reads again (openApp). Codes: not-found,
// forbidden (disabled).
func (s *Service) app(ctx context.Context, id auth.AppID) (auth.App, error) {
	app, err := s.App(ctx, id)
	if err == nil {
		err = open(app)
	}
	return app, err
}

// openApp is app from the rows of a transaction.
func openApp(tx *store.Tx, id auth.AppID) (auth.App, error) {
	app, err := tx.App(id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = auth.E(auth.CodeNotFound, "There is no such app.")
	case err == nil:
		err = open(app)
	}
	return app, err
}

func open(app auth.App) error {
	if app.Status != auth.AppActive {
		return auth.E(auth.CodeForbidden, "The app is disabled.")
	}
	return nil
}

// CheckPassword applies the app's rules to a new password, and compares it with known breaches where that is set (not in
// a Write: it may ask a service). The context words are what an attacker tries first against this user: address, username.
// Code: weak-password.
func (s *Service) CheckPassword(ctx context.Context, app auth.App, password string, about ...string) error {
	words := []string{app.Name}
	for _, word := range about {
		if word != "" {
			words = append(words, word)
		}
	}
	if weak := auth.CheckPassword(password, app.Settings.PasswordMin, words...); weak != nil {
		return weak
	}
	if s.Breaches.known(ctx, password) {
		const text = "the password is known from a breach of another service; choose one that you use nowhere else"
		return &auth.Error{Code: auth.CodeWeakPassword, Message: text,
			Violations: []auth.Violation{{Field: "password", Code: auth.ViolationPasswordWeak, Message: text}}}
	}
	return nil
}

// Hash makes the verifier of a new password that has passed CheckPassword. Code: overloaded.
func (s *Service) Hash(ctx context.Context, password string) (string, error) {
	return s.Pool.Hash(ctx, auth.NormalisePassword(password))
}

// VerifyPassword compares a password with a user's record at the cost of exactly one hash, whether or not there is
// a record. A hash that another system made is one of the password as it was typed, and always outdated. Code:
// overloaded.
func (s *Service) VerifyPassword(ctx context.Context, stored auth.Password, password string) (ok, outdated bool, err error) {
	if stored.Hash == "" {
		return false, false, s.Pool.Waste(ctx, auth.NormalisePassword(password))
	}
	if stored.Normaliser == auth.PasswordNormaliser {
		password = auth.NormalisePassword(password)
	}
	ok, outdated, err = s.Pool.Verify(ctx, stored.Hash, password)
	return ok, ok && (outdated || stored.Normaliser != auth.PasswordNormaliser), err
}

// Record writes an event about a user in the app of the caller.
func (s *Service) Record(tx *store.Tx, c auth.Caller, e auth.Event) error {
	if e.App == "" {
		e.App = c.App
	}
	if e.Outcome == "" {
		e.Outcome = "ok"
	}
	if e.Target == "" {
		e.Target = string(e.User)
	}
	if err := s.Audit.Record(tx, c, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

// MayMail counts one mail to the canonical address against the budgets of recipient, network and app (RL-08). It
// reports whether the mail may be sent; callers who conceal give the same answer either way.
func (s *Service) MayMail(ctx context.Context, c auth.Caller, canonical string) (bool, error) {
	_, err := s.Limits.Reserve(ctx,
		limit.Guess{Limiter: limit.MailRecipient, Subject: limit.Identifier(c.App, canonical)},
		limit.Guess{Limiter: limit.MailNetwork, Subject: limit.Network(c.IP)},
		limit.Guess{Limiter: limit.MailApp, Subject: limit.App(c.App)})
	if auth.Is(err, auth.CodeRateLimited) {
		return false, nil
	}
	return err == nil, err
}

// languages are the wishes for the language of a mail to a user that a call causes: the user's own, then the call's.
func languages(u auth.User, c auth.Caller) []string { return []string{u.Locale, c.AcceptLanguage} }

// locale is the language of a new user: what was said, else what the request asks for and we have.
func (s *Service) locale(said string, c auth.Caller) string {
	if said != "" {
		return said
	}
	return s.Mail.Language(c.AcceptLanguage)
}

// guessProof counts one presented secret against the client's network.
func (s *Service) guessProof(ctx context.Context, c auth.Caller) (*limit.Reservation, error) {
	return s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.ProofNetwork, Subject: limit.Network(c.IP)})
}

// Refund gives a reservation back in a Write of its own, for calls that end without a Write and without telling
// anything about the secret. A refund that fails costs the caller one guess and is not worth failing for.
func (s *Service) Refund(ctx context.Context, reservations ...*limit.Reservation) {
	_ = s.DB.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return refund(tx, reservations...) })
}

func refund(tx *store.Tx, reservations ...*limit.Reservation) error {
	for _, r := range reservations {
		if err := r.Refund(tx); err != nil {
			return err
		}
	}
	return nil
}

// cleanDevice keeps the name that a client gives its device short and printable.
func cleanDevice(device string) string {
	device = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, device))
	if runes := []rune(device); len(runes) > 100 {
		return string(runes[:100])
	}
	return device
}
