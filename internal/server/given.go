package server

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// give is a Given over our own stage.
type give func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error)

// nothing is given where an example says it all.
func nothing(context.Context, *stage, contract.Example) (map[string]string, error) {
	return nil, nil
}

// givens tells for each operation and outcome what must be true before, and what nobody can invent. What is not in
// the list is given a caller with the rights that the operation asks for.
func givens() map[string]contract.Given {
	catalogue := operation.New(operation.Deps{})
	out := map[string]contract.Given{}
	for _, list := range []map[string]give{ways(), recoveries(), mailedWays(), accounts(), factors(), passkeys(), keys(), administration(), teams(), delegations(), waysIn(), federations(), authorizations(), refusals()} {
		for name, g := range list {
			out[name] = func(ctx context.Context, s *contract.Stage, e contract.Example) (map[string]string, error) {
				own, err := stageOf(s)
				if err != nil {
					return nil, err
				}
				values, err := g(ctx, own, e)
				return own.keyed(ctx, values, err)
			}
		}
	}
	out["*"] = func(ctx context.Context, s *contract.Stage, e contract.Example) (map[string]string, error) {
		own, err := stageOf(s)
		if err != nil {
			return nil, err
		}
		d := catalogue.Lookup(e.Operation)
		if d == nil {
			return nil, fmt.Errorf("no operation %s", e.Operation)
		}
		switch d.Access {
		case operation.Operator:
			s.Handler = own.Operator() // who comes in there needs no credential, and none that is sent is looked at
			return map[string]string{contract.GivenBearer: "operator"}, nil
		case operation.Administrator:
			values, err := overUser(ctx, own, e)
			return own.keyed(ctx, values, err)
		case operation.Anyone:
			return own.keyed(ctx, nil, nil)
		}
		values, err := memberOf(ctx, own, e)
		return own.keyed(ctx, values, err)
	}
	return out
}

// keyed adds a key of the app to what is given, for documents that ask for one.
func (s *stage) keyed(ctx context.Context, values map[string]string, err error) (map[string]string, error) {
	if err != nil {
		return nil, err
	}
	if values == nil {
		values = map[string]string{}
	}
	_, values[contract.GivenAppKey], err = s.house.apps.CreateKey(ctx, operatorCaller(), app.KeyInput{App: auth.DefaultApp, Name: "door"})
	return values, err
}

// memberOf signs a user in whose password is the example's.
func memberOf(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true, Password: pick(e, "current_password")})
	return signedIn(in), err
}

// administratorOf signs an administrator in.
func administratorOf(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{Email: "admin@example.com", EmailVerified: true, Role: auth.RoleAdmin})
	return signedIn(in), err
}

// known makes the user that an example names.
func known(ctx context.Context, s *stage, e contract.Example) (email, password string, err error) {
	email, password = pick(e, "identifier", "email"), pick(e, "password")
	if email == "" {
		email = stageEmail
	}
	if password == "" {
		password = stagePassword
	}
	_, err = s.person(ctx, lifecycle.NewUser{Email: email, EmailVerified: true, Password: password})
	return email, password, err
}

// ways are the Givens of signing up, in and out.
func ways() map[string]give {
	return map[string]give{
		"register":                    nothing,
		"register/identifier-taken":   taken,
		"register/weak-password":      weak,
		"sign-in/signed-in":           passwordKnown,
		"sign-in/invalid-credentials": wrongPassword,
		"sign-in/second-factor-required": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			_, values, err := withFactor(ctx, s, e)
			return values, err
		},
		"sign-in/totp-required": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			_, values, err := withFactor(ctx, s, e)
			return values, err
		},
		"sign-in/second-factor-invalid": wrongCode,
		"sign-in/email-unverified": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			email, password := pick(e, "identifier"), pick(e, "password")
			_, err := s.person(ctx, lifecycle.NewUser{Email: email, Password: password})
			return identified(email, password), err
		},
		"sign-in/account-disabled":  disabled,
		"complete-second-factor/ok": challengeAnswered,
		"complete-second-factor/second-factor-invalid": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := challengeAnswered(ctx, s, e)
			delete(values, "code")
			return values, err
		},
		"refresh-session/ok":                   refreshable,
		"refresh-session/invalid-token":        nothing,
		"refresh-session/refresh-token-reused": reused,
		"refresh-session/token-expired": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := refreshable(ctx, s, e)
			s.advance(10 * 366 * 24 * time.Hour)
			return values, err
		},
		"end-session/ok": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			other, err := s.signIn(ctx, "", "")
			if err == nil {
				values["id"] = string(other.SignedIn.Grant.Session.ID)
			}
			return values, err
		},
		"create-first-administrator/ok":            setupToken,
		"create-first-administrator/weak-password": setupToken,
		"create-first-administrator/conflict": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := setupToken(ctx, s, e)
			if err != nil {
				return nil, err
			}
			_, err = administratorOf(ctx, s, e)
			return values, err
		},
	}
}

