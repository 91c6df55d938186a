package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// ask is one request of a door: method and path, and its body.
type ask struct {
	method, path string
	body         any
}

// door says how one contract is asked for what all of them can do. What a contract has no endpoint for is nil.
type door struct {
	contract string
	register func(name, email, password string) ask
	signIn   func(email, password string) ask
	token    string // where the access token stands in the answer of a sign-in
	me       ask
	change   func(old, password string) ask
	forgot   func(email string) ask
	reset    func(token, password string) ask
	leave    *ask // ends the session
	leaveAll *ask // ends every session, this one too
}

// doors is every contract that people sign in through; the older versions of Phala's have no way in.
func doors() []door {
	return []door{
		{
			contract: "ostiary", token: "tokens.access_token", me: ask{"GET", "/api/ostiary/v1/me", nil},
			register: func(_, email, password string) ask {
				return ask{"POST", "/api/ostiary/v1/registrations", object{"email": email, "password": password}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/api/ostiary/v1/sessions", object{"identifier": email, "password": password}}
			},
			change: func(old, password string) ask {
				return ask{"PUT", "/api/ostiary/v1/me/password", object{"current_password": old, "password": password}}
			},
			forgot: func(email string) ask {
				return ask{"POST", "/api/ostiary/v1/password-reset/request", object{"identifier": email}}
			},
			reset: func(token, password string) ask {
				return ask{"POST", "/api/ostiary/v1/password-reset/complete", object{"token": token, "password": password}}
			},
			leave: &ask{"DELETE", "/api/ostiary/v1/sessions/current", nil}, leaveAll: &ask{"DELETE", "/api/ostiary/v1/sessions", nil},
		},
		{
			contract: "cloudheed", token: "token", me: ask{"GET", "/v1/auth/me", nil},
			register: func(name, email, password string) ask {
				return ask{"POST", "/v1/auth/register", object{"email": email, "password": password, "name": name}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/v1/auth/login", object{"email": email, "password": password}}
			},
		},
		{
			contract: "wolfpal", token: "access_token", me: ask{"GET", "/account", nil},
			register: func(name, email, password string) ask {
				return ask{"POST", "/api/auth/register", url.Values{"username": {name}, "email": {email}, "password": {password}}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/api/auth/login", url.Values{"email": {email}, "password": {password}}}
			},
			change: func(old, password string) ask {
				return ask{"PUT", "/account/change-password", url.Values{"oldPassword": {old}, "newPassword": {password}}}
			},
			forgot: func(email string) ask { return ask{"POST", "/user/forgot-password", url.Values{"email": {email}}} },
			reset: func(token, password string) ask {
				return ask{"POST", "/user/reset-password/" + token, url.Values{"password": {password}, "comfirmPassword": {password}}}
			},
			leave: &ask{"POST", "/auth/logout", url.Values{}}, leaveAll: &ask{"DELETE", "/sessions", nil},
		},
		{
			contract: "bunch", token: "accessToken", me: ask{"GET", "/api/user/profile", nil},
			register: func(_, email, password string) ask {
				return ask{"POST", "/api/auth/register", object{"email": email, "password": password, "confirmPassword": password,
					"firstName": "Jo", "lastName": "Doe", "appId": "default"}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/api/auth/login", object{"email": email, "password": password, "appId": "default"}}
			},
			change: func(old, password string) ask {
				return ask{"POST", "/api/user/change-password", object{"currentPassword": old, "newPassword": password, "confirmPassword": password}}
			},
			forgot: func(email string) ask {
				return ask{"POST", "/api/auth/forgot-password", object{"email": email, "appId": "default"}}
			},
			reset: func(token, password string) ask {
				return ask{"POST", "/api/auth/reset-password", object{"token": token, "password": password, "confirmPassword": password}}
			},
		},
		{
			contract: "phala", token: "access_token", me: ask{"GET", "/api/v1/auth/me", nil},
			register: func(name, email, password string) ask {
				return ask{"POST", "/api/v1/auth/register", object{"username": name, "email": email, "password": password, "invite_code": nil, "site_key": "x"}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/api/v1/auth/token", url.Values{"username": {email}, "password": {password}}}
			},
			change: func(old, password string) ask {
				return ask{"POST", "/api/v1/auth/password", object{"password": password, "current_password": old}}
			},
			forgot: func(email string) ask { return ask{"POST", "/api/v1/auth/forgot-password", object{"email": email}} },
			reset: func(token, password string) ask {
				return ask{"PUT", "/api/v1/auth/reset-password", object{"token": token, "password": password}}
			},
			leave: &ask{"POST", "/api/v1/auth/logout", nil}, leaveAll: &ask{"DELETE", "/api/v1/auth/sessions", nil},
		},
		{
			contract: "accountmaker", token: "tokens.access_token", me: ask{"GET", "/auth/me", nil},
			register: func(_, email, password string) ask {
				return ask{"POST", "/auth/sign-up", object{"client_id": "default", "email": email, "password": password}}
			},
			signIn: func(email, password string) ask {
				return ask{"POST", "/auth/sign-in", object{"client_id": "default", "email": email, "password": password}}
			},
			forgot: func(email string) ask {
				return ask{"POST", "/auth/send-password-reset", object{"client_id": "default", "email": email}}
			},
			reset: func(token, password string) ask {
				return ask{"POST", "/auth/reset-password", object{"token": token, "new_password": password}}
			},
		},
	}
}

// phalaVersions are those older versions: a contract each, with a `me` of its own.
var phalaVersions = []string{"2025-10-28", "2026-01-21"}

// TestEveryContractIsADoor keeps the table of doors whole.
func TestEveryContractIsADoor(t *testing.T) {
	known := []string{}
	for _, d := range doors() {
		known = append(known, d.contract)
	}
	for _, v := range phalaVersions {
		known = append(known, "phala-"+v)
	}
	for _, name := range shippedNames() {
		if !slices.Contains(known, name) {
			t.Errorf("the contract %s is not asked by TestOneTruth_RL06_C17", name)
		}
	}
}

// house is a server whose doors are asked one beside the other.
type house struct {
	*wire
	key string // of the app, for the contract that wants one
}

func (h *house) do(a ask, token string) reply {
	h.t.Helper()
	headers := []string{"X-Api-Key", h.key}
	if !strings.HasPrefix(a.path, "/api/auth/") && !strings.HasPrefix(a.path, "/api/user/") {
		headers = nil // elsewhere the header would be another credential
	}
	if token != "" {
		headers = append(headers, as(token)...)
	}
	return h.ask(a.method, a.path, a.body, headers...)
}

// arrive registers somebody at a door and proves the address.
func (h *house) arrive(d door, name string) (email string) {
	h.t.Helper()
	email = name + "@example.com"
	r := h.do(d.register(name, email, phrase), "")
	if r.Status/100 != 2 {
		h.t.Fatalf("register at %s: %d %s", d.contract, r.Status, r.Body)
	}
	token, _ := at(r.object(), d.token).(string)
	proof := ask{"POST", "/api/ostiary/v1/email-verification/complete", object{"token": mailed(h.t, h.i, email)}}
	h.do(proof, token).want(http.StatusNoContent)
	return email
}

func (h *house) enter(d door, email, password string) (token string) {
	h.t.Helper()
	h.i.Clock.Advance(time.Second)
	r := h.do(d.signIn(email, password), "")
	if r.Status/100 != 2 {
		h.t.Fatalf("sign-in at %s: %d %s", d.contract, r.Status, r.Body)
	}
	return r.text(d.token)
}

// welcome asserts that a token is good at a door, and for whom; refused, that it is good for nothing there.
func (h *house) welcome(d door, token, email string) {
	h.t.Helper()
	if r := h.do(d.me, token); r.Status != http.StatusOK || !strings.Contains(string(r.Body), email) {
		h.t.Errorf("me at %s: %d %s", d.contract, r.Status, r.Body)
	}
}

func (h *house) refused(d door, token, why string) {
	h.t.Helper()
	if r := h.do(d.me, token); r.Status != http.StatusUnauthorized && r.Status != http.StatusForbidden {
		h.t.Errorf("me at %s after %s: %d %s", d.contract, why, r.Status, r.Body)
	}
}

// closed asserts that a sign-in ends in a status.
func (h *house) closed(d door, email, password, why string, statuses ...int) {
	h.t.Helper()
	r := h.do(d.signIn(email, password), "")
	if slices.Contains(statuses, r.Status) {
		return
	}
	h.t.Errorf("sign-in at %s after %s: %d %s", d.contract, why, r.Status, r.Body)
}

// TestOneTruth_RL06_C17 walks every ordered pair of the contracts of an app: what happens at one door holds at every other at
// once, on both engines.
func TestOneTruth_RL06_C17(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		key := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(t.Context(), "default", "door", "")).Secret
		for _, d := range doors() {
			t.Run(d.contract, func(t *testing.T) {
				h := &house{wire: newWire(t, i), key: key}
				h.registration(d)
				h.sessionsEnd(d)
				h.passwordChange(d)
				h.passwordReset(d)
				h.lockout(d)
				h.disabled(d)
			})
		}
	}, allContracts("accountmaker"), servertest.Configure(func(c *config.Config) {
		for _, name := range []string{"register.network", "mail.network", "sign-in.network"} {
			c.Limits[name] = config.Limit{Off: true} // many people come from this one address
		}
	}))
}

// Who registers through one contract signs in through any other, and the session is valid at all of them.
func (h *house) registration(d door) {
	h.t.Helper()
	email := h.arrive(d, "reg"+d.contract)
	for _, other := range doors() {
		token := h.enter(other, email, phrase)
		for _, third := range doors() {
			h.welcome(third, token, email)
		}
		for _, version := range phalaVersions {
			if r := h.ask("GET", "/api/v1/auth/me", nil, append(as(token), "X-Phala-Version", version)...).want(http.StatusOK); !strings.Contains(string(r.Body), email) {
				h.t.Errorf("me of %s: %s", version, r.Body)
			}
		}
	}
}

func (h *house) sessionsEnd(d door) {
	h.t.Helper()
	if d.leave == nil {
		return
	}
	email := h.arrive(d, "out"+d.contract)
	for _, other := range doors() {
		token := h.enter(other, email, phrase)
		if r := h.do(*d.leave, token); r.Status/100 != 2 {
			h.t.Errorf("sign out at %s: %d %s", d.contract, r.Status, r.Body)
		}
		for _, third := range doors() {
			h.refused(third, token, "a sign-out at "+d.contract)
		}
	}
	tokens := h.everywhere(email)
	last := h.enter(d, email, phrase)
	if r := h.do(*d.leaveAll, last); r.Status/100 != 2 {
		h.t.Errorf("sign out everywhere at %s: %d %s", d.contract, r.Status, r.Body)
	}
	h.allEnded(tokens, "a sign-out from everywhere at "+d.contract)
}

// everywhere is a session at each door, in the order of the doors.
func (h *house) everywhere(email string) (tokens []string) {
	h.t.Helper()
	for _, d := range doors() {
		tokens = append(tokens, h.enter(d, email, phrase))
	}
	return tokens
}

func (h *house) allEnded(tokens []string, why string) {
	h.t.Helper()
	for n, d := range doors() {
		h.refused(d, tokens[n], why)
	}
}

func (h *house) passwordChange(d door) {
	h.t.Helper()
	if d.change == nil {
		return
	}
	email := h.arrive(d, "chg"+d.contract)
	tokens := h.everywhere(email)
	own := h.enter(d, email, phrase)
	if r := h.do(d.change(phrase, fresh), own); r.Status/100 != 2 {
		h.t.Fatalf("change at %s: %d %s", d.contract, r.Status, r.Body)
	}
	h.allEnded(tokens, "a password change at "+d.contract)
	h.welcome(d, own, email)
	h.newPasswordOnly(email, "a password change at "+d.contract)
}

// fresh is a password after phrase.
const fresh = "staple battery horse"

func (h *house) newPasswordOnly(email, why string) {
	h.t.Helper()
	for _, other := range doors() {
		h.closed(other, email, phrase, why, http.StatusUnauthorized, http.StatusBadRequest)
		h.welcome(other, h.enter(other, email, fresh), email)
	}
}

func (h *house) passwordReset(d door) {
	h.t.Helper()
	if d.reset == nil {
		return
	}
	email := h.arrive(d, "rst"+d.contract)
	tokens := h.everywhere(email)
	h.i.Clock.Advance(time.Second) // mails are listed by their time
	if r := h.do(d.forgot(email), ""); r.Status/100 != 2 {
		h.t.Fatalf("forgot at %s: %d %s", d.contract, r.Status, r.Body)
	}
	if r := h.do(d.reset(mailed(h.t, h.i, email), fresh), ""); r.Status/100 != 2 {
		h.t.Fatalf("reset at %s: %d %s", d.contract, r.Status, r.Body)
	}
	h.allEnded(tokens, "a password reset at "+d.contract)
	h.newPasswordOnly(email, "a password reset at "+d.contract)
}

// RL-06: guesses spent at one door are spent at all.
func (h *house) lockout(d door) {
	h.t.Helper()
	email := h.arrive(d, "lock"+d.contract)
	for range 10 {
		h.closed(d, email, "wrong guess here", "a wrong guess", http.StatusUnauthorized, http.StatusBadRequest)
	}
	for _, other := range doors() {
		h.closed(other, email, phrase, "a lockout at "+d.contract, http.StatusTooManyRequests)
	}
	h.i.Clock.Advance(16 * time.Minute)
	for _, other := range doors() {
		h.welcome(other, h.enter(other, email, phrase), email)
	}
}

// An administrator's word holds for sessions of every door at once, and for the next sign-in.
func (h *house) disabled(d door) {
	h.t.Helper()
	email := h.arrive(d, "dis"+d.contract)
	tokens := h.everywhere(email)
	user := ok[client.User](h.t)(h.i.Operator.GetUser(h.t.Context(), email))
	ok[client.User](h.t)(h.i.Operator.DisableUser(h.t.Context(), user.ID))
	h.allEnded(tokens, "the user was disabled")
	for _, other := range doors() {
		h.closed(other, email, phrase, "the user was disabled", http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest)
	}
	ok[client.User](h.t)(h.i.Operator.EnableUser(h.t.Context(), user.ID))
	h.welcome(d, h.enter(d, email, phrase), email)
	h.allEnded(tokens, "the user was disabled and enabled again")
}
