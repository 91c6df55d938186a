package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
)

// Confirmation is an input of everything that sets a password: the password once more, for doors that ask for it.
type Confirmation struct {
	PasswordConfirmation *string `input:"password_confirmation,secret"` // must be the password, where it is sent
}

func (c Confirmation) check(password string) error {
	if c.PasswordConfirmation == nil || *c.PasswordConfirmation == password {
		return nil
	}
	return auth.Invalid("password_confirmation", auth.ViolationMismatch, "The two passwords differ.")
}

// ChangeEmailInput is the input of change-email.
type ChangeEmailInput struct {
	Email           string `input:"email"` // empty: another mail about the address that waits
	CurrentPassword string `input:"current_password,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code, instead of the current password
}

func (c *Catalogue) changeEmail() *Definition {
	return define(Definition{
		Name: "change-email",
		Doc: "Mails a link to a new address and a notice to the old one. The old one stays until `verify-email` spends " +
			"the link's token. Needs the current password, a second-factor code, or a sign-in of the last five minutes, " +
			"and a verified address. Without `email` the mail about the address that waits is sent again.",
		Access:  Person,
		Results: []Result{result[EmailPending]("ok", "The new address waits for its link.")},
		Errors: []auth.Code{auth.CodeConflict, auth.CodeIdentifierTaken, auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong,
			auth.CodeReauthRequired, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *ChangeEmailInput) (Outcome, error) {
		out, err := c.deps.Lifecycle.ChangeEmail(ctx, r.Caller, lifecycle.EmailChange(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(EmailPending(out)), nil
	})
}

// CancelEmailChangeInput is the input of cancel-email-change.
type CancelEmailChangeInput struct {
	Token string `input:"token,required,secret"`
}

func (c *Catalogue) cancelEmailChange() *Definition {
	return define(Definition{
		Name: "cancel-email-change",
		Doc: "Spends the link that went to the old address when `change-email` was called, or when the change was done. " +
			"The address stays or comes back, for a day after the change; every session ends, the password opens nothing " +
			"any more, and a link for a new one is mailed to the address.",
		Access:   Anyone,
		Results:  []Result{result[EmailKept]("ok", "The account has the address that the link went to.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *CancelEmailChangeInput) (Outcome, error) {
		restored, err := c.deps.Login.CancelEmailChange(ctx, r.Caller, in.Token)
		if err != nil {
			return Outcome{}, err
		}
		return OK(EmailKept{Restored: restored}), nil
	})
}

// ChangeUsernameInput is the input of change-username.
type ChangeUsernameInput struct {
	Username        string `input:"username,required"`
	CurrentPassword string `input:"current_password,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code, instead of the current password
}

func (c *Catalogue) changeUsername() *Definition {
	return define(Definition{
		Name: "change-username",
		Doc: "Gives the user another username. Needs the current password, a second-factor code, or a sign-in of the " +
			"last five minutes. Every other session of the user ends.",
		Access:  Person,
		Results: []Result{result[UserResult]("ok", "The user with the new username.")},
		Errors: []auth.Code{auth.CodeConflict, auth.CodeIdentifierTaken, auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong,
			auth.CodeReauthRequired, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *ChangeUsernameInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.ChangeUsername(ctx, r.Caller, lifecycle.UsernameChange(*in)))
	})
}

// StepUpInput is the input of step-up.
type StepUpInput struct {
	CurrentPassword string `input:"current_password,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code; needed from users with a second factor
	// The answer to begin-passkey-step-up, instead of both.
	Flow       string         `input:"flow,secret"`
	Credential map[string]any `input:"credential,secret"`
}

func (c *Catalogue) stepUp() *Definition {
	return define(Definition{
		Name: "step-up",
		Doc: "Proves the person of the session again, with the current password, a second-factor code or a passkey. For the next " +
			"five minutes changes that need a fresh sign-in work. A session cookie is replaced.",
		Access:  Person,
		Results: []Result{result[SteppedUp]("ok", "The session counts as fresh.")},
		Errors: []auth.Code{auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeTotpNotEnabled, auth.CodeProofInvalid,
			auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *StepUpInput) (Outcome, error) {
		out, err := c.deps.Lifecycle.StepUp(ctx, r.Caller, lifecycle.Evidence(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(SteppedUp{ExpiresAt: out.Until, SessionCookie: out.SessionCookie, StepUpCookie: out.Marker}), nil
	})
}

// GetTOTPStatusInput is the input of get-totp-status.
type GetTOTPStatusInput struct{}

func (c *Catalogue) getTOTPStatus() *Definition {
	return define(Definition{
		Name:    "get-totp-status",
		Doc:     "Tells whether two-factor authentication is on, and how many backup codes are left.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[TOTPStatus]("ok", "The state.")},
	}, func(ctx context.Context, r *Request, in *GetTOTPStatusInput) (Outcome, error) {
		p, err := c.deps.Users.Profile(ctx, r.Caller.App, r.Caller.User)
		if err != nil {
			return Outcome{}, err
		}
		return OK(TOTPStatus{Enabled: p.User.TOTP, BackupCodesLeft: p.BackupCodesLeft}), nil
	})
}
