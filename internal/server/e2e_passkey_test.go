package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// device is an authenticator with one passkey, in a browser at an origin.
type device struct {
	t    *testing.T
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

// newKey makes a key whose coordinates are written as they are told to be, in 32 bytes each (RFC 9053 section 7.1.1): the
// library drops a zero in front, which one key in 128 has, and no server takes such a key.
func newKey() virtualwebauthn.Credential {
	const whole = 77
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

func newDevice(t *testing.T, i *servertest.Instance) *device {
	t.Helper()
	origin := strings.Replace(i.URL, "127.0.0.1", "localhost", 1)
	return &device{t: t, rp: virtualwebauthn.RelyingParty{ID: "localhost", Name: "Ostiary", Origin: origin},
		auth: virtualwebauthn.NewAuthenticator(), key: newKey()}
}

// make answers what the server asks for a new passkey.
func (d *device) make(options map[string]any) map[string]any {
	d.t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(encoded(d.t, options))
	if err != nil {
		d.t.Fatal(err)
	}
	d.auth.Options.UserHandle = []byte(asked.UserID)
	return decoded(d.t, virtualwebauthn.CreateAttestationResponse(d.rp, d.auth, d.key, *asked))
}

// use answers what the server asks at a sign-in. The counter moves as that of a security key does.
func (d *device) use(options map[string]any) map[string]any {
	d.t.Helper()
	asked, err := virtualwebauthn.ParseAssertionOptions(encoded(d.t, options))
	if err != nil {
		d.t.Fatal(err)
	}
	return decoded(d.t, virtualwebauthn.CreateAssertionResponse(d.rp, d.auth, d.key, *asked))
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decoded(t *testing.T, text string) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// holder is a user with a verified address, signed in, with a passkey on a device.
type holder struct {
	in      client.SignedIn
	me      *client.Client
	device  *device
	passkey client.Passkey
}

func newHolder(t *testing.T, i *servertest.Instance, email string) holder {
	t.Helper()
	in := signUp(t, i, i.Client, email)
	h := holder{in: in, me: i.Client.WithToken(in.Tokens.AccessToken), device: newDevice(t, i)}
	h.passkey = h.register(t, h.device)
	return h
}

func (h holder) register(t *testing.T, d *device) client.Passkey {
	t.Helper()
	begun := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyRegistration(t.Context(), false))
	return ok[client.Passkey](t)(h.me.FinishPasskeyRegistration(t.Context(), begun.Flow, d.make(begun.Options), ""))
}

func signInWith(t *testing.T, i *servertest.Instance, d *device) (client.SignedIn, error) {
	t.Helper()
	begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(t.Context(), ""))
	return i.Client.FinishPasskeySignIn(t.Context(), client.PasskeySignIn{Flow: begun.Flow, Credential: d.use(begun.Options), Device: "Desk"})
}

// claims are those of an access token.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(body))
}

func methods(t *testing.T, in client.SignedIn) string {
	t.Helper()
	return encoded(t, claims(t, in.Tokens.AccessToken)["amr"])
}

// The life of a passkey: made, listed, renamed, used, removed. It stands for two factors (WA-11).
func TestPasskey_WA11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		h := newHolder(t, i, "jo@example.com")
		if h.passkey.Name != "Passkey" || h.passkey.Syncable || h.passkey.LastUsedAt != nil || h.passkey.AAGUID == "" {
			t.Fatalf("made: %+v", h.passkey)
		}
		in := ok[client.SignedIn](t)(signInWith(t, i, h.device))
		if got := methods(t, in); got != `["hwk","user","mfa"]` {
			t.Errorf("amr %s", got)
		}
		if in.User.ID != h.in.User.ID || in.Session.Device != "Desk" || claims(t, in.Tokens.AccessToken)["auth_time"] == nil {
			t.Errorf("session %+v", in.Session)
		}
		renamed := ok[client.Passkey](t)(h.me.RenamePasskey(ctx, h.passkey.ID, " Blue key "))
		if renamed.Name != "Blue key" || renamed.LastUsedAt == nil {
			t.Errorf("renamed: %+v", renamed)
		}
		held := ok[client.Passkeys](t)(h.me.ListPasskeys(ctx))
		if len(held.Passkeys) != 1 || held.Signals == nil || held.Signals.RPID != "localhost" || held.Signals.CredentialIDs[0] != h.passkey.CredentialID ||
			held.Signals.Name != "jo@example.com" {
			t.Errorf("list: %+v %+v", held, held.Signals)
		}
		none(t, h.me.DeletePasskey(ctx, h.passkey.ID))
		_, err := signInWith(t, i, h.device)
		refusedAs(t, err, "not-found") // so that the browser may forget it
		if ok[client.Me](t)(i.Client.WithToken(in.Tokens.AccessToken).GetMe(ctx)).User.ID != in.User.ID {
			t.Error("removing a passkey ended a session")
		}
		mails := 0
		for _, m := range i.Mails("jo@example.com") {
			if strings.Contains(m.Text, "A passkey was added") || strings.Contains(m.Text, "A passkey was removed") {
				mails++
			}
		}
		if mails != 2 {
			t.Errorf("%d mails about passkeys", mails)
		}
	})
}

