package store

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const sessionColumns = "id, app_id, client_id, user_id, account_id, generation, rotations, salt, cookie_hash, amr, auth_time, " +
	"step_up_at, email_verified, user_epoch, app_epoch, ip, user_agent, device, contract, created_at, last_seen_at, " +
	"idle_ttl, idle_expires_at, expires_at, ended_at, end_reason, parent_id, delegation"

// sessionRow is a row of sessions on its way into auth.Session.
type sessionRow struct {
	s              auth.Session
	rotations, amr string
	delegation     string
	authTime, stepUp, created, seen,
	idleTTL, idleExpires, expires, ended int64
}

func (r *sessionRow) dest() []any {
	s := &r.s
	return []any{&s.ID, &s.App, &s.Client, &s.User, &s.Account, &s.Generation, &r.rotations, &s.Salt, &s.CookieHash, &r.amr,
		&r.authTime, &r.stepUp, &s.EmailVerified, &s.UserEpoch, &s.AppEpoch, &s.IP, &s.UserAgent, &s.Device,
		&s.Contract, &r.created, &r.seen, &r.idleTTL, &r.idleExpires, &r.expires, &r.ended, &s.EndReason,
		&s.Parent, &r.delegation}
}

func (r *sessionRow) session() (auth.Session, error) {
	s := r.s
	var err error
	if s.Rotations, err = timesOf(r.rotations); err != nil {
		return auth.Session{}, err
	}
	if err = fromJSON(r.amr, &s.AMR); err != nil {
		return auth.Session{}, err
	}
	if s.Delegation, err = delegationOf(r.delegation); err != nil {
		return auth.Session{}, err
	}
	s.AuthTime, s.StepUpAt = instant(r.authTime), instant(r.stepUp)
	s.CreatedAt, s.LastSeenAt = instant(r.created), instant(r.seen)
	s.IdleTTL = time.Duration(r.idleTTL) * time.Microsecond
	s.IdleExpiresAt, s.ExpiresAt, s.EndedAt = instant(r.idleExpires), instant(r.expires), instant(r.ended)
	return s, nil
}

// delegationText is the stored form of a delegation: JSON, or nothing if there is none.
func delegationText(d *auth.Delegation) string {
	if d == nil {
		return ""
	}
	return jsonText(d)
}

// delegationOf reads what delegationText wrote.
func delegationOf(text string) (*auth.Delegation, error) {
	if text == "" {
		return nil, nil
	}
	d := &auth.Delegation{}
	return d, fromJSON(text, d)
}

// rotationTimes is the stored form of Session.Rotations: a JSON list of numbers. It is written and read by hand, for
// every refresh does both and encoding/json took 4 us of it.
func rotationTimes(times []time.Time) string {
	out := append(make([]byte, 0, 96), '[')
	for i, t := range times {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, micros(t), 10)
	}
	return string(append(out, ']'))
}

// timesOf reads what rotationTimes wrote.
func timesOf(text string) ([]time.Time, error) {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return nil, fmt.Errorf("store: a list of times is stored as %q", text)
	}
	out := make([]time.Time, 0, strings.Count(inner, ",")+1)
	for inner != "" {
		var one string
		one, inner, _ = strings.Cut(inner, ",")
		us, err := strconv.ParseInt(one, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: a list of times is stored as %q", text)
		}
		out = append(out, instant(us))
	}
	return out, nil
}

// nullBytes stores an absent unique value as NULL, which no unique index counts.
func nullBytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Session reads one session of the app, ended ones too.
func (tx *Tx) Session(app auth.AppID, id auth.SessionID) (auth.Session, error) {
	var r sessionRow
	err := tx.one("SELECT "+sessionColumns+" FROM sessions WHERE app_id = $1 AND id = $2", []any{app, id}, r.dest()...)
	if err != nil {
		return auth.Session{}, err
	}
	return r.session()
}

// AnySession reads a session whose app is not known yet, ended ones too: a token names its session, the row its app.
func (tx *Tx) AnySession(id auth.SessionID) (auth.Session, error) {
	var r sessionRow
	if err := tx.one("SELECT "+sessionColumns+" FROM sessions WHERE id = $1", []any{id}, r.dest()...); err != nil {
		return auth.Session{}, err
	}
	return r.session()
}

