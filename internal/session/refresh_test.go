package session

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestRefreshChain_RT01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.signIn(h.person())
		seen := map[string]bool{g.RefreshToken: true}
		for range 6 {
			h.clock.Advance(time.Hour)
			g = h.mustRefresh(g.RefreshToken)
			if seen[g.RefreshToken] {
				t.Fatal("a token came twice")
			}
			seen[g.RefreshToken] = true
			if _, err := h.Authenticate(t.Context(), g.AccessToken); err != nil {
				t.Fatal(err)
			}
		}
		if row := h.row(g.Session.ID); row.Generation != 6 || len(row.Rotations) != 4 || !row.EndedAt.IsZero() {
			t.Fatalf("row: %+v", row)
		}
	})
}

func TestRepeatGivesTheSameSuccessor_RT03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := h.signIn(h.person())
		second := h.mustRefresh(first.RefreshToken)
		before := h.row(first.Session.ID)
		for range 10 { // RT-12: a storm of retries
			h.clock.Advance(12 * time.Second)
			if again := h.mustRefresh(first.RefreshToken); again.RefreshToken != second.RefreshToken {
				t.Fatal("another successor")
			}
		}
		if after := h.row(first.Session.ID); !after.IdleExpiresAt.Equal(before.IdleExpiresAt) || after.Generation != 1 {
			t.Fatal("a repetition wrote something")
		}
		h.mustRefresh(second.RefreshToken)
	})
}

func TestReuseEndsTheSession_RT02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r0 := h.signIn(h.person())
		r1 := h.mustRefresh(r0.RefreshToken)
		h.clock.Advance(121 * time.Second)
		r2 := h.mustRefresh(r1.RefreshToken)

		_, err := h.refresh(r0.RefreshToken)
		wantCode(t, err, auth.CodeRefreshTokenReused)
		if row := h.row(r0.Session.ID); row.EndReason != auth.EndRefreshReused || row.EndedAt.IsZero() {
			t.Fatalf("the session stands: %+v", row)
		}
		_, err = h.refresh(r2.RefreshToken)
		wantCode(t, err, auth.CodeSessionEnded)
		if want := "The session has ended: refresh-token-reused."; auth.AsError(err).Text() != want {
			t.Fatalf("message %q", auth.AsError(err).Text())
		}
		_, err = h.Authenticate(t.Context(), r2.AccessToken)
		wantCode(t, err, auth.CodeSessionEnded)
		h.wantEvent("session.ended", r0.Session.ID, string(auth.EndRefreshReused))
	})
}

// DESIGN section 6 bounds RT-04 by the window: an older token whose successor is that young is refused, and ends nothing.
func TestOlderTokenWithinTheWindow_RT04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r0 := h.signIn(h.person())
		r1 := h.mustRefresh(r0.RefreshToken)
		r2 := h.mustRefresh(r1.RefreshToken)
		_, err := h.refresh(r0.RefreshToken)
		wantCode(t, err, auth.CodeInvalidToken)
		h.mustRefresh(r2.RefreshToken)

		h.clock.Advance(121 * time.Second)
		_, err = h.refresh(r0.RefreshToken)
		wantCode(t, err, auth.CodeRefreshTokenReused)
	})
}

func TestPredecessorAfterTheWindow_RT02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r0 := h.signIn(h.person())
		h.mustRefresh(r0.RefreshToken)
		h.clock.Advance(121 * time.Second)
		_, err := h.refresh(r0.RefreshToken)
		wantCode(t, err, auth.CodeRefreshTokenReused)
	})
}

func TestRefreshRace_RT03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.signIn(h.person())
		race(t, []*house{h}, g)
	})
}

func TestRefreshRaceOfTwoNodes_RT03(t *testing.T) {
	h, other := twoNodes(t)
	race(t, []*house{h, other}, h.signIn(h.person()))
}

// twoNodes are two services on two connections to one PostgreSQL, with one master key.
func twoNodes(t *testing.T) (*house, *house) {
	t.Helper()
	url, clock, keys := storetest.PostgresURL(t), storetest.NewClock(), newKeys(t)
	open := func() *store.DB { return storetest.Open(t, store.Options{URL: url, Clock: clock.Now}) }
	return newHouse(t, open(), clock, keys), newHouse(t, open(), clock, keys)
}

