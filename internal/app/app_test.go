package app

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

type house struct {
	*Service
	db    *store.DB
	clock *storetest.Clock
}

func newHouse(t testing.TB, db *store.DB, clock *storetest.Clock) *house {
	t.Helper()
	keys := storetest.Keys(t)
	// The caller's rows are package session's affair; here the role it comes with is believed.
	recheck := func(_ *store.Tx, c auth.Caller) (auth.User, error) { return auth.User{ID: c.User, Role: c.Role}, nil }
	return &house{db: db, clock: clock, Service: New(Options{DB: db, Audit: &audit.Log{Keys: keys, Rand: rand.Reader},
		Clock: clock.Now, Rand: rand.Reader, Recheck: recheck})}
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, newHouse(t, open(store.Options{Clock: clock.Now}), clock))
	})
}

var operator = auth.Caller{Kind: auth.CallerSystem}

func admin(app auth.AppID) auth.Caller {
	return auth.Caller{Kind: auth.CallerSession, App: app, User: "u", Role: auth.RoleAdmin}
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func create(t testing.TB, h *house, name string) auth.App {
	t.Helper()
	a, err := h.Create(context.Background(), operator, Input{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheDefaultAppIsThere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, err := h.Get(t.Context(), auth.DefaultApp)
		if err != nil || a.Status != auth.AppActive || len(a.Settings.Attributes) != 2 {
			t.Fatalf("%+v, %v", a, err)
		}
		c, err := h.DefaultClient(t.Context(), auth.DefaultApp)
		if err != nil || c.ID != auth.DefaultClient || !c.Default {
			t.Fatalf("%+v, %v", c, err)
		}
	})
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, err := h.Create(t.Context(), admin(auth.DefaultApp), Input{Name: " Shop "})
		if err != nil || a.Name != "Shop" || len(a.Settings.Attributes) != 2 {
			t.Fatalf("%+v, %v", a, err)
		}
		stored, err := h.Get(t.Context(), a.ID)
		if err != nil || stored.Name != "Shop" || !stored.CreatedAt.Equal(h.clock.Now()) || len(stored.Settings.Attributes) != 2 {
			t.Fatalf("%+v, %v", stored, err)
		}
		c, err := h.DefaultClient(t.Context(), a.ID)
		if err != nil || c.App != a.ID {
			t.Fatalf("%+v, %v", c, err)
		}
		_, err = h.Client(t.Context(), auth.DefaultApp, c.ID)
		wantCode(t, err, auth.CodeNotFound) // TN-01
		_, err = h.Get(t.Context(), "nothing")
		wantCode(t, err, auth.CodeNotFound)
	})
}

func TestSettingsRules(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		rule := func(name string, r auth.AttributeRule) auth.AppSettings {
			return auth.AppSettings{Attributes: map[string]auth.AttributeRule{name: r}}
		}
		for name, s := range map[string]auth.AppSettings{
			"algorithm":    {SigningAlgorithm: "none"},
			"password_min": {PasswordMin: 7},
			"name":         rule("Company", auth.AttributeRule{Type: "string", Writer: auth.WrittenByUser}),
			"type":         rule("a", auth.AttributeRule{Type: "object", Writer: auth.WrittenByUser}),
			"writer":       rule("a", auth.AttributeRule{Type: "string"}),
			"length":       rule("a", auth.AttributeRule{Type: "string", Writer: auth.WrittenByUser, MaxLength: -1}),
			"number":       rule("a", auth.AttributeRule{Type: "number", Writer: auth.WrittenByAdmin, MaxLength: 5}),
		} {
			_, err := h.Create(t.Context(), operator, Input{Name: "a", Settings: s})
			if !auth.Is(err, auth.CodeInvalidRequest) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, name := range []string{"", " ", strings.Repeat("a", 101), "a\nb"} {
			_, err := h.Create(t.Context(), operator, Input{Name: name})
			wantCode(t, err, auth.CodeInvalidRequest)
		}
		a, err := h.Create(t.Context(), operator, Input{Name: "a", Settings: auth.AppSettings{SigningAlgorithm: "EdDSA",
			Attributes: map[string]auth.AttributeRule{"seats": {Type: "integer", Writer: auth.WrittenByAdmin}}}})
		if err != nil || a.Settings.Attributes["seats"].Type != "integer" {
			t.Fatalf("%+v, %v", a, err)
		}
	})
}

