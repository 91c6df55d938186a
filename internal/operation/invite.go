package operation

import (
	"context"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Invite is a pending invitation by mail. Account is empty for one to the app.
type Invite struct {
	ID        auth.InviteID  `json:"id"`
	AccountID auth.AccountID `json:"account_id,omitempty"`
	Email     string         `json:"email"`
	Role      string         `json:"role"`
	InvitedBy auth.UserID    `json:"invited_by,omitempty"` // no value: the operator
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// InviteResult carries one invitation.
type InviteResult struct {
	Invite Invite `json:"invite"`
}

// Invites is one page of pending invitations, oldest first.
type Invites struct {
	Invites    []Invite `json:"invites"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

func inviteView(i auth.Invite) Invite {
	return Invite{ID: i.ID, AccountID: i.Account, Email: i.Email, Role: i.Role, InvitedBy: i.Inviter, CreatedAt: i.CreatedAt,
		ExpiresAt: i.ExpiresAt}
}

// ListInvitesInput is the input of list-invites.
type ListInvitesInput struct {
	Paging
	AccountID auth.AccountID `input:"account_id"` // left out: all of the app, for administrators
}

func (c *Catalogue) listInvites() *Definition {
	return define(Definition{
		Name:    "list-invites",
		Doc:     "Lists pending invitations, oldest first: to an account, for its owners, or all of the app for administrators and the operator.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsRead,
		Results: []Result{result[Invites]("ok", "One page of invitations.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden},
	}, func(ctx context.Context, r *Request, in *ListInvitesInput) (Outcome, error) {
		page, err := c.page("list-invites/"+string(in.AccountID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Login.ListInvites(ctx, r.Caller, store.InviteQuery{Account: in.AccountID, AfterTime: page.after.at,
			AfterID: auth.InviteID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(i auth.Invite) place { return place{i.CreatedAt, string(i.ID)} })
		out := Invites{Invites: make([]Invite, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Invites[i] = inviteView(row)
		}
		return OK(out), nil
	})
}

// CreateInviteInput is the input of create-invite.
type CreateInviteInput struct {
	Email     string         `input:"email,required"`
	AccountID auth.AccountID `input:"account_id"` // left out: to the app, for administrators
	Role      string         `input:"role"`       // owner, member (default) or viewer of the account, else a role of the app
}

func (c *Catalogue) createInvite() *Definition {
	return define(Definition{
		Name: "create-invite",
		Doc: "Mails an invitation that works once, for seven days: to an account, from its owners, or to the app, from " +
			"administrators and the operator. Older ones of the address to the same place die. When it is accepted the " +
			"inviter must still have the right to give the role.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[InviteResult]("ok", "The invitation; its secret is in the mail alone.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *CreateInviteInput) (Outcome, error) {
		made, err := c.deps.Login.Invite(ctx, r.Caller, login.Invitation{Email: in.Email, Account: in.AccountID, Role: in.Role})
		if err != nil {
			return Outcome{}, err
		}
		return OK(InviteResult{Invite: inviteView(made)}), nil
	})
}

// InviteInput names one invitation.
type InviteInput struct {
	ID auth.InviteID `input:"id,required"`
}

func (c *Catalogue) revokeInvite() *Definition {
	return define(Definition{
		Name:    "revoke-invite",
		Doc:     "Ends a pending invitation at once.",
		Access:  SignedInOrOperator,
		Scope:   ScopeAccountsWrite,
		Results: []Result{result[Done]("ok", "The invitation works no more.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden},
	}, func(ctx context.Context, r *Request, in *InviteInput) (Outcome, error) {
		return done(c.deps.Login.RevokeInvite(ctx, r.Caller, in.ID))
	})
}

// AcceptInviteInput is the input of accept-invite.
type AcceptInviteInput struct {
	Token  string `input:"token,required,secret"`
	Name   string `input:"name"` // of somebody who becomes a user by it
	Device string `input:"device"`
}

func (c *Catalogue) acceptInvite() *Definition {
	return define(Definition{
		Name: "accept-invite",
		Doc: "Spends the token of a mailed invitation. The user of the address joins and is signed in this once, or a new user " +
			"is made, with the address verified and without a password; a user with a second factor gets a challenge. " +
			"Somebody who is signed in joins as that user (`joined`), if the invitation went to the user's own address.",
		Access: Anyone,
		Results: append(signInResults(),
			result[UserResult]("joined", "The user who asks belongs to the account now; the session is the one of before.")),
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeForbidden, auth.CodeAccountDisabled, auth.CodeLimitReached},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *AcceptInviteInput) (Outcome, error) {
		out, err := c.deps.Login.AcceptInvite(ctx, r.Caller, login.Acceptance(*in))
		if err != nil || out.Joined == "" {
			return signInOutcome(out.SignInOutcome, err)
		}
		p, err := c.deps.Users.Profile(ctx, r.Caller.App, out.Joined)
		if err != nil {
			return Outcome{}, err
		}
		return Outcome{Result: "joined", Value: UserResult{User: profileIn(p, r.Caller.Account)}}, nil
	})
}

// InviteCode is a code that people hand on.
type InviteCode struct {
	ID        auth.InviteCodeID `json:"id"`
	Code      string            `json:"code"`
	Uses      int               `json:"uses"` // in all
	Used      int               `json:"used"`
	Credit    float64           `json:"credit"` // the starting balance of who uses it
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"`
}

// InviteCodeResult carries one invite code.
type InviteCodeResult struct {
	InviteCode InviteCode `json:"invite_code"`
}

// InviteCodes is one page of invite codes, oldest first.
type InviteCodes struct {
	InviteCodes []InviteCode `json:"invite_codes"`
	NextCursor  string       `json:"next_cursor,omitempty"`
}

func inviteCodeView(code auth.InviteCode) InviteCode {
	return InviteCode{ID: code.ID, Code: code.Code, Uses: code.Uses, Used: code.Used, Credit: code.Credit.Number(),
		CreatedAt: code.CreatedAt, ExpiresAt: code.ExpiresAt}
}

// ListInviteCodesInput is the input of list-invite-codes.
type ListInviteCodesInput struct {
	Paging
}

func (c *Catalogue) listInviteCodes() *Definition {
	return define(Definition{
		Name:    "list-invite-codes",
		Doc:     "Lists the invite codes of the app that are not revoked, oldest first.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[InviteCodes]("ok", "One page of invite codes.")},
	}, func(ctx context.Context, r *Request, in *ListInviteCodesInput) (Outcome, error) {
		page, err := c.page("list-invite-codes", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Invites.ListCodes(ctx, r.Caller, invite.CodeQuery{AfterTime: page.after.at,
			AfterID: auth.InviteCodeID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(code auth.InviteCode) place { return place{code.CreatedAt, string(code.ID)} })
		out := InviteCodes{InviteCodes: make([]InviteCode, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.InviteCodes[i] = inviteCodeView(row)
		}
		return OK(out), nil
	})
}

// CreateInviteCodeInput is the input of create-invite-code.
type CreateInviteCodeInput struct {
	InviteCode string        `input:"invite_code"` // left out: one is made
	Uses       int           `input:"uses"`        // left out: one
	ExpiresIn  time.Duration `input:"expires_in"`  // left out: never
	Credit     float64       `input:"credit"`      // units
}

func (c *Catalogue) createInviteCode() *Definition {
	return define(Definition{
		Name: "create-invite-code",
		Doc: "Makes a code that lets as many people sign up as it has `uses`, and gives each a starting balance of `credit`. " +
			"Case, spaces and hyphens of a code do not count. A code is never given again once it is revoked.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[InviteCodeResult]("ok", "The code.")},
		Errors:  []auth.Code{auth.CodeConflict, auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *CreateInviteCodeInput) (Outcome, error) {
		credit, err := micros("credit", in.Credit)
		if err != nil {
			return Outcome{}, err
		}
		made, err := c.deps.Invites.CreateCode(ctx, r.Caller, invite.CodeInput{Code: in.InviteCode, Uses: in.Uses,
			ExpiresIn: in.ExpiresIn, Credit: credit})
		if err != nil {
			return Outcome{}, err
		}
		return OK(InviteCodeResult{InviteCode: inviteCodeView(made)}), nil
	})
}

// micros is a number of units exactly.
func micros(field string, units float64) (auth.Micros, error) {
	return auth.ParseAmount(field, strconv.FormatFloat(units, 'f', -1, 64))
}

// InviteCodeInput names one invite code.
type InviteCodeInput struct {
	ID auth.InviteCodeID `input:"id,required"`
}

func (c *Catalogue) revokeInviteCode() *Definition {
	return define(Definition{
		Name:    "revoke-invite-code",
		Doc:     "Ends an invite code at once. Whoever signed up with it stays.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The code works no more.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *InviteCodeInput) (Outcome, error) {
		return done(c.deps.Invites.RevokeCode(ctx, r.Caller, in.ID))
	})
}
