package federation_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/federation/upstreamtest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// A person signs in at a real OpenID provider and comes back as who they are there.
func TestOpenIDProvider(t *testing.T) {
	u := upstreamtest.OpenID(t, callback)
	u.SetPerson("jo", upstreamtest.Person{Email: "Jo@Example.com", EmailVerified: true, Name: "Jo Doe", GivenName: "Jo", FamilyName: "Doe",
		Username: "jo", Locale: "pt_BR"})
	each(t, func(t *testing.T, h *house) {
		p := h.connect(u)
		got, err := h.finish(state, h.leave(state, "jo"))
		if err != nil {
			t.Fatal(err)
		}
		want := auth.Upstream{Provider: p.ID, ProviderName: "upstream", Issuer: u.URL, Subject: "jo", Email: "Jo@Example.com", EmailVerified: true,
			Name: "Jo Doe", GivenName: "Jo", FamilyName: "Doe", Username: "jo", Locale: "pt-BR"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Error(diff)
		}
		if got.SilentlyLinks() {
			t.Error("an address of a domain that nobody listed links silently (FD-02)")
		}
	})
}

func TestPlainOAuth2Provider(t *testing.T) {
	u := upstreamtest.OAuth2(t, callback)
	u.SetPerson("jo", upstreamtest.Person{Email: "jo@example.com", EmailVerified: "true", Name: "Jo Doe"})
	each(t, func(t *testing.T, h *house) {
		p := h.connect(u)
		got, err := h.finish(state, h.leave(state, "jo"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Subject == "" || strings.ContainsAny(got.Subject, "e+.") {
			t.Errorf("the id came as %q", got.Subject)
		}
		got.Subject = ""
		want := auth.Upstream{Provider: p.ID, ProviderName: "upstream", Issuer: "upstream", Email: "jo@example.com", EmailVerified: true, Name: "Jo Doe", Username: "jo"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Error(diff)
		}
	})
}

// Who a person is does not change with their address, and nobody becomes somebody by taking an address (FD-01).
func TestSubjectIsTheIdentity_FD01(t *testing.T) {
	u := upstreamtest.OpenID(t, callback)
	h := one(t)
	h.connect(u)
	u.SetPerson("jo", upstreamtest.Person{Email: "jo@example.com", EmailVerified: true})
	first := must(h.finish(state, h.leave(state, "jo")))
	u.SetPerson("jo", upstreamtest.Person{Email: "new@example.com", EmailVerified: true})
	u.SetPerson("eve", upstreamtest.Person{Email: "jo@example.com", EmailVerified: true})
	again := must(h.finish(state, h.leave(state, "jo")))
	eve := must(h.finish(state, h.leave(state, "eve")))
	if again.Subject != first.Subject || again.Email == first.Email || eve.Subject == first.Subject {
		t.Errorf("%+v, %+v, %+v", first, again, eve)
	}
}

// What comes back counts once, for the journey that it belongs to, from the provider that was asked (FD-04).
func TestJourneysCannotBeMixed_FD04(t *testing.T) {
	for name, make := range map[string]func(testing.TB, ...string) *upstreamtest.Upstream{"openid": upstreamtest.OpenID, "oauth2": upstreamtest.OAuth2} {
		t.Run(name, func(t *testing.T) {
			u := make(t, callback)
			h := one(t)
			h.connect(u)
			u.SetPerson("jo", upstreamtest.Person{})
			t.Run("another state has another verifier", func(t *testing.T) {
				_, err := h.finish("another-state-of-the-same-length-as-it", h.leave(state, "jo"))
				wantCode(t, err, auth.CodeProviderRefused)
			})
			t.Run("a code is spent once", func(t *testing.T) {
				a := h.leave(state, "jo")
				must(h.finish(state, a))
				_, err := h.finish(state, a)
				wantCode(t, err, auth.CodeProviderRefused)
			})
			t.Run("another way back", func(t *testing.T) {
				a := h.leave(state, "jo")
				_, err := h.Finish(t.Context(), auth.DefaultApp, "upstream", callback+"/evil", state, a)
				wantCode(t, err, auth.CodeProviderRefused)
			})
			t.Run("a code that nobody gave out", func(t *testing.T) {
				a := h.leave(state, "jo")
				for _, code := range []string{"", "guessed", strings.Repeat("x", 5000), "a\x00b"} {
					a.Code = code
					_, err := h.finish(state, a)
					wantCode(t, err, auth.CodeProviderRefused)
				}
			})
			t.Run("the wrong secret", func(t *testing.T) {
				wrong := "not-the-secret"
				h := one(t)
				h.connect(u, func(in *federation.ProviderInput) { in.Secret = wrong })
				_, err := h.finish(state, h.leave(state, "jo"))
				wantCode(t, err, auth.CodeProviderRefused)
			})
		})
	}
}

// The issuer of the answer is looked at before the code goes anywhere (RFC 9207), in refusals too.
func TestIssuerOfTheAnswer_FD04(t *testing.T) {
	u := upstreamtest.OpenID(t, callback)
	h := one(t)
	h.connect(u)
	u.SetPerson("jo", upstreamtest.Person{})
	a := h.leave(state, "jo")
	for _, issuer := range []string{"", "https://evil.test", u.URL + "/", strings.ToUpper(u.URL)} {
		b := a
		b.Issuer = issuer
		_, err := h.finish(state, b)
		wantCode(t, err, auth.CodeProviderRefused)
		_, err = h.finish(state, federation.Answer{Issuer: issuer, Error: "access_denied"})
		wantCode(t, err, auth.CodeProviderRefused)
	}
	_, err := h.finish(state, federation.Answer{Issuer: u.URL, Error: "access_denied"})
	wantCode(t, err, auth.CodeProviderDenied)
	if _, err := h.finish(state, a); err != nil { // none of the above has spent the code
		t.Error(err)
	}
}

// PKCE, nonce and state are on every request; what they are derived from does not tell them.
func TestAuthorizationRequest_FD04(t *testing.T) {
	u := upstreamtest.OpenID(t, callback)
	h := one(t)
	h.connect(u)
	h.connect(u, func(in *federation.ProviderInput) { in.Name = "second" })
	seen := map[string]bool{}
	for _, name := range []string{"upstream", "second"} {
		for _, s := range []string{state, state + "2"} {
			start := must(h.Begin(t.Context(), auth.DefaultApp, name, callback, s))
			q := must(url.Parse(start.URL)).Query()
			if q.Get("state") != s || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != callback || q.Get("response_type") != "code" || start.FormPost {
				t.Errorf("%v", q)
			}
			for _, secret := range []string{q.Get("nonce"), q.Get("code_challenge")} {
				if len(secret) != 43 || seen[secret] || strings.Contains(secret, s) {
					t.Errorf("%q is short, or shared by two journeys", secret)
				}
				seen[secret] = true
			}
		}
	}
}

// A provider that is switched off while somebody is away ends their journey (FD-06).
func TestSwitchedOffMeanwhile_FD06(t *testing.T) {
	u := upstreamtest.OAuth2(t, callback)
	u.SetPerson("jo", upstreamtest.Person{})
	each(t, func(t *testing.T, h *house) {
		ctx, yes, no := t.Context(), true, false
		h.connect(u)
		a := h.leave(state, "jo")
		must(h.Update(ctx, admin(), "upstream", federation.ProviderChange{Disabled: &yes}))
		_, err := h.finish(state, a)
		wantCode(t, err, auth.CodeNotFound)
		_, err = h.Begin(ctx, auth.DefaultApp, "upstream", callback, state)
		wantCode(t, err, auth.CodeNotFound)

		must(h.Update(ctx, admin(), "upstream", federation.ProviderChange{Disabled: &no}))
		up := must(h.finish(state, a))
		confirm := func(use auth.ProviderUse) error {
			return h.db.Write(ctx, func(tx *store.Tx) error {
				_, err := federation.Confirm(tx, auth.DefaultApp, up, use)
				return err
			})
		}
		for _, width := range []auth.ProviderUse{"", auth.UseSignUp, auth.UseSignIn, auth.UseLink} {
			settings := u.Settings
			settings.Use = width
			must(h.Update(ctx, admin(), "upstream", federation.ProviderChange{Settings: &settings}))
			for use, from := range map[auth.ProviderUse][]auth.ProviderUse{auth.UseSignUp: {"", auth.UseSignUp},
				auth.UseSignIn: {"", auth.UseSignUp, auth.UseSignIn}, auth.UseLink: {"", auth.UseSignUp, auth.UseSignIn, auth.UseLink}} {
				allowed := false
				for _, w := range from {
					allowed = allowed || w == width
				}
				if err := confirm(use); allowed != (err == nil) || err != nil && !auth.Is(err, auth.CodeForbidden) {
					t.Errorf("%q for %q: %v", width, use, err)
				}
			}
		}
		must(h.Update(ctx, admin(), "upstream", federation.ProviderChange{Disabled: &yes}))
		wantCode(t, confirm(auth.UseLink), auth.CodeNotFound)
		if err := h.Delete(ctx, admin(), "upstream", false); err != nil {
			t.Fatal(err)
		}
		wantCode(t, confirm(auth.UseLink), auth.CodeNotFound)
	})
}

// Another app's provider of the same name is no way into this one (TN-01).
func TestProvidersAreOfOneApp_TN01(t *testing.T) {
	h := one(t)
	h.connect(upstreamtest.OAuth2(t, callback))
	_, err := h.Begin(t.Context(), "other", "upstream", callback, state)
	wantCode(t, err, auth.CodeNotFound)
	other := admin()
	other.App = "other"
	_, err = h.Get(t.Context(), other, "upstream")
	wantCode(t, err, auth.CodeNotFound)
	_, err = h.Update(t.Context(), other, "upstream", federation.ProviderChange{})
	wantCode(t, err, auth.CodeNotFound)
	wantCode(t, h.Delete(t.Context(), other, "upstream", true), auth.CodeNotFound)
	if list := must(h.List(t.Context(), other)); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
