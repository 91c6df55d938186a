package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

var operator = auth.Caller{Kind: auth.CallerSystem}

// initial makes a token that registers so many clients.
func (h *house) initial(uses int) string {
	h.t.Helper()
	_, text, err := h.CreateRegistrationToken(h.t.Context(), operator, RegistrationTokenInput{App: auth.DefaultApp, Name: "ci", Uses: uses, ExpiresIn: time.Hour})
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func (h *house) register(token, body string) (Registration, error) {
	return h.Register(h.t.Context(), RegisterRequest{Authorization: "Bearer " + token, Body: []byte(body), Caller: anyone()})
}

const webMetadata = `{"client_name":"Notes","redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code","refresh_token"]}`

func TestDynamicRegistration_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, err := h.register(h.initial(1), webMetadata)
		wantCode(t, err, AccessDenied) // off by default
		h.o.Settings.Registration = true
		token := h.initial(1)
		for _, bad := range []string{"", "ort_x", strings.Repeat("a", 47), token[:len(token)-1] + "_"} {
			_, err := h.register(bad, webMetadata)
			wantCode(t, err, InvalidToken)
		}
		made, err := h.register(token, `{"client_id":"mine","client_secret":"mine","client_name":"Notes","redirect_uris":["https://rp.example/cb"],
			"grant_types":["authorization_code","refresh_token"],"scope":"openid email roles admin","consent":"trusted","claims":{"role":"'admin'"}}`)
		if err != nil {
			t.Fatal(err)
		}
		if made.ClientID == "mine" || !strings.HasPrefix(made.Secret, "osc_") || !strings.HasPrefix(made.Token, "orc_") || made.Scope != "openid email" ||
			made.URI != testIssuer+RegisterPath+"/"+string(made.ClientID) || made.SecretEnd == nil || *made.SecretEnd != 0 {
			t.Fatalf("%+v %v", made.clientMetadata, made.URI)
		}
		c, err := h.Client(t.Context(), string(made.ClientID), nil)
		if o := c.Settings.OAuth; err != nil || !o.Dynamic || o.Consent != auth.ConsentAsk || o.Claims != nil || o.Origin() != auth.OriginDynamic {
			t.Fatalf("%+v %v", o, err)
		}
		h.registrationIsHashed(c, made.Token)
		if _, err := h.AuthenticateClient(t.Context(), ClientRequest{Authorization: basicOf(c, made.Secret)}); err != nil {
			t.Fatal(err)
		}
		_, err = h.register(token, webMetadata) // it registers one
		wantCode(t, err, InvalidToken)
	})
}

func (h *house) registrationIsHashed(c auth.Client, text string) {
	h.t.Helper()
	var list []auth.ClientSecret
	err := h.db.Read(h.t.Context(), func(tx *store.Tx) (err error) {
		list, err = tx.ClientSecrets(c.App, c.ID, auth.SecretOfRegistration)
		return err
	})
	if err != nil || len(list) != 1 || string(list[0].Hash) != string(secret.Hash(text)) {
		h.t.Fatalf("%+v %v", list, err)
	}
}