// SessionByCookie finds the session that a cookie secret with this SHA-256 belongs to, ended ones too.
func (tx *Tx) SessionByCookie(app auth.AppID, hash []byte) (auth.SessionID, error) {
	var id auth.SessionID
	err := tx.one("SELECT id FROM sessions WHERE app_id = $1 AND cookie_hash = $2", []any{app, hash}, &id)
	return id, err
}

// SessionStanding is a session with the state of everything it rests on, its user excepted.
type SessionStanding struct {
	Session       auth.Session
	App           auth.AppStatus
	AppEpoch      int64
	Client        auth.ClientStatus
	EmailVerified bool // the user's primary address is verified now
}

// The state beside the session comes from scalar subqueries, not joins, so that FOR UPDATE locks the session's
// row alone: a joined app row would line up every refresh of the app.
const sessionStanding = "SELECT " + sessionColumns + `,
	(SELECT a.status FROM apps a WHERE a.id = sessions.app_id),
	(SELECT a.epoch FROM apps a WHERE a.id = sessions.app_id),
	(SELECT c.status FROM clients c WHERE c.app_id = sessions.app_id AND c.id = sessions.client_id),
	COALESCE((SELECT e.verified_at FROM emails e
		WHERE e.app_id = sessions.app_id AND e.user_id = sessions.user_id AND e.is_primary), 0)
	FROM sessions WHERE app_id = $1 AND id = $2`

// SessionStanding reads a session and what it rests on in one statement.
func (tx *Tx) SessionStanding(app auth.AppID, id auth.SessionID) (SessionStanding, error) {
	return tx.sessionStanding(sessionStanding, app, id)
}

// SessionStandingForUpdate is SessionStanding with the session's row locked until the transaction ends.
func (tx *Tx) SessionStandingForUpdate(app auth.AppID, id auth.SessionID) (SessionStanding, error) {
	return tx.sessionStanding(sessionStanding+tx.lockSuffix(), app, id)
}

func (tx *Tx) sessionStanding(query string, app auth.AppID, id auth.SessionID) (SessionStanding, error) {
	var (
		r        sessionRow
		out      SessionStanding
		verified int64
	)
	dest := append(r.dest(), &out.App, &out.AppEpoch, &out.Client, &verified)
	if err := tx.one(query, []any{app, id}, dest...); err != nil {
		return SessionStanding{}, err
	}
	session, err := r.session()
	out.Session, out.EmailVerified = session, verified > 0
	return out, err
}

// SessionQuery selects one user's sessions, newest first. The zero AfterTime starts at the newest.
type SessionQuery struct {
	App       auth.AppID
	User      auth.UserID
	Ended     bool // those that ended or ran out, instead of those alive
	AfterTime time.Time
	AfterID   auth.SessionID
	Limit     int
}

const (
	liveSessions = "SELECT " + sessionColumns + ` FROM sessions
		WHERE app_id = $1 AND user_id = $2 AND delegation = '' AND ended_at = 0 AND idle_expires_at > $3 AND (created_at, id) < ($4, $5)
		ORDER BY created_at DESC, id DESC LIMIT $6`
	endedSessions = "SELECT " + sessionColumns + ` FROM sessions
		WHERE app_id = $1 AND user_id = $2 AND delegation = '' AND (ended_at > 0 OR idle_expires_at <= $3) AND (created_at, id) < ($4, $5)
		ORDER BY created_at DESC, id DESC LIMIT $6`
)

// Sessions lists a user's own sessions, those in which clients act left out, by (created_at, id) descending.
func (tx *Tx) Sessions(q SessionQuery) ([]auth.Session, error) {
	query, after := liveSessions, int64(math.MaxInt64)
	if q.Ended {
		query = endedSessions
	}
	if !q.AfterTime.IsZero() {
		after = micros(q.AfterTime)
	}
	var out []auth.Session
	err := tx.all(query, []any{q.App, q.User, micros(tx.Now()), after, q.AfterID, q.Limit},
		func(scan func(dest ...any) error) error {
			var r sessionRow
			if err := scan(r.dest()...); err != nil {
				return err
			}
			s, err := r.session()
			out = append(out, s)
			return err
		})
	return out, err
}

// SessionAddresses lists the client addresses of a user's newest sessions, ended ones included, as texts.
func (tx *Tx) SessionAddresses(app auth.AppID, user auth.UserID, limit int) ([]string, error) {
	var out []string
	err := tx.all("SELECT ip FROM sessions WHERE app_id = $1 AND user_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3",
		[]any{app, user, limit}, func(scan func(dest ...any) error) error {
			var ip string
			err := scan(&ip)
			out = append(out, ip)
			return err
		})
	return out, err
}

