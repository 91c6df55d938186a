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

func changeMyPassword(v *visit) error {
	_, err := v.person("change-password",
		&operation.ChangePasswordInput{CurrentPassword: v.form.Get("current_password"), Password: v.form.Get("password")})
	return settledOr(v, notice{"/my/password", "password-changed", "my-password"}, err, v.newPasswordPage)
}
