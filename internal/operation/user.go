package operation

import (
	"context"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// ListUsersInput is the input of list-users.
type ListUsersInput struct {
	Paging
	Status auth.UserStatus `input:"status"`
	Role   auth.Role       `input:"role"`
	Search string          `input:"search"` // what the address or the username begins with
	Page   int             `input:"page"`   // from 1: a page by its number instead of by cursor, with the totals
}

func (c *Catalogue) listUsers() *Definition {
	return define(Definition{
		Name:    "list-users",
		Doc:     "Lists the users of the app, oldest first: by cursor, or with `page` by number and with the totals.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Users]("ok", "One page of users.")},
	}, func(ctx context.Context, r *Request, in *ListUsersInput) (Outcome, error) {
		page, err := c.page("list-users", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		if in.Page != 0 {
			return c.numberedUsers(ctx, r, in, page.limit)
		}
		rows, err := c.deps.Users.List(ctx, r.Caller.App, user.Page{
			Filter:    store.UserFilter{Status: in.Status, Role: in.Role, Search: strings.ToLower(in.Search)},
			AfterTime: page.after.at, AfterID: auth.UserID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(p user.Profile) place { return place{p.User.CreatedAt, string(p.User.ID)} })
		out := Users{Users: make([]Profile, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Users[i] = profile(row)
		}
		return OK(out), nil
	})
}

// maxPage bounds what a numbered page makes the database skip.
const maxPage = 100_000

func (c *Catalogue) numberedUsers(ctx context.Context, r *Request, in *ListUsersInput, size int) (Outcome, error) {
	if in.Page < 1 || in.Page > maxPage {
		return Outcome{}, auth.Invalid("page", auth.ViolationTooLarge, "From 1 to 100,000.")
	}
	rows, total, err := c.deps.Users.ListNumbered(ctx, r.Caller.App, user.Numbered{Page: in.Page, Size: size,
		Filter: store.UserFilter{Status: in.Status, Role: in.Role, Search: strings.ToLower(in.Search)}})
	if err != nil {
		return Outcome{}, err
	}
	out := Users{Users: make([]Profile, len(rows)), Pagination: &Pagination{Page: in.Page, Size: size, Total: total,
		Pages: (total + size - 1) / size, HasNext: in.Page*size < total, HasPrevious: in.Page > 1}}
	for i, row := range rows {
		out.Users[i] = profile(row)
	}
	return OK(out), nil
}

// UserInput names one user, by our id or by the one it had elsewhere.
type UserInput struct {
	ID auth.UserID `input:"id,required"`
}

func (c *Catalogue) getUser() *Definition {
	return define(Definition{
		Name:    "get-user",
		Doc:     "One user of the app, by id, external id, number, e-mail address or username: the first of these that fits.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		p, err := c.deps.Users.Find(ctx, r.Caller.App, string(in.ID))
		if err != nil {
			return Outcome{}, err
		}
		return OK(UserResult{User: profile(p)}), nil
	})
}

// CreateUserInput is the input of create-user. Without a password the user gets a mail to choose one.
type CreateUserInput struct {
	Email         string         `input:"email,required"`
	EmailVerified bool           `input:"email_verified"`  // an administrator vouches for the address
	Password      string         `input:"password,secret"` // the user has to replace what an administrator chose
	Username      string         `input:"username"`
	Name          string         `input:"name"`
	GivenName     string         `input:"given_name"`
	FamilyName    string         `input:"family_name"`
	Locale        string         `input:"locale"`
	ExternalID    string         `input:"external_id"`
	Role          auth.Role      `input:"role"`
	Attributes    map[string]any `input:"attributes"`
}

func (c *Catalogue) createUser() *Definition {
	return define(Definition{
		Name: "create-user",
		Doc: "Makes a user of the app. Without a `password` the user gets a mail with a link to choose one; one that " +
			"an administrator chose has to be replaced before the first sign-in. Answers truthfully whether the " +
			"address is taken.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user.")},
		Errors:  []auth.Code{auth.CodeIdentifierTaken, auth.CodeWeakPassword},
	}, func(ctx context.Context, r *Request, in *CreateUserInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.CreateUser(ctx, r.Caller, lifecycle.NewUser(*in)))
	})
}

// UpdateUserInput is the input of update-user.
type UpdateUserInput struct {
	ID auth.UserID `input:"id,required"`
	ProfileChange
}

func (c *Catalogue) updateUser() *Definition {
	return define(Definition{
		Name: "update-user",
		Doc: "Changes a user's profile (JSON Merge Patch: what is left out stays, `null` clears), attributes that only " +
			"administrators may write included. Neither address, role nor status can be changed here.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeVersionMismatch, auth.CodeIdentifierTaken},
	}, func(ctx context.Context, r *Request, in *UpdateUserInput) (Outcome, error) {
		change, err := in.change()
		if err != nil {
			return Outcome{}, err
		}
		return userOutcome(c.deps.Lifecycle.UpdateUser(ctx, r.Caller, in.ID, change))
	})
}

func (c *Catalogue) disableUser() *Definition {
	return define(Definition{
		Name: "disable-user",
		Doc: "Shuts a user out at once: every session ends, API keys stop, mailed links die. The last active " +
			"administrator of an app cannot be disabled.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user is disabled.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.DisableUser(ctx, r.Caller, in.ID))
	})
}

func (c *Catalogue) enableUser() *Definition {
	return define(Definition{
		Name:    "enable-user",
		Doc:     "Lets a user in again who is disabled or about to be erased. Sessions that ended stay ended.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user is active.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.EnableUser(ctx, r.Caller, in.ID))
	})
}

// SetRoleInput is the input of set-role.
type SetRoleInput struct {
	ID   auth.UserID `input:"id,required"`
	Role auth.Role   `input:"role,required"` // user, member, moderator or admin
}

func (c *Catalogue) setRole() *Definition {
	return define(Definition{
		Name:    "set-role",
		Doc:     "Gives a user another role. The last active administrator of an app cannot be demoted.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user with the new role.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *SetRoleInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.SetRole(ctx, r.Caller, in.ID, in.Role))
	})
}

func (c *Catalogue) endUserSessions() *Definition {
	return define(Definition{
		Name:    "end-user-sessions",
		Doc:     "Signs a user out everywhere.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Ended]("ok", "How many sessions ended.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		n, err := c.deps.Lifecycle.EndUserSessions(ctx, r.Caller, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Ended{Ended: n}), nil
	})
}
