package server_test

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

const apiURI = "https://api.example.test"

// Introspection tells the client that holds a token and the one that serves its resource, and nobody else (IR-01).
func TestIntrospection_IR01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, server, stranger := h.client(), h.client(), h.client()
		h.resource(apiURI, server, "orders:read")
		got := h.signedIn(c, "openid orders:read offline_access", forResource(apiURI))
		token, refresh := got.text("access_token"), got.text("refresh_token")
		out := h.introspected(server, token)
		if out["active"] != true || out["client_id"] != string(c.ID) || out["sub"] != h.in.User.ID || out["token_type"] != "Bearer" ||
			out["scope"] != "openid orders:read offline_access" || out["iss"] != i.URL || out["sid"] == nil || out["exp"] == nil || out["jti"] == nil {
			t.Errorf("%v", out)
		}
		if !h.active(c, token) || h.active(stranger, token) || !h.active(c, refresh) || h.active(server, refresh) || h.active(stranger, refresh) {
			t.Error("somebody is told too much or too little")
		}
		if out := h.introspected(c, refresh); out["token_type"] != nil || out["client_id"] != string(c.ID) {
			t.Errorf("%v", out)
		}
		for _, text := range []string{"nonsense", strings.Repeat(".", 100), "ort1.x.y.0.z", "oat1.", token + "x", h.in.Tokens.AccessToken, h.in.Tokens.RefreshToken} {
			if h.active(c, text) || h.active(server, text) {
				t.Errorf("%.20s is active", text)
			}
		}
		h.form("/oauth2/introspect", h.client(public), []string{"token", token}).refused(401, "invalid_client")
		h.form("/oauth2/introspect", rp{}, []string{"token", token}).refused(401, "invalid_client")
		h.form("/oauth2/introspect", c, nil).refused(400, "invalid_request")
		h.ask("GET", "/oauth2/introspect?token="+token, nil).want(405)

		signed := h.form("/oauth2/introspect", server, []string{"token", token}, "Accept", "application/token-introspection+jwt").want(200)
		if signed.Header.Get("Content-Type") != "application/token-introspection+jwt" {
			t.Error(signed.Header)
		}
		claims := unsealedJWT(t, string(signed.Body))
		if inner, _ := claims["token_introspection"].(object); inner["sub"] != h.in.User.ID || claims["aud"] != string(server.ID) || claims["iss"] != i.URL {
			t.Errorf("%v", claims)
		}
		// A refresh token that was exchanged is active no more; its successor is.
		next := h.token(c, "grant_type", "refresh_token", "refresh_token", refresh).want(200)
		if h.active(c, refresh) || !h.active(c, next.text("refresh_token")) {
			t.Error("the wrong one is active")
		}
		// What ends the browser's session ends a session that is not offline, at once.
		online := h.signedIn(c, "openid").text("access_token")
		if !h.active(c, online) {
			t.Error("not active")
		}
		none(t, h.me.EndSession(t.Context(), h.in.Session.ID))
		if h.active(c, online) || !h.active(c, token) {
			t.Error("the end of the browser's session")
		}
	})
}

// An opaque token is told of like another one, and stands in one spelling (TK-11).
func TestOpaqueTokens_TK11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client(func(c *auth.Client) { c.Settings.OAuth.TokenFormat = auth.TokenFormatOpaque })
		token := h.signedIn(c, "openid email").text("access_token")
		if !strings.HasPrefix(token, "oat1.") || !h.active(c, token) {
			t.Fatalf("%s", token)
		}
		h.ask("GET", "/oauth2/userinfo", nil, as(token)...).want(200)
		for _, other := range []string{token[:len(token)-1], token[:len(token)-2], token + "A", token + "=", token + "==", token + "\n",
			strings.ToUpper(token), "oat1." + token, strings.Replace(token, "oat1.", "oat2.", 1), strings.TrimPrefix(token, "oat1.")} {
			if h.active(c, other) {
				t.Errorf("%q stands", other)
			}
		}
	})
}

