package factor

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func newParty(t testing.TB, o PartyOptions) *Party {
	t.Helper()
	p, err := NewParty(o)
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	return p
}

// The relying party follows from the settings alone (WA-10).
func TestParty_WA10(t *testing.T) {
	for _, c := range []struct {
		o       PartyOptions
		id      string
		origins []string
	}{
		{PartyOptions{PublicURL: "https://id.example.com"}, "id.example.com", []string{"https://id.example.com"}},
		{PartyOptions{PublicURL: "https://id.example.com:8443/"}, "id.example.com", []string{"https://id.example.com:8443"}},
		{PartyOptions{PublicURL: "https://id.example.com", ID: "example.com"}, "example.com", []string{"https://id.example.com"}},
		{PartyOptions{PublicURL: "http://127.0.0.1:8080"}, "localhost", []string{"http://localhost:8080"}},
		{PartyOptions{PublicURL: "http://[::1]:8080"}, "localhost", []string{"http://localhost:8080"}},
		{PartyOptions{PublicURL: "https://id.example.com", Related: []string{"https://shop.example"}}, "id.example.com",
			[]string{"https://id.example.com", "https://shop.example"}},
	} {
		p := newParty(t, c.o)
		if p.ID != c.id || !slices.Equal(p.Origins(), c.origins) {
			t.Errorf("%+v: %s %v", c.o, p.ID, p.Origins())
		}
	}
	if p, err := NewParty(PartyOptions{PublicURL: "https://192.0.2.1"}); p != nil || err != nil {
		t.Errorf("an address: %v %v", p, err)
	}
	for _, o := range []PartyOptions{
		{PublicURL: "https://id.example.com", ID: "example.org"}, {PublicURL: "https://id.example.com", ID: "com"},
		{PublicURL: "https://id.example.com", ID: "d.example.com"}, {PublicURL: "https://192.0.2.1", ID: "example.com"},
		{PublicURL: "https://id.example.com", Related: []string{"http://shop.example"}},
		{PublicURL: "https://id.example.com", Related: []string{"https://shop.example/"}}, {PublicURL: ""},
	} {
		if p, err := NewParty(o); err == nil {
			t.Errorf("%+v: %v", o, p)
		}
	}
}