// What a client says of itself is checked and capped (CR-01).
func TestRegistrationMetadata_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.o.Settings.Registration = true
		token := h.initial(1)
		for body, code := range map[string]Code{
			`{}`: InvalidRedirectURI,
			`[]`: InvalidMetadata, `x`: InvalidMetadata, `{"redirect_uris":["https://rp.example/"]}{}`: InvalidMetadata,
			`{"redirect_uris":["http://rp.example/cb"]}`:                                                 InvalidRedirectURI,
			`{"redirect_uris":["https://rp.example/*"]}`:                                                 InvalidRedirectURI,
			`{"redirect_uris":["javascript:alert(1)"]}`:                                                  InvalidRedirectURI,
			`{"redirect_uris":["https://rp.example/"],"Redirect_uris":["https://evil.example/"]}`:        InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"grant_types":["client_credentials"]}`:             InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"grant_types":["password"]}`:                       InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"response_types":["token"]}`:                       InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"token_endpoint_auth_method":"client_secret_jwt"}`: InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"token_endpoint_auth_method":"private_key_jwt"}`:   InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"jwks_uri":"http://127.0.0.1/keys"}`:               InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"backchannel_logout_uri":"http://localhost/"}`:     InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"logo_uri":"data:image/png;base64,AA"}`:            InvalidMetadata,
			`{"redirect_uris":["https://rp.example/"],"id_token_signed_response_alg":"none"}`:            InvalidMetadata,
			`{"redirect_uris":["https://a.example/","https://b.example/"],"subject_type":"pairwise"}`:    InvalidMetadata,
		} {
			if _, err := h.register(token, body); !Is(err, code) {
				t.Errorf("%s: %v, want %s", body, err, code)
			}
		}
		if _, err := h.register(token, webMetadata); err != nil { // none of them spent it
			t.Fatal(err)
		}
	})
}

// TestRegistrationLimit_CR01: one network registers so many clients an hour, with a right initial token or not.
func TestRegistrationLimit_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.o.Settings.Registration = true
		token := h.initial(100)
		for i := range 60 {
			if i%2 == 0 {
				_, err := h.register("ort_x", webMetadata)
				wantCode(t, err, InvalidToken)
			} else if _, err := h.register(token, webMetadata); err != nil {
				t.Fatal(i, err)
			}
		}
		_, err := h.register(token, webMetadata)
		wantCode(t, err, TemporarilyUnavailable)
		var limited *auth.Error
		if !errors.As(err, &limited) || limited.Limit == nil || limited.Limit.Name != limit.ClientNetwork {
			t.Errorf("%+v", limited)
		}
		elsewhere := RegisterRequest{Authorization: "Bearer " + token, Body: []byte(webMetadata), Caller: anyone()}
		elsewhere.Caller.IP = netip.MustParseAddr("198.51.100.7")
		if _, err := h.Register(t.Context(), elsewhere); err != nil {
			t.Error(err)
		}
		h.clock.Advance(time.Hour)
		if _, err := h.register(h.initial(1), webMetadata); err != nil {
			t.Error(err)
		}
	})
}

func TestManageRegistration_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.o.Settings.Registration = true
		ctx, token := t.Context(), h.initial(2)
		made, err := h.register(token, webMetadata)
		if err != nil {
			t.Fatal(err)
		}
		other, err := h.register(token, `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`)
		if err != nil || other.Secret != "" || other.ApplicationType != auth.ApplicationNative {
			t.Fatalf("%+v %v", other.clientMetadata, err)
		}
		as := func(id auth.ClientID, token, body string) RegisterRequest {
			return RegisterRequest{Authorization: "bearer " + token, ClientID: id, Body: []byte(body), Caller: anyone()}
		}
		for _, r := range []RegisterRequest{as(made.ClientID, other.Token, ""), as(auth.DefaultClient, made.Token, ""), as("x", made.Token, ""),
			as(made.ClientID, made.Secret, ""), as(made.ClientID, token, ""), {ClientID: made.ClientID}} {
			_, err := h.ReadRegistration(ctx, r)
			wantCode(t, err, InvalidToken)
			_, err = h.UpdateRegistration(ctx, r)
			wantCode(t, err, InvalidToken)
			wantCode(t, h.EndRegistration(ctx, r), InvalidToken)
		}
		got, err := h.ReadRegistration(ctx, as(made.ClientID, made.Token, ""))
		if err != nil || got.Name != "Notes" || got.Secret != "" || got.Token != "" {
			t.Fatalf("%v %v", got, err)
		}
		for _, body := range []string{webMetadata, `{"client_id":"` + string(other.ClientID) + `"}`, `{"client_id":"` + string(made.ClientID) + `","registration_access_token":"x"}`,
			`{"client_id":"` + string(made.ClientID) + `","client_secret":"chosen","redirect_uris":["https://rp.example/cb"]}`} {
			_, err = h.UpdateRegistration(ctx, as(made.ClientID, made.Token, body))
			wantCode(t, err, InvalidMetadata)
		}
		// From a public client to one with a secret: it is made, and shown.
		changed, err := h.UpdateRegistration(ctx, as(other.ClientID, other.Token, `{"client_id":"`+string(other.ClientID)+`","client_name":"Desk","redirect_uris":["http://127.0.0.1/cb"]}`))
		if err != nil || changed.Name != "Desk" || changed.Secret == "" {
			t.Fatalf("%v %v", changed.clientMetadata, err)
		}
		if err := h.EndRegistration(ctx, as(made.ClientID, made.Token, "")); err != nil {
			t.Fatal(err)
		}
		_, err = h.Client(ctx, string(made.ClientID), nil)
		wantCode(t, err, InvalidClient)
		_, err = h.ReadRegistration(ctx, as(made.ClientID, made.Token, ""))
		wantCode(t, err, InvalidToken)
	})
}

