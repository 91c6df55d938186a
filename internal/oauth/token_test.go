package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestCodeBecomesTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		browser := h.signedIn(u)
		c, password := h.client()
		got := must(t)(h.redeem(c, password, h.code(c, browser, "openid", "email", "read")))
		if got.TokenType != "Bearer" || got.Scope != "openid email read" || got.ExpiresIn.Minutes() != 15 || got.RefreshToken == "" {
			t.Fatalf("%+v, scope %q", got, got.Scope)
		}
		access, id := claims(t, got.AccessToken), claims(t, got.IDToken)
		for name, want := range map[string]any{"iss": testIssuer, "sub": string(u.ID), "aud": testIssuer, "client_id": string(c.ID),
			"scope": "openid email read", "acr": auth.ACRSingle, "app": "default", "auth_time": float64(browser.AuthTime.Unix())} {
			if access[name] != want {
				t.Errorf("access token: %s is %v, not %v", name, access[name], want)
			}
		}
		for name, want := range map[string]any{"iss": testIssuer, "sub": string(u.ID), "aud": string(c.ID), "nonce": "n-1", "sid": string(browser.ID),
			"auth_time": float64(browser.AuthTime.Unix()), "at_hash": tokenHash("RS256", got.AccessToken)} {
			if id[name] != want {
				t.Errorf("ID token: %s is %v, not %v", name, id[name], want)
			}
		}
		if row := h.row(sid(t, got)); row.Parent != browser.ID || row.Client != c.ID || row.Delegation == nil {
			t.Fatalf("the session of the client: %+v", row)
		}
		// What a client was given opens none of our own doors.
		_, err := h.sessions.Authenticate(t.Context(), got.AccessToken)
		if !auth.Is(err, auth.CodeInvalidToken) {
			t.Fatalf("our own doors: %v", err)
		}
		inOurName := anyone()
		inOurName.Client = c.ID
		if _, _, err := h.sessions.Refresh(t.Context(), inOurName, got.RefreshToken); !auth.Is(err, auth.CodeInvalidToken) {
			t.Fatalf("our own refresh: %v", err)
		}
	})
}

// OA-05: a second use of a code by who could have used it first ends what it issued; a use that was not valid ends nothing.
func TestCodeReuse_OA05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		code := h.code(c, h.signedIn(h.person()), "openid")
		first := must(t)(h.redeem(c, password, code))
		_, err := h.redeem(c, password, code, "code_verifier", "x")
		wantCode(t, err, InvalidRequest) // the verifier stands twice
		_, err = h.ask(c, password, "grant_type", auth.GrantAuthorizationCode, "code", code, "redirect_uri", testRedirect,
			"code_verifier", strings.Repeat("y", 43))
		wantCode(t, err, InvalidGrant)
		if row := h.row(sid(t, first)); !row.EndedAt.IsZero() {
			t.Fatalf("a wrong verifier ended the session: %s", row.EndReason)
		}
		_, err = h.redeem(c, password, code)
		wantCode(t, err, InvalidGrant)
		if row := h.row(sid(t, first)); row.EndReason != auth.EndCodeReused {
			t.Fatalf("the session stands after the reuse: %q", row.EndReason)
		}
		_, err = h.refresh(c, password, first.RefreshToken)
		wantCode(t, err, InvalidGrant)
	})
}

// OA-04, ET-03: of fifty who bring one code at once exactly one gets tokens.
func TestCodeOnceInParallel_OA04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		code := h.code(c, h.signedIn(h.person()), "openid")
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 50 {
			wg.Go(func() {
				_, err := h.redeem(c, password, code)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !Is(err, InvalidGrant) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Fatalf("%d exchanges of one code", won)
		}
	})
}

// OA-04, OA-03: each dimension that a code is bound to is checked by itself.
func TestCodeIsBound_OA04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		other, otherPassword := h.client()
		browser := h.signedIn(h.person())
		form := func(code string, change ...string) []string {
			f := []string{"grant_type", auth.GrantAuthorizationCode, "code", code, "redirect_uri", testRedirect, "code_verifier", testVerifier}
			for i := 0; i < len(change); i += 2 {
				f[slices.Index(f, change[i])+1] = change[i+1]
			}
			return f
		}
		for name, change := range map[string][]string{
			"another redirect":     {"redirect_uri", testRedirect + "/"},
			"no redirect":          {"redirect_uri", ""},
			"another verifier":     {"code_verifier", strings.Repeat("z", 43)},
			"no verifier":          {"code_verifier", ""},
			"a short verifier":     {"code_verifier", testVerifier[:42]},
			"the challenge itself": {"code_verifier", testChallenge()},
			"another code":         {"code", strings.Repeat("A", 43)},
		} {
			code := h.code(c, browser, "openid")
			_, err := h.ask(c, password, form(code, change...)...)
			if !Is(err, InvalidGrant) {
				t.Errorf("%s: %v", name, err)
			}
			must(t)(h.ask(c, password, form(code)...))
		}
		code := h.code(c, browser, "openid")
		_, err := h.ask(other, otherPassword, form(code)...)
		wantCode(t, err, InvalidGrant)
		h.clock.Advance(grant.CodeLife)
		_, err = h.ask(c, password, form(code)...)
		wantCode(t, err, InvalidGrant) // too late
	})
}

