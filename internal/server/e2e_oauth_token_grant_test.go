package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// device changes a device authorization as the person at the page would.
func (h *issuing) device(userCode string, change func(*auth.DeviceAuthorization)) {
	h.t.Helper()
	h.rows(func(tx *store.Tx) error {
		d, err := tx.DeviceByUserCodeForUpdate(strings.ReplaceAll(userCode, "-", ""))
		if err != nil {
			return err
		}
		change(&d)
		_, err = tx.UpdateDevice(d)
		return err
	})
}

func (h *issuing) approve(d *auth.DeviceAuthorization) {
	d.Status, d.User, d.Session = auth.DeviceApproved, auth.UserID(h.in.User.ID), auth.SessionID(h.in.Session.ID)
	d.AMR, d.AuthTime = []string{auth.AMRPassword}, h.i.Clock.Now()
}

func (h *issuing) poll(c rp, code string) reply {
	h.t.Helper()
	return h.token(c, "grant_type", auth.GrantDeviceCode, "device_code", code)
}

// A device shows a code and polls until somebody lets it in, once (DV-01).
func TestDeviceGrant_DV01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client(public)
		begin := func() (code, user string) {
			r := h.form("/oauth2/device_authorization", c, []string{"scope", "openid email offline_access"}).want(200)
			out := r.object()
			user = r.text("user_code")
			if out["interval"] != 5.0 || out["expires_in"] != 600.0 || out["verification_uri"] != i.URL+"/device" ||
				out["verification_uri_complete"] != i.URL+"/device?user_code="+user || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s", r.Body)
			}
			letters := strings.ReplaceAll(user, "-", "")
			if len(user) != 9 || len(letters) != 8 || strings.Trim(letters, "BCDFGHJKLMNPQRSTVWXZ") != "" {
				t.Errorf("user code %s", user)
			}
			return r.text("device_code"), user
		}
		code, user := begin()
		h.poll(c, code).refused(400, "authorization_pending")
		h.poll(c, code).refused(400, "slow_down")
		h.i.Clock.Advance(6 * time.Second) // now it has to be 10
		h.poll(c, code).refused(400, "slow_down")
		h.i.Clock.Advance(16 * time.Second)
		h.poll(c, code).refused(400, "authorization_pending")
		h.poll(h.client(public), code).refused(400, "invalid_grant")
		h.device(user, h.approve)
		h.i.Clock.Advance(16 * time.Second)
		got := h.poll(c, code).want(200)
		if claims := unsealedJWT(t, got.text("id_token")); claims["sub"] != h.in.User.ID || claims["aud"] != string(c.ID) {
			t.Errorf("%v", claims)
		}
		h.i.Clock.Advance(16 * time.Second)
		h.poll(c, code).refused(400, "invalid_grant")
		h.token(c, "grant_type", "refresh_token", "refresh_token", got.text("refresh_token")).want(200)

		code, user = begin()
		h.device(user, func(d *auth.DeviceAuthorization) { d.Status = auth.DeviceDenied })
		h.poll(c, code).refused(400, "access_denied")
		code, user = begin()
		h.device(user, h.approve)
		h.i.Clock.Advance(10 * time.Minute)
		h.poll(c, code).refused(400, "expired_token")
		h.poll(c, "nonsense").refused(400, "invalid_grant")
		h.poll(c, "").refused(400, "invalid_request")

		// Approved once, redeemed once, however many ask.
		code, user = begin()
		h.device(user, h.approve)
		won := 0
		for _, r := range together(20, func() reply { return h.poll(c, code) }) {
			if r.Status == 200 {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d devices came in", won)
		}
		h.form("/oauth2/device_authorization", h.client(func(c *auth.Client) { c.Settings.OAuth.GrantTypes = nil }), nil).refused(400, "unauthorized_client")
		h.form("/oauth2/device_authorization", c, []string{"scope", "nonsense"}).refused(400, "invalid_scope")
	})
}

