package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// withTOTP turns the second factor of a holder on and answers its secret.
func (h holder) withTOTP(t *testing.T, i *servertest.Instance) string {
	t.Helper()
	w := newWire(t, i)
	own := "/api/ostiary/v1"
	begun := w.ask("POST", own+"/me/totp", object{}, as(h.in.Tokens.AccessToken)...).want(201)
	w.ask("POST", own+"/me/totp/confirm", object{"code": code(t, i, begun.text("secret"))}, as(h.in.Tokens.AccessToken)...).want(200)
	return begun.text("secret")
}

// challenge is the token of a sign-in with the right password that waits for its second factor.
func challenge(t *testing.T, i *servertest.Instance, email string) string {
	t.Helper()
	r := newWire(t, i).ask("POST", "/api/ostiary/v1/sessions", object{"identifier": email, "password": phrase}).want(202)
	if !strings.Contains(string(r.Body), `"passkey"`) {
		t.Errorf("the challenge does not name the passkey: %s", r.Body)
	}
	return r.text("challenge.token")
}

// A flow that was begun for one user ends as nobody else, whatever passkey is shown (WA-05).
func TestPasskeyOfAnother_WA05(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo, kim := newHolder(t, i, "jo@example.com"), newHolder(t, i, "kim@example.com")
		jo.withTOTP(t, i)
		token := challenge(t, i, "jo@example.com")
		begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, token))
		if strings.Contains(encoded(t, begun.Options), kim.passkey.CredentialID) || !strings.Contains(encoded(t, begun.Options), jo.passkey.CredentialID) {
			t.Errorf("options %v", begun.Options)
		}
		_, err := i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Token: token, Credential: kim.device.use(begun.Options)})
		refusedAs(t, err, "second-factor-invalid")

		// The flow of one challenge does not answer another, nor does it sign in by itself.
		begun = ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, token))
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Token: challenge(t, i, "jo@example.com"), Credential: jo.device.use(begun.Options)})
		refusedAs(t, err, "proof-invalid")
		_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Credential: jo.device.use(begun.Options)})
		refusedAs(t, err, "proof-invalid")

		begun = ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, token))
		in := ok[client.SignedIn](t)(i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Token: token, Credential: jo.device.use(begun.Options)}))
		if got := methods(t, in); in.User.ID != jo.in.User.ID || got != `["pwd","hwk","user","mfa"]` {
			t.Errorf("%s as %s", got, in.User.Email)
		}
		_, err = i.Client.BeginPasskeySignIn(ctx, token)
		refusedAs(t, err, "proof-invalid") // the challenge is spent

		stepUp := ok[client.PasskeyFlow](t)(jo.me.BeginPasskeyStepUp(ctx))
		_, err = jo.me.StepUpWithPasskey(ctx, stepUp.Flow, kim.device.use(stepUp.Options))
		refusedAs(t, err, "second-factor-invalid")
		stepUp = ok[client.PasskeyFlow](t)(jo.me.BeginPasskeyStepUp(ctx))
		_, err = kim.me.StepUpWithPasskey(ctx, stepUp.Flow, kim.device.use(stepUp.Options))
		refusedAs(t, err, "proof-invalid")
	})
}

