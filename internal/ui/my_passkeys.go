package ui

import (
	"encoding/json"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// passkeysPage lists the passkeys of the person. New ones need a script, for browsers have no other way.
type passkeysPage struct {
	owned
	Passkeys []operation.Passkey
	Signals  string // JSON, for the script
}

func (v *visit) newPasskeysPage() (*passkeysPage, error) {
	held, err := v.passkeys()
	if err != nil {
		return nil, err
	}
	shown := &passkeysPage{Passkeys: held.Passkeys}
	shown.scripts = []string{"passkey"}
	shown.Signals, err = signals(held)
	return shown, err
}

// passkeys are those of who is signed in.
func (v *visit) passkeys() (operation.Passkeys, error) {
	return read[operation.Passkeys](v, "list-passkeys", &operation.ListPasskeysInput{})
}

// signals are what the script tells authenticators, as JSON; empty: there is nothing to tell.
func signals(held operation.Passkeys) (string, error) {
	if held.Signals == nil {
		return "", nil
	}
	text, err := json.Marshal(held.Signals)
	if err != nil {
		return "", auth.Internal(err)
	}
	return string(text), nil
}

func changeMyPasskeys(v *visit) error {
	id := auth.FactorID(v.form.Get("id"))
	var (
		err  error
		done string
	)
	switch v.form.Get("do") {
	case "rename":
		done = "passkey-renamed"
		_, err = v.person("rename-passkey", &operation.RenamePasskeyInput{ID: id, Name: v.form.Get("name")})
	case "remove":
		done = "passkey-removed"
		_, err = v.person("delete-passkey", &operation.DeletePasskeyInput{ID: id})
	default:
		return unknownForm()
	}
	return settledOr(v, notice{"/my/passkeys", done, "my-passkeys"}, err, v.newPasskeysPage)
}

// myCeremonies register a passkey. Whoever has to prove first who they are is sent to where that can be done.
func myCeremonies() []page {
	return []page{
		{"POST", "/my/passkeys/begin", func(v *visit) error {
			return v.begun(v.person("begin-passkey-registration", &operation.BeginPasskeyRegistrationInput{}))
		}},
		{"POST", "/my/passkeys/finish", func(v *visit) error {
			_, err := v.person("finish-passkey-registration",
				&operation.FinishPasskeyRegistrationInput{Flow: v.answer.Flow, Credential: v.answer.Credential, Name: v.answer.Name})
			if err != nil {
				return err
			}
			return v.located(v.linkWith("/my/passkeys", "done", "passkey-added"))
		}},
	}
}
