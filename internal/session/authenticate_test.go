package session

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestAuthenticate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		g := h.signIn(u)
		for range 2 { // from the rows, then from the caches
			id, err := h.Authenticate(t.Context(), g.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if id.User != u.ID || id.App != u.App || id.Client != auth.DefaultClient || id.Role != auth.RoleUser ||
				id.Session != g.Session.ID || !id.EmailVerified || id.UserRow.Name != "Ann" || len(id.AMR) != 1 ||
				!id.AuthTime.Equal(h.clock.Now()) {
				t.Fatalf("identity: %+v", id)
			}
		}
		if id, _ := h.Authenticate(t.Context(), g.AccessToken); id.SessionRow.Device != "Firefox on Linux" || id.SessionRow.IP != "192.0.2.7" {
			t.Fatalf("device %q, ip %q", id.SessionRow.Device, id.SessionRow.IP)
		}
		h.clock.Advance(15 * time.Minute)
		_, err := h.Authenticate(t.Context(), g.AccessToken)
		wantCode(t, err, auth.CodeTokenExpired)
		_, err = h.Authenticate(t.Context(), g.RefreshToken)
		wantCode(t, err, auth.CodeInvalidToken)
		_, err = h.Authenticate(t.Context(), strings.ToLower(g.AccessToken))
		wantCode(t, err, auth.CodeInvalidToken)
	})
}

// An access token that a refresh outlived keeps working until its own time, and a session that refreshes moved
// past its first idle expiry is not taken for idle.
func TestIdleExpiryMovesUnderTheCache(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		long := func(st *Start) { st.Caller.Door.RefreshTTL, st.Caller.Door.AccessTTL = time.Hour, 3*time.Hour }
		g := h.signIn(h.person(), long)
		h.callerOf(g)
		h.clock.Advance(50 * time.Minute)
		h.mustRefresh(g.RefreshToken)
		h.clock.Advance(50 * time.Minute)
		h.callerOf(g)
		h.clock.Advance(15 * time.Minute)
		_, err := h.Authenticate(t.Context(), g.AccessToken)
		wantCode(t, err, auth.CodeTokenExpired)
	})
}

// SE-05: at once on the own node.
func TestEndsAtOnce_SE05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		ended, disabled, bumped := h.signIn(u), h.signIn(u), h.signIn(h.person())
		for _, g := range []Grant{ended, disabled, bumped} {
			h.callerOf(g)
		}
		h.write(func(tx *store.Tx) error {
			return h.End(tx, anyone(), u.App, ended.Session.ID, auth.EndByAdmin)
		})
		_, err := h.Authenticate(t.Context(), ended.AccessToken)
		wantCode(t, err, auth.CodeSessionEnded)
		if text := auth.AsError(err).Text(); text != "The session has ended: ended-by-admin." {
			t.Fatal(text)
		}
		h.change(u, func(u *auth.User) { u.Status = auth.UserDisabled })
		_, err = h.Authenticate(t.Context(), disabled.AccessToken)
		wantCode(t, err, auth.CodeAccountDisabled)
		h.change(bumped.user(h), func(u *auth.User) { u.Epoch++ })
		_, err = h.Authenticate(t.Context(), bumped.AccessToken)
		wantCode(t, err, auth.CodeSessionEnded)
	})
}

func (g Grant) user(h *house) auth.User {
	h.t.Helper()
	return auth.User{ID: h.row(g.Session.ID).User, App: g.Session.App}
}

// SE-05: within a second on another node.
func TestEndsOnAnotherNode_SE05(t *testing.T) {
	h, other := twoNodes(t)
	g := h.signIn(h.person())
	if _, err := other.Authenticate(t.Context(), g.AccessToken); err != nil {
		t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error { return h.End(tx, anyone(), auth.DefaultApp, g.Session.ID, auth.EndByUser) })
	for deadline := time.Now().Add(time.Second); ; {
		_, err := other.Authenticate(t.Context(), g.AccessToken)
		if auth.Is(err, auth.CodeSessionEnded) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a second: %v", err)
		}
		time.Sleep(5 * time.Millisecond) // another connection of the database is outside
	}
}

