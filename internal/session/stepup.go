package session

import (
	"fmt"

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

// StepUp notes that the person of the caller's session has just proved again who they are, by the given methods, and
// replaces the session cookie, so that one planted or copied earlier gains nothing (SE-02). The methods of before count no
// more: time and methods of a session are those of one proof, else a password typed today would make a passkey of last week
// look fresh. The zero Cookie leaves the session without one. Error: CodeSessionEnded.
func (s *Service) StepUp(tx *store.Tx, c auth.Caller, amr []string, cookie Cookie) error {
	session, err := tx.Session(c.App, c.Session)
	if err != nil {
		return absent(err, "session")
	}
	ok, err := tx.StepUpSession(c.App, c.Session, amr, cookie.hash)
	if err != nil {
		return fmt.Errorf("step up: %w", err)
	}
	if !ok {
		return endedError(session.EndReason)
	}
	tx.Invalidate(store.KindSession, string(c.Session))
	return nil
}