// Revocation ends a refresh token with all that came of it, an access token alone, and nothing of another client's (IR-02).
func TestRevocation_IR02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, other := h.client(), h.client()
		revoke := func(c rp, token string) reply { return h.form("/oauth2/revoke", c, []string{"token", token}) }
		got := h.signedIn(c, "openid offline_access")
		token, refresh := got.text("access_token"), got.text("refresh_token")
		revoke(other, token).refused(400, "unauthorized_client")
		revoke(other, refresh).refused(400, "unauthorized_client")
		if !h.active(c, token) || !h.active(c, refresh) {
			t.Fatal("another client revoked a token")
		}
		for _, text := range []string{"nonsense", "oat1.x", "ort1.a.b.0.c", h.in.Tokens.RefreshToken} {
			revoke(c, text).want(200)
		}
		revoke(c, h.in.Tokens.AccessToken).refused(400, "unauthorized_client")
		if _, err := h.me.ListSessions(t.Context(), false, client.Paging{}); err != nil {
			t.Errorf("a client ended a session that is the person's own: %v", err)
		}
		revoke(c, token).want(200)
		revoke(c, token).want(200)
		if h.active(c, token) || !h.active(c, refresh) {
			t.Error("an access token goes alone")
		}
		h.ask("GET", "/oauth2/userinfo", nil, as(token)...).refused(401, "invalid_token")
		next := h.token(c, "grant_type", "refresh_token", "refresh_token", refresh).want(200)
		token = next.text("access_token")
		revoke(c, next.text("refresh_token")).want(200)
		if h.active(c, token) || h.active(c, next.text("refresh_token")) {
			t.Error("something survives its refresh token")
		}
		h.token(c, "grant_type", "refresh_token", "refresh_token", next.text("refresh_token")).refused(400, "invalid_grant")
		if row := h.session(token); row.EndReason != auth.EndTokenRevoked {
			t.Errorf("%s", row.EndReason)
		}
		mobile := h.client(public)
		got = h.signedIn(mobile, "openid")
		revoke(mobile, got.text("refresh_token")).want(200)
		h.token(mobile, "grant_type", "refresh_token", "refresh_token", got.text("refresh_token")).refused(400, "invalid_grant")
		wrong := c
		wrong.secret = "wrong"
		revoke(wrong, token).refused(401, "invalid_client")
	})
}

// session is the row of the session that a token names.
func (h *issuing) session(token string) (row auth.Session) {
	h.t.Helper()
	id, _ := unsealedJWT(h.t, token)["sid"].(string)
	none(h.t, h.i.DB.Read(h.t.Context(), func(tx *store.Tx) (err error) {
		row, err = tx.Session(auth.DefaultApp, auth.SessionID(id))
		return err
	}))
	return row
}