func TestCookie_SE02_SE03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		if g := h.signIn(u); g.SessionCookie != "" {
			t.Fatal("a cookie nobody asked for")
		}
		g := h.signIn(u, func(st *Start) { st.Caller.Door.SessionCookie = true })
		for range 2 {
			if id, err := h.AuthenticateCookie(t.Context(), u.App, g.SessionCookie); err != nil || id.Session != g.Session.ID {
				t.Fatalf("%s: %v", id.Session, err)
			}
		}
		_, err := h.AuthenticateCookie(t.Context(), "other", g.SessionCookie)
		wantCode(t, err, auth.CodeInvalidToken) // TN-02
		for _, text := range []string{"", "x", g.SessionCookie + "A", g.RefreshToken} {
			_, err := h.AuthenticateCookie(t.Context(), u.App, text)
			wantCode(t, err, auth.CodeInvalidToken)
		}

		cookie, err := h.NewCookie()
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Hour)
		c := anyone()
		c.Session = g.Session.ID
		h.write(func(tx *store.Tx) error { return h.StepUp(tx, c, []string{auth.AMROTP}, cookie) })
		_, err = h.AuthenticateCookie(t.Context(), u.App, g.SessionCookie)
		wantCode(t, err, auth.CodeInvalidToken)
		id, err := h.AuthenticateCookie(t.Context(), u.App, cookie.Secret)
		if err != nil || !id.AuthTime.Equal(h.clock.Now()) || !slices.Equal(id.AMR, []string{auth.AMROTP}) {
			t.Fatalf("after the step-up: %+v, %v", id, err)
		}
		id.Fill(&c)
		if !h.Fresh(c) {
			t.Fatal("a step-up is fresh")
		}
		h.clock.Advance(6 * time.Minute)
		if h.Fresh(c) {
			t.Fatal("still fresh after 6 minutes")
		}

		h.write(func(tx *store.Tx) error { return h.End(tx, c, u.App, g.Session.ID, auth.EndSignedOut) })
		_, err = h.AuthenticateCookie(t.Context(), u.App, cookie.Secret)
		wantCode(t, err, auth.CodeSessionEnded)
	})
}

func TestRecheck(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		g := h.signIn(u)
		c := h.callerOf(g)
		recheck := func(c auth.Caller) (got auth.User, err error) {
			h.write(func(tx *store.Tx) error { got, err = h.Recheck(tx, c); return nil })
			return got, err
		}
		if got, err := recheck(c); err != nil || got.ID != u.ID {
			t.Fatalf("%v, %v", got.ID, err)
		}
		if _, err := recheck(auth.Caller{Kind: auth.CallerSystem}); err != nil {
			t.Fatal(err)
		}
		_, err := recheck(anyone())
		wantCode(t, err, auth.CodeUnauthenticated)
		foreign := c
		foreign.User = h.person().ID
		_, err = recheck(foreign)
		wantCode(t, err, auth.CodeInvalidToken)
		foreign = c
		foreign.App = "other"
		_, err = recheck(foreign)
		wantCode(t, err, auth.CodeInvalidToken)

		h.change(u, func(u *auth.User) { u.Status = auth.UserDisabled })
		_, err = recheck(c)
		wantCode(t, err, auth.CodeAccountDisabled)
		h.change(u, func(u *auth.User) { u.Status = auth.UserActive })
		h.write(func(tx *store.Tx) error { return h.End(tx, c, u.App, c.Session, auth.EndSignedOut) })
		_, err = recheck(c)
		wantCode(t, err, auth.CodeSessionEnded)
	})
}

func TestLastSeenIsWrittenInTheBackground(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.signIn(h.person(), func(st *Start) { st.Caller.Door.AccessTTL = time.Hour })
		start := h.clock.Now()
		flush := func() auth.Session {
			t.Helper()
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			return h.row(g.Session.ID)
		}
		h.clock.Advance(4 * time.Minute)
		h.callerOf(g)
		if row := flush(); !row.LastSeenAt.Equal(start) {
			t.Fatal("written before five minutes have passed")
		}
		h.clock.Advance(2 * time.Minute)
		h.callerOf(g)
		if !h.row(g.Session.ID).LastSeenAt.Equal(start) {
			t.Fatal("written by the request")
		}
		row := flush()
		if !row.LastSeenAt.Equal(h.clock.Now()) || !row.IdleExpiresAt.Equal(h.clock.Now().Add(row.IdleTTL)) {
			t.Fatalf("seen %s, idle until %s", row.LastSeenAt, row.IdleExpiresAt)
		}
		h.callerOf(g)
		if h.seen.Len() != 0 {
			t.Fatal("noted again at once")
		}
	})
}

// A cached request costs one allocation for the token's bytes and one for each of four look-ups, the function that
// would load the row; it makes nothing of its own.
func TestCachedAuthenticateAllocates(t *testing.T) {
	clock := storetest.NewClock()
	h := newHouse(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock, newKeys(t))
	g := h.signIn(h.person())
	n := testing.AllocsPerRun(1000, func() {
		if _, err := h.Authenticate(context.Background(), g.AccessToken); err != nil {
			t.Fatal(err)
		}
	})
	if n > 5 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	clock := storetest.NewClock()
	h := newHouse(b, storetest.Open(b, store.Options{Clock: clock.Now}), clock, newKeys(b))
	g := h.signIn(h.person())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Authenticate(context.Background(), g.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	clock := storetest.NewClock()
	h := newHouse(b, storetest.Open(b, store.Options{Clock: clock.Now}), clock, newKeys(b))
	u := h.person()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		g := h.signIn(u)
		for pb.Next() {
			g = h.mustRefresh(g.RefreshToken)
		}
	})
}