// race presents one token 50 times at once: every answer holds the same successor, nothing ends.
func race(t *testing.T, nodes []*house, g Grant) {
	t.Helper()
	const n = 50
	got, errs := make([]string, n), make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			var next Grant
			next, errs[i] = nodes[i%len(nodes)].refresh(g.RefreshToken)
			got[i] = next.RefreshToken
		})
	}
	wait.Wait()
	for i := range n {
		if errs[i] != nil || got[i] != got[0] || got[i] == g.RefreshToken {
			t.Fatalf("answer %d: %v, the same as the first: %v", i, errs[i], got[i] == got[0])
		}
	}
	if row := nodes[0].row(g.Session.ID); row.Generation != 1 || !row.EndedAt.IsZero() {
		t.Fatalf("generation %d, ended %v", row.Generation, row.EndedAt)
	}
}

func TestAnotherClientOrAppChangesNothing_RT05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.write(func(tx *store.Tx) error {
			if err := tx.InsertApp(auth.App{ID: "other", Name: "Other", Status: auth.AppActive, Epoch: 1, Version: 1}); err != nil {
				return err
			}
			if err := tx.InsertClient(auth.Client{ID: "other", App: "other", Default: true, Status: auth.ClientActive}); err != nil {
				return err
			}
			return tx.InsertClient(auth.Client{ID: "second", App: auth.DefaultApp, Status: auth.ClientActive})
		})
		g := h.signIn(h.person())
		before := h.row(g.Session.ID)
		for _, c := range []auth.Caller{
			{App: auth.DefaultApp, Client: "second"}, {App: auth.DefaultApp}, {App: "other", Client: "other"},
			{App: "other", Client: auth.DefaultClient}, {},
		} {
			_, _, err := h.Refresh(t.Context(), c, g.RefreshToken)
			wantCode(t, err, auth.CodeInvalidToken)
		}
		if after := h.row(g.Session.ID); after.Generation != before.Generation || !after.EndedAt.IsZero() {
			t.Fatal("the session changed")
		}
		h.mustRefresh(g.RefreshToken)
	})
}

// Who replaces the salt of a row kills the tokens made with it.
func TestTokenIsBoundToTheSalt(t *testing.T) {
	clock := storetest.NewClock()
	h := newHouse(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock, newKeys(t))
	g := h.signIn(h.person())
	forged := g.Session
	forged.Salt = []byte("another salt")
	_, err := h.refresh(h.mint(forged))
	wantCode(t, err, auth.CodeInvalidToken)
}

func TestExpiry_RT06_SE04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.settings.AbsoluteTTL = 10 * time.Hour
		short := func(st *Start) { st.Caller.Door.RefreshTTL = 4 * time.Hour }
		idle := h.signIn(h.person(), short)
		h.clock.Advance(4 * time.Hour)
		_, err := h.refresh(idle.RefreshToken)
		wantCode(t, err, auth.CodeTokenExpired)
		if row := h.row(idle.Session.ID); row.EndReason != auth.EndIdle {
			t.Fatalf("ended as %q", row.EndReason)
		}

		g := h.signIn(h.person(), short)
		for range 3 { // used all the time, and still over after ten hours
			h.clock.Advance(3 * time.Hour)
			g = h.mustRefresh(g.RefreshToken)
			if g.Session.IdleExpiresAt.After(g.Session.ExpiresAt) {
				t.Fatal("idle expiry passes the absolute one")
			}
		}
		h.clock.Advance(time.Hour)
		_, err = h.refresh(g.RefreshToken)
		wantCode(t, err, auth.CodeTokenExpired)
		if row := h.row(g.Session.ID); row.EndReason != auth.EndExpired {
			t.Fatalf("ended as %q", row.EndReason)
		}
		h.wantEvent("session.ended", g.Session.ID, string(auth.EndExpired))
	})
}

func TestAccessTokenEndsWithTheSession_RT06(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.settings.AbsoluteTTL = 20 * time.Minute
		g := h.signIn(h.person())
		h.clock.Advance(15 * time.Minute)
		if g = h.mustRefresh(g.RefreshToken); g.ExpiresIn != 5*time.Minute {
			t.Fatalf("expires in %s", g.ExpiresIn)
		}
	})
}

