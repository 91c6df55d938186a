package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// webClient is the settings of a client as most have them.
func webClient(edit ...func(*auth.ClientSettings)) auth.ClientSettings {
	o, _ := auth.ClientTypeWeb.Preset()
	s := auth.ClientSettings{RedirectURIs: []string{"https://a.example/cb"}, OAuth: o}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func keySet(t testing.TB, keys ...any) json.RawMessage {
	t.Helper()
	var set jose.JSONWebKeySet
	for i, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: string(rune('a' + i))})
	}
	out, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPresetsAreValid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, kind := range auth.ClientTypes() {
			o, ok := kind.Preset()
			if !ok {
				t.Fatal(kind)
			}
			in := ClientInput{App: auth.DefaultApp, Name: string(kind), Settings: auth.ClientSettings{OAuth: o}}
			if kind != auth.ClientTypeService {
				in.Settings.RedirectURIs = []string{"https://a.example/cb"}
			}
			made, text, err := h.CreateClient(t.Context(), operator, in)
			if err != nil || (text != "") != o.AuthMethod.Secret() {
				t.Fatalf("%s: %+v %v", kind, made, err)
			}
		}
		if _, ok := auth.ClientType("x").Preset(); ok {
			t.Fatal("x is a type")
		}
	})
}

// What a client may register: each row is wrong in one thing, by the name that the error has.
func TestOAuthSettings_OA01_OI05_TK08(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	good := keySet(t, &p256.PublicKey, public)
	h := New(Options{DB: storetest.Open(t), Clock: time.Now, Rand: rand.Reader, BadClaim: func(_, e string) string { return strings.TrimPrefix(e, "ok") }})
	type edit = func(*auth.ClientSettings)
	bad := map[string][]edit{
		"token_endpoint_auth_method": {
			func(s *auth.ClientSettings) { s.OAuth.AuthMethod = "client_secret_jwt" },
			func(s *auth.ClientSettings) { s.OAuth.AuthMethod = "" },
		},
		"grant_types": {
			func(s *auth.ClientSettings) { s.OAuth.GrantTypes = nil },
			func(s *auth.ClientSettings) { s.OAuth.GrantTypes = []string{"password"} },
			func(s *auth.ClientSettings) { s.OAuth.GrantTypes = []string{"implicit"} },
			func(s *auth.ClientSettings) { s.OAuth.GrantTypes = []string{auth.GrantRefreshToken} },
			func(s *auth.ClientSettings) {
				s.OAuth.AuthMethod, s.OAuth.GrantTypes = auth.ClientAuthNone, []string{auth.GrantClientCredentials}
			},
		},
		"redirect_uris": {
			func(s *auth.ClientSettings) { s.RedirectURIs = nil },
			func(s *auth.ClientSettings) { s.RedirectURIs = []string{"com.example.app:/cb"} },
			func(s *auth.ClientSettings) { s.RedirectURIs = []string{"http://a.example/cb"} },
			func(s *auth.ClientSettings) { s.RedirectURIs = []string{"https://*.a.example/cb"} },
		},
		"application_type":             {func(s *auth.ClientSettings) { s.OAuth.ApplicationType = "desktop" }},
		"scopes":                       {func(s *auth.ClientSettings) { s.OAuth.Scopes = []string{"a b"} }},
		"default_scopes":               {func(s *auth.ClientSettings) { s.OAuth.DefaultScopes = []string{"other"} }},
		"id_token_signed_response_alg": {func(s *auth.ClientSettings) { s.OAuth.IDTokenAlg = "none" }, func(s *auth.ClientSettings) { s.OAuth.IDTokenAlg = "HS256" }},
		"userinfo_signed_response_alg": {func(s *auth.ClientSettings) { s.OAuth.UserinfoAlg = "none" }},
		"access_token_format":          {func(s *auth.ClientSettings) { s.OAuth.TokenFormat = "saml" }},
		"subject_type":                 {func(s *auth.ClientSettings) { s.OAuth.SubjectType = "x" }},
		"consent":                      {func(s *auth.ClientSettings) { s.OAuth.Consent = "never" }},
		"response_modes":               {func(s *auth.ClientSettings) { s.OAuth.ResponseModes = []string{"web_message"} }},
		"logo_uri":                     {func(s *auth.ClientSettings) { s.OAuth.LogoURI = "http://localhost/x.png" }},
		"policy_uri":                   {func(s *auth.ClientSettings) { s.OAuth.PolicyURI = "javascript:alert(1)" }},
		"backchannel_logout_uri":       {func(s *auth.ClientSettings) { s.OAuth.BackchannelLogoutURI = "http://a.example/out" }},
		"frontchannel_logout_uri":      {func(s *auth.ClientSettings) { s.OAuth.FrontchannelLogoutURI = "https://b.example/out" }},
		"post_logout_redirect_uris":    {func(s *auth.ClientSettings) { s.OAuth.PostLogoutRedirectURIs = []string{"https://a.example/*"} }},
		"claims":                       {func(s *auth.ClientSettings) { s.OAuth.Claims = map[string]string{"a": "bad"} }},
		"assertion_issuers": {
			func(s *auth.ClientSettings) { s.OAuth.GrantTypes = append(s.OAuth.GrantTypes, auth.GrantJWTBearer) },
			func(s *auth.ClientSettings) {
				s.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: "https://i.example"}}
			},
			func(s *auth.ClientSettings) {
				s.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: "https://i.example", JWKS: good, Subject: "email"}}
			},
		},
		"sector": {
			func(s *auth.ClientSettings) {
				s.OAuth.SubjectType, s.RedirectURIs = auth.SubjectPairwise, []string{"https://a.example/", "https://b.example/"}
			},
			func(s *auth.ClientSettings) { s.OAuth.Sector = "https://a.example" },
		},
		"jwks": {
			func(s *auth.ClientSettings) { s.OAuth.AuthMethod = auth.ClientAuthPrivateKeyJWT },
			func(s *auth.ClientSettings) { s.OAuth.JWKS = keySet(t, &small.PublicKey) },
			func(s *auth.ClientSettings) { s.OAuth.JWKS = keySet(t, &p384.PublicKey) },
			func(s *auth.ClientSettings) { s.OAuth.JWKS = keySet(t, private) },
			func(s *auth.ClientSettings) { s.OAuth.JWKS = keySet(t, []byte("a shared secret of some length..")) },
			func(s *auth.ClientSettings) { s.OAuth.JWKS = json.RawMessage(`{"keys":[]}`) },
			func(s *auth.ClientSettings) { s.OAuth.JWKS, s.OAuth.JWKSURI = good, "https://a.example/keys" },
		},
		"jwks_uri": {func(s *auth.ClientSettings) { s.OAuth.JWKSURI = "file:///etc/passwd" }},
	}
	for name, edits := range bad {
		for i, e := range edits {
			_, err := h.PrepareClient(ClientInput{App: auth.DefaultApp, Name: "x", Settings: webClient(e)})
			if a := auth.AsError(err); a == nil || a.Code != auth.CodeInvalidRequest || len(a.Violations) != 1 || a.Violations[0].Field != name {
				t.Errorf("%s %d: %v", name, i, err)
			}
		}
	}
	for i, e := range []edit{
		func(*auth.ClientSettings) {},
		func(s *auth.ClientSettings) { s.OAuth.AuthMethod, s.OAuth.JWKS = auth.ClientAuthPrivateKeyJWT, good },
		func(s *auth.ClientSettings) {
			s.OAuth.ApplicationType, s.RedirectURIs = auth.ApplicationNative, []string{"com.example.app:/cb", "http://127.0.0.1/cb"}
		},
		func(s *auth.ClientSettings) {
			s.OAuth.SubjectType, s.OAuth.Sector = auth.SubjectPairwise, "a.example"
			s.RedirectURIs = []string{"https://a.example/", "https://b.example/"}
		},
		func(s *auth.ClientSettings) {
			s.OAuth.GrantTypes = append(s.OAuth.GrantTypes, auth.GrantJWTBearer)
			s.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: "https://i.example", JWKSURI: "https://i.example/keys"}}
		},
		func(s *auth.ClientSettings) {
			s.OAuth.FrontchannelLogoutURI, s.OAuth.BackchannelLogoutURI = "https://a.example/out", "http://localhost:9/out"
		},
	} {
		if _, err := h.PrepareClient(ClientInput{App: auth.DefaultApp, Name: "x", Settings: webClient(e)}); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestClientSecrets_OA08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		made, first, err := h.CreateClient(ctx, operator, ClientInput{App: auth.DefaultApp, Name: "x", Settings: webClient()})
		if err != nil || !strings.HasPrefix(first, "osc_") || !secret.TokenShaped(first[4:]) {
			t.Fatal(err)
		}
		h.clock.Advance(time.Minute)
		one, second, err := h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, DefaultSecretOverlap)
		if err != nil || first == second {
			t.Fatal(err)
		}
		list := secretsOf(t, h, made.ID)
		if len(list) != 2 || list[0].ID != one.ID || !list[1].ExpiresAt.Equal(h.clock.Now().Add(7*24*time.Hour)) || !list[0].ExpiresAt.IsZero() {
			t.Fatalf("%+v", list)
		}
		if string(list[0].Hash) != string(secret.Hash(second)) || string(list[1].Hash) != string(secret.Hash(first)) {
			t.Fatal("the rows are not those of the texts")
		}
		_, _, err = h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, DefaultSecretOverlap)
		wantCode(t, err, auth.CodeConflict)
		wantCode(t, h.RevokeSecret(ctx, operator, auth.DefaultApp, auth.DefaultClient, one.ID), auth.CodeNotFound)
		if err := h.RevokeSecret(ctx, operator, auth.DefaultApp, made.ID, list[1].ID); err != nil {
			t.Fatal(err)
		}
		// One that has ended is none any more.
		last, _, err := h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, time.Hour)
		if list = secretsOf(t, h, made.ID); err != nil || len(list) != 2 {
			t.Fatalf("%+v %v", list, err)
		}
		h.clock.Advance(time.Hour)
		if list = secretsOf(t, h, made.ID); len(list) != 1 || list[0].ID != last.ID {
			t.Fatalf("%+v", list)
		}
		// With an end now, the new secret is the only one.
		third, _, err := h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, 0)
		if list = secretsOf(t, h, made.ID); err != nil || len(list) != 1 || list[0].ID != third.ID {
			t.Fatalf("%+v %v", list, err)
		}
		// Who proves itself by no secret keeps none.
		if _, err := h.UpdateClient(ctx, operator, auth.DefaultApp, made.ID, ClientChange{OAuth: func(o *auth.OAuthSettings) { o.AuthMethod = auth.ClientAuthNone }}); err != nil {
			t.Fatal(err)
		}
		if list := secretsOf(t, h, made.ID); len(list) != 0 {
			t.Fatalf("%+v", list)
		}
		_, _, err = h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, 0)
		wantCode(t, err, auth.CodeConflict)
		_, _, err = h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, -1)
		wantCode(t, err, auth.CodeInvalidRequest)
		b := create(t, h, "b")
		_, _, err = h.RotateSecret(ctx, admin(b.ID), auth.DefaultApp, made.ID, 0)
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.ListSecrets(ctx, admin(b.ID), auth.DefaultApp, made.ID)
		wantCode(t, err, auth.CodeNotFound)
	})
}

