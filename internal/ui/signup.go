package ui

import (
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// signUpPage is what the app's registration mode asks for.
type signUpPage struct {
	base
	Code    bool // an invite code is needed, or somebody has one
	Waiting bool // without a code there is only a place on the waiting list
	Shut    bool // nobody signs up by themselves
	Invited bool // people are invited by mail
	// Providers make users of strangers where everybody may sign up.
	Providers []operation.ProviderMethod
}

// signUpFor is the page for a mode. With a code somebody comes off the waiting list.
func signUpFor(mode auth.RegistrationMode, code bool) *signUpPage {
	p := &signUpPage{}
	switch mode {
	case auth.RegistrationInviteCode:
		p.Code = true
	case auth.RegistrationWaitlist:
		p.Code, p.Waiting = code, !code
	case auth.RegistrationInvite:
		p.Shut, p.Invited = true, true
	case auth.RegistrationClosed:
		p.Shut = true
	}
	return p
}

func showSignUp(v *visit) error {
	shown, err := v.signUpPage(v.r.URL.Query().Has("code"))
	if err != nil {
		return err
	}
	shown.title = titles["sign-up"]
	return v.show("sign-up", shown)
}

// signUpPage is the page of the app's mode with the ways that there are.
func (v *visit) signUpPage(code bool) (shown *signUpPage, err error) {
	shown = signUpFor(v.app.Settings.Registration, code)
	if !shown.Code && !shown.Waiting && !shown.Shut {
		shown.Providers, err = v.providers()
	}
	return shown, err
}

func signUp(v *visit) error {
	in := &operation.RegisterInput{Email: v.form.Get("email"), Password: v.form.Get("password"), Name: v.form.Get("name"),
		InviteCode: strings.TrimSpace(v.form.Get("invite_code"))}
	out, err := v.stranger("register", in)
	switch {
	case auth.Is(err, auth.CodeRegistrationWaitlisted):
		return v.to("/done/waiting")
	case err != nil:
		shown, failed := v.signUpPage(v.form.Has("invite_code"))
		if failed != nil {
			return failed
		}
		return v.again("sign-up", err, shown)
	case out.Result == "confirmation-pending":
		v.mailed(flow{Identifier: in.Email})
		return v.to("/done/registered")
	}
	return v.entered(out, "/done/signed-in")
}

// address is what was typed on an earlier page, if it can be an e-mail address.
func (v *visit) address() string {
	if typed := v.flow().Identifier; strings.Contains(typed, "@") {
		return typed
	}
	return ""
}

func showResend(v *visit) error {
	return v.show("resend", &formPage{base{title: titles["resend"], values: map[string][]string{"email": {v.address()}}}})
}

// resend mails the link for an address that waits for it. The answer is the same for every address.
func resend(v *visit) error {
	in := &operation.RequestEmailVerificationInput{Email: v.form.Get("email")}
	if _, err := v.stranger("request-email-verification", in); err != nil {
		return v.again("resend", err, &formPage{})
	}
	v.mailed(flow{Identifier: in.Email})
	return v.to("/done/registered")
}

func showForgot(v *visit) error {
	return v.show("forgot", &formPage{base{title: titles["forgot"], values: map[string][]string{"identifier": {v.flow().Identifier}}}})
}

// forgot mails a link for a new password. The answer is the same for every identifier.
func forgot(v *visit) error {
	in := &operation.RequestPasswordResetInput{Identifier: v.form.Get("identifier")}
	if _, err := v.stranger("request-password-reset", in); err != nil {
		return v.again("forgot", err, &formPage{})
	}
	v.mailed(flow{Identifier: in.Identifier})
	return v.to("/done/forgotten")
}
