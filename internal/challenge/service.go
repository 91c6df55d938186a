package challenge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// verdict is what siteverify answers. The three services share the form; what one does not tell stays empty.
type verdict struct {
	Success  *bool    `json:"success"`
	Codes    []string `json:"error-codes"`
	Hostname string   `json:"hostname"`
	Action   string   `json:"action"`
	Score    *float64 `json:"score"`
}

// theirs are the error codes that speak of the response, of all three services. Any other means that we ask wrongly or
// that the service is ill, and then nobody can pass.
var theirs = []string{"missing-input-response", "invalid-input-response", "timeout-or-duplicate", "expired-input-response",
	"already-seen-response", "invalid-or-already-seen-response", "not-using-dummy-passcode"}

// ask sends the response to the service and judges its verdict.
func (v *Verifier) ask(ctx context.Context, app auth.AppID, s auth.ChallengeSettings, a Attempt) error {
	said, err := v.verdict(ctx, app, s, a.Response)
	if err != nil {
		if ctx.Err() != nil { // whoever asked has gone; that is no sign of the service
			return &auth.Error{Code: auth.CodeChallengeUnavailable, RetryAfter: retryAfter, Err: err}
		}
		return v.silent(app, s.Kind, err)
	}
	v.answered(app, s.Kind)
	if !*said.Success || !said.fits(s, a.Action) {
		return refused()
	}
	return nil
}

// verdict calls the service. Its errors hold neither the secret nor the response.
func (v *Verifier) verdict(ctx context.Context, app auth.AppID, s auth.ChallengeSettings, response string) (verdict, error) {
	plain, err := v.o.Keys.Open(sealPurpose, string(app), s.Secret)
	if err != nil {
		return verdict{}, fmt.Errorf("open the secret: %w", err)
	}
	form := url.Values{"secret": {string(plain)}, "response": {response}}
	if s.Kind == auth.ChallengeHCaptcha && len(s.SiteKeys) > 0 {
		form.Set("sitekey", s.SiteKeys[0]) // the response must be of this widget
	}
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	status, body, err := v.o.Post.PostForm(ctx, v.o.URLs[s.Kind], form)
	if err != nil {
		return verdict{}, err
	}
	var said verdict
	if err := json.Unmarshal(body, &said); err != nil {
		return verdict{}, fmt.Errorf("status %d, and the answer is not a verdict", status)
	}
	return said, said.usable(status)
}

// The HTTP statuses with which the services tell a verdict.
const (
	statusOK         = 200
	statusBadRequest = 400
)

// usable tells whether the verdict is one about the response.
func (said verdict) usable(status int) error {
	if said.Success == nil {
		return fmt.Errorf("status %d, and the answer is not a verdict", status)
	}
	if *said.Success {
		if status != statusOK {
			return fmt.Errorf("success with the status %d", status)
		}
		return nil
	}
	for _, code := range said.Codes {
		if !slices.Contains(theirs, code) {
			return errors.New("the service refuses our call: " + short(code))
		}
	}
	if status != statusOK && status != statusBadRequest {
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// short keeps a word of the other side out of the way of the log's reader.
func short(code string) string {
	const most = 60
	if len(code) > most {
		code = code[:most]
	}
	return fmt.Sprintf("%q", code)
}

// fits compares what the service tells about the page with what the app asks for. What is asked for and not told does
// not fit.
func (said verdict) fits(s auth.ChallengeSettings, action string) bool {
	if len(s.Hostnames) > 0 && !slices.Contains(s.Hostnames, strings.ToLower(said.Hostname)) {
		return false
	}
	if s.CheckAction && !sameAction(said.Action, action) {
		return false
	}
	if s.Kind != auth.ChallengeReCAPTCHA {
		return true // hCaptcha's score counts the other way round
	}
	switch least := s.MinScore; {
	case said.Score == nil:
		return least == 0
	case least == 0:
		return *said.Score >= auth.ChallengeMinScore
	default:
		return *said.Score >= least
	}
}

// sameAction reads `_` and `/` as `-`, for reCAPTCHA's actions have no hyphen.
func sameAction(told, want string) bool {
	return strings.NewReplacer("_", "-", "/", "-").Replace(told) == want
}
