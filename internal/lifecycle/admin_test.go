package lifecycle

import (
	"context"
	"fmt"
	"testing"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

// system is the machine's operator.
func system() auth.Caller { return auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp} }

// admin signs up somebody and makes an administrator of them.
func (h *house) admin(email string) login.SignedIn {
	h.t.Helper()
	in := h.verified(email)
	_, err := h.SetRole(context.Background(), system(), in.User.ID, auth.RoleAdmin)
	h.must(err)
	return in
}

func TestDisableAndEnable(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		boss := h.caller(h.admin("boss@example.org").Grant)
		ann := h.verified("ann@example.org")
		_, key, err := h.Login.APIKeys.Create(ctx, h.caller(ann.Grant), apikey.Input{Name: "a key", Scopes: []string{"things:read"}})
		h.must(err)
		h.must(h.Login.RequestPasswordReset(ctx, anyone(), "ann@example.org"))
		reset := h.token("ann@example.org", "/reset")
		for range 2 { // the second time changes nothing
			p, err := h.DisableUser(ctx, boss, ann.User.ID)
			h.must(err)
			if p.User.Status != auth.UserDisabled || p.User.DisabledAt.IsZero() {
				t.Fatalf("%+v", p.User)
			}
		}
		if h.alive(ann.Grant) || h.endReason(ann.Grant) != auth.EndUserDisabled {
			t.Fatal("the session lives")
		}
		if _, err := h.Login.APIKeys.Authenticate(ctx, key); err == nil {
			t.Fatal("the key works") // SE-05
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeAccountDisabled)
		p, err := h.EnableUser(ctx, boss, ann.User.ID)
		h.must(err)
		if p.User.Status != auth.UserActive || !p.User.DisabledAt.IsZero() || h.alive(ann.Grant) {
			t.Fatalf("%+v", p.User)
		}
		wantCode(t, h.Login.ResetPassword(ctx, anyone(), reset, otherPassword), auth.CodeProofInvalid)
		_, err = h.signIn("ann@example.org", goodPassword)
		h.must(err)
		if e := h.events(ann.User.ID); e["user.disabled"] != 1 || e["user.enabled"] != 1 {
			t.Fatalf("%v", e)
		}
	})
}

// Who is no administrator, or is none any more, administers nothing, and an administrator of one app not another's.
func TestOnlyAdministratorsAdminister(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		boss, ann := h.admin("boss@example.org"), h.verified("ann@example.org")
		h.admin("second@example.org")
		old := h.caller(boss.Grant)
		_, err := h.SetRole(ctx, system(), boss.User.ID, auth.RoleUser)
		h.must(err)
		elsewhere := system()
		elsewhere.App = "other"
		for name, c := range map[string]auth.Caller{"a user": h.caller(ann.Grant), "a former administrator": old, "nobody": anyone(), "another app": elsewhere} {
			want := map[string]auth.Code{"nobody": auth.CodeUnauthenticated, "another app": auth.CodeNotFound}[name]
			if want == "" {
				want = auth.CodeForbidden
			}
			_, err := h.DisableUser(ctx, c, ann.User.ID)
			wantCode(t, err, want)
			_, err = h.EnableUser(ctx, c, ann.User.ID)
			wantCode(t, err, want)
			_, err = h.SetRole(ctx, c, ann.User.ID, auth.RoleAdmin)
			wantCode(t, err, want)
			_, err = h.EndUserSessions(ctx, c, ann.User.ID)
			wantCode(t, err, want)
			_, err = h.CreateUser(ctx, c, NewUser{Email: "new@example.org"})
			wantCode(t, err, want)
		}
	})
}

// Nobody disables or demotes themselves, and nobody the last administrator (AD-04).
func TestLastAdministrator_AD04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.admin("boss@example.org")
		boss := h.caller(in.Grant)
		_, err := h.DisableUser(ctx, boss, boss.User)
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.SetRole(ctx, boss, boss.User, auth.RoleUser)
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.DisableUser(ctx, system(), boss.User)
		wantCode(t, err, auth.CodeConflict)
		_, err = h.SetRole(ctx, system(), boss.User, auth.RoleUser)
		wantCode(t, err, auth.CodeConflict)
		_, err = h.SetRole(ctx, system(), boss.User, "owner")
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = h.SetRole(ctx, system(), "nobody", auth.RoleUser)
		wantCode(t, err, auth.CodeNotFound)
	})
}

// Administrators who do away with each other at the same moment leave one (AD-04).
func TestLastAdministratorRace_AD04(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork), func(t *testing.T, h *house) {
		var admins []login.SignedIn
		for i := range 6 {
			admins = append(admins, h.admin(fmt.Sprintf("boss%d@example.org", i)))
		}
		callers := make([]auth.Caller, len(admins))
		for i := range admins {
			callers[i] = h.caller(admins[i].Grant)
		}
		race := func(by func(i int) auth.Caller, want int) {
			t.Helper()
			for _, err := range storetest.Race(t, h.db, 24, func(ctx context.Context, i int) error {
				target := admins[(i+1)%len(admins)].User.ID
				if i%2 == 0 {
					_, err := h.DisableUser(ctx, by(i), target)
					return err
				}
				_, err := h.SetRole(ctx, by(i), target, auth.RoleMember)
				return err
			}) {
				switch {
				case err == nil, auth.Is(err, auth.CodeConflict), auth.Is(err, auth.CodeForbidden),
					auth.Is(err, auth.CodeAccountDisabled), auth.Is(err, auth.CodeSessionEnded):
				default:
					t.Fatal(err)
				}
			}
			left := 0
			h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
				left, err = tx.CountActive(auth.DefaultApp, auth.RoleAdmin)
				return err
			}))
			if left < 1 || left > want {
				t.Fatalf("%d administrators left", left)
			}
		}
		race(func(i int) auth.Caller { return callers[i%len(callers)] }, len(admins))
		race(func(int) auth.Caller { return system() }, 1)
	})
}

func TestCreateUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		boss := h.caller(h.admin("boss@example.org").Grant)
		p, err := h.CreateUser(ctx, boss, NewUser{Email: "ann@example.org", Username: "ann", Name: "Ann", Role: auth.RoleModerator,
			ExternalID: "old-7", Attributes: map[string]any{"plan": "gold", "company": "Lamps"}})
		h.must(err)
		if p.HasPassword || p.User.Role != auth.RoleModerator || p.User.ExternalID != "old-7" || p.User.Attributes["plan"] != "gold" || p.Email.Verified() {
			t.Fatalf("%+v", p)
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		h.must(h.Login.ResetPassword(ctx, anyone(), h.token("ann@example.org", "/reset"), goodPassword))
		out, err := h.signIn("ann", goodPassword)
		h.must(err)
		if !out.SignedIn.Email.Verified() {
			t.Fatal("the invitation proves the address")
		}
		_, err = h.CreateUser(ctx, boss, NewUser{Email: "Ann@example.org", Username: "ANN", ExternalID: "old-7"})
		wantCode(t, err, auth.CodeIdentifierTaken)
		for _, field := range []string{"email", "username", "external_id"} {
			if !user.TakenField(err, field) {
				t.Fatalf("%s: %+v", field, auth.AsError(err).Violations)
			}
		}
		_, err = h.CreateUser(ctx, boss, NewUser{Email: "bob@example.org", Role: "owner"})
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = h.CreateUser(ctx, boss, NewUser{Email: "bob@example.org", Password: "short"})
		wantCode(t, err, auth.CodeWeakPassword)
	})
}

// A password that an administrator chose has to be replaced before it opens anything; the operator's stands (PW-18).
func TestGivenPasswords_PW18(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		boss := h.caller(h.admin("boss@example.org").Grant)
		_, err := h.CreateUser(ctx, boss, NewUser{Email: "ann@example.org", Password: goodPassword, EmailVerified: true})
		h.must(err)
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
		h.must(h.Login.RequestPasswordReset(ctx, anyone(), "ann@example.org"))
		h.must(h.Login.ResetPassword(ctx, anyone(), h.token("ann@example.org", "/reset"), otherPassword))
		_, err = h.signIn("ann@example.org", otherPassword)
		h.must(err)
		_, err = h.CreateUser(ctx, system(), NewUser{Email: "bob@example.org", Password: goodPassword, EmailVerified: true})
		h.must(err)
		_, err = h.signIn("bob@example.org", goodPassword)
		h.must(err)
		if n := len(h.mails("bob@example.org")); n != 0 {
			t.Fatalf("%d mails", n)
		}
	})
}

func TestEndUserSessions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		boss := h.caller(h.admin("boss@example.org").Grant)
		ann := h.verified("ann@example.org")
		_, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		n, err := h.EndUserSessions(ctx, boss, ann.User.ID)
		h.must(err)
		if n != 2 || h.alive(ann.Grant) || h.endReason(ann.Grant) != auth.EndByAdmin {
			t.Fatalf("%d", n)
		}
		_, err = h.EndUserSessions(ctx, boss, "nobody")
		wantCode(t, err, auth.CodeNotFound)
	})
}

// What administrators see of users.
func TestDirectory(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork), func(t *testing.T, h *house) {
		ctx := context.Background()
		d := user.NewDirectory(h.db, 100)
		var made []auth.UserID
		for i := range 5 {
			made = append(made, h.register(fmt.Sprintf("u%d@example.org", i)).User.ID)
		}
		first, err := d.List(ctx, auth.DefaultApp, user.Page{Limit: 2})
		h.must(err)
		last := first[1].User
		rest, err := d.List(ctx, auth.DefaultApp, user.Page{AfterTime: last.CreatedAt, AfterID: last.ID, Limit: 10})
		h.must(err)
		if len(first) != 2 || len(rest) != 3 || rest[0].Email.Address == "" {
			t.Fatalf("%d and %d", len(first), len(rest))
		}
		found, err := d.List(ctx, auth.DefaultApp, user.Page{Filter: store.UserFilter{Search: "u3@", Status: auth.UserActive}, Limit: 10})
		h.must(err)
		if len(found) != 1 || found[0].User.ID != made[3] {
			t.Fatalf("%+v", found)
		}
		for _, typed := range []string{string(made[2]), "3", "U2@example.org"} {
			if p, err := d.Find(ctx, auth.DefaultApp, typed); err != nil || p.User.ID != made[2] {
				t.Fatalf("%q: %v %v", typed, p.User.ID, err)
			}
		}
		_, err = d.Find(ctx, auth.DefaultApp, "nobody")
		wantCode(t, err, auth.CodeNotFound)
		p, err := d.Profile(ctx, auth.DefaultApp, made[0])
		h.must(err)
		if !p.HasPassword || p.Email.Verified() {
			t.Fatalf("%+v", p)
		}
		_, err = d.Profile(ctx, "other", made[0])
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Login.VerifyEmail(ctx, anyone(), h.token("u0@example.org", "/verify"))
		h.must(err)
		h.enrol(p.User)
		if p, err = d.Profile(ctx, auth.DefaultApp, made[0]); err != nil || !p.Email.Verified() || !p.User.TOTP || p.BackupCodesLeft != 10 {
			t.Fatalf("a cache tells the state of before: %+v %v", p, err)
		}
	})
}