// RT-01 to RT-04, RT-09: what a client refreshes follows the rules of sessions; one access token may have less.
func TestRefreshOfAClient_RT01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		other, otherPassword := h.client()
		first := must(t)(h.redeem(c, password, h.code(c, h.signedIn(h.person()), "openid", "read", "write")))
		_, err := h.refresh(other, otherPassword, first.RefreshToken)
		wantCode(t, err, InvalidGrant) // RT-05
		_, err = h.refresh(c, password, first.RefreshToken, "scope", "read admin")
		wantCode(t, err, InvalidScope)
		narrow := must(t)(h.refresh(c, password, first.RefreshToken, "scope", "read"))
		if narrow.Scope != "read" || claims(t, narrow.AccessToken)["scope"] != "read" {
			t.Fatalf("narrowed to %q", narrow.Scope)
		}
		again := must(t)(h.refresh(c, password, first.RefreshToken))
		if again.RefreshToken != narrow.RefreshToken {
			t.Fatal("a lost answer gets another successor")
		}
		second := must(t)(h.refresh(c, password, narrow.RefreshToken))
		if second.Scope != "openid read write" {
			t.Fatalf("the refresh token lost scopes: %q", second.Scope)
		}
		h.clock.Advance(grace)
		_, err = h.refresh(c, password, narrow.RefreshToken)
		wantCode(t, err, InvalidGrant)
		_, err = h.refresh(c, password, second.RefreshToken)
		wantCode(t, err, InvalidGrant)
		if row := h.row(sid(t, first)); row.EndReason != auth.EndRefreshReused {
			t.Fatalf("after a reuse: %q", row.EndReason)
		}
	})
}

// LO-05, SE-05: what a client was given ends with the browser's session, unless it is offline.
func TestDelegationEndsWithTheBrowser_LO05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		browser := h.signedIn(h.person())
		online := must(t)(h.redeem(c, password, h.code(c, browser, "openid")))
		offline := must(t)(h.redeem(c, password, h.code(c, browser, "openid", "offline_access")))
		late := h.code(c, browser, "openid")
		h.write(func(tx *store.Tx) error {
			return h.sessions.End(tx, anyone(), browser.App, browser.ID, auth.EndSignedOut)
		})
		_, err := h.refresh(c, password, online.RefreshToken)
		wantCode(t, err, InvalidGrant)
		if row := h.row(sid(t, online)); row.EndReason != auth.EndSignedOut {
			t.Fatalf("ended for %q", row.EndReason)
		}
		must(t)(h.refresh(c, password, offline.RefreshToken))
		_, err = h.redeem(c, password, late) // granted before, brought after
		wantCode(t, err, InvalidGrant)
	})
}

func TestClientCredentials_OA14(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		got := must(t)(h.ask(c, password, "grant_type", auth.GrantClientCredentials, "scope", "read"))
		access := claims(t, got.AccessToken)
		if access["sub"] != string(c.ID) || access["client_id"] != string(c.ID) || access["sid"] != nil || got.RefreshToken != "" || got.IDToken != "" {
			t.Fatalf("%+v", access)
		}
		for _, scope := range []string{"openid", "read offline_access", "nothing"} {
			_, err := h.ask(c, password, "grant_type", auth.GrantClientCredentials, "scope", scope)
			wantCode(t, err, InvalidScope)
		}
		p, _ := h.client(public)
		_, err := h.ask(p, "", "grant_type", auth.GrantClientCredentials)
		wantCode(t, err, UnauthorizedClient)
	})
}

