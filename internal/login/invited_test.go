package login

import (
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// ownerOf makes a user who owns an account, and answers its caller.
func (h *house) ownerOf(email string) (auth.Account, auth.Caller) {
	h.t.Helper()
	c := h.caller(h.verified(email).Grant)
	a, err := h.Accounts.Create(h.t.Context(), c, account.Input{Name: "Acme"})
	h.must(err)
	return a, c
}

// invite invites to an account and answers the mailed token.
func (h *house) invite(c auth.Caller, in Invitation) (auth.Invite, string) {
	h.t.Helper()
	i, err := h.Invite(h.t.Context(), c, in)
	h.must(err)
	return i, h.token(in.Email, "/invite")
}

func (h *house) role(a auth.Account, id auth.UserID) (role auth.MemberRole) {
	h.t.Helper()
	h.must(h.db.Read(h.t.Context(), func(tx *store.Tx) error {
		all, err := tx.MembershipsOf(a.App, []auth.UserID{id})
		for _, m := range all[id] {
			if m.Account.ID == a.ID {
				role = m.Membership.Role
			}
		}
		return err
	}))
	return role
}

func TestInviteMakesAUser_IN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.mode(auth.RegistrationClosed) // invitations go past it
		a, owner := h.ownerOfClosed()
		i, token := h.invite(owner, Invitation{Email: "Jane@example.com", Account: a.ID, Role: "viewer"})
		if i.ExpiresAt.Sub(i.CreatedAt) != 7*24*time.Hour {
			t.Errorf("lives %v", i.ExpiresAt.Sub(i.CreatedAt))
		}
		out, err := h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token, Name: "Jane"})
		h.must(err)
		in := out.SignedIn
		if in == nil || !in.Email.Verified() || in.Email.Address != "Jane@example.com" || in.User.Name != "Jane" ||
			in.Grant.Session.Account != a.ID || h.role(a, in.User.ID) != auth.MemberViewer || len(in.Memberships) != 1 {
			t.Fatalf("%+v", out)
		}
		_, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token})
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.Invite(t.Context(), owner, Invitation{Email: "jane@example.com", Account: a.ID})
		wantCode(t, err, auth.CodeConflict)
	})
}

// ownerOfClosed makes an owner in an app that lets nobody in.
func (h *house) ownerOfClosed() (auth.Account, auth.Caller) {
	h.t.Helper()
	h.mode("")
	a, c := h.ownerOf("owner@example.com")
	h.mode(auth.RegistrationClosed)
	return a, c
}

func TestInviteOfAKnownUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, owner := h.ownerOf("owner@example.com")
		known := h.verified("jo@example.com")
		_, token := h.invite(owner, Invitation{Email: "jo@example.com", Account: a.ID})
		out, err := h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token})
		if err != nil || out.SignedIn.User.ID != known.User.ID || h.role(a, known.User.ID) != auth.MemberMember {
			t.Fatalf("%+v, %v", out, err)
		}
		if _, err := h.Sessions.Authenticate(t.Context(), known.Grant.AccessToken); err != nil {
			t.Errorf("the session of before: %v", err)
		}

		// Whoever signed up with the address before it was proven is thrown out, password and all (ET-12).
		squatter := h.register("late@example.com")
		_, token = h.invite(owner, Invitation{Email: "late@example.com", Account: a.ID})
		out, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token})
		if err != nil || out.SignedIn == nil || !out.SignedIn.Email.Verified() {
			t.Fatalf("%+v, %v", out, err)
		}
		_, err = h.Sessions.Authenticate(t.Context(), squatter.Grant.AccessToken)
		wantCode(t, err, auth.CodeSessionEnded)
		_, err = h.SignIn(t.Context(), anyone(), Credentials{Identifier: "late@example.com", Password: goodPassword})
		wantCode(t, err, auth.CodePasswordExpired)
	})
}