// A counter that goes back opens nothing, is on record and is told; one that counts nothing may stay at zero (WA-06).
func TestCounterGoesBack_WA06(t *testing.T) {
	run := func(t *testing.T, i *servertest.Instance, allowed bool) {
		h := newHolder(t, i, "jo@example.com")
		for range 2 {
			ok[client.SignedIn](t)(signInWith(t, i, h.device)) // 0 and 0
		}
		h.device.key.Counter = 7
		ok[client.SignedIn](t)(signInWith(t, i, h.device))
		for _, count := range []uint32{7, 3, 0} {
			h.device.key.Counter = count
			_, err := signInWith(t, i, h.device)
			if allowed {
				none(t, err)
			} else {
				refusedAs(t, err, "invalid-credentials")
			}
		}
		if held := ok[client.Passkeys](t)(h.me.ListPasskeys(t.Context())); held.Passkeys[0].CloneSuspectedAt == nil {
			t.Error("the passkey is not marked")
		}
		if !slices.ContainsFunc(ok[client.EventPage](t)(i.Operator.ListEvents(t.Context(), client.EventFilter{}, client.Paging{Limit: 100})).Events,
			func(e client.Event) bool { return e.Action == "passkey.clone-suspected" && e.UserID == h.in.User.ID }) {
			t.Error("no event")
		}
		warned := 0
		for _, m := range i.Mails("jo@example.com") {
			if strings.Contains(m.Text, "copied") {
				warned++
			}
		}
		if warned != 3 {
			t.Errorf("%d mails warn", warned)
		}
		h.device.key.Counter = 8
		ok[client.SignedIn](t)(signInWith(t, i, h.device))
	}
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) { run(t, i, false) })
	t.Run("allowed", func(t *testing.T) {
		run(t, servertest.Start(t, servertest.Configure(func(c *config.Config) { c.Passkeys.Clones = "allow" })), true)
	})
}

// The handle is 64 random bytes, the same for every passkey of a user, whatever becomes of the name (WA-07).
func TestPasskeyHandle_WA07(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo, kim := newHolder(t, i, "jo@example.com"), newHolder(t, i, "kim@example.com")
		handle := func(h holder) string {
			begun := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyRegistration(ctx, false))
			return begun.Options["user"].(map[string]any)["id"].(string)
		}
		first := handle(jo)
		if raw, err := base64.RawURLEncoding.DecodeString(first); err != nil || len(raw) != 64 || strings.Contains(string(raw), jo.in.User.ID) {
			t.Errorf("handle %q", first)
		}
		ok[client.User](t)(jo.me.ChangeUsername(ctx, client.UsernameChange{Username: "josephine"}))
		none(t, jo.me.DeletePasskey(ctx, jo.passkey.ID))
		if again := handle(jo); again != first {
			t.Error("the handle has changed")
		}
		if handle(kim) == first {
			t.Error("two users have one handle")
		}
	})
}

// Nobody touches another's passkey, and the change needs a fresh sign-in (WA-08, WA-09, MF-04).
func TestPasskeyOwnership_WA08_WA09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo, kim := newHolder(t, i, "jo@example.com"), newHolder(t, i, "kim@example.com")
		refusedAs(t, kim.me.DeletePasskey(ctx, jo.passkey.ID), "not-found")
		_, err := kim.me.RenamePasskey(ctx, jo.passkey.ID, "Mine")
		refusedAs(t, err, "not-found")
		_, err = jo.me.RenamePasskey(ctx, jo.passkey.ID, "\u0007")
		refusedAs(t, err, "invalid-request")

		i.Clock.Advance(6 * time.Minute)
		_, err = jo.me.BeginPasskeyRegistration(ctx, false)
		refusedAs(t, err, "reauthentication-required")
		refusedAs(t, jo.me.DeletePasskey(ctx, jo.passkey.ID), "reauthentication-required")
		stepUp := ok[client.PasskeyFlow](t)(jo.me.BeginPasskeyStepUp(ctx))
		ok[time.Time](t)(jo.me.StepUpWithPasskey(ctx, stepUp.Flow, jo.device.use(stepUp.Options)))
		_, err = jo.me.StepUpWithPasskey(ctx, stepUp.Flow, jo.device.use(stepUp.Options))
		refusedAs(t, err, "proof-invalid")
		ok[client.PasskeyFlow](t)(jo.me.BeginPasskeyRegistration(ctx, false))
		none(t, jo.me.DeletePasskey(ctx, jo.passkey.ID))

		none(t, i.Operator.DeleteUserPasskey(ctx, kim.in.User.ID, kim.passkey.ID))
		if held := ok[client.Passkeys](t)(i.Operator.ListUserPasskeys(ctx, kim.in.User.ID)); len(held.Passkeys) != 0 {
			t.Errorf("%d are left", len(held.Passkeys))
		}
	})
}

