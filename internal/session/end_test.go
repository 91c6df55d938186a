package session

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

func TestEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		g := h.signIn(u)
		c := h.callerOf(g)
		end := func(c auth.Caller, id auth.SessionID) (err error) {
			h.write(func(tx *store.Tx) error { err = h.EndOwn(tx, c, id, auth.EndByUser); return nil })
			return err
		}
		stranger := h.callerOf(h.signIn(h.person()))
		wantCode(t, end(stranger, g.Session.ID), auth.CodeNotFound) // TN-01
		wantCode(t, end(c, "0195521a-7b2c-7d3e-8f40-0123456789ab"), auth.CodeNotFound)
		for range 2 { // again changes nothing
			if err := end(c, g.Session.ID); err != nil {
				t.Fatal(err)
			}
			h.wantEvent("session.ended", g.Session.ID, string(auth.EndByUser))
		}
		h.write(func(tx *store.Tx) error { return h.End(tx, c, u.App, g.Session.ID, auth.EndByAdmin) })
		if row := h.row(g.Session.ID); row.EndReason != auth.EndByUser {
			t.Fatalf("the reason became %q", row.EndReason)
		}
		h.write(func(tx *store.Tx) error {
			wantCode(t, h.End(tx, c, u.App, "nothing", auth.EndByAdmin), auth.CodeNotFound)
			wantCode(t, h.End(tx, c, "other", g.Session.ID, auth.EndByAdmin), auth.CodeNotFound)
			return nil
		})
	})
}

func TestEndAll_RT08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		a, b, kept, foreign := h.signIn(u), h.signIn(u), h.signIn(u), h.signIn(h.person())
		var n int
		h.write(func(tx *store.Tx) (err error) {
			n, err = h.EndAll(tx, h.callerOf(kept), u.App, u.ID, auth.EndPasswordChanged, kept.Session.ID)
			return err
		})
		if n != 2 {
			t.Fatalf("%d ended", n)
		}
		for _, g := range []Grant{a, b} {
			_, err := h.refresh(g.RefreshToken)
			wantCode(t, err, auth.CodeSessionEnded)
			h.wantEvent("session.ended", g.Session.ID, string(auth.EndPasswordChanged))
		}
		h.mustRefresh(kept.RefreshToken)
		h.mustRefresh(foreign.RefreshToken)
	})
}

// A sign-in whose password was checked before a change, and which is stored after it, gets no session; one that
// was stored before is ended. No third way.
func TestSignInRacesWithEndAll(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 10 {
			u := h.person()
			var drafts []*Draft
			for range 4 {
				d, err := h.Draft(Start{User: u, EmailVerified: true, Caller: anyone()})
				if err != nil {
					t.Fatal(err)
				}
				drafts = append(drafts, d)
			}
			var wait sync.WaitGroup
			for _, d := range drafts {
				wait.Go(func() {
					err := h.db.Write(t.Context(), func(tx *store.Tx) error { return h.Insert(tx, d) })
					if err != nil && !auth.Is(err, auth.CodeInvalidCredentials) {
						t.Error(err)
					}
				})
			}
			wait.Go(func() {
				err := h.db.Write(t.Context(), func(tx *store.Tx) error {
					row, err := tx.UserForUpdate(u.App, u.ID)
					if err != nil {
						return err
					}
					row.Epoch++
					if _, err := tx.UpdateUser(row, ""); err != nil {
						return err
					}
					_, err = h.EndAll(tx, anyone(), u.App, u.ID, auth.EndPasswordChanged)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			wait.Wait()
			list, err := h.List(t.Context(), Query{App: u.App, User: u.ID, Limit: 10})
			if err != nil || len(list) != 0 {
				t.Fatalf("%d sessions live: %v", len(list), err)
			}
		}
	})
}

func TestInsertRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		h.change(u, func(u *auth.User) { u.Status = auth.UserDisabled })
		d, err := h.Draft(Start{User: u, Caller: anyone()})
		if err != nil {
			t.Fatal(err)
		}
		err = h.db.Write(t.Context(), func(tx *store.Tx) error { return h.Insert(tx, d) })
		wantCode(t, err, auth.CodeAccountDisabled)
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		var made []auth.SessionID
		for i := range 5 {
			g := h.signIn(u, func(st *Start) { st.Caller.Door.RefreshTTL = 24 * time.Hour })
			made = append(made, g.Session.ID)
			if i%2 == 1 { // two of the same time, told apart by id
				h.clock.Advance(time.Minute)
			}
		}
		h.signIn(h.person())
		h.write(func(tx *store.Tx) error { return h.End(tx, anyone(), u.App, made[1], auth.EndSignedOut) })
		collect := func(ended bool) (ids []auth.SessionID, list []auth.Session) {
			q := Query{App: u.App, User: u.ID, Ended: ended, Limit: 2}
			for {
				page, err := h.List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page {
					ids, list = append(ids, s.ID), append(list, s)
				}
				if len(page) < q.Limit {
					return ids, list
				}
				q.AfterTime, q.AfterID = page[1].CreatedAt, page[1].ID
			}
		}
		live, _ := collect(false)
		if want := []auth.SessionID{made[4], made[3], made[2], made[0]}; !slices.Equal(sorted(live), sorted(want)) || live[0] != made[4] {
			t.Fatalf("live: %v, want %v", live, want)
		}
		ended, list := collect(true)
		if len(ended) != 1 || list[0].EndReason != auth.EndSignedOut {
			t.Fatalf("ended: %+v", list)
		}
		h.clock.Advance(25 * time.Hour) // nobody has swept yet, and yet the reason is told
		if live, _ := collect(false); len(live) != 0 {
			t.Fatalf("live: %v", live)
		}
		if ended, list = collect(true); len(ended) != 5 || list[0].EndReason != auth.EndIdle || list[0].EndedAt.IsZero() {
			t.Fatalf("ended: %+v", list)
		}
		_, err := h.Get(t.Context(), u.App, h.person().ID, made[0])
		wantCode(t, err, auth.CodeNotFound)
		if s, err := h.Get(t.Context(), u.App, u.ID, made[0]); err != nil || s.EndReason != auth.EndIdle {
			t.Fatalf("%+v, %v", s, err)
		}
	})
}

