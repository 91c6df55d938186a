package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

const passphrase = "amber ladders under quiet rain"

// fate is what the client knows of a write: it was acknowledged, or its answer was lost with the process.
type fate int

const (
	standing fate = iota // acknowledged as made
	gone                 // acknowledged as revoked or spent
	unknown              // the answer of its revocation or use was lost
)

// person is one client with its ledger: everything that the server acknowledged to it.
type person struct {
	email      string
	registered bool
	token      string
	refresh    string
	first      string          // the access token of the session that registered
	proof      string          // the mailed secret that verifies the address, once it was found
	proven     fate            // what became of it
	codes      map[string]fate // backup codes
	keys       map[string]fate // API keys by secret
	ids        map[string]string
}

func newPerson(name string) *person {
	return &person{email: name + "@crash.test", codes: map[string]fate{}, keys: map[string]fate{}, ids: map[string]string{}}
}

// live keeps one person busy until the process dies. Any other failure is returned.
func (c *person) live(p *process, r *rand.Rand) error {
	steps := []func(*process) error{c.renew, c.makeKey, c.revokeKey, c.spendCode, c.renew}
	for _, first := range []func(*process) error{c.register, c.verify, c.enrol, c.signIn} {
		if err := first(p); err != nil {
			return lost(err)
		}
	}
	for {
		if err := steps[r.IntN(len(steps))](p); err != nil {
			return lost(err)
		}
	}
}

