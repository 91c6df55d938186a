package server

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
)

// recoveries are the Givens of mailed links.
func recoveries() map[string]give {
	resetToken := func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
		if _, err := s.person(ctx, lifecycle.NewUser{EmailVerified: true}); err != nil {
			return nil, err
		}
		if err := s.house.login.RequestPasswordReset(ctx, visitor(), stageEmail); err != nil {
			return nil, err
		}
		token, err := s.mailed(ctx)
		return map[string]string{"token": token}, err
	}
	return map[string]give{
		"check-reset-token/ok":            resetToken,
		"check-reset-token/proof-invalid": nothing,
		"reset-password/ok":               resetToken,
		"reset-password/proof-invalid":    nothing,
		"reset-password/weak-password": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := resetToken(ctx, s, e)
			if err == nil {
				values["password"] = weakPassword
			}
			return values, err
		},
		"verify-email/ok": func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
			if _, err := s.person(ctx, lifecycle.NewUser{}); err != nil {
				return nil, err
			}
			if err := s.house.login.RequestEmailVerification(ctx, visitor(), stageEmail); err != nil {
				return nil, err
			}
			token, err := s.mailed(ctx)
			return map[string]string{"token": token}, err
		},
		"verify-email/proof-invalid": nothing,
		"cancel-email-change/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
			if err != nil {
				return nil, err
			}
			c, err := s.caller(ctx, signedIn(in)[contract.GivenBearer])
			if err == nil {
				_, err = s.house.lifecycle.ChangeEmail(ctx, c, lifecycle.EmailChange{Email: "new@example.com"})
			}
			if err != nil {
				return nil, err
			}
			token, err := s.mailed(ctx, stageEmail)
			return map[string]string{"token": token}, err
		},
		"cancel-email-change/proof-invalid": nothing,
		"cancel-account-deletion/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
			if err != nil {
				return nil, err
			}
			c, err := s.caller(ctx, signedIn(in)[contract.GivenBearer])
			if err == nil {
				_, err = s.house.lifecycle.DeleteAccount(ctx, c, lifecycle.Evidence{})
			}
			if err != nil {
				return nil, err
			}
			token, err := s.mailed(ctx)
			return map[string]string{"token": token}, err
		},
		"cancel-account-deletion/proof-invalid": nothing,
		"request-email-verification/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{Email: pick(e, "email")})
			return signedIn(in), err
		},
	}
}

// accounts are the Givens of what users do with their own account.
func accounts() map[string]give {
	return map[string]give{
		"get-authentication/ok": memberOf,
		"change-password/weak-password": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err == nil {
				values["password"] = weakPassword
			}
			return values, err
		},
		"change-password/invalid-credentials":                  withOtherPassword,
		"change-password/reauthentication-required":            later,
		"change-email/reauthentication-required":               later,
		"change-username/reauthentication-required":            later,
		"delete-account/reauthentication-required":             later,
		"export-my-data/reauthentication-required":             later,
		"delete-account/invalid-credentials":                   withOtherPassword,
		"export-my-data/invalid-credentials":                   withOtherPassword,
		"request-email-verification/reauthentication-required": later,
		"change-email/invalid-credentials":                     withOtherPassword,
		"change-username/invalid-credentials":                  withOtherPassword,
		"step-up/invalid-credentials":                          withOtherPassword,
		"step-up/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			if pick(e, "code") != "" {
				return memberWithFactor(ctx, s, e)
			}
			return memberOf(ctx, s, e)
		},
		"change-email/identifier-taken": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			if _, err := taken(ctx, s, e); err != nil {
				return nil, err
			}
			return memberOf(ctx, s, e)
		},
		"change-username/identifier-taken": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			if _, err := s.person(ctx, lifecycle.NewUser{Email: "other@example.com", Username: pick(e, "username")}); err != nil {
				return nil, err
			}
			return memberOf(ctx, s, e)
		},
		"change-username/conflict": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true, Username: pick(e, "username"), Password: pick(e, "current_password")})
			return signedIn(in), err
		},
		"change-email/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err != nil || pick(e, "email") != "" {
				return values, err
			}
			c, err := s.caller(ctx, values[contract.GivenBearer]) // the example asks for another mail about a change
			if err == nil {
				_, err = s.house.lifecycle.ChangeEmail(ctx, c, lifecycle.EmailChange{Email: "new@example.com"})
			}
			return values, err
		},
		"list-emails/ok":        memberOf,
		"add-email/ok":          memberOf,
		"make-email-primary/ok": withTwoEmails,
		"remove-email/ok":       withTwoEmails,
		"change-email/conflict": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{Email: pick(e, "email"), EmailVerified: true, Password: pick(e, "current_password")})
			return signedIn(in), err
		},
		"begin-totp/reauthentication-required": later,
		"update-me/version-mismatch": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err == nil {
				values["if_match"] = `"999"`
			}
			return values, err
		},
		"update-me/identifier-taken": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			if _, err := s.person(ctx, lifecycle.NewUser{Email: "other@example.com", Username: pick(e, "username")}); err != nil {
				return nil, err
			}
			return memberOf(ctx, s, e)
		},
	}
}

