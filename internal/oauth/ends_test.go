package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// letIn issues a code for a delegation in a browser's session.
func (h *house) letIn(c auth.Client, browser auth.Session, d auth.Delegation) string {
	h.t.Helper()
	text, err := secret.Token(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error {
		return grant.IssueCode(tx, text, auth.AuthorizationCode{App: c.App, Client: c.ID, User: browser.User, Parent: browser.ID, RedirectURI: testRedirect,
			Challenge: testChallenge(), Delegation: d, AMR: browser.AMR, AuthTime: browser.AuthTime})
	})
	return text
}

// device is a device that a browser's session has let in.
func (h *house) device(c auth.Client, browser auth.Session, scopes ...string) string {
	h.t.Helper()
	text, err := secret.Token(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	code, err := userCode(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error {
		_, err := grant.IssueDevice(tx, text, auth.DeviceAuthorization{ID: auth.DeviceAuthorizationID(secret.NewID(rand.Reader, tx.Now())), App: c.App,
			Client: c.ID, UserCode: code, User: browser.User, Session: browser.ID, Delegation: auth.Delegation{Scopes: scopes}}, 10*time.Minute)
		if err != nil {
			return err
		}
		d, _, err := grant.FindDevice(tx, text)
		if err != nil {
			return err
		}
		return grant.ApproveDevice(tx, d, browser.AMR, browser.AuthTime)
	})
	return text
}

// What a person has let in and no client has taken yet ends with the person's sessions, and with the consent: it would begin
// a session that outlives both (RT-08).
func TestWaitingGrantsEnd_RT08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		other, otherPassword := h.client()
		redeems := func(c auth.Client, password, code, device string) (n int) {
			if _, err := h.redeem(c, password, code); err == nil {
				n++
			}
			if _, err := h.ask(c, password, "grant_type", auth.GrantDeviceCode, "device_code", device); err == nil {
				n++
			}
			return n
		}
		for _, scopes := range [][]string{{"openid"}, {"openid", "offline_access"}} {
			browser := h.signedIn(h.person())
			code, device := h.code(c, browser, scopes...), h.device(c, browser, scopes...)
			h.write(func(tx *store.Tx) error {
				_, err := h.sessions.EndAll(tx, anyone(), browser.App, browser.User, auth.EndPasswordChanged, browser.ID)
				return err
			})
			if n := redeems(c, password, code, device); n != 0 {
				t.Errorf("%v: %d survive a new password", scopes, n)
			}

			browser = h.signedIn(h.person())
			h.write(func(tx *store.Tx) error {
				return grant.Remember(tx, browser.App, browser.User, c.ID, auth.Delegation{Scopes: scopes})
			})
			code, device = h.code(c, browser, scopes...), h.device(c, browser, scopes...)
			otherCode, otherDevice := h.code(other, browser, scopes...), h.device(other, browser, scopes...)
			by := operator
			by.App = browser.App
			if err := h.RevokeConsent(t.Context(), by, browser.User, c.ID); err != nil {
				t.Fatal(err)
			}
			if n := redeems(c, password, code, device); n != 0 {
				t.Errorf("%v: %d survive the consent", scopes, n)
			}
			if n := redeems(other, otherPassword, otherCode, otherDevice); n != 2 {
				t.Errorf("%v: of another client %d of 2 are left", scopes, n)
			}
		}
	})
}

// What a client asks for is no word about what it was given (LO-05).
func TestClaimsAreNoDelegation_LO05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		browser := h.signedIn(h.person())
		var r AuthorizationRequest
		if err := readClaims(&r, Form{"claims": {`{"id_token":{"name":{"essential":true,"offline":true}}}`}}, auth.OAuthSettings{}); err != nil {
			t.Fatal(err)
		}
		got := must(t)(h.redeem(c, password, h.letIn(c, browser, auth.Delegation{Scopes: []string{"openid"}, Claims: r.Delegation.Claims})))
		stays := must(t)(h.redeem(c, password, h.code(c, browser, "openid", "offline_access")))
		h.write(func(tx *store.Tx) error {
			return h.sessions.End(tx, anyone(), browser.App, browser.ID, auth.EndSignedOut)
		})
		_, err := h.refresh(c, password, got.RefreshToken)
		wantCode(t, err, InvalidGrant)
		if _, err := h.refresh(c, password, stays.RefreshToken); err != nil {
			t.Error(err)
		}
	})
}