// Codes for devices are counted for each network.
func TestDeviceLimit_DV01(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.Limits["device.network"] = config.Limit{Max: 3} }))
	h := newIssuing(t, i)
	c := h.client(public)
	for range 3 {
		h.form("/oauth2/device_authorization", c, nil).want(200)
	}
	r := h.form("/oauth2/device_authorization", c, nil)
	r.refused(429, "temporarily_unavailable")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// together runs n calls at once.
func together(n int, call func() reply) []reply {
	out, done := make([]reply, n), make(chan int)
	for k := range n {
		go func() { out[k] = call(); done <- k }()
	}
	for range n {
		<-done
	}
	return out
}

func (h *issuing) exchange(c rp, token, kind string, pairs ...string) reply {
	h.t.Helper()
	return h.token(c, append([]string{"grant_type", auth.GrantTokenExchange, "subject_token", token, "subject_token_type", kind}, pairs...)...)
}

// An access token becomes one of less scope for another resource, says who acts, and dies with the first (TX-01).
func TestTokenExchange_TX01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		front, middle, stranger := h.client(), h.client(), h.client()
		const backURI = "https://back.example.test"
		h.resource(apiURI, middle, "orders:read", "orders:write")
		h.resource(backURI, stranger, "orders:read")
		token := h.signedIn(front, "openid orders:read orders:write offline_access", forResource(apiURI)).text("access_token")

		got := h.exchange(middle, token, accessType, "resource", backURI).want(200)
		claims := unsealedJWT(t, got.text("access_token"))
		act, _ := claims["act"].(object)
		if claims["sub"] != h.in.User.ID || claims["client_id"] != string(middle.ID) || claims["aud"] != backURI || claims["scope"] != "orders:read" ||
			act["sub"] != string(middle.ID) || claims["sid"] != unsealedJWT(t, token)["sid"] {
			t.Errorf("%v", claims)
		}
		if out := got.object(); out["issued_token_type"] != accessType || out["refresh_token"] != nil || out["id_token"] != nil || out["token_type"] != "Bearer" {
			t.Errorf("%v", out)
		}
		second := got.text("access_token")
		// The next one in the chain stands before the first.
		third := h.exchange(stranger, second, accessType).want(200).text("access_token")
		claims = unsealedJWT(t, third)
		if act, _ := claims["act"].(object); act["sub"] != string(stranger.ID) || at(act, "act.sub") != string(middle.ID) || claims["aud"] != backURI {
			t.Errorf("%v", claims)
		}
		// With an actor token its subject acts.
		machine := h.token(middle, "grant_type", "client_credentials", "scope", "read").want(200).text("access_token")
		claims = unsealedJWT(t, h.exchange(middle, token, accessType, "actor_token", machine, "actor_token_type", accessType, "audience", backURI).want(200).text("access_token"))
		if act, _ := claims["act"].(object); act["sub"] != string(middle.ID) || claims["aud"] != backURI {
			t.Errorf("%v", claims)
		}
		// A client's own token may shrink; nobody acts for anybody then.
		claims = unsealedJWT(t, h.exchange(front, token, accessType, "scope", "orders:read").want(200).text("access_token"))
		if claims["scope"] != "orders:read" || claims["act"] != nil || claims["aud"] != apiURI {
			t.Errorf("%v", claims)
		}

		// To another resource only where somebody let it have that one, or vouches for it.
		h.exchange(front, token, accessType, "resource", backURI).refused(400, "invalid_target")
		h.exchange(front, token, accessType, "audience", backURI).refused(400, "invalid_target")
		for _, vouched := range []func(*auth.Client){trusted, func(c *auth.Client) { c.Settings.OAuth.Resources = []string{apiURI, backURI} }} {
			c := h.client(vouched)
			own := h.signedIn(c, "openid orders:read", forResource(apiURI)).text("access_token")
			h.exchange(c, own, accessType, "resource", backURI).want(200)
		}
		both := h.signedIn(front, "openid orders:read", forResource(apiURI, backURI), func(c *auth.AuthorizationCode) { c.Nonce = "both" })
		h.exchange(front, both.text("access_token"), accessType, "resource", backURI).want(200)

		h.exchange(stranger, token, accessType).refused(400, "invalid_request")
		open := h.client(public)
		h.exchange(open, h.signedIn(open, "openid orders:read", forResource(apiURI)).text("access_token"), accessType).want(200)
		h.exchange(open, token, accessType).refused(400, "invalid_request") // nobody knows who brings another's
		h.exchange(middle, token, accessType, "scope", "orders:write", "resource", backURI).refused(400, "invalid_scope")
		h.exchange(middle, token, accessType, "scope", "admin").refused(400, "invalid_scope")
		h.exchange(middle, token, accessType, "resource", "https://nothing.example").refused(400, "invalid_target")
		h.exchange(middle, token, accessType, "audience", "https://nothing.example").refused(400, "invalid_target")
		h.exchange(middle, token, accessType, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token").refused(400, "invalid_request")
		h.exchange(middle, token, accessType, "actor_token", machine).refused(400, "invalid_request")
		h.exchange(middle, token, accessType, "actor_token_type", accessType).refused(400, "invalid_request")
		h.exchange(middle, token, accessType, "actor_token", "x", "actor_token_type", accessType).refused(400, "invalid_request")
		h.exchange(middle, machine, accessType).refused(400, "invalid_request")
		h.exchange(middle, "", accessType).refused(400, "invalid_request")
		few := h.client(func(c *auth.Client) { c.Settings.OAuth.GrantTypes = []string{auth.GrantAuthorizationCode} })
		h.exchange(few, token, accessType).refused(400, "unauthorized_client")

		// Too many cannot act in each other's name.
		chain := second
		for n := 0; ; n++ {
			r := h.exchange(stranger, chain, accessType, "actor_token", h.token(stranger, "grant_type", "client_credentials", "scope", "read").want(200).text("access_token"),
				"actor_token_type", accessType, "resource", backURI)
			if r.Status != 200 {
				r.refused(400, "invalid_request")
				break
			}
			if chain = r.text("access_token"); n > 5 {
				t.Fatal("the chain grows without end")
			}
		}
		h.i.Clock.Advance(10 * time.Minute)
		late := h.exchange(middle, token, accessType).want(200)
		if left, _ := late.object()["expires_in"].(float64); left > 300 {
			t.Errorf("it outlives its subject: %v s", left)
		}
		for _, one := range []string{second, third} {
			if !h.active(stranger, one) {
				t.Error("not active")
			}
		}
		h.form("/oauth2/revoke", front, []string{"token", h.refreshOf(token)}).want(200)
		for _, one := range []string{second, third, late.text("access_token")} {
			if h.active(stranger, one) || h.active(middle, one) {
				t.Error("it survives the session")
			}
		}
		h.exchange(middle, token, accessType).refused(400, "invalid_request")
	})
}

