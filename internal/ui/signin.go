package ui

import (
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// signInPage asks who comes, or how they show it.
type signInPage struct {
	base
	Identifier string // typed on the first page
	// The ways to sign in to the app. They are the same whoever is named, so that they tell nothing of anybody (C7).
	Password, Mail, Passkey bool
	Autofill                bool // passkeys are offered in the field for names as well
	SignUp                  bool // people may ask for an account here
	Providers               []operation.ProviderMethod
	// Who is signed in already; empty: nobody.
	Who string
}

// methods are the ways to sign in to the app.
func (v *visit) methods() (operation.LoginMethods, error) {
	out, err := v.stranger("login-methods", &operation.ListLoginMethodsInput{})
	methods, _ := out.Value.(operation.LoginMethods)
	return methods, err
}

// ways asks which ways there are.
func (v *visit) ways(shown *signInPage) error {
	methods, err := v.methods()
	if err != nil {
		return err
	}
	shown.Providers = methods.Providers
	shown.SignUp = !signUpFor(v.app.Settings.Registration, false).Shut
	shown.Password = slices.Contains(methods.Methods, login.MethodPassword)
	// A mail goes to an address; a username tells none, and the page must not.
	shown.Mail = slices.Contains(methods.Methods, login.MethodMagicLink) && strings.Contains(shown.Identifier, "@")
	if shown.Passkey = slices.Contains(methods.Methods, login.MethodPasskey); shown.Passkey {
		shown.scripts = []string{"passkey"}
	}
	return nil
}

// who is the name of the person whose session the browser has; empty if it has none that stands.
func (v *visit) who() string {
	me, err := v.me()
	if err != nil {
		return ""
	}
	return me.User.Email
}

func showSignIn(v *visit) error {
	shown := &signInPage{base: base{title: titles["sign-in"], focus: "identifier"}, Who: v.who(), Identifier: v.flow().Identifier}
	if hint := v.r.URL.Query().Get("login_hint"); hint != "" && len(hint) <= fields["identifier"].MaxLength {
		shown.Identifier = hint // an app says who it thinks is there; only they know
	}
	shown.values = map[string][]string{"identifier": {shown.Identifier}}
	if err := v.ways(shown); err != nil {
		return err
	}
	if name := v.r.URL.Query().Get("connection"); name != "" {
		wanted := func(p operation.ProviderMethod) bool { return p.Provider == name }
		if i := slices.IndexFunc(shown.Providers, wanted); i >= 0 {
			return v.connect(shown.Providers[i], shown.Who == "")
		}
	}
	if shown.Passkey {
		shown.focus, shown.Autofill = "identifier-or-passkey", true
	}
	return v.show("sign-in", shown)
}

// signIn takes the first answer: who comes. Nothing is looked up.
func signIn(v *visit) error {
	identifier := strings.TrimSpace(v.form.Get("identifier"))
	if identifier == "" {
		shown := &signInPage{}
		if err := v.ways(shown); err != nil {
			return err
		}
		return v.again("sign-in", auth.Invalid("identifier", auth.ViolationRequired, ""), shown)
	}
	v.keep(flow{Identifier: identifier})
	return v.to("/sign-in/password")
}

func showPassword(v *visit) error {
	identifier := v.flow().Identifier
	if identifier == "" {
		return v.to("/sign-in")
	}
	shown := &signInPage{base: base{title: titles["password"], focus: "password"}, Identifier: identifier}
	if err := v.ways(shown); err != nil {
		return err
	}
	return v.show("password", shown)
}

func signInWithPassword(v *visit) error {
	in := &operation.SignInInput{Identifier: v.form.Get("identifier"), Password: v.form.Get("password")}
	out, err := v.stranger("sign-in", in)
	switch {
	case err == nil:
		return v.entered(out, "/done/signed-in")
	case auth.Is(err, auth.CodeEmailUnverified):
		v.keep(flow{Identifier: in.Identifier})
		return v.to("/verify/resend")
	}
	shown := &signInPage{Identifier: in.Identifier}
	if err := v.ways(shown); err != nil {
		return err
	}
	if auth.Is(err, auth.CodeInvalidCredentials) {
		shown.says = "page.password.wrong"
	}
	if auth.Is(err, auth.CodePasswordExpired) || auth.Is(err, auth.CodeInvalidCredentials) {
		shown.remedy, shown.remedyPath = "page.forgot.title", "/forgot"
	}
	return v.again("password", err, shown)
}

// mailSignIn mails a link and a code. The answer is the same for every address.
func mailSignIn(v *visit) error {
	email := v.form.Get("identifier")
	out, err := v.stranger("send-magic-link", &operation.SendMagicLinkInput{Email: email})
	if err != nil {
		shown := &signInPage{Identifier: email}
		if err := v.ways(shown); err != nil {
			return err
		}
		return v.again("password", err, shown)
	}
	sent, _ := out.Value.(operation.MailedSignIn)
	v.mailed(flow{Identifier: email, Mailed: sent.Flow})
	return v.to("/magic/code")
}

// codePage asks for the code of a mail, for people who read it elsewhere.
type codePage struct {
	base
	Identifier string
}

func showMagicCode(v *visit) error {
	f := v.flow()
	if f.Mailed == "" {
		return v.to("/sign-in")
	}
	return v.show("magic-code", &codePage{base{title: titles["magic-code"], focus: "mailed-code"}, f.Identifier})
}

// mailedCode is the code of a mail without the spaces that people copy along with it.
func (v *visit) mailedCode() string { return strings.Join(strings.Fields(v.form.Get("code")), "") }

// magicCode takes the code in the browser that asked for it, and in no other (ET-11).
func magicCode(v *visit) error {
	f := v.flow()
	if f.Mailed == "" {
		return v.to("/sign-in")
	}
	out, err := v.stranger("sign-in-with-code", &operation.SignInWithCodeInput{Flow: f.Mailed, Code: v.mailedCode()})
	if auth.Is(err, auth.CodeProofInvalid) { // a wrong code and a dead flow are told apart by nobody
		err = &auth.Error{Code: auth.CodeSecondFactorWrong}
	}
	if err != nil {
		return v.again("magic-code", err, &codePage{Identifier: f.Identifier})
	}
	return v.entered(out, "/done/signed-in")
}

// showTwoFactor is the second step of every way to sign in.
func showTwoFactor(v *visit) error {
	f := v.flow()
	if f.Challenge == "" {
		return v.to("/sign-in")
	}
	return v.show("two-factor", newTwoFactorPage(f, base{title: titles["two-factor"], focus: "code"}))
}

// twoFactorPage shows what the person of a half-done sign-in has.
type twoFactorPage struct {
	base
	Code, Passkey bool
}

func newTwoFactorPage(f flow, b base) *twoFactorPage {
	p := &twoFactorPage{base: b}
	for _, kind := range f.Factors {
		if kind == auth.FactorPasskey {
			p.Passkey, p.scripts = true, []string{"passkey"}
		} else {
			p.Code = true
		}
	}
	return p
}

func twoFactor(v *visit) error {
	f := v.flow()
	out, err := v.stranger("complete-second-factor", &operation.CompleteSecondFactorInput{Token: f.Challenge, Code: v.form.Get("code")})
	if err == nil {
		return v.entered(out, "/done/signed-in")
	}
	if !slices.Contains(mendable, auth.AsError(err).Code) {
		v.forget()
	}
	return v.again("two-factor", err, newTwoFactorPage(f, base{}))
}
