package login

import (
	"context"
	"crypto/rand"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
	"github.com/ostiary-id/ostiary/internal/waitlist"
)

const (
	goodPassword  = "six brass lanterns at noon"
	otherPassword = "seven copper kettles by dusk"
)

// house is one node with everything the flows are made of, and a clock that the test sets.
type house struct {
	*Service
	t       testing.TB
	db      *store.DB
	clock   *storetest.Clock
	keys    *secret.Keys
	inbox   *mail.Inbox
	workers *queue.Workers
}

// settings of a house that tests change.
type settings struct {
	limits map[string]limit.Setting
	params secret.PasswordParams
}

func smallParams() secret.PasswordParams {
	return secret.PasswordParams{Memory: 64, Time: 1, Threads: 1}
}

func newHouse(t testing.TB, db *store.DB, clock *storetest.Clock, o settings) *house {
	t.Helper()
	keys := storetest.Keys(t)
	if o.params == (secret.PasswordParams{}) {
		o.params = smallParams()
	}
	signs := signer.New(signer.Options{DB: db, Keys: keys, Clock: clock.Now, Rand: rand.Reader, Issuer: "https://id.example"})
	if err := signs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signs.Stop)
	pool := secret.NewPool(secret.PoolOptions{Params: o.params, Workers: 2, QueueDeadline: time.Minute, Rand: rand.Reader})
	t.Cleanup(pool.Close)
	log := &audit.Log{Keys: keys, Rand: rand.Reader}
	sessions := session.New(session.Options{DB: db, Signer: signs, Keys: keys, Audit: log, Clock: clock.Now, Rand: rand.Reader})
	jobs := &queue.Queue{Keys: keys, Rand: rand.Reader}
	inbox := &mail.Inbox{DB: db, Keys: keys}
	handler := &mail.Handler{Transport: inbox, Clock: clock.Now}
	apps := app.New(app.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck})
	return &house{t: t, db: db, clock: clock, keys: keys, inbox: inbox,
		workers: &queue.Workers{Queue: jobs, DB: db, Clock: clock.Now, Handlers: map[string]queue.Handler{mail.JobKind: handler.Handle}},
		Service: &Service{DB: db, Pool: pool, Sessions: sessions, App: apps.Get,
			Accounts: &account.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
			Invites:  &invite.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
			Waits:    &waitlist.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
			Federation: federation.New(federation.Options{DB: db, Keys: keys, Audit: log, Outbound: outbound.New(outbound.Options{}),
				Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck}),

			APIKeys: apikey.New(apikey.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck}),
			Factors: &factor.Factors{Keys: keys, Rand: rand.Reader, Clock: clock.Now},
			Proofs:  &proof.Ledger{Rand: rand.Reader},
			Limits:  limit.New(limit.Options{DB: db, Keys: keys, Clock: clock.Now, Settings: o.limits}),
			Audit:   log, Mail: &mail.Mailer{Queue: jobs, PublicURL: "https://id.example"},
			Clock: clock.Now, Rand: rand.Reader}}
}

// each runs fn on both engines.
func each(t *testing.T, fn func(t *testing.T, h *house)) { t.Helper(); eachWith(t, settings{}, fn) }

func eachWith(t *testing.T, o settings, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, newHouse(t, open(store.Options{Clock: clock.Now}), clock, o))
	})
}

// off turns limiters off, for tests about something else.
func off(names ...string) settings {
	s := settings{limits: map[string]limit.Setting{}}
	for _, n := range names {
		s.limits[n] = limit.Setting{Off: true}
	}
	return s
}

// anyone asks without a credential, at a door with the weak side of each knob, as the old APIs have it.
func anyone() auth.Caller {
	return auth.Caller{Kind: auth.CallerAnonymous, App: auth.DefaultApp, Client: auth.DefaultClient,
		IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "test", RequestID: "r1",
		Door: auth.Door{Contract: "open", Policy: auth.Policy{SignUpImmediate: true, RevealExisting: true, AllowUnverified: true}}}
}

// strict asks at a door with the strict side of each knob.
func strict() auth.Caller {
	c := anyone()
	c.Door = auth.Door{Contract: "strict"}
	return c
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	h.must(h.db.Write(context.Background(), fn))
}

// register signs a user up and in at the open door.
func (h *house) register(email string) SignedIn {
	h.t.Helper()
	out, err := h.Register(context.Background(), anyone(), Registration{Email: email, Password: goodPassword, Name: "Ann"})
	h.must(err)
	if out.Registered == nil {
		h.t.Fatal("no session")
	}
	return *out.Registered
}

// verified is register with the address proven, from the session itself so that it lives on.
func (h *house) verified(email string) SignedIn {
	h.t.Helper()
	in := h.register(email)
	_, err := h.VerifyEmail(context.Background(), h.caller(in.Grant), h.token(email, "/verify"))
	h.must(err)
	return in
}

