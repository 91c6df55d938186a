package login

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	shop       = "https://shop.example/back?kept=1"
	upstreamID = "110169484474386276334"
)

// atDoor is anyone at a door that signs browsers in by cookies.
func atDoor(c auth.Caller) auth.Caller {
	c.Door.SignsIn, c.Door.URL = true, "https://id.example/auth"
	return c
}

// provider connects the app to a provider and registers the shop's redirect URI.
func (h *house) provider(name string) auth.Provider {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		client, err := tx.Client(auth.DefaultApp, auth.DefaultClient)
		if err != nil {
			return err
		}
		client.Settings.RedirectURIs = []string{shop}
		_, err = tx.UpdateClient(client)
		return err
	})
	p, err := h.Federation.Create(context.Background(), operator(), federation.ProviderInput{Name: name, Kind: auth.ProviderOAuth2, Secret: "a-client-secret-of-the-provider",
		Settings: auth.ProviderSettings{Title: name, ClientID: "ostiary", AuthorizationURL: "https://" + name + ".example/authorize",
			TokenURL: "https://" + name + ".example/token", UserURL: "https://" + name + ".example/user",
			Claims: auth.ClaimMapping{Subject: "id", Email: "email"}}})
	h.must(err)
	return p
}

// vouch is what a provider says of somebody.
func vouch(p auth.Provider, email string, verified, authoritative bool) auth.Upstream {
	return auth.Upstream{Provider: p.ID, ProviderName: p.Name, Issuer: "https://" + p.Name + ".example", Subject: upstreamID, Email: email,
		EmailVerified: verified, Authoritative: authoritative, Name: "Ann Upstream"}
}

// journey is a browser on its way through a provider.
type journey struct {
	h        *house
	c        auth.Caller
	provider auth.Provider
	state    string
	browser  string
}

func (h *house) leave(c auth.Caller, p auth.Provider, in FederatedBegin) journey {
	h.t.Helper()
	in.Provider, in.Callback = p.Name, "/{provider}/callback"
	start, err := h.BeginFederated(context.Background(), c, in)
	h.must(err)
	u, err := url.Parse(start.Location)
	h.must(err)
	if got := u.Query().Get("redirect_uri"); got != "https://id.example/auth/"+p.Name+"/callback" {
		h.t.Fatalf("sent to %s", start.Location)
	}
	return journey{h, c, p, u.Query().Get("state"), start.Browser}
}

func (j journey) answer() FederatedAnswer {
	return FederatedAnswer{Provider: j.provider.Name, State: j.state, Browser: j.browser}
}

func (j journey) land(up auth.Upstream) FederatedEnd {
	j.h.t.Helper()
	end, err := j.h.FinishVouched(context.Background(), j.c, j.answer(), up)
	j.h.must(err)
	if !strings.HasPrefix(end.Location, "https://shop.example/back?") || j.told(end, "kept") != "1" {
		j.h.t.Fatalf("ends at %s", end.Location)
	}
	return end
}

func (j journey) told(end FederatedEnd, name string) string {
	u, err := url.Parse(end.Location)
	j.h.must(err)
	return u.Query().Get(name)
}

// comeBy is leave and land.
func (h *house) comeBy(c auth.Caller, p auth.Provider, up auth.Upstream) (journey, FederatedEnd) {
	h.t.Helper()
	j := h.leave(c, p, FederatedBegin{})
	return j, j.land(up)
}

func (h *house) identities(id auth.UserID) (list []auth.Identity) {
	h.t.Helper()
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		list, err = federation.OfUser(tx, auth.DefaultApp, id)
		return err
	}))
	return list
}

func (h *house) confirmationCode(to string) string {
	h.t.Helper()
	mails := h.mails(to)
	for n := len(mails) - 1; n >= 0; n-- {
		if found := sixDigits.FindStringSubmatch(mails[n].Text); found != nil {
			return found[1]
		}
	}
	h.t.Fatalf("no code was mailed to %s", to)
	return ""
}

// Silent linking takes all three: the provider has verified the address, it is the authority for it, and the address is
// verified here. Anything else asks the person.
func TestSilentLinkingTruthTable_FD02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		for n := range 8 {
			verified, authoritative, local := n&1 != 0, n&2 != 0, n&4 != 0
			email := fmt.Sprintf("ann%d@example.com", n)
			var in SignedIn
			if local {
				in = h.verified(email)
			} else {
				in = h.register(email)
			}
			h.clock.Advance(time.Minute)
			up := vouch(p, email, verified, authoritative)
			up.Subject += fmt.Sprint(n)
			j, end := h.comeBy(atDoor(anyone()), p, up)
			linked := len(h.identities(in.User.ID)) == 1
			if silent := verified && authoritative && local; linked != silent || (end.SignedIn != nil) != silent || end.Confirm == silent {
				t.Errorf("verified %v, authoritative %v, local %v: linked %v, %+v", verified, authoritative, local, linked, end)
			}
			if end.Confirm && (j.told(end, "link_token") == "" || j.told(end, "token") != "") {
				t.Errorf("ends at %s", end.Location)
			}
		}
	})
}