// refreshOf is the refresh token of the session that an access token names, as its client holds it.
func (h *issuing) refreshOf(token string) string { return h.i.Server.RefreshToken(h.session(token)) }

// A bound token is exchanged by its own client with its key alone (TX-01, DP-02).
func TestBoundExchange_DP02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, p := h.client(), h.prover()
		token := p.bound(c, "openid read write").text("access_token")
		h.exchange(c, token, accessType, "scope", "read").refused(400, "invalid_dpop_proof")
		pairs := []string{"grant_type", auth.GrantTokenExchange, "subject_token", token, "subject_token_type", accessType, "scope", "read"}
		got := h.form("/oauth2/token", c, pairs, "DPoP", p.proof("POST", "/oauth2/token", "")).want(200)
		if cnf := at(unsealedJWT(t, got.text("access_token")), "cnf.jkt"); cnf != p.thumbprint() {
			t.Errorf("%v", cnf)
		}
	})
}

// An API key becomes a short access token: its owner's, acted for by the key, within its scopes, until it is revoked.
func TestKeyExchange_TX01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, server := h.client(public), h.client()
		h.resource(apiURI, server, "orders:read", "orders:write")
		key := ok[client.NewAPIKey](t)(h.me.CreateAPIKey(t.Context(), client.KeyRequest{Name: "robot", Scopes: []string{"orders:read", "read"}}))
		got := h.exchange(c, key.Secret, apiKeyType, "resource", apiURI).want(200)
		token := got.text("access_token")
		claims := unsealedJWT(t, token)
		if claims["sub"] != h.in.User.ID || at(claims, "act.sub") != "api-key:"+key.APIKey.ID || claims["key"] != key.APIKey.ID || claims["scope"] != "orders:read read" ||
			claims["aud"] != apiURI || claims["sid"] != nil || got.object()["expires_in"] != 900.0 {
			t.Errorf("%v %s", claims, got.Body)
		}
		h.exchange(c, key.Secret, apiKeyType, "resource", apiURI, "scope", "orders:write").refused(400, "invalid_scope")
		h.exchange(c, "osk_nonsense", apiKeyType).refused(400, "invalid_request")
		h.exchange(c, key.Secret, accessType).refused(400, "invalid_request")
		h.exchange(c, token, apiKeyType).refused(400, "invalid_request")
		elsewhere := ok[client.App](t)(i.Operator.CreateApp(t.Context(), "Shop"))
		foreign := h.client(func(c *auth.Client) { c.App = auth.AppID(elsewhere.ID) })
		h.exchange(foreign, key.Secret, apiKeyType).refused(400, "invalid_request")
		// It may go on to another service, and still dies with the key.
		onward := h.exchange(server, token, accessType).want(200).text("access_token")
		if claims := unsealedJWT(t, onward); claims["key"] != key.APIKey.ID || at(claims, "act.act.sub") != "api-key:"+key.APIKey.ID {
			t.Errorf("%v", claims)
		}
		if !h.active(server, token) || !h.active(server, onward) {
			t.Fatal("not active")
		}
		none(t, h.me.RevokeAPIKey(t.Context(), key.APIKey.ID))
		if h.active(server, token) || h.active(server, onward) {
			t.Error("it survives the key")
		}
		h.exchange(c, key.Secret, apiKeyType).refused(400, "invalid_request")
	})
}