// Whatever a session rests on is looked at again (RT-07, RT-08), and the end is stored with its reason.
func TestRefreshChecksAnew_RT07_C9(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		status := func(app auth.AppStatus, client auth.ClientStatus, epoch int64) {
			h.write(func(tx *store.Tx) error {
				a, err := tx.App(auth.DefaultApp)
				if err != nil {
					return err
				}
				a.Status, a.Epoch = app, epoch
				if _, err := tx.UpdateApp(a); err != nil {
					return err
				}
				c, err := tx.Client(auth.DefaultApp, auth.DefaultClient)
				if err != nil {
					return err
				}
				c.Status = client
				_, err = tx.UpdateClient(c)
				tx.Invalidate(store.KindAll, "")
				return err
			})
		}
		for want, breaks := range map[auth.EndReason]func(u auth.User){
			auth.EndUserDisabled:        func(u auth.User) { h.change(u, func(u *auth.User) { u.Status = auth.UserDisabled }) },
			auth.EndSignedOutEverywhere: func(u auth.User) { h.change(u, func(u *auth.User) { u.Epoch++ }) },
			auth.EndAppDisabled:         func(auth.User) { status(auth.AppDisabled, auth.ClientActive, 1) },
			auth.EndClientDisabled:      func(auth.User) { status(auth.AppActive, auth.ClientDisabled, 1) },
			auth.EndRestored:            func(auth.User) { status(auth.AppActive, auth.ClientActive, 2) },
		} {
			u := h.person()
			g := h.signIn(u)
			breaks(u)
			// The access token is refused at once at our own doors, before anything ended the session (SE-05).
			if _, err := h.Authenticate(t.Context(), g.AccessToken); err == nil {
				t.Errorf("%s: the access token still works", want)
			}
			_, err := h.refresh(g.RefreshToken)
			wantCode(t, err, auth.CodeSessionEnded)
			if row := h.row(g.Session.ID); row.EndReason != want {
				t.Errorf("ended as %q, want %q", row.EndReason, want)
			}
			status(auth.AppActive, auth.ClientActive, 1)
			_, err = h.refresh(g.RefreshToken)
			wantCode(t, err, auth.CodeSessionEnded) // it does not come back
		}
	})
}

func TestUnverifiedAtAStrictDoor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.personWith(time.Time{})
		g := h.signIn(u, func(st *Start) { st.EmailVerified = false })
		_, err := h.refresh(g.RefreshToken)
		wantCode(t, err, auth.CodeEmailUnverified)
		lax := anyone()
		lax.Door.Policy.AllowUnverified = true
		if g, _, err = h.Refresh(t.Context(), lax, g.RefreshToken); err != nil {
			t.Fatal(err)
		}
		h.write(func(tx *store.Tx) error {
			e, err := tx.PrimaryEmail(u.App, u.ID)
			if err != nil {
				return err
			}
			_, err = tx.MarkEmailVerified(e, tx.Now())
			return err
		})
		if id, err := h.Authenticate(t.Context(), g.AccessToken); err != nil || !id.EmailVerified {
			t.Fatalf("verified %v, %v", id.EmailVerified, err)
		}
		if g = h.mustRefresh(g.RefreshToken); !h.row(g.Session.ID).EmailVerified {
			t.Fatal("the session does not remember that the address was verified")
		}
	})
}

func TestLifetimesComeFromClientThenDoor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		if g := h.signIn(u); g.ExpiresIn != 15*time.Minute || g.Session.IdleTTL != 30*24*time.Hour {
			t.Fatalf("defaults: %s, %s", g.ExpiresIn, g.Session.IdleTTL)
		}
		door := func(st *Start) { st.Caller.Door.AccessTTL, st.Caller.Door.RefreshTTL = time.Hour, 24*time.Hour }
		if g := h.signIn(u, door); g.ExpiresIn != time.Hour || g.Session.IdleTTL != 24*time.Hour {
			t.Fatalf("door: %s, %s", g.ExpiresIn, g.Session.IdleTTL)
		}
		h.write(func(tx *store.Tx) error {
			return tx.InsertClient(auth.Client{ID: "second", App: auth.DefaultApp, Status: auth.ClientActive,
				Settings: auth.ClientSettings{AccessTTL: time.Minute, RefreshTTL: time.Hour}})
		})
		g := h.signIn(u, door, func(st *Start) { st.Caller.Client = "second" })
		if g.ExpiresIn != time.Minute || g.Session.IdleTTL != time.Hour {
			t.Fatalf("client: %s, %s", g.ExpiresIn, g.Session.IdleTTL)
		}
	})
}

// wantEvent looks for exactly one event of the session with the reason.
func (h *house) wantEvent(action string, session auth.SessionID, reason string) {
	h.t.Helper()
	n := 0
	err := h.db.Read(context.Background(), func(tx *store.Tx) error {
		list, err := tx.Events(auth.DefaultApp, store.EventFilter{Action: action, Limit: 100})
		for _, e := range list {
			if e.Session == session && e.Data["reason"] == reason {
				n++
			}
		}
		return err
	})
	if err != nil || n != 1 {
		h.t.Fatalf("%d events %s with reason %q: %v", n, action, reason, err)
	}
}
