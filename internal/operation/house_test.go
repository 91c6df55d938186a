package operation_test

import (
	"context"
	"crypto/rand"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/operation"
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

// password passes every rule.
const password = "correct horse battery"

// house is a catalogue over real parts, with a clock that the test sets.
type house struct {
	*operation.Catalogue
	operation.Credentials
	t       testing.TB
	clock   *storetest.Clock
	workers *queue.Workers
	inbox   *mail.Inbox
	login   *login.Service
	signer  *signer.Signer
}

// each runs fn on both engines.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, furnish(t, open(store.Options{Clock: clock.Now}), clock))
	})
}

func furnish(t testing.TB, db *store.DB, clock *storetest.Clock, settings ...map[string]limit.Setting) *house {
	t.Helper()
	keys := storetest.Keys(t)
	const publicURL = "https://id.example"
	log := &audit.Log{Keys: keys, Rand: rand.Reader}
	jobs := &queue.Queue{Keys: keys, Rand: rand.Reader}
	signs := signer.New(signer.Options{DB: db, Keys: keys, Clock: clock.Now, Rand: rand.Reader, Issuer: publicURL, Overlap: time.Hour})
	if err := signs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signs.Stop)
	pool := secret.NewPool(secret.PoolOptions{Params: secret.PasswordParams{Memory: 64, Time: 1, Threads: 1}, Rand: rand.Reader})
	t.Cleanup(pool.Close)
	o := limit.Options{DB: db, Keys: keys, Clock: clock.Now}
	if len(settings) > 0 {
		o.Settings = settings[0]
	}
	limits := limit.New(o)
	sessions := session.New(session.Options{DB: db, Signer: signs, Keys: keys, Audit: log, Clock: clock.Now, Rand: rand.Reader})
	apikeys := apikey.New(apikey.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck})
	apps := app.New(app.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck})
	party, err := factor.NewParty(factor.PartyOptions{PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	ways := &login.Service{DB: db, Pool: pool, Sessions: sessions, App: apps.Get,
		Accounts: &account.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
		Invites:  &invite.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
		Waits:    &waitlist.Service{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck},
		Federation: federation.New(federation.Options{DB: db, Keys: keys, Audit: log, Outbound: outbound.New(outbound.Options{}),
			Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck}),
		APIKeys: apikeys, Audit: log, Limits: limits,
		Factors: &factor.Factors{Keys: keys, Rand: rand.Reader, Clock: clock.Now, Party: party}, Proofs: &proof.Ledger{Rand: rand.Reader},
		Mail: &mail.Mailer{Queue: jobs, PublicURL: publicURL}, Clock: clock.Now, Rand: rand.Reader}
	inbox := &mail.Inbox{DB: db, Keys: keys}
	return &house{
		t: t, clock: clock, inbox: inbox, login: ways, signer: signs,
		workers: &queue.Workers{Queue: jobs, DB: db, Clock: clock.Now,
			Handlers: map[string]queue.Handler{mail.JobKind: (&mail.Handler{Transport: inbox, Clock: clock.Now}).Handle}},
		Credentials: operation.Credentials{Sessions: sessions, Keys: apikeys, Apps: apps, Limits: limits},
		Catalogue: operation.New(operation.Deps{DB: db, Keys: keys, Limits: limits, Users: user.NewDirectory(db, 100),
			Sessions: sessions, APIKeys: apikeys, Apps: apps, Login: ways, Accounts: ways.Accounts, Invites: ways.Invites, Waits: ways.Waits, Federation: ways.Federation, Lifecycle: &lifecycle.Service{Login: ways},
			Signer: signs, Audit: log, PublicURL: publicURL, Clock: clock.Now}),
	}
}

// door is one that signs up at once, as Cloudheed's does.
func door() auth.Door {
	return auth.Door{Contract: "test", Policy: auth.Policy{SignUpImmediate: true, RevealExisting: true, AllowUnverified: true}}
}

// presented is a request at that door on the default app.
func presented(change ...func(*auth.Presented)) auth.Presented {
	p := auth.Presented{MountApp: auth.DefaultApp, IP: netip.MustParseAddr("192.0.2.1"), UserAgent: "test", RequestID: "r", Door: door()}
	for _, c := range change {
		c(&p)
	}
	return p
}

func bearer(token string) func(*auth.Presented) {
	return func(p *auth.Presented) { p.Bearer = token }
}

func appKey(key string) func(*auth.Presented) {
	return func(p *auth.Presented) { p.AppKey = key }
}

// call asks as whoever the presented credentials belong to.
func (h *house) call(name string, in any, change ...func(*auth.Presented)) (operation.Outcome, error) {
	h.t.Helper()
	return h.callIn(h.t.Context(), name, in, change...)
}

func (h *house) callIn(ctx context.Context, name string, in any, change ...func(*auth.Presented)) (operation.Outcome, error) {
	h.t.Helper()
	d := h.Lookup(name)
	if d == nil {
		h.t.Fatalf("there is no operation %s", name)
	}
	caller, err := h.Resolve(ctx, presented(change...))
	if err != nil {
		return operation.Outcome{}, err
	}
	return h.Call(ctx, d, &operation.Request{Caller: caller}, in)
}

// must is call that has to end in a result, whose value it returns.
func must[T any](h *house, name string, in any, change ...func(*auth.Presented)) T {
	h.t.Helper()
	return value[T](h, name)(h.call(name, in, change...))
}

// asOperator is must over the socket.
func asOperator[T any](h *house, name string, in any, change ...func(*auth.Presented)) T {
	h.t.Helper()
	return value[T](h, name)(h.callIn(operation.WithOperator(h.t.Context()), name, in, change...))
}

func value[T any](h *house, name string) func(operation.Outcome, error) T {
	return func(out operation.Outcome, err error) T {
		h.t.Helper()
		if err != nil {
			h.t.Fatalf("%s: %v", name, err)
		}
		v, ok := out.Value.(T)
		if !ok {
			h.t.Fatalf("%s ended as %s with a %T", name, out.Result, out.Value)
		}
		return v
	}
}

// refused asserts that an outcome is an error with the code.
func (h *house) refused(want auth.Code) func(operation.Outcome, error) {
	return func(out operation.Outcome, err error) {
		h.t.Helper()
		if !auth.Is(err, want) {
			h.t.Errorf("got %s, %v; want %s", out.Result, err, want)
		}
	}
}

// signUp registers a user of the app that the change names and returns the session.
func (h *house) signUp(email string, change ...func(*auth.Presented)) operation.Granted {
	h.t.Helper()
	return must[operation.Granted](h, "register", &operation.RegisterInput{Email: email, Password: password, Name: "Jo"}, change...)
}

// admin makes an administrator of the app and returns an access token.
func (h *house) admin(email string, change ...func(*auth.Presented)) operation.Granted {
	h.t.Helper()
	u := h.signUp(email, change...)
	asOperator[operation.UserResult](h, "set-role", &operation.SetRoleInput{ID: u.User.ID, Role: auth.RoleAdmin},
		func(p *auth.Presented) { p.AppInput = h.appOf(change...) })
	return must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: email, Password: password}, change...)
}

