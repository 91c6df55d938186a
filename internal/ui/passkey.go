package ui

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// ceremony is what the script of a page posts in the second step of a passkey.
type ceremony struct {
	Flow       string         `json:"flow"`
	Credential map[string]any `json:"credential"`
	// Conditional and Name are of a new passkey.
	Conditional bool   `json:"conditional"`
	Name        string `json:"name"`
}

// ceremonies answer the script of pages in JSON. Which of them it is about is the path's; who it is about is the browser's
// own memory, so no token of a half-done sign-in is on the page.
func ceremonies() []page {
	return []page{
		{"POST", "/passkey/sign-in/begin", func(v *visit) error {
			return v.begun(v.stranger("begin-passkey-sign-in", &operation.BeginPasskeySignInInput{}))
		}},
		{"POST", "/passkey/sign-in/finish", func(v *visit) error { return v.answered("") }},
		{"POST", "/passkey/second/begin", func(v *visit) error {
			return v.begun(v.stranger("begin-passkey-sign-in", &operation.BeginPasskeySignInInput{Token: v.flow().Challenge}))
		}},
		{"POST", "/passkey/second/finish", func(v *visit) error { return v.answered(v.flow().Challenge) }},
		{"POST", "/passkey/offer/begin", func(v *visit) error {
			return v.begun(v.person("begin-passkey-registration", &operation.BeginPasskeyRegistrationInput{Conditional: v.answer.Conditional}))
		}},
		{"POST", "/passkey/offer/finish", func(v *visit) error {
			in := &operation.FinishPasskeyRegistrationInput{Flow: v.answer.Flow, Credential: v.answer.Credential, Name: v.answer.Name}
			if _, err := v.person("finish-passkey-registration", in); err != nil {
				return err
			}
			return v.located(v.after("/done/passkey"))
		}},
		{"POST", "/passkey/step-up/begin", func(v *visit) error {
			return v.begun(v.person("begin-passkey-step-up", &operation.BeginPasskeyStepUpInput{}))
		}},
		{"POST", "/passkey/step-up/finish", func(v *visit) error {
			out, err := v.person("step-up", &operation.StepUpInput{Flow: v.answer.Flow, Credential: v.answer.Credential})
			if err != nil {
				return err
			}
			v.renew(out)
			return v.located(v.after("/done/proven"))
		}},
	}
}

// begun tells the script what to ask the browser.
func (v *visit) begun(out operation.Outcome, err error) error {
	if err != nil {
		return err
	}
	return httpx.JSON(v.w, out.Value)
}

// answered signs in with what the browser said. token is that of a half-done sign-in; empty: the passkey is all.
func (v *visit) answered(token string) error {
	out, err := v.stranger("finish-passkey-sign-in",
		&operation.FinishPasskeySignInInput{Flow: v.answer.Flow, Credential: v.answer.Credential, Token: token})
	if err != nil {
		return err
	}
	v.admit(out)
	return v.located(v.after("/done/signed-in"))
}

// located tells the script where to go.
func (v *visit) located(path string) error {
	return httpx.JSON(v.w, struct {
		Location string `json:"location"`
	}{path})
}

// maxDepth of the JSON of a browser's answer.
const maxDepth = 16

// beginJSON is begin for the script of a page, which posts JSON; app and place to return to are in the URL. A foreign page
// can post neither the content type nor from our origin (WB-01, WB-02).
func (p *Pages) beginJSON(w http.ResponseWriter, r *http.Request) (*visit, error) {
	if err := p.origins.Check(r); err != nil {
		return nil, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, auth.E(auth.CodeUnsupportedMedia, "")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, httpx.MaxBody))
	if err != nil {
		return nil, auth.E(auth.CodePayloadTooLarge, "")
	}
	v, err := p.visit(w, r, r.URL.Query())
	if err != nil {
		return nil, err
	}
	if _, fault := wire.JSON(string(body), maxDepth); fault != nil || json.Unmarshal(body, &v.answer) != nil {
		return nil, auth.E(auth.CodeInvalidRequest, "The answer could not be read.")
	}
	return v, nil
}