// registering is a flow on its way with the authenticator's answer to it.
func registering(t testing.TB, kind virtualwebauthn.KeyType) (*Factors, Registration, map[string]any) {
	t.Helper()
	f := &Factors{Rand: rand.Reader, Clock: storetest.NewClock().Now, Party: newParty(t, PartyOptions{PublicURL: "https://id.example.com"})}
	r := Registration{Flow: "flow", Owner: PasskeyOwner{Handle: bytes.Repeat([]byte{7}, handleBytes), Name: "jo", DisplayName: "Jo"}}
	options, err := f.CreationOptions(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := virtualwebauthn.ParseAttestationOptions(string(text))
	if err != nil {
		t.Fatal(err)
	}
	rp := virtualwebauthn.RelyingParty{ID: "id.example.com", Origin: "https://id.example.com"}
	answer := virtualwebauthn.CreateAttestationResponse(rp, virtualwebauthn.NewAuthenticator(), newKey(kind), *asked)
	var credential map[string]any
	if err := json.Unmarshal([]byte(answer), &credential); err != nil {
		t.Fatal(err)
	}
	return f, r, credential
}

// newKey makes a key whose coordinates are written in 32 bytes each (RFC 9053 section 7.1.1): the library drops a zero in
// front, which one key in 128 has, and no server takes such a key.
func newKey(kind virtualwebauthn.KeyType) virtualwebauthn.Credential {
	const whole = 77
	for {
		c := virtualwebauthn.NewCredential(kind)
		if kind != virtualwebauthn.KeyTypeEC2 || len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// Only keys of the offered algorithms are taken, whatever the browser's script allowed (WA-03). Without an attestation
// nothing signs the key, so a changed one has to be refused by its algorithm alone.
func TestAlgorithms_WA03(t *testing.T) {
	for _, c := range []struct {
		kind     virtualwebauthn.KeyType
		from, to []byte
	}{
		{virtualwebauthn.KeyTypeEC2, []byte{0x01, 0x02, 0x03, 0x26}, []byte{0x01, 0x02, 0x03, 0x38, 0x22}}, // ES256, ES384
		{virtualwebauthn.KeyTypeRSA, []byte{0x03, 0x39, 0x01, 0x00}, []byte{0x03, 0x39, 0x01, 0x02}},       // RS256, RS512
	} {
		f, r, credential := registering(t, c.kind)
		response := credential["response"].(map[string]any)
		object, err := base64.RawURLEncoding.DecodeString(response["attestationObject"].(string))
		if err != nil {
			t.Fatal(err)
		}
		data := authData(t, object)
		for name, want := range map[string]bool{"offered": true, "not offered": false} {
			key := data
			if !want {
				if key = bytes.Replace(data, c.from, c.to, 1); bytes.Equal(key, data) {
					t.Fatalf("%s: there is no algorithm to change", c.kind)
				}
			}
			response["attestationObject"] = base64.RawURLEncoding.EncodeToString(unattested(key))
			if _, err := f.VerifyNew(r, credential); want != (err == nil) || !want && !auth.Is(err, auth.CodeInvalidRequest) {
				t.Errorf("%s, %s: %v", c.kind, name, err)
			}
		}
	}
}

// authData cuts the authenticator data out of an attestation object, where it is a byte string of one or two bytes of
// length.
func authData(t *testing.T, object []byte) []byte {
	t.Helper()
	at := bytes.Index(object, []byte("\x68authData")) + len("\x68authData")
	switch object[at] {
	case 0x58:
		return object[at+2 : at+2+int(object[at+1])]
	case 0x59:
		return object[at+3 : at+3+int(object[at+1])<<8+int(object[at+2])]
	}
	t.Fatalf("a head of %x", object[at])
	return nil
}

// unattested is the attestation object of format none.
func unattested(data []byte) []byte {
	head := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59")
	return append(append(head, byte(len(data)>>8), byte(len(data))), data...)
}

// Two flows have two challenges of 32 bytes, and none is what is stored of the secret (WA-01).
func TestChallenge_WA01(t *testing.T) {
	a, b := challengeOf("a"), challengeOf("b")
	stored := sha256.Sum256([]byte("a"))
	if len(a) != 32 || bytes.Equal(a, b) || bytes.Equal(a, stored[:]) {
		t.Errorf("%x %x", a, b)
	}
}

// A user has no more passkeys than the house takes.
func TestPasskeyRoom(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		add := func(n int) error {
			return h.write(func(tx *store.Tx) error {
				return h.AddPasskey(tx, auth.Passkey{ID: auth.FactorID(fmt.Sprint("key", n)), App: auth.DefaultApp, User: u,
					CredentialID: []byte{byte(n)}, PublicKey: []byte{1}, Name: "Key"})
			})
		}
		for n := range auth.PasskeyMax {
			h.must(add(n))
		}
		if err := add(auth.PasskeyMax); !auth.Is(err, auth.CodeLimitReached) {
			t.Fatalf("one too many: %v", err)
		}
		h.must(h.write(func(tx *store.Tx) error {
			n, err := h.RemovePasskeys(tx, auth.DefaultApp, u)
			if n != auth.PasskeyMax {
				t.Errorf("%d removed", n)
			}
			return err
		}))
	})
}

// Whatever a browser sends is read or refused, in our own words (WA-10).
func FuzzPasskeyAnswers_WA10(f *testing.F) {
	factors, r, credential := registering(f, virtualwebauthn.KeyTypeEC2)
	seed, err := json.Marshal(credential)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"n39_"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer map[string]any
		if json.Unmarshal(data, &answer) != nil {
			return
		}
		if _, err := factors.VerifyNew(r, answer); err != nil && !auth.Is(err, auth.CodeInvalidRequest) {
			t.Fatalf("making: %v", err)
		}
		a, err := ReadAssertion(answer)
		if err != nil {
			if !auth.Is(err, auth.CodeInvalidRequest) {
				t.Fatalf("use: %v", err)
			}
			return
		}
		p := auth.Passkey{CredentialID: a.CredentialID(), PublicKey: []byte{0xa0}}
		owner := PasskeyOwner{Handle: r.Owner.Handle, Passkeys: []auth.Passkey{p}}
		for _, c := range []Ceremony{{Flow: "flow", VerifyUser: true}, {Flow: "flow", Owner: &owner}} {
			if _, ok := factors.VerifyUse(c, a, p, owner); ok {
				t.Fatal("an answer without a key is believed")
			}
		}
	})
}