func secretsOf(t *testing.T, h *house, id auth.ClientID) []auth.ClientSecret {
	t.Helper()
	list, err := h.ListSecrets(t.Context(), operator, auth.DefaultApp, id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// However many rotations meet, two secrets work at most.
func TestAtMostTwoSecretsUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		made, _, err := h.CreateClient(t.Context(), operator, ClientInput{App: auth.DefaultApp, Name: "x", Settings: webClient()})
		if err != nil {
			t.Fatal(err)
		}
		rotated := 0
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, _ int) error {
			_, _, err := h.RotateSecret(ctx, operator, auth.DefaultApp, made.ID, time.Hour)
			return err
		}) {
			if err == nil {
				rotated++
			} else {
				wantCode(t, err, auth.CodeConflict)
			}
		}
		if list := secretsOf(t, h, made.ID); rotated != 1 || len(list) != 2 {
			t.Fatalf("%d rotated, %d secrets", rotated, len(list))
		}
	})
}

// The bounds of clients and of resources hold, however many calls meet.
func TestAtMostSoManyUnderRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := create(t, h, "a")
		fill(t, h, a.ID)
		clients, resources := 0, 0
		for i, err := range storetest.Race(t, h.db, 12, func(ctx context.Context, i int) error {
			if i%2 == 0 {
				_, _, err := h.CreateClient(ctx, operator, ClientInput{App: a.ID, Name: "x"})
				return err
			}
			_, err := h.CreateResource(ctx, operator, ResourceInput{App: a.ID, URI: "https://last.example/" + string(rune('a'+i)), Name: "x"})
			return err
		}) {
			switch {
			case err != nil:
				wantCode(t, err, auth.CodeLimitReached)
			case i%2 == 0:
				clients++
			default:
				resources++
			}
		}
		if clients != 2 || resources != 2 {
			t.Fatalf("%d clients, %d resources", clients, resources)
		}
	})
}

