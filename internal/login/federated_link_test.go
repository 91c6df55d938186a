package login

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Linking takes a person with a proven address and a fresh sign-in, whose session still stands at the end, and an
// identity that is nobody else's.
func TestLinking_FD03_C5(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		ann, bob, new := h.verified("ann@example.com"), h.verified("bob@example.com"), h.register("new@example.com")
		begin := func(c auth.Caller) error {
			_, err := h.BeginFederated(context.Background(), c, FederatedBegin{Provider: p.Name, Mode: FederatedLink, Callback: "/x"})
			return err
		}
		wantCode(t, begin(anyone()), auth.CodePersonRequired)
		wantCode(t, begin(h.caller(new.Grant)), auth.CodeEmailUnverified)
		me := h.caller(ann.Grant)
		j := h.leave(atDoor(me), p, FederatedBegin{Mode: FederatedLink})
		j.c = atDoor(anyone()) // no credential comes back
		if end := j.land(vouch(p, "elsewhere@example.com", false, false)); end.Linked != ann.User.ID || end.SignedIn != nil || j.told(end, "linked") != "club" ||
			j.told(end, "token") != "" || len(h.identities(ann.User.ID)) != 1 {
			t.Errorf("%+v", end)
		}
		j = h.leave(atDoor(h.caller(bob.Grant)), p, FederatedBegin{Mode: FederatedLink})
		if end := j.land(vouch(p, "elsewhere@example.com", false, false)); end.Linked != "" || j.told(end, "error_code") != "conflict" {
			t.Errorf("another's: %+v", end)
		}
		other := vouch(p, "bob@example.com", true, true)
		other.Subject = "bob"
		j = h.leave(atDoor(h.caller(bob.Grant)), p, FederatedBegin{Mode: FederatedLink})
		h.write(func(tx *store.Tx) error {
			return h.Sessions.End(tx, j.c, auth.DefaultApp, bob.Grant.Session.ID, auth.EndSignedOut)
		})
		if end := j.land(other); end.Linked != "" || j.told(end, "error") != "access_denied" || len(h.identities(bob.User.ID)) != 0 {
			t.Errorf("signed out: %+v", end)
		}
		h.clock.Advance(6 * time.Minute)
		wantCode(t, begin(me), auth.CodeReauthRequired)
	})
}

// The last way in stays.
func TestUnlinking(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		_, end := h.comeBy(atDoor(strict()), p, vouch(p, "ann@example.com", true, true))
		me, id := h.caller(end.SignedIn.Grant), end.SignedIn.User.ID
		list, err := h.ListIdentities(context.Background(), me)
		h.must(err)
		if len(list) != 1 || list[0].Email != "ann@example.com" || list[0].ProviderName != "club" {
			t.Fatalf("%+v", list)
		}
		unlink := func(id auth.IdentityID) error { return h.UnlinkIdentity(context.Background(), me, id) }
		wantCode(t, unlink(list[0].ID), auth.CodeConflict)
		hash, err := h.Hash(context.Background(), goodPassword)
		h.must(err)
		h.write(func(tx *store.Tx) error {
			u, err := tx.User(auth.DefaultApp, id)
			if err != nil {
				return err
			}
			return user.SetPassword(tx, u, hash, false)
		})
		wantCode(t, unlink("00000000-0000-7000-8000-000000000000"), auth.CodeNotFound)
		h.must(unlink(list[0].ID))
		if len(h.identities(id)) != 0 || h.events(id)["identity.unlinked"] != 1 {
			t.Error("it is still there")
		}
		bob := h.verified("bob@example.com")
		wantCode(t, h.UnlinkIdentity(context.Background(), h.caller(bob.Grant), list[0].ID), auth.CodeNotFound)
		h.clock.Advance(6 * time.Minute)
		wantCode(t, unlink(list[0].ID), auth.CodeReauthRequired)
	})
}

// Only registered redirect URIs are gone to, by the whole text; errors before that are told in place.
func TestRedirectURIs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := h.provider("club")
		for _, in := range []FederatedBegin{
			{RedirectURI: "https://evil.example"}, {RedirectURI: shop + "&more=1"}, {RedirectURI: "https://shop.example/back"},
			{RedirectURI: "HTTPS://shop.example/back?kept=1"}, {RedirectURI: shop + "#x"}, {RedirectURI: "//shop.example/back?kept=1"},
			{Mode: "other"}, {CodeChallenge: "short"}, {State: string(make([]byte, 501))}, {Callback: "https://evil.example/"},
		} {
			in.Provider = p.Name
			if in.Callback == "" {
				in.Callback = "/x"
			}
			_, err := h.BeginFederated(context.Background(), anyone(), in)
			wantCode(t, err, auth.CodeInvalidRequest)
		}
	})
}