// A synced passkey says so, and is a key in software.
func TestSyncedPasskey(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "jo@example.com")
		phone := newDevice(t, i)
		phone.auth.Options.BackupEligible, phone.auth.Options.BackupState = true, true
		phone.auth.Aaguid = [16]byte{0xfb, 0xfc, 0x30, 0x07, 0x15, 0x4e, 0x4e, 0xcc, 0x8c, 0x0b, 0x6e, 0x02, 0x05, 0x57, 0xd7, 0xbd}
		p := h.register(t, phone)
		if p.Name != "Apple Passwords" || p.Model != "Apple Passwords" || !p.Syncable || !p.Synced {
			t.Errorf("made: %+v", p)
		}
		if got := methods(t, ok[client.SignedIn](t)(signInWith(t, i, phone))); got != `["swk","user","mfa"]` {
			t.Errorf("amr %s", got)
		}
		phone.auth.Options.BackupEligible, phone.auth.Options.BackupState = false, false // never changes (WA-02)
		_, err := signInWith(t, i, phone)
		refusedAs(t, err, "invalid-credentials")
	})
}

// A challenge is good for one answer, of one ceremony, within five minutes (WA-01).
func TestPasskeyChallengeOnce_WA01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		h := newHolder(t, i, "jo@example.com")
		begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, ""))
		if challenge, err := base64.RawURLEncoding.DecodeString(begun.Options["challenge"].(string)); err != nil || len(challenge) < 16 {
			t.Errorf("challenge %v %v", challenge, err)
		}
		answer := client.PasskeySignIn{Flow: begun.Flow, Credential: h.device.use(begun.Options)}
		ok[client.SignedIn](t)(i.Client.FinishPasskeySignIn(ctx, answer))
		_, err := i.Client.FinishPasskeySignIn(ctx, answer)
		refusedAs(t, err, "proof-invalid") // replay

		other := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, ""))
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: other.Flow, Credential: answer.Credential})
		refusedAs(t, err, "proof-invalid") // the answer to another flow
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: other.Flow, Credential: h.device.use(other.Options)})
		refusedAs(t, err, "proof-invalid") // the wrong answer killed it

		registration := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyRegistration(ctx, false))
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: registration.Flow, Credential: h.device.use(registration.Options)})
		refusedAs(t, err, "proof-invalid") // a flow of another ceremony
		stepUp := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyStepUp(ctx))
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: stepUp.Flow, Credential: h.device.use(stepUp.Options)})
		refusedAs(t, err, "proof-invalid")
		signIn := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, ""))
		_, err = h.me.FinishPasskeyRegistration(ctx, signIn.Flow, newDevice(t, i).make(registration.Options), "")
		refusedAs(t, err, "proof-invalid")

		late := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, ""))
		i.Clock.Advance(5*time.Minute + time.Second)
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: late.Flow, Credential: h.device.use(late.Options)})
		refusedAs(t, err, "proof-invalid")
	})
}

// Each single thing that is wrong with an answer makes it worthless (WA-02).
func TestPasskeyMutations_WA02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "jo@example.com")
		for name, change := range map[string]func(d *device, answer map[string]any) map[string]any{
			"another origin": func(d *device, _ map[string]any) map[string]any { d.rp.Origin = "https://evil.example"; return nil },
			"another port":   func(d *device, _ map[string]any) map[string]any { d.rp.Origin = "http://localhost:1"; return nil },
			"another party":  func(d *device, _ map[string]any) map[string]any { d.rp.ID = "evil.example"; return nil },
			"nobody present": func(d *device, _ map[string]any) map[string]any { d.auth.Options.UserNotPresent = true; return nil },
			"not verified":   func(d *device, _ map[string]any) map[string]any { d.auth.Options.UserNotVerified = true; return nil },
			"synced, though it cannot be": func(d *device, _ map[string]any) map[string]any {
				d.auth.Options.BackupState = true
				return nil
			},
			"nobody's handle": func(d *device, _ map[string]any) map[string]any { d.auth.Options.UserHandle = nil; return nil },
			"another handle": func(d *device, _ map[string]any) map[string]any {
				d.auth.Options.UserHandle = make([]byte, 64)
				return nil
			},
			"another key": func(d *device, _ map[string]any) map[string]any {
				id := d.key.ID
				d.key = newKey()
				d.key.ID = id
				return nil
			},
			"an id that is not the raw id": func(_ *device, a map[string]any) map[string]any { a["id"] = "AAAA"; return a },
			"a broken signature": func(_ *device, a map[string]any) map[string]any {
				a["response"].(map[string]any)["signature"] = "MEUCIQ"
				return a
			},
			"in a frame of another site": func(d *device, a map[string]any) map[string]any { return d.resigned(a, "crossOrigin", true) },
			"the making of a passkey":    func(d *device, a map[string]any) map[string]any { return d.resigned(a, "type", "webauthn.create") },
			"another type":               func(_ *device, a map[string]any) map[string]any { a["type"] = "password"; return a },
			"an empty answer":            func(*device, map[string]any) map[string]any { return map[string]any{} },
		} {
			t.Run(name, func(t *testing.T) {
				d := *h.device
				begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(t.Context(), ""))
				answer := change(&d, d.use(begun.Options))
				if answer == nil {
					answer = d.use(begun.Options)
				}
				_, err := i.Client.FinishPasskeySignIn(t.Context(), client.PasskeySignIn{Flow: begun.Flow, Credential: answer})
				if !client.IsCode(err, "invalid-credentials") && !client.IsCode(err, "invalid-request") && !client.IsCode(err, "proof-invalid") {
					t.Fatalf("got %v", err)
				}
			})
			i.Clock.Advance(time.Hour) // the guesses are back
		}
		ok[client.SignedIn](t)(signInWith(t, i, h.device))
	}, servertest.Configure(func(c *config.Config) { c.Lifetimes.Refresh = 1000 * time.Hour }))
}

