package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ListUsersInput is the input of list-users.
type ListUsersInput struct {
	Paging
}

func (c *Catalogue) listUsers() *Definition {
	return define(Definition{
		Name:    "list-users",
		Doc:     "Lists the users of the app, oldest first.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Users]("ok", "One page of users.")},
	}, func(ctx context.Context, r *Request, in *ListUsersInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// UserInput names one user.
type UserInput struct {
	ID auth.UserID `input:"id,required"`
}

func (c *Catalogue) getUser() *Definition {
	return define(Definition{
		Name:    "get-user",
		Doc:     "One user of the app.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// CreateUserInput is the input of create-user. Without a password the user gets a mail to choose one.
type CreateUserInput struct {
	Email         string         `input:"email,required"`
	EmailVerified bool           `input:"email_verified"` // an administrator vouches for the address
	Password      string         `input:"password,secret"`
	Username      string         `input:"username"`
	Name          string         `input:"name"`
	GivenName     string         `input:"given_name"`
	FamilyName    string         `input:"family_name"`
	Locale        string         `input:"locale"`
	Role          auth.Role      `input:"role"`
	ExternalID    string         `input:"external_id"`
	Attributes    map[string]any `input:"attributes"`
}

func (c *Catalogue) createUser() *Definition {
	return define(Definition{
		Name: "create-user",
		Doc: "Makes a user of the app. Without a `password` the user gets a mail with a link to choose one; with one " +
			"it must be changed by nobody but the user. Answers truthfully whether the address is taken.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user.")},
		Errors:  []auth.Code{auth.CodeIdentifierTaken, auth.CodeWeakPassword},
	}, func(ctx context.Context, r *Request, in *CreateUserInput) (Outcome, error) {
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
	})
}

func (c *Catalogue) enableUser() *Definition {
	return define(Definition{
		Name:    "enable-user",
		Doc:     "Lets a disabled user in again. Sessions that ended stay ended.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user is active.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
	})
}
