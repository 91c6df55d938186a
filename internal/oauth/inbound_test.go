package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// foreign makes a JWT of somebody else's.
func foreign(t testing.TB, key any, alg jose.SignatureAlgorithm, header map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	o := &jose.SignerOptions{ExtraHeaders: header}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (h *house) proof(t testing.TB, key *ecdsa.PrivateKey, jti string) string {
	t.Helper()
	return foreign(t, key, jose.ES256, map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: key.Public()}},
		map[string]any{"jti": jti, "htm": "POST", "htu": testIssuer + TokenPath, "iat": h.clock.Now().Unix(), "nonce": h.Nonce()})
}

func testKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Exactly one header holds a proof (RFC 9449 section 4.3, point 1).
func TestOneProof_DP01(t *testing.T) {
	h := sqliteHouse(t)
	key := testKey(t)
	check := func(proofs ...string) error {
		_, err := h.CheckProof(t.Context(), ProofCheck{Headers: proofs, Method: "POST", URL: testIssuer + TokenPath})
		return err
	}
	wantCode(t, check(), InvalidDPoPProof)
	wantCode(t, check(h.proof(t, key, "a"), h.proof(t, key, "b")), InvalidDPoPProof)
	if err := check(h.proof(t, key, "a")); err != nil {
		t.Error(err)
	}
	wantCode(t, check(h.proof(t, key, "a")), InvalidDPoPProof)
}

// One proof among many requests at once is taken once, on both engines.
func TestProofOnceInParallel_DP01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		proof, won := h.proof(t, testKey(t), "raced"), make(chan bool, 20)
		for range cap(won) {
			go func() {
				_, err := h.CheckProof(t.Context(), ProofCheck{Headers: []string{proof}, Method: "POST", URL: testIssuer + TokenPath})
				won <- err == nil
			}()
		}
		n := 0
		for range cap(won) {
			if <-won {
				n++
			}
		}
		if n != 1 {
			t.Errorf("taken %d times", n)
		}
	})
}

// A key is named by its whole thumbprint, EdDSA by either of its names (RFC 9864).
func TestEdwardsByBothNames(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	input := b64.EncodeToString([]byte(`{"alg":"Ed25519","typ":"dpop+jwt"}`)) + "." + b64.EncodeToString([]byte(`{"jti":"a"}`))
	token := input + "." + b64.EncodeToString(ed25519.Sign(private, []byte(input)))
	in, err := readInbound(token, maxProof)
	if err != nil {
		t.Fatal(err)
	}
	var c proofClaims
	if err := in.verify(jose.JSONWebKey{Key: public}, &c); err != nil || c.ID != "a" {
		t.Errorf("%+v %v", c, err)
	}
	in.token = input + "." + b64.EncodeToString(make([]byte, ed25519.SignatureSize))
	if err := in.verify(jose.JSONWebKey{Key: public}, &c); err == nil {
		t.Error("a signature of zeros stands")
	}
	if err := in.verify(jose.JSONWebKey{Key: testKey(t).Public()}, &c); err == nil {
		t.Error("a key of another kind verifies")
	}
}

// Members that stand twice, or in another case, are refused or not ours (TK-06).
func TestInboundJSONIsStrict_TK06(t *testing.T) {
	b64 := base64.RawURLEncoding
	for _, header := range []string{`{"alg":"ES256","alg":"ES256"}`, `{"ALG":"ES256"}`, `{"alg":"none"}`, `{"alg":"HS256"}`, `[]`, `{"alg":1}`,
		`{"alg":"ES256","crit":["x"]}`, `{"alg":"ES256","x5c":[]}`, `{"alg":"ES256","b64":false}`, ``} {
		if _, err := readInbound(b64.EncodeToString([]byte(header))+".e30.AA", maxProof); err == nil {
			t.Errorf("%s is taken", header)
		}
	}
	start := time.Now()
	for _, text := range []string{strings.Repeat(".", 1<<20), strings.Repeat("a", 1<<20), "..", "", "a.b", "a.b.c.d.e"} {
		if _, err := readInbound(text, maxAssertion); err == nil {
			t.Errorf("%.10q is taken", text)
		}
	}
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("refusing took %s", took)
	}
}