// An administrator of one app is nobody in another; one of the default app manages all (TN-01).
func TestWhoManages_TN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b := create(t, h, "a"), create(t, h, "b")
		own, person := admin(a.ID), auth.Caller{Kind: auth.CallerSession, App: a.ID, Role: auth.RoleUser}

		_, err := h.Create(t.Context(), own, Input{Name: "c"})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.Create(t.Context(), person, Input{Name: "c"})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.List(t.Context(), person, Query{Limit: 10})
		wantCode(t, err, auth.CodeForbidden)
		list, err := h.List(t.Context(), own, Query{Limit: 10})
		if err != nil || len(list) != 1 || list[0].ID != a.ID {
			t.Fatalf("%+v, %v", list, err)
		}
		if list, err = h.List(t.Context(), admin(auth.DefaultApp), Query{Limit: 10}); err != nil || len(list) != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
		next, err := h.List(t.Context(), operator, Query{AfterTime: list[1].CreatedAt, AfterID: list[1].ID, Limit: 10})
		if err != nil || len(next) != 1 || next[0].ID != list[2].ID {
			t.Fatalf("%+v, %v", next, err)
		}
		_, err = h.Show(t.Context(), own, b.ID)
		wantCode(t, err, auth.CodeNotFound)
		_, _, err = h.CreateKey(t.Context(), own, KeyInput{App: b.ID, Name: "k"})
		wantCode(t, err, auth.CodeNotFound)
		_, _, err = h.CreateKey(t.Context(), person, KeyInput{App: a.ID, Name: "k"})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.ListKeys(t.Context(), own, KeyQuery{App: b.ID, Limit: 10})
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.SetStatus(t.Context(), own, b.ID, auth.AppDisabled)
		wantCode(t, err, auth.CodeNotFound)
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := create(t, h, "a")
		key, text, err := h.CreateKey(t.Context(), admin(a.ID), KeyInput{App: a.ID, Name: "web", ExpiresIn: time.Hour})
		if err != nil || !strings.HasPrefix(text, "osa_") || key.Prefix != text[:7] {
			t.Fatalf("%+v, %v", key, err)
		}
		for range 2 {
			if got, err := h.AuthenticateKey(t.Context(), text); err != nil || got.App != a.ID || got.ID != key.ID {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := h.ListKeys(t.Context(), operator, KeyQuery{App: a.ID, Limit: 10})
		if err != nil || len(list) != 1 || !list[0].LastUsedAt.Equal(h.clock.Now()) {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, bad := range []string{"", "osa_", text + "a", "ost_" + text[4:], strings.ToUpper(text)} {
			_, err := h.AuthenticateKey(t.Context(), bad)
			wantCode(t, err, auth.CodeInvalidToken)
		}
		h.clock.Advance(time.Hour)
		_, err = h.AuthenticateKey(t.Context(), text)
		wantCode(t, err, auth.CodeTokenExpired)

		key, text, err = h.CreateKey(t.Context(), operator, KeyInput{App: a.ID, Name: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.AuthenticateKey(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.RevokeKey(t.Context(), operator, auth.DefaultApp, key.ID), auth.CodeNotFound)
		if err := h.RevokeKey(t.Context(), admin(a.ID), a.ID, key.ID); err != nil {
			t.Fatal(err)
		}
		_, err = h.AuthenticateKey(t.Context(), text)
		wantCode(t, err, auth.CodeInvalidToken)
		wantCode(t, h.RevokeKey(t.Context(), operator, a.ID, key.ID), auth.CodeNotFound)
		_, _, err = h.CreateKey(t.Context(), operator, KeyInput{App: "nothing", Name: "web"})
		wantCode(t, err, auth.CodeNotFound)
		_, _, err = h.CreateKey(t.Context(), operator, KeyInput{App: a.ID, Name: "web", ExpiresIn: time.Second})
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

func TestAtMostSoManyKeysUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := create(t, h, "a")
		for range maxKeys - 3 {
			if _, _, err := h.CreateKey(t.Context(), operator, KeyInput{App: a.ID, Name: "k"}); err != nil {
				t.Fatal(err)
			}
		}
		var (
			wait sync.WaitGroup
			errs = make([]error, 12)
		)
		for i := range errs {
			wait.Go(func() { _, _, errs[i] = h.CreateKey(t.Context(), operator, KeyInput{App: a.ID, Name: "k"}) })
		}
		wait.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				wantCode(t, err, auth.CodeLimitReached)
			}
		}
		if made != 3 {
			t.Fatalf("%d made", made)
		}
	})
}

func TestDisable_SE05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := create(t, h, "a")
		_, text, err := h.CreateKey(t.Context(), operator, KeyInput{App: a.ID, Name: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.AuthenticateKey(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		disabled, err := h.SetStatus(t.Context(), operator, a.ID, auth.AppDisabled)
		if err != nil || disabled.Version != 2 {
			t.Fatalf("%+v, %v", disabled, err)
		}
		_, err = h.AuthenticateKey(t.Context(), text)
		wantCode(t, err, auth.CodeInvalidToken)
		if _, err := h.SetStatus(t.Context(), operator, a.ID, auth.AppActive); err != nil {
			t.Fatal(err)
		}
		if _, err := h.AuthenticateKey(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		_, err = h.SetStatus(t.Context(), operator, auth.DefaultApp, auth.AppDisabled)
		wantCode(t, err, auth.CodeConflict)
		_, err = h.SetStatus(t.Context(), operator, a.ID, "gone")
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

func TestRaiseEpochs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		before, err := h.Get(t.Context(), auth.DefaultApp)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.db.Write(t.Context(), func(tx *store.Tx) error { return h.RaiseEpochs(tx) }); err != nil {
			t.Fatal(err)
		}
		if after, err := h.Get(t.Context(), auth.DefaultApp); err != nil || after.Epoch != before.Epoch+1 {
			t.Fatalf("%+v, %v", after, err)
		}
	})
}