// A person who is signed in joins by an invitation to the own verified address and by no other (IN-01).
func TestInviteOfSomebodySignedIn_IN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, owner := h.ownerOf("owner@example.com")
		jo, mo, un := h.verified("jo@example.com"), h.verified("mo@example.com"), h.register("un@example.com")
		_, token := h.invite(owner, Invitation{Email: "jo@example.com", Account: a.ID, Role: "owner"})
		_, err := h.AcceptInvite(t.Context(), h.caller(mo.Grant), Acceptance{Token: token})
		wantCode(t, err, auth.CodeForbidden)
		out, err := h.AcceptInvite(t.Context(), h.caller(jo.Grant), Acceptance{Token: token})
		if err != nil || out.Joined != jo.User.ID || out.SignedIn != nil || h.role(a, jo.User.ID) != auth.MemberOwner {
			t.Fatalf("%+v, %v", out, err)
		}
		_, token = h.invite(owner, Invitation{Email: "un@example.com", Account: a.ID})
		_, err = h.AcceptInvite(t.Context(), h.caller(un.Grant), Acceptance{Token: token})
		wantCode(t, err, auth.CodeForbidden)
	})
}

// What the inviter may not give any more is not given (IN-02).
func TestInviterIsAskedAgain_IN02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, owner := h.ownerOf("owner@example.com")
		other := h.verified("other@example.com")
		_, err := h.Accounts.Add(t.Context(), operator(), auth.Membership{Account: a.ID, User: other.User.ID, Role: auth.MemberOwner})
		h.must(err)
		_, token := h.invite(h.caller(other.Grant), Invitation{Email: "jane@example.com", Account: a.ID, Role: "owner"})
		_, err = h.Accounts.SetRole(t.Context(), owner, a.ID, other.User.ID, auth.MemberMember)
		h.must(err)
		_, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token})
		wantCode(t, err, auth.CodeProofInvalid)
		_, err = h.Invite(t.Context(), h.caller(other.Grant), Invitation{Email: "x@example.com", Account: a.ID})
		wantCode(t, err, auth.CodeForbidden)

		// An administrator who is one no more made no administrator.
		h.write(func(tx *store.Tx) error {
			u, err := tx.UserForUpdate(auth.DefaultApp, other.User.ID)
			if err != nil {
				return err
			}
			_, err = user.SetRole(tx, u, auth.RoleAdmin)
			return err
		})
		admin := h.caller(other.Grant)
		admin.Role = auth.RoleAdmin
		_, token = h.invite(admin, Invitation{Email: "eve@example.com", Role: "admin"})
		h.write(func(tx *store.Tx) error {
			u, err := tx.UserForUpdate(auth.DefaultApp, other.User.ID)
			if err != nil {
				return err
			}
			_, err = user.SetRole(tx, u, auth.RoleUser)
			return err
		})
		_, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: token})
		wantCode(t, err, auth.CodeProofInvalid)
	})
}

func TestInvitesEnd_ET05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, owner := h.ownerOf("owner@example.com")
		_, first := h.invite(owner, Invitation{Email: "jane@example.com", Account: a.ID})
		h.clock.Advance(time.Second)
		i, second := h.invite(owner, Invitation{Email: "jane@example.com", Account: a.ID})
		_, err := h.AcceptInvite(t.Context(), strict(), Acceptance{Token: first})
		wantCode(t, err, auth.CodeProofInvalid)
		list, err := h.ListInvites(t.Context(), owner, store.InviteQuery{Account: a.ID, Limit: 10})
		if err != nil || len(list) != 1 || list[0].ID != i.ID {
			t.Errorf("%+v, %v", list, err)
		}
		stranger := h.caller(h.verified("mo@example.com").Grant)
		wantCode(t, h.RevokeInvite(t.Context(), stranger, i.ID), auth.CodeNotFound)
		_, err = h.ListInvites(t.Context(), stranger, store.InviteQuery{Account: a.ID, Limit: 10})
		wantCode(t, err, auth.CodeNotFound)
		h.must(h.RevokeInvite(t.Context(), owner, i.ID))
		_, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: second})
		wantCode(t, err, auth.CodeProofInvalid)
		_, third := h.invite(owner, Invitation{Email: "jane@example.com", Account: a.ID})
		h.clock.Advance(7 * 24 * time.Hour)
		_, err = h.AcceptInvite(t.Context(), strict(), Acceptance{Token: third})
		wantCode(t, err, auth.CodeProofInvalid)
	})
}