// A token for one of several resources takes the others away from none (RFC 8707 section 2.2).
func TestCodeForOneOfSeveralResources_OA13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const calendar, mail = "https://calendar.example", "https://mail.example"
		c, password := h.client()
		h.write(func(tx *store.Tx) error {
			for _, uri := range []string{calendar, mail} {
				if _, err := tx.InsertResource(auth.ProtectedResource{ID: auth.ResourceID(uri), App: c.App, URI: uri, Name: uri, CreatedAt: tx.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		code := h.letIn(c, h.signedIn(h.person()), auth.Delegation{Scopes: []string{"openid", "read"}, Resources: []string{calendar, mail}})
		got := must(t)(h.redeem(c, password, code, "resource", calendar))
		got = must(t)(h.refresh(c, password, got.RefreshToken, "resource", mail))
		_, err := h.refresh(c, password, got.RefreshToken, "resource", "https://other.example")
		wantCode(t, err, InvalidTarget)
	})
}

// Time and methods of a session are those of one proof: a password typed now makes no passkey of before fresh (OI-02).
func TestStepUpByLess_OI02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		browser := h.signedIn(h.person())
		caller := anyone()
		caller.Kind, caller.Session, caller.User = auth.CallerSession, browser.ID, browser.User
		proves := func(amr ...string) auth.Session {
			h.clock.Advance(time.Hour)
			cookie, err := h.sessions.NewCookie()
			if err != nil {
				t.Fatal(err)
			}
			h.write(func(tx *store.Tx) error { return h.sessions.StepUp(tx, caller, amr, cookie) })
			return h.row(browser.ID)
		}
		maxAge := int64(60)
		asks := func(row auth.Session) StepKind {
			now := h.clock.Now()
			kind, _ := next(situation{request: AuthorizationRequest{MaxAge: &maxAge, ACR: []string{auth.ACRPhishing}, EssentialACR: true, CreatedAt: now},
				person: browser.User, amr: row.AMR, provenAt: row.ProvenAt(), reachable: auth.ACRPhishing, covered: true, now: now})
			return kind
		}
		if kind := asks(proves(auth.AMRHardwareKey, auth.AMRMFA)); kind != StepAnswer {
			t.Errorf("a passkey just now: %s", kind)
		}
		if row := proves(auth.AMRPassword); asks(row) == StepAnswer || auth.ACROf(row.AMR) == auth.ACRPhishing {
			t.Errorf("a password just now is as good as the passkey of an hour ago: %v", row.AMR)
		}
	})
}

// One session decides about a device: the first that looked at it, be the next one of the same person (DV-02).
func TestDeviceOfOneSession_DV02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		ann := h.person()
		as := func(s auth.Session) auth.Caller {
			by := anyone()
			by.Kind, by.Session, by.User, by.EmailVerified = auth.CallerSession, s.ID, s.User, true
			return by
		}
		first, second := as(h.signedIn(ann)), as(h.signedIn(ann))
		unseen, elsewhere := first, first
		unseen.EmailVerified, elsewhere.App = false, "elsewhere"
		d, err := h.AuthorizeDevice(t.Context(), ClientRequest{Form: Form{"scope": {"openid"}}, Authorization: basicOf(c, password), Caller: anyone()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.ShowDevice(t.Context(), unseen, d.UserCode); !auth.Is(err, auth.CodeEmailUnverified) {
			t.Errorf("an address that nobody has seen: %v", err)
		}
		if _, err := h.ShowDevice(t.Context(), elsewhere, d.UserCode); err == nil {
			t.Error("somebody of another app looks")
		}
		if _, err := h.ShowDevice(t.Context(), first, d.UserCode); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ShowDevice(t.Context(), second, d.UserCode); !auth.Is(err, auth.CodeProofInvalid) {
			t.Errorf("another session looks: %v", err)
		}
		if err := h.ApproveDevice(t.Context(), second, d.UserCode); !auth.Is(err, auth.CodeProofInvalid) {
			t.Errorf("another session decides: %v", err)
		}
		if err := h.ApproveDevice(t.Context(), first, d.UserCode); err != nil {
			t.Error(err)
		}
	})
}

