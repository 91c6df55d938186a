package federation_test

import (
	"crypto/rand"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/federation/upstreamtest"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// callback is where the providers of these tests send browsers back to; nobody answers there.
const callback = "http://127.0.0.1:9/auth/upstream/callback"

// state is what a browser carries; real ones come from package login.
const state = "state-that-has-more-than-128-bits-in-it"

type house struct {
	*federation.Service
	t     testing.TB
	db    *store.DB
	clock *storetest.Clock
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func open(t testing.TB, db func(store.Options) *store.DB) *house {
	t.Helper()
	master, err := secret.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	clock := storetest.NewClock()
	clock.Set(time.Now()) // providers outside the house have a clock of their own
	h := &house{t: t, db: db(store.Options{Clock: clock.Now}), clock: clock}
	h.Service = federation.New(federation.Options{DB: h.db, Keys: keys, Audit: &audit.Log{Keys: keys, Rand: rand.Reader},
		Outbound: outbound.New(outbound.Options{Allow: loopback}), Clock: clock.Now, Rand: rand.Reader,
		Recheck: func(_ *store.Tx, c auth.Caller) (auth.User, error) { return auth.User{ID: c.User, Role: c.Role}, nil }})
	return h
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, db func(store.Options) *store.DB) { fn(t, open(t, db)) })
}

// one is a house on SQLite, for what no engine decides.
func one(t testing.TB) *house {
	t.Helper()
	return open(t, func(o store.Options) *store.DB { return storetest.Open(t, o) })
}

func admin() auth.Caller {
	return auth.Caller{Kind: auth.CallerSession, App: auth.DefaultApp, User: "ada", Role: auth.RoleAdmin}
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// connect makes a provider of the app default called upstream.
func (h *house) connect(u *upstreamtest.Upstream, changes ...func(*federation.ProviderInput)) auth.Provider {
	h.t.Helper()
	in := federation.ProviderInput{Name: "upstream", Kind: u.Kind, Settings: u.Settings, Secret: u.Secret}
	for _, change := range changes {
		change(&in)
	}
	p, err := h.Create(h.t.Context(), admin(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// leave begins a journey and walks through the provider's pages. It answers what the browser brings back.
func (h *house) leave(state, login string) federation.Answer {
	h.t.Helper()
	start, err := h.Begin(h.t.Context(), auth.DefaultApp, "upstream", callback, state)
	if err != nil {
		h.t.Fatal(err)
	}
	back, err := url.Parse(upstreamtest.Walk(h.t, upstreamtest.Browser(h.t), start.URL, login, callback))
	if err != nil {
		h.t.Fatal(err)
	}
	q := back.Query()
	if q.Get("state") != state {
		h.t.Fatalf("the state came back as %q", q.Get("state"))
	}
	return federation.Answer{Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error"), ErrorDescription: q.Get("error_description")}
}

func (h *house) finish(state string, a federation.Answer) (auth.Upstream, error) {
	return h.Finish(h.t.Context(), auth.DefaultApp, "upstream", callback, state, a)
}
