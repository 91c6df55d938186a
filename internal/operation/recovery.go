package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/user"
)

// RequestPasswordResetInput is the input of request-password-reset.
type RequestPasswordResetInput struct {
	Identifier string `input:"identifier,required"` // e-mail address or username
}

func (c *Catalogue) requestPasswordReset() *Definition {
	return define(Definition{
		Name: "request-password-reset",
		Doc: "Mails a link that sets a new password, if the identifier belongs to an active user. The answer and its " +
			"time are the same for every identifier.",
		Access:    Anyone,
		Challenge: ChallengeAll,
		Results:   []Result{result[Done]("ok", "A mail was sent if there is such a user.")},
	}, func(ctx context.Context, r *Request, in *RequestPasswordResetInput) (Outcome, error) {
		return done(c.deps.Login.RequestPasswordReset(ctx, r.Caller, in.Identifier))
	})
}

// CheckResetTokenInput is the input of check-reset-token.
type CheckResetTokenInput struct {
	Token string `input:"token,required,secret"`
}

func (c *Catalogue) checkResetToken() *Definition {
	return define(Definition{
		Name:    "check-reset-token",
		Doc:     "Tells whether a password-reset token would work, and spends nothing.",
		Access:  Anyone,
		Results: []Result{result[ResetToken]("ok", "The token works.")},
		Errors:  []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *CheckResetTokenInput) (Outcome, error) {
		out, err := c.deps.Login.CheckResetToken(ctx, r.Caller, in.Token)
		if err != nil {
			return Outcome{}, err
		}
		return OK(ResetToken{Valid: true, Email: out.Email, ExpiresAt: out.ExpiresAt}), nil
	})
}

// PreviewLinkInput is the input of preview-link.
type PreviewLinkInput struct {
	Kind    string `input:"kind,required"`
	Token   string `input:"token,required,secret"`
	Browser string `input:"browser,secret"` // the cookie of kind state, for an identity
}

func (c *Catalogue) previewLink() *Definition {
	return define(Definition{
		Name: "preview-link",
		Doc: "Tells whom a link is about and how long it lives, and spends nothing, so that a page can say it before a person " +
			"presses the button. `kind` is `verify-email`, `magic-link`, `invite`, `cancel-email-change`, `cancel-deletion`, or " +
			"`identity` for a `link_token`, which is told to the browser that came from the provider alone.",
		Access:  Anyone,
		Results: []Result{result[LinkPreview]("ok", "The link works.")},
		Errors:  []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *PreviewLinkInput) (Outcome, error) {
		out, err := c.deps.Login.PreviewLink(ctx, r.Caller, auth.ProofKind(in.Kind), in.Token, in.Browser)
		if err != nil {
			return Outcome{}, err
		}
		return OK(LinkPreview(out)), nil
	})
}

// ResetPasswordInput is the input of reset-password.
type ResetPasswordInput struct {
	Token    string `input:"token,required,secret"`
	Password string `input:"password,required,secret"`
	Confirmation
}

func (c *Catalogue) resetPassword() *Definition {
	return define(Definition{
		Name: "reset-password",
		Doc: "Sets a new password with a mailed token. The address that the mail went to counts as verified, every " +
			"session of the user ends, and nobody is signed in: a second factor is still asked for at the next sign-in.",
		Access:   Anyone,
		Results:  []Result{result[Done]("ok", "The password is changed.")},
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeWeakPassword},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *ResetPasswordInput) (Outcome, error) {
		if err := in.check(in.Password); err != nil {
			return Outcome{}, err
		}
		return done(c.deps.Login.ResetPassword(ctx, r.Caller, in.Token, in.Password))
	})
}

// RequestEmailVerificationInput is the input of request-email-verification. The address is needed only from
// callers who are not signed in.
type RequestEmailVerificationInput struct {
	Email string `input:"email"`
	// Change takes another address of somebody who is signed in for a change of the address, as change-email does, and
	// not for a mistake.
	Change bool `input:"change"`
}

func (c *Catalogue) requestEmailVerification() *Definition {
	return define(Definition{
		Name: "request-email-verification",
		Doc: "Mails a new verification link: to the address of the user who asks, or, from somebody who is not signed " +
			"in, to `email` if it waits for verification. The latter gets the same answer for every address. With `change` " +
			"another address of a user who asks is a change of the address, as by `change-email`.",
		Access:    Anyone,
		Challenge: ChallengeStrangers,
		Results:   []Result{result[Done]("ok", "A mail was sent if the address waits for one.")},
		Errors:    []auth.Code{auth.CodeIdentifierTaken, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *RequestEmailVerificationInput) (Outcome, error) {
		if in.Change && r.Caller.User != "" {
			return done(c.deps.Lifecycle.VerifyOrChangeEmail(ctx, r.Caller, in.Email))
		}
		return done(c.deps.Login.RequestEmailVerification(ctx, r.Caller, in.Email))
	})
}

// VerifyEmailInput is the input of verify-email.
type VerifyEmailInput struct {
	Token string `input:"token,required,secret"`
}

func (c *Catalogue) verifyEmail() *Definition {
	return define(Definition{
		Name: "verify-email",
		Doc: "Spends a mailed token and marks the address verified. Sessions and keys that were made before and not by " +
			"the session that verifies end, so that nobody else's survive the proof. The token of `change-email` makes " +
			"the new address the user's; that of `add-email` adds it.",
		Access:   Anyone,
		Results:  []Result{result[UserResult]("ok", "The address is verified.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *VerifyEmailInput) (Outcome, error) {
		out, err := c.deps.Login.VerifyEmail(ctx, r.Caller, in.Token)
		if err != nil {
			return Outcome{}, err
		}
		return OK(UserResult{User: profile(user.Profile{User: out.User, Email: out.Email})}), nil
	})
}