// A user with a second factor who came in by the password alone manages no passkeys; a passkey proves both (MF-04).
func TestPasskeyNeedsAllFactors_MF04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "jo@example.com")
		h.withTOTP(t, i)
		_, err := h.me.BeginPasskeyRegistration(t.Context(), false)
		refusedAs(t, err, "reauthentication-required")
		in := ok[client.SignedIn](t)(signInWith(t, i, h.device)) // no challenge follows
		ok[client.PasskeyFlow](t)(i.Client.WithToken(in.Tokens.AccessToken).BeginPasskeyRegistration(t.Context(), false))
	})
}

// The beginning of a sign-in says nothing about who is known: nobody is named (EN-01, EN-04).
func TestPasskeyBeginTellsNothing_EN04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		before := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(t.Context(), ""))
		newHolder(t, i, "jo@example.com")
		after := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(t.Context(), ""))
		for _, f := range []client.PasskeyFlow{before, after} {
			if f.Options["allowCredentials"] != nil || f.Options["userVerification"] != "required" || f.Options["rpId"] != "localhost" {
				t.Errorf("options %v", f.Options)
			}
			delete(f.Options, "challenge")
		}
		if encoded(t, before.Options) != encoded(t, after.Options) || len(before.Flow) != len(after.Flow) {
			t.Error("two beginnings differ")
		}
	})
}

// What closes an account closes it to passkeys too: a disabled user, spent guesses (RL-06).
func TestPasskeyOfClosedAccount_RL06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		h := newHolder(t, i, "jo@example.com")
		w := newWire(t, i)
		for range 10 {
			w.ask("POST", "/api/ostiary/v1/sessions", object{"identifier": "jo@example.com", "password": "a wrong guess"}).want(401)
		}
		_, err := signInWith(t, i, h.device)
		refusedAs(t, err, "rate-limited")
		i.Clock.Advance(16 * time.Minute)
		ok[client.SignedIn](t)(signInWith(t, i, h.device))
		ok[client.User](t)(i.Operator.DisableUser(ctx, h.in.User.ID))
		_, err = signInWith(t, i, h.device)
		refusedAs(t, err, "account-disabled")
	})
}

// Passkeys that are wrong draw on the budget of second factors, in all flows together (RL-04).
func TestPasskeyGuesses_RL04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		h := newHolder(t, i, "jo@example.com")
		secret := h.withTOTP(t, i)
		i.Clock.Advance(time.Minute)
		token := challenge(t, i, "jo@example.com")
		wrong := *h.device
		wrong.rp.Origin = "https://evil.example"
		for n := range 5 {
			var err error
			if n%2 == 0 {
				begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, token))
				_, err = i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Token: token, Credential: wrong.use(begun.Options)})
			} else {
				begun := ok[client.PasskeyFlow](t)(h.me.BeginPasskeyStepUp(ctx))
				_, err = h.me.StepUpWithPasskey(ctx, begun.Flow, wrong.use(begun.Options))
			}
			refusedAs(t, err, "second-factor-invalid")
		}
		newWire(t, i).ask("POST", "/api/ostiary/v1/sessions/second-factor", object{"token": token, "code": code(t, i, secret)}).want(429)
		begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(ctx, token))
		_, err := i.Client.FinishPasskeySignIn(ctx, client.PasskeySignIn{Flow: begun.Flow, Token: token, Credential: h.device.use(begun.Options)})
		refusedAs(t, err, "rate-limited")
	})
}

// Of many answers to one flow at once one signs in (WA-01).
func TestPasskeyAnswersAtOnce_WA01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "jo@example.com")
		begun := ok[client.PasskeyFlow](t)(i.Client.BeginPasskeySignIn(t.Context(), ""))
		answer := client.PasskeySignIn{Flow: begun.Flow, Credential: h.device.use(begun.Options)}
		won := 0
		for _, err := range storetest.Race(t, i.DB, 8, func(ctx context.Context, _ int) error {
			_, err := i.Client.FinishPasskeySignIn(ctx, answer)
			return err
		}) {
			if err == nil {
				won++
			} else if !client.IsCode(err, "proof-invalid") && !client.IsCode(err, "rate-limited") {
				t.Errorf("%v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d signed in", won)
		}
	})
}