// caller is who presents the access token of a grant.
func (h *house) caller(g session.Grant) auth.Caller {
	h.t.Helper()
	id, err := h.Sessions.Authenticate(context.Background(), g.AccessToken)
	h.must(err)
	c := anyone()
	id.Fill(&c)
	return c
}

// alive reports whether the access token still opens a door.
func (h *house) alive(g session.Grant) bool {
	_, err := h.Sessions.Authenticate(context.Background(), g.AccessToken)
	return err == nil
}

func (h *house) endReason(g session.Grant) auth.EndReason {
	h.t.Helper()
	var s auth.Session
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		s, err = tx.Session(auth.DefaultApp, g.Session.ID)
		return err
	}))
	return s.EndReason
}

func (h *house) signIn(identifier, password string) (SignInOutcome, error) {
	return h.SignIn(context.Background(), anyone(), Credentials{Identifier: identifier, Password: password})
}

// mails delivers what is queued and returns what was sent to an address, oldest first.
func (h *house) mails(to string) (out []mail.InboxMessage) {
	h.t.Helper()
	_, err := h.workers.RunDue(context.Background())
	h.must(err)
	all, err := h.inbox.List(context.Background(), 500)
	h.must(err)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].To == to {
			out = append(out, all[i])
		}
	}
	return out
}

// token is that of the newest mail to an address with a link to a page.
func (h *house) token(to, page string) string {
	h.t.Helper()
	found := h.tokens(to, page)
	if len(found) == 0 {
		h.t.Fatalf("no mail to %s links to %s", to, page)
	}
	return found[len(found)-1]
}

// tokens are those of all mails to an address with a link to a page. Mails of one instant stand in any order, so the
// clock has to move between two that matter.
func (h *house) tokens(to, page string) (out []string) {
	h.t.Helper()
	for _, m := range h.mails(to) {
		for _, link := range m.Links {
			if u, err := url.Parse(link); err == nil && strings.HasSuffix(u.Path, page) && u.Query().Get("token") != "" {
				out = append(out, u.Query().Get("token"))
			}
		}
	}
	return out
}

// enrol gives a user a second factor and lets the code that confirmed it pass.
func (h *house) enrol(u auth.User) (base32Secret string, backup []string) {
	h.t.Helper()
	e, err := h.Factors.Draft(u.App, u.ID)
	h.must(err)
	b, err := h.Factors.DraftBackup(u.App, u.ID)
	h.must(err)
	h.write(func(tx *store.Tx) error {
		if err := h.Factors.Begin(tx, e); err != nil {
			return err
		}
		ok, err := h.Factors.Confirm(tx, u.App, u.ID, h.code(e.Secret), b)
		if !ok {
			h.t.Error("the first code was refused")
		}
		return err
	})
	h.clock.Advance(time.Minute)
	return e.Secret, b.Codes
}

// code is the TOTP code of now.
func (h *house) code(base32Secret string) string {
	code, err := hotp.GenerateCode(base32Secret, uint64(h.clock.Now().Unix()/30))
	if err != nil {
		h.t.Error(err)
	}
	return code
}

// nextCode is a code that was not used before.
func (h *house) nextCode(base32Secret string) string {
	h.clock.Advance(90 * time.Second)
	return h.code(base32Secret)
}

// wrongCode is none of the codes around now.
func (h *house) wrongCode(base32Secret string) string {
	near := map[string]bool{}
	for step := int64(-3); step <= 3; step++ {
		c, err := hotp.GenerateCode(base32Secret, uint64(h.clock.Now().Unix()/30+step))
		h.must(err)
		near[c] = true
	}
	for _, c := range []string{"000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777"} {
		if !near[c] {
			return c
		}
	}
	panic("eight codes stand for seven steps")
}

// identity is the user as the rows have it.
func (h *house) identity(id auth.UserID) (who user.Identity) {
	h.t.Helper()
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		who, err = user.Load(tx, auth.DefaultApp, id)
		return err
	}))
	return who
}

func (h *house) disable(id auth.UserID) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		u, err := tx.UserForUpdate(auth.DefaultApp, id)
		if err != nil {
			return err
		}
		_, err = user.SetStatus(tx, u, auth.UserDisabled)
		return err
	})
}

// events counts the audit events of a user by action.
func (h *house) events(id auth.UserID) map[string]int {
	h.t.Helper()
	out := map[string]int{}
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) error {
		events, err := tx.Events(auth.DefaultApp, store.EventFilter{User: id, Limit: 10_000})
		for _, e := range events {
			out[e.Action]++
		}
		return err
	}))
	return out
}
