package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// GetMeInput is the input of get-me.
type GetMeInput struct{}

func (c *Catalogue) getMe() *Definition {
	return define(Definition{
		Name:    "get-me",
		Doc:     "The user who asks, and the session or key it asks with.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Me]("ok", "The user.")},
	}, func(ctx context.Context, r *Request, in *GetMeInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// UpdateMeInput is the input of update-me. IfMatch is the user's version as the ETag wrote it, quotes and W/
// allowed; `*` or nothing means any.
type UpdateMeInput struct {
	Username   Optional[string]         `input:"username"`
	Name       Optional[string]         `input:"name"`
	GivenName  Optional[string]         `input:"given_name"`
	FamilyName Optional[string]         `input:"family_name"`
	Locale     Optional[string]         `input:"locale"`
	Attributes Optional[map[string]any] `input:"attributes"` // merged; a null member clears it
	IfMatch    string                   `input:"if_match"`
}

func (c *Catalogue) updateMe() *Definition {
	return define(Definition{
		Name: "update-me",
		Doc: "Changes the profile of the user who asks (JSON Merge Patch: what is left out stays, `null` clears). " +
			"Attributes that only administrators may write are refused. Neither address, role nor status can be " +
			"changed here.",
		Access:  SignedIn,
		Scope:   ScopeAccountWrite,
		Results: []Result{result[UserResult]("ok", "The user as it is now.")},
		Errors:  []auth.Code{auth.CodeVersionMismatch, auth.CodeIdentifierTaken, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *UpdateMeInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// ChangePasswordInput is the input of change-password.
type ChangePasswordInput struct {
	CurrentPassword string `input:"current_password,secret"` // not needed within five minutes of a full sign-in
	Password        string `input:"password,required,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code, instead of the current password
}

func (c *Catalogue) changePassword() *Definition {
	return define(Definition{
		Name: "change-password",
		Doc: "Sets a new password. Needs the current one, a second-factor code, or a sign-in of the last five minutes. " +
			"Every other session of the user ends, and a mail tells the user.",
		Access:  Person,
		Results: []Result{result[UserResult]("ok", "The password is changed.")},
		Errors: []auth.Code{auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeWeakPassword,
			auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *ChangePasswordInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}
