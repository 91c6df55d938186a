package grant

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Covered reports whether a user has let a client have all of the scopes, for all of the resources, before.
func Covered(tx *store.Tx, app auth.AppID, user auth.UserID, client auth.ClientID, d auth.Delegation) (bool, error) {
	c, err := tx.Consent(app, user, client)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read a consent: %w", err)
	}
	return Within(d.Scopes, c.Scopes) && Within(d.Resources, c.Resources), nil
}

// Remember adds what a user has just let a client have to what they let it have before.
func Remember(tx *store.Tx, app auth.AppID, user auth.UserID, client auth.ClientID, d auth.Delegation) error {
	c, err := tx.Consent(app, user, client)
	if errors.Is(err, store.ErrNotFound) {
		c, err = auth.Consent{App: app, User: user, Client: client, GrantedAt: tx.Now()}, nil
	}
	if err != nil {
		return fmt.Errorf("read a consent: %w", err)
	}
	c.Scopes, c.Resources, c.UpdatedAt = union(c.Scopes, d.Scopes), union(c.Resources, d.Resources), tx.Now()
	if err := tx.PutConsent(c); err != nil {
		return fmt.Errorf("store a consent: %w", err)
	}
	return nil
}

// EndWaiting ends what a user has let a client have that the client has not taken yet: codes, and devices. An empty client
// means all. Who ends the sessions of a user does this in the same Write: a code or a device would begin another (RT-08).
func EndWaiting(tx *store.Tx, app auth.AppID, user auth.UserID, client auth.ClientID) error {
	if err := tx.EndCodes(app, user, client); err != nil {
		return fmt.Errorf("end authorization codes: %w", err)
	}
	if err := tx.DenyDevices(app, user, client); err != nil {
		return fmt.Errorf("deny devices: %w", err)
	}
	return nil
}

// Withdraw takes a consent back; it reports whether there was one. The sessions of the client are the caller's to end.
func Withdraw(tx *store.Tx, app auth.AppID, user auth.UserID, client auth.ClientID) (bool, error) {
	return tx.DeleteConsent(app, user, client)
}

// Within reports whether everything wanted is held. Nothing stands for all, as it does in auth.ScopesWithin for API keys.
func Within(wanted, held []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(held, w) })
}

// union is both lists without doubles, sorted.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
