package server_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// bound are tokens that are bound to the prover's key.
func (p *prover) bound(c rp, scope string) reply {
	p.h.t.Helper()
	code := p.h.code(c, scope)
	return p.h.form("/oauth2/token", c, []string{"grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", callback},
		"DPoP", p.proof("POST", "/oauth2/token", "")).want(200)
}

// Every way in which a proof can be wrong is refused (RFC 9449 section 4.3), and the same proof right is not.
func TestProofs_DP01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		p := h.prover()
		c := h.client()
		ask := func(proofs ...string) reply {
			t.Helper()
			form := c.authenticated()
			form.Set("grant_type", "client_credentials")
			form.Set("scope", "read")
			var headers []string
			for _, text := range proofs {
				headers = append(headers, "DPoP", text)
			}
			return h.ask("POST", "/oauth2/token", form, headers...)
		}
		claims := func(others object) object { return p.claims("POST", "/oauth2/token", "", others) }
		good := object{"typ": "dpop+jwt", "jwk": p.jwk()}
		now := h.i.Clock.Now().Unix()
		proof := func(header, c object) string { return signedAs(t, p.key, "ES256", header, c) }

		if got := ask(proof(good, claims(nil))).want(200).object(); got["token_type"] != "DPoP" {
			t.Errorf("%v", got)
		}
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		none(t, err)
		large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		none(t, err)
		short, err := rsa.GenerateKey(rand.Reader, 1024)
		none(t, err)
		once := proof(good, claims(nil))
		ask(once).want(200)
		spoiled := proof(good, claims(nil))
		spoiled = spoiled[:len(spoiled)-8] + "AAAAAAAA"
		for name, text := range map[string]string{
			"no typ":             proof(object{"typ": "", "jwk": p.jwk()}, claims(nil)),
			"another typ":        proof(object{"typ": "at+jwt", "jwk": p.jwk()}, claims(nil)),
			"no key":             proof(object{"typ": "dpop+jwt"}, claims(nil)),
			"a private key":      proof(object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: p.key}}, claims(nil)),
			"another's key":      proof(object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: other.Public()}}, claims(nil)),
			"a shared secret":    signedAs(t, []byte(strings.Repeat("k", 32)), "HS256", object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: []byte(strings.Repeat("k", 32))}}, claims(nil)),
			"alg none":           "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6Im5vbmUifQ." + strings.Split(once, ".")[1] + ".",
			"another curve":      signedAs(t, large, "ES384", object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: large.Public()}}, claims(nil)),
			"a short RSA key":    signedAs(t, short, "RS256", object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: short.Public()}}, claims(nil)),
			"a key by URL":       proof(object{"typ": "dpop+jwt", "jwk": p.jwk(), "jku": "https://evil.example/keys"}, claims(nil)),
			"a spoiled sign":     spoiled,
			"no jti":             proof(good, claims(object{"jti": nil})),
			"a long jti":         proof(good, claims(object{"jti": strings.Repeat("x", 600)})),
			"no htm":             proof(good, claims(object{"htm": nil})),
			"another method":     proof(good, claims(object{"htm": "GET"})),
			"method in lower":    proof(good, claims(object{"htm": "post"})),
			"no htu":             proof(good, claims(object{"htu": nil})),
			"another path":       proof(good, claims(object{"htu": i.URL + "/oauth2/par"})),
			"another host":       proof(good, claims(object{"htu": "https://evil.example/oauth2/token"})),
			"no iat":             proof(good, claims(object{"iat": nil})),
			"old":                proof(good, claims(object{"iat": now - 61})),
			"from the future":    proof(good, claims(object{"iat": now + 62})),
			"iat as text":        proof(good, claims(object{"iat": "now"})),
			"used before":        once,
			"too large":          proof(good, claims(object{"pad": strings.Repeat("x", 9000)})),
			"no JWT":             "x",
			"dots":               strings.Repeat(".", 7000),
			"two proofs in one":  once + ", " + proof(good, claims(nil)),
			"an access token":    h.signedIn(c, "openid").text("access_token"),
			"a client assertion": signedAs(t, h.key, "ES256", nil, object{"iss": "x", "sub": "x"}),
		} {
			t.Run(name, func(t *testing.T) { ask(text).refused(400, "invalid_dpop_proof") })
		}
		for name, nonce := range map[string]any{"no nonce": nil, "another nonce": "abc", "an old one": p.nonce()} {
			if name == "an old one" {
				h.i.Clock.Advance(5 * time.Minute)
			}
			r := ask(proof(good, claims(object{"nonce": nonce})))
			r.refused(400, "use_dpop_nonce")
			if r.Header.Get("DPoP-Nonce") == "" || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
				t.Errorf("%s: no nonce to use", name)
			}
		}
		ask(proof(good, claims(object{"htu": strings.Replace(i.URL, "http://", "HTTP://", 1) + "/oauth2/token?a=b#c"}))).want(200)
	})
}

// Proofs of every kind of key that is taken.
func TestProofAlgorithms_DP01(t *testing.T) {
	h := newIssuing(t, servertest.Start(t))
	c, p := h.client(), h.prover()
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	none(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	none(t, err)
	for _, one := range []struct {
		alg         string
		key, public any
	}{{"RS256", long, long.Public()}, {"PS256", long, long.Public()}, {"EdDSA", edwards, edwards.Public()}} {
		proof := signedAs(t, one.key, one.alg, object{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: one.public}}, p.claims("POST", "/oauth2/token", "", nil))
		h.form("/oauth2/token", c, []string{"grant_type", "client_credentials", "scope", "read"}, "DPoP", proof).want(200)
	}
}

