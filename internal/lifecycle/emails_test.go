package lifecycle

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

func (h *house) askForEmail(in login.SignedIn, address string) error {
	h.clock.Advance(time.Second)
	_, err := h.AddEmail(context.Background(), h.caller(in.Grant), EmailChange{Email: address})
	return err
}

// addEmail gives a user one more address, whose id it answers.
func (h *house) addEmail(in login.SignedIn, address string) auth.EmailID {
	h.must(h.askForEmail(in, address))
	_, err := h.confirm(h.token(address, "/verify"))
	h.must(err)
	list := h.emails(in)
	return list[len(list)-1].ID
}

func (h *house) emails(in login.SignedIn) []OwnEmail {
	list, err := h.Emails(context.Background(), h.caller(in.Grant))
	h.must(err)
	return list
}

func (h *house) makePrimary(in login.SignedIn, id auth.EmailID) error {
	h.clock.Advance(time.Second)
	_, err := h.MakeEmailPrimary(context.Background(), h.caller(in.Grant), id, Evidence{})
	return err
}

func (h *house) removeEmail(in login.SignedIn, id auth.EmailID) error {
	h.clock.Advance(time.Second)
	return h.RemoveEmail(context.Background(), h.caller(in.Grant), id)
}

// wantMail is the subject of the newest mail to an address.
func (h *house) wantMail(to, subject string) {
	h.t.Helper()
	got := h.mails(to)
	if len(got) == 0 || got[len(got)-1].Subject != subject {
		h.t.Errorf("%s was told %+v, want %q", to, got, subject)
	}
}

// TestAddEmail_ET14: nothing but the link in the mail makes an address the user's, and until then it is nobody's.
func TestAddEmail_ET14(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.must(h.askForEmail(in, "Second@example.org"))
		list := h.emails(in)
		if len(list) != 2 || !list[0].Primary || list[1].Address != "Second@example.org" || list[1].Verified() || list[1].WaitsUntil.IsZero() {
			t.Fatalf("waiting %+v", list)
		}
		_, err := h.signIn("second@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		wantCode(t, h.makePrimary(in, list[1].ID), auth.CodeEmailUnverified)

		h.must(h.askForEmail(in, "")) // once more
		token := h.token("Second@example.org", "/verify")
		about, err := h.Login.PreviewLink(context.Background(), anyone(), auth.ProofVerifyEmail, token, "")
		if err != nil || about.Email != "Second@example.org" || about.Kind != auth.ProofAddEmail {
			t.Errorf("the page of the link says %+v, %v", about, err)
		}
		_, err = h.confirm(token)
		h.must(err)
		now := h.emails(in)
		if len(now) != 2 || !now[1].Verified() || now[1].Primary || !now[1].WaitsUntil.IsZero() {
			t.Errorf("added %+v", now)
		}
		h.wantMail("ann@example.org", "The e-mail addresses of your account at Ostiary")
		if _, err := h.signIn("second@example.org", goodPassword); err != nil {
			t.Errorf("the second address: %v", err)
		}
		if e := h.events(in.User.ID); e["email.add-requested"] != 2 || e["email.added"] != 1 {
			t.Errorf("events %v", e)
		}

		// Mails go to the primary address, whichever was typed (ET-07).
		h.must(h.Login.RequestPasswordReset(context.Background(), anyone(), "second@example.org"))
		h.token("ann@example.org", "/reset")
	})
}

func TestAddEmailIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		h.register("bob@example.org")
		wantCode(t, h.askForEmail(in, ""), auth.CodeConflict)
		wantCode(t, h.askForEmail(in, "nonsense"), auth.CodeInvalidRequest)
		wantCode(t, h.askForEmail(in, "Ann@example.org"), auth.CodeConflict)
		wantCode(t, h.askForEmail(in, "bob@example.org"), auth.CodeIdentifierTaken)
		strict := h.caller(in.Grant)
		strict.Door.Policy = auth.Policy{}
		_, err := h.AddEmail(context.Background(), strict, EmailChange{Email: "bob@example.org"})
		h.must(err) // as if it were free (EN-01)
		h.wantMail("bob@example.org", "You have an account at Ostiary already")

		second := h.addEmail(in, "second@example.org")
		wantCode(t, h.changeEmail(in, EmailChange{Email: "second@example.org"}), auth.CodeConflict)
		first := h.emails(in)[0].ID
		wantCode(t, h.removeEmail(in, first), auth.CodeConflict)
		wantCode(t, h.makePrimary(in, first), auth.CodeConflict)
		wantCode(t, h.removeEmail(in, "no-such-address"), auth.CodeNotFound)
		eve := h.verified("eve@example.org")
		wantCode(t, h.removeEmail(eve, second), auth.CodeNotFound)
		wantCode(t, h.makePrimary(eve, second), auth.CodeNotFound)

		h.clock.Advance(10 * time.Minute)
		for _, err := range []error{h.askForEmail(in, "third@example.org"), h.makePrimary(in, second), h.removeEmail(in, second)} {
			wantCode(t, err, auth.CodeReauthRequired)
		}
		fresh := h.register("kim@example.org")
		wantCode(t, h.askForEmail(fresh, "new@example.org"), auth.CodeEmailUnverified)
	})
}

