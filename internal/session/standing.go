package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// broken says why a session may not be used at now, whether or not its row says so already; empty if it may.
func broken(st store.SessionStanding, user auth.User, now time.Time) auth.EndReason {
	s := st.Session
	switch {
	case !s.EndedAt.IsZero():
		return s.EndReason
	case st.App != auth.AppActive:
		return auth.EndAppDisabled
	case st.AppEpoch != s.AppEpoch:
		return auth.EndRestored
	case st.Client != auth.ClientActive:
		return auth.EndClientDisabled
	case user.Status != auth.UserActive:
		return auth.EndUserDisabled
	case user.Epoch != s.UserEpoch:
		return auth.EndSignedOutEverywhere
	}
	return outOfTime(s, now)
}

// outOfTime says which of a session's times ran out first; empty if it is within both.
func outOfTime(s auth.Session, now time.Time) auth.EndReason {
	switch {
	case now.Before(s.IdleExpiresAt) && now.Before(s.ExpiresAt):
		return ""
	case s.IdleExpiresAt.Before(s.ExpiresAt):
		return auth.EndIdle
	}
	return auth.EndExpired
}

// endedError is the refusal of a session that ended, or must end, for the reason.
func endedError(reason auth.EndReason) *auth.Error {
	code := auth.CodeSessionEnded
	if reason == auth.EndExpired || reason == auth.EndIdle {
		code = auth.CodeTokenExpired
	}
	e := auth.E(code, "The session has ended: "+string(reason)+".")
	e.Reason = reason
	return e
}

// Recheck re-reads the caller's session or key and its user inside a Write, so that no change is made on the word
// of a cache, and answers the user's row. For the machine's operator the user is empty. Errors:
// CodeUnauthenticated, CodeInvalidToken, CodeTokenExpired, CodeSessionEnded, CodeAccountDisabled.
func (s *Service) Recheck(tx *store.Tx, c auth.Caller) (auth.User, error) {
	switch c.Kind {
	case auth.CallerSystem:
		return auth.User{}, nil
	case auth.CallerSession:
		return s.recheckSession(tx, c)
	case auth.CallerAPIKey:
		return s.recheckKey(tx, c)
	}
	return auth.User{}, auth.E(auth.CodeUnauthenticated, "")
}

func (s *Service) recheckSession(tx *store.Tx, c auth.Caller) (auth.User, error) {
	st, err := tx.SessionStanding(c.App, c.Session)
	if err != nil {
		return auth.User{}, absent(err, "session")
	}
	user, err := tx.User(c.App, st.Session.User)
	if err != nil {
		return auth.User{}, absent(err, "user")
	}
	if user.ID != c.User {
		return auth.User{}, invalidToken()
	}
	return user, standError(broken(st, user, tx.Now()))
}

func (s *Service) recheckKey(tx *store.Tx, c auth.Caller) (auth.User, error) {
	key, err := tx.APIKey(c.App, c.Key)
	if err != nil {
		return auth.User{}, absent(err, "API key")
	}
	user, err := tx.User(c.App, key.User)
	if err != nil {
		return auth.User{}, absent(err, "user")
	}
	switch {
	case user.ID != c.User || !key.RevokedAt.IsZero() || user.Epoch != key.UserEpoch:
		return auth.User{}, invalidToken()
	case !key.Usable(tx.Now()):
		return auth.User{}, auth.E(auth.CodeTokenExpired, "The API key has expired.")
	case user.Shown() != auth.UserActive:
		return auth.User{}, auth.E(auth.CodeAccountDisabled, "")
	}
	return user, nil
}

// standError is the answer to a credential whose session stands (nil) or does not. A disabled user is told so:
// the session is proof of who asks.
func standError(reason auth.EndReason) error {
	switch reason {
	case "":
		return nil
	case auth.EndUserDisabled:
		return auth.E(auth.CodeAccountDisabled, "")
	}
	return endedError(reason)
}

// absent turns a row that is not there into CodeInvalidToken.
func absent(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return invalidToken()
	}
	return fmt.Errorf("read %s: %w", what, err)
}
