package login

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// key makes an API key as a session's user.
func (h *house) key(c auth.Caller) (auth.APIKey, string) {
	h.t.Helper()
	k, text, err := h.APIKeys.Create(context.Background(), c, apikey.Input{Name: "a key", Scopes: []string{"things:read"}})
	h.must(err)
	return k, text
}

func (h *house) keyWorks(text string) bool {
	_, err := h.APIKeys.Authenticate(context.Background(), text)
	return err == nil
}

// Somebody signs up with the victim's address and keeps the session; the victim later takes the account over by a
// password reset. Nothing of before may live on (ET-12: the unexpired session, the trojan key, the link that waits).
func TestPreHijackThenReset_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		attacker := h.register("victim@example.org")
		again, err := h.signIn("victim@example.org", goodPassword)
		h.must(err)
		_, trojan := h.key(h.caller(attacker.Grant))
		waiting := h.token("victim@example.org", "/verify")
		ownReset := h.requestReset("victim@example.org") // the attacker asks; the mail reaches the victim alone
		victimReset := h.requestReset("victim@example.org")
		h.must(h.ResetPassword(ctx, anyone(), victimReset, otherPassword))

		if h.alive(attacker.Grant) || h.alive(again.SignedIn.Grant) {
			t.Fatal("a session of before lives on")
		}
		if _, _, err := h.Sessions.Refresh(ctx, anyone(), attacker.Grant.RefreshToken); err == nil {
			t.Fatal("a refresh token of before works")
		}
		if h.keyWorks(trojan) {
			t.Fatal("a key of before works")
		}
		_, err = h.signIn("victim@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.VerifyEmail(ctx, anyone(), waiting)
		wantCode(t, err, auth.CodeProofInvalid)
		wantCode(t, h.ResetPassword(ctx, anyone(), ownReset, goodPassword), auth.CodeProofInvalid)
		_, err = h.signIn("victim@example.org", otherPassword)
		h.must(err)
	})
}

// The victim follows the link of a sign-up that was somebody else's: the other's sessions and keys are gone at once.
func TestPreHijackThenVerify_ET12(t *testing.T) {
	for name, who := range map[string]func(h *house) auth.Caller{
		"without a session": func(*house) auth.Caller { return anyone() },
		"from another session": func(h *house) auth.Caller {
			out, err := h.signIn("victim@example.org", goodPassword)
			h.must(err)
			return h.caller(out.SignedIn.Grant)
		},
		"as another user": func(h *house) auth.Caller { return h.caller(h.register("third@example.org").Grant) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				attacker := h.register("victim@example.org")
				_, trojan := h.key(h.caller(attacker.Grant))
				c := who(h)
				out, err := h.VerifyEmail(context.Background(), c, h.token("victim@example.org", "/verify"))
				h.must(err)
				if out.SessionsEnded == 0 || out.KeysRevoked != 1 || !out.Email.Verified() {
					t.Fatalf("%+v", out)
				}
				if h.alive(attacker.Grant) || h.keyWorks(trojan) {
					t.Fatal("something of before lives on")
				}
				if r := h.endReason(attacker.Grant); r != auth.EndEmailProven {
					t.Fatalf("ended as %q", r)
				}
			})
		})
	}
}

// The session that asked for the mail proves the address: it and its keys stay, and the keys count as proven, so that
// a later reset leaves them alone. What other sessions made goes.
func TestVerifyFromTheSessionItself_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		first := h.register("ann@example.org")
		other, err := h.signIn("ann@example.org", goodPassword)
		h.must(err)
		_, own := h.key(h.caller(first.Grant))
		_, foreign := h.key(h.caller(other.SignedIn.Grant))
		out, err := h.VerifyEmail(ctx, h.caller(first.Grant), h.token("ann@example.org", "/verify"))
		h.must(err)
		if out.SessionsEnded != 1 || out.KeysRevoked != 1 || !h.alive(first.Grant) || h.alive(other.SignedIn.Grant) {
			t.Fatalf("%+v", out)
		}
		if !h.keyWorks(own) || h.keyWorks(foreign) {
			t.Fatal("the wrong key died")
		}
		h.must(h.ResetPassword(ctx, anyone(), h.requestReset("ann@example.org"), otherPassword))
		if !h.keyWorks(own) {
			t.Fatal("a key of a proven address died by a reset")
		}
	})
}

func TestVerifyTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		h.must(h.RequestEmailVerification(ctx, h.caller(in.Grant), ""))
		h.must(h.RequestEmailVerification(ctx, anyone(), "ann@example.org"))
		if n := len(h.tokens("ann@example.org", "/verify")); n != 1 {
			t.Fatalf("%d links to an address that is proven", n)
		}
		_, err := h.VerifyEmail(ctx, anyone(), h.token("ann@example.org", "/verify"))
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestRequestVerification(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.register("ann@example.org")
		c := h.caller(in.Grant)
		wantCode(t, h.RequestEmailVerification(ctx, c, "other@example.org"), auth.CodeInvalidRequest)
		h.clock.Advance(time.Second)
		h.must(h.RequestEmailVerification(ctx, c, "Ann@Example.org"))
		h.clock.Advance(time.Second)
		h.must(h.RequestEmailVerification(ctx, anyone(), "ann@example.org"))
		h.must(h.RequestEmailVerification(ctx, anyone(), "nobody@example.org"))
		wantCode(t, h.RequestEmailVerification(ctx, anyone(), "nobody"), auth.CodeInvalidRequest)
		links := h.tokens("ann@example.org", "/verify")
		if len(links) != 3 {
			t.Fatalf("%d links", len(links))
		}
		for _, dead := range links[:2] { // ET-05
			_, err := h.VerifyEmail(ctx, c, dead)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		for range 5 {
			h.must(h.RequestEmailVerification(ctx, anyone(), "ann@example.org"))
		}
		if n := len(h.tokens("ann@example.org", "/verify")); n != 5 { // RL-08
			t.Fatalf("%d mails in an hour", n)
		}
		wantCode(t, h.RequestEmailVerification(ctx, c, ""), auth.CodeRateLimited)
	})
}

// Of many simultaneous uses of a link one succeeds (ET-03).
func TestVerifyOnce_ET03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("ann@example.org")
		token := h.token("ann@example.org", "/verify")
		won := 0
		for _, err := range storetest.Race(t, h.db, 20, func(ctx context.Context, _ int) error {
			_, err := h.VerifyEmail(ctx, anyone(), token)
			return err
		}) {
			if err == nil {
				won++
			} else if !auth.Is(err, auth.CodeProofInvalid) {
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d verifications", won)
		}
	})
}
