package ui

import "github.com/ostiary-id/ostiary/internal/operation"

// passwordPage sets a new password.
type passwordPage struct {
	owned
	Email string // whose password it is
	Has   bool   // there is one already
}

func (v *visit) newPasswordPage() (*passwordPage, error) {
	me, err := v.me()
	return &passwordPage{Email: me.User.Email, Has: me.HasPassword}, err
}

func showMyPassword(v *visit) error {
	shown, err := v.newPasswordPage()
	if err != nil {
		return err
	}
	return v.mine("my-password", shown)
}

func changeMyPassword(v *visit) error {
	_, err := v.person("change-password",
		&operation.ChangePasswordInput{CurrentPassword: v.form.Get("current_password"), Password: v.form.Get("password")})
	if err == nil {
		return v.settled("/my/password", "password-changed")
	}
	shown, failed := v.newPasswordPage()
	if failed != nil {
		return err // as the operation has refused already
	}
	return v.mineAgain("my-password", err, shown)
}
