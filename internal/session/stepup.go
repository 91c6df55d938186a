package session

import (
	"fmt"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Cookie is a new session cookie: the secret for the browser, and its hash for the row. It is made before the
// Write that stores it.
type Cookie struct {
	Secret string
	hash   []byte
}

// String shows nothing of the secret.
func (c Cookie) String() string { return secret.Redacted }

// GoString is String, for %#v.
func (c Cookie) GoString() string { return secret.Redacted }

// NewCookie draws a session cookie of 256 bits.
func (s *Service) NewCookie() (Cookie, error) {
	text, err := secret.Token(s.rand)
	if err != nil {
		return Cookie{}, fmt.Errorf("session cookie: %w", err)
	}
	return Cookie{Secret: text, hash: secret.Hash(text)}, nil
}

// StepUp notes that the person of the caller's session has just proved again who they are, by the given methods
// beside those of before, and replaces the session cookie, so that one planted or copied earlier gains nothing
// (SE-02). The zero Cookie leaves the session without one. Error: CodeSessionEnded.
func (s *Service) StepUp(tx *store.Tx, c auth.Caller, amr []string, cookie Cookie) error {
	session, err := tx.Session(c.App, c.Session)
	if err != nil {
		return absent(err, "session")
	}
	ok, err := tx.StepUpSession(c.App, c.Session, union(session.AMR, amr), cookie.hash)
	if err != nil {
		return fmt.Errorf("step up: %w", err)
	}
	if !ok {
		return endedError(session.EndReason)
	}
	tx.Invalidate(store.KindSession, string(c.Session))
	return nil
}

// union is a and what b adds to it.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
