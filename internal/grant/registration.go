package grant

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxRegistrations is how many initial tokens an app has at most, used up and expired ones counted.
const maxRegistrations = 100

// IssueRegistration stores a token that lets somebody register clients. Errors: CodeNotFound (the app), CodeLimitReached.
func IssueRegistration(tx *store.Tx, r auth.RegistrationToken) error {
	// The app's row is held while the tokens are counted, so that two calls decide one after the other.
	if _, err := tx.AppForUpdate(r.App); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return auth.E(auth.CodeNotFound, "There is no such app.")
		}
		return fmt.Errorf("read an app: %w", err)
	}
	list, err := tx.RegistrationTokens(r.App, maxRegistrations)
	if err != nil {
		return fmt.Errorf("count registration tokens: %w", err)
	}
	if len(list) >= maxRegistrations {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("An app has at most %d registration tokens. Revoke those that are used up.", maxRegistrations))
	}
	r.CreatedAt = tx.Now()
	if err := tx.InsertRegistrationToken(r); err != nil {
		return fmt.Errorf("store a registration token: %w", err)
	}
	return nil
}

// Registrations lists the tokens of an app that were not revoked, oldest first.
func Registrations(tx *store.Tx, app auth.AppID) ([]auth.RegistrationToken, error) {
	return tx.RegistrationTokens(app, maxRegistrations)
}

// SpendRegistration takes one use of the token that a text is; found is false if it has none left, or was never one.
func SpendRegistration(tx *store.Tx, text string) (r auth.RegistrationToken, found bool, err error) {
	random, ok := strings.CutPrefix(text, auth.RegistrationTokenPrefix)
	if !ok || !secret.TokenShaped(random) {
		return r, false, nil
	}
	r, err = tx.SpendRegistrationToken(secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("spend a registration token: %w", err)
	}
	return r, true, nil
}

// RevokeRegistration ends a token. Error: CodeNotFound.
func RevokeRegistration(tx *store.Tx, app auth.AppID, id auth.RegistrationTokenID) error {
	ok, err := tx.RevokeRegistrationToken(app, id)
	if err == nil && !ok {
		return auth.E(auth.CodeNotFound, "There is no such registration token.")
	}
	return err
}
