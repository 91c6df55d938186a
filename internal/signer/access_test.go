package signer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary-id/ostiary/internal/auth"
)

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// payload is the JSON of good claims.
func (b *bench) payload() string {
	b.t.Helper()
	c := b.claims()
	c.Issuer = issuer
	text, err := json.Marshal(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// header is a good one with our current key.
func (b *bench) header() string {
	return fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, b.kid(""))
}

// craft signs any header and payload with our own current key: what an attacker would get out of us at most.
func (b *bench) craft(header, payload string) string {
	b.t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	signature, err := b.set.Load().signing(auth.AlgorithmES256, b.clock.Now()).sign([]byte(input))
	if err != nil {
		b.t.Fatal(err)
	}
	return input + "." + b64(signature)
}

// with changes one member of good claims.
func (b *bench) with(name string, value any) string {
	b.t.Helper()
	members := map[string]any{}
	if err := json.Unmarshal([]byte(b.payload()), &members); err != nil {
		b.t.Fatal(err)
	}
	if members[name] = value; value == nil {
		delete(members, name)
	}
	text, err := json.Marshal(members)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.craft(b.header(), string(text))
}

func hs256(key []byte, input string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(input))
	return input + "." + b64(h.Sum(nil))
}

func TestSignAndVerify_TK07(t *testing.T) {
	b := lite(t)
	for _, algorithm := range []string{"", auth.AlgorithmES256, auth.AlgorithmEdDSA, auth.AlgorithmRS256, auth.AlgorithmHS256} {
		token := b.token(algorithm, b.claims())
		want := b.claims()
		want.Issuer = issuer
		got, err := b.VerifyAccess(t.Context(), token)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", algorithm, diff)
		}
		if len(token) > 1200 {
			t.Errorf("%s: %d bytes", algorithm, len(token))
		}
		if algorithm == auth.AlgorithmHS256 {
			continue
		}
		// Somebody else verifies it with the JWKS alone.
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(b.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256})
		if err != nil || len(set.Key(jws.Signatures[0].Header.KeyID)) != 1 {
			t.Fatalf("%s: %v", algorithm, err)
		}
		payload, err := jws.Verify(set.Key(jws.Signatures[0].Header.KeyID)[0])
		if err != nil || jws.Signatures[0].Header.ExtraHeaders["typ"] != "at+jwt" {
			t.Fatalf("%s: %v", algorithm, err)
		}
		for _, name := range []string{"iss", "sub", "aud", "client_id", "sid", "jti", "iat", "exp", "auth_time", "amr", "app", "role", "scope"} {
			if !bytes.Contains(payload, []byte(`"`+name+`":`)) {
				t.Errorf("%s is not in %s", name, payload)
			}
		}
	}
	least, err := b.VerifyAccess(t.Context(), b.token("", AccessClaims{Subject: "x", IssuedAt: 1, ExpiresAt: b.clock.Now().Unix() + 1}))
	if err != nil || least.Issuer != issuer || least.Audience != issuer {
		t.Errorf("%+v, %v", least, err)
	}
}

// TestExpiry_TK10: no leeway after the end, and a minute for issuers whose clock is ahead.
func TestExpiry_TK10(t *testing.T) {
	b := lite(t)
	claims := b.claims()
	claims.ExpiresAt = claims.IssuedAt + 1
	token := b.token("", claims)
	b.clock.Advance(time.Second - time.Millisecond)
	b.accepts(token)
	b.clock.Advance(time.Millisecond)
	b.refuses(token, auth.CodeTokenExpired)
	b.clock.Advance(-61 * time.Second)
	b.accepts(token)
	b.clock.Advance(-time.Second)
	b.refuses(token, auth.CodeInvalidToken)
}

