package invite

import (
	"context"
	"crypto/rand"
	"strings"
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

func operator() auth.Caller { return auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp} }

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

func (h *house) code(in CodeInput) auth.InviteCode {
	h.t.Helper()
	out, err := h.CreateCode(h.t.Context(), operator(), in)
	h.must(err)
	return out
}

func (h *house) use(text string) (out auth.InviteCode, err error) {
	err = h.db.Write(h.t.Context(), func(tx *store.Tx) (err error) {
		out, err = UseCode(tx, auth.DefaultApp, text)
		return err
	})
	return out, err
}

// People write codes as they like; what is stored is one.
func TestCodeHasOneForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.code(CodeInput{Code: "Spring-2026", Uses: 3, Credit: 5 * auth.Micros(1_000_000)})
		for _, text := range []string{"SPRING2026", "spring 2026", "-s-p-r-i-n-g-2026-"} {
			if out, err := h.use(text); err != nil || out.Credit != 5_000_000 {
				t.Errorf("%q: %+v %v", text, out, err)
			}
		}
		for _, text := range []string{"spring2026", "", "-", "spring_2026", "ſpring2026", strings.Repeat("A", 500)} {
			_, err := h.use(text) // used up, or none
			wantCode(t, err, auth.CodeInviteCodeInvalid)
		}
		_, err := h.CreateCode(t.Context(), operator(), CodeInput{Code: "SPRING 2026"})
		wantCode(t, err, auth.CodeConflict)
	})
}

// The last use of a code is one caller's.
func TestLastUseOfACodeIsOneCallers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		made := h.code(CodeInput{Uses: 3})
		if len(made.Code) != 14 || strings.Count(made.Code, "-") != 2 {
			t.Errorf("the code %q", made.Code)
		}
		got := 0
		for _, err := range storetest.Race(t, h.db, 12, func(ctx context.Context, _ int) error {
			return h.db.Write(ctx, func(tx *store.Tx) error {
				_, err := UseCode(tx, auth.DefaultApp, made.Code)
				return err
			})
		}) {
			if err == nil {
				got++
			} else if !auth.Is(err, auth.CodeInviteCodeInvalid) {
				t.Error(err)
			}
		}
		if got != 3 {
			t.Errorf("%d uses of 3", got)
		}
	})
}

// An expired code, a revoked one and one of another app are no codes; looking at a code uses none.
func TestCodeEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		brief, revoked := h.code(CodeInput{ExpiresIn: time.Hour}), h.code(CodeInput{})
		look := func(app auth.AppID, text string) error {
			return h.db.Read(t.Context(), func(tx *store.Tx) error { return CheckCode(tx, app, text) })
		}
		for range 3 {
			h.must(look(auth.DefaultApp, brief.Code))
		}
		wantCode(t, look("another", brief.Code), auth.CodeInviteCodeInvalid)
		h.must(h.RevokeCode(t.Context(), operator(), revoked.ID))
		wantCode(t, h.RevokeCode(t.Context(), operator(), revoked.ID), auth.CodeNotFound)
		wantCode(t, look(auth.DefaultApp, revoked.Code), auth.CodeInviteCodeInvalid)
		h.clock.Advance(time.Hour)
		_, err := h.use(brief.Code)
		wantCode(t, err, auth.CodeInviteCodeInvalid)
		list, err := h.ListCodes(t.Context(), operator(), CodeQuery{Limit: 10})
		h.must(err)
		if len(list) != 1 || list[0].ID != brief.ID {
			t.Errorf("the list: %+v", list)
		}
	})
}

func TestCodeRules(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, in := range []CodeInput{{Code: "short"}, {Code: strings.Repeat("A", 41)}, {Code: "no/slash"}, {Uses: -1}, {Uses: maxUses + 1},
			{ExpiresIn: time.Second}, {ExpiresIn: 11 * 365 * 24 * time.Hour}, {Credit: -1}} {
			_, err := h.CreateCode(t.Context(), operator(), in)
			wantCode(t, err, auth.CodeInvalidRequest)
		}
		user := auth.Caller{Kind: auth.CallerSession, App: auth.DefaultApp, User: "u", Role: auth.RoleUser}
		_, err := h.CreateCode(t.Context(), user, CodeInput{})
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.ListCodes(t.Context(), user, CodeQuery{Limit: 1})
		wantCode(t, err, auth.CodeForbidden)
		key := auth.Caller{Kind: auth.CallerAPIKey, App: auth.DefaultApp, User: "a", Role: auth.RoleAdmin, Scopes: []string{"account:read"}}
		_, err = h.CreateCode(t.Context(), key, CodeInput{}) // an administrator's key without the scope
		wantCode(t, err, auth.CodeForbidden)
	})
}

// An invitation is settled once, by acceptance or revocation, and leaves the list of pending ones with it.
func TestInviteIsSettledOnce_IN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		send := func(id auth.InviteID, email string) auth.Invite {
			i := auth.Invite{ID: id, App: auth.DefaultApp, Email: email, Canonical: email, Role: string(auth.RoleUser),
				CreatedAt: h.clock.Now(), ExpiresAt: h.clock.Now().Add(time.Hour)}
			h.must(h.db.Write(t.Context(), func(tx *store.Tx) error { return h.Send(tx, operator(), i) }))
			return i
		}
		pending := func() int {
			list, err := h.List(t.Context(), Query{App: auth.DefaultApp, Limit: 10})
			h.must(err)
			return len(list)
		}
		first, second := send("i1", "one@example.org"), send("i2", "two@example.org")
		if n := pending(); n != 2 {
			t.Errorf("%d pending", n)
		}
		accept := func(i auth.Invite) error {
			return h.db.Write(t.Context(), func(tx *store.Tx) error { return h.Accept(tx, operator(), i, "u1") })
		}
		revoke := func(i auth.Invite) error {
			return h.db.Write(t.Context(), func(tx *store.Tx) error { return h.Revoke(tx, operator(), i) })
		}
		h.must(accept(first))
		wantCode(t, accept(first), auth.CodeProofInvalid)
		wantCode(t, revoke(first), auth.CodeNotFound)
		h.must(revoke(second))
		wantCode(t, accept(second), auth.CodeProofInvalid)
		if n := pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
	})
}
