package apikey

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestCreateAndUse_AK01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		key, text := h.create(c, Input{Name: "  deploy ", Prefix: "ch_live_", Scopes: []string{"read", "write", "read"}, ExpiresIn: time.Hour})
		if !strings.HasPrefix(text, "ch_live_") || key.Prefix != text[:11] || key.Name != "deploy" || len(key.Scopes) != 2 ||
			!key.ExpiresAt.Equal(h.clock.Now().Add(time.Hour)) || key.Session != c.Session || !key.EmailVerified {
			t.Fatalf("%+v", key)
		}
		stored, err := h.Get(t.Context(), c.App, c.User, key.ID)
		if err != nil || !bytes.Equal(stored.Hash, secret.Hash(text)) || stored.User != c.User {
			t.Fatalf("%+v, %v", stored, err)
		}
		for range 2 { // from the rows, then from the caches
			id, err := h.Authenticate(t.Context(), text)
			if err != nil || id.User != c.User || id.Key != key.ID || !slices.Equal(id.Scopes, []string{"read", "write"}) || !id.EmailVerified {
				t.Fatalf("%+v, %v", id, err)
			}
		}
		h.clock.Advance(time.Hour)
		_, err = h.Authenticate(t.Context(), text)
		wantCode(t, err, auth.CodeTokenExpired)
	})
}

func TestGarbageTouchesNoDatabase_AK01(t *testing.T) {
	clock := storetest.NewClock()
	db := storetest.Open(t, store.Options{Clock: clock.Now})
	h := newHouse(t, db, clock)
	_, text := h.create(h.user(), Input{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		other := byte('x')
		if text[i] == other {
			other = 'y'
		}
		_, err := h.Authenticate(t.Context(), text[:i]+string(other)+text[i+1:])
		wantCode(t, err, auth.CodeInvalidToken)
	}
	_, err := h.Authenticate(t.Context(), text)
	wantCode(t, err, auth.CodeUnavailable)
}

func TestInputRules(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		now := h.clock.Now()
		for name, bad := range map[string]struct {
			in    Input
			field string
		}{
			"no name":           {Input{Name: " "}, "name"},
			"long name":         {Input{Name: strings.Repeat("ä", 101)}, "name"},
			"control character": {Input{Name: "a\tb"}, "name"},
			"star":              {Input{Name: "a", Scopes: []string{"*"}}, "scopes"},
			"space in scope":    {Input{Name: "a", Scopes: []string{"a b"}}, "scopes"},
			"empty scope":       {Input{Name: "a", Scopes: []string{""}}, "scopes"},
			"app key prefix":    {Input{Name: "a", Prefix: auth.AppKeyPrefix}, "prefix"},
			"bad prefix":        {Input{Name: "a", Prefix: "Live-"}, "prefix"},
			"too short":         {Input{Name: "a", ExpiresIn: time.Second}, "expires_in"},
			"negative":          {Input{Name: "a", ExpiresIn: -time.Hour}, "expires_in"},
			"too long":          {Input{Name: "a", ExpiresIn: MaxLifetime + time.Hour}, "expires_in"},
			"past":              {Input{Name: "a", ExpiresAt: now.Add(-time.Hour)}, "expires_at"},
			"far":               {Input{Name: "a", ExpiresAt: now.Add(MaxLifetime + time.Hour)}, "expires_at"},
			"both":              {Input{Name: "a", ExpiresIn: time.Hour, ExpiresAt: now.Add(time.Hour)}, "expires_at"},
		} {
			_, _, err := h.Create(t.Context(), c, bad.in)
			e := auth.AsError(err)
			if e == nil || e.Code != auth.CodeInvalidRequest || len(e.Violations) != 1 || e.Violations[0].Field != bad.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		if key, _ := h.create(c, Input{Name: strings.Repeat("ä", 100), ExpiresIn: MinLifetime}); key.ExpiresAt.IsZero() {
			t.Error("no expiry")
		}
		if key, text := h.create(c, Input{}); !key.ExpiresAt.IsZero() || !strings.HasPrefix(text, DefaultPrefix) {
			t.Error("an expiry or another prefix")
		}
		_, _, err := h.Create(t.Context(), auth.Caller{Kind: auth.CallerAnonymous, App: c.App}, Input{Name: "a"})
		wantCode(t, err, auth.CodeUnauthenticated)
	})
}