// A token registers as many clients as it says, however many calls meet.
func TestRegistrationTokenUnderRace_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.o.Settings.Registration = true
		token, made := h.initial(3), 0
		for _, err := range storetest.Race(t, h.db, 8, func(context.Context, int) error { _, err := h.register(token, webMetadata); return err }) {
			if err == nil {
				made++
			} else {
				wantCode(t, err, InvalidToken)
			}
		}
		if made != 3 {
			t.Fatalf("%d registered", made)
		}
		list, err := h.ListRegistrationTokens(t.Context(), operator, auth.DefaultApp)
		if err != nil || len(list) != 1 || list[0].UsesLeft != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		if err := h.RevokeRegistrationToken(t.Context(), operator, auth.DefaultApp, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := h.RevokeRegistrationToken(t.Context(), operator, auth.DefaultApp, list[0].ID); !auth.Is(err, auth.CodeNotFound) {
			t.Fatal(err)
		}
	})
}

func TestClientDocument_CR02(t *testing.T) {
	const id = "https://rp.example/client.json"
	good := `{"client_id":"` + id + `","client_name":"Notes","redirect_uris":["https://rp.example/cb","http://127.0.0.1/cb"]}`
	in, err := readClientDocument(id, []byte(good))
	if o := in.Settings.OAuth; err != nil || !o.Public() || o.MetadataURL != id || o.Origin() != auth.OriginDocument {
		t.Fatalf("%+v %v", in, err)
	}
	for _, bad := range []string{
		`{}`, `[]`, `{"client_id":"https://rp.example/other.json","redirect_uris":["https://rp.example/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://evil.example/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://sub.rp.example/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://rp.example:8443/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["http://rp.example/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["com.example.app:/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://rp.example/cb"],"client_secret":"x"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://rp.example/cb"],"token_endpoint_auth_method":"client_secret_basic"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://rp.example/cb"],"grant_types":["client_credentials"]}`,
	} {
		if _, err := readClientDocument(id, []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	for _, bad := range []string{"https://rp.example", "https://rp.example/", "http://rp.example/c", "https://RP.example/c", "https://u@rp.example/c",
		"https://rp.example/c#x", "https://rp.example/a/../c", "https://rp.example/ c", "https://" + strings.Repeat("a", 2000) + "/c"} {
		if _, ok := documentURL(bad); ok {
			t.Errorf("%s is a client id", bad)
		}
	}
}

func TestAdoptedClient_CR02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		const id = "https://rp.example/client.json"
		adopt := func(body string) (auth.Client, error) {
			in, err := readClientDocument(id, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			in.App = auth.DefaultApp
			made, err := h.o.Apps.PrepareClient(in)
			if err != nil {
				t.Fatal(err)
			}
			made.ID = documentID(in.App, id)
			return h.adopted(ctx, made)
		}
		_, err := h.Client(ctx, id, nil) // no app takes documents
		wantCode(t, err, InvalidClient)
		first, err := adopt(`{"client_id":"` + id + `","redirect_uris":["https://rp.example/cb"]}`)
		if err != nil || first.OAuthID() != id || first.Name != "rp.example" {
			t.Fatalf("%+v %v", first, err)
		}
		h.clock.Advance(time.Minute)
		again, err := adopt(`{"redirect_uris":["https://rp.example/cb"],"client_id":"` + id + `"}`)
		if err != nil || !again.UpdatedAt.Equal(first.UpdatedAt) {
			t.Fatalf("%+v %v", again, err)
		}
		changed, err := adopt(`{"client_id":"` + id + `","client_name":"Notes","redirect_uris":["https://rp.example/new"]}`)
		if err != nil || changed.ID != first.ID || changed.Name != "Notes" || changed.Settings.RedirectURIs[0] != "https://rp.example/new" {
			t.Fatalf("%+v %v", changed, err)
		}
		if err := h.o.Apps.DeleteClient(ctx, operator, auth.DefaultApp, first.ID); err != nil {
			t.Fatal(err)
		}
		_, err = adopt(`{"client_id":"` + id + `","redirect_uris":["https://rp.example/cb"]}`)
		wantCode(t, err, InvalidClient) // it stays away
	})
}

