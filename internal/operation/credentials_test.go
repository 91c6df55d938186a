package operation_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// TestResolve_TN02 holds which app a request is about, and that credentials which disagree are refused.
func TestResolve_TN02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop, inShop := h.newApp("Shop")
		client := asOperator[operation.App](h, "get-app", &operation.AppInput{ID: shop}).DefaultClient
		here := h.signUp("jo@example.com")
		there := h.signUp("jo@example.com", inShop)
		cookie := must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password},
			func(p *auth.Presented) { p.Door.SessionCookie = true })
		key := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "k"}, bearer(here.Tokens.AccessToken))
		type p = auth.Presented
		type change = func(*p)
		named := func(id auth.ClientID) change { return func(p *p) { p.ClientID = id } }
		input := func(id auth.AppID) change { return func(p *p) { p.AppInput = id } }
		withCookie := func(c string) change { return func(p *p) { p.SessionCookie = c } }
		for name, try := range map[string]struct {
			changes []change
			code    auth.Code
			app     auth.AppID
			kind    auth.CallerKind
		}{
			"nothing":                       {nil, "", auth.DefaultApp, auth.CallerAnonymous},
			"app key":                       {[]change{inShop}, "", shop, auth.CallerAnonymous},
			"client":                        {[]change{named(client)}, "", shop, auth.CallerAnonymous},
			"app key and its client":        {[]change{inShop, named(client)}, "", shop, auth.CallerAnonymous},
			"app key and another's client":  {[]change{inShop, named(auth.DefaultClient)}, auth.CodeAppMismatch, "", ""},
			"unknown client":                {[]change{named("nope")}, auth.CodeAppMismatch, "", ""},
			"input agrees":                  {[]change{inShop, input(shop)}, "", shop, auth.CallerAnonymous},
			"input disagrees":               {[]change{input(shop)}, auth.CodeAppMismatch, "", ""},
			"bad app key":                   {[]change{appKey("osa_nonsense")}, auth.CodeInvalidToken, "", ""},
			"token":                         {[]change{bearer(here.Tokens.AccessToken)}, "", auth.DefaultApp, auth.CallerSession},
			"token at another app":          {[]change{bearer(there.Tokens.AccessToken)}, auth.CodeAppMismatch, "", ""},
			"token at its app":              {[]change{inShop, bearer(there.Tokens.AccessToken)}, "", shop, auth.CallerSession},
			"token with another's app key":  {[]change{inShop, bearer(here.Tokens.AccessToken)}, auth.CodeAppMismatch, "", ""},
			"token and another's app input": {[]change{bearer(here.Tokens.AccessToken), input(shop)}, auth.CodeAppMismatch, "", ""},
			"API key":                       {[]change{bearer(key.Secret)}, "", auth.DefaultApp, auth.CallerAPIKey},
			"API key at another app":        {[]change{inShop, bearer(key.Secret)}, auth.CodeAppMismatch, "", ""},
			"API key as access token":       {[]change{func(p *p) { p.AccessToken = key.Secret }}, auth.CodeInvalidToken, "", ""},
			"access token as API key":       {[]change{func(p *p) { p.APIKey = here.Tokens.AccessToken }}, auth.CodeInvalidToken, "", ""},
			"refresh token as bearer":       {[]change{bearer(here.Tokens.RefreshToken)}, auth.CodeInvalidToken, "", ""},
			"garbage":                       {[]change{bearer("a.b.c")}, auth.CodeInvalidToken, "", ""},
			"two credentials": {[]change{bearer(here.Tokens.AccessToken), func(p *p) { p.APIKey = key.Secret }},
				auth.CodeInvalidRequest, "", ""},
			"cookie":                {[]change{withCookie(cookie.SessionCookie)}, "", auth.DefaultApp, auth.CallerSession},
			"cookie at another app": {[]change{inShop, withCookie(cookie.SessionCookie)}, auth.CodeInvalidToken, "", ""},
			"cookie beside a token": {[]change{withCookie(cookie.SessionCookie), bearer(here.Tokens.AccessToken)}, auth.CodeInvalidRequest, "", ""},
		} {
			caller, err := h.Resolve(t.Context(), presented(try.changes...))
			if got := auth.AsError(err); err != nil && got.Code != try.code || err == nil && try.code != "" {
				t.Errorf("%s: %v, want %q", name, err, try.code)
				continue
			}
			if caller.App != try.app || caller.Kind != try.kind {
				t.Errorf("%s: app %q as %q, want %q as %q", name, caller.App, caller.Kind, try.app, try.kind)
			}
			if err == nil && caller.Cookie != (name == "cookie") {
				t.Errorf("%s: cookie is %v", name, caller.Cookie)
			}
		}
		system, err := h.Resolve(operation.WithOperator(t.Context()), presented(input(shop)))
		if err != nil || system.Kind != auth.CallerSystem || system.App != shop || system.Client != client {
			t.Errorf("operator: %+v, %v", system, err)
		}
		if _, err := h.Resolve(operation.WithOperator(t.Context()), presented(input("nope"))); !auth.Is(err, auth.CodeNotFound) {
			t.Errorf("operator at no app: %v", err)
		}
	})
}

func TestBadCredentialsAreCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Limits = limit.New(limit.Options{Clock: h.clock.Now, Settings: map[string]limit.Setting{limit.RequestsNetwork: {Max: 2, Per: time.Minute}}})
		for i, want := range []auth.Code{auth.CodeInvalidToken, auth.CodeInvalidToken, auth.CodeRateLimited} {
			_, err := h.Resolve(t.Context(), presented(bearer("a.b.c")))
			e := auth.AsError(err)
			if e.Code != want || e.Limit == nil || e.Limit.Max != 2 {
				t.Errorf("try %d: %v, limit %+v", i, err, e.Limit)
			}
		}
	})
}

// fill gives every required input of the operation something of its kind.
func fill(d *operation.Definition, ids map[string]string) any {
	in := reflect.ValueOf(d.NewInput())
	for _, f := range operation.Fields(d.Input) {
		field := in.Elem().FieldByIndex(f.Index)
		if !f.Required || field.Kind() != reflect.String {
			continue
		}
		text := ids[f.Name]
		if text == "" {
			text = "x"
		}
		field.SetString(text)
	}
	return in.Interface()
}

// TestMatrix_AK04_AD01_TN01 calls every operation as everybody. Who is not let in gets the code of the rule, before
// anything else of the request is looked at; who is, gets any other answer.
func TestMatrix_AK04_AD01_TN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, inShop := h.newApp("Shop")
		jo := bearer(h.signUp("jo@example.com").Tokens.AccessToken)
		mo := h.signUp("mo@example.com", inShop)
		ada := bearer(h.admin("ada@example.com").Tokens.AccessToken)
		eve := bearer(h.admin("eve@example.com", inShop).Tokens.AccessToken)
		key := func(as func(*auth.Presented), scopes ...string) func(*auth.Presented) {
			return bearer(must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "k", Scopes: scopes}, as).Secret)
		}
		own := []string{"account:read", "account:write", "api-keys:read", "api-keys:write", "accounts:read", "accounts:write"}
		type rule = func(d *operation.Definition) auth.Code
		either := func(person, signedIn, administrator auth.Code) rule {
			return func(d *operation.Definition) auth.Code {
				if d.Access == operation.SignedInOrOperator && administrator == "" {
					return "" // whatever scopes the key lacks
				}
				return map[operation.Access]auth.Code{operation.Person: person, operation.SignedIn: signedIn,
					operation.SignedInOrOperator: signedIn,
					operation.Administrator:      administrator, operation.Operator: auth.CodeForbidden}[d.Access]
			}
		}
		callers := []struct {
			name string
			as   []func(*auth.Presented)
			want rule
		}{
			{"anonymous", nil, func(d *operation.Definition) auth.Code {
				if d.Access == operation.Anyone {
					return ""
				}
				return auth.CodeUnauthenticated
			}},
			{"key without scopes", []func(*auth.Presented){key(jo)}, either(auth.CodePersonRequired, auth.CodeInsufficientScope, auth.CodeForbidden)},
			{"key with every scope of a user", []func(*auth.Presented){key(jo, own...)}, either(auth.CodePersonRequired, "", auth.CodeForbidden)},
			{"administrator's key without admin", []func(*auth.Presented){key(ada, own...)}, either(auth.CodePersonRequired, "", auth.CodeInsufficientScope)},
			{"administrator's key", []func(*auth.Presented){key(ada, "admin")}, either(auth.CodePersonRequired, auth.CodeInsufficientScope, "")},
			{"another app's user", []func(*auth.Presented){bearer(mo.Tokens.AccessToken)}, func(*operation.Definition) auth.Code { return auth.CodeAppMismatch }},
			{"another app's administrator", []func(*auth.Presented){eve}, func(*operation.Definition) auth.Code { return auth.CodeAppMismatch }},
			{"user", []func(*auth.Presented){jo}, either("", "", auth.CodeForbidden)},
			{"administrator", []func(*auth.Presented){ada}, either("", "", "")},
		}
		gate := map[auth.Code]bool{auth.CodeUnauthenticated: true, auth.CodePersonRequired: true, auth.CodeInsufficientScope: true,
			auth.CodeForbidden: true, auth.CodeAppMismatch: true}
		for _, c := range callers {
			for _, d := range h.All() {
				switch d.Name {
				case "sign-out", "sign-out-everywhere", "delete-account": // they would end the caller's own session; see TestAccount
					continue
				}
				_, err := h.call(d.Name, fill(d, nil), c.as...)
				got := auth.Code("")
				if e := auth.AsError(err); e != nil && gate[e.Code] {
					got = e.Code
				}
				if got != c.want(d) {
					t.Errorf("%s calls %s: %v, want %q", c.name, d.Name, err, c.want(d))
				}
			}
		}
		for _, d := range h.All() {
			_, err := h.callIn(operation.WithOperator(t.Context()), d.Name, fill(d, nil))
			if user := d.Access == operation.Person || d.Access == operation.SignedIn; user != auth.Is(err, auth.CodeForbidden) {
				t.Errorf("the operator calls %s: %v", d.Name, err)
			}
		}
	})
}

