package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/auth"
)

// Account is a customer or team inside an app. Version is its ETag.
type Account struct {
	ID        auth.AccountID     `json:"id"`
	Parent    auth.AccountID     `json:"parent_id,omitempty"`
	Name      string             `json:"name"`
	AvatarURL string             `json:"avatar_url,omitempty"`
	Status    auth.AccountStatus `json:"status"`
	PaidUntil time.Time          `json:"paid_until,omitzero"`
	Version   int64              `json:"version"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
}

// AccountResult carries one account.
type AccountResult struct {
	Account Account `json:"account"`
}

// Accounts is one page of accounts, oldest first.
type Accounts struct {
	Accounts   []Account `json:"accounts"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// Membership is a user's place in an account. Account is there in profiles.
type Membership struct {
	ID        auth.MembershipID `json:"id"`
	UserID    auth.UserID       `json:"user_id"`
	AccountID auth.AccountID    `json:"account_id"`
	Role      auth.MemberRole   `json:"role"`
	CreatedAt time.Time         `json:"created_at"`
	Account   *Account          `json:"account,omitempty"`
	Name      string            `json:"name,omitempty"`  // of the user, in lists of members
	Email     string            `json:"email,omitempty"` // likewise, for owners and administrators
}

// MembershipResult carries one membership.
type MembershipResult struct {
	Membership Membership `json:"membership"`
}

// Members is one page of the members of an account, oldest first.
type Members struct {
	Members    []Membership `json:"members"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

func accountView(a auth.Account) Account {
	return Account{ID: a.ID, Parent: a.Parent, Name: a.Name, AvatarURL: a.AvatarURL, Status: a.Status, PaidUntil: a.PaidUntil,
		Version: a.Version, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

func membershipView(m auth.Membership) Membership {
	return Membership{ID: m.ID, UserID: m.User, AccountID: m.Account, Role: m.Role, CreatedAt: m.CreatedAt}
}

func accountOutcome(a auth.Account, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(AccountResult{Account: accountView(a)}), nil
}

func membershipOutcome(m auth.Membership, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(MembershipResult{Membership: membershipView(m)}), nil
}

// ListAccountsInput is the input of list-accounts.
type ListAccountsInput struct {
	Paging
	UserID auth.UserID `input:"user_id"` // only those that the user belongs to; others than administrators see their own anyway
}

func (c *Catalogue) listAccounts() *Definition {
	return define(Definition{
		Name:    "list-accounts",
		Doc:     "Lists accounts, oldest first: those that the user belongs to, or all of the app for administrators and the operator.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsRead,
		Results: []Result{result[Accounts]("ok", "One page of accounts.")},
	}, func(ctx context.Context, r *Request, in *ListAccountsInput) (Outcome, error) {
		page, err := c.page("list-accounts/"+string(in.UserID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Accounts.List(ctx, r.Caller, account.Query{Member: in.UserID, AfterTime: page.after.at,
			AfterID: auth.AccountID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(a auth.Account) place { return place{a.CreatedAt, string(a.ID)} })
		out := Accounts{Accounts: make([]Account, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Accounts[i] = accountView(row)
		}
		return OK(out), nil
	})
}

// AccountInput names one account.
type AccountInput struct {
	ID auth.AccountID `input:"id,required"`
}

func (c *Catalogue) getAccount() *Definition {
	return define(Definition{
		Name:    "get-account",
		Doc:     "One account that the user belongs to, or any of the app for administrators and the operator.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsRead,
		Results: []Result{result[AccountResult]("ok", "The account.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *AccountInput) (Outcome, error) {
		return accountOutcome(c.deps.Accounts.Show(ctx, r.Caller, in.ID))
	})
}

// CreateAccountInput is the input of create-account.
type CreateAccountInput struct {
	Name      string         `input:"name,required"`
	AvatarURL string         `input:"avatar_url"`
	ParentID  auth.AccountID `input:"parent_id"`
	OwnerID   auth.UserID    `input:"owner_id"` // left out: the user who asks; for the operator nobody
}

func (c *Catalogue) createAccount() *Definition {
	return define(Definition{
		Name: "create-account",
		Doc: "Makes an account, owned by the user who asks, below none or below one that the user owns. Administrators and " +
			"the operator may name another owner.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[AccountResult]("ok", "The account.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateAccountInput) (Outcome, error) {
		return accountOutcome(c.deps.Accounts.Create(ctx, r.Caller, account.Input{Name: in.Name, AvatarURL: in.AvatarURL,
			Parent: in.ParentID, Owner: in.OwnerID}))
	})
}

// UpdateAccountInput is the input of update-account. IfMatch is the account's version as the ETag wrote it.
type UpdateAccountInput struct {
	ID        auth.AccountID               `input:"id,required"`
	Name      Optional[string]             `input:"name"`
	AvatarURL Optional[string]             `input:"avatar_url"`
	ParentID  Optional[auth.AccountID]     `input:"parent_id"`
	Status    Optional[auth.AccountStatus] `input:"status"`     // administrators
	PaidUntil Optional[time.Time]          `input:"paid_until"` // administrators
	IfMatch   string                       `input:"if_match"`
}

func (c *Catalogue) updateAccount() *Definition {
	return define(Definition{
		Name: "update-account",
		Doc: "Changes an account (JSON Merge Patch) that the user owns. An account can be put below another one of the user's, " +
			"never below itself. `status` and `paid_until` are for administrators and the operator.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[AccountResult]("ok", "The account as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden, auth.CodeVersionMismatch},
	}, func(ctx context.Context, r *Request, in *UpdateAccountInput) (Outcome, error) {
		version, err := ifMatch(in.IfMatch)
		if err != nil {
			return Outcome{}, err
		}
		return accountOutcome(c.deps.Accounts.Update(ctx, r.Caller, in.ID, account.Change{Name: changed(in.Name),
			AvatarURL: changed(in.AvatarURL), Parent: changed(in.ParentID), Status: changed(in.Status),
			PaidUntil: changed(in.PaidUntil), IfMatch: version}))
	})
}

// ListMembersInput is the input of list-members.
type ListMembersInput struct {
	Paging
	AccountID auth.AccountID `input:"account_id,required"`
}

func (c *Catalogue) listMembers() *Definition {
	return define(Definition{
		Name:    "list-members",
		Doc:     "Lists the members of an account that the user belongs to, oldest first, with their names, and for owners their addresses.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsRead,
		Results: []Result{result[Members]("ok", "One page of members.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ListMembersInput) (Outcome, error) {
		page, err := c.page("list-members/"+string(in.AccountID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Accounts.Members(ctx, r.Caller, account.MemberQuery{Account: in.AccountID, AfterTime: page.after.at,
			AfterID: auth.MembershipID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(m account.Member) place { return place{m.CreatedAt, string(m.ID)} })
		out := Members{Members: make([]Membership, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Members[i] = membershipView(row.Membership)
			out.Members[i].Name, out.Members[i].Email = row.Name, row.Email
		}
		return OK(out), nil
	})
}

// MemberInput names a user in an account.
type MemberInput struct {
	AccountID auth.AccountID `input:"account_id,required"`
	UserID    auth.UserID    `input:"user_id,required"`
}

// MemberRoleInput is a user in an account with a role.
type MemberRoleInput struct {
	AccountID auth.AccountID  `input:"account_id,required"`
	UserID    auth.UserID     `input:"user_id,required"`
	Role      auth.MemberRole `input:"role,required"` // owner, member or viewer
}

func (c *Catalogue) addMember() *Definition {
	return define(Definition{
		Name:    "add-member",
		Doc:     "Makes a user a member of an account. For administrators and the operator; owners invite (`create-invite`).",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[MembershipResult]("ok", "The membership.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *MemberRoleInput) (Outcome, error) {
		return membershipOutcome(c.deps.Accounts.Add(ctx, r.Caller, auth.Membership{Account: in.AccountID, User: in.UserID, Role: in.Role}))
	})
}

func (c *Catalogue) setMemberRole() *Definition {
	return define(Definition{
		Name:    "set-member-role",
		Doc:     "Gives a member of an account that the user owns another role. The last owner cannot be demoted.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[MembershipResult]("ok", "The membership as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *MemberRoleInput) (Outcome, error) {
		return membershipOutcome(c.deps.Accounts.SetRole(ctx, r.Caller, in.AccountID, in.UserID, in.Role))
	})
}

func (c *Catalogue) removeMember() *Definition {
	return define(Definition{
		Name: "remove-member",
		Doc: "Takes a member out of an account that the user owns; everybody may leave. The last owner stays. Tokens for the " +
			"account lose it at the next refresh.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[Done]("ok", "The user belongs to the account no more.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *MemberInput) (Outcome, error) {
		return done(c.deps.Accounts.Remove(ctx, r.Caller, in.AccountID, in.UserID))
	})
}

// SwitchAccountInput is the input of switch-account.
type SwitchAccountInput struct {
	AccountID auth.AccountID `input:"account_id"` // left out: none
}

func (c *Catalogue) switchAccount() *Definition {
	return define(Definition{
		Name: "switch-account",
		Doc: "Lets the session act for another account that the user belongs to, or for none, and answers new tokens of the " +
			"same session. An account that the user does not belong to is not found.",
		Access:  Person,
		Results: []Result{result[Granted]("ok", "The session with new tokens.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *SwitchAccountInput) (Outcome, error) {
		grant, u, err := c.deps.Sessions.SwitchAccount(ctx, r.Caller, in.AccountID)
		if err != nil {
			return Outcome{}, err
		}
		p, err := c.deps.Users.Profile(ctx, u.App, u.ID)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Granted{Tokens: tokens(grant), SessionCookie: grant.SessionCookie, User: profileIn(p, grant.Session.Account),
			Session: sessionView(grant.Session, grant.Session.ID)}), nil
	})
}

// Credit is what a user has of credit, in units. ID is the user's number.
type Credit struct {
	ID             int64   `json:"id"`
	Balance        float64 `json:"balance"`
	GrantedBalance float64 `json:"granted_balance"` // the part that was given for nothing
}

// CreditResult carries one credit record.
type CreditResult struct {
	Credit Credit `json:"credit"`
}

func creditView(id int64, credit auth.Credit) Credit {
	return Credit{ID: id, Balance: credit.Balance.Number(), GrantedBalance: credit.Granted.Number()}
}

func creditOutcome(b account.Balance, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(CreditResult{Credit: creditView(b.ID, b.Credit)}), nil
}

func (c *Catalogue) getCredit() *Definition {
	return define(Definition{
		Name:    "get-credit",
		Doc:     "What a user has of credit. Users see their own in their profile.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[CreditResult]("ok", "The record.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return creditOutcome(c.deps.Accounts.ShowCredit(ctx, r.Caller, in.ID))
	})
}

// GrantCreditInput is the input of grant-credit.
type GrantCreditInput struct {
	ID     auth.UserID `input:"id,required"`
	Amount float64     `input:"amount,required"` // units, at most six decimal places; negative takes back
	Paid   bool        `input:"paid"`            // it was not given for nothing
}

func (c *Catalogue) grantCredit() *Definition {
	return define(Definition{
		Name: "grant-credit",
		Doc: "Adds to a user's balance, or takes back with a negative `amount`. What is not `paid` for counts to the granted " +
			"part as well. No balance goes below zero.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[CreditResult]("ok", "The record as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *GrantCreditInput) (Outcome, error) {
		amount, err := micros("amount", in.Amount)
		if err != nil {
			return Outcome{}, err
		}
		return creditOutcome(c.deps.Accounts.GrantCredit(ctx, r.Caller, account.Grant{User: in.ID, Amount: amount, Paid: in.Paid}))
	})
}
