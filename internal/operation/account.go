package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
)

// RegisterInput is the input of register.
type RegisterInput struct {
	Email      string         `input:"email,required"`
	Password   string         `input:"password,required,secret"`
	Username   string         `input:"username"`
	Name       string         `input:"name"`
	GivenName  string         `input:"given_name"`
	FamilyName string         `input:"family_name"`
	Locale     string         `input:"locale"`
	Attributes map[string]any `input:"attributes"`
	Device     string         `input:"device"`
	InviteCode string         `input:"invite_code"` // needed where the app's registration mode is invite-code
	Account    bool           `input:"account"`     // make an account of the user's own too
	Confirmation
}

// registrationCodes are what an app's registration mode may say to a stranger.
func registrationCodes() []auth.Code {
	return []auth.Code{auth.CodeRegistrationClosed, auth.CodeInvitationRequired, auth.CodeInviteCodeRequired,
		auth.CodeInviteCodeInvalid, auth.CodeRegistrationWaitlisted}
}

func (c *Catalogue) register() *Definition {
	return define(Definition{
		Name: "register",
		Doc: "Makes a user with a password and mails a link that verifies the address. Depending on the policy " +
			"`sign-up.session` the user is signed in at once (`registered`) or has to follow the link first " +
			"(`confirmation-pending`). Where `sign-up.existing` conceals, an address that is already in use gets the " +
			"very same answer, and its owner a mail that says so.",
		Access:    Anyone,
		Challenge: ChallengeAll,
		Results: []Result{
			result[Granted]("registered", "The user exists and is signed in."),
			result[Pending]("confirmation-pending", "A mail was sent to the address."),
		},
		Errors: append(registrationCodes(), auth.CodeWeakPassword, auth.CodeIdentifierTaken),
		Excludes: []Exclusion{
			{auth.KnobSignUpSession, auth.SessionImmediate, "confirmation-pending"},
			{auth.KnobSignUpSession, auth.SessionAfterVerification, "registered"},
		},
	}, func(ctx context.Context, r *Request, in *RegisterInput) (Outcome, error) {
		if err := in.check(in.Password); err != nil {
			return Outcome{}, err
		}
		out, err := c.deps.Login.Register(ctx, r.Caller, login.Registration{
			Email: in.Email, Username: in.Username, Password: in.Password, Name: in.Name, GivenName: in.GivenName,
			FamilyName: in.FamilyName, Locale: in.Locale, Attributes: in.Attributes, Device: in.Device, InviteCode: in.InviteCode,
			Account: in.Account})
		switch {
		case err != nil:
			return Outcome{}, err
		case out.Registered != nil:
			return Outcome{Result: "registered", Value: granted(*out.Registered)}, nil
		}
		return Outcome{Result: "confirmation-pending",
			Value: Pending{UserID: out.Pending.UserID, Email: out.Pending.Email}}, nil
	})
}

// SignInInput is the input of sign-in.
type SignInInput struct {
	Identifier string `input:"identifier,required"` // e-mail address or username
	Password   string `input:"password,required,secret"`
	Code       string `input:"code,secret"` // TOTP or backup code, for doors that ask for all at once
	Device     string `input:"device"`
}

func (c *Catalogue) signIn() *Definition {
	return define(Definition{
		Name: "sign-in",
		Doc: "Signs a user in with an e-mail address or username and a password. A user with a second factor gets a " +
			"challenge (`second-factor-required`) unless the right `code` came along. An unknown user, a wrong " +
			"password and a disabled user are told apart by nobody who does not know the password.",
		Access:    Anyone,
		Challenge: ChallengeAll,
		Results:   signInResults(),
		Errors: []auth.Code{auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeEmailUnverified,
			auth.CodeAccountDisabled, auth.CodePasswordExpired},
	}, func(ctx context.Context, r *Request, in *SignInInput) (Outcome, error) {
		return signInOutcome(c.deps.Login.SignIn(ctx, r.Caller, login.Credentials{
			Identifier: in.Identifier, Password: in.Password, Code: in.Code, Device: in.Device}))
	})
}

// CompleteSecondFactorInput is the input of complete-second-factor.
type CompleteSecondFactorInput struct {
	Token  string `input:"token,required,secret"` // of the challenge
	Code   string `input:"code,required,secret"`  // TOTP or backup code
	Device string `input:"device"`
}

func (c *Catalogue) completeSecondFactor() *Definition {
	return define(Definition{
		Name: "complete-second-factor",
		Doc: "Ends a sign-in that stopped at `second-factor-required`. Takes the challenge's token and a TOTP or " +
			"backup code; a code works once, a challenge allows few wrong codes.",
		Access:   Anyone,
		Results:  []Result{result[Granted]("ok", "A new session with its tokens.")},
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeSecondFactorWrong, auth.CodeEmailUnverified, auth.CodeAccountDisabled},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *CompleteSecondFactorInput) (Outcome, error) {
		out, err := c.deps.Login.CompleteSecondFactor(ctx, r.Caller, login.SecondFactor(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(granted(out)), nil
	})
}

// CreateFirstAdministratorInput is the input of create-first-administrator.
type CreateFirstAdministratorInput struct {
	Token    string `input:"token,required,secret"` // of the setup link
	Email    string `input:"email,required"`
	Password string `input:"password,required,secret"`
	Name     string `input:"name"`
	Device   string `input:"device"`
}

func (c *Catalogue) createFirstAdministrator() *Definition {
	return define(Definition{
		Name: "create-first-administrator",
		Doc: "Makes the first administrator of the app `default` and signs it in. Takes the token of the link that the " +
			"server printed at its first start (or that `issue-setup-link` made) and works only while no administrator exists.",
		Access:   Anyone,
		Results:  []Result{result[Granted]("ok", "The administrator, signed in.")},
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeWeakPassword, auth.CodeConflict, auth.CodeIdentifierTaken},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *CreateFirstAdministratorInput) (Outcome, error) {
		out, err := c.deps.Login.CreateFirstAdministrator(ctx, r.Caller, login.FirstAdministrator(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(granted(out)), nil
	})
}
