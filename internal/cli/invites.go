package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ostiary-id/ostiary/client"
)

type invitesCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   invitesListCmd   `cmd:"" help:"List pending invitations."`
	Create invitesCreateCmd `cmd:"" help:"Invite somebody by mail."`
	Revoke invitesRevokeCmd `cmd:"" help:"End a pending invitation."`
}

func (e *env) showInvites(value any, invites []client.Invite) error {
	var rows [][]string
	for _, i := range invites {
		rows = append(rows, []string{i.ID, i.Email, i.Role, i.AccountID, when(&i.ExpiresAt)})
	}
	return e.show(value, table([]string{"id", "email", "role", "account", "expires"}, rows))
}

type invitesListCmd struct {
	Account string `placeholder:"ID" help:"Only those to this account."`
}

// Run lists invitations.
func (c invitesListCmd) Run(e *env, parent *invitesCmd) error {
	return list(e, parent.App, e.showInvites, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.Invite, string, error) {
		page, err := ask.ListInvites(ctx, c.Account, p)
		return page.Invites, page.NextCursor, err
	})
}

type invitesCreateCmd struct {
	Email   string `arg:"" help:"E-mail address."`
	Account string `placeholder:"ID" help:"Account to join; left out: the app alone."`
	Role    string `help:"Of an account: owner, member or viewer; else user, member, moderator or admin."`
}

// Run invites somebody.
func (c invitesCreateCmd) Run(e *env, parent *invitesCmd) error {
	return one(e, parent.App, e.showInvites, func(ask *client.Client) (client.Invite, error) {
		return ask.CreateInvite(e.ctx, client.NewInvite{Email: c.Email, AccountID: c.Account, Role: c.Role})
	})
}

type invitesRevokeCmd struct {
	ID string `arg:"" help:"Id of the invitation."`
}

// Run revokes an invitation.
func (c invitesRevokeCmd) Run(e *env, parent *invitesCmd) error {
	return e.ended(parent.App, c.ID, "revoked", func(ask *client.Client) error { return ask.RevokeInvite(e.ctx, c.ID) })
}

type inviteCodesCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   inviteCodesListCmd   `cmd:"" help:"List invite codes."`
	Create inviteCodesCreateCmd `cmd:"" help:"Make an invite code."`
	Revoke inviteCodesRevokeCmd `cmd:"" help:"End an invite code."`
}

func (e *env) showInviteCodes(value any, codes []client.InviteCode) error {
	var rows [][]string
	for _, c := range codes {
		rows = append(rows, []string{c.ID, c.Code, fmt.Sprintf("%d of %d", c.Used, c.Uses), strconv.FormatFloat(c.Credit, 'f', -1, 64), when(c.ExpiresAt)})
	}
	return e.show(value, table([]string{"id", "code", "used", "credit", "expires"}, rows))
}

type inviteCodesListCmd struct{}

// Run lists invite codes.
func (inviteCodesListCmd) Run(e *env, parent *inviteCodesCmd) error {
	return list(e, parent.App, e.showInviteCodes, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.InviteCode, string, error) {
		page, err := ask.ListInviteCodes(ctx, p)
		return page.InviteCodes, page.NextCursor, err
	})
}

type inviteCodesCreateCmd struct {
	Code      string  `arg:"" optional:"" help:"The code; left out: one is made."`
	Uses      int     `default:"1" help:"How many sign-ups it allows (${default})."`
	ExpiresIn string  `placeholder:"30d" help:"How long it works; left out: until it is revoked."`
	Credit    float64 `help:"Starting balance of who uses it."`
}

// Run makes an invite code.
func (c inviteCodesCreateCmd) Run(e *env, parent *inviteCodesCmd) error {
	if c.Uses < 1 {
		return errNoUses
	}
	return one(e, parent.App, e.showInviteCodes, func(ask *client.Client) (client.InviteCode, error) {
		return ask.CreateInviteCode(e.ctx, client.NewInviteCode{Code: c.Code, Uses: c.Uses, ExpiresIn: c.ExpiresIn, Credit: c.Credit})
	})
}

type inviteCodesRevokeCmd struct {
	ID string `arg:"" help:"Id of the code."`
}

// Run revokes an invite code.
func (c inviteCodesRevokeCmd) Run(e *env, parent *inviteCodesCmd) error {
	return e.ended(parent.App, c.ID, "revoked", func(ask *client.Client) error { return ask.RevokeInviteCode(e.ctx, c.ID) })
}

type waitlistsCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List    waitlistsListCmd    `cmd:"" help:"List who waits."`
	Approve waitlistsApproveCmd `cmd:"" help:"Let somebody have what they wait for."`
	Deny    waitlistsDenyCmd    `cmd:"" help:"Refuse somebody who waits."`
}

func (e *env) showWaits(value any, entries []client.WaitlistEntry) error {
	var rows [][]string
	for _, w := range entries {
		rows = append(rows, []string{w.ID, w.Feature, first(w.AccountID, w.UserID, w.Email), w.Status, when(&w.CreatedAt)})
	}
	return e.show(value, table([]string{"id", "feature", "who", "status", "since"}, rows))
}

type waitlistsListCmd struct {
	Feature string `help:"Only this feature; sign-up holds those who want to become users."`
	Status  string `placeholder:"waiting|approved|denied" help:"Only those."`
}

// Run lists who waits.
func (c waitlistsListCmd) Run(e *env, parent *waitlistsCmd) error {
	return list(e, parent.App, e.showWaits, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.WaitlistEntry, string, error) {
		page, err := ask.ListWaitlistEntries(ctx, c.Feature, c.Status, p)
		return page.Entries, page.NextCursor, err
	})
}

type waitlistsApproveCmd struct {
	ID string `arg:"" help:"Id of the entry."`
}

// Run approves an entry.
func (c waitlistsApproveCmd) Run(e *env, parent *waitlistsCmd) error {
	return one(e, parent.App, e.showWaits, func(ask *client.Client) (client.WaitlistEntry, error) { return ask.ApproveWaitlistEntry(e.ctx, c.ID) })
}

type waitlistsDenyCmd struct {
	ID string `arg:"" help:"Id of the entry."`
}

// Run denies an entry.
func (c waitlistsDenyCmd) Run(e *env, parent *waitlistsCmd) error {
	return one(e, parent.App, e.showWaits, func(ask *client.Client) (client.WaitlistEntry, error) { return ask.DenyWaitlistEntry(e.ctx, c.ID) })
}
