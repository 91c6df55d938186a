package session

import (
	"context"
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// house is one node: a service on a database, with a clock that the test sets.
type house struct {
	*Service
	t     testing.TB
	db    *store.DB
	clock *storetest.Clock
	keys  *secret.Keys
}

func newKeys(t testing.TB) *secret.Keys {
	t.Helper()
	return storetest.Keys(t)
}

func newHouse(t testing.TB, db *store.DB, clock *storetest.Clock, keys *secret.Keys) *house {
	t.Helper()
	signs := signer.New(signer.Options{DB: db, Keys: keys, Clock: clock.Now, Rand: rand.Reader, Issuer: "https://id.example"})
	if err := signs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signs.Stop)
	return &house{t: t, db: db, clock: clock, keys: keys, Service: New(Options{
		DB: db, Signer: signs, Keys: keys, Audit: &audit.Log{Keys: keys, Rand: rand.Reader}, Clock: clock.Now, Rand: rand.Reader,
	})}
}

// each runs fn on both engines with one node.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		fn(t, newHouse(t, db, clock, newKeys(t)))
	})
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Write(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// person makes an active user of the default app with a verified address.
func (h *house) person() auth.User {
	h.t.Helper()
	return h.personWith(h.clock.Now())
}

func (h *house) personWith(verifiedAt time.Time) (u auth.User) {
	h.t.Helper()
	id := secret.NewID(rand.Reader, h.clock.Now())
	h.write(func(tx *store.Tx) error {
		number, err := tx.TakeUserNumber(auth.DefaultApp)
		if err != nil {
			return err
		}
		u = auth.User{ID: auth.UserID(id), App: auth.DefaultApp, Number: number, Name: "Ann", Role: auth.RoleUser,
			Status: auth.UserActive, Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		if _, err := tx.InsertUser(u, ""); err != nil {
			return err
		}
		_, err = tx.InsertEmail(auth.Email{ID: auth.EmailID(id), App: u.App, User: u.ID, Address: id + "@example.org",
			Canonical: id + "@example.org", Primary: true, VerifiedAt: verifiedAt, CreatedAt: tx.Now()})
		return err
	})
	return u
}

// change stores a changed user row.
func (h *house) change(u auth.User, f func(*auth.User)) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		row, err := tx.UserForUpdate(u.App, u.ID)
		if err != nil {
			return err
		}
		f(&row)
		_, err = tx.UpdateUser(row, "")
		return err
	})
}

func anyone() auth.Caller {
	return auth.Caller{Kind: auth.CallerAnonymous, App: auth.DefaultApp, Client: auth.DefaultClient,
		IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		Door: auth.Door{Contract: "ostiary"}}
}

// signIn starts a session.
func (h *house) signIn(u auth.User, f ...func(*Start)) Grant {
	h.t.Helper()
	st := Start{User: u, EmailVerified: true, Caller: anyone(), AMR: []string{auth.AMRPassword}}
	for _, f := range f {
		f(&st)
	}
	d, err := h.Draft(st)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error { return h.Insert(tx, d) })
	g, err := h.Issue(context.Background(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

func (h *house) refresh(token string) (Grant, error) {
	g, _, err := h.Refresh(context.Background(), anyone(), token)
	return g, err
}

func (h *house) mustRefresh(token string) Grant {
	h.t.Helper()
	g, err := h.refresh(token)
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

// row is the session's row as it stands.
func (h *house) row(id auth.SessionID) (s auth.Session) {
	h.t.Helper()
	err := h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		s, err = tx.Session(auth.DefaultApp, id)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) callerOf(g Grant) auth.Caller {
	h.t.Helper()
	id, err := h.Authenticate(context.Background(), g.AccessToken)
	if err != nil {
		h.t.Fatal(err)
	}
	c := anyone()
	id.Fill(&c)
	return c
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}