// TestForeignIDs_TN01 gives every operation that takes an id one of another app: it does not exist.
func TestForeignIDs_TN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop, inShop := h.newApp("Shop")
		victim := h.signUp("mo@example.com", inShop)
		theirs := func(p *auth.Presented) { inShop(p); p.Bearer = victim.Tokens.AccessToken }
		key := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "k"}, theirs)
		neighbour := h.signUp("lo@example.com") // of the same app as the one who asks
		own := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "k"}, bearer(neighbour.Tokens.AccessToken))
		ids := map[string]map[string]string{
			"session":             {"id": string(victim.Session.ID)},
			"api-key":             {"id": string(key.APIKey.ID)},
			"user":                {"id": string(victim.User.ID), "role": "admin"},
			"neighbour's session": {"id": string(neighbour.Session.ID)},
			"neighbour's api-key": {"id": string(own.APIKey.ID)},
			"app":                 {"id": string(shop), "app_id": string(shop), "name": "x"},
		}
		inTheShop := func(p *auth.Presented) { p.AppInput = shop }
		account := must[operation.AccountResult](h, "create-account", &operation.CreateAccountInput{Name: "Acme"}, theirs).Account
		ids["account"] = map[string]string{"id": string(account.ID), "account_id": string(account.ID), "user_id": string(victim.User.ID), "role": "member"}
		made := asOperator[operation.NewClient](h, "create-client", &operation.CreateClientInput{AppID: shop, Name: "web"})
		ids["client"] = map[string]string{"app_id": string(shop), "id": string(made.ID), "name": "x"}
		invited := must[operation.InviteResult](h, "create-invite", &operation.CreateInviteInput{Email: "x@example.com", AccountID: account.ID}, theirs)
		ids["invite"] = map[string]string{"id": string(invited.Invite.ID)}
		code := asOperator[operation.InviteCodeResult](h, "create-invite-code", &operation.CreateInviteCodeInput{}, inTheShop)
		ids["invite-code"] = map[string]string{"id": string(code.InviteCode.ID)}
		wait := must[operation.WaitlistEntryResult](h, "join-waitlist", &operation.FeatureInput{Feature: "beta"}, theirs)
		ids["waitlist-entry"] = map[string]string{"id": string(wait.Entry.ID)}
		other, inOther := h.newApp("Other")
		for _, in := range []func(*auth.Presented){func(*auth.Presented) {}, inOther} {
			ada := h.admin("ada@example.com", in).Tokens.AccessToken
			as := func(p *auth.Presented) { in(p); p.Bearer = ada }
			everyApp := h.appOf(in) == auth.DefaultApp
			for kind, names := range map[string][]string{
				"session":             {"end-session"},
				"neighbour's session": {"end-session"},
				"api-key":             {"get-api-key", "rotate-api-key", "revoke-api-key"},
				"neighbour's api-key": {"get-api-key", "rotate-api-key", "revoke-api-key"},
				"user":                {"get-user", "update-user", "disable-user", "enable-user", "set-role", "end-user-sessions", "get-credit"},
				"app":                 {"get-app", "list-app-keys", "create-app-key", "revoke-app-key", "update-app", "disable-app", "enable-app", "list-clients", "create-client"},
				"client":              {"get-client", "update-client", "delete-client"},
				"account":             {"get-account", "update-account", "list-members", "add-member", "set-member-role", "remove-member"},
				"invite":              {"revoke-invite"},
				"invite-code":         {"revoke-invite-code"},
				"waitlist-entry":      {"approve-waitlist-entry", "deny-waitlist-entry"},
			} {
				if (kind == "app" || kind == "client") && everyApp {
					continue // administrators of the default app manage every app
				}
				for _, name := range names {
					_, err := h.call(name, fill(h.Lookup(name), ids[kind]), as)
					if !auth.Is(err, auth.CodeNotFound) {
						t.Errorf("%s with the id of a %s of another app, asked from %s: %v", name, kind, h.appOf(in), err)
					}
				}
			}
		}
		me := must[operation.Me](h, "get-me", &operation.GetMeInput{}, theirs)
		if me.User.Role != auth.RoleUser || me.User.Status != auth.UserActive {
			t.Errorf("the victim is now %+v", me.User)
		}
		if list := must[operation.Apps](h, "list-apps", &operation.ListAppsInput{}, func(p *auth.Presented) {
			inOther(p)
			p.Bearer = must[operation.Granted](h, "sign-in", &operation.SignInInput{Identifier: "ada@example.com", Password: password}, inOther).Tokens.AccessToken
		}).Apps; len(list) != 1 || list[0].ID != other {
			t.Errorf("an administrator of one app sees %+v", list)
		}
	})
}

