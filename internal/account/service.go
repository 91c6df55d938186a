package account

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxName    = 200 // code points
	maxAvatar  = 2000
	maxDepth   = 10     // of nesting
	maxOwn     = 50     // accounts that one user may make or be in by its own doing
	maxMembers = 10_000 // of one account
)

// Service makes, finds and changes accounts. All fields are needed. It is safe for concurrent use.
type Service struct {
	DB    *store.DB
	Audit *audit.Log
	Clock func() time.Time
	Rand  io.Reader
	// Recheck re-reads the caller inside a Write: session.Service.Recheck.
	Recheck func(tx *store.Tx, c auth.Caller) (auth.User, error)
}

// caller re-reads who asks: role and all.
func (s *Service) caller(tx *store.Tx, c auth.Caller) (auth.Caller, error) {
	if c.Kind == auth.CallerSystem {
		return c, nil
	}
	u, err := s.Recheck(tx, c)
	c.Role = u.Role
	return c, err
}

// administrator re-reads the caller and refuses who is none.
func (s *Service) administrator(tx *store.Tx, c auth.Caller) error {
	c, err := s.caller(tx, c)
	if err == nil && !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators may do this.")
	}
	return err
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

// missing turns a row that is not there into CodeNotFound.
func missing(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such "+what+".")
	}
	return fmt.Errorf("read %s: %w", what, err)
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", auth.Invalid("name", auth.ViolationRequired, "A name is needed.")
	case n > maxName:
		return "", auth.Invalid("name", auth.ViolationTooLong, fmt.Sprintf("A name has at most %d characters.", maxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", auth.Invalid("name", auth.ViolationInvalid, "A name has no control characters.")
	}
	return name, nil
}

// checkAvatar lets a picture be at an https address, so that no page that shows it runs a script of somebody's (WB-08).
func checkAvatar(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxAvatar || u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return auth.Invalid("avatar_url", auth.ViolationFormat, "A picture has an https address.")
	}
	return nil
}
