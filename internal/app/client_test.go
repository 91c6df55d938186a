package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

func TestClients(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, a, b := t.Context(), create(t, h, "a"), create(t, h, "b")
		own := admin(a.ID)
		made, _, err := h.CreateClient(ctx, own, ClientInput{App: a.ID, Name: " Web ", Settings: auth.ClientSettings{
			RedirectURIs: []string{"https://a.example/cb"}, AllowedOrigins: []string{"https://A.example:443", "https://a.example"}, AccessTTL: time.Hour}})
		if err != nil || made.Name != "Web" || !slices.Equal(made.Settings.AllowedOrigins, []string{"https://a.example"}) {
			t.Fatalf("%+v, %v", made, err)
		}
		if got, err := h.ShowClient(ctx, own, a.ID, made.ID); err != nil || got.Settings.AccessTTL != time.Hour {
			t.Fatalf("%+v, %v", got, err)
		}
		// TN-01: nobody reaches into another app, by whichever of the two ids.
		for _, c := range []auth.Caller{admin(b.ID)} {
			for _, place := range []auth.AppID{a.ID, b.ID} {
				_, err = h.ShowClient(ctx, c, place, made.ID)
				wantCode(t, err, auth.CodeNotFound)
				_, err = h.UpdateClient(ctx, c, place, made.ID, ClientChange{})
				wantCode(t, err, auth.CodeNotFound)
				wantCode(t, h.DeleteClient(ctx, c, place, made.ID), auth.CodeNotFound)
			}
			_, _, err = h.CreateClient(ctx, c, ClientInput{App: a.ID, Name: "x"})
			wantCode(t, err, auth.CodeNotFound)
			_, err = h.ListClients(ctx, c, ClientQuery{App: a.ID, Limit: 10})
			wantCode(t, err, auth.CodeNotFound)
		}
		person := auth.Caller{Kind: auth.CallerSession, App: a.ID, Role: auth.RoleUser}
		_, _, err = h.CreateClient(ctx, person, ClientInput{App: a.ID, Name: "x"})
		wantCode(t, err, auth.CodeForbidden)

		list, err := h.ListClients(ctx, own, ClientQuery{App: a.ID, Limit: 10})
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		home, err := h.DefaultClient(ctx, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.DeleteClient(ctx, own, a.ID, home.ID), auth.CodeConflict)
		if err := h.DeleteClient(ctx, own, a.ID, made.ID); err != nil {
			t.Fatal(err)
		}
		_, err = h.ClientByID(ctx, made.ID)
		wantCode(t, err, auth.CodeNotFound)
		wantCode(t, h.DeleteClient(ctx, own, a.ID, made.ID), auth.CodeNotFound)
		if list, err := h.ListClients(ctx, own, ClientQuery{App: a.ID, Limit: 10}); err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
	})
}

// New origins count at once, whatever a cache holds (WB-03).
func TestOriginsCountAtOnce_WB03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		want := func(origins ...string) {
			t.Helper()
			got, err := h.Origins(ctx, auth.DefaultApp)
			if err != nil || !slices.Equal(got, origins) {
				t.Fatalf("%v, %v, want %v", got, err, origins)
			}
		}
		want()
		made, _, err := h.CreateClient(ctx, operator, ClientInput{App: auth.DefaultApp, Name: "a", Settings: auth.ClientSettings{AllowedOrigins: []string{"https://a.example"}}})
		if err != nil {
			t.Fatal(err)
		}
		want("https://a.example")
		list := []string{"https://b.example"}
		if _, err := h.UpdateClient(ctx, operator, auth.DefaultApp, auth.DefaultClient, ClientChange{AllowedOrigins: &list}); err != nil {
			t.Fatal(err)
		}
		want("https://a.example", "https://b.example")
		if c, err := h.DefaultClient(ctx, auth.DefaultApp); err != nil || len(c.Settings.AllowedOrigins) != 1 {
			t.Fatalf("%+v, %v", c, err)
		}
		if err := h.DeleteClient(ctx, operator, auth.DefaultApp, made.ID); err != nil {
			t.Fatal(err)
		}
		want("https://b.example")
	})
}