// TestMakeEmailPrimary_ET13: the address of before is told and stays, and for a day it takes the account back, with every
// address dropped that somebody else may have added.
func TestMakeEmailPrimary_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		second := h.addEmail(in, "second@example.org")
		h.must(h.Login.RequestPasswordReset(context.Background(), anyone(), "ann@example.org"))
		reset := h.token("ann@example.org", "/reset")
		h.must(h.makePrimary(in, second))
		list := h.emails(in)
		if len(list) != 2 || list[0].Address != "second@example.org" || !list[0].Primary || list[1].Primary || !list[1].Verified() {
			t.Errorf("addresses %+v", list)
		}
		h.wantMail("ann@example.org", "Your e-mail address at Ostiary was changed")
		wantCode(t, h.Login.ResetPassword(context.Background(), anyone(), reset, otherPassword), auth.CodeProofInvalid) // ET-05
		if _, err := h.signIn("ann@example.org", goodPassword); err != nil {
			t.Errorf("the address of before: %v", err)
		}

		cancel := h.token("ann@example.org", "/cancel-email-change")
		h.must(h.removeEmail(in, list[1].ID))
		_, err := h.Login.Register(context.Background(), anyone(), login.Registration{Email: "ann@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeIdentifierTaken)
		restored, err := h.cancelChange(cancel)
		h.must(err)
		if !restored || h.alive(in.Grant) {
			t.Error("the address is not back, or the session lives")
		}
		_, err = h.signIn("second@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.signIn("ann@example.org", goodPassword)
		wantCode(t, err, auth.CodePasswordExpired)
	})
}

// TestRestoreDropsAddresses_ET13: the owner's word against a change drops the address that it was moved to, which had been
// added before, while the owner's own is a further one.
func TestRestoreDropsAddresses_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		thief := h.addEmail(in, "thief@example.org")
		h.must(h.makePrimary(in, thief))
		h.addEmail(in, "third@example.org")
		restored, err := h.cancelChange(h.token("ann@example.org", "/cancel-email-change"))
		h.must(err)
		if !restored {
			t.Error("not restored")
		}
		h.write(func(tx *store.Tx) error {
			left, err := user.Emails(tx, auth.DefaultApp, in.User.ID)
			if len(left) != 1 || left[0].Address != "ann@example.org" || !left[0].Primary {
				t.Errorf("left %+v", left)
			}
			return err
		})
		h.register("thief@example.org")
	})
}

func TestRemoveEmail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		second := h.addEmail(in, "second@example.org")
		h.must(h.removeEmail(in, second))
		for _, to := range []string{"ann@example.org", "second@example.org"} {
			h.wantMail(to, "The e-mail addresses of your account at Ostiary")
		}
		_, err := h.signIn("second@example.org", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		wantCode(t, h.removeEmail(in, second), auth.CodeNotFound)

		h.must(h.askForEmail(in, "third@example.org"))
		waits := h.emails(in)[1].ID
		h.clock.Advance(10 * time.Minute)
		h.must(h.removeEmail(in, waits)) // it takes no fresh sign-in to give up what one has not
		_, err = h.confirm(h.token("third@example.org", "/verify"))
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

// TestEmailRaces_ET13: an address that two users ask for is one's; a link is spent once; there is one primary address
// whatever is chosen at once, and never more than the most.
func TestEmailRaces_ET13(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ann, bob := h.verified("ann@example.org"), h.verified("bob@example.org")
		h.must(h.askForEmail(ann, "shared@example.org"))
		one := h.token("shared@example.org", "/verify")
		h.must(h.askForEmail(bob, "shared@example.org"))
		tokens := []string{one, h.token("shared@example.org", "/verify")}
		done := 0
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, n int) error {
			_, err := h.Login.VerifyEmail(ctx, anyone(), tokens[n%2])
			return err
		}) {
			if err == nil {
				done++
			} else if !auth.Is(err, auth.CodeProofInvalid) {
				t.Error(err)
			}
		}
		if done != 1 || len(h.emails(ann))+len(h.emails(bob)) < 3 {
			t.Errorf("%d confirmed: %+v %+v", done, h.emails(ann), h.emails(bob))
		}

		kim := h.verified("kim@example.org")
		ids := []auth.EmailID{h.emails(kim)[0].ID, h.addEmail(kim, "kim1@example.org"), h.addEmail(kim, "kim2@example.org")}
		c := h.caller(kim.Grant)
		for _, err := range storetest.Race(t, h.db, 8, func(ctx context.Context, n int) error {
			_, err := h.MakeEmailPrimary(ctx, c, ids[n%3], Evidence{})
			return err
		}) {
			if err != nil && !auth.Is(err, auth.CodeConflict) {
				t.Error(err)
			}
		}
		primary := 0
		for _, e := range h.emails(kim) {
			if e.Primary {
				primary++
			}
		}
		if primary != 1 {
			t.Errorf("%d primary addresses", primary)
		}
	})
}

// TestImportedEmail_ET14: an address that came unproven with an import is proven by its link, and by nothing else.
func TestImportedEmail_ET14(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		old := auth.Email{ID: "old", App: auth.DefaultApp, User: in.User.ID, Address: "old@example.org", Canonical: "old@example.org"}
		h.write(func(tx *store.Tx) error {
			_, err := tx.InsertEmail(old)
			return err
		})
		wantCode(t, h.makePrimary(in, old.ID), auth.CodeEmailUnverified)
		wantCode(t, h.changeEmail(in, EmailChange{Email: old.Address}), auth.CodeConflict)
		h.must(h.askForEmail(in, old.Address))
		_, err := h.confirm(h.token(old.Address, "/verify"))
		h.must(err)
		if list := h.emails(in); len(list) != 2 || list[1].ID != old.ID || !list[1].Verified() {
			t.Errorf("addresses %+v", list)
		}
		h.must(h.makePrimary(in, old.ID))
	})
}

func TestEmailsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		for n := 1; n < user.MaxEmails; n++ {
			h.addEmail(in, fmt.Sprintf("more%d@example.org", n))
		}
		wantCode(t, h.askForEmail(in, "last@example.org"), auth.CodeLimitReached)
	})
}