func TestScopes_AK01_AK02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		_, _, err := h.Create(t.Context(), c, Input{Name: "a", Scopes: []string{ScopeAdmin}})
		wantCode(t, err, auth.CodeForbidden)
		admin := h.person(h.clock.Now(), auth.RoleAdmin)
		h.create(admin, Input{Scopes: []string{ScopeAdmin}})

		_, weak := h.create(c, Input{Scopes: []string{"read"}})
		_, _, err = h.Create(t.Context(), h.asKey(weak), Input{Name: "a"})
		wantCode(t, err, auth.CodeInsufficientScope)
		maker, text := h.create(c, Input{Scopes: []string{"read", ScopeWrite}, ExpiresIn: time.Hour})
		k := h.asKey(text)
		_, _, err = h.Create(t.Context(), k, Input{Name: "a", Scopes: []string{"write"}, ExpiresIn: time.Minute})
		wantCode(t, err, auth.CodeInsufficientScope)
		_, _, err = h.Create(t.Context(), k, Input{Name: "a", Scopes: []string{"read"}})
		wantCode(t, err, auth.CodeInsufficientScope) // would outlive its maker
		child, _ := h.create(k, Input{Scopes: []string{"read"}, ExpiresIn: 30 * time.Minute})
		if child.User != c.User {
			t.Fatal("another user's key")
		}
		strong, _ := h.create(c, Input{Scopes: []string{"write"}})
		_, _, err = h.Rotate(t.Context(), k, strong.ID) // would learn a secret with more scope
		wantCode(t, err, auth.CodeInsufficientScope)
		if _, _, err = h.Rotate(t.Context(), k, maker.ID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.Revoke(t.Context(), h.asKey(weak), maker.ID), auth.CodeInsufficientScope)
	})
}

func TestRotate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		key, first := h.create(c, Input{Prefix: "ch_live_", Scopes: []string{"read"}})
		h.asKey(first)
		rotated, second, err := h.Rotate(t.Context(), c, key.ID)
		if err != nil || !strings.HasPrefix(second, "ch_live_") || rotated.Prefix != second[:11] || rotated.ID != key.ID ||
			!rotated.PreviousUntil.Equal(h.clock.Now().Add(time.Hour)) {
			t.Fatalf("%+v, %v", rotated, err)
		}
		for _, text := range []string{first, second, first} {
			if k := h.asKey(text); k.Key != key.ID {
				t.Fatal("another key")
			}
		}
		_, third, err := h.Rotate(t.Context(), c, key.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Authenticate(t.Context(), first) // only one secret of before
		wantCode(t, err, auth.CodeInvalidToken)
		h.asKey(second)
		h.clock.Advance(RotationOverlap)
		_, err = h.Authenticate(t.Context(), second)
		wantCode(t, err, auth.CodeInvalidToken)
		h.asKey(third)

		_, _, err = h.Rotate(t.Context(), h.user(), key.ID)
		wantCode(t, err, auth.CodeNotFound) // TN-01
		dying, _ := h.create(c, Input{ExpiresIn: time.Minute})
		h.clock.Advance(time.Minute)
		_, _, err = h.Rotate(t.Context(), c, dying.ID)
		wantCode(t, err, auth.CodeConflict)
	})
}

func TestRevokeHoldsAtOnce_AK01_SE05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		key, first := h.create(c, Input{})
		_, second, err := h.Rotate(t.Context(), c, key.ID)
		if err != nil {
			t.Fatal(err)
		}
		h.asKey(first)
		h.asKey(second)
		wantCode(t, h.Revoke(t.Context(), h.user(), key.ID), auth.CodeNotFound) // TN-01
		if err := h.Revoke(t.Context(), c, key.ID); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{first, second} {
			_, err := h.Authenticate(t.Context(), text)
			wantCode(t, err, auth.CodeInvalidToken)
		}
		wantCode(t, h.Revoke(t.Context(), c, key.ID), auth.CodeNotFound)
		_, err = h.Get(t.Context(), c.App, c.User, key.ID)
		wantCode(t, err, auth.CodeNotFound)
	})
}

func TestRevokeOnAnotherNode_AK01(t *testing.T) {
	url, clock := storetest.PostgresURL(t), storetest.NewClock()
	h := newHouse(t, storetest.Open(t, store.Options{URL: url, Clock: clock.Now}), clock)
	other := newHouse(t, storetest.Open(t, store.Options{URL: url, Clock: clock.Now}), clock)
	c := h.user()
	key, text := h.create(c, Input{})
	other.asKey(text)
	if err := h.Revoke(t.Context(), c, key.ID); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Second); ; {
		_, err := other.Authenticate(t.Context(), text)
		if auth.Is(err, auth.CodeInvalidToken) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a second: %v", err)
		}
		time.Sleep(5 * time.Millisecond) // another connection of the database is outside
	}
}

func TestKeysDieWithTheUser_AK03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		_, text := h.create(c, Input{})
		h.asKey(text)
		h.change(c, func(u *auth.User) { u.Status = auth.UserDisabled })
		_, err := h.Authenticate(t.Context(), text)
		wantCode(t, err, auth.CodeAccountDisabled)
		h.change(c, func(u *auth.User) { u.Status = auth.UserActive })
		h.asKey(text)
		h.change(c, func(u *auth.User) { u.Epoch++ })
		_, err = h.Authenticate(t.Context(), text)
		wantCode(t, err, auth.CodeInvalidToken)

		_, text = h.create(c, Input{})
		h.write(func(tx *store.Tx) error {
			a, err := tx.App(c.App)
			if err != nil {
				return err
			}
			a.Status = auth.AppDisabled
			tx.Invalidate(store.KindApp, string(a.ID))
			_, err = tx.UpdateApp(a)
			return err
		})
		_, err = h.Authenticate(t.Context(), text)
		wantCode(t, err, auth.CodeInvalidToken)
	})
}

func TestAtMostSoManyKeysUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.max = 5
		c := h.user()
		var (
			wait sync.WaitGroup
			errs = make([]error, 20)
		)
		for i := range errs {
			wait.Go(func() { _, _, errs[i] = h.Create(t.Context(), c, Input{Name: "a"}) })
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
		list, err := h.List(t.Context(), Query{App: c.App, User: c.User, Limit: 100})
		if made != 5 || len(list) != 5 || err != nil {
			t.Fatalf("%d made, %d stored, %v", made, len(list), err)
		}
		// A dead key makes room.
		if err := h.Revoke(t.Context(), c, list[0].ID); err != nil {
			t.Fatal(err)
		}
		h.create(c, Input{})
	})
}

func TestListIsTheUsersOwn_TN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		made := map[auth.APIKeyID]bool{}
		for range 5 {
			key, _ := h.create(c, Input{})
			made[key.ID] = true
		}
		h.create(h.user(), Input{})
		var last auth.APIKey
		seen := 0
		for {
			page, err := h.List(t.Context(), Query{App: c.App, User: c.User, AfterTime: last.CreatedAt, AfterID: last.ID, Limit: 2})
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range page {
				if !made[k.ID] {
					t.Fatal("somebody else's, or twice")
				}
				delete(made, k.ID)
				seen++
				last = k
			}
			if len(page) < 2 {
				break
			}
		}
		if seen != 5 {
			t.Fatalf("%d seen", seen)
		}
	})
}

func TestKeysFromBeforeTheProof_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.person(time.Time{}, auth.RoleUser)
		squatter := c
		squatter.Session = "s-squatter"
		own, ownText := h.create(c, Input{})
		_, planted := h.create(squatter, Input{})
		if own.EmailVerified {
			t.Fatal("the address is not verified")
		}
		h.asKey(ownText)
		h.asKey(planted)
		revoke := func(except ...auth.SessionID) (n int) {
			h.write(func(tx *store.Tx) (err error) {
				n, err = h.RevokeUnverified(tx, c, c.App, c.User, except...)
				return err
			})
			return n
		}
		if n := revoke(c.Session); n != 1 {
			t.Fatalf("%d revoked", n)
		}
		_, err := h.Authenticate(t.Context(), planted)
		wantCode(t, err, auth.CodeInvalidToken)
		h.asKey(ownText)
		if n := revoke(); n != 0 {
			t.Fatal("a key of the proving session counts as unverified")
		}
	})
}

func TestLastUsedIsWrittenInTheBackground(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		key, text := h.create(c, Input{})
		used := func() time.Time {
			t.Helper()
			k, err := h.Get(t.Context(), c.App, c.User, key.ID)
			if err != nil {
				t.Fatal(err)
			}
			return k.LastUsedAt
		}
		h.asKey(text)
		if !used().IsZero() {
			t.Fatal("written by the request")
		}
		if err := h.Flush(t.Context()); err != nil || !used().Equal(h.clock.Now()) {
			t.Fatalf("%s, %v", used(), err)
		}
		first := h.clock.Now()
		h.clock.Advance(30 * time.Second)
		h.asKey(text)
		if err := h.Flush(t.Context()); err != nil || !used().Equal(first) {
			t.Fatalf("%s, %v", used(), err)
		}
		h.clock.Advance(30 * time.Second)
		h.asKey(text)
		if err := h.Flush(t.Context()); err != nil || !used().Equal(h.clock.Now()) {
			t.Fatalf("%s, %v", used(), err)
		}
	})
}

func TestHousekeeping(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		h.create(c, Input{ExpiresIn: time.Minute})
		revoked, _ := h.create(c, Input{})
		kept, text := h.create(c, Input{})
		if err := h.Revoke(t.Context(), c, revoked.ID); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Hour)
		var n int
		h.write(func(tx *store.Tx) (err error) { n, err = h.DeleteEndedBefore(tx, tx.Now(), 500); return err })
		if n != 2 {
			t.Fatalf("%d deleted", n)
		}
		if k := h.asKey(text); k.Key != kept.ID {
			t.Fatal("another key")
		}
	})
}

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.user()
		key, text := h.create(c, Input{Scopes: []string{"read"}})
		if _, _, err := h.Rotate(t.Context(), c, key.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Revoke(t.Context(), c, key.ID); err != nil {
			t.Fatal(err)
		}
		var got []string
		err := h.db.Read(t.Context(), func(tx *store.Tx) error {
			list, err := tx.Events(c.App, store.EventFilter{User: c.User, Limit: 10})
			for _, e := range list {
				got = append(got, e.Action)
				if e.Target != string(key.ID) || strings.Contains(e.Data["scopes"], text) {
					t.Errorf("%+v", e)
				}
			}
			return err
		})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []string{"api-key.created", "api-key.revoked", "api-key.rotated"}) {
			t.Fatalf("%v, %v", got, err)
		}
	})
}
