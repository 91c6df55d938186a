package federation_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func google() federation.ProviderInput {
	return federation.ProviderInput{Kind: auth.ProviderGoogle, Settings: auth.ProviderSettings{ClientID: "id.apps"}, Secret: "s3cret-of-google"}
}

func TestProviders(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		made, err := h.Create(ctx, admin(), google())
		if err != nil || made.Name != "google" || made.Settings.Title != "Google" || made.Settings.Issuer != "https://accounts.google.com" || made.Version != 1 {
			t.Fatalf("%+v, %v", made, err)
		}
		_, err = h.Create(ctx, admin(), google())
		wantCode(t, err, auth.CodeConflict)

		off, settings := true, made.Settings
		settings.Title, settings.Domains = "Work", []string{" Example.COM ", "example.com", "bücher.example"}
		got, err := h.Update(ctx, admin(), "google", federation.ProviderChange{Settings: &settings, Disabled: &off})
		if err != nil || got.Version != 2 || got.Settings.Title != "Work" || got.Status != auth.ProviderDisabled || fmt.Sprint(got.Settings.Domains) != "[example.com xn--bcher-kva.example]" {
			t.Fatalf("%+v, %v", got, err)
		}
		if read := must(h.Get(ctx, admin(), "google")); read.Version != 2 || !bytes.Equal(read.Sealed, made.Sealed) {
			t.Errorf("%+v", read)
		}
		changed := "another-secret"
		if got = must(h.Update(ctx, admin(), "google", federation.ProviderChange{Secret: &changed})); bytes.Equal(got.Sealed, made.Sealed) {
			t.Error("the secret stayed")
		}
		nobody := admin()
		nobody.Role = auth.RoleUser
		_, err = h.Create(ctx, nobody, google())
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.List(ctx, nobody)
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.Get(ctx, nobody, "google")
		wantCode(t, err, auth.CodeForbidden)
		_, err = h.Update(ctx, nobody, "google", federation.ProviderChange{})
		wantCode(t, err, auth.CodeForbidden)
		wantCode(t, h.Delete(ctx, nobody, "google", true), auth.CodeForbidden)
		if err := h.Delete(ctx, admin(), "google", false); err != nil {
			t.Fatal(err)
		}
		_, err = h.Get(ctx, admin(), "google")
		wantCode(t, err, auth.CodeNotFound)
	})
}

