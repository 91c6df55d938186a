package operation

import (
	"context"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/user"
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
		p, err := c.deps.Users.Profile(ctx, r.Caller.App, r.Caller.User)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Me{User: profileIn(p, r.Caller.Account), HasPassword: p.HasPassword, BackupCodesLeft: p.BackupCodesLeft,
			Credential: r.Caller.Kind, SessionID: r.Caller.Session, APIKeyID: r.Caller.Key,
			Scopes: r.Caller.Scopes}), nil
	})
}

// ProfileChange is what may be changed of a user. IfMatch is the user's version as the ETag wrote it, quotes and W/
// allowed; `*` or nothing means any.
type ProfileChange struct {
	Username   Optional[string]         `input:"username"`
	Name       Optional[string]         `input:"name"`
	GivenName  Optional[string]         `input:"given_name"`
	FamilyName Optional[string]         `input:"family_name"`
	Locale     Optional[string]         `input:"locale"`
	Attributes Optional[map[string]any] `input:"attributes"` // merged; a null member clears it
	IfMatch    string                   `input:"if_match"`
}

// UpdateMeInput is the input of update-me.
type UpdateMeInput struct {
	ProfileChange
}

// change is the input in the words of package user: null is the empty text, and clears every attribute.
func (in *ProfileChange) change() (user.Change, error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return user.Change{}, err
	}
	change := user.Change{Username: text(in.Username), Name: text(in.Name), GivenName: text(in.GivenName),
		FamilyName: text(in.FamilyName), Locale: text(in.Locale), IfMatch: version}
	if in.Attributes.Present {
		if in.Attributes.Null {
			return user.Change{}, auth.Invalid("attributes", auth.ViolationType, "Clear attributes one by one.")
		}
		change.Attributes = in.Attributes.Value
	}
	return change, nil
}

// text is nil for an input that was left out, and the empty text for null.
func text(o Optional[string]) *string {
	if !o.Present {
		return nil
	}
	if o.Null {
		return new(string)
	}
	return &o.Value
}

// ifMatch reads the version out of an If-Match header (RFC 9110 section 13.1.1): one entity tag. A weak one never
// matches there, but proxies that compress make weak tags of ours, and the version in it is exact. Several tags match
// nothing of ours. Code: version-mismatch for a tag that was never ours.
func ifMatch(header string) (*int64, error) {
	tag := strings.TrimSpace(header)
	if tag == "" || tag == "*" {
		return nil, nil
	}
	tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	version, err := strconv.ParseInt(tag, 10, 64)
	if err != nil {
		return nil, auth.E(auth.CodeVersionMismatch, "")
	}
	return &version, nil
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
		Errors: []auth.Code{auth.CodeVersionMismatch, auth.CodeIdentifierTaken, auth.CodePersonRequired,
			auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *UpdateMeInput) (Outcome, error) {
		change, err := in.change()
		if err != nil {
			return Outcome{}, err
		}
		return userOutcome(c.deps.Lifecycle.UpdateMe(ctx, r.Caller, change))
	})
}

// ChangePasswordInput is the input of change-password.
type ChangePasswordInput struct {
	CurrentPassword string `input:"current_password,secret"` // not needed within five minutes of a full sign-in
	Password        string `input:"password,required,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code, instead of the current password
	Confirmation
}

func (c *Catalogue) changePassword() *Definition {
	return define(Definition{
		Name: "change-password",
		Doc: "Sets a new password, another than the one of now. Needs the current one, a second-factor code, or a sign-in of the last five minutes. " +
			"Every other session of the user ends, and a mail tells the user.",
		Access:  Person,
		Results: []Result{result[UserResult]("ok", "The password is changed.")},
		Errors: []auth.Code{auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeWeakPassword, auth.CodeConflict,
			auth.CodeReauthRequired, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *ChangePasswordInput) (Outcome, error) {
		if err := in.check(in.Password); err != nil {
			return Outcome{}, err
		}
		return userOutcome(c.deps.Lifecycle.ChangePassword(ctx, r.Caller, lifecycle.PasswordChange{
			CurrentPassword: in.CurrentPassword, Code: in.Code, NewPassword: in.Password}))
	})
}