// resigned is an answer whose client data says something else, under a right signature.
func (d *device) resigned(answer map[string]any, member string, value any) map[string]any {
	d.t.Helper()
	response := answer["response"].(map[string]any)
	text := func(name string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(response[name].(string))
		if err != nil {
			d.t.Fatal(err)
		}
		return b
	}
	data := decoded(d.t, string(text("clientDataJSON")))
	data[member] = value
	changed := encoded(d.t, data)
	hash := sha256.Sum256([]byte(changed))
	digest := sha256.Sum256(append(text("authenticatorData"), hash[:]...))
	signature, err := d.key.Key.Sign(digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	response["clientDataJSON"] = base64.RawURLEncoding.EncodeToString([]byte(changed))
	response["signature"] = base64.RawURLEncoding.EncodeToString(signature)
	return answer
}

// An authenticator's id is registered once, whoever comes with it; an answer that does not fit makes no passkey (WA-04).
func TestPasskeyRegistration_WA04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		h := newHolder(t, i, "jo@example.com")
		kim := signUp(t, i, i.Client, "kim@example.com")
		you := i.Client.WithToken(kim.Tokens.AccessToken)
		begun := ok[client.PasskeyFlow](t)(you.BeginPasskeyRegistration(ctx, false))
		_, err := you.FinishPasskeyRegistration(ctx, begun.Flow, h.device.make(begun.Options), "")
		refusedAs(t, err, "conflict")
		h.device.auth.Options.UserHandle = nil
		again := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyRegistration(ctx, false))
		excluded, err := virtualwebauthn.ParseAttestationOptions(encoded(t, again.Options))
		if err != nil || !h.device.key.IsExcludedForAttestation(*excluded) {
			t.Errorf("not excluded: %v", err)
		}
		_, err = you.FinishPasskeyRegistration(ctx, again.Flow, newDevice(t, i).make(again.Options), "")
		refusedAs(t, err, "proof-invalid") // another user's flow

		for name, change := range map[string]func(d *device, a map[string]any) map[string]any{
			"another origin": func(d *device, _ map[string]any) map[string]any { d.rp.Origin = "https://evil.example"; return nil },
			"another party":  func(d *device, _ map[string]any) map[string]any { d.rp.ID = "evil.example"; return nil },
			"nobody present": func(d *device, _ map[string]any) map[string]any { d.auth.Options.UserNotPresent = true; return nil },
			"not verified":   func(d *device, _ map[string]any) map[string]any { d.auth.Options.UserNotVerified = true; return nil },
			"synced, though it cannot be": func(d *device, _ map[string]any) map[string]any {
				d.auth.Options.BackupState = true
				return nil
			},
			"an id of 1,024 bytes":         func(d *device, _ map[string]any) map[string]any { d.key.ID = make([]byte, 1024); return nil },
			"an id that is not the raw id": func(_ *device, a map[string]any) map[string]any { a["id"] = "AAAA"; return a },
			"another raw id": func(_ *device, a map[string]any) map[string]any {
				a["id"], a["rawId"] = "AAAA", "AAAA"
				return a
			},
			"a broken attestation": func(_ *device, a map[string]any) map[string]any {
				a["response"].(map[string]any)["attestationObject"] = "o2NmbXQ"
				return a
			},
		} {
			d := newDevice(t, i)
			begun := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyRegistration(ctx, false))
			answer := change(d, d.make(begun.Options))
			if answer == nil {
				answer = d.make(begun.Options)
			}
			if _, err := h.me.FinishPasskeyRegistration(ctx, begun.Flow, answer, ""); !client.IsCode(err, "invalid-request") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := h.me.FinishPasskeyRegistration(ctx, begun.Flow, newDevice(t, i).make(begun.Options), ""); !client.IsCode(err, "proof-invalid") {
				t.Errorf("%s: the flow lives on: %v", name, err)
			}
		}
		if held := ok[client.Passkeys](t)(h.me.ListPasskeys(ctx)); len(held.Passkeys) != 1 {
			t.Errorf("%d passkeys", len(held.Passkeys))
		}
	})
}
