package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mileusna/useragent"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	saltBytes = 32
	maxDevice = 100 // code points
)

// Start is a sign-in that succeeded and wants a session.
type Start struct {
	User          auth.User // as it was when the person was checked; its epoch is bound into the session
	EmailVerified bool
	Caller        auth.Caller // App, Client, IP, UserAgent and Door of the request
	AMR           []string
	Device        string // name given by the client; empty: made from the user agent
}

// Draft is a session with all its randomness, made before the Write that stores it, so that the Write can be
// repeated. Insert completes it, Issue turns it into tokens.
type Draft struct {
	Session auth.Session
	User    auth.User

	caller auth.Caller
	cookie string
	app    auth.App
	client auth.Client
	member auth.Membership // in the account that the session acts for; zero: none
	proven time.Time       // when the person proved who they are; zero: now
	lasts  time.Duration   // the whole life of the session; 0: what the settings say
}

// Draft prepares a session. It writes nothing.
func (s *Service) Draft(st Start) (*Draft, error) {
	now := s.clock()
	d := &Draft{User: st.User, caller: st.Caller}
	d.Session = auth.Session{
		ID: auth.SessionID(secret.NewID(s.rand, now)), App: st.Caller.App, Client: st.Caller.Client,
		User: st.User.ID, UserEpoch: st.User.Epoch, EmailVerified: st.EmailVerified,
		AMR: st.AMR, Device: st.Device, Contract: st.Caller.Door.Contract, UserAgent: st.Caller.UserAgent,
		Salt: make([]byte, saltBytes),
	}
	if st.Caller.IP.IsValid() {
		d.Session.IP = st.Caller.IP.String()
	}
	if d.Session.Device == "" {
		d.Session.Device = deviceName(st.Caller.UserAgent)
	}
	if long := []rune(d.Session.Device); len(long) > maxDevice {
		d.Session.Device = string(long[:maxDevice])
	}
	if _, err := io.ReadFull(s.rand, d.Session.Salt); err != nil {
		return nil, fmt.Errorf("session salt: %w", err)
	}
	if st.Caller.Door.SessionCookie {
		cookie, err := secret.Token(s.rand)
		if err != nil {
			return nil, fmt.Errorf("session cookie: %w", err)
		}
		d.cookie, d.Session.CookieHash = cookie, secret.Hash(cookie)
	}
	return d, nil
}

// For sets whose session it is, for flows that make the user in the same Write as the session.
func (d *Draft) For(user auth.User, emailVerified bool) {
	d.User, d.Session.User = user, user.ID
	d.Session.UserEpoch, d.Session.EmailVerified = user.Epoch, emailVerified
}

// deviceName is a few words about a user agent, for lists only: it proves nothing.
func deviceName(agent string) string {
	if agent == "" {
		return ""
	}
	ua := useragent.Parse(agent)
	switch {
	case ua.Name != "" && ua.OS != "":
		return ua.Name + " on " + ua.OS
	case ua.Name != "":
		return ua.Name
	}
	return ""
}

// Insert stores the session and the event session.started. The user's row is locked, so a sign-in and an EndAll
// that race are in one order; a user whose epoch is not the one that the draft saw (a password was changed
// since) gets no session. Errors: CodeInvalidCredentials, CodeAccountDisabled, CodeForbidden (app or client
// disabled).
func (s *Service) Insert(tx *store.Tx, d *Draft) error {
	var err error
	if d.app, err = tx.App(d.Session.App); err != nil {
		return fmt.Errorf("app of a new session: %w", err)
	}
	if d.client, err = tx.Client(d.Session.App, d.Session.Client); err != nil {
		return fmt.Errorf("client of a new session: %w", err)
	}
	user, err := tx.UserForUpdate(d.Session.App, d.Session.User)
	if err != nil {
		return fmt.Errorf("user of a new session: %w", err)
	}
	switch {
	case d.app.Status != auth.AppActive:
		return auth.E(auth.CodeForbidden, "The app is disabled.")
	case d.client.Status != auth.ClientActive:
		return auth.E(auth.CodeForbidden, "The client is disabled.")
	case user.Status != auth.UserActive:
		return auth.E(auth.CodeAccountDisabled, "")
	case user.Epoch != d.Session.UserEpoch:
		return auth.E(auth.CodeInvalidCredentials, "The account has just changed. Please sign in again.")
	}
	d.User = user
	if err := s.fromParent(tx, d); err != nil {
		return err
	}
	if err := d.enter(tx); err != nil {
		return err
	}
	s.begin(&d.Session, d, tx.Now())
	if err := tx.InsertSession(d.Session); err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return s.audit.Record(tx, d.caller, auth.Event{App: d.Session.App, Action: "session.started", Outcome: "ok",
		Actor: string(user.ID), User: user.ID, Session: d.Session.ID, Target: string(d.Session.ID),
		Data: map[string]string{"contract": d.Session.Contract}})
}

// In sets the account that the session acts for; the user must belong to it when Insert stores the session.
func (d *Draft) In(account auth.AccountID) { d.Session.Account = account }

