package cli

import (
	"context"
	"strconv"

	"github.com/ostiary-id/ostiary/client"
)

type accountsCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   accountsListCmd   `cmd:"" help:"List the accounts."`
	Create accountsCreateCmd `cmd:"" help:"Make an account."`
	Show   accountsShowCmd   `cmd:"" help:"Show an account."`
	Update accountsUpdateCmd `cmd:"" help:"Change an account."`
}

func (e *env) showAccounts(value any, accounts []client.Account) error {
	var rows [][]string
	for _, a := range accounts {
		rows = append(rows, []string{a.ID, a.Name, a.Status, when(a.PaidUntil), a.ParentID, when(&a.CreatedAt)})
	}
	return e.show(value, table([]string{"id", "name", "status", "paid until", "below", "created"}, rows))
}

// userID finds the id of a user as somebody typed it; empty stays empty.
func (e *env) userID(ask *client.Client, typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	return userArg{User: typed}.id(e.ctx, ask)
}

type accountsListCmd struct {
	User string `help:"Only those of this user: id, external id, number, e-mail address or username."`
}

// Run lists accounts.
func (c accountsListCmd) Run(e *env, parent *accountsCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		user, err := e.userID(ask, c.User)
		if err != nil {
			return err
		}
		list, err := all(e.ctx, func(ctx context.Context, p client.Paging) ([]client.Account, string, error) {
			page, err := ask.ListAccounts(ctx, user, p)
			return page.Accounts, page.NextCursor, err
		})
		if err != nil {
			return err
		}
		return e.showAccounts(list, list)
	})
}

type accountsCreateCmd struct {
	Name   string `arg:"" help:"Name of the account."`
	Owner  string `placeholder:"USER" help:"Who owns it: id, external id, number, e-mail address or username; left out: nobody yet."`
	Parent string `placeholder:"ID" help:"Account that it is below."`
	Avatar string `placeholder:"URL" help:"Address of a picture."`
}

// Run makes an account.
func (c accountsCreateCmd) Run(e *env, parent *accountsCmd) error {
	return one(e, parent.App, e.showAccounts, func(ask *client.Client) (client.Account, error) {
		owner, err := e.userID(ask, c.Owner)
		if err != nil {
			return client.Account{}, err
		}
		return ask.CreateAccount(e.ctx, client.NewAccount{Name: c.Name, OwnerID: owner, ParentID: c.Parent, AvatarURL: c.Avatar})
	})
}

type accountsShowCmd struct {
	ID string `arg:"" help:"Id of the account."`
}

// Run shows an account.
func (c accountsShowCmd) Run(e *env, parent *accountsCmd) error {
	return one(e, parent.App, e.showAccounts, func(ask *client.Client) (client.Account, error) { return ask.GetAccount(e.ctx, c.ID) })
}

type accountsUpdateCmd struct {
	ID        string  `arg:"" help:"Id of the account."`
	Name      *string `help:"Name of the account."`
	Avatar    *string `placeholder:"URL" help:"Address of a picture; none takes it away."`
	Parent    *string `placeholder:"ID" help:"Account that it is below; none: no one."`
	Status    *string `placeholder:"STATUS" help:"active, trial, past_due, suspended or closed."`
	PaidUntil *string `placeholder:"TIME" help:"Until when it is paid for, such as 2027-01-01T00:00:00Z; none: not said."`
}

// Run changes an account.
func (c accountsUpdateCmd) Run(e *env, parent *accountsCmd) error {
	change := map[string]any{}
	setName(change, c.Name)
	setTexts(change, map[string]*string{"status": c.Status})
	setOrNone(change, map[string]*string{"avatar_url": c.Avatar, "parent_id": c.Parent, "paid_until": c.PaidUntil})
	return one(e, parent.App, e.showAccounts, func(ask *client.Client) (client.Account, error) {
		return ask.UpdateAccount(e.ctx, c.ID, 0, change)
	})
}

type membersCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   membersListCmd   `cmd:"" help:"List the members of an account."`
	Create membersCreateCmd `cmd:"" help:"Make a user a member."`
	Update membersUpdateCmd `cmd:"" help:"Give a member another role."`
	Revoke membersRevokeCmd `cmd:"" help:"Take a user out of an account."`
}