// An upstream identity is provider, issuer and subject: another address changes nothing, and the same subject at another
// provider or issuer is somebody else.
func TestIdentityKey_FD01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		club, guild := h.provider("club"), h.provider("guild")
		ann := vouch(club, "ann@example.com", true, true)
		_, first := h.comeBy(atDoor(strict()), club, ann)
		if !first.Registered || !first.SignedIn.Email.Verified() {
			t.Fatalf("%+v", first)
		}
		moved := ann
		moved.Email = "else@example.com"
		if _, end := h.comeBy(atDoor(strict()), club, moved); end.Registered || end.SignedIn == nil || end.SignedIn.User.ID != first.SignedIn.User.ID {
			t.Errorf("%+v", end)
		}
		other := ann
		other.Issuer = "https://other.example"
		other.Email = "third@example.com"
		if _, end := h.comeBy(atDoor(strict()), club, other); !end.Registered {
			t.Errorf("another issuer: %+v", end)
		}
		if _, end := h.comeBy(atDoor(strict()), guild, vouch(guild, "fourth@example.com", true, true)); !end.Registered {
			t.Errorf("another provider: %+v", end)
		}
	})
}

// A state works once, in its browser, on the way back of its provider, in its time, and as nothing else.
func TestStateIsBound_FD04_ET02_ET03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		club, guild := h.provider("club"), h.provider("guild")
		up := vouch(club, "ann@example.com", true, true)
		refused := func(what string, a FederatedAnswer) {
			t.Helper()
			if end, err := h.FinishVouched(context.Background(), atDoor(strict()), a, up); !auth.Is(err, auth.CodeProofInvalid) {
				t.Errorf("%s: %+v, %v", what, end, err)
			}
		}
		j := h.leave(atDoor(strict()), club, FederatedBegin{})
		other := h.leave(atDoor(strict()), club, FederatedBegin{})
		for what, change := range map[string]func(*FederatedAnswer){
			"no cookie":          func(a *FederatedAnswer) { a.Browser = "" },
			"another browser":    func(a *FederatedAnswer) { a.Browser = other.browser },
			"another provider":   func(a *FederatedAnswer) { a.Provider = guild.Name },
			"no state":           func(a *FederatedAnswer) { a.State = "" },
			"the cookie's value": func(a *FederatedAnswer) { a.State = a.Browser },
		} {
			a := j.answer()
			change(&a)
			refused(what, a)
		}
		_, err := h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: j.state, Browser: j.browser})
		wantCode(t, err, auth.CodeProofInvalid)
		if end := j.land(up); end.SignedIn == nil { // the wrong tries spent nothing
			t.Fatalf("%+v", end)
		}
		refused("a second time", j.answer())
		late := h.leave(atDoor(strict()), club, FederatedBegin{})
		h.clock.Advance(10 * time.Minute)
		refused("too late", late.answer())

		again := h.leave(atDoor(strict()), club, FederatedBegin{Browser: j.browser})
		if again.browser != j.browser || again.state == j.state || h.leave(atDoor(strict()), club, FederatedBegin{Browser: "planted"}).browser == "planted" {
			t.Error("a browser keeps its cookie, and only one of ours")
		}
	})
}

