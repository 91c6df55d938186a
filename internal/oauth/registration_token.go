package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	defaultRegistrationLife = 24 * time.Hour
	maxRegistrationLife     = 90 * 24 * time.Hour
	maxRegistrationUses     = 1000
)

// RegistrationTokenInput is what an initial token is made from.
type RegistrationTokenInput struct {
	App       auth.AppID
	Name      string
	Uses      int           // 0: one
	ExpiresIn time.Duration // 0: a day
}

// CreateRegistrationToken makes a token that lets somebody register clients (RFC 7591 section 3), and answers it with its
// text, which is shown this once. Errors: CodeInvalidRequest (name, uses, expires_in), CodeForbidden, CodeNotFound,
// CodeLimitReached, and those of Recheck.
func (s *Service) CreateRegistrationToken(ctx context.Context, c auth.Caller, in RegistrationTokenInput) (auth.RegistrationToken, string, error) {
	if in.Uses == 0 {
		in.Uses = 1
	}
	if in.ExpiresIn == 0 {
		in.ExpiresIn = defaultRegistrationLife
	}
	in.Name = strings.TrimSpace(in.Name)
	switch {
	case in.Name == "" || utf8.RuneCountInString(in.Name) > 100 || strings.ContainsFunc(in.Name, unicode.IsControl):
		return auth.RegistrationToken{}, "", auth.Invalid("name", auth.ViolationInvalid, "A name has 1 to 100 characters.")
	case in.Uses < 1 || in.Uses > maxRegistrationUses:
		return auth.RegistrationToken{}, "", auth.Invalid("uses", auth.ViolationInvalid, "A token registers 1 to 1000 clients.")
	case in.ExpiresIn < time.Minute || in.ExpiresIn > maxRegistrationLife:
		return auth.RegistrationToken{}, "", auth.Invalid("expires_in", auth.ViolationInvalid, "A token lives from a minute to 90 days.")
	}
	random, err := secret.Token(s.o.Rand)
	if err != nil {
		return auth.RegistrationToken{}, "", err
	}
	text := auth.RegistrationTokenPrefix + random
	made := auth.RegistrationToken{ID: auth.RegistrationTokenID(secret.NewID(s.o.Rand, s.o.Clock())), App: in.App, Name: in.Name,
		Hash: secret.Hash(text), UsesLeft: in.Uses}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.o.Apps.Admit(tx, c, in.App); err != nil {
			return err
		}
		made.CreatedAt, made.ExpiresAt = tx.Now(), tx.Now().Add(in.ExpiresIn).Truncate(time.Microsecond)
		if err := grant.IssueRegistration(tx, made); err != nil {
			return err
		}
		return s.recordRegistration(tx, c, made, "registration-token.created")
	})
	if err != nil {
		return auth.RegistrationToken{}, "", err
	}
	return made, text, nil
}

func (s *Service) recordRegistration(tx *store.Tx, c auth.Caller, r auth.RegistrationToken, action string) error {
	return s.o.Audit.Record(tx, c, auth.Event{App: r.App, Action: action, Outcome: "ok", User: c.User, Session: c.Session, Target: string(r.ID)})
}

// ListRegistrationTokens lists the initial tokens of an app, oldest first, without their texts; used-up and expired ones
// too. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ListRegistrationTokens(ctx context.Context, c auth.Caller, home auth.AppID) (list []auth.RegistrationToken, err error) {
	if err := app.Manages(c, home); err != nil {
		return nil, err
	}
	if _, err := s.o.Apps.Get(ctx, home); err != nil {
		return nil, err
	}
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = grant.Registrations(tx, home)
		return err
	})
	if err != nil {
		err = fmt.Errorf("list registration tokens: %w", err)
	}
	return list, err
}

// RevokeRegistrationToken ends an initial token; clients that it registered stay. Errors: CodeForbidden, CodeNotFound, and
// those of Recheck.
func (s *Service) RevokeRegistrationToken(ctx context.Context, c auth.Caller, home auth.AppID, id auth.RegistrationTokenID) error {
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.o.Apps.Admit(tx, c, home); err != nil {
			return err
		}
		if err := grant.RevokeRegistration(tx, home, id); err != nil {
			return err
		}
		return s.recordRegistration(tx, c, auth.RegistrationToken{ID: id, App: home}, "registration-token.revoked")
	})
}