// OA-08: exactly one method, the registered one.
func TestClientAuthentication_OA08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		post, postPassword := h.client(func(o *auth.OAuthSettings) { o.AuthMethod = auth.ClientAuthPost })
		open, _ := h.client(public)
		try := func(authorization string, fields ...string) error {
			f := Form{}
			for i := 0; i < len(fields); i += 2 {
				f[fields[i]] = append(f[fields[i]], fields[i+1])
			}
			_, err := h.AuthenticateClient(t.Context(), ClientRequest{Form: f, Authorization: authorization, Caller: anyone()})
			return err
		}
		id := string(c.ID)
		for name, one := range map[string]struct {
			err  error
			want Code
		}{
			"right":                  {try(basicOf(c, password)), ""},
			"right, named too":       {try(basicOf(c, password), "client_id", id), ""},
			"another one named":      {try(basicOf(c, password), "client_id", string(post.ID)), InvalidClient},
			"wrong secret":           {try(basicOf(c, password+"x")), InvalidClient},
			"cut secret":             {try(basicOf(c, password[:42])), InvalidClient},
			"two methods":            {try(basicOf(c, password), "client_id", id, "client_secret", password), InvalidRequest},
			"post for basic":         {try("", "client_id", id, "client_secret", password), InvalidClient},
			"none for basic":         {try("", "client_id", id), InvalidClient},
			"post":                   {try("", "client_id", string(post.ID), "client_secret", postPassword), ""},
			"basic for post":         {try(basicOf(post, postPassword)), InvalidClient},
			"public":                 {try("", "client_id", string(open.ID)), ""},
			"public with a secret":   {try("", "client_id", string(open.ID), "client_secret", "x"), InvalidClient},
			"nobody":                 {try(""), InvalidClient},
			"unknown":                {try("", "client_id", "nobody"), InvalidClient},
			"no OAuth client":        {try("", "client_id", string(auth.DefaultClient)), InvalidClient},
			"bearer":                 {try("Bearer "+password, "client_id", id), InvalidClient},
			"no base64":              {try("Basic !!!"), InvalidClient},
			"no colon":               {try("Basic " + base64.StdEncoding.EncodeToString([]byte(id))), InvalidClient},
			"a bad escape":           {try("Basic " + base64.StdEncoding.EncodeToString([]byte(id+":%zz"))), InvalidClient},
			"an unknown assertion":   {try("", "client_assertion_type", "x", "client_assertion", "y"), InvalidClient},
			"an assertion and basic": {try(basicOf(c, password), "client_assertion_type", assertionType, "client_assertion", "y"), InvalidClient},
		} {
			if one.want == "" && one.err != nil || one.want != "" && !Is(one.err, one.want) {
				t.Errorf("%s: %v", name, one.err)
			}
		}
		h.write(func(tx *store.Tx) error {
			tx.Invalidate(store.KindClient, id)
			_, err := tx.RevokeClientSecrets(c.App, c.ID, auth.SecretOfClient)
			return err
		})
		wantCode(t, try(basicOf(c, password)), InvalidClient)
	})
}

func TestTokenRequests_OA09(t *testing.T) {
	h := sqliteHouse(t)
	c, password := h.client(func(o *auth.OAuthSettings) { o.GrantTypes = []string{auth.GrantAuthorizationCode} })
	for name, one := range map[string]struct {
		fields []string
		want   Code
	}{
		"no grant type":        {nil, InvalidRequest},
		"unknown grant type":   {[]string{"grant_type", "password"}, UnsupportedGrantType}, // OA-06
		"one not registered":   {[]string{"grant_type", auth.GrantClientCredentials}, UnauthorizedClient},
		"a parameter twice":    {[]string{"grant_type", auth.GrantAuthorizationCode, "code", "a", "code", "b"}, InvalidRequest},
		"no code":              {[]string{"grant_type", auth.GrantAuthorizationCode}, InvalidRequest},
		"a parameter too long": {[]string{"grant_type", strings.Repeat("x", maxParameter+1)}, InvalidRequest},
		"a NUL":                {[]string{"grant_type", auth.GrantAuthorizationCode, "code", "a\x00"}, InvalidRequest},
	} {
		if _, err := h.ask(c, password, one.fields...); !Is(err, one.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// LG-05: what goes wrong inside stays inside.
func TestFaultsTellNothing(t *testing.T) {
	e := AsError(errors.New("table users is locked"))
	if e.Code != ServerError || strings.Contains(e.Description, "users") {
		t.Fatalf("%+v", e)
	}
	for _, r := range AsError(auth.E(auth.CodeInvalidToken, "say \"no\" \\ ü")).Description {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			t.Fatalf("%q may not stand in a description", r)
		}
	}
}

func sqliteHouse(t testing.TB) *house {
	t.Helper()
	clock := storetest.NewClock()
	return furnish(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock, storetest.Keys(t))
}

func BenchmarkTokenRefresh(b *testing.B) {
	h := sqliteHouse(b)
	u := h.person()
	c, password := h.client(func(o *auth.OAuthSettings) { o.IDTokenAlg = auth.AlgorithmES256 })
	browser := h.signedIn(u)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		got, err := h.redeem(c, password, h.code(c, browser, "read"))
		for pb.Next() {
			if err != nil {
				b.Error(err)
				return
			}
			got, err = h.Token(context.Background(), TokenRequest{Authorization: basicOf(c, password), Caller: anyone(),
				Form: Form{"grant_type": {auth.GrantRefreshToken}, "refresh_token": {got.RefreshToken}}})
		}
	})
}