// Somebody whose word the client registered says who the user is (RFC 7523).
func TestAssertionGrant(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		keys := h.jwks()
		const issuer, other = "https://partner.example", "https://other.example"
		ann := ok[client.User](t)(i.Operator.GetUser(t.Context(), "ann@example.com"))
		bob := ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "bob@example.com", Password: phrase, ExternalID: "E-1"}))
		c := h.client(func(c *auth.Client) {
			c.Settings.OAuth.AssertionIssuers = []auth.AssertionIssuer{{Issuer: issuer, JWKS: keys}, {Issuer: other, JWKS: keys, Subject: "external"}}
		})
		now := h.i.Clock.Now().Unix()
		claims := func(others object) object {
			return with(object{"iss": issuer, "sub": ann.ID, "aud": i.URL, "exp": now + 120, "iat": now, "jti": "a" + h.serial()}, others)
		}
		sign := func(others object) string { return signedAs(t, h.key, "ES256", nil, claims(others)) }
		send := func(assertion string, pairs ...string) reply {
			return h.token(c, append([]string{"grant_type", auth.GrantJWTBearer, "assertion", assertion}, pairs...)...)
		}
		send(sign(nil), "scope", "read offline_access").refused(400, "invalid_scope")
		send(sign(nil), "scope", "openid").refused(400, "invalid_scope")
		got := send(sign(nil), "scope", "read email").want(200)
		out := got.object()
		token := got.text("access_token")
		if said := unsealedJWT(t, token); said["sub"] != ann.ID || said["scope"] != "read email" || out["refresh_token"] != nil || out["id_token"] != nil {
			t.Errorf("%v %s", said, got.Body)
		}
		row := h.session(token)
		if life := row.ExpiresAt.Sub(h.i.Clock.Now()); life > 16*time.Minute {
			t.Errorf("the session lives %s", life)
		}
		external := send(sign(object{"iss": other, "sub": "E-1"}), "scope", "read").want(200)
		if got := unsealedJWT(t, external.text("access_token"))["sub"]; got != bob.ID {
			t.Errorf("%v", got)
		}
		once := sign(nil)
		send(once, "scope", "read").want(200)
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		none(t, err)
		for name, text := range map[string]string{
			"used before":       once,
			"another key":       signedAs(t, stranger, "ES256", nil, claims(nil)),
			"another issuer":    sign(object{"iss": "https://evil.example"}),
			"no issuer":         sign(object{"iss": nil}),
			"for another":       sign(object{"aud": "https://evil.example"}),
			"expired":           sign(object{"exp": now - 1}),
			"no exp":            sign(object{"exp": nil}),
			"lives too long":    sign(object{"exp": now + 7200}),
			"from the future":   sign(object{"iat": now + 61}),
			"not yet":           sign(object{"nbf": now + 61}),
			"no jti":            sign(object{"jti": nil}),
			"nobody":            sign(object{"sub": "nobody"}),
			"no subject":        sign(object{"sub": nil}),
			"the external id":   sign(object{"sub": "E-1"}),
			"id as an external": sign(object{"iss": other}),
			"another type":      signedAs(t, h.key, "ES256", object{"typ": "at+jwt"}, claims(nil)),
			"shared secret":     signedAs(t, []byte(strings.Repeat("k", 32)), "HS256", nil, claims(nil)),
			"a token of ours":   token,
		} {
			t.Run(name, func(t *testing.T) { send(text, "scope", "read").refused(400, "invalid_grant") })
		}
		send("").refused(400, "invalid_request")
		send(sign(nil), "scope", "nonsense").refused(400, "invalid_scope")
		won := 0
		raced := sign(nil)
		for _, r := range together(20, func() reply { return send(raced, "scope", "read") }) {
			if r.Status == 200 {
				won++
			}
		}
		if won != 1 {
			t.Errorf("one assertion was taken %d times", won)
		}
		h.i.Clock.Advance(16 * time.Minute)
		if h.active(c, token) {
			t.Error("it outlives its session")
		}
	})
}

