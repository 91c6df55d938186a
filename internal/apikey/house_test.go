package apikey

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// house is one node: a service on a database, with a clock that the test sets.
type house struct {
	*Service
	t     testing.TB
	db    *store.DB
	clock *storetest.Clock
}

func newHouse(t testing.TB, db *store.DB, clock *storetest.Clock) *house {
	t.Helper()
	keys := storetest.Keys(t)
	return &house{t: t, db: db, clock: clock, Service: New(Options{
		DB: db, Audit: &audit.Log{Keys: keys, Rand: rand.Reader}, Clock: clock.Now, Rand: rand.Reader, Recheck: recheck,
	})}
}

// recheck stands in for package session, whose own tests show what it refuses: here a caller is its user.
func recheck(tx *store.Tx, c auth.Caller) (auth.User, error) {
	u, err := tx.User(c.App, c.User)
	if errors.Is(err, store.ErrNotFound) {
		return u, auth.E(auth.CodeInvalidToken, "")
	}
	return u, err
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, newHouse(t, open(store.Options{Clock: clock.Now}), clock))
	})
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Write(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// person makes an active user and answers it as a caller with a session.
func (h *house) person(verifiedAt time.Time, role auth.Role) auth.Caller {
	h.t.Helper()
	id := secret.NewID(rand.Reader, h.clock.Now())
	c := auth.Caller{Kind: auth.CallerSession, App: auth.DefaultApp, User: auth.UserID(id), Session: auth.SessionID("s-" + id)}
	h.write(func(tx *store.Tx) error {
		number, err := tx.TakeUserNumber(c.App)
		if err != nil {
			return err
		}
		if _, err := tx.InsertUser(auth.User{ID: c.User, App: c.App, Number: number, Role: role, Status: auth.UserActive,
			Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}, ""); err != nil {
			return err
		}
		_, err = tx.InsertEmail(auth.Email{ID: auth.EmailID(id), App: c.App, User: c.User, Address: id + "@example.org",
			Canonical: id + "@example.org", Primary: true, VerifiedAt: verifiedAt, CreatedAt: tx.Now()})
		return err
	})
	return c
}

func (h *house) user() auth.Caller { return h.person(h.clock.Now(), auth.RoleUser) }

func (h *house) create(c auth.Caller, in Input) (auth.APIKey, string) {
	h.t.Helper()
	if in.Name == "" {
		in.Name = "deploy"
	}
	key, text, err := h.Create(context.Background(), c, in)
	if err != nil {
		h.t.Fatal(err)
	}
	return key, text
}

// change stores a changed user row.
func (h *house) change(c auth.Caller, f func(*auth.User)) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		row, err := tx.UserForUpdate(c.App, c.User)
		if err != nil {
			return err
		}
		f(&row)
		_, err = tx.UpdateUser(row, "")
		return err
	})
}

func (h *house) asKey(text string) auth.Caller {
	h.t.Helper()
	id, err := h.Authenticate(context.Background(), text)
	if err != nil {
		h.t.Fatal(err)
	}
	var c auth.Caller
	id.Fill(&c)
	return c
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}