// withTwoEmails is a user with a second address, which the values name.
func withTwoEmails(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	const second = "second@example.com"
	values, err := memberOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	c, err := s.caller(ctx, values[contract.GivenBearer])
	if err == nil {
		_, err = s.house.lifecycle.AddEmail(ctx, c, lifecycle.EmailChange{Email: second})
	}
	if err != nil {
		return nil, err
	}
	token, err := s.mailed(ctx, second)
	if err == nil {
		_, err = s.house.login.VerifyEmail(ctx, visitor(), token)
	}
	if err != nil {
		return nil, err
	}
	list, err := s.house.lifecycle.Emails(ctx, c)
	if err == nil {
		values["id"] = string(list[len(list)-1].ID)
	}
	return values, err
}

// withOtherPassword is a user whose password is not the example's.
func withOtherPassword(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	return signedIn(in), err
}

// later signs a user in and lets the step-up window pass.
func later(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	s.advance(10 * time.Minute)
	return signedIn(in), err
}

// factors are the Givens of second factors.
func factors() map[string]give {
	begun := func(ctx context.Context, s *stage) (string, map[string]string, error) {
		in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
		if err != nil {
			return "", nil, err
		}
		c, err := s.caller(ctx, in.Grant.AccessToken)
		if err != nil {
			return "", nil, err
		}
		totp, err := s.house.lifecycle.BeginTOTP(ctx, c, "")
		return totp.Secret, signedIn(in), err
	}
	active := func(wrong bool) give {
		return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true, Password: pick(e, "password")})
			if err != nil {
				return nil, err
			}
			with, err := s.enrol(ctx, in)
			if err != nil {
				return nil, err
			}
			values := signedIn(in)
			if wrong {
				values["code"], err = notTheCode(s, with.secret)
			} else {
				values["code"], err = s.code(with.secret)
			}
			return values, err
		}
	}
	return map[string]give{
		"begin-totp/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true, Password: pick(e, "password")})
			return signedIn(in), err
		},
		"begin-totp/totp-already-enabled": active(false),
		"confirm-totp/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			secret, values, err := begun(ctx, s)
			if err == nil {
				values["code"], err = s.code(secret)
			}
			return values, err
		},
		"confirm-totp/second-factor-invalid": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			secret, values, err := begun(ctx, s)
			if err == nil {
				values["code"], err = notTheCode(s, secret)
			}
			return values, err
		},
		"confirm-totp/totp-already-enabled":             active(false),
		"disable-totp/ok":                               active(false),
		"disable-totp/second-factor-invalid":            active(true),
		"disable-totp/invalid-credentials":              memberWithFactor,
		"regenerate-backup-codes/ok":                    active(false),
		"get-totp-status/ok":                            active(false),
		"regenerate-backup-codes/second-factor-invalid": active(true),
	}
}

// memberWithFactor is a user whose password is not the example's.
func memberWithFactor(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	if err != nil {
		return nil, err
	}
	with, err := s.enrol(ctx, in)
	if err != nil {
		return nil, err
	}
	values := signedIn(in)
	values["code"], err = s.code(with.secret)
	return values, err
}