// No row, and nothing that is handed out, tells a client secret (KM-02).
func TestSecretsAreSealed_KM02(t *testing.T) {
	h := one(t)
	made := must(h.Create(t.Context(), admin(), google()))
	if text := fmt.Sprintf("%+v %s", made, must(json.Marshal(made))); strings.Contains(text, "s3cret") || bytes.Contains(made.Sealed, []byte("s3cret")) || len(made.Sealed) == 0 {
		t.Error(text)
	}
	// A sealed secret that is moved to another provider does not open there.
	h.connect(forge(t, h).Upstream)
	err := h.db.Write(t.Context(), func(tx *store.Tx) error {
		p, err := tx.ProviderByName(auth.DefaultApp, "upstream")
		if err == nil {
			p.Sealed = made.Sealed
			_, err = tx.UpdateProvider(p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.finish(state, federation.Answer{Code: "c"})
	if err == nil || !strings.Contains(err.Error(), "seal") {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeAProvider(t *testing.T) {
	h := one(t)
	plain := func(change func(*auth.ProviderSettings)) federation.ProviderInput {
		in := federation.ProviderInput{Kind: auth.ProviderOAuth2, Secret: "s", Settings: auth.ProviderSettings{ClientID: "c",
			AuthorizationURL: "https://a.test/a", TokenURL: "https://a.test/t", UserURL: "https://a.test/u"}}
		change(&in.Settings)
		return in
	}
	set := func(change func(*federation.ProviderInput)) federation.ProviderInput {
		in := google()
		change(&in)
		return in
	}
	openID := func(issuer string) federation.ProviderInput {
		return federation.ProviderInput{Kind: auth.ProviderOIDC, Settings: auth.ProviderSettings{ClientID: "c", Issuer: issuer}}
	}
	for name, test := range map[string]struct {
		in    federation.ProviderInput
		field string
	}{
		"kind":             {set(func(in *federation.ProviderInput) { in.Kind = "saml" }), "kind"},
		"no client id":     {set(func(in *federation.ProviderInput) { in.Settings.ClientID = "" }), "client_id"},
		"client id":        {set(func(in *federation.ProviderInput) { in.Settings.ClientID = "a b" }), "client_id"},
		"no secret":        {set(func(in *federation.ProviderInput) { in.Secret = "" }), "secret"},
		"secret":           {set(func(in *federation.ProviderInput) { in.Secret = "a b" }), "secret"},
		"name":             {set(func(in *federation.ProviderInput) { in.Name = "../x" }), "name"},
		"capitals":         {set(func(in *federation.ProviderInput) { in.Name = "Google" }), "name"},
		"title":            {set(func(in *federation.ProviderInput) { in.Settings.Title = "a\u202eb" }), "title"},
		"use":              {set(func(in *federation.ProviderInput) { in.Settings.Use = "all" }), "use"},
		"scope":            {set(func(in *federation.ProviderInput) { in.Settings.Scopes = []string{"openid", "a b"} }), "scopes"},
		"no openid":        {set(func(in *federation.ProviderInput) { in.Settings.Scopes = []string{"email"} }), "scopes"},
		"domain":           {set(func(in *federation.ProviderInput) { in.Settings.Domains = []string{"a@b.test"} }), "domains"},
		"wide domain":      {set(func(in *federation.ProviderInput) { in.Settings.Domains = []string{"*"} }), "domains"},
		"endpoint":         {set(func(in *federation.ProviderInput) { in.Settings.TokenURL = "https://a.test" }), "token_url"},
		"secret not sent":  {set(func(in *federation.ProviderInput) { in.Settings.ClientAuth = "none" }), "client_auth"},
		"client auth":      {set(func(in *federation.ProviderInput) { in.Settings.ClientAuth = "mtls" }), "client_auth"},
		"team":             {set(func(in *federation.ProviderInput) { in.Settings.TeamID = "A" }), "team_id"},
		"no issuer":        {openID(""), "issuer"},
		"script issuer":    {openID("javascript:alert(1)"), "issuer"},
		"query issuer":     {openID("https://a.test/?x=1"), "issuer"},
		"user issuer":      {openID("https://u:p@a.test"), "issuer"},
		"hosted":           {federation.ProviderInput{Kind: auth.ProviderOIDC, Settings: auth.ProviderSettings{ClientID: "c", Issuer: "https://a.test", HostedDomain: "a.test"}}, "hosted_domain"},
		"no endpoint":      {plain(func(s *auth.ProviderSettings) { s.UserURL = "" }), "user_url"},
		"script endpoint":  {plain(func(s *auth.ProviderSettings) { s.AuthorizationURL = "javascript:alert(1)" }), "authorization_url"},
		"plain page":       {plain(func(s *auth.ProviderSettings) { s.AuthorizationURL = "http://a.test" }), "authorization_url"},
		"no subject claim": {plain(func(s *auth.ProviderSettings) { s.Claims = auth.ClaimMapping{Email: "e"} }), "claims"},
		"apple's secret":   {federation.ProviderInput{Kind: auth.ProviderApple, Secret: "s", Settings: auth.ProviderSettings{ClientID: "c", TeamID: "ABCDEFGHIJ", KeyID: "ABCDEFGHIJ"}}, "secret"},
		"apple's team":     {federation.ProviderInput{Kind: auth.ProviderApple, Secret: applePEM(t), Settings: auth.ProviderSettings{ClientID: "c", KeyID: "ABCDEFGHIJ"}}, "team_id"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Create(t.Context(), admin(), test.in)
			wantCode(t, err, auth.CodeInvalidRequest)
			if v := auth.AsError(err).Violations; len(v) != 1 || v[0].Field != test.field {
				t.Errorf("%+v", v)
			}
		})
	}
	for name, in := range map[string]federation.ProviderInput{"public": openID("https://a.test/realms/x"), "plain": plain(func(*auth.ProviderSettings) {}), "google": google()} {
		in.Name = name
		if _, err := h.Create(t.Context(), admin(), in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func applePEM(t testing.TB) string {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
}

// Of many calls at once, as many make a provider as there is room for.
func TestProvidersOfAnAppAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 47 {
			in := google()
			in.Name = fmt.Sprintf("p%d", i)
			must(h.Create(t.Context(), admin(), in))
		}
		made := 0
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, i int) error {
			in := google()
			in.Name = fmt.Sprintf("q%d", i)
			_, err := h.Create(ctx, admin(), in)
			return err
		}) {
			if err == nil {
				made++
			} else {
				wantCode(t, err, auth.CodeLimitReached)
			}
		}
		if made != 3 {
			t.Errorf("%d were made where there was room for 3", made)
		}
	})
}

func (h *house) user(number int64) auth.UserID {
	h.t.Helper()
	id := auth.UserID(secret.NewID(rand.Reader, h.clock.Now()))
	err := h.db.Write(h.t.Context(), func(tx *store.Tx) error {
		_, err := tx.InsertUser(auth.User{ID: id, App: auth.DefaultApp, Number: number, Role: auth.RoleUser, Status: auth.UserActive}, "")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) link(ctx context.Context, user auth.UserID, up auth.Upstream) (made auth.Identity, err error) {
	err = h.db.Write(ctx, func(tx *store.Tx) error {
		made, err = h.Link(tx, admin(), user, up)
		return err
	})
	return made, err
}

// Identities hang on provider, issuer and subject; the same subject elsewhere is somebody else (FD-01).
func TestIdentities_FD01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		first := must(h.Create(ctx, admin(), google()))
		in := google()
		in.Name = "second"
		second := must(h.Create(ctx, admin(), in))
		jo, eve := h.user(1), h.user(2)
		up := auth.Upstream{Provider: first.ID, ProviderName: first.Name, Issuer: "https://accounts.google.com", Subject: "7", Email: "jo@gmail.com"}
		made := must(h.link(ctx, jo, up))
		if again := must(h.link(ctx, jo, up)); again.ID != made.ID {
			t.Errorf("linked twice: %+v", again)
		}
		_, err := h.link(ctx, eve, up)
		wantCode(t, err, auth.CodeConflict)
		for name, other := range map[string]auth.Upstream{
			"connection": {Provider: second.ID, Issuer: up.Issuer, Subject: up.Subject, Email: up.Email},
			"issuer":     {Provider: up.Provider, Issuer: "https://evil.test", Subject: up.Subject, Email: up.Email},
			"subject":    {Provider: up.Provider, Issuer: up.Issuer, Subject: "8", Email: up.Email},
		} {
			err := h.db.Read(ctx, func(tx *store.Tx) error {
				if _, ok, err := federation.ByUpstream(tx, auth.DefaultApp, other); err != nil || ok {
					t.Errorf("another %s finds %v, %v", name, ok, err)
				}
				_, ok, err := federation.ByUpstream(tx, auth.DefaultApp, auth.Upstream{Provider: up.Provider, Issuer: up.Issuer, Subject: up.Subject, Email: "changed@gmail.com"})
				if err != nil || !ok {
					t.Errorf("a changed address loses the identity: %v", err)
				}
				if _, ok, _ := federation.ByUpstream(tx, "other", up); ok {
					t.Error("another app finds it")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		h.clock.Advance(time.Second)
		other := up
		other.Subject = "8"
		must(h.link(ctx, jo, other))
		err = h.db.Write(ctx, func(tx *store.Tx) error {
			if err := federation.Touch(tx, made, auth.Upstream{Email: "new@gmail.com", Username: "n"}); err != nil {
				return err
			}
			list, err := federation.OfUser(tx, auth.DefaultApp, jo)
			if err != nil || len(list) != 2 || list[0].Email != "new@gmail.com" || list[0].LastUsedAt.IsZero() || list[0].ProviderName != "google" {
				t.Errorf("%+v, %v", list, err)
			}
			wantCode(t, h.Unlink(tx, admin(), eve, made.ID), auth.CodeNotFound)
			if err := h.Unlink(tx, admin(), jo, made.ID); err != nil {
				t.Error(err)
			}
			wantCode(t, h.Unlink(tx, admin(), jo, made.ID), auth.CodeNotFound)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.Delete(ctx, admin(), "google", false), auth.CodeConflict)
		if err := h.Delete(ctx, admin(), "google", true); err != nil {
			t.Fatal(err)
		}
		var actions []string
		err = h.db.Read(ctx, func(tx *store.Tx) error {
			list, err := tx.Events(auth.DefaultApp, store.EventFilter{Limit: 200})
			for _, e := range list {
				actions = append(actions, e.Action)
			}
			return err
		})
		for _, want := range []string{"provider.created", "provider.deleted", "identity.linked", "identity.unlinked"} {
			if err != nil || !strings.Contains(strings.Join(actions, " "), want) {
				t.Errorf("no event %s in %v, %v", want, actions, err)
			}
		}
	})
}

// Of many users who link one person at a provider at the same moment, one gets it (FD-03).
func TestOneUserGetsAnIdentity_FD03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := must(h.Create(t.Context(), admin(), google()))
		up := auth.Upstream{Provider: p.ID, ProviderName: p.Name, Issuer: "i", Subject: "7"}
		users := make([]auth.UserID, 8)
		for i := range users {
			users[i] = h.user(int64(i + 1))
		}
		linked := 0
		for _, err := range storetest.Race(t, h.db, len(users), func(ctx context.Context, i int) error {
			_, err := h.link(ctx, users[i], up)
			return err
		}) {
			if err == nil {
				linked++
			} else {
				wantCode(t, err, auth.CodeConflict)
			}
		}
		if linked != 1 {
			t.Errorf("%d users have the identity", linked)
		}
	})
}

func TestIdentitiesOfAUserAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := must(h.Create(t.Context(), admin(), google()))
		jo := h.user(1)
		up := func(i int) auth.Upstream { return auth.Upstream{Provider: p.ID, Issuer: "i", Subject: fmt.Sprint(i)} }
		for i := range 47 {
			must(h.link(t.Context(), jo, up(i)))
		}
		made := 0
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, i int) error {
			_, err := h.link(ctx, jo, up(100+i))
			return err
		}) {
			if err == nil {
				made++
			} else {
				wantCode(t, err, auth.CodeLimitReached)
			}
		}
		if made != 3 {
			t.Errorf("%d were linked where there was room for 3", made)
		}
	})
}

// Only what may be used is offered, and what is for linking alone is no way in.
func TestOffered_FD06(t *testing.T) {
	h := one(t)
	for i, use := range []auth.ProviderUse{"", auth.UseSignIn, auth.UseLink, ""} {
		in := google()
		in.Name, in.Settings.Use, in.Disabled = fmt.Sprintf("p%d", i), use, i == 3
		must(h.Create(t.Context(), admin(), in))
	}
	err := h.db.Read(t.Context(), func(tx *store.Tx) error {
		list, err := federation.Offered(tx, auth.DefaultApp)
		if err != nil || len(list) != 2 || list[0].Name != "p0" || list[1].Name != "p1" {
			t.Errorf("%+v, %v", list, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
