package session

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// verdict is what becomes of a refresh token that is genuine and whose session stands.
type verdict int

const (
	unknown verdict = iota // a generation that the row has not reached: refused, nothing changes
	rotate                 // the current one: the next generation is made
	repeat                 // the one just spent, within the window: the same successor again, nothing is written
	stale                  // an older one whose successor was made within the window: refused, nothing ends
	reused                 // any other: a stolen or copied token, the session ends
)

// keptRotations is how many rotation times a row holds, newest first.
const keptRotations = 4

// decide judges a token's generation against the session's row. Successor n+1 of generation n was made at
// Rotations[current-n-1]; a window is counted from that moment and does not slide. now is that of the
// transaction (store.Tx.Now): the node's clock, which on PostgreSQL store.Options.DatabaseClock corrects by the
// server's, so that all nodes count one window.
func decide(s auth.Session, generation int64, now time.Time, grace time.Duration) verdict {
	back := s.Generation - generation
	switch {
	case back < 0:
		return unknown
	case back == 0:
		return rotate
	case back > int64(len(s.Rotations)) || now.Sub(s.Rotations[back-1]) > grace:
		return reused
	case back == 1:
		return repeat
	}
	return stale
}

// next is the session after a rotation at now.
func next(s auth.Session, now time.Time) auth.Session {
	times := make([]time.Time, 0, keptRotations)
	times = append(times, now)
	times = append(times, s.Rotations[:min(len(s.Rotations), keptRotations-1)]...)
	s.Generation++
	s.Rotations = times
	s.LastSeenAt = now
	s.IdleExpiresAt = idleExpiry(s, now)
	return s
}
