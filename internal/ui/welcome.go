package ui

import (
	"slices"

	"github.com/ostiary-id/ostiary/internal/login"
)

// welcomePage is for who signed in and wanted to go nowhere in particular.
type welcomePage struct {
	base
	Email string
	// Offer says that the person has no passkey and could make one.
	Offer bool
	// Signals is JSON for the authenticators of who has passkeys: which of them still work.
	Signals string
}

// showSignedIn ends a sign-in. Who has no passkey is offered one, which a browser that has just filled in a password may make
// without asking; the authenticators of who has some are told which ones still work.
func showSignedIn(v *visit) error {
	shown := &welcomePage{base: base{title: "page.magic.done"}, Email: v.who()}
	if shown.Email == "" {
		return v.show("signed-in", shown)
	}
	held, err := v.passkeys()
	if err != nil {
		return v.show("signed-in", shown)
	}
	if len(held.Passkeys) > 0 {
		if shown.Signals, err = signals(held); err != nil {
			return err
		}
	} else if methods, err := v.methods(); err == nil {
		shown.Offer = slices.Contains(methods.Methods, login.MethodPasskey)
	}
	if shown.Offer || shown.Signals != "" {
		shown.scripts = []string{"passkey"}
	}
	return v.show("signed-in", shown)
}