// TestAttackCorpus_TK01_TK02_TK03_TK06_TK08 holds what must never pass, and that nothing but invalid-token is told.
func TestAttackCorpus_TK01_TK02_TK03_TK06_TK08(t *testing.T) {
	b := lite(t)
	good := b.token("", b.claims())
	parts := strings.Split(good, ".")
	signing, kid := parts[0]+"."+parts[1], b.kid("")
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stolen := jose.JSONWebKey{Key: attacker.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"}
	embedded, err := stolen.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	byAttacker := func(header string) string {
		input := b64([]byte(header)) + "." + parts[1]
		digest := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, attacker, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	headerWith := func(member string) string { return `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt",` + member + `}` }
	ownWith := func(member string) string { return b.craft(headerWith(member), b.payload()) }
	alg := func(name string) string {
		return b64([]byte(`{"alg":"`+name+`","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + parts[1]
	}
	typ := func(name string) string {
		return b.craft(`{"alg":"ES256","kid":"`+kid+`","typ":`+name+`}`, b.payload())
	}
	keyed := func(id string) string { return b.craft(`{"alg":"ES256","kid":`+id+`,"typ":"at+jwt"}`, b.payload()) }
	body := func(text string) string { return b.craft(b.header(), text) }
	order := elliptic.P256().Params().N
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	ownPublic := ids(b.published()) // only to know that the text exists
	corpus := map[string]string{
		"alg none":                   alg("none") + ".",
		"alg None":                   alg("None") + ".",
		"alg NONE with signature":    alg("NONE") + "." + parts[2],
		"alg nOnE":                   alg("nOnE") + "." + b64([]byte("x")),
		"alg empty":                  alg("") + "." + parts[2],
		"HS256 with the public JWK":  hs256([]byte(b.rows()[0].PublicJWK), alg("HS256")),
		"HS256 with the JWKS":        hs256(b.JWKS(), alg("HS256")),
		"HS256 with the kid":         hs256([]byte(ownPublic), alg("HS256")),
		"HS256 with nothing":         hs256(nil, alg("HS256")),
		"ES384":                      alg("ES384") + "." + parts[2],
		"RS256":                      alg("RS256") + "." + parts[2],
		"EdDSA":                      alg("EdDSA") + "." + parts[2],
		"alg es256":                  alg("es256") + "." + parts[2],
		"another key, our kid":       byAttacker(b.header()),
		"another key, its jwk":       byAttacker(headerWith(`"jwk":` + string(embedded))),
		"own key, jwk":               ownWith(`"jwk":` + string(embedded)),
		"jku":                        ownWith(`"jku":"https://evil.example/jwks.json"`),
		"x5u":                        ownWith(`"x5u":"https://evil.example/cert.pem"`),
		"x5c":                        ownWith(`"x5c":["MIIB"]`),
		"crit":                       ownWith(`"crit":["exp"],"exp":1`),
		"crit b64":                   ownWith(`"crit":["b64"],"b64":false`),
		"zip":                        ownWith(`"zip":"DEF"`),
		"cty":                        ownWith(`"cty":"JWT"`),
		"unknown member":             ownWith(`"nonce":"x"`),
		"alg twice":                  ownWith(`"alg":"none"`),
		"kid twice":                  ownWith(`"kid":"x"`),
		"typ twice":                  ownWith(`"typ":"at+jwt"`),
		"Alg beside alg":             ownWith(`"Alg":"none"`),
		"ALG instead of alg":         b.craft(`{"ALG":"ES256","kid":"`+kid+`","typ":"at+jwt"}`, b.payload()),
		"no kid":                     b.craft(`{"alg":"ES256","typ":"at+jwt"}`, b.payload()),
		"kid empty":                  keyed(`""`),
		"kid null":                   keyed(`null`),
		"kid number":                 keyed(`1`),
		"kid path":                   keyed(`"../../../../dev/null"`),
		"kid SQL":                    keyed(`"' OR 1=1 --"`),
		"kid URL":                    keyed(`"https://evil.example/key"`),
		"kid of 10 kB":               keyed(`"` + strings.Repeat("k", 10000) + `"`),
		"kid of the shared secret":   keyed(`"hs256.default"`),
		"kid of an empty app":        keyed(`"hs256."`),
		"kid with NUL":               keyed(`"` + kid + `\u0000"`),
		"typ missing":                b.craft(`{"alg":"ES256","kid":"`+kid+`"}`, b.payload()),
		"typ JWT":                    typ(`"JWT"`),
		"typ logout":                 typ(`"logout+jwt"`),
		"typ dpop":                   typ(`"dpop+jwt"`),
		"typ secevent":               typ(`"secevent+jwt"`),
		"typ twice application":      typ(`"application/application/at+jwt"`),
		"typ number":                 typ(`7`),
		"header no object":           b.craft(`["alg"]`, b.payload()),
		"header trailing":            b.craft(b.header()+" {}", b.payload()),
		"header not JSON":            b.craft(`{alg:ES256}`, b.payload()),
		"payload of another token":   parts[0] + "." + b64([]byte(strings.Replace(b.payload(), "user-ada", "user-eve", 1))) + "." + parts[2],
		"signature missing":          signing + ".",
		"signature cut":              signing + "." + parts[2][:80],
		"signature longer":           signing + "." + b64(append(bytes.Clone(raw), 0)),
		"signature padded":           good + "==",
		"signature in DER":           signing + "." + b64(der),
		"r and s zero":               signing + "." + b64(make([]byte, 64)),
		"r zero":                     signing + "." + b64(append(make([]byte, 32), raw[32:]...)),
		"s zero":                     signing + "." + b64(append(bytes.Clone(raw[:32]), make([]byte, 32)...)),
		"r and s the order":          signing + "." + b64(append(order.Bytes(), order.Bytes()...)),
		"signature of other bits":    signing + "." + parts[2][:85] + flip(parts[2][85]),
		"standard alphabet":          parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43),
		"line break in signature":    signing + "." + parts[2][:40] + "\n" + parts[2][40:],
		"line break in payload":      parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2],
		"space before":               " " + good,
		"space behind":               good + " ",
		"Bearer before":              "Bearer " + good,
		"empty":                      "",
		"one part":                   parts[0],
		"two parts":                  signing,
		"four parts":                 good + ".",
		"five parts":                 good + "." + parts[1] + "." + parts[2],
		"only dots":                  "..",
		"JSON serialisation":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"8 KiB and a byte":           signing + "." + strings.Repeat("A", 8193-len(signing)-1),
		"payload not JSON":           body("subject"),
		"payload a list":             body(`["sub"]`),
		"payload null":               body(`null`),
		"payload empty object":       body(`{}`),
		"payload trailing":           body(b.payload() + `{}`),
		"sub twice":                  body(strings.Replace(b.payload(), "{", `{"sub":"user-eve",`, 1)),
		"exp twice":                  body(strings.Replace(b.payload(), "{", `{"exp":9999999999,`, 1)),
		"Sub instead of sub":         body(strings.Replace(b.payload(), `"sub"`, `"Sub"`, 1)),
		"exp a string":               b.with("exp", "9999999999"),
		"exp a fraction":             b.with("exp", 9999999999.5),
		"exp missing":                b.with("exp", nil),
		"exp negative":               b.with("exp", -1),
		"iat missing":                b.with("iat", nil),
		"iat in the future":          b.with("iat", b.clock.Now().Unix()+3600),
		"nbf in the future":          b.with("nbf", b.clock.Now().Unix()+3600),
		"sub missing":                b.with("sub", nil),
		"sub a number":               b.with("sub", 7),
		"aud missing":                b.with("aud", nil),
		"aud a list":                 b.with("aud", []string{"https://api.example.com", "other"}),
		"iss missing":                b.with("iss", nil),
		"iss another":                b.with("iss", "https://evil.example"),
		"iss with slash":             b.with("iss", issuer+"/"),
		"expired and badly signed":   parts[0] + "." + b64([]byte(strings.Replace(b.payload(), `"exp":`, `"exp":1,"x":`, 1))) + "." + parts[2],
		"deep":                       body(`{"sub":` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + `}`),
		"an API key":                 "sk_0123456789012345678901234567890123456789",
		"a refresh token's dots":     "v1.1.family.7.mac",
		"invalid UTF-8 in the token": "\xff.\xfe.\xfd",
	}
	b.accepts(good)
	for _, name := range []string{`"at+jwt"`, `"AT+JWT"`, `"application/at+jwt"`, `"Application/AT+jwt"`} {
		b.accepts(typ(name))
	}
	for name, token := range corpus {
		t.Run(name, func(t *testing.T) {
			c, err := b.VerifyAccess(context.Background(), token)
			if !auth.Is(err, auth.CodeInvalidToken) || c.Subject != "" || len(c.AMR) != 0 {
				t.Fatalf("got %+v, %v", c, err)
			}
			if text := auth.AsError(err).Text(); text != auth.CodeInvalidToken.Title() {
				t.Errorf("the answer says why: %s", text)
			}
		})
	}
	if len(corpus) < 100 {
		t.Errorf("the corpus shrank to %d", len(corpus))
	}
}

// flip gives a character that differs in the bits which a 64-byte signature does not use.
func flip(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// TestErrorsAreTerminal_TK05: a token of ours that is over says so only if its signature stands.
func TestErrorsAreTerminal_TK05(t *testing.T) {
	b := lite(t)
	token := b.token("", b.claims())
	b.clock.Advance(time.Hour)
	b.refuses(token, auth.CodeTokenExpired)
	b.refuses(token[:len(token)-2]+"AA", auth.CodeInvalidToken)
}

// TestManyDots_TK04: size and dots are looked at before anything is allocated.
func TestManyDots_TK04(t *testing.T) {
	b := lite(t)
	for name, token := range map[string]string{"a megabyte of dots": strings.Repeat(".", 1<<20), "dots within the size": strings.Repeat(".", 8000),
		"a megabyte": strings.Repeat("A", 1<<20) + ".A.A"} {
		allocations := testing.AllocsPerRun(20, func() { _, _ = b.VerifyAccess(context.Background(), token) })
		if allocations > 4 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

// TestEveryByteCounts_TK11: no token with one character changed, lost or added is one of ours.
func TestEveryByteCounts_TK11(t *testing.T) {
	b := lite(t)
	for _, algorithm := range []string{auth.AlgorithmES256, auth.AlgorithmHS256} {
		token := b.token(algorithm, b.claims())
		for i := range token {
			for _, changed := range []string{token[:i] + flipAny(token[i]) + token[i+1:], token[:i] + token[i+1:]} {
				if _, err := b.VerifyAccess(t.Context(), changed); !auth.Is(err, auth.CodeInvalidToken) {
					t.Fatalf("%s, character %d: %v", algorithm, i, err)
				}
			}
		}
	}
}

func flipAny(c byte) string {
	if c == '.' {
		return "A"
	}
	return flip(c)
}

// TestSharedSecret holds that resource servers can verify with the app's secret, and that what they sign themselves
// is not taken for ours.
func TestSharedSecret(t *testing.T) {
	b := lite(t)
	token := b.token(auth.AlgorithmHS256, b.claims())
	parts := strings.Split(token, ".")
	key := b.HS256Secret(auth.DefaultApp)
	if hs256(key, parts[0]+"."+parts[1]) != token || len(key) != 32 {
		t.Fatal("a resource server cannot verify it")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	forge := func(kid, payload string, key []byte) string {
		return hs256(key, b64([]byte(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`))+"."+b64([]byte(payload)))
	}
	own := string(payload)
	b.accepts(forge("hs256.default", own, key))
	for name, forged := range map[string]string{
		"another role":      forge("hs256.default", strings.Replace(own, `"role":"user"`, `"role":"admin"`, 1), key),
		"another user":      forge("hs256.default", strings.Replace(own, "user-ada", "user-eve", 1), key),
		"later end":         forge("hs256.default", strings.Replace(own, `"exp":`, `"exp":9`, 1), key),
		"without the proof": forge("hs256.default", b.payload(), key),
		"another app":       forge("hs256.other", own, b.HS256Secret("other")),
		"app of the claims": forge("hs256.other", strings.Replace(own, `"app":"default"`, `"app":"other"`, 1), b.HS256Secret("other")),
		"signed by nobody":  forge("hs256.default", own, nil),
		"of another alg":    strings.Replace(forge("hs256.default", own, key), b64([]byte(`{"alg":"HS256"`))[:18], b64([]byte(`{"alg":"none" `))[:18], 1),
	} {
		if _, err := b.VerifyAccess(t.Context(), forged); !auth.Is(err, auth.CodeInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bytes.Equal(key, b.HS256Secret("other")) || strings.Contains(string(b.JWKS()), "oct") {
		t.Error("the secret is shared between apps, or published")
	}
	nowhere := b.claims()
	nowhere.App = ""
	if _, err := b.SignAccess(t.Context(), auth.AlgorithmHS256, nowhere); err == nil {
		t.Error("signed for no app")
	}
}

func FuzzVerifyAccess(f *testing.F) {
	b := lite(f)
	good := b.token("", b.claims())
	shared := b.token(auth.AlgorithmHS256, b.claims())
	f.Add(good)
	f.Add(shared)
	f.Add(b.craft(b.header(), `{"sub":"x","exp":1}`))
	f.Add("..")
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := b.VerifyAccess(context.Background(), token); err == nil && token != good && token != shared {
			t.Fatalf("%q passes", token)
		}
	})
}