func FuzzClientMetadata(f *testing.F) {
	f.Add([]byte(webMetadata))
	f.Add([]byte(`{"client_id":"https://rp.example/c","redirect_uris":["http://[::1]/"],"jwks":{"keys":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var m clientMetadata
		if readMetadata(body, &m) != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("taken: %s", body)
		}
		s, err := m.settings()
		var refusal *Error
		if err != nil && !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		if err == nil && !grant.Within(s.OAuth.GrantTypes, guestGrants()) || err == nil && !grant.Within(s.OAuth.Scopes, guestScopes()) {
			t.Fatalf("more than a guest gets: %s", body)
		}
		if in, err := readClientDocument("https://rp.example/c", body); err == nil && in.Settings.OAuth.AuthMethod.Secret() {
			t.Fatalf("a secret in public: %s", body)
		}
	})
}

// CR-01: clients that registered themselves and that nobody uses go; those in use, and an administrator's, stay.
func TestIdleClientsAreRetired_CR01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.o.Settings.Registration = true
		register := func() auth.Client {
			made, err := h.register(h.initial(1), webMetadata)
			if err != nil {
				t.Fatal(err)
			}
			c, err := h.Client(t.Context(), string(made.ClientID), nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		idle, consented, acting := register(), register(), register()
		own, _ := h.client()
		u := h.person()
		h.write(func(tx *store.Tx) error {
			return grant.Remember(tx, u.App, u.ID, consented.ID, auth.Delegation{Scopes: []string{auth.ScopeOpenID}})
		})
		d, err := h.sessions.Delegate(session.Start{User: u, Caller: auth.Caller{App: acting.App, Client: acting.ID}}, auth.Delegation{}, auth.Session{})
		if err != nil {
			t.Fatal(err)
		}
		h.write(func(tx *store.Tx) error { return h.sessions.Insert(tx, d) })
		retire := func(age time.Duration) (n int) {
			h.write(func(tx *store.Tx) (err error) {
				n, err = h.o.Apps.RetireIdle(tx, tx.Now().Add(-age), 500)
				return err
			})
			return n
		}
		if n := retire(time.Hour); n != 0 {
			t.Fatalf("%d clients retired at once", n)
		}
		h.clock.Advance(2 * time.Hour)
		if n := retire(time.Hour); n != 1 {
			t.Fatalf("%d clients retired", n)
		}
		for _, c := range []auth.Client{consented, acting, own} {
			if _, err := h.Client(t.Context(), string(c.ID), nil); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		_, err = h.Client(t.Context(), string(idle.ID), nil)
		wantCode(t, err, InvalidClient)
	})
}
