package server_test

import (
	"net/http"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestTeams asks every operation about accounts, invites, waitlists and clients through the Go client.
func TestTeams(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo := signUp(t, i, i.Client, "jo@example.com")
		me := i.Client.WithToken(jo.Tokens.AccessToken)
		acme := ok[client.Account](t)(me.CreateAccount(ctx, client.NewAccount{Name: "Acme"}))
		acme = ok[client.Account](t)(me.UpdateAccount(ctx, acme.ID, acme.Version, map[string]any{"name": "Acme Corp", "avatar_url": "https://acme.example/a.png"}))
		_, err := me.UpdateAccount(ctx, acme.ID, 1, map[string]any{"name": "x"})
		refusedAs(t, err, "version-mismatch")
		switched := ok[client.SignedIn](t)(me.SwitchAccount(ctx, acme.ID))
		me = i.Client.WithToken(switched.Tokens.AccessToken)
		if m := ok[client.Me](t)(me.GetMe(ctx)).User.ActiveMembership; m == nil || m.Account == nil || m.Account.Name != "Acme Corp" || m.Role != "owner" {
			t.Errorf("%+v", m)
		}

		ok[client.Invite](t)(me.CreateInvite(ctx, client.NewInvite{Email: "jane@example.com", AccountID: acme.ID, Role: "viewer"}))
		if list := ok[client.InvitePage](t)(me.ListInvites(ctx, acme.ID, client.Paging{})); len(list.Invites) != 1 {
			t.Errorf("%+v", list)
		}
		jane := ok[client.SignInResult](t)(i.Client.AcceptInvite(ctx, client.Acceptance{Token: mailed(t, i, "jane@example.com"), Name: "Jane"}))
		if jane.User.ActiveMembership == nil || jane.User.ActiveMembership.Role != "viewer" || !jane.User.EmailVerified {
			t.Errorf("%+v", jane.User)
		}
		if list := ok[client.MemberPage](t)(me.ListMembers(ctx, acme.ID, client.Paging{})); len(list.Members) != 2 || list.Members[1].Email != jane.User.Email {
			t.Errorf("%+v", list)
		}
		if entry := ok[client.WaitlistEntry](t)(me.JoinWaitlist(ctx, "beta")); entry.AccountID != acme.ID || entry.Status != "waiting" {
			t.Errorf("%+v", entry)
		}
		hers := i.Client.WithToken(jane.Tokens.AccessToken)
		if list := ok[client.MemberPage](t)(hers.ListMembers(ctx, acme.ID, client.Paging{})); len(list.Members) != 2 || list.Members[0].Email != "" {
			t.Errorf("a viewer sees %+v", list)
		}
		waits := ok[client.WaitlistPage](t)(i.Operator.ListWaitlistEntries(ctx, "", "waiting", client.Paging{}))
		ok[client.WaitlistEntry](t)(i.Operator.DenyWaitlistEntry(ctx, waits.Entries[0].ID))
		ok[client.WaitlistEntry](t)(i.Operator.ApproveWaitlistEntry(ctx, waits.Entries[0].ID))
		if entry := ok[client.WaitlistEntry](t)(hers.GetWaitlistEntry(ctx, "beta")); entry.Status != "approved" {
			t.Errorf("%+v", entry)
		}
		refusedAs(t, hers.LeaveWaitlist(ctx, "beta"), "forbidden")
		none(t, me.LeaveWaitlist(ctx, "beta"))
		if list := ok[client.WaitlistPage](t)(me.ListWaitlists(ctx, client.Paging{})); len(list.Entries) != 0 {
			t.Errorf("%+v", list)
		}
		ok[client.Membership](t)(me.SetMemberRole(ctx, acme.ID, jane.User.ID, "owner"))
		none(t, hers.RemoveMember(ctx, acme.ID, jo.User.ID))
		_, err = me.GetAccount(ctx, acme.ID)
		refusedAs(t, err, "not-found")
	})
}

// What a client lists as its origins counts for the next preflight and the next answer (WB-03).
func TestOriginsOfClients_WB03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		w := newWire(t, i)
		const origin = "https://shop.example"
		preflight := func() string {
			t.Helper()
			r := w.ask(http.MethodOptions, "/api/ostiary/v1/sessions", nil, "Origin", origin, "Access-Control-Request-Method", "POST")
			return r.Header.Get("Access-Control-Allow-Origin")
		}
		if got := preflight(); got != "" {
			t.Errorf("before: %q", got)
		}
		shop := ok[client.AppClient](t)(i.Operator.CreateClient(ctx, "default", client.NewClient{Name: "Shop", AllowedOrigins: []string{origin}}))
		if got := preflight(); got != origin {
			t.Errorf("listed: %q", got)
		}
		// The answer itself goes by the request's own client: this one names none, so the default client counts.
		if got := w.ask(http.MethodPost, "/api/ostiary/v1/sessions", object{"identifier": "x", "password": "x"}, "Origin", origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("another client's answer: %q", got)
		}
		ok[client.AppClient](t)(i.Operator.UpdateClient(ctx, "default", "default", map[string]any{"allowed_origins": []string{origin}}))
		if got := w.ask(http.MethodPost, "/api/ostiary/v1/sessions", object{"identifier": "x", "password": "x"}, "Origin", origin).Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("the own client's answer: %q", got)
		}
		none(t, i.Operator.DeleteClient(ctx, "default", shop.ID))
		ok[client.AppClient](t)(i.Operator.UpdateClient(ctx, "default", "default", map[string]any{"allowed_origins": nil}))
		if got := preflight(); got != "" {
			t.Errorf("taken back: %q", got)
		}
		refusedAs(t, i.Operator.DeleteClient(ctx, "default", "default"), "conflict")
		if page := ok[client.AppClientPage](t)(i.Operator.ListClients(ctx, "default", client.Paging{})); len(page.Clients) != 1 {
			t.Errorf("%+v", page)
		}
		app := ok[client.App](t)(i.Operator.UpdateApp(ctx, "default", 0, map[string]any{"registration": "closed"}))
		refusedAs(t, i.Client.Register(ctx, client.Registration{Email: "x@example.com", Password: phrase}), "registration-closed")
		_, err := i.Operator.UpdateApp(ctx, "default", app.Version-1, map[string]any{"registration": nil})
		refusedAs(t, err, "version-mismatch")
		code := ok[client.InviteCode](t)(i.Operator.CreateInviteCode(ctx, client.NewInviteCode{Credit: 3}))
		ok[client.App](t)(i.Operator.UpdateApp(ctx, "default", app.Version, map[string]any{"registration": "invite-code"}))
		none(t, i.Client.Register(ctx, client.Registration{Email: "x@example.com", Password: phrase, InviteCode: code.Code}))
		if credit := ok[client.Credit](t)(i.Operator.GetCredit(ctx, ok[client.User](t)(i.Operator.GetUser(ctx, "x@example.com")).ID)); credit.Balance != 3 {
			t.Errorf("%+v", credit)
		}
	})
}
