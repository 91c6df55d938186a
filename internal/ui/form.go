package ui

import (
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// formPage is a page that is one form.
type formPage struct{ base }

// titles are the sentences that name the pages with forms.
var titles = map[string]string{
	"setup":        "page.setup.title",
	"setup-app":    "page.setup.app-title",
	"setup-people": "page.setup.people-title",
	"verify":       "page.verify.title",
	"cancel":       "page.cancel.title",
	"keep":         "page.keep.title",
	"reset":        "page.reset.title",
	"magic":        "page.magic.title",
	"invite":       "page.invite.title",
	"two-factor":   "page.code.title",
	"sign-in":      "page.sign-in.title",
	"password":     "page.password.title",
	"magic-code":   "page.magic-code.title",
	"sign-up":      "page.sign-up.title",
	"resend":       "page.resend.title",
	"forgot":       "page.forgot.title",
	"sign-out":     "page.sign-out.title",
	"step-up":      "page.step-up.title",
	"link":         "page.link.title",
	"add-provider": "page.add-provider.title",
}

// showForm is the page of a form by itself.
func (v *visit) showForm(name string) error {
	return v.show(name, &formPage{base{title: titles[name]}})
}

// mailedPage is where a mailed link leads. It says whom the link is about.
type mailedPage struct {
	base
	About operation.LinkPreview
}

// Invitation names the account that an invitation leads to, and the app.
func (p *mailedPage) Invitation() map[string]string {
	return map[string]string{"Account": p.About.Account, "App": p.Brand.Name}
}

// Linking names the provider, the address and the app.
func (p *mailedPage) Linking() map[string]string {
	return map[string]string{"Provider": p.About.Provider, "Email": p.About.Email, "App": p.Brand.Name}
}

// showMailed is the page of a mailed link: one button, whose form spends the token. The page itself spends nothing, for
// scanners of mail follow links and people press buttons (ET-09). It tells what the mail told, to who has the token (IN-03).
func (v *visit) showMailed(name string, kind auth.ProofKind) error {
	token := v.r.URL.Query().Get("token")
	about, err := v.about(kind, token)
	if err != nil {
		return err
	}
	return v.show(name, &mailedPage{base{title: titles[name], Token: token}, about})
}

// about tells whom a link is about.
func (v *visit) about(kind auth.ProofKind, token string) (operation.LinkPreview, error) {
	out, err := v.stranger("preview-link", &operation.PreviewLinkInput{Kind: string(kind), Token: token, Browser: v.browser()})
	about, _ := out.Value.(operation.LinkPreview)
	return about, err
}

// mendable are the refusals that the person can do something about in the form.
var mendable = []auth.Code{auth.CodeWeakPassword, auth.CodeInvalidRequest, auth.CodeIdentifierTaken, auth.CodeInvalidCredentials,
	auth.CodeSecondFactorWrong, auth.CodeInviteCodeInvalid, auth.CodeInviteCodeRequired, auth.CodeRateLimited, auth.CodeOverloaded,
	auth.CodeAccountDisabled, auth.CodePasswordExpired, auth.CodeTotpNotEnabled, auth.CodeChallengeFailed, auth.CodeChallengeUnavailable}

// again shows a form once more with what was typed, secrets excepted, and what was wrong with it, if the person can mend it
// there; other errors are handed on.
func (v *visit) again(name string, err error, content shown) error {
	e := auth.AsError(err)
	if !slices.Contains(mendable, e.Code) {
		return err
	}
	b := content.common()
	b.title, b.problem, b.status, b.Token, b.again = titles[name], e, e.Code.Status(), v.form.Get("token"), true
	v.retryAfter(e)
	return v.show(name, content)
}

func showVerify(v *visit) error { return v.showMailed("verify", auth.ProofVerifyEmail) }

func verify(v *visit) error {
	in := &operation.VerifyEmailInput{Token: v.form.Get("token")}
	if _, err := v.stranger("verify-email", in); err != nil {
		return err
	}
	v.resume()
	return v.to("/done/verified")
}

func showCancel(v *visit) error { return v.showMailed("cancel", auth.ProofCancelEmail) }

func cancel(v *visit) error {
	if _, err := v.stranger("cancel-email-change", &operation.CancelEmailChangeInput{Token: v.form.Get("token")}); err != nil {
		return err
	}
	return v.to("/done/kept")
}

// showKeep is where the mail about a deletion leads. It spends nothing.
func showKeep(v *visit) error { return v.showMailed("keep", auth.ProofCancelDelete) }

func keep(v *visit) error {
	if _, err := v.stranger("cancel-account-deletion", &operation.CancelDeletionInput{Token: v.form.Get("token")}); err != nil {
		return err
	}
	return v.to("/done/staying")
}

// resetPage says whose password it is.
type resetPage struct {
	base
	Email string
}

// showReset looks at the token without spending it, so that nobody chooses a password for a dead link.
func showReset(v *visit) error {
	token := v.r.URL.Query().Get("token")
	email, err := v.resets(token)
	if err != nil {
		return err
	}
	return v.show("reset", &resetPage{base: base{title: titles["reset"], Token: token}, Email: email})
}

// resets tells whose password a token sets.
func (v *visit) resets(token string) (email string, err error) {
	out, err := v.stranger("check-reset-token", &operation.CheckResetTokenInput{Token: token})
	if checked, ok := out.Value.(operation.ResetToken); ok {
		email = checked.Email
	}
	return email, err
}

func reset(v *visit) error {
	token := v.form.Get("token")
	if _, err := v.stranger("reset-password", &operation.ResetPasswordInput{Token: token, Password: v.form.Get("password")}); err != nil {
		email, _ := v.resets(token) // without it the page only says less
		return v.again("reset", err, &resetPage{Email: email})
	}
	v.resume()
	return v.to("/done/reset")
}

func showMagic(v *visit) error { return v.showMailed("magic", auth.ProofMagicLink) }

func magic(v *visit) error {
	out, err := v.stranger("sign-in-with-token", &operation.SignInWithTokenInput{Token: v.form.Get("token")})
	if err != nil {
		return err
	}
	v.resume()
	return v.entered(out, "/done/signed-in")
}

func showInvite(v *visit) error { return v.showMailed("invite", auth.ProofInvite) }

func acceptInvite(v *visit) error {
	out, err := v.stranger("accept-invite", &operation.AcceptInviteInput{Token: v.form.Get("token"), Name: v.form.Get("name")})
	if err != nil {
		about, gone := v.about(auth.ProofInvite, v.form.Get("token"))
		if gone != nil {
			return err
		}
		return v.again("invite", err, &mailedPage{About: about})
	}
	return v.entered(out, "/done/signed-in")
}