func identified(email, password string) map[string]string {
	values := map[string]string{"identifier": email, "password": password}
	if email == "" {
		values["identifier"] = stageEmail
	}
	if password == "" {
		values["password"] = stagePassword
	}
	return values
}

func taken(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	email := pick(e, "email")
	_, err := s.person(ctx, lifecycle.NewUser{Email: email, EmailVerified: true, Username: pick(e, "username")})
	return nil, err
}

// weakPassword is one that every app refuses.
const weakPassword = "passwordpassword"

func weak(context.Context, *stage, contract.Example) (map[string]string, error) {
	return map[string]string{"password": weakPassword}, nil
}

func passwordKnown(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	if pick(e, "code") != "" { // the example signs in with a second factor at once
		in, values, err := withFactor(ctx, s, e)
		if err == nil {
			values["code"], err = s.code(in.secret)
		}
		return values, err
	}
	email, password, err := known(ctx, s, e)
	return identified(email, password), err
}

func wrongPassword(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	_, err := s.person(ctx, lifecycle.NewUser{Email: pick(e, "identifier"), EmailVerified: true, Password: "another one than in the example"})
	return nil, err
}

// withFactor makes the user that an example names, with a second factor.
func withFactor(ctx context.Context, s *stage, e contract.Example) (enrolled, map[string]string, error) {
	email, password, err := known(ctx, s, e)
	if err != nil {
		return enrolled{}, nil, err
	}
	out, err := s.signIn(ctx, email, password)
	if err != nil {
		return enrolled{}, nil, err
	}
	in, err := s.enrol(ctx, out.SignedIn)
	return in, identified(email, password), err
}

func wrongCode(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	in, values, err := withFactor(ctx, s, e)
	if err == nil {
		values["code"], err = notTheCode(s, in.secret)
	}
	return values, err
}

// notTheCode is a code of six digits that is not right now.
func notTheCode(s *stage, secret string) (string, error) {
	right, err := s.code(secret)
	if right == "000000" {
		return "111111", err
	}
	return "000000", err
}

func disabled(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	email, password := pick(e, "identifier"), pick(e, "password")
	id, err := s.person(ctx, lifecycle.NewUser{Email: email, EmailVerified: true, Password: password})
	if err == nil {
		_, err = s.house.lifecycle.DisableUser(ctx, operatorCaller(), id)
	}
	return identified(email, password), err
}

func challengeAnswered(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	in, _, err := withFactor(ctx, s, contract.Example{})
	if err != nil {
		return nil, err
	}
	half, err := s.signIn(ctx, "", "")
	if err != nil {
		return nil, err
	}
	code, err := s.code(in.secret)
	return map[string]string{"token": half.Challenge.Token, "code": code}, err
}

func refreshable(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	if err != nil {
		return nil, err
	}
	return map[string]string{"refresh_token": in.Grant.RefreshToken}, nil
}

func reused(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := refreshable(ctx, s, e)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.house.sessions.Refresh(ctx, visitor(), values["refresh_token"]); err != nil {
		return nil, err
	}
	s.advance(time.Hour)
	return values, nil
}

func setupToken(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	token, err := s.SetupToken(ctx)
	return map[string]string{"token": token}, err
}

// keys are the Givens of API keys.
func keys() map[string]give {
	one := func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		values, err := memberOf(ctx, s, e)
		if err != nil {
			return nil, err
		}
		key, _, err := s.apiKey(ctx, values[contract.GivenBearer], operation.ScopeAccountRead)
		values["id"] = string(key.ID)
		return values, err
	}
	return map[string]give{
		"list-api-keys/ok":   one,
		"get-api-key/ok":     one,
		"rotate-api-key/ok":  one,
		"revoke-api-key/ok":  one,
		"refresh-api-key/ok": one,
		"create-api-key/limit-reached": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := memberOf(ctx, s, e)
			for err == nil {
				_, _, err = s.apiKey(ctx, values[contract.GivenBearer], operation.ScopeAccountRead)
			}
			if auth.Is(err, auth.CodeLimitReached) {
				err = nil
			}
			return values, err
		},
	}
}