// enter finds the account that the session begins in: the one that the flow set, else the user's oldest; none if the
// user belongs to none.
func (d *Draft) enter(tx *store.Tx) (err error) {
	if d.Session.Account != "" {
		d.member, err = Membership(tx, d.Session)
	} else if d.member, err = tx.OldestMembership(d.Session.App, d.Session.User); errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	d.Session.Account = d.member.Account
	return err
}

// Membership reads the place of the session's user in the session's account; a zero one if there is none any more.
func Membership(tx *store.Tx, s auth.Session) (auth.Membership, error) {
	if s.Account == "" {
		return auth.Membership{}, nil
	}
	m, err := tx.Membership(s.App, s.Account, s.User)
	if errors.Is(err, store.ErrNotFound) {
		return auth.Membership{}, nil
	}
	if err != nil {
		return m, fmt.Errorf("read membership: %w", err)
	}
	return m, nil
}

// begin sets the times of a new session. The idle expiry never passes the absolute one (SE-04).
func (s *Service) begin(session *auth.Session, d *Draft, now time.Time) {
	session.AppEpoch = d.app.Epoch
	session.CreatedAt, session.LastSeenAt, session.AuthTime = now, now, now
	if !d.proven.IsZero() {
		session.AuthTime = d.proven
	}
	session.IdleTTL = s.idleTTL(d.client, d.caller.Door)
	session.ExpiresAt = now.Add(s.settings.AbsoluteTTL)
	if d.lasts > 0 {
		session.IdleTTL, session.ExpiresAt = d.lasts, now.Add(d.lasts)
	}
	session.IdleExpiresAt = idleExpiry(*session, now)
}

// idleTTL is how long a session lives without use.
func (s *Service) idleTTL(client auth.Client, door auth.Door) time.Duration {
	return firstSet(client.Settings.RefreshTTL, door.RefreshTTL, s.settings.RefreshTTL)
}

// Lifetimes is how long a session in which a client acts for a person lives without use, and in all.
func (s *Service) Lifetimes(client auth.Client) (idle, longest time.Duration) {
	return min(s.idleTTL(client, auth.Door{}), s.settings.AbsoluteTTL), s.settings.AbsoluteTTL
}

func idleExpiry(s auth.Session, now time.Time) time.Time {
	if idle := now.Add(s.IdleTTL); idle.Before(s.ExpiresAt) {
		return idle
	}
	return s.ExpiresAt
}

// Grant is what a sign-in or a refresh hands to the client. Its String and LogValue show no secret.
type Grant struct {
	AccessToken   string
	RefreshToken  string
	TokenType     string        // always Bearer
	ExpiresIn     time.Duration // of the access token
	SessionCookie string        // only after Start at a door that sets one
	Session       auth.Session
}

// String keeps the tokens out of texts and logs.
func (g Grant) String() string { return "grant for session " + string(g.Session.ID) }

// GoString is String, for %#v.
func (g Grant) GoString() string { return g.String() }

// LogValue is String, for slog.
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// Member is the user's place in the account that the session acts for, after Insert; zero: none.
func (d *Draft) Member() auth.Membership { return d.member }

// Issue makes the tokens of a session that Insert has stored. It is called after the commit: signing takes no
// part in the Write.
func (s *Service) Issue(ctx context.Context, d *Draft) (Grant, error) {
	g, err := s.grant(ctx, granted{session: d.Session, user: d.User, member: d.member, app: &d.app, client: &d.client, door: d.caller.Door})
	g.SessionCookie = d.cookie
	return g, err
}

// granted is all that the tokens of a session are made from.
type granted struct {
	session auth.Session
	user    auth.User
	member  auth.Membership // in session.Account; zero: none
	app     *auth.App
	client  *auth.Client
	door    auth.Door
}

func (s *Service) grant(ctx context.Context, g granted) (Grant, error) {
	now := s.clock()
	ttl := firstSet(g.client.Settings.AccessTTL, g.door.AccessTTL, s.settings.AccessTTL)
	if left := g.session.ExpiresAt.Sub(now); left < ttl {
		ttl = left
	}
	access, err := s.signer.SignAccess(ctx, g.app.Settings.SigningAlgorithm, signer.AccessClaims{
		Subject: string(g.user.ID), Audience: string(g.app.ID), ClientID: string(g.session.Client),
		SessionID: string(g.session.ID), App: string(g.app.ID), Role: string(g.user.Role),
		Account: string(g.member.Account), AccountRole: string(g.member.Role),
		IssuedAt: now.Unix(), ExpiresAt: now.Add(ttl).Unix(), AuthTime: g.session.ProvenAt().Unix(),
		AMR: g.session.AMR, ID: secret.NewID(s.rand, now),
	})
	if err != nil {
		return Grant{}, fmt.Errorf("sign access token: %w", err)
	}
	return Grant{AccessToken: access, RefreshToken: s.mint(g.session), TokenType: "Bearer", ExpiresIn: ttl,
		Session: g.session}, nil
}
