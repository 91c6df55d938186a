package server

import (
	"context"
	"errors"
	"regexp"

	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
)

// shortCode finds the short code of a mail.
var shortCode = regexp.MustCompile(`: (\d{6})\n`)

// mailedWays are the Givens of signing in by mail, and of what is asked before anybody has signed in.
func mailedWays() map[string]give {
	sent := func(factor bool) give {
		return func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
			in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
			if err == nil && factor {
				_, err = s.enrol(ctx, in)
			}
			if err != nil {
				return nil, err
			}
			return s.mailSignIn(ctx)
		}
	}
	return map[string]give{
		"sign-in-with-token/signed-in":              sent(false),
		"sign-in-with-token/second-factor-required": sent(true),
		"sign-in-with-token/proof-invalid":          nothing,
		"sign-in-with-code/signed-in":               sent(false),
		"sign-in-with-code/second-factor-required":  sent(true),
		"sign-in-with-code/proof-invalid":           nothing,
		"preview-link/ok":                           sent(false),
		"preview-link/proof-invalid":                nothing,
		"check-email/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			_, err := s.person(ctx, lifecycle.NewUser{Email: pick(e, "email"), EmailVerified: true})
			return nil, err
		},
	}
}

// mailSignIn asks for a mail to sign in with and reads it.
func (s *stage) mailSignIn(ctx context.Context) (map[string]string, error) {
	asked, err := s.house.login.SendMagicLink(ctx, visitor(), stageEmail)
	if err != nil {
		return nil, err
	}
	token, err := s.mailed(ctx)
	if err != nil {
		return nil, err
	}
	code, err := s.mailedCode(ctx)
	return map[string]string{"token": token, "flow": asked.Flow, "code": code}, err
}

// mailedCode is the short code of the latest mail.
func (s *stage) mailedCode(ctx context.Context) (string, error) {
	if err := s.Work(ctx); err != nil {
		return "", err
	}
	list, err := s.Inbox().List(ctx, 1)
	if err != nil {
		return "", err
	}
	if len(list) > 0 {
		if code := shortCode.FindStringSubmatch(list[0].Text); code != nil {
			return code[1], nil
		}
	}
	return "", errors.New("no code was mailed")
}