func lost(err error) error {
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

func want(status, expected int, what string) error {
	if status != expected {
		return fmt.Errorf("%s answered %d, not %d", what, status, expected)
	}
	return nil
}

func (c *person) register(p *process) error {
	var out struct{ Token string }
	status, err := p.call("POST", "/v1/auth/register", "", map[string]string{"email": c.email, "password": passphrase, "name": "Crash"}, &out)
	if err != nil {
		return err
	}
	c.registered, c.token, c.first = true, out.Token, out.Token
	return want(status, http.StatusCreated, "register")
}

// enrol turns the second factor on and notes the backup codes.
func (c *person) enrol(p *process) error {
	var setup struct{ Secret string }
	status, err := p.call("POST", "/v1/auth/2fa/setup", c.token, nil, &setup)
	if err != nil {
		return err
	}
	if err := want(status, http.StatusOK, "2fa/setup"); err != nil {
		return err
	}
	code, err := totp.GenerateCode(setup.Secret, time.Now())
	if err != nil {
		return err
	}
	var out struct {
		Codes []string `json:"backup_codes"`
	}
	status, err = p.call("POST", "/v1/auth/2fa/verify", c.token, map[string]string{"code": code}, &out)
	if err != nil {
		return err
	}
	for _, code := range out.Codes {
		c.codes[code] = standing
	}
	return want(status, http.StatusOK, "2fa/verify")
}

func (c *person) signIn(p *process) error { return c.spendCode(p) }

// spendCode signs in with a backup code, which works once.
func (c *person) spendCode(p *process) error {
	for code, state := range c.codes {
		if state != standing || c.left() <= 3 {
			continue
		}
		c.codes[code] = unknown
		status, token, refresh, err := p.login(c.email, code)
		if err != nil {
			return err
		}
		c.codes[code] = gone
		c.token, c.refresh = token, refresh
		return want(status, http.StatusOK, "login with a backup code")
	}
	return nil
}

func (c *person) left() int {
	n := 0
	for _, state := range c.codes {
		if state == standing {
			n++
		}
	}
	return n
}

func (p *process) login(email, code string) (status int, token, refresh string, err error) {
	body := map[string]string{"email": email, "password": passphrase}
	if code != "" {
		body["totp_code"] = code
	}
	var out struct {
		Token   string `json:"token"`
		Refresh string `json:"refresh_token"`
	}
	status, err = p.call("POST", "/v1/auth/login", "", body, &out)
	return status, out.Token, out.Refresh, err
}

func (c *person) renew(p *process) error {
	var out struct {
		Token   string `json:"token"`
		Refresh string `json:"refresh_token"`
	}
	status, err := p.call("POST", "/v1/auth/refresh", "", map[string]string{"refresh_token": c.refresh}, &out)
	if err != nil {
		return err
	}
	if err := want(status, http.StatusOK, "refresh"); err != nil {
		return err
	}
	c.token, c.refresh = out.Token, out.Refresh
	return nil
}

func (c *person) makeKey(p *process) error {
	if len(c.keys) > 20 {
		return nil
	}
	var out struct {
		Key string `json:"api_key"`
		ID  string `json:"id"`
	}
	status, err := p.call("POST", "/v1/auth/api-keys", c.token, map[string]any{"name": "crash", "scopes": []string{"account:read"}}, &out)
	if err != nil {
		return err
	}
	if err := want(status, http.StatusCreated, "create key"); err != nil {
		return err
	}
	c.keys[out.Key], c.ids[out.Key] = standing, out.ID
	return nil
}

func (c *person) revokeKey(p *process) error {
	for key, state := range c.keys {
		if state != standing {
			continue
		}
		c.keys[key] = unknown
		status, err := p.call("DELETE", "/v1/auth/api-keys/"+c.ids[key], c.token, nil, nil)
		if err != nil {
			return err
		}
		c.keys[key] = gone
		return want(status, http.StatusOK, "revoke key")
	}
	return nil
}

// verify spends the mailed secret. It is sent with the session that registered: from elsewhere, a first proof of the
// address would end that session.
func (c *person) verify(p *process) error {
	for c.proof == "" {
		var err error
		if c.proof, err = p.mailedSecret(c.email); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // polling another process: there is nothing to wait on
	}
	c.proven = unknown
	status, err := p.spendProof(c.proof, c.first)
	if err != nil {
		return err
	}
	c.proven = gone
	return want(status, http.StatusNoContent, "verify")
}

func (p *process) spendProof(token, bearer string) (int, error) {
	return p.call("POST", "/api/ostiary/v1/email-verification/complete", bearer, map[string]string{"token": token}, nil)
}

// mailedSecret looks into the development inbox for the link that verifies an address; empty: not delivered yet.
func (p *process) mailedSecret(email string) (string, error) {
	var messages []struct {
		To    string
		Links []string
	}
	if status, err := p.call("GET", "/dev/inbox/messages", "", nil, &messages); err != nil || status != 200 {
		return "", errors.Join(err, want(status, http.StatusOK, "inbox"))
	}
	for _, m := range messages {
		for _, link := range m.Links {
			if _, token, ok := strings.Cut(link, "/verify?token="); ok && m.To == email {
				return token, nil
			}
		}
	}
	return "", nil
}

// check compares what a restarted server knows with the ledger.
func (c *person) check(t *testing.T, p *process) {
	t.Helper()
	if !c.registered {
		return
	}
	if c.refresh != "" {
		if err := c.renew(p); err != nil {
			t.Errorf("%s: the acknowledged refresh token is not good any more: %v", c.email, err)
		}
	}
	for key, state := range c.keys {
		status, err := p.call("GET", "/v1/auth/me", key, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if state == standing && status != 200 || state == gone && status != 401 {
			t.Errorf("%s: a key that was acknowledged as %v answers %d", c.email, state, status)
		}
	}
	c.checkProof(t, p)
	c.checkCodes(t, p)
}

// checkProof: a secret that was spent is dead, one whose answer was lost works at most once more.
func (c *person) checkProof(t *testing.T, p *process) {
	t.Helper()
	if c.proof == "" {
		return
	}
	first, err := p.spendProof(c.proof, c.first)
	if err != nil {
		t.Fatal(err)
	}
	if c.proven == gone && first != 400 || c.proven == standing && first != 204 {
		t.Errorf("%s: a mailed secret that was acknowledged as %v answers %d", c.email, c.proven, first)
	}
	if again, err := p.spendProof(c.proof, c.first); err != nil || again != 400 {
		t.Errorf("%s: a spent mailed secret answers %d, %v", c.email, again, err)
	}
}

// checkCodes spends every code that may still be good and then proves that none works again.
func (c *person) checkCodes(t *testing.T, p *process) {
	t.Helper()
	if len(c.codes) == 0 {
		if status, _, _, err := p.login(c.email, ""); err != nil || status != 200 && status != 401 {
			t.Errorf("%s: sign-in answers %d, %v", c.email, status, err)
		}
		return
	}
	tried := 0
	for code, state := range c.codes {
		if state == standing {
			if tried++; tried > 2 {
				continue
			}
		}
		first, _, _, err := p.login(c.email, code)
		if err != nil {
			t.Fatal(err)
		}
		if state == standing && first != 200 || state == gone && first != 401 {
			t.Errorf("%s: a backup code that was acknowledged as %v answers %d", c.email, state, first)
		}
		if again, _, _, err := p.login(c.email, code); err != nil || again != 401 {
			t.Errorf("%s: a spent backup code works again: %d, %v", c.email, again, err)
		}
	}
}