// A name that no row can hold is one that nobody has (IO-02, OA-08).
func TestClientThatIsNoText_IO02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, name := range []string{"a\x00b", "a%00b", "\xff\xfe", "%ff%fe"} {
			_, err := h.Token(t.Context(), TokenRequest{Form: Form{"grant_type": {auth.GrantClientCredentials}}, Caller: anyone(),
				Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":x"))})
			wantCode(t, err, InvalidClient)
		}
		part := base64.RawURLEncoding.EncodeToString
		assertion := part([]byte(`{"alg":"ES256"}`)) + "." + part([]byte(`{"sub":"a\u0000b","iss":"x"}`)) + ".AAAA"
		_, err := h.Token(t.Context(), TokenRequest{Caller: anyone(), Form: Form{"grant_type": {auth.GrantClientCredentials},
			"client_assertion_type": {assertionType}, "client_assertion": {assertion}}})
		wantCode(t, err, InvalidClient)
		h.o.Settings.Registration = true
		for _, id := range []string{"a\x00b", "a\xffb"} {
			_, err := h.ReadRegistration(t.Context(), RegisterRequest{ClientID: auth.ClientID(id), Authorization: "Bearer x", Caller: anyone()})
			wantCode(t, err, InvalidToken)
		}
	})
}

// A client that gave its tokens back may still hold the person signed in, so it is told when the browser's session ends
// (LO-03).
func TestWhoGaveItsTokensBackIsTold_LO03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client(func(o *auth.OAuthSettings) { o.BackchannelLogoutURI = "https://rp.example/out" })
		browser := h.signedIn(h.person())
		got := must(t)(h.redeem(c, password, h.code(c, browser, "openid")))
		err := h.Revoke(t.Context(), ClientRequest{Form: Form{"token": {got.RefreshToken}}, Authorization: basicOf(c, password), Caller: anyone()})
		if err != nil {
			t.Fatal(err)
		}
		h.write(func(tx *store.Tx) error {
			told, err := tx.DelegationsOf(browser.App, browser.ID)
			if len(told) != 1 || told[0].Client != c.ID {
				t.Errorf("%+v", told)
			}
			return err
		})
	})
}

// A token dies with its session at the latest, however short before the end it was made (RT-06).
func TestTokenAtTheEndOfItsSession_RT06(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		got := must(t)(h.redeem(c, password, h.code(c, h.signedIn(h.person()), "openid", "offline_access")))
		row := h.row(sid(t, got))
		for h.clock.Now().Add(20 * 24 * time.Hour).Before(row.ExpiresAt) { // keep it from idling out
			h.clock.Advance(20 * 24 * time.Hour)
			got = must(t)(h.refresh(c, password, got.RefreshToken))
		}
		h.clock.Advance(row.ExpiresAt.Sub(h.clock.Now()) - time.Minute)
		if got = must(t)(h.refresh(c, password, got.RefreshToken)); got.ExpiresIn > time.Minute {
			t.Errorf("a token of %v, a minute before the end", got.ExpiresIn)
		}
	})
}

// A code whose request was pushed with a proof is bound to the key of that proof (RFC 9449 section 10.1, PA-01).
func TestPushedRequestIsBound_PA01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, password := h.client()
		key, other := testKey(t), testKey(t)
		proof := foreign(t, key, jose.ES256, map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: key.Public()}},
			map[string]any{"jti": "pushed", "htm": "POST", "htu": testIssuer + PARPath, "iat": h.clock.Now().Unix(), "nonce": h.Nonce()})
		pushed, err := h.Push(t.Context(), PushRequest{Form: asking(c), Authorization: basicOf(c, password), DPoP: []string{proof}, Caller: anyone()})
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := h.pushed(t.Context(), Form{"client_id": {string(c.ID)}, "request_uri": {pushed.RequestURI}})
		if err != nil || r.Delegation.JKT == "" {
			t.Fatalf("%+v %v", r, err)
		}
		code := h.letIn(c, h.signedIn(h.person()), r.Delegation)
		redeem := func(proofs ...string) error {
			_, err := h.Token(t.Context(), TokenRequest{Authorization: basicOf(c, password), DPoP: proofs, Caller: anyone(), Form: Form{"code": {code},
				"grant_type": {auth.GrantAuthorizationCode}, "redirect_uri": {testRedirect}, "code_verifier": {testVerifier}}})
			return err
		}
		wantCode(t, redeem(), InvalidDPoPProof)
		wantCode(t, redeem(h.proof(t, other, "a")), InvalidDPoPProof)
		if err := redeem(h.proof(t, key, "b")); err != nil {
			t.Error(err)
		}
	})
}
