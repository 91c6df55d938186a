package login

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
)

var sixDigits = regexp.MustCompile(`: (\d{6})\n`)

// link asks for a mail to sign in with and reads it.
func (h *house) link(email string) (flow, token, code string) {
	h.t.Helper()
	h.clock.Advance(time.Second)
	asked, err := h.SendMagicLink(context.Background(), anyone(), email)
	h.must(err)
	mails := h.mails(email)
	found := sixDigits.FindStringSubmatch(mails[len(mails)-1].Text)
	if found == nil {
		h.t.Fatalf("no code in %s", mails[len(mails)-1].Text)
	}
	tokens := h.tokens(email, "/magic")
	return asked.Flow, tokens[len(tokens)-1], found[1]
}

func (h *house) byToken(token string) (SignInOutcome, error) {
	return h.SignInWithToken(context.Background(), anyone(), TokenSignIn{Token: token, Device: "Phone"})
}

func (h *house) byCode(c auth.Caller, flow, code string) (SignInOutcome, error) {
	return h.SignInWithCode(context.Background(), c, CodeSignIn{Flow: flow, Code: code})
}

func TestMagicLinkSignsInOnce_ET01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		flow, token, code := h.link("ann@example.org")
		out, err := h.byToken(token)
		h.must(err)
		if out.SignedIn == nil || !slices.Equal(out.SignedIn.Grant.Session.AMR, []string{auth.AMREmail}) || out.SignedIn.Grant.Session.Device != "Phone" {
			t.Fatalf("signed in %+v", out)
		}
		_, err = h.byToken(token)
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.byCode(anyone(), flow, code) // the code dies with the link
		wantCode(t, err, auth.CodeProofInvalid)

		_, older, _ := h.link("ann@example.org")
		flow, _, code = h.link("ann@example.org")
		_, err = h.byToken(older) // a new one ends the one before (ET-05)
		wantCode(t, err, auth.CodeProofInvalid)
		out, err = h.byCode(anyone(), flow, code[:3]+" "+code[3:])
		h.must(err)
		if out.SignedIn == nil {
			t.Fatal("no session by code")
		}
		_, late, _ := h.link("ann@example.org")
		h.clock.Advance(10*time.Minute + time.Second) // ET-04
		_, err = h.byToken(late)
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestShortCodes_ET11(t *testing.T) {
	eachWith(t, off(limit.ProofNetwork, limit.MailRecipient), func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		h.verified("bob@example.org")
		flowA, _, codeA := h.link("ann@example.org")
		flowB, _, codeB := h.link("bob@example.org")
		if codeA != codeB {
			_, err := h.byCode(anyone(), flowB, codeA)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		other := anyone()
		other.Client = "another"
		_, err := h.byCode(other, flowA, codeA)
		wantCode(t, err, auth.CodeProofInvalid)
		wrong := "000000"
		if codeA == wrong {
			wrong = "111111"
		}
		for range codeAttempts {
			_, err := h.byCode(anyone(), flowA, wrong)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		_, err = h.byCode(anyone(), flowA, codeA) // the sixth, and right
		wantCode(t, err, auth.CodeProofInvalid)

		// An account takes ten wrong codes in all, over any number of flows, and tells nobody (RL-04, EN-06).
		flow, _, _ := h.link("ann@example.org")
		for range codeAttempts {
			_, err := h.byCode(anyone(), flow, "not a code")
			wantCode(t, err, auth.CodeProofInvalid)
		}
		flow, _, code := h.link("ann@example.org")
		_, err = h.byCode(anyone(), flow, code)
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestMagicLinkConceals_EN01_ET07(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		h.verified("off@example.org")
		h.write(func(tx *store.Tx) error {
			e, err := tx.EmailByCanonical(auth.DefaultApp, "off@example.org")
			if err != nil {
				return err
			}
			u, err := tx.UserForUpdate(auth.DefaultApp, e.User)
			if err != nil {
				return err
			}
			u.Status = auth.UserDisabled
			_, err = tx.UpdateUser(u, "")
			return err
		})
		for _, email := range []string{"ann@example.org", "nobody@example.org", "off@example.org"} {
			asked, err := h.SendMagicLink(context.Background(), anyone(), email)
			h.must(err)
			if len(asked.Flow) != 43 || !asked.ExpiresAt.Equal(h.clock.Now().Add(10*time.Minute)) {
				t.Errorf("%s: %+v", email, asked)
			}
		}
		for _, email := range []string{"nobody@example.org", "off@example.org"} {
			if tokens := h.tokens(email, "/magic"); len(tokens) != 0 {
				t.Errorf("%s got a link", email)
			}
		}
		// The mail goes to the stored address, not to the one that was typed.
		_, err := h.SendMagicLink(context.Background(), anyone(), "ANN@example.org")
		h.must(err)
		if len(h.mails("ANN@example.org")) != 0 || len(h.tokens("ann@example.org", "/magic")) != 2 {
			t.Error("the mail went to the typed address")
		}
		// When mails are used up the answer stays the same.
		for range 10 {
			_, err := h.SendMagicLink(context.Background(), anyone(), "ann@example.org")
			h.must(err)
		}
		if n := len(h.tokens("ann@example.org", "/magic")); n > 5 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestMagicLinkNeedsTheSecondFactor_MF01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		secretText, _ := h.enrol(in.User)
		_, token, _ := h.link("ann@example.org")
		half, err := h.byToken(token)
		h.must(err)
		if half.SignedIn != nil || half.Challenge == nil {
			t.Fatalf("got %+v", half)
		}
		whole, err := h.CompleteSecondFactor(context.Background(), anyone(), SecondFactor{Token: half.Challenge.Token, Code: h.code(secretText)})
		h.must(err)
		if !slices.Equal(whole.Grant.Session.AMR, []string{auth.AMREmail, auth.AMROTP, auth.AMRMFA}) {
			t.Errorf("methods %v", whole.Grant.Session.AMR)
		}
	})
}

// TestMagicLinkIsTheFirstProof_ET12: somebody made the account with an address that is another's; the owner signs in
// by mail.
func TestMagicLinkIsTheFirstProof_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		squatter := h.register("ann@example.org")
		_, token, _ := h.link("ann@example.org")
		out, err := h.byToken(token)
		h.must(err)
		if !out.SignedIn.Email.Verified() || h.alive(squatter.Grant) {
			t.Error("the session of before lives on")
		}
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
		_, token, _ = h.link("ann@example.org")
		if out, err = h.byToken(token); err != nil || out.SignedIn == nil {
			t.Errorf("the owner cannot come in again: %v", err)
		}
	})
}

func TestSignInToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		issue := func(c auth.Caller, methods ...string) (token string) {
			h.write(func(tx *store.Tx) (err error) {
				token, err = h.IssueSignInToken(tx, c, in.User, HandOver{Methods: methods})
				return err
			})
			return token
		}
		token := issue(anyone(), "fed")
		out, err := h.byToken(token)
		h.must(err)
		if !slices.Equal(out.SignedIn.Grant.Session.AMR, []string{"fed"}) {
			t.Errorf("methods %v", out.SignedIn.Grant.Session.AMR)
		}
		_, err = h.byToken(token)
		wantCode(t, err, auth.CodeProofInvalid)
		other := anyone()
		other.Client = "another"
		_, err = h.byToken(issue(other, "fed"))
		wantCode(t, err, auth.CodeProofInvalid)
		h.enrol(in.User)
		if out, err = h.byToken(issue(anyone(), "fed")); err != nil || out.Challenge == nil {
			t.Errorf("without the second factor: %+v %v", out, err)
		}
		if out, err = h.byToken(issue(anyone(), "fed", auth.AMRMFA)); err != nil || out.SignedIn == nil {
			t.Errorf("with it: %+v %v", out, err)
		}
		_, err = h.byToken(strings.Repeat("A", 43))
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestCheckEmail_C7(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		strict, open := anyone(), anyone()
		open.Door.Policy.RevealEmail = true
		all := []Method{MethodPassword, MethodMagicLink}
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			got, err := h.CheckEmail(context.Background(), strict, email)
			h.must(err)
			if !got.Active || !slices.Equal(got.Methods, all) {
				t.Errorf("concealed: %s: %+v", email, got)
			}
		}
		got, err := h.CheckEmail(context.Background(), open, "ann@example.org")
		h.must(err)
		if !got.Active || !slices.Equal(got.Methods, all) {
			t.Errorf("revealed: %+v", got)
		}
		if got, err = h.CheckEmail(context.Background(), open, "nobody@example.org"); err != nil || got.Active || len(got.Methods) != 0 {
			t.Errorf("nobody: %+v %v", got, err)
		}
		_, err = h.CheckEmail(context.Background(), strict, "nonsense")
		wantCode(t, err, auth.CodeInvalidRequest)
		for range 30 {
			if _, err = h.CheckEmail(context.Background(), open, "nobody@example.org"); err != nil {
				break
			}
		}
		wantCode(t, err, auth.CodeRateLimited)
	})
}