func (e *env) showMembers(value any, members []client.Membership) error {
	var rows [][]string
	for _, m := range members {
		rows = append(rows, []string{m.UserID, m.Role, when(&m.CreatedAt), m.ID})
	}
	return e.show(value, table([]string{"user", "role", "since", "id"}, rows))
}

// oneMember asks for one membership and prints the answer.
func (e *env) oneMember(app, user string, call func(ask *client.Client, user string) (client.Membership, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		id, err := e.userID(ask, user)
		if err != nil {
			return err
		}
		m, err := call(ask, id)
		if err != nil {
			return err
		}
		return e.showMembers(m, []client.Membership{m})
	})
}

type membersListCmd struct {
	Account string `arg:"" help:"Id of the account."`
}

// Run lists members.
func (c membersListCmd) Run(e *env, parent *membersCmd) error {
	return list(e, parent.App, e.showMembers, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.Membership, string, error) {
		page, err := ask.ListMembers(ctx, c.Account, p)
		return page.Members, page.NextCursor, err
	})
}

// memberArg is how a command names a member.
type memberArg struct {
	Account string `arg:"" help:"Id of the account."`
	User    string `arg:"" help:"Id, external id, number, e-mail address or username."`
}

type membersCreateCmd struct {
	memberArg
	Role string `default:"member" help:"owner, member or viewer (${default})."`
}

// Run adds a member.
func (c membersCreateCmd) Run(e *env, parent *membersCmd) error {
	return e.oneMember(parent.App, c.User, func(ask *client.Client, user string) (client.Membership, error) {
		return ask.AddMember(e.ctx, c.Account, user, c.Role)
	})
}

type membersUpdateCmd struct {
	memberArg
	Role string `required:"" help:"owner, member or viewer."`
}

// Run gives a member another role.
func (c membersUpdateCmd) Run(e *env, parent *membersCmd) error {
	return e.oneMember(parent.App, c.User, func(ask *client.Client, user string) (client.Membership, error) {
		return ask.SetMemberRole(e.ctx, c.Account, user, c.Role)
	})
}

type membersRevokeCmd struct{ memberArg }

// Run removes a member.
func (c membersRevokeCmd) Run(e *env, parent *membersCmd) error {
	return e.ended(parent.App, c.User, "no member any more", func(ask *client.Client) error {
		user, err := e.userID(ask, c.User)
		if err != nil {
			return err
		}
		return ask.RemoveMember(e.ctx, c.Account, user)
	})
}

type creditsCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	Show   creditsShowCmd   `cmd:"" help:"Show what a user has."`
	Create creditsGrantCmd  `cmd:"" aliases:"grant" help:"Give a user credit."`
	Revoke creditsRevokeCmd `cmd:"" help:"Take credit back."`
}

// oneCredit asks for one record and prints it.
func (e *env) oneCredit(app, user string, call func(ask *client.Client, user string) (client.Credit, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		id, err := e.userID(ask, user)
		if err != nil {
			return err
		}
		c, err := call(ask, id)
		if err != nil {
			return err
		}
		amount := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
		return e.show(c, table([]string{"user", "balance", "granted"}, [][]string{{strconv.FormatInt(c.ID, 10), amount(c.Balance), amount(c.GrantedBalance)}}))
	})
}

type creditsShowCmd struct{ userArg }

// Run shows a user's credit.
func (c creditsShowCmd) Run(e *env, parent *creditsCmd) error {
	return e.oneCredit(parent.App, c.User, func(ask *client.Client, user string) (client.Credit, error) { return ask.GetCredit(e.ctx, user) })
}

type creditsGrantCmd struct {
	userArg
	Amount float64 `arg:"" help:"How much, in units."`
	Paid   bool    `help:"It was not given for nothing."`
}

// Run grants credit.
func (c creditsGrantCmd) Run(e *env, parent *creditsCmd) error {
	return e.oneCredit(parent.App, c.User, func(ask *client.Client, user string) (client.Credit, error) {
		return ask.GrantCredit(e.ctx, user, c.Amount, c.Paid)
	})
}

type creditsRevokeCmd struct {
	userArg
	Amount float64 `arg:"" help:"How much, in units."`
	Paid   bool    `help:"It had been paid for."`
}

// Run takes credit back.
func (c creditsRevokeCmd) Run(e *env, parent *creditsCmd) error {
	return e.oneCredit(parent.App, c.User, func(ask *client.Client, user string) (client.Credit, error) {
		return ask.GrantCredit(e.ctx, user, -c.Amount, c.Paid)
	})
}
