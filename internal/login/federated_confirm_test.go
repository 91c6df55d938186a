package login

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/invite"
)

// confirm proves the address of the identity that a journey ended with.
func (j journey) confirm(end FederatedEnd, in IdentityProof) (ConfirmedIdentity, error) {
	in.Token, in.Browser = j.told(end, "link_token"), j.browser
	return j.h.ConfirmIdentity(context.Background(), j.c, in)
}

// Where the door conceals, an address that the provider does not answer for is asked to be proven whether or not
// somebody has it: the same answer, and a mail to the address.
func TestConfirmByMail_FD02_EN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		ann := h.verified("ann@example.com")
		h.clock.Advance(time.Minute)
		for _, email := range []string{"ann@example.com", "new@example.com"} {
			up := vouch(p, email, true, false)
			up.Subject = email
			j, end := h.comeBy(atDoor(strict()), p, up)
			if !end.Confirm || end.SignedIn != nil {
				t.Fatalf("%+v", end)
			}
			_, err := j.confirm(end, IdentityProof{Code: "000000"})
			wantCode(t, err, auth.CodeProofInvalid)
			out, err := j.confirm(end, IdentityProof{Code: h.confirmationCode(email)})
			h.must(err)
			if out.SignedIn == nil || out.Registered != (email == "new@example.com") || !out.SignedIn.Email.Verified() || len(h.identities(out.SignedIn.User.ID)) != 1 ||
				!slices.Equal(out.SignedIn.Grant.Session.AMR, []string{auth.AMRFederated, auth.AMREmail}) {
				t.Errorf("%s: %+v", email, out)
			}
			if !out.Registered && out.SignedIn.User.ID != ann.User.ID {
				t.Errorf("%s became %s", email, out.SignedIn.User.ID)
			}
			_, err = j.confirm(end, IdentityProof{Code: h.confirmationCode(email)})
			wantCode(t, err, auth.CodeProofInvalid)
			if _, end := h.comeBy(atDoor(strict()), p, up); end.SignedIn == nil || end.SignedIn.User.ID != out.SignedIn.User.ID {
				t.Errorf("the next time: %+v", end)
			}
		}
	})
}

// The proof is bound to the browser, the client and the user of the address, takes five answers and no other kind's token.
func TestConfirmationIsBound_FD03_ET11(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		h.verified("ann@example.com")
		h.clock.Advance(time.Minute)
		up := vouch(p, "ann@example.com", false, false)
		j, end := h.comeBy(atDoor(anyone()), p, up)
		code := h.confirmationCode("ann@example.com")
		token := j.told(end, "link_token")
		elsewhere := j.c
		elsewhere.Client = "another"
		for _, try := range []struct {
			c  auth.Caller
			in IdentityProof
		}{
			{j.c, IdentityProof{Token: token, Code: code}},
			{j.c, IdentityProof{Token: token, Code: code, Browser: token}},
			{j.c, IdentityProof{Token: j.state, Code: code, Browser: j.browser}},
			{elsewhere, IdentityProof{Token: token, Code: code, Browser: j.browser}},
		} {
			_, err := h.ConfirmIdentity(context.Background(), try.c, try.in)
			wantCode(t, err, auth.CodeProofInvalid)
		}
		_, err := h.SignInWithToken(context.Background(), j.c, TokenSignIn{Token: token, Browser: j.browser})
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = j.confirm(end, IdentityProof{})
		wantCode(t, err, auth.CodeInvalidRequest)
		for range codeAttempts {
			_, err = j.confirm(end, IdentityProof{Code: "999999"})
			wantCode(t, err, auth.CodeProofInvalid)
		}
		_, err = j.confirm(end, IdentityProof{Code: code}) // right, and too late
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// The address changed hands between the callback and the answer.
func TestConfirmationOfAnAddressThatMoved_FD03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		j, end := h.comeBy(atDoor(strict()), p, vouch(p, "ann@example.com", false, false))
		code := h.confirmationCode("ann@example.com")
		in := h.register("ann@example.com")
		_, err := j.confirm(end, IdentityProof{Code: code})
		wantCode(t, err, auth.CodeProofInvalid)
		if len(h.identities(in.User.ID)) != 0 {
			t.Error("linked")
		}
	})
}

// The password links too, but not while the account's own address is unproven: who chose it may be somebody else.
func TestConfirmByPassword_FD02_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		ann := h.verified("ann@example.com")
		h.register("eve@example.com")
		h.clock.Advance(time.Minute)
		j, end := h.comeBy(atDoor(anyone()), p, vouch(p, "ann@example.com", false, false))
		_, err := j.confirm(end, IdentityProof{Password: otherPassword})
		wantCode(t, err, auth.CodeInvalidCredentials)
		h.clock.Advance(time.Second) // the notice is the newest mail
		out, err := j.confirm(end, IdentityProof{Password: goodPassword})
		h.must(err)
		if out.SignedIn.User.ID != ann.User.ID || len(h.identities(ann.User.ID)) != 1 || h.events(ann.User.ID)["identity.linked"] != 1 {
			t.Errorf("%+v", out)
		}
		told := h.mails("ann@example.com")
		if last := told[len(told)-1]; !strings.Contains(last.Text, "was linked") {
			t.Errorf("told %s", last.Text)
		}
		up := vouch(p, "eve@example.com", true, true)
		up.Subject = "eve"
		j, end = h.comeBy(atDoor(anyone()), p, up)
		if !end.Confirm {
			t.Fatalf("%+v", end)
		}
		_, err = j.confirm(end, IdentityProof{Password: goodPassword})
		wantCode(t, err, auth.CodeInvalidCredentials)
	})
}