// The token endpoint takes one method of authentication, the one that was registered, each exactly (OA-08, OA-10).
func TestClientAuthentication_OA08_OA10(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		keys := h.jwks()
		posted := h.client()
		basic := h.client(func(c *auth.Client) { c.Settings.OAuth.AuthMethod = auth.ClientAuthBasic })
		signing := h.client(func(c *auth.Client) {
			c.Settings.OAuth.AuthMethod, c.Settings.OAuth.JWKS = auth.ClientAuthPrivateKeyJWT, keys
		})
		pairs := []string{"grant_type", "client_credentials", "scope", "read"}
		header := basicHeader

		h.form("/oauth2/token", basic, pairs, "Authorization", header(string(basic.ID), basic.secret)).want(200)
		h.form("/oauth2/token", rp{}, pairs, "Authorization", header(string(basic.ID), basic.secret)).want(200)
		bad := h.form("/oauth2/token", basic, pairs, "Authorization", header(string(basic.ID), "wrong"))
		bad.refused(401, "invalid_client")
		if bad.Header.Get("WWW-Authenticate") == "" || bad.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", bad.Header)
		}
		h.form("/oauth2/token", posted, pairs, "Authorization", header(string(posted.ID), posted.secret)).refused(400, "invalid_request")
		h.form("/oauth2/token", rp{}, pairs, "Authorization", header(string(posted.ID), posted.secret)).refused(401, "invalid_client")
		h.form("/oauth2/token", posted, pairs, "Authorization", header(string(basic.ID), basic.secret)).refused(400, "invalid_request")
		h.form("/oauth2/token", rp{}, pairs, "Authorization", "Basic ???").refused(401, "invalid_client")
		h.form("/oauth2/token", rp{}, pairs, "Authorization", "Bearer x").refused(401, "invalid_client")
		h.form("/oauth2/token", rp{}, pairs).refused(401, "invalid_client")

		now := h.i.Clock.Now().Unix()
		claims := func(others object) object {
			return with(object{"iss": string(signing.ID), "sub": string(signing.ID), "aud": i.URL, "exp": now + 60, "iat": now, "jti": "j" + h.serial()}, others)
		}
		send := func(assertion string, more ...string) reply {
			return h.form("/oauth2/token", rp{}, append([]string{"client_assertion", assertion, "client_assertion_type",
				"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, append(more, pairs...)...))
		}
		sign := func(others object) string { return signedAs(t, h.key, "ES256", nil, claims(others)) }
		send(sign(nil)).want(200)
		send(sign(object{"aud": []string{i.URL}}), "client_id", string(signing.ID)).want(200)
		send(sign(object{"iat": now + 8, "nbf": now + 8})).want(200)
		once := sign(nil)
		send(once).want(200)
		stranger := h.prover().key
		for name, text := range map[string]string{
			"used before":     once,
			"token endpoint":  sign(object{"aud": i.URL + "/oauth2/token"}),
			"another one too": sign(object{"aud": []string{"x", i.URL}}),
			"another key":     signedAs(t, stranger, "ES256", nil, claims(nil)),
			"shared secret":   signedAs(t, []byte(strings.Repeat("k", 32)), "HS256", nil, claims(nil)),
			"another type":    signedAs(t, h.key, "ES256", object{"typ": "at+jwt"}, claims(nil)),
			"a proof":         signedAs(t, h.key, "ES256", object{"typ": "dpop+jwt"}, claims(nil)),
			"a key inside":    signedAs(t, stranger, "ES256", object{"jwk": h.prover().jwk()}, claims(nil)),
			"no exp":          sign(object{"exp": nil}),
			"expired":         sign(object{"exp": now - 1}),
			"lives too long":  sign(object{"exp": now + 400}),
			"from the future": sign(object{"iat": now + 61}),
			"not yet":         sign(object{"nbf": now + 61}),
			"no jti":          sign(object{"jti": nil}),
			"for another":     sign(object{"aud": "https://evil.example"}),
			"for userinfo":    sign(object{"aud": i.URL + "/oauth2/userinfo"}),
			"another issuer":  sign(object{"iss": "https://evil.example"}),
			"another subject": sign(object{"sub": string(posted.ID)}),
			"nonsense":        "a.b.c",
			"dots":            strings.Repeat(".", 8000),
		} {
			t.Run(name, func(t *testing.T) { send(text).refused(401, "invalid_client") })
		}
		send(sign(nil), "client_secret", "x", "client_id", string(signing.ID)).refused(400, "invalid_request")
		send(sign(nil), "client_id", string(posted.ID)).refused(401, "invalid_client")
	})
}

// The token endpoint takes a form and nothing else (OA-09).
func TestTokenEndpoint_OA09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client()
		h.ask("GET", "/oauth2/token", nil).want(405)
		h.ask("POST", "/oauth2/token", object{"grant_type": "client_credentials"}).refused(400, "invalid_request")
		h.ask("POST", "/oauth2/token?grant_type=client_credentials", c.authenticated()).refused(400, "invalid_request")
		h.token(c, "grant_type", "client_credentials", "grant_type", "client_credentials").refused(400, "invalid_request")
		h.token(c, "grant_type", "client_credentials", "scope", "read", "scope", "read").refused(400, "invalid_request")
		h.token(c).refused(400, "invalid_request")
		h.token(c, "grant_type", "password", "username", "ann@example.com", "password", phrase).refused(400, "unsupported_grant_type")
		h.token(c, "grant_type", "client_credentials", "scope", "read", "unknown", "x").want(200)
		h.token(c, "grant_type", "client_credentials", "scope", "read nonsense").refused(400, "invalid_scope")
		h.token(c, "grant_type", "client_credentials", "scope", "openid").refused(400, "invalid_scope")
		h.token(c, "grant_type", "client_credentials", "scope", "read", "resource", "https://nothing.example").refused(400, "invalid_target")
		h.token(h.client(public), "grant_type", "client_credentials", "scope", "read").refused(400, "unauthorized_client")
		few := h.client(func(c *auth.Client) { c.Settings.OAuth.GrantTypes = []string{auth.GrantAuthorizationCode} })
		for _, g := range auth.GrantTypes()[1:] {
			h.token(few, "grant_type", g).refused(400, "unauthorized_client")
		}
		// One token for a client itself: its subject is nobody else's (OA-14).
		got := h.token(c, "grant_type", "client_credentials", "scope", "read").want(200)
		if claims := unsealedJWT(t, got.text("access_token")); claims["sub"] != string(c.ID) || claims["sid"] != nil || !h.active(c, got.text("access_token")) {
			t.Errorf("%v", claims)
		}
		if got.object()["refresh_token"] != nil || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %v", got.Body, got.Header)
		}
	})
}
