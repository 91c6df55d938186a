package account

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

type house struct {
	*Service
	t     *testing.T
	db    *store.DB
	clock *storetest.Clock
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		master, err := secret.NewMaster(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := secret.NewKeys(master)
		if err != nil {
			t.Fatal(err)
		}
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		// The caller's rows are package session's affair; here the role it comes with is believed.
		recheck := func(_ *store.Tx, c auth.Caller) (auth.User, error) { return auth.User{ID: c.User, Role: c.Role}, nil }
		fn(t, &house{t: t, db: db, clock: clock, Service: &Service{DB: db, Audit: &audit.Log{Keys: keys, Rand: rand.Reader},
			Clock: clock.Now, Rand: rand.Reader, Recheck: recheck}})
	})
}

var operator = auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp}

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

// person makes a user's row and answers the caller it would be.
func (h *house) person() auth.Caller {
	h.t.Helper()
	id := auth.UserID(secret.NewID(rand.Reader, h.clock.Now()))
	h.must(h.db.Write(context.Background(), func(tx *store.Tx) error {
		number, err := tx.TakeUserNumber(auth.DefaultApp)
		if err != nil {
			return err
		}
		_, err = tx.InsertUser(auth.User{ID: id, App: auth.DefaultApp, Number: number, Role: auth.RoleUser, Status: auth.UserActive,
			Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}, "")
		return err
	}))
	return auth.Caller{Kind: auth.CallerSession, App: auth.DefaultApp, User: id, Role: auth.RoleUser}
}

func (h *house) account(c auth.Caller, parent auth.AccountID) auth.Account {
	h.t.Helper()
	h.clock.Advance(time.Second)
	a, err := h.Create(context.Background(), c, Input{Name: "Acme", Parent: parent})
	h.must(err)
	return a
}

func (h *house) add(a auth.Account, c auth.Caller, role auth.MemberRole) {
	h.t.Helper()
	_, err := h.Add(context.Background(), operator, auth.Membership{Account: a.ID, User: c.User, Role: role})
	h.must(err)
}

func TestWhoManagesAnAccount_TN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		owner, member, stranger := h.person(), h.person(), h.person()
		a := h.account(owner, "")
		h.add(a, member, auth.MemberMember)
		name := "Acme Corp"
		_, err := h.Update(ctx, stranger, a.ID, Change{Name: &name})
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Show(ctx, stranger, a.ID)
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Members(ctx, stranger, MemberQuery{Account: a.ID, Limit: 10})
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Update(ctx, member, a.ID, Change{Name: &name})
		wantCode(t, err, auth.CodeForbidden)
		if changed, err := h.Update(ctx, owner, a.ID, Change{Name: &name, IfMatch: &a.Version}); err != nil || changed.Name != name || changed.Version != 2 {
			t.Fatalf("%+v, %v", changed, err)
		}
		_, err = h.Update(ctx, owner, a.ID, Change{Name: &name, IfMatch: &a.Version})
		wantCode(t, err, auth.CodeVersionMismatch)
		status, paid := auth.AccountTrial, h.clock.Now().Add(time.Hour)
		_, err = h.Update(ctx, owner, a.ID, Change{Status: &status})
		wantCode(t, err, auth.CodeForbidden)
		if changed, err := h.Update(ctx, operator, a.ID, Change{Status: &status, PaidUntil: &paid}); err != nil || changed.Status != status || !changed.PaidUntil.Equal(paid) {
			t.Fatalf("%+v, %v", changed, err)
		}
		_, err = h.Add(ctx, owner, auth.Membership{Account: a.ID, User: stranger.User, Role: auth.MemberMember})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.Add(ctx, operator, auth.Membership{Account: a.ID, User: member.User, Role: auth.MemberMember})
		wantCode(t, err, auth.CodeConflict)
		other := operator
		other.App = "other"
		_, err = h.Show(ctx, other, a.ID)
		wantCode(t, err, auth.CodeNotFound)
		for c, n := range map[*auth.Caller]int{&owner: 1, &stranger: 0, &operator: 1} {
			if list, err := h.List(ctx, *c, Query{Limit: 10}); err != nil || len(list) != n {
				t.Errorf("%+v, %v", list, err)
			}
		}
		_, err = h.Create(ctx, stranger, Input{Name: "x", Owner: owner.User})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.Create(ctx, owner, Input{Name: "x", AvatarURL: "javascript:alert(1)"})
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

// An administrator's API key counts as one only with the scope admin (AK-04).
func TestKeysOfAdministrators_AK04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.account(h.person(), "")
		key := h.person()
		key.Kind, key.Role, key.Scopes = auth.CallerAPIKey, auth.RoleAdmin, []string{"accounts:read", "accounts:write"}
		name := "x"
		_, err := h.Update(t.Context(), key, a.ID, Change{Name: &name})
		wantCode(t, err, auth.CodeNotFound)
		key.Scopes = []string{"admin"}
		_, err = h.Update(t.Context(), key, a.ID, Change{Name: &name})
		h.must(err)
	})
}