// TestStrictDoor holds that a session with an unverified address is refused where such sign-ins are, except for
// what leads out of that state.
func TestStrictDoor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.signUp("jo@example.com")
		strict := func(p *auth.Presented) { p.Door.Policy = auth.Policy{}; p.Bearer = in.Tokens.AccessToken }
		h.refused(auth.CodeEmailUnverified)(h.call("get-me", &operation.GetMeInput{}, strict))
		h.refused(auth.CodeEmailUnverified)(h.call("sign-in", &operation.SignInInput{Identifier: "jo@example.com", Password: password},
			func(p *auth.Presented) { p.Door.Policy = auth.Policy{} }))
		h.clock.Advance(time.Second)
		must[operation.Done](h, "request-email-verification", &operation.RequestEmailVerificationInput{}, strict)
		must[operation.UserResult](h, "verify-email", &operation.VerifyEmailInput{Token: h.token("jo@example.com")}, strict)
		must[operation.Me](h, "get-me", &operation.GetMeInput{}, strict)
	})
}

// TestConcealedSignUp_EN01 compares what a strict door answers for a new and for a known address.
func TestConcealedSignUp_EN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.signUp("jo@example.com")
		strict := func(p *auth.Presented) { p.Door.Policy = auth.Policy{} }
		for _, email := range []string{"jo@example.com", "new@example.com"} {
			p := must[operation.Pending](h, "register", &operation.RegisterInput{Email: email, Password: password}, strict)
			if p.Email != email || len(p.UserID) != 36 || strings.Contains(string(p.UserID), " ") {
				t.Errorf("%s: %+v", email, p)
			}
		}
	})
}