func TestRedirectsAndOrigins_WB09(t *testing.T) {
	for _, good := range []string{"https://a.example/cb", "https://a.example/cb?x=1", "http://127.0.0.1:1234/cb", "http://[::1]/cb",
		"http://localhost/cb", "com.example.app:/cb"} {
		if why := badRedirect(good); why != "" {
			t.Errorf("%s: %s", good, why)
		}
	}
	for _, bad := range []string{"", "/cb", "https://", "https:///cb", "http://a.example/cb", "https://a.example/cb#x", "https://a.example/#",
		"https://u:p@a.example/", "https://u@a.example/", "https://*.a.example/", "https://a.example/*", "javascript:alert(1)", "data:text/html,x",
		"myapp:/cb", "https://a.example/ b", "https://a.example\\@b.example/", "http://127.0.0.1.a.example/", "https://ä.example/",
		"https://a.example/" + strings.Repeat("x", 2000)} {
		if badRedirect(bad) == "" {
			t.Errorf("%s is taken", bad)
		}
	}
	for in, want := range map[string]string{"https://a.example": "https://a.example", "https://A.Example:443": "https://a.example",
		"https://a.example:8443": "https://a.example:8443", "http://localhost:3000": "http://localhost:3000", "http://127.0.0.1:80": "http://127.0.0.1",
		"https://a.example/": "", "https://a.example?": "", "https://a.example#": "", "http://a.example": "", "null": "", "*": "", "https://*.a.example": "",
		"https://u@a.example": "", "https://a.example:": "", "": "", "com.example.app://x": ""} {
		if got, _ := exactOrigin(in); got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
	for name, s := range map[string]auth.ClientSettings{
		"short access":  {AccessTTL: time.Second},
		"long access":   {AccessTTL: 48 * time.Hour},
		"short refresh": {RefreshTTL: time.Minute},
		"many":          {RedirectURIs: make([]string, maxURIs+1)},
	} {
		if _, err := checkClientSettings(s); !auth.Is(err, auth.CodeInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUpdateApp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, a := t.Context(), create(t, h, "a")
		mode, yes, least := auth.RegistrationInviteCode, true, 10
		out, err := h.Update(ctx, admin(a.ID), a.ID, Change{Registration: &mode, AccountsOnSignUp: &yes, PasswordMin: &least, IfMatch: &a.Version})
		if err != nil || out.Settings.Registration != mode || !out.Settings.AccountsOnSignUp || out.Version != 2 || len(out.Settings.Attributes) != 2 {
			t.Fatalf("%+v, %v", out, err)
		}
		_, err = h.Update(ctx, operator, a.ID, Change{IfMatch: &a.Version})
		wantCode(t, err, auth.CodeVersionMismatch)
		if got, err := h.Get(ctx, a.ID); err != nil || got.Settings.Registration != mode {
			t.Fatalf("%+v, %v", got, err)
		}
		bad := auth.RegistrationMode("ajar")
		_, err = h.Update(ctx, operator, a.ID, Change{Registration: &bad})
		wantCode(t, err, auth.CodeInvalidRequest)
		_, err = h.Update(ctx, admin(a.ID), auth.DefaultApp, Change{Registration: &mode})
		wantCode(t, err, auth.CodeNotFound)
	})
}

func TestPermissionsOfRoles(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, a := t.Context(), create(t, h, "a")
		update := func(change map[string][]string) (map[string][]string, error) {
			out, err := h.Update(ctx, admin(a.ID), a.ID, Change{Permissions: change})
			return out.Settings.Permissions, err
		}
		got, err := update(map[string][]string{"owner": {"members", "billing", "billing"}, "admin": {"all"}})
		if err != nil || !slices.Equal(got["owner"], []string{"billing", "members"}) || len(got) != 2 {
			t.Fatalf("%v, %v", got, err)
		}
		if got, err = update(map[string][]string{"admin": nil}); err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		for _, bad := range []map[string][]string{{"king": {"x"}}, {"owner": {"two words"}}, {"owner": {""}}, {"owner": make([]string, 51)}} {
			_, err := update(bad)
			wantCode(t, err, auth.CodeInvalidRequest)
		}
	})
}