// appOf is the app that a request would be about.
func (h *house) appOf(change ...func(*auth.Presented)) auth.AppID {
	h.t.Helper()
	caller, err := h.Resolve(h.t.Context(), presented(change...))
	if err != nil {
		h.t.Fatal(err)
	}
	return caller.App
}

// mails delivers what is queued and returns the newest mail to the address.
func (h *house) mail(to string) mail.InboxMessage {
	h.t.Helper()
	if _, err := h.workers.RunDue(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	all, err := h.inbox.List(h.t.Context(), 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range all {
		if m.To == to {
			return m
		}
	}
	h.t.Fatalf("no mail to %s among %d", to, len(all))
	return mail.InboxMessage{}
}

// token is the secret in the link of the newest mail to the address.
func (h *house) token(to string) string {
	h.t.Helper()
	for _, link := range h.mail(to).Links {
		if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" {
			return u.Query().Get("token")
		}
	}
	h.t.Fatalf("no link with a token in the mail to %s", to)
	return ""
}

// code is the TOTP code of the moment; each call moves the clock to a step that was not spent.
func (h *house) code(secretText string) string {
	h.t.Helper()
	h.clock.Advance(31 * time.Second)
	c, err := totp.GenerateCode(secretText, h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// newApp makes an app and a key that names it.
func (h *house) newApp(name string) (auth.AppID, func(*auth.Presented)) {
	h.t.Helper()
	made := asOperator[operation.App](h, "create-app", &operation.CreateAppInput{Name: name})
	key := asOperator[operation.NewAppKey](h, "create-app-key", &operation.CreateAppKeyInput{AppID: made.ID, Name: "door"})
	if !strings.HasPrefix(key.Secret, auth.AppKeyPrefix) {
		h.t.Errorf("app key %q", key.Secret)
	}
	return made.ID, appKey(key.Secret)
}
