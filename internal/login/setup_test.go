package login

import (
	"context"
	"fmt"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func (h *house) setup(token, email string) (SignedIn, error) {
	return h.CreateFirstAdministrator(context.Background(), strict(), FirstAdministrator{Token: token, Email: email,
		Password: goodPassword, Name: "Ann"})
}

func TestFirstAdministrator_PW17(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		old, needed, err := h.EnsureSetupProof(ctx)
		if err != nil || !needed {
			t.Fatal(needed, err)
		}
		link, needed, err := h.EnsureSetupProof(ctx) // the next start
		if err != nil || !needed {
			t.Fatal(needed, err)
		}
		_, err = h.setup(old.Token, "ann@example.org")
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.CreateFirstAdministrator(ctx, strict(), FirstAdministrator{Token: link.Token, Email: "ann@example.org", Password: "short"})
		wantCode(t, err, auth.CodeWeakPassword)
		in, err := h.setup(link.Token, "ann@example.org")
		h.must(err)
		if in.User.Role != auth.RoleAdmin || !in.Email.Verified() || h.caller(in.Grant).Role != auth.RoleAdmin {
			t.Fatalf("%+v", in)
		}
		_, err = h.setup(link.Token, "bob@example.org")
		wantCode(t, err, auth.CodeProofInvalid)
		if _, needed, err := h.EnsureSetupProof(ctx); err != nil || needed {
			t.Fatal(needed, err)
		}
		_, err = h.SignIn(ctx, strict(), Credentials{Identifier: "ann@example.org", Password: goodPassword})
		h.must(err)
	})
}

// Exactly one of fifty becomes the first administrator (AD-01).
func TestFirstAdministratorRace_AD01(t *testing.T) {
	eachWith(t, off(limit.ProofNetwork), func(t *testing.T, h *house) {
		link, _, err := h.EnsureSetupProof(context.Background())
		h.must(err)
		won := 0
		for _, err := range storetest.Race(t, h.db, 50, func(_ context.Context, i int) error {
			_, err := h.setup(link.Token, fmt.Sprintf("ann%d@example.org", i))
			return err
		}) {
			if err == nil {
				won++
			} else if !auth.Is(err, auth.CodeProofInvalid) {
				t.Fatal(err)
			}
		}
		admins := 0
		h.must(h.db.Read(context.Background(), func(tx *store.Tx) error {
			admins, err = tx.CountActive(auth.DefaultApp, auth.RoleAdmin)
			return err
		}))
		if won != 1 || admins != 1 {
			t.Fatalf("%d won, %d administrators", won, admins)
		}
	})
}

// A setup link that is still about when somebody else became administrator makes nobody one.
func TestSetupAfterAnAdministrator(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		link, _, err := h.EnsureSetupProof(context.Background())
		h.must(err)
		u := h.register("ann@example.org").User
		h.write(func(tx *store.Tx) error {
			row, err := tx.UserForUpdate(u.App, u.ID)
			if err != nil {
				return err
			}
			row.Role = auth.RoleAdmin
			_, err = tx.UpdateUser(row, "")
			return err
		})
		_, err = h.setup(link.Token, "bob@example.org")
		wantCode(t, err, auth.CodeConflict)
		elsewhere := strict()
		elsewhere.App = "other"
		_, err = h.CreateFirstAdministrator(context.Background(), elsewhere, FirstAdministrator{Token: link.Token,
			Email: "bob@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeProofInvalid)
	})
}
