package server

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
)

// nobodysID is an id of the right form that nothing has.
const nobodysID = "00000000-0000-7000-8000-000000000000"

// owner signs a user in who owns an account, and answers the account and the credentials.
func (s *stage) owner(ctx context.Context) (auth.Account, map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	if err != nil {
		return auth.Account{}, nil, err
	}
	c, err := s.caller(ctx, in.Grant.AccessToken)
	if err != nil {
		return auth.Account{}, nil, err
	}
	a, err := s.house.accounts.Create(ctx, c, account.Input{Name: "Acme Corp"})
	values := signedIn(in)
	values["id"], values["account_id"], values["user_id"] = string(a.ID), string(a.ID), string(in.User.ID)
	return a, values, err
}

// teams are the Givens of clients, accounts, members and credits.
func teams() map[string]give {
	owns := func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
		_, values, err := s.owner(ctx)
		return values, err
	}
	stranger := func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		values, err := memberOf(ctx, s, e)
		if err == nil {
			values["id"], values["account_id"], values["user_id"] = nobodysID, nobodysID, nobodysID
		}
		return values, err
	}
	out := map[string]give{
		"update-app/ok":        overDefaultApp,
		"update-app/not-found": missing,
		"create-client/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err == nil {
				values["app_id"] = string(auth.DefaultApp)
			}
			return values, err
		},
		"list-clients/not-found":  missing,
		"create-client/not-found": missing,
		"update-account/version-mismatch": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := owns(ctx, s, e)
			if err == nil {
				values["if_match"] = `"999"`
			}
			return values, err
		},
		"list-accounts/ok":         owns,
		"list-members/ok":          owns,
		"set-member-role/ok":       joined,
		"remove-member/ok":         joined,
		"set-member-role/conflict": owns,
		"remove-member/conflict":   owns,
		"switch-account/ok":        owns,
		"add-member/ok":            added,
		"add-member/not-found":     missing,
		"get-credit/ok":            credited,
		"grant-credit/ok":          credited,
		"get-credit/not-found":     missing,
		"grant-credit/not-found":   missing,
	}
	for _, name := range []string{"get-client", "update-client", "delete-client"} {
		out[name+"/ok"], out[name+"/not-found"] = withClient, missing
	}
	for _, name := range []string{"get-account", "update-account", "list-members", "set-member-role", "remove-member", "switch-account"} {
		if out[name+"/ok"] == nil {
			out[name+"/ok"] = owns
		}
		out[name+"/not-found"] = stranger
	}
	return out
}

// withClient registers a client beside the default one.
func withClient(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	made, _, err := s.house.apps.CreateClient(ctx, operatorCaller(), app.ClientInput{App: auth.DefaultApp, Name: "web"})
	values["app_id"], values["id"] = string(auth.DefaultApp), string(made.ID)
	return values, err
}

// joined is an owner whose account has another member.
func joined(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	a, values, err := s.owner(ctx)
	if err != nil {
		return nil, err
	}
	other, err := s.person(ctx, lifecycle.NewUser{Email: "jo@example.com", EmailVerified: true})
	if err != nil {
		return nil, err
	}
	_, err = s.house.accounts.Add(ctx, operatorCaller(), auth.Membership{Account: a.ID, User: other, Role: auth.MemberMember})
	values["user_id"] = string(other)
	return values, err
}

// added is an administrator with an account and somebody who is not in it.
func added(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	a, err := s.house.accounts.Create(ctx, operatorCaller(), account.Input{Name: "Acme Corp"})
	if err != nil {
		return nil, err
	}
	other, err := s.person(ctx, lifecycle.NewUser{Email: "jo@example.com", EmailVerified: true})
	values["account_id"], values["user_id"] = string(a.ID), string(other)
	return values, err
}

// credited is an administrator and a user who has credit.
func credited(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	other, err := s.person(ctx, lifecycle.NewUser{Email: "jo@example.com", EmailVerified: true})
	if err != nil {
		return nil, err
	}
	_, err = s.house.accounts.GrantCredit(ctx, operatorCaller(), account.Grant{User: other, Amount: 5_000_000})
	values["id"] = string(other)
	return values, err
}

// mode puts the default app into a registration mode.
func (s *stage) mode(ctx context.Context, mode auth.RegistrationMode) error {
	_, err := s.house.apps.Update(ctx, operatorCaller(), auth.DefaultApp, app.Change{Registration: &mode})
	return err
}

// invited mails an invitation to an address and answers its token.
func (s *stage) invited(ctx context.Context, email string) (string, error) {
	if _, err := s.house.login.Invite(ctx, operatorCaller(), login.Invitation{Email: email}); err != nil {
		return "", err
	}
	return s.mailed(ctx)
}

// waysIn are the Givens of invitations, invite codes, waitlists and registration modes.
func waysIn() map[string]give {
	closed := func(mode auth.RegistrationMode) give {
		return func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
			return nil, s.mode(ctx, mode)
		}
	}
	return map[string]give{
		"register/registration-closed":     closed(auth.RegistrationClosed),
		"register/invitation-required":     closed(auth.RegistrationInvite),
		"register/invite-code-required":    closed(auth.RegistrationInviteCode),
		"register/invite-code-invalid":     closed(auth.RegistrationInviteCode),
		"register/registration-waitlisted": closed(auth.RegistrationWaitlist),

		"accept-invite/proof-invalid": nothing,
		"accept-invite/signed-in": func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
			token, err := s.invited(ctx, "jane@example.com")
			return map[string]string{"token": token}, err
		},
		"accept-invite/second-factor-required": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			if _, _, err := withFactor(ctx, s, contract.Example{}); err != nil {
				return nil, err
			}
			token, err := s.invited(ctx, stageEmail)
			return map[string]string{"token": token}, err
		},
		"accept-invite/joined": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			values["token"], err = s.invited(ctx, stageEmail)
			return values, err
		},
		"create-invite/ok": administratorOf,
		"list-invites/ok":  administratorOf,
		"revoke-invite/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			made, err := s.house.login.Invite(ctx, operatorCaller(), login.Invitation{Email: "jane@example.com"})
			values["id"] = string(made.ID)
			return values, err
		},
		"revoke-invite/not-found": missing,
		"revoke-invite-code/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			made, err := s.house.invites.CreateCode(ctx, operatorCaller(), invite.CodeInput{})
			values["id"] = string(made.ID)
			return values, err
		},
		"revoke-invite-code/not-found": missing,
		"get-waitlist-entry/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			c, err := s.caller(ctx, values[contract.GivenBearer])
			if err != nil {
				return nil, err
			}
			values["feature"] = "early-access"
			_, err = s.house.waits.Join(ctx, c, values["feature"])
			return values, err
		},
		"get-waitlist-entry/not-found":     memberOf,
		"approve-waitlist-entry/ok":        waiting,
		"deny-waitlist-entry/ok":           waiting,
		"approve-waitlist-entry/not-found": missing,
		"deny-waitlist-entry/not-found":    missing,
	}
}

// waiting is an administrator and somebody who waits.
func waiting(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	in, err := s.member(ctx, lifecycle.NewUser{Email: "jo@example.com", EmailVerified: true})
	if err != nil {
		return nil, err
	}
	c, err := s.caller(ctx, in.Grant.AccessToken)
	if err != nil {
		return nil, err
	}
	entry, err := s.house.waits.Join(ctx, c, "early-access")
	values["id"] = string(entry.ID)
	return values, err
}
