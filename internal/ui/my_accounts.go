package ui

import (
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// accountsPage lists the accounts that the person belongs to.
type accountsPage struct {
	owned
	Places []operation.Membership
	Active auth.AccountID // that the session acts for; empty: none
}

func (v *visit) newAccountsPage() (*accountsPage, error) {
	me, err := v.me()
	if err != nil {
		return nil, err
	}
	shown := &accountsPage{Places: me.User.Memberships}
	if me.User.ActiveMembership != nil {
		shown.Active = me.User.ActiveMembership.AccountID
	}
	return shown, nil
}

func changeMyAccounts(v *visit) error {
	id := auth.AccountID(v.form.Get("id"))
	var err error
	switch v.form.Get("do") {
	case "switch":
		var in operation.Granted
		if in, err = read[operation.Granted](v, "switch-account", &operation.SwitchAccountInput{AccountID: id}); err == nil {
			v.seat(in.SessionCookie)
			return v.settled("/my/accounts", "account-switched")
		}
	case "create":
		v.typed = []string{"account_name"}
		var made operation.AccountResult
		made, err = read[operation.AccountResult](v, "create-account", &operation.CreateAccountInput{Name: v.form.Get("account_name")})
		if err == nil {
			return v.settledAt("/my/account", string(made.Account.ID), "account-made")
		}
		err = renamed(err, "name", "account_name")
	case "leave":
		if err = v.leaveTeam(id); err == nil {
			return v.settled("/my/accounts", "account-left")
		}
	default:
		return unknownForm()
	}
	return shownAgain(v, "my-accounts", err, v.newAccountsPage)
}

// leaveTeam takes the person out of an account.
func (v *visit) leaveTeam(id auth.AccountID) error {
	me, err := v.me()
	if err == nil {
		_, err = v.person("remove-member", &operation.MemberInput{AccountID: id, UserID: me.User.ID})
	}
	return err
}

// accountPage is one account with its people.
type accountPage struct {
	owned
	Account operation.Account
	Me      auth.UserID
	Owner   bool // the person may change it
	Members []member
	Next    string
	Invites []operation.Invite
	Roles   picker // of somebody who is invited
}

// member is a member with the roles to choose from.
type member struct {
	operation.Membership
	Me    bool
	Roles picker
}

// roleKeys are the sentences for the roles in an account, in the order of the choice.
var roleKeys = []place{{string(auth.MemberMember), "page.my.role.member"}, {string(auth.MemberViewer), "page.my.role.viewer"},
	{string(auth.MemberOwner), "page.my.role.owner"}}

// Role is a role in words.
func (o *owned) Role(role auth.MemberRole) (string, error) {
	for _, one := range roleKeys {
		if one.path == string(role) {
			return o.T(one.key)
		}
	}
	return string(role), nil
}

// RoleOf is Role for the role of an invitation.
func (p *accountPage) RoleOf(role string) (string, error) { return p.Role(auth.MemberRole(role)) }

// MoreOf is the address of the next members.
func (p *accountPage) MoreOf(cursor string) string {
	return p.v.linkTo("/my/account", url.Values{"id": {string(p.Account.ID)}, "cursor": {cursor}})
}

// roles is the picker between the roles in an account.
func (v *visit) roles(id string, now auth.MemberRole) (picker, error) {
	t, err := v.translator()
	if err != nil {
		return picker{}, err
	}
	c := picker{ID: id, Name: "role"}
	if c.Label, err = t.T("page.my.role"); err != nil {
		return c, err
	}
	for _, one := range roleKeys {
		text, err := t.T(one.key)
		if err != nil {
			return c, err
		}
		c.Options = append(c.Options, option{Value: one.path, Text: text, Chosen: one.path == string(now)})
	}
	return c, nil
}

func (v *visit) newAccountPage(id auth.AccountID) (*accountPage, error) {
	got, err := read[operation.AccountResult](v, "get-account", &operation.AccountInput{ID: id})
	if err != nil {
		return nil, err
	}
	me, err := v.me()
	if err != nil {
		return nil, err
	}
	shown := &accountPage{Account: got.Account, Me: me.User.ID}
	shown.Title = got.Account.Name
	shown.values = map[string][]string{"account_name": {got.Account.Name}, "email": nil}
	for _, m := range me.User.Memberships {
		shown.Owner = shown.Owner || m.AccountID == id && m.Role == auth.MemberOwner
	}
	if err := v.people(shown, id); err != nil || !shown.Owner {
		return shown, err
	}
	invites, err := read[operation.Invites](v, "list-invites", &operation.ListInvitesInput{AccountID: id, Paging: operation.Paging{Limit: invitesShown}})
	if err != nil {
		return nil, err
	}
	shown.Invites = invites.Invites
	shown.Roles, err = v.roles("role", auth.MemberRole(v.form.Get("role")))
	return shown, err
}

// invitesShown is how many pending invitations the page shows.
const invitesShown = 100

// people fills the members of the account.
func (v *visit) people(shown *accountPage, id auth.AccountID) error {
	list, err := read[operation.Members](v, "list-members",
		&operation.ListMembersInput{AccountID: id, Paging: operation.Paging{Cursor: v.r.URL.Query().Get("cursor")}})
	if err != nil {
		return err
	}
	shown.Next = list.NextCursor
	for _, m := range list.Members {
		roles, err := v.roles("role-"+string(m.UserID), m.Role)
		if err != nil {
			return err
		}
		shown.Members = append(shown.Members, member{Membership: m, Me: m.UserID == shown.Me, Roles: roles})
	}
	return nil
}

// Who is what a member is called.
func (p *accountPage) Who(m member) (string, error) {
	for _, name := range []string{m.Name, m.Email} {
		if name != "" {
			return name, nil
		}
	}
	return p.T("page.my.account.nameless")
}

func showMyAccount(v *visit) error {
	shown, err := v.newAccountPage(auth.AccountID(v.r.URL.Query().Get("id")))
	if err != nil {
		return err
	}
	return v.mine("my-account", shown)
}

func changeMyAccount(v *visit) error {
	id := auth.AccountID(v.form.Get("id"))
	v.typed = []string{"id"}
	done, err := v.changeAccount(id)
	if err == nil {
		return v.settledAt("/my/account", string(id), done)
	}
	shown, failed := v.newAccountPage(id)
	if failed != nil {
		return err
	}
	for name := range shown.values {
		if v.form.Has(name) {
			shown.values[name] = v.form[name]
		}
	}
	return v.mineAgain("my-account", err, shown)
}

// changeAccount does what the form says, and answers the notice about it.
func (v *visit) changeAccount(id auth.AccountID) (done string, err error) {
	who, role := auth.UserID(v.form.Get("user")), auth.MemberRole(v.form.Get("role"))
	switch v.form.Get("do") {
	case "save":
		name := operation.Optional[string]{Present: true, Value: v.form.Get("account_name")}
		_, err = v.person("update-account", &operation.UpdateAccountInput{ID: id, Name: name})
		if err != nil {
			err = renamed(err, "name", "account_name")
		}
		return "account-saved", err
	case "role":
		_, err = v.person("set-member-role", &operation.MemberRoleInput{AccountID: id, UserID: who, Role: role})
		return "member-changed", err
	case "remove":
		_, err = v.person("remove-member", &operation.MemberInput{AccountID: id, UserID: who})
		return "member-removed", err
	case "invite":
		_, err = v.person("create-invite", &operation.CreateInviteInput{AccountID: id, Email: v.form.Get("email"), Role: string(role)})
		return "invited", err
	case "revoke":
		_, err = v.person("revoke-invite", &operation.InviteInput{ID: auth.InviteID(v.form.Get("invite"))})
		return "invite-revoked", err
	}
	return "", unknownForm()
}