// fill leaves room for two clients and two resources.
func fill(t *testing.T, h *house, app auth.AppID) {
	t.Helper()
	err := h.db.Write(t.Context(), func(tx *store.Tx) error {
		for range maxClients - 3 { // the default client is one
			made, err := h.PrepareClient(ClientInput{App: app, Name: "x"})
			if err == nil {
				err = tx.InsertClient(made)
			}
			if err != nil {
				return err
			}
		}
		for range maxResources - 2 {
			id := secret.NewID(rand.Reader, tx.Now())
			if _, err := tx.InsertResource(auth.ProtectedResource{ID: auth.ResourceID(id), App: app, URI: "https://r.example/" + id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestResources_OA13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, a, b := t.Context(), create(t, h, "a"), create(t, h, "b")
		in := ResourceInput{App: a.ID, URI: "https://api.example/v1/", Name: "API", Scopes: map[string]string{"notes:read": "Read notes"}, TokenTTL: time.Minute}
		made, err := h.CreateResource(ctx, admin(a.ID), in)
		if err != nil || made.URI != "https://api.example/v1" {
			t.Fatalf("%+v %v", made, err)
		}
		_, err = h.CreateResource(ctx, operator, ResourceInput{App: b.ID, URI: "https://api.example/v1", Name: "x"})
		wantCode(t, err, auth.CodeConflict)
		_, err = h.ShowResource(ctx, admin(b.ID), b.ID, made.ID)
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.UpdateResource(ctx, admin(b.ID), a.ID, made.ID, ResourceChange{})
		wantCode(t, err, auth.CodeNotFound)
		for _, uri := range []string{"", "api", "http://api.example", "https://api.example?x=1", "https://api.example#x", "https://API.example", "urn:x"} {
			_, err = h.CreateResource(ctx, operator, ResourceInput{App: a.ID, URI: uri, Name: "x"})
			wantCode(t, err, auth.CodeInvalidRequest)
		}
		for _, scopes := range []map[string]string{{"openid": ""}, {"a b": ""}, {"a": strings.Repeat("x", 201)}} {
			_, err = h.UpdateResource(ctx, operator, a.ID, made.ID, ResourceChange{Scopes: func(map[string]string) map[string]string { return scopes }})
			wantCode(t, err, auth.CodeInvalidRequest)
		}
		foreign := auth.DefaultClient
		_, err = h.UpdateResource(ctx, operator, a.ID, made.ID, ResourceChange{Client: &foreign})
		wantCode(t, err, auth.CodeInvalidRequest)

		named := webClient(func(s *auth.ClientSettings) { s.OAuth.Resources = []string{"https://api.example/v1/"} })
		_, _, err = h.CreateClient(ctx, operator, ClientInput{App: b.ID, Name: "x", Settings: named})
		wantCode(t, err, auth.CodeInvalidRequest) // another app's
		client, _, err := h.CreateClient(ctx, operator, ClientInput{App: a.ID, Name: "x", Settings: named})
		if err != nil || client.Settings.OAuth.Resources[0] != made.URI {
			t.Fatalf("%+v %v", client, err)
		}
		if err := h.DeleteResource(ctx, admin(a.ID), a.ID, made.ID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.DeleteResource(ctx, operator, a.ID, made.ID), auth.CodeNotFound)
		if list, err := h.ListResources(ctx, admin(a.ID), ResourceQuery{App: a.ID, Limit: 10}); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		name := "still editable"
		if _, err := h.UpdateClient(ctx, operator, a.ID, client.ID, ClientChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateResource(ctx, operator, in); err != nil { // the identifier is free again
			t.Fatal(err)
		}
	})
}

func FuzzClientKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if badKeySet(text) != "" {
			return
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 {
			t.Fatalf("taken: %s", text)
		}
		for _, key := range set.Keys {
			if !key.IsPublic() {
				t.Fatalf("a private key is taken: %s", text)
			}
		}
	})
}
