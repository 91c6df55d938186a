package server_test

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// An invitation says who invites and to what; what they call themselves becomes neither a link nor a template (EM-02).
func TestInviteMailIntroduces_EM02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo := signUp(t, i, i.Client, "jo@example.com")
		me := i.Client.WithToken(jo.Tokens.AccessToken)
		acme := ok[client.Account](t)(me.CreateAccount(ctx, client.NewAccount{Name: "Acme"}))
		ok[client.Invite](t)(me.CreateInvite(ctx, client.NewInvite{Email: "guest@example.com", AccountID: acme.ID, Role: "viewer"}))
		if m := i.Inbox("guest@example.com"); !strings.Contains(m.Text, "Jo invites you to the account Acme.") {
			t.Errorf("%s", m.Text)
		}
		ok[client.Invite](t)(i.Operator.CreateInvite(ctx, client.NewInvite{Email: "other@example.com", AccountID: acme.ID, Role: "viewer"}))
		if m := i.Inbox("other@example.com"); !strings.Contains(m.Text, "It is about the account Acme.") {
			t.Errorf("%s", m.Text)
		}
		ok[client.User](t)(me.UpdateMe(ctx, map[string]any{"name": "<a href=//evil.example>Win</a> {{.Link}} https://evil.example"}, ""))
		bad := ok[client.Account](t)(me.CreateAccount(ctx, client.NewAccount{Name: "www.evil.example {{.Code}} <b>"}))
		ok[client.Invite](t)(me.CreateInvite(ctx, client.NewInvite{Email: "third@example.com", AccountID: bad.ID, Role: "viewer"}))
		m := i.Inbox("third@example.com")
		for _, trick := range []string{"evil.example", "{{", "<a href=//", "<b>"} {
			if strings.Contains(m.Text+m.HTML, trick) {
				t.Errorf("the mail has %q:\n%s", trick, m.Text)
			}
		}
	})
}
