package waitlist

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func each(t *testing.T, fn func(t *testing.T, s *Service)) {
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
		recheck := func(_ *store.Tx, c auth.Caller) (auth.User, error) { return auth.User{ID: c.User, Role: c.Role}, nil }
		fn(t, &Service{DB: open(store.Options{Clock: clock.Now}), Audit: &audit.Log{Keys: keys, Rand: rand.Reader}, Clock: clock.Now,
			Rand: rand.Reader, Recheck: recheck})
	})
}

func wantCode(t testing.TB, err error, code auth.Code) {
	t.Helper()
	if !auth.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

// member makes a user, in an account with a role if there is one.
func member(t *testing.T, s *Service, number int64, account auth.AccountID, role auth.MemberRole) auth.Caller {
	t.Helper()
	id := auth.UserID(secret.NewID(rand.Reader, s.Clock()))
	err := s.DB.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.InsertUser(auth.User{ID: id, App: auth.DefaultApp, Number: number, Role: auth.RoleUser, Status: auth.UserActive}, "")
		if err != nil || account == "" {
			return err
		}
		if _, err := tx.Account(auth.DefaultApp, account); err != nil {
			if err := tx.InsertAccount(auth.Account{ID: account, App: auth.DefaultApp, Name: "a", Status: auth.AccountActive, CreatedAt: tx.Now()}); err != nil {
				return err
			}
		}
		_, err = tx.InsertMembership(auth.Membership{ID: auth.MembershipID(id), App: auth.DefaultApp, Account: account, User: id, Role: role})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return auth.Caller{Kind: auth.CallerSession, App: auth.DefaultApp, User: id, Role: auth.RoleUser, Account: account}
}

func TestJoinAndLeaveAreIdempotent(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		ctx, jo := t.Context(), member(t, s, 1, "", "")
		_, err := s.Show(ctx, jo, "beta")
		wantCode(t, err, auth.CodeNotFound)
		first, err := s.Join(ctx, jo, "beta")
		if err != nil || first.Status != auth.Waiting || first.User != jo.User {
			t.Fatalf("%+v, %v", first, err)
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if again, err := s.Join(ctx, jo, "beta"); err != nil || again.ID != first.ID {
					t.Errorf("%+v, %v", again, err)
				}
			})
		}
		wait.Wait()
		if list, err := s.Own(ctx, jo, Query{Limit: 10}); err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		for range 2 {
			if err := s.Leave(ctx, jo, "beta"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = s.Show(ctx, jo, "beta")
		wantCode(t, err, auth.CodeNotFound)
		for _, bad := range []string{"", "a b", auth.SignUpFeature, "-x"} {
			_, err = s.Join(ctx, jo, bad)
			wantCode(t, err, auth.CodeInvalidRequest)
		}
	})
}

// An account waits as one; who does not belong to it any more, or only looks, changes nothing for it (TN-01).
func TestAccountsWaitAsOne_TN01(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		ctx := t.Context()
		one, two := member(t, s, 1, "acme", auth.MemberOwner), member(t, s, 2, "acme", auth.MemberMember)
		viewer, other := member(t, s, 3, "acme", auth.MemberViewer), member(t, s, 4, "other", auth.MemberOwner)
		entry, err := s.Join(ctx, one, "beta")
		if err != nil || entry.Account != "acme" {
			t.Fatalf("%+v, %v", entry, err)
		}
		for _, c := range []auth.Caller{two, viewer} {
			if seen, err := s.Show(ctx, c, "beta"); err != nil || seen.ID != entry.ID {
				t.Errorf("%+v, %v", seen, err)
			}
		}
		wantCode(t, s.Leave(ctx, viewer, "beta"), auth.CodeForbidden)
		_, err = s.Show(ctx, other, "beta")
		wantCode(t, err, auth.CodeNotFound)
		alone := two
		alone.Account = ""
		_, err = s.Show(ctx, alone, "beta")
		wantCode(t, err, auth.CodeNotFound)
		left := other
		left.Account = "acme" // a token of before
		_, err = s.Join(ctx, left, "gamma")
		wantCode(t, err, auth.CodeForbidden)
	})
}

func TestDecisions(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		ctx, jo := t.Context(), member(t, s, 1, "", "")
		entry, err := s.Join(ctx, jo, "beta")
		if err != nil {
			t.Fatal(err)
		}
		operator := auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp}
		decide := func(id auth.WaitlistEntryID, status auth.WaitStatus) (news bool, err error) {
			err = s.DB.Write(ctx, func(tx *store.Tx) error {
				_, news, err = s.Decide(tx, operator, id, status)
				return err
			})
			return news, err
		}
		for _, want := range []bool{true, false} {
			if news, err := decide(entry.ID, auth.Approved); err != nil || news != want {
				t.Errorf("%v, %v", news, err)
			}
		}
		if again, err := s.Join(ctx, jo, "beta"); err != nil || again.Status != auth.Approved || again.DecidedAt.IsZero() {
			t.Errorf("%+v, %v", again, err)
		}
		_, err = decide("nothing", auth.Denied)
		wantCode(t, err, auth.CodeNotFound)
		list, err := s.List(ctx, operator, Query{Status: auth.Approved, Limit: 10})
		if err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		_, err = s.List(ctx, jo, Query{Limit: 10})
		wantCode(t, err, auth.CodeForbidden)
	})
}