// CountSessions counts what Sessions lists over all pages.
func (tx *Tx) CountSessions(q SessionQuery) (n int, err error) {
	where := "ended_at = 0 AND idle_expires_at > $3"
	if q.Ended {
		where = "(ended_at > 0 OR idle_expires_at <= $3)"
	}
	err = tx.one("SELECT count(*) FROM sessions WHERE app_id = $1 AND user_id = $2 AND delegation = '' AND "+where,
		[]any{q.App, q.User, micros(tx.Now())}, &n)
	return n, err
}

// LiveSessionIDs lists the sessions of a user that have not ended, oldest first.
func (tx *Tx) LiveSessionIDs(app auth.AppID, user auth.UserID) ([]auth.SessionID, error) {
	var out []auth.SessionID
	err := tx.all("SELECT id FROM sessions WHERE app_id = $1 AND user_id = $2 AND ended_at = 0 ORDER BY id",
		[]any{app, user}, func(scan func(dest ...any) error) error {
			var id auth.SessionID
			err := scan(&id)
			out = append(out, id)
			return err
		})
	return out, err
}

// Delegated is one session in which a client acts for a person.
type Delegated struct {
	ID     auth.SessionID
	Client auth.ClientID
	User   auth.UserID
	// Bound says that it lives and ends with the session in which the client was let in. The delegation is read for that and
	// not searched: it holds words of the client.
	Bound bool
}

func (tx *Tx) delegated(where string, args ...any) ([]Delegated, error) {
	var out []Delegated
	err := tx.all("SELECT id, client_id, user_id, ended_at, delegation FROM sessions WHERE "+where+" ORDER BY id", args,
		func(scan func(dest ...any) error) error {
			var (
				d          Delegated
				ended      int64
				delegation string
			)
			if err := scan(&d.ID, &d.Client, &d.User, &ended, &delegation); err != nil {
				return err
			}
			given, err := delegationOf(delegation)
			d.Bound = ended == 0 && (given == nil || !given.Offline)
			out = append(out, d)
			return err
		})
	return out, err
}

// DelegationsOf lists the sessions that clients were given in a browser's session, those that ended before it included: a
// client that gave its tokens back may still hold somebody signed in.
func (tx *Tx) DelegationsOf(app auth.AppID, parent auth.SessionID) ([]Delegated, error) {
	return tx.delegated("app_id = $1 AND parent_id = $2 AND parent_id <> ''", app, parent)
}

// DelegationsTo lists the live sessions in which a client acts for a user.
func (tx *Tx) DelegationsTo(app auth.AppID, user auth.UserID, client auth.ClientID) ([]Delegated, error) {
	return tx.delegated("app_id = $1 AND user_id = $2 AND client_id = $3 AND ended_at = 0 AND delegation <> ''", app, user, client)
}