// A second factor of ours is asked for after the provider, and before an identity is linked by a proof (FD-09).
func TestSecondFactorAfterProvider_FD09(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		ann := h.verified("ann@example.com")
		key, _ := h.enrol(ann.User)
		h.clock.Advance(time.Minute)
		j, end := h.comeBy(atDoor(anyone()), p, vouch(p, "ann@example.com", false, false))
		out, err := j.confirm(end, IdentityProof{Code: h.confirmationCode("ann@example.com")})
		h.must(err)
		if out.Challenge == nil || out.SignedIn != nil || len(h.identities(ann.User.ID)) != 0 {
			t.Fatalf("%+v", out)
		}
		in, err := h.CompleteSecondFactor(context.Background(), j.c, SecondFactor{Token: out.Challenge.Token, Code: h.nextCode(key)})
		h.must(err)
		if len(h.identities(ann.User.ID)) != 1 || !slices.Contains(in.Grant.Session.AMR, auth.AMRMFA) {
			t.Errorf("%+v", in.Grant.Session)
		}
		j, end = h.comeBy(atDoor(anyone()), p, vouch(p, "ann@example.com", false, false))
		if !end.Factor || end.SignedIn != nil {
			t.Fatalf("%+v", end)
		}
		half, err := h.SignInWithToken(context.Background(), j.c, TokenSignIn{Token: j.told(end, "token"), Browser: j.browser})
		h.must(err)
		if half.Challenge == nil || half.SignedIn != nil {
			t.Fatalf("%+v", half)
		}
		in, err = h.CompleteSecondFactor(context.Background(), j.c, SecondFactor{Token: half.Challenge.Token, Code: h.nextCode(key)})
		h.must(err)
		if !slices.Equal(in.Grant.Session.AMR, []string{auth.AMRFederated, auth.AMROTP, auth.AMRMFA}) {
			t.Errorf("%v", in.Grant.Session.AMR)
		}
	})
}

// Who signed up through a provider with an address that nobody had proven loses that way in when the address is proven
// from elsewhere (ET-12).
func TestUnprovenIdentityGoes_ET12(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		up := vouch(p, "victim@example.com", true, false)
		_, end := h.comeBy(atDoor(anyone()), p, up)
		if !end.Registered || end.SignedIn.Email.Verified() {
			t.Fatalf("%+v", end)
		}
		id := end.SignedIn.User.ID
		_, err := h.VerifyEmail(context.Background(), anyone(), h.token("victim@example.com", "/verify"))
		h.must(err)
		if len(h.identities(id)) != 0 || h.alive(end.SignedIn.Grant) {
			t.Error("the identity or its session lives on")
		}
		if _, end := h.comeBy(atDoor(anyone()), p, up); !end.Confirm {
			t.Errorf("%+v", end)
		}
	})
}

// Strangers come in by the app's registration mode, whatever provider vouches for them.
func TestStrangersByMode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		code := h.codeOf(invite.CodeInput{Uses: 1})
		try := func(email string, in FederatedBegin) (journey, FederatedEnd) {
			up := vouch(p, email, true, true)
			up.Subject = email
			j := h.leave(atDoor(strict()), p, in)
			return j, j.land(up)
		}
		for _, c := range []struct {
			mode  auth.RegistrationMode
			in    FederatedBegin
			wants string
		}{
			{auth.RegistrationClosed, FederatedBegin{}, "registration-closed"},
			{auth.RegistrationInvite, FederatedBegin{InviteCode: code.Code}, "invitation-required"},
			{auth.RegistrationInviteCode, FederatedBegin{}, "invite-code-required"},
			{auth.RegistrationInviteCode, FederatedBegin{InviteCode: "WRONG-CODE"}, "invite-code-invalid"},
			{auth.RegistrationWaitlist, FederatedBegin{}, "registration-waitlisted"},
			{auth.RegistrationInviteCode, FederatedBegin{InviteCode: code.Code}, ""},
			{auth.RegistrationInviteCode, FederatedBegin{InviteCode: code.Code}, "invite-code-invalid"}, // its one use is gone
			{auth.RegistrationOpen, FederatedBegin{Mode: FederatedSignIn}, "forbidden"},
			{auth.RegistrationOpen, FederatedBegin{}, ""},
		} {
			h.mode(c.mode)
			h.clock.Advance(time.Minute)
			email := strings.ReplaceAll(h.clock.Now().Format("15.04.05"), ".", "") + "@example.com"
			j, end := try(email, c.in)
			if got := j.told(end, "error_code"); got != c.wants || (end.SignedIn != nil) != (c.wants == "") || end.Registered != (c.wants == "") {
				t.Errorf("%s with %+v: %+v", c.mode, c.in, end)
			}
		}
	})
}