// A bound token is used with its key and with no other, a bearer token with none (DP-02).
func TestBoundTokens_DP02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, p, thief := h.client(public), h.prover(), h.prover()
		got := p.bound(c, "openid email")
		token := got.text("access_token")
		if cnf, _ := unsealedJWT(t, token)["cnf"].(object); cnf["jkt"] != p.thumbprint() {
			t.Errorf("%v", cnf)
		}
		const at = "/oauth2/userinfo"
		use := func(scheme string, proofs ...string) reply {
			headers := []string{"Authorization", scheme + " " + token}
			for _, text := range proofs {
				headers = append(headers, "DPoP", text)
			}
			return h.ask("GET", at, nil, headers...)
		}
		use("DPoP", p.proof("GET", at, token)).want(200)
		use("dpop", p.proof("GET", at, token)).want(200)
		use("Bearer").refused(401, "invalid_token")
		use("Bearer", p.proof("GET", at, token)).refused(401, "invalid_token")
		use("DPoP").refused(401, "invalid_dpop_proof")
		use("DPoP", thief.proof("GET", at, token)).refused(401, "invalid_dpop_proof")
		use("DPoP", p.proof("GET", at, "")).refused(401, "invalid_dpop_proof")
		use("DPoP", p.proof("GET", at, token+"x")).refused(401, "invalid_dpop_proof")
		use("DPoP", p.proof("POST", at, token)).refused(401, "invalid_dpop_proof")
		late := use("DPoP", signedAs(t, p.key, "ES256", object{"typ": "dpop+jwt", "jwk": p.jwk()}, p.claims("GET", at, token, object{"nonce": nil})))
		late.refused(401, "use_dpop_nonce")
		if challenges := strings.Join(late.Header.Values("WWW-Authenticate"), ";"); !strings.Contains(challenges, `DPoP realm="oauth", algs="ES256`) ||
			!strings.Contains(challenges, `error="use_dpop_nonce"`) || late.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s", challenges)
		}
		plain := h.signedIn(c, "openid").text("access_token")
		h.ask("GET", at, nil, "Authorization", "DPoP "+plain, "DPoP", p.proof("GET", at, plain)).refused(401, "invalid_token")

		// A code that is bound (dpop_jkt) is exchanged with its key alone.
		bind := func(c *auth.AuthorizationCode) { c.Delegation.JKT = p.thumbprint() }
		exchange := func(q *prover) reply {
			pairs := []string{"grant_type", "authorization_code", "code", h.code(c, "openid", bind), "code_verifier", verifier, "redirect_uri", callback}
			if q == nil {
				return h.form("/oauth2/token", c, pairs)
			}
			return h.form("/oauth2/token", c, pairs, "DPoP", q.proof("POST", "/oauth2/token", ""))
		}
		exchange(nil).refused(400, "invalid_dpop_proof")
		exchange(thief).refused(400, "invalid_dpop_proof")
		exchange(p).want(200)
	})
}

// A refresh token that is bound is of use to its key alone, and a wrong try changes nothing (RT-05).
func TestBoundRefresh_RT05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c, p, thief := h.client(public), h.prover(), h.prover()
		refresh := p.bound(c, "openid offline_access").text("refresh_token")
		pairs := []string{"grant_type", "refresh_token", "refresh_token", refresh}
		h.form("/oauth2/token", c, pairs).refused(400, "invalid_dpop_proof")
		h.form("/oauth2/token", c, pairs, "DPoP", thief.proof("POST", "/oauth2/token", "")).refused(400, "invalid_dpop_proof")
		h.form("/oauth2/token", h.client(public), pairs, "DPoP", p.proof("POST", "/oauth2/token", "")).refused(400, "invalid_grant")
		next := h.form("/oauth2/token", c, pairs, "DPoP", p.proof("POST", "/oauth2/token", "")).want(200)
		if next.object()["token_type"] != "DPoP" || next.text("refresh_token") == refresh {
			t.Errorf("%s", next.Body)
		}
		// A client that registered for bound tokens gets no other.
		strict := h.client(func(c *auth.Client) { c.Settings.OAuth.DPoPBound = true })
		h.token(strict, "grant_type", "client_credentials", "scope", "read").refused(400, "invalid_dpop_proof")
	})
}

// Where no nonce is asked for, none is sent and none needed; a wrong one is still wrong.
func TestNoNonce(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.OAuth.DPoPNonce = "off" }))
	h := newIssuing(t, i)
	c, p := h.client(), h.prover()
	if p.nonce() != "" {
		t.Error("a nonce")
	}
	ask := func(nonce any) reply {
		proof := signedAs(t, p.key, "ES256", object{"typ": "dpop+jwt", "jwk": p.jwk()}, p.claims("POST", "/oauth2/token", "", object{"nonce": nonce}))
		return h.form("/oauth2/token", c, []string{"grant_type", "client_credentials", "scope", "read"}, "DPoP", proof)
	}
	ask(nil).want(200)
	ask("wrong").refused(400, "use_dpop_nonce")
}
