package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
)

// OwnAddress is an address as its user sees it. WaitsUntil says that it is none yet: the link that was mailed there works
// until then.
type OwnAddress struct {
	ID         auth.EmailID `json:"id"`
	Email      string       `json:"email"`
	Primary    bool         `json:"primary"`
	VerifiedAt time.Time    `json:"verified_at,omitzero"`
	WaitsUntil time.Time    `json:"waits_until,omitzero"`
	CreatedAt  time.Time    `json:"created_at"`
}

// OwnAddresses are all addresses of a user.
type OwnAddresses struct {
	Emails []OwnAddress `json:"emails"`
}

func addressView(e auth.Email) OwnAddress {
	return OwnAddress{ID: e.ID, Email: e.Address, Primary: e.Primary, VerifiedAt: e.VerifiedAt, CreatedAt: e.CreatedAt}
}

// ListEmailsInput is the input of list-emails.
type ListEmailsInput struct{}

func (c *Catalogue) listEmails() *Definition {
	return define(Definition{
		Name: "list-emails",
		Doc: "Lists the addresses of the user who asks, the primary one first, and last the one that waits for its link. The " +
			"user signs in with any of them; mails go to the primary one.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[OwnAddresses]("ok", "The addresses.")},
	}, func(ctx context.Context, r *Request, in *ListEmailsInput) (Outcome, error) {
		list, err := c.deps.Lifecycle.Emails(ctx, r.Caller)
		if err != nil {
			return Outcome{}, err
		}
		return OK(OwnAddresses{Emails: views(list, func(e lifecycle.OwnEmail) OwnAddress {
			v := addressView(e.Email)
			v.WaitsUntil = e.WaitsUntil
			return v
		})}), nil
	})
}

func (c *Catalogue) addEmail() *Definition {
	return define(Definition{
		Name: "add-email",
		Doc: "Mails a link to one more address, which becomes the user's when `verify-email` spends the link's token; a second " +
			"one ends the first. Needs the current password, a second-factor code, or a sign-in of the last five minutes, and " +
			"a verified primary address, which is told. Without `email` the mail about the address that waits is sent again.",
		Access:  Person,
		Results: []Result{result[EmailPending]("ok", "The address waits for its link.")},
		Errors: []auth.Code{auth.CodeConflict, auth.CodeIdentifierTaken, auth.CodeLimitReached, auth.CodeInvalidCredentials,
			auth.CodeSecondFactorWrong, auth.CodeReauthRequired, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *ChangeEmailInput) (Outcome, error) {
		out, err := c.deps.Lifecycle.AddEmail(ctx, r.Caller, lifecycle.EmailChange(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(EmailPending(out)), nil
	})
}

// EmailInput names one address of the user who asks.
type EmailInput struct {
	ID auth.EmailID `input:"id,required"`
}

// MakeEmailPrimaryInput is the input of make-email-primary.
type MakeEmailPrimaryInput struct {
	ID auth.EmailID `input:"id,required"`
	EvidenceInput
}

func (c *Catalogue) makeEmailPrimary() *Definition {
	return define(Definition{
		Name: "make-email-primary",
		Doc: "Lets mails go to another verified address of the user. Needs the current password, a second-factor code, or a " +
			"sign-in of the last five minutes. The primary address of before stays one of the user's and gets a mail with a " +
			"link that takes the change back for a day, as after `change-email`.",
		Access:  Person,
		Results: []Result{result[UserResult]("ok", "The user with the new primary address.")},
		Errors: []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong,
			auth.CodeReauthRequired, auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *MakeEmailPrimaryInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.MakeEmailPrimary(ctx, r.Caller, in.ID, in.evidence()))
	})
}

func (c *Catalogue) removeEmail() *Definition {
	return define(Definition{
		Name: "remove-email",
		Doc: "Takes an address from the user, who does not sign in with it any more, or gives up the one that waits for its " +
			"link. The primary one stays. Needs a sign-in of the last five minutes, but for one that waits. Mails tell the " +
			"address and the primary one.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "The address is not the user's.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *EmailInput) (Outcome, error) {
		return done(c.deps.Lifecycle.RemoveEmail(ctx, r.Caller, in.ID))
	})
}