// Fifty clients race with one refresh token: all get the same successor and nothing ends (RT-03); scopes narrow for one
// access token and never grow (RT-09); what was used before ends the session (RT-02).
func TestClientRefresh_RT02_RT03_RT09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client(public)
		refresh := func(token string, pairs ...string) reply {
			return h.token(c, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
		}
		first := h.signedIn(c, "openid email read offline_access").text("refresh_token")
		var successors []string
		for _, r := range together(50, func() reply { return refresh(first) }) {
			successors = append(successors, r.want(200).text("refresh_token"))
		}
		slices.Sort(successors)
		if successors = slices.Compact(successors); len(successors) != 1 || successors[0] == first {
			t.Fatalf("%d successors", len(successors))
		}
		narrow := refresh(successors[0], "scope", "read").want(200)
		if got := unsealedJWT(t, narrow.text("access_token"))["scope"]; got != "read" || narrow.object()["scope"] != "read" {
			t.Errorf("%v", got)
		}
		refresh(narrow.text("refresh_token"), "scope", "read write").refused(400, "invalid_scope")
		whole := refresh(narrow.text("refresh_token")).want(200)
		if got := unsealedJWT(t, whole.text("access_token"))["scope"]; got != "openid email read offline_access" {
			t.Errorf("the refresh token shrank to %v", got)
		}
		if whole.text("id_token") == "" {
			t.Error("no ID token")
		}
		h.token(h.client(public), "grant_type", "refresh_token", "refresh_token", whole.text("refresh_token")).refused(400, "invalid_grant")
		refresh(whole.text("refresh_token")+"x").refused(400, "invalid_grant")
		refresh("").refused(400, "invalid_request")
		h.i.Clock.Advance(3 * time.Minute)
		last := refresh(whole.text("refresh_token")).want(200)
		h.i.Clock.Advance(3 * time.Minute)
		refresh(first).refused(400, "invalid_grant")
		refresh(last.text("refresh_token")).refused(400, "invalid_grant")
		if row := h.session(last.text("access_token")); row.EndReason != auth.EndRefreshReused {
			t.Errorf("%s", row.EndReason)
		}
		// Our own doors take no client's refresh token, and a client none of theirs.
		if _, err := i.Client.RefreshSession(t.Context(), h.signedIn(c, "openid").text("refresh_token")); err == nil {
			t.Error("our own door refreshes a client's session")
		}
		refresh(h.in.Tokens.RefreshToken).refused(400, "invalid_grant")
	})
}