func TestSameTarget(t *testing.T) {
	for given, same := range map[string]bool{
		"https://id.example/oauth2/token": true, "HTTPS://ID.example:443/oauth2/token": true, "https://id.example/oauth2/token?a=b#c": true,
		"http://id.example/oauth2/token": false, "https://id.example:8443/oauth2/token": false, "https://id.example/oauth2/token/": false,
		"https://id.example/oauth2/../oauth2/token": false, "https://id.example/OAUTH2/token": false, "/oauth2/token": false,
		"https://u@id.example/oauth2/token": false, "": false, "::": false, "https://id.example/oauth2%2ftoken": false,
	} {
		if got := sameTarget(given, testIssuer+TokenPath); got != same {
			t.Errorf("%s: %v", given, got)
		}
	}
	if !sameTarget("http://[::1]:80", "http://[::1]/") {
		t.Error("an address of IPv6")
	}
}

// FuzzProof takes no text for a proof but the one that is.
func FuzzProof(f *testing.F) {
	h := sqliteHouse(f)
	good := h.proof(f, testKey(f), "seed")
	f.Add(good)
	f.Add("")
	f.Add(strings.Repeat(".", 10))
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Fuzz(func(t *testing.T, text string) {
		jkt, err := h.CheckProof(t.Context(), ProofCheck{Headers: []string{text}, Method: "POST", URL: testIssuer + TokenPath})
		if err == nil && (text != good || jkt == "") {
			t.Errorf("%q is taken", text)
		}
		if err != nil && !Is(err, InvalidDPoPProof) && !Is(err, UseDPoPNonce) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func FuzzClientAssertion(f *testing.F) {
	h := sqliteHouse(f)
	key := testKey(f)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}})
	if err != nil {
		f.Fatal(err)
	}
	c, _ := h.client(func(o *auth.OAuthSettings) { o.AuthMethod, o.JWKS = auth.ClientAuthPrivateKeyJWT, keys })
	good := foreign(f, key, jose.ES256, nil, map[string]any{"iss": c.ID, "sub": c.ID, "aud": testIssuer, "jti": "a", "exp": h.clock.Now().Unix() + 60})
	f.Add(good)
	f.Add("a.b.c")
	f.Add(strings.ToUpper(good))
	f.Fuzz(func(t *testing.T, text string) {
		_, err := h.AuthenticateClient(t.Context(), ClientRequest{Form: Form{"client_assertion": {text}, "client_assertion_type": {assertionType}}})
		if err == nil && text != good {
			t.Errorf("%q is taken", text)
		}
		if err != nil && !Is(err, InvalidClient) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func FuzzBasic(f *testing.F) {
	f.Add("YTpi")
	f.Add(base64.StdEncoding.EncodeToString([]byte("a%3Ab:c%2B")))
	f.Add("YQ")
	f.Fuzz(func(t *testing.T, text string) {
		id, password, err := basic(text)
		if err != nil && (id != "" || password != "" || !Is(err, InvalidClient)) {
			t.Errorf("%q: %q %q %v", text, id, password, err)
		}
	})
}

// FuzzToken asks about arbitrary texts: nothing but what was issued is active, and nothing is a fault of ours.
func FuzzToken(f *testing.F) {
	h := sqliteHouse(f)
	c, password := h.client(func(o *auth.OAuthSettings) { o.TokenFormat = auth.TokenFormatOpaque })
	got := must(f)(h.redeem(c, password, h.code(c, h.signedIn(h.person()), "openid", "offline_access")))
	other, password2 := h.client()
	signed := must(f)(h.ask(other, password2, "grant_type", auth.GrantClientCredentials, "scope", "read"))
	alive := []string{got.AccessToken, got.RefreshToken}
	f.Add(got.AccessToken)
	f.Add(got.RefreshToken)
	f.Add(signed.AccessToken)
	f.Add(got.AccessToken + "=")
	f.Add("oat1.")
	f.Add("ort1....")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := h.Introspect(t.Context(), IntrospectRequest{ClientRequest: ClientRequest{Authorization: basicOf(c, password), Form: Form{"token": {text}}}})
		if err != nil {
			if !Is(err, InvalidRequest) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if string(out.Body) != inactive && text != alive[0] && text != alive[1] {
			t.Errorf("%q is active: %s", text, out.Body)
		}
	})
}
