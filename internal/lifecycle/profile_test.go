package lifecycle

import (
	"context"
	"fmt"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

func text(s string) *string { return &s }

func TestUpdateMe(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		in := h.verified("ann@example.org")
		c := h.caller(in.Grant)
		p, err := h.UpdateMe(ctx, c, user.Change{Name: text(" Ann Lee "), Locale: text("pt-BR"), Attributes: map[string]any{"company": "Lamps"}})
		h.must(err)
		if p.User.Name != "Ann Lee" || p.User.Locale != "pt-BR" || p.User.Attributes["company"] != "Lamps" || p.Email.Address != "ann@example.org" {
			t.Fatalf("%+v", p)
		}
		before := p.User.Version
		_, err = h.UpdateMe(ctx, c, user.Change{Name: text("Bob"), IfMatch: &[]int64{before - 1}[0]})
		wantCode(t, err, auth.CodeVersionMismatch)
		p, err = h.UpdateMe(ctx, c, user.Change{Name: text(""), Attributes: map[string]any{"company": nil}, IfMatch: &before})
		h.must(err)
		if p.User.Name != "" || len(p.User.Attributes) != 0 || p.User.Locale != "pt-BR" || p.User.Version != before+1 {
			t.Fatalf("%+v", p)
		}
		_, err = h.UpdateMe(ctx, c, user.Change{Attributes: map[string]any{"plan": "gold"}})
		wantCode(t, err, auth.CodeInvalidRequest)
		if v := auth.AsError(err).Violations[0]; v.Field != "attributes.plan" || v.Code != auth.ViolationUnknown {
			t.Fatalf("%+v", v)
		}
		_, err = h.UpdateMe(ctx, c, user.Change{Name: text("a\x07b")})
		wantCode(t, err, auth.CodeInvalidRequest)
	})
}

// A username is a name to sign in with: the first is free to choose, another takes a fresh sign-in, a taken one is
// refused in any case of its letters.
func TestUsername(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		ann, bob := h.verified("ann@example.org"), h.verified("bob@example.org")
		_, err := h.UpdateMe(ctx, h.caller(ann.Grant), user.Change{Username: text("ann")})
		h.must(err)
		_, err = h.UpdateMe(ctx, h.caller(bob.Grant), user.Change{Username: text("ANN")})
		wantCode(t, err, auth.CodeIdentifierTaken)
		if !user.TakenField(err, "username") {
			t.Fatalf("%v", err)
		}
		_, err = h.UpdateMe(ctx, h.caller(bob.Grant), user.Change{Username: text("b@b")})
		wantCode(t, err, auth.CodeInvalidRequest)
		c := h.stale(ann)
		_, err = h.UpdateMe(ctx, c, user.Change{Username: text("annie")})
		wantCode(t, err, auth.CodeReauthRequired)
		_, err = h.UpdateMe(ctx, c, user.Change{Username: text("ann"), Name: text("Ann")}) // the same is no change
		h.must(err)
		fresh, err := h.signIn("ann", goodPassword)
		h.must(err)
		_, err = h.UpdateMe(ctx, h.caller(fresh.SignedIn.Grant), user.Change{Username: text("annie")})
		h.must(err)
		_, err = h.signIn("ann", goodPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
	})
}

// Of several users who want one username at the same moment one gets it, and the others are told.
func TestUsernameRace(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork), func(t *testing.T, h *house) {
		var callers []auth.Caller
		for i := range 8 {
			callers = append(callers, h.caller(h.verified(fmt.Sprintf("u%d@example.org", i)).Grant))
		}
		won := 0
		for _, err := range storetest.Race(t, h.db, len(callers), func(ctx context.Context, i int) error {
			_, err := h.UpdateMe(ctx, callers[i], user.Change{Username: text("wanted")})
			return err
		}) {
			if err == nil {
				won++
			} else if !auth.Is(err, auth.CodeIdentifierTaken) {
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d got it", won)
		}
	})
}

func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		first, bob := h.verified("ann@example.org"), h.verified("bob@example.org")
		var more []auth.Caller
		for range 3 {
			out, err := h.signIn("ann@example.org", goodPassword)
			h.must(err)
			more = append(more, h.caller(out.SignedIn.Grant))
		}
		c := h.caller(first.Grant)
		h.must(h.EndSession(ctx, c, more[0].Session))
		wantCode(t, h.EndSession(ctx, c, h.caller(bob.Grant).Session), auth.CodeNotFound)
		wantCode(t, h.EndSession(ctx, c, "nothing"), auth.CodeNotFound)
		h.must(h.SignOut(ctx, more[1]))
		wantCode(t, h.SignOut(ctx, more[1]), auth.CodeSessionEnded)
		n, err := h.SignOutEverywhere(ctx, c, true)
		h.must(err)
		if n != 1 || !h.alive(first.Grant) {
			t.Fatalf("%d", n)
		}
		n, err = h.SignOutEverywhere(ctx, c, false)
		h.must(err)
		if n != 1 || h.alive(first.Grant) || !h.alive(bob.Grant) || h.endReason(first.Grant) != auth.EndSignedOutEverywhere {
			t.Fatalf("%d", n)
		}
	})
}