// InsertSession writes a new session.
func (tx *Tx) InsertSession(s auth.Session) error {
	_, err := tx.exec("INSERT INTO sessions ("+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
			$27, $28)`,
		s.ID, s.App, s.Client, s.User, s.Account, s.Generation, rotationTimes(s.Rotations), s.Salt, nullBytes(s.CookieHash),
		jsonText(s.AMR), micros(s.AuthTime), micros(s.StepUpAt), s.EmailVerified, s.UserEpoch, s.AppEpoch, s.IP,
		s.UserAgent, s.Device, s.Contract, micros(s.CreatedAt), micros(s.LastSeenAt), s.IdleTTL.Microseconds(),
		micros(s.IdleExpiresAt), micros(s.ExpiresAt), micros(s.EndedAt), s.EndReason, s.Parent, delegationText(s.Delegation))
	return err
}

// RotateSession stores the state after a rotation from generation s.Generation-1, if that is still the current
// one and the session has not ended; it reports whether it was.
func (tx *Tx) RotateSession(s auth.Session) (rotated bool, err error) {
	n, err := tx.exec(`UPDATE sessions
		SET generation = $3, rotations = $4, email_verified = $5, last_seen_at = $6, idle_expires_at = $7, account_id = $8
		WHERE app_id = $1 AND id = $2 AND generation + 1 = $3 AND ended_at = 0`,
		s.App, s.ID, s.Generation, rotationTimes(s.Rotations), s.EmailVerified, micros(s.LastSeenAt), micros(s.IdleExpiresAt), s.Account)
	return n == 1, err
}

// EndSession ends a session that has not ended and answers whose it was; ErrNotFound if there is no such one.
func (tx *Tx) EndSession(app auth.AppID, id auth.SessionID, reason auth.EndReason) (auth.UserID, error) {
	var user auth.UserID
	err := tx.one(`UPDATE sessions SET ended_at = $3, end_reason = $4
		WHERE app_id = $1 AND id = $2 AND ended_at = 0 RETURNING user_id`,
		[]any{app, id, micros(tx.Now()), reason}, &user)
	return user, err
}

// SessionEnd tells of one session that a sweep ended.
type SessionEnd struct {
	ID     auth.SessionID
	App    auth.AppID
	User   auth.UserID
	Reason auth.EndReason
}

// EndStaleSessions ends at most limit sessions of all apps whose idle or absolute time has run out, with the
// reason that came first. The idle expiry is never past the absolute one, so it alone is looked at.
func (tx *Tx) EndStaleSessions(limit int) ([]SessionEnd, error) {
	return tx.sweepSessions(`WITH due AS (SELECT id FROM sessions WHERE ended_at = 0 AND idle_expires_at <= $1
			ORDER BY idle_expires_at LIMIT $2`+tx.claimSuffix()+`)
		UPDATE sessions SET ended_at = $1, end_reason = CASE WHEN idle_expires_at < expires_at THEN $3 ELSE $4 END
		WHERE id IN (SELECT id FROM due) AND ended_at = 0
		RETURNING id, app_id, user_id, end_reason`,
		micros(tx.Now()), limit, auth.EndIdle, auth.EndExpired)
}

// EndLiveSessions ends at most limit sessions of all apps, whatever their time.
func (tx *Tx) EndLiveSessions(reason auth.EndReason, limit int) ([]SessionEnd, error) {
	return tx.sweepSessions(`WITH due AS (SELECT id FROM sessions WHERE ended_at = 0
			ORDER BY idle_expires_at LIMIT $2`+tx.claimSuffix()+`)
		UPDATE sessions SET ended_at = $1, end_reason = $3 WHERE id IN (SELECT id FROM due) AND ended_at = 0
		RETURNING id, app_id, user_id, end_reason`,
		micros(tx.Now()), limit, reason)
}

// The sweeps pick their rows in a WITH clause: PostgreSQL may run a subquery of WHERE again for every row, and one
// that skips locked rows then picks others each time, past its LIMIT.
func (tx *Tx) sweepSessions(query string, args ...any) ([]SessionEnd, error) {
	var out []SessionEnd
	err := tx.all(query, args, func(scan func(dest ...any) error) error {
		var e SessionEnd
		err := scan(&e.ID, &e.App, &e.User, &e.Reason)
		out = append(out, e)
		return err
	})
	return out, err
}

// DeleteEndedSessions removes at most limit sessions of all apps that ended before the given time.
func (tx *Tx) DeleteEndedSessions(before time.Time, limit int) (int, error) {
	n, err := tx.exec(`WITH due AS (SELECT id FROM sessions WHERE ended_at > 0 AND ended_at < $1
			ORDER BY ended_at LIMIT $2`+tx.claimSuffix()+`)
		DELETE FROM sessions WHERE id IN (SELECT id FROM due)`, micros(before), limit)
	return int(n), err
}

// TouchSession notes that a live session was used at a time, and moves its idle expiry, never past the absolute one.
func (tx *Tx) TouchSession(app auth.AppID, id auth.SessionID, at time.Time) error {
	_, err := tx.exec(`UPDATE sessions SET last_seen_at = $3,
		idle_expires_at = CASE WHEN idle_ttl + $3 < expires_at THEN idle_ttl + $3 ELSE expires_at END
		WHERE app_id = $1 AND id = $2 AND ended_at = 0 AND last_seen_at < $3`, app, id, micros(at))
	return err
}

// StepUpSession stores a fresh proof of the person with the cookie that replaces the old one (empty: none), and
// the methods of the session from now on. It reports whether there was such a live session.
func (tx *Tx) StepUpSession(app auth.AppID, id auth.SessionID, amr []string, cookieHash []byte) (bool, error) {
	n, err := tx.exec(`UPDATE sessions SET step_up_at = $3, amr = $4, cookie_hash = $5
		WHERE app_id = $1 AND id = $2 AND ended_at = 0`, app, id, micros(tx.Now()), jsonText(amr), nullBytes(cookieHash))
	return n == 1, err
}
