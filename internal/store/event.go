package store

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const eventColumns = "id, app_id, at, action, outcome, actor, actor_kind, user_id, session_id, target, ip, user_agent, request_id, data"

// SealedEvent is an event with its place in the app's chain. Before it is sealed, Seq is 0 and Link holds the
// mark that its writer left.
type SealedEvent struct {
	auth.Event
	Seq  int64
	Link []byte
}

// EventFilter narrows Events. Zero fields do not narrow.
type EventFilter struct {
	User   auth.UserID
	Action string
	// The place after which to go on: the last event of the page before.
	AfterTime time.Time
	AfterID   auth.EventID
	Limit     int
}

// InsertEvent writes an event that is not sealed yet, with its writer's mark.
func (tx *Tx) InsertEvent(e auth.Event, mark []byte) error {
	_, err := tx.exec(`INSERT INTO events (`+eventColumns+`, link)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		string(e.ID), string(e.App), micros(e.At), e.Action, e.Outcome, e.Actor, e.ActorKind, string(e.User),
		string(e.Session), e.Target, e.IP, e.UserAgent, e.RequestID, eventData(e.Data), mark)
	return err
}

// Events reads an app's events, newest first, ordered by (at, id).
func (tx *Tx) Events(app auth.AppID, f EventFilter) ([]auth.Event, error) {
	at := int64(math.MaxInt64)
	if !f.AfterTime.IsZero() {
		at = micros(f.AfterTime)
	}
	args := []any{string(app), at, string(f.AfterID), f.Limit}
	query := `SELECT ` + eventColumns + ` FROM events WHERE app_id = $1 AND (at, id) < ($2, $3)`
	if f.User != "" {
		args = append(args, string(f.User))
		query += ` AND user_id = $5`
	}
	if f.Action != "" {
		args = append(args, f.Action)
		query += ` AND action = $` + strconv.Itoa(len(args))
	}
	var out []auth.Event
	err := tx.all(query+` ORDER BY at DESC, id DESC LIMIT $4`, args, func(scan func(dest ...any) error) error {
		var e auth.Event
		if err := scanEvent(&e, scan); err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	return out, err
}

// UnsealedEvents reads events of all apps that are not sealed, older than before and after the place (at, id),
// oldest first.
func (tx *Tx) UnsealedEvents(before, at time.Time, id auth.EventID, limit int) ([]SealedEvent, error) {
	return tx.sealedEvents(`SELECT `+eventColumns+`, 0, link FROM events
		WHERE seq IS NULL AND at < $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4`,
		[]any{micros(before), micros(at), string(id), limit})
}

// SealedEvents reads an app's sealed events with seq > after, in the order of the chain.
func (tx *Tx) SealedEvents(app auth.AppID, after int64, limit int) ([]SealedEvent, error) {
	return tx.sealedEvents(`SELECT `+eventColumns+`, seq, link FROM events
		WHERE app_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, []any{string(app), after, limit})
}

// LastSealedEvent reads the event with the greatest seq of the app; ErrNotFound if none is sealed.
func (tx *Tx) LastSealedEvent(app auth.AppID) (SealedEvent, error) {
	found, err := tx.sealedEvents(`SELECT `+eventColumns+`, seq, link FROM events
		WHERE app_id = $1 AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1`, []any{string(app)})
	if err != nil {
		return SealedEvent{}, err
	}
	if len(found) == 0 {
		return SealedEvent{}, ErrNotFound
	}
	return found[0], nil
}

// SealEvent gives an event its place in the chain; false if it has one.
func (tx *Tx) SealEvent(app auth.AppID, id auth.EventID, seq int64, link []byte) (bool, error) {
	n, err := tx.exec(`UPDATE events SET seq = $3, link = $4 WHERE app_id = $1 AND id = $2 AND seq IS NULL`,
		string(app), string(id), seq, link)
	return n == 1, err
}

// EventHead reads what the sealer noted about the end of an app's chain; empty if nothing.
func (tx *Tx) EventHead(app auth.AppID) (string, error) {
	return tx.eventHead(app, "")
}

// EventHeadForUpdate is EventHead with the row locked, made first if it is missing, so that two sealers of one
// app work one after the other.
func (tx *Tx) EventHeadForUpdate(app auth.AppID) (string, error) {
	if _, err := tx.exec(`INSERT INTO meta (name, value) VALUES ($1, '') ON CONFLICT DO NOTHING`,
		eventHeadName(app)); err != nil {
		return "", err
	}
	return tx.eventHead(app, tx.lockSuffix())
}

// SetEventHead notes the end of an app's chain.
func (tx *Tx) SetEventHead(app auth.AppID, value string) error {
	_, err := tx.exec(`UPDATE meta SET value = $2 WHERE name = $1`, eventHeadName(app), value)
	return err
}

// EventTail reads what was noted about the last event that was removed from an app's chain; empty if nothing was.
func (tx *Tx) EventTail(app auth.AppID) (string, error) { return tx.eventNote(eventTailName(app), "") }

// SetEventTail notes the last event that was removed from an app's chain.
func (tx *Tx) SetEventTail(app auth.AppID, value string) error {
	_, err := tx.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2`,
		eventTailName(app), value)
	return err
}

// DeleteEvents removes the sealed events of an app after one seq, through another.
func (tx *Tx) DeleteEvents(app auth.AppID, after, through int64) error {
	_, err := tx.exec(`DELETE FROM events WHERE app_id = $1 AND seq > $2 AND seq <= $3`, string(app), after, through)
	return err
}

func (tx *Tx) eventHead(app auth.AppID, lock string) (string, error) {
	return tx.eventNote(eventHeadName(app), lock)
}

func (tx *Tx) eventNote(name, lock string) (string, error) {
	var value string
	err := tx.one(`SELECT value FROM meta WHERE name = $1`+lock, []any{name}, &value)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return value, err
}

func eventTailName(app auth.AppID) string { return "audit.tail." + string(app) }

func eventHeadName(app auth.AppID) string { return "audit.head." + string(app) }

func (tx *Tx) sealedEvents(query string, args []any) ([]SealedEvent, error) {
	var out []SealedEvent
	err := tx.all(query, args, func(scan func(dest ...any) error) error {
		var e SealedEvent
		if err := scanEvent(&e.Event, scan, &e.Seq, &e.Link); err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	return out, err
}

func scanEvent(e *auth.Event, scan func(dest ...any) error, more ...any) error {
	var at int64
	var data string
	dest := []any{&e.ID, &e.App, &at, &e.Action, &e.Outcome, &e.Actor, &e.ActorKind, &e.User, &e.Session,
		&e.Target, &e.IP, &e.UserAgent, &e.RequestID, &data}
	if err := scan(append(dest, more...)...); err != nil {
		return err
	}
	e.At = instant(at)
	return fromJSON(data, &e.Data)
}

func eventData(data map[string]string) string {
	if len(data) == 0 {
		return "{}"
	}
	return jsonText(data)
}