// givenApiKey makes a key of the user who holds a token.
func (s *stage) apiKey(ctx context.Context, bearer string, scopes ...string) (auth.APIKey, string, error) {
	c, err := s.caller(ctx, bearer)
	if err != nil {
		return auth.APIKey{}, "", err
	}
	return s.house.apikeys.Create(ctx, c, apikey.Input{Name: "Example", Scopes: scopes})
}

// administration are the Givens of administrators' operations on users and apps.
func administration() map[string]give {
	out := map[string]give{}
	out["disable-app/ok"], out["enable-app/ok"], out["disable-app/conflict"] = overApp, overApp, overDefaultApp
	out["disable-app/not-found"], out["enable-app/not-found"] = missing, missing
	out["disable-user/conflict"], out["set-role/conflict"], out["delete-user/conflict"] = lastAdministrator, lastAdministrator, lastAdministrator
	out["create-user/identifier-taken"] = func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		if _, err := taken(ctx, s, e); err != nil {
			return nil, err
		}
		return administratorOf(ctx, s, e)
	}
	for _, name := range []string{"get-app", "list-app-keys", "create-app-key", "revoke-app-key"} {
		out[name+"/ok"] = func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			key, _, err := s.house.apps.CreateKey(ctx, operatorCaller(), app.KeyInput{App: auth.DefaultApp, Name: "web"})
			values["app_id"], values["id"] = string(auth.DefaultApp), string(key.ID)
			if e.Operation == "get-app" {
				values["id"] = string(auth.DefaultApp)
			}
			return values, err
		}
	}
	return out
}

// overApp is an administrator of every app with another app to do something to.
func overApp(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	made, err := s.house.apps.Create(ctx, operatorCaller(), app.Input{Name: "Shop"})
	values["id"] = string(made.ID)
	return values, err
}

// overDefaultApp is an administrator who does something to the default app.
func overDefaultApp(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err == nil {
		values["id"] = string(auth.DefaultApp)
	}
	return values, err
}

// overUser is an administrator with another user to do something to.
func overUser(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	in, err := s.member(ctx, lifecycle.NewUser{Email: "jo@example.com", EmailVerified: true, Name: "Jo"})
	if err == nil {
		values["id"], values["app_id"] = string(in.User.ID), string(auth.DefaultApp)
	}
	return values, err
}

// missing is an administrator who asks for what is not there.
func missing(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := administratorOf(ctx, s, e)
	if err == nil {
		values["id"] = "00000000-0000-7000-8000-000000000000"
		values["app_id"] = values["id"]
	}
	return values, err
}

func lastAdministrator(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
	in, err := s.member(ctx, lifecycle.NewUser{Email: "admin@example.com", EmailVerified: true, Role: auth.RoleAdmin})
	values := signedIn(in)
	if err == nil {
		values["id"] = string(in.User.ID)
	}
	return values, err
}

// refusals are the Givens of codes that the pipeline gives, whatever the operation.
func refusals() map[string]give {
	return map[string]give{
		"*/unauthenticated": nothing,
		"*/not-found":       missing,
		"*/invalid-token":   nothing,
		"*/token-expired": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			s.advance(25 * time.Hour) // longer than any access token
			return values, err
		},
		"*/session-ended": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			c, err := s.caller(ctx, values[contract.GivenBearer])
			if err == nil {
				err = s.house.lifecycle.SignOut(ctx, c)
			}
			return values, err
		},
		"*/forbidden":          memberOf,
		"*/insufficient-scope": withKey("no:right"),
		"*/person-required":    withKey(operation.ScopeAccountRead),
		"*/rate-limited": func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
			values, err := administratorOf(ctx, s, e)
			if err != nil {
				return nil, err
			}
			c, err := s.caller(ctx, values[contract.GivenBearer])
			if err != nil {
				return nil, err
			}
			for _, subject := range [][2]string{{limit.RequestsNetwork, "192.0.2.1"}, {limit.RequestsUser, string(c.User)}} {
				for err == nil {
					_, err = s.house.limits.Request(subject[0], subject[1])
				}
				if !auth.Is(err, auth.CodeRateLimited) {
					return nil, err
				}
				err = nil
			}
			return values, nil
		},
	}
}

// withKey sends an API key with a scope in the place of a session.
func withKey(scope string) give {
	return func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		values, err := administratorOf(ctx, s, e)
		if err != nil {
			return nil, err
		}
		_, key, err := s.apiKey(ctx, values[contract.GivenBearer], scope)
		return map[string]string{contract.GivenBearer: key, contract.GivenAPIKey: key}, err
	}
}
