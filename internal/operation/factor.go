package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
)

// BeginTOTPInput is the input of begin-totp.
type BeginTOTPInput struct {
	Password string `input:"password,secret"` // needed when the sign-in is older than the step-up window
}

func (c *Catalogue) beginTOTP() *Definition {
	return define(Definition{
		Name: "begin-totp",
		Doc: "Makes a TOTP secret (160 bit; SHA-1, 30 s, 6 digits) that waits for `confirm-totp` and has no power until " +
			"then. The secret is shown once.",
		Access:  Person,
		Results: []Result{result[BegunTOTP]("ok", "The secret and its otpauth URI.")},
		Errors:  []auth.Code{auth.CodeTotpAlreadyEnabled, auth.CodeInvalidCredentials, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *BeginTOTPInput) (Outcome, error) {
		out, err := c.deps.Lifecycle.BeginTOTP(ctx, r.Caller, in.Password)
		if err != nil {
			return Outcome{}, err
		}
		return OK(BegunTOTP{TOTP: TOTP(out)}), nil
	})
}

// ConfirmTOTPInput is the input of confirm-totp.
type ConfirmTOTPInput struct {
	Code string `input:"code,required,secret"`
}

func (c *Catalogue) confirmTOTP() *Definition {
	return define(Definition{
		Name:    "confirm-totp",
		Doc:     "Turns two-factor authentication on with one code of the begun secret, and hands out the backup codes, once.",
		Access:  Person,
		Results: []Result{result[BackupCodes]("ok", "Two-factor authentication is on.")},
		Errors:  []auth.Code{auth.CodeSecondFactorWrong, auth.CodeTotpNotBegun, auth.CodeTotpAlreadyEnabled},
	}, func(ctx context.Context, r *Request, in *ConfirmTOTPInput) (Outcome, error) {
		codes, err := c.deps.Lifecycle.ConfirmTOTP(ctx, r.Caller, in.Code)
		if err != nil {
			return Outcome{}, err
		}
		return OK(BackupCodes{BackupCodes: codes}), nil
	})
}

// DisableTOTPInput is the input of disable-totp.
type DisableTOTPInput struct {
	Code     string `input:"code,required,secret"` // TOTP or backup code
	Password string `input:"password,secret"`      // checked where it is given
}

func (c *Catalogue) disableTOTP() *Definition {
	return define(Definition{
		Name: "disable-totp",
		Doc: "Turns two-factor authentication off and destroys the backup codes. Needs a code; a password that is sent " +
			"along must be right. Every other session ends, and a mail tells the user.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "Two-factor authentication is off.")},
		Errors:  []auth.Code{auth.CodeSecondFactorWrong, auth.CodeInvalidCredentials, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *DisableTOTPInput) (Outcome, error) {
		return done(c.deps.Lifecycle.DisableTOTP(ctx, r.Caller, lifecycle.TOTPRemoval{Password: in.Password, Code: in.Code}))
	})
}

// RegenerateBackupCodesInput is the input of regenerate-backup-codes.
type RegenerateBackupCodesInput struct {
	Code string `input:"code,required,secret"`
}

func (c *Catalogue) regenerateBackupCodes() *Definition {
	return define(Definition{
		Name:    "regenerate-backup-codes",
		Doc:     "Makes a new set of backup codes and destroys the old one. Needs a code of the authenticator app.",
		Access:  Person,
		Results: []Result{result[BackupCodes]("ok", "The new codes, shown once.")},
		Errors:  []auth.Code{auth.CodeSecondFactorWrong, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *RegenerateBackupCodesInput) (Outcome, error) {
		codes, err := c.deps.Lifecycle.RegenerateBackupCodes(ctx, r.Caller, in.Code)
		if err != nil {
			return Outcome{}, err
		}
		return OK(BackupCodes{BackupCodes: codes}), nil
	})
}