func TestNesting(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, owner := t.Context(), h.person()
		top := h.account(owner, "")
		middle := h.account(owner, top.ID)
		low := h.account(owner, middle.ID)
		for _, to := range []auth.AccountID{top.ID, middle.ID, low.ID} {
			_, err := h.Update(ctx, owner, top.ID, Change{Parent: &to})
			wantCode(t, err, auth.CodeInvalidRequest)
		}
		_, err := h.Update(ctx, owner, low.ID, Change{Parent: &top.ID})
		h.must(err)
		none := auth.AccountID("")
		_, err = h.Update(ctx, owner, middle.ID, Change{Parent: &none})
		h.must(err)
		foreign := h.account(h.person(), "")
		_, err = h.Update(ctx, owner, top.ID, Change{Parent: &foreign.ID})
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Create(ctx, owner, Input{Name: "x", Parent: foreign.ID})
		wantCode(t, err, auth.CodeNotFound)
		// The owner of a parent has no rights in a child.
		child, err := h.Create(ctx, operator, Input{Name: "child", Parent: top.ID})
		h.must(err)
		_, err = h.Show(ctx, owner, child.ID)
		wantCode(t, err, auth.CodeNotFound)
		deep := top
		for range maxDepth - 1 {
			deep = h.account(owner, deep.ID)
		}
		_, err = h.Create(ctx, owner, Input{Name: "x", Parent: deep.ID})
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

// Two moves at once, each harmless by itself, make no loop.
func TestNestingUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.person()
		for range 5 {
			a, b := h.account(owner, ""), h.account(owner, "")
			var wait sync.WaitGroup
			errs := make([]error, 2)
			wait.Go(func() { _, errs[0] = h.Update(t.Context(), owner, a.ID, Change{Parent: &b.ID}) })
			wait.Go(func() { _, errs[1] = h.Update(t.Context(), owner, b.ID, Change{Parent: &a.ID}) })
			wait.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("%v, %v", errs[0], errs[1])
			}
		}
	})
}

func TestLastOwner(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, owner, member := t.Context(), h.person(), h.person()
		a := h.account(owner, "")
		h.add(a, member, auth.MemberMember)
		for _, c := range []auth.Caller{owner, operator} {
			_, err := h.SetRole(ctx, c, a.ID, owner.User, auth.MemberViewer)
			wantCode(t, err, auth.CodeConflict)
			wantCode(t, h.Remove(ctx, c, a.ID, owner.User), auth.CodeConflict)
		}
		_, err := h.SetRole(ctx, member, a.ID, member.User, auth.MemberOwner)
		wantCode(t, err, auth.CodeForbidden)
		wantCode(t, h.Remove(ctx, member, a.ID, owner.User), auth.CodeForbidden)
		_, err = h.SetRole(ctx, owner, a.ID, member.User, auth.MemberOwner)
		h.must(err)
		h.must(h.Remove(ctx, owner, a.ID, owner.User)) // leaving
		_, err = h.Show(ctx, owner, a.ID)
		wantCode(t, err, auth.CodeNotFound)
		wantCode(t, h.Remove(ctx, owner, a.ID, owner.User), auth.CodeNotFound)
		_, err = h.SetRole(ctx, member, a.ID, member.User, "boss")
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

// Of two owners who leave, demote or remove each other at once, one stays.
func TestLastOwnerUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for round := range 6 {
			one, two := h.person(), h.person()
			a := h.account(one, "")
			h.add(a, two, auth.MemberOwner)
			go1 := func(c auth.Caller) error {
				if round%2 == 0 {
					return h.Remove(t.Context(), c, a.ID, c.User)
				}
				_, err := h.SetRole(t.Context(), c, a.ID, c.User, auth.MemberViewer)
				return err
			}
			var wait sync.WaitGroup
			errs := make([]error, 2)
			wait.Go(func() { errs[0] = go1(one) })
			wait.Go(func() { errs[1] = go1(two) })
			wait.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
			}
		}
	})
}

func TestCredit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, jo := t.Context(), h.person()
		_, err := h.ShowCredit(ctx, operator, jo.User)
		wantCode(t, err, auth.CodeNotFound)
		for _, g := range []Grant{{Amount: 10_500_000}, {Amount: 4_000_000, Paid: true}, {Amount: -500_000}} {
			g.User = jo.User
			_, err := h.GrantCredit(ctx, operator, g)
			h.must(err)
		}
		b, err := h.ShowCredit(ctx, operator, jo.User)
		if err != nil || b.ID != 1 || b.Credit.Balance != 14_000_000 || b.Credit.Granted != 10_000_000 || b.Credit.Balance.Number() != 14 {
			t.Fatalf("%+v, %v", b, err)
		}
		_, err = h.GrantCredit(ctx, operator, Grant{User: jo.User, Amount: -10_000_001})
		wantCode(t, err, auth.CodeConflict)
		_, err = h.GrantCredit(ctx, operator, Grant{User: jo.User, Amount: -4_000_001, Paid: true})
		wantCode(t, err, auth.CodeConflict) // what was given for nothing is no payment
		_, err = h.GrantCredit(ctx, operator, Grant{User: jo.User, Amount: auth.MaxAmount})
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = h.GrantCredit(ctx, jo, Grant{User: jo.User, Amount: 1})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.GrantCredit(ctx, operator, Grant{User: "nobody", Amount: 1})
		wantCode(t, err, auth.CodeNotFound)
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := h.GrantCredit(ctx, operator, Grant{User: jo.User, Amount: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if b, err := h.ShowCredit(ctx, operator, jo.User); err != nil || b.Credit.Balance != 14_000_008 {
			t.Errorf("%+v, %v", b, err)
		}
	})
}