// A passkey that the browser makes without asking, after a password that it filled in, needs no verified person to be
// made, and one to sign in.
func TestConditionalCreate(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		in := signUp(t, i, i.Client, "jo@example.com")
		me := i.Client.WithToken(in.Tokens.AccessToken)
		d := newDevice(t, i)
		d.auth.Options.UserNotVerified, d.auth.Options.UserNotPresent = true, true
		begun := ok[client.PasskeyFlow](t)(me.BeginPasskeyRegistration(t.Context(), true))
		ok[client.Passkey](t)(me.FinishPasskeyRegistration(t.Context(), begun.Flow, d.make(begun.Options), "Laptop"))
		d.auth.Options.UserNotPresent = false
		_, err := signInWith(t, i, d)
		refusedAs(t, err, "invalid-credentials")
		d.auth.Options.UserNotVerified = false
		ok[client.SignedIn](t)(signInWith(t, i, d))
		// An asked-for registration does not become one that nobody was asked about.
		d = newDevice(t, i)
		d.auth.Options.UserNotPresent = true
		begun = ok[client.PasskeyFlow](t)(me.BeginPasskeyRegistration(t.Context(), false))
		_, err = me.FinishPasskeyRegistration(t.Context(), begun.Flow, d.make(begun.Options), "")
		refusedAs(t, err, "invalid-request")
	})
}

// Related origins are told where they are configured, and nowhere else (WA-10).
func TestRelatedOrigins_WA10(t *testing.T) {
	const path = "/.well-known/webauthn"
	plain := servertest.Start(t)
	newWire(t, plain).ask("GET", path, nil).want(404)
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.Passkeys.RelatedOrigins = []string{"https://shop.example"} }))
	var told struct {
		Origins []string `json:"origins"`
	}
	r := newWire(t, i).ask("GET", path, nil).want(200)
	if err := json.Unmarshal(r.Body, &told); err != nil || !slices.Contains(told.Origins, "https://shop.example") || len(told.Origins) != 2 {
		t.Errorf("told %s", r.Body)
	}
	newWire(t, i).ask("POST", path, nil).want(http.StatusMethodNotAllowed)
	h := newHolder(t, i, "jo@example.com")
	h.device.rp.Origin = "https://shop.example"
	ok[client.SignedIn](t)(signInWith(t, i, h.device))
}

// The ways to sign in name passkeys where there can be any.
func TestPasskeyIsNamed(t *testing.T) {
	for url, want := range map[string]string{"https://id.example.com": `"passkey"`, "http://192.0.2.1:8080": ""} {
		i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.PublicURL = url }))
		r := newWire(t, i).ask("GET", "/api/ostiary/v1/sign-in-methods", nil).want(200)
		if strings.Contains(string(r.Body), `"passkey"`) != (want != "") {
			t.Errorf("%s: %s", url, r.Body)
		}
		_, err := i.Client.BeginPasskeySignIn(t.Context(), "")
		if want == "" {
			refusedAs(t, err, "forbidden")
		} else {
			none(t, err)
		}
	}
}

// Whoever changed the address could have added a passkey, so the owner's word against the change removes all (ET-13).
func TestCancelledChangeRemovesPasskeys_ET13(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newHolder(t, i, "jo@example.com")
		i.Clock.Advance(time.Second)
		ok[client.EmailPending](t)(h.me.ChangeEmail(t.Context(), client.EmailChange{Email: "thief@example.com"}))
		ok[bool](t)(i.Client.CancelEmailChange(t.Context(), mailed(t, i, "jo@example.com")))
		_, err := signInWith(t, i, h.device)
		refusedAs(t, err, "not-found")
	})
}

// Nobody plants a passkey in an account before its address is proven (ET-12).
func TestPasskeyNeedsAVerifiedAddress_ET12(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		first := newWire(t, i).ask("POST", "/v1/auth/register", object{"email": "kim@example.com", "password": phrase, "name": "Kim"}).want(201)
		_, err := i.Client.WithToken(first.text("token")).BeginPasskeyRegistration(t.Context(), false)
		refusedAs(t, err, "email-unverified")
	})
}