// One state comes back fifty times at once: one of them gets in.
func TestParallelCallbacks_ET03(t *testing.T) {
	eachWith(t, off("proof.network"), func(t *testing.T, h *house) {
		p := h.provider("club")
		j := h.leave(atDoor(strict()), p, FederatedBegin{})
		var wait sync.WaitGroup
		won := make(chan bool, 20)
		for range cap(won) {
			wait.Go(func() {
				end, err := h.FinishVouched(context.Background(), j.c, j.answer(), vouch(p, "ann@example.com", true, true))
				won <- err == nil && end.SignedIn != nil // a refusal is proof-invalid
			})
		}
		wait.Wait()
		close(won)
		n := 0
		for ok := range won {
			if ok {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d got in", n)
		}
	})
}

// The token of the redirect works in the browser that came, or with the verifier of the challenge it left with, and its
// session takes the place of the browser's.
func TestTokenIsTheBrowsers_FD04(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		up := vouch(p, "ann@example.com", true, true)
		j, end := h.comeBy(atDoor(strict()), p, up)
		token := j.told(end, "token")
		for _, in := range []TokenSignIn{{Token: token}, {Token: token, Browser: token}, {Token: token, Verifier: j.browser}} {
			_, err := h.SignInWithToken(context.Background(), strict(), in)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		out, err := h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: token, Browser: j.browser})
		h.must(err)
		if h.alive(end.SignedIn.Grant) || h.endReason(end.SignedIn.Grant) != auth.EndReplaced || !h.alive(out.SignedIn.Grant) ||
			len(out.SignedIn.Grant.Session.AMR) != 1 || out.SignedIn.Grant.Session.AMR[0] != auth.AMRFederated {
			t.Errorf("%+v", out.SignedIn.Grant.Session)
		}
		_, err = h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: token, Browser: j.browser})
		wantCode(t, err, auth.CodeProofInvalid)

		verifier := strings.Repeat("v", 43)
		challenge := base64.RawURLEncoding.EncodeToString(secret.Hash(verifier))
		j = h.leave(atDoor(strict()), p, FederatedBegin{CodeChallenge: challenge, State: "the shop's"})
		end = j.land(up)
		if j.told(end, "state") != "the shop's" {
			t.Errorf("ends at %s", end.Location)
		}
		token = j.told(end, "token")
		_, err = h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: token, Browser: j.browser})
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: token, Verifier: verifier})
		h.must(err)
	})
}

// A door without cookies begins no session that nobody holds.
func TestHandedOver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		c := atDoor(strict())
		c.Door.SignsIn = false
		j, end := h.comeBy(c, p, vouch(p, "ann@example.com", true, true))
		if end.SignedIn != nil || end.Refusal != nil || end.Confirm || j.told(end, "token") == "" {
			t.Fatalf("%+v", end)
		}
		_, err := h.SignInWithToken(context.Background(), strict(), TokenSignIn{Token: j.told(end, "token"), Browser: j.browser})
		h.must(err)
	})
}

// What was switched off since the person left lets nobody in: provider, client, redirect URI, the app's mode.
func TestSwitchedOffMeanwhile_FD06(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		up := vouch(p, "ann@example.com", true, true)
		setDisabled := func(off bool) {
			_, err := h.Federation.Update(context.Background(), operator(), p.Name, federation.ProviderChange{Disabled: &off})
			h.must(err)
		}
		j := h.leave(atDoor(strict()), p, FederatedBegin{})
		setDisabled(true)
		if end := j.land(up); end.SignedIn != nil || end.Refusal == nil || j.told(end, "error") != "access_denied" || j.told(end, "error_code") != "not-found" {
			t.Errorf("%+v", end)
		}
		_, err := h.BeginFederated(context.Background(), strict(), FederatedBegin{Provider: p.Name, Callback: "/x"})
		wantCode(t, err, auth.CodeNotFound)
		setDisabled(false)

		j = h.leave(atDoor(strict()), p, FederatedBegin{})
		h.mode(auth.RegistrationClosed)
		if end := j.land(up); end.SignedIn != nil || j.told(end, "error_code") != "registration-closed" {
			t.Errorf("%+v", end)
		}
		h.mode(auth.RegistrationOpen)

		j = h.leave(atDoor(strict()), p, FederatedBegin{})
		h.write(func(tx *store.Tx) error {
			client, err := tx.Client(auth.DefaultApp, auth.DefaultClient)
			if err != nil {
				return err
			}
			client.Settings.RedirectURIs = []string{"https://elsewhere.example"}
			_, err = tx.UpdateClient(client)
			return err
		})
		_, err = h.FinishVouched(context.Background(), j.c, j.answer(), up)
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// A user who was disabled here is refused and stays disabled, whatever the provider says.
func TestDisabledUser_FD07(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		up := vouch(p, "ann@example.com", true, true)
		_, first := h.comeBy(atDoor(strict()), p, up)
		h.disable(first.SignedIn.User.ID)
		in := h.verified("bob@example.com")
		h.disable(in.User.ID)
		bob := vouch(p, "bob@example.com", true, true)
		bob.Subject = "bob"
		for _, up := range []auth.Upstream{up, bob} {
			if j, end := h.comeBy(atDoor(strict()), p, up); end.SignedIn != nil || j.told(end, "error_code") != "account-disabled" || j.told(end, "token") != "" {
				t.Errorf("%s: %+v", up.Email, end)
			}
		}
		if len(h.identities(in.User.ID)) != 0 {
			t.Error("the identity was linked")
		}
	})
}