func sorted(ids []auth.SessionID) []auth.SessionID { return slices.Sorted(slices.Values(ids)) }

func TestHousekeeping(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.settings.AbsoluteTTL = 48 * time.Hour
		u := h.person()
		var idle []Grant
		for range 3 {
			idle = append(idle, h.signIn(u, func(st *Start) { st.Caller.Door.RefreshTTL = time.Hour }))
		}
		expired := h.signIn(u)
		h.clock.Advance(47 * time.Hour)
		fresh := h.signIn(u)
		h.clock.Advance(time.Hour)
		sweep := func(f func(tx *store.Tx) (int, error)) (n int) {
			h.write(func(tx *store.Tx) (err error) { n, err = f(tx); return err })
			return n
		}
		stale := func(tx *store.Tx) (int, error) { return h.EndStale(tx, 3) }
		if a, b, c := sweep(stale), sweep(stale), sweep(stale); a != 3 || b != 1 || c != 0 {
			t.Fatalf("swept %d, %d, %d", a, b, c)
		}
		if r := h.row(idle[0].Session.ID).EndReason; r != auth.EndIdle {
			t.Fatalf("idle: %q", r)
		}
		if r := h.row(expired.Session.ID).EndReason; r != auth.EndExpired {
			t.Fatalf("expired: %q", r)
		}
		h.wantEvent("session.ended", expired.Session.ID, string(auth.EndExpired))
		h.clock.Advance(time.Hour)
		if n := sweep(func(tx *store.Tx) (int, error) { return h.DeleteEndedBefore(tx, tx.Now(), 500) }); n != 4 {
			t.Fatalf("%d deleted", n)
		}
		h.mustRefresh(fresh.RefreshToken)
		if n := sweep(func(tx *store.Tx) (int, error) { return h.EndAllRestored(tx, 500) }); n != 1 {
			t.Fatalf("%d ended", n)
		}
		_, err := h.refresh(fresh.RefreshToken)
		wantCode(t, err, auth.CodeSessionEnded)
		if r := h.row(fresh.Session.ID).EndReason; r != auth.EndRestored {
			t.Fatalf("restored: %q", r)
		}
		_, err = h.refresh(expired.RefreshToken)
		wantCode(t, err, auth.CodeInvalidToken)
	})
}

func TestGrantShowsNoSecret(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.signIn(h.person(), func(st *Start) { st.Caller.Door.SessionCookie = true })
		if text := g.String() + g.GoString() + g.LogValue().String(); text == "" || slices.ContainsFunc(
			[]string{g.AccessToken, g.RefreshToken, g.SessionCookie}, func(s string) bool { return s == "" || len(text) > 200 }) {
			t.Fatal(text)
		}
	})
}
