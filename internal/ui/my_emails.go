package ui

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// emailsPage lists the addresses of the person.
type emailsPage struct {
	owned
	Emails []operation.OwnAddress
}

func (v *visit) newEmailsPage() (*emailsPage, error) {
	list, err := read[operation.OwnAddresses](v, "list-emails", &operation.ListEmailsInput{})
	return &emailsPage{Emails: list.Emails}, err
}

func changeMyEmails(v *visit) error {
	id := auth.EmailID(v.form.Get("id"))
	var (
		err  error
		done string
	)
	switch v.form.Get("do") {
	case "add":
		done, v.typed = "email-asked", []string{"email"}
		email := v.form.Get("email")
		if email == "" {
			err = auth.Invalid("email", auth.ViolationRequired, "An address is needed.")
			break
		}
		_, err = v.person("add-email", &operation.ChangeEmailInput{Email: email})
	case "resend":
		done = "email-asked"
		_, err = v.person("add-email", &operation.ChangeEmailInput{})
	case "verify":
		done = "email-asked"
		_, err = v.person("request-email-verification", &operation.RequestEmailVerificationInput{})
	case "primary":
		done = "email-primary"
		_, err = v.person("make-email-primary", &operation.MakeEmailPrimaryInput{ID: id})
	case "remove":
		done = "email-removed"
		_, err = v.person("remove-email", &operation.EmailInput{ID: id})
	default:
		return unknownForm()
	}
	return settledOr(v, notice{"/my/emails", done, "my-emails"}, err, v.newEmailsPage)
}
