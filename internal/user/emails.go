package user

import (
	"errors"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// MaxEmails is how many addresses a user may have.
const MaxEmails = 10

// Emails reads the addresses of a user, the primary one first, then the oldest.
func Emails(tx *store.Tx, app auth.AppID, id auth.UserID) ([]auth.Email, error) {
	all, err := tx.EmailsOf(app, []auth.UserID{id})
	return all[id], err
}

// RoomForEmail refuses one more address than MaxEmails. The caller has locked the user's row. Code: limit-reached.
func RoomForEmail(tx *store.Tx, u auth.User) error {
	list, err := Emails(tx, u.App, u.ID)
	if err == nil && len(list) >= MaxEmails {
		err = auth.E(auth.CodeLimitReached, "The account has as many addresses as it may have.")
	}
	return err
}

// AddEmail gives the user one more address, which was proven just now: an address that nobody has proven is nobody's, so
// that none can be kept from its owner (ET-12, ET-14), but for those that came with an import, which are proven by it as
// well. The caller has locked the app's row, then the user's. Codes: identifier-taken, limit-reached.
func AddEmail(tx *store.Tx, u auth.User, e auth.Email) (auth.User, error) {
	switch own, err := tx.EmailByCanonical(u.App, e.Canonical); {
	case err == nil && own.User == u.ID && !own.Verified():
		if _, err := tx.MarkEmailVerified(own, tx.Now()); err != nil {
			return u, err
		}
		return u, save(tx, &u)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return u, err
	}
	if err := RoomForEmail(tx, u); err != nil {
		return u, err
	}
	e.App, e.User, e.Primary, e.VerifiedAt, e.CreatedAt = u.App, u.ID, false, tx.Now(), tx.Now()
	inserted, err := tx.InsertEmail(e)
	if err != nil {
		return u, err
	}
	if !inserted {
		return u, taken("email")
	}
	if err := free(tx, u, e.Canonical); err != nil {
		return u, err
	}
	return u, save(tx, &u)
}

// MakePrimary lets mails go to another address of the user, whose row the caller has locked. Codes: not-found, conflict (it is
// the primary one already), email-unverified.
func MakePrimary(tx *store.Tx, u auth.User, id auth.EmailID) (auth.User, error) {
	e, err := OwnEmail(tx, u, id)
	if err != nil {
		return u, err
	}
	if e.Primary {
		return u, auth.E(auth.CodeConflict, "This is the primary address already.")
	}
	if !e.Verified() {
		return u, auth.E(auth.CodeEmailUnverified, "Confirm this address first.")
	}
	set, err := tx.SetPrimaryEmail(e)
	if err == nil && !set {
		err = errors.New("user: the primary address has moved under its lock")
	}
	if err != nil {
		return u, err
	}
	return u, save(tx, &u)
}

// RemoveEmail takes an address from the user, whose row the caller has locked. Codes: not-found, conflict (the primary one).
func RemoveEmail(tx *store.Tx, u auth.User, id auth.EmailID) (auth.Email, error) {
	e, err := OwnEmail(tx, u, id)
	if err != nil {
		return e, err
	}
	if e.Primary {
		return e, auth.E(auth.CodeConflict, "The primary address stays. Make another one primary first.")
	}
	if _, err := tx.DeleteEmail(e); err != nil {
		return e, err
	}
	return e, save(tx, &u)
}

// OwnEmail finds an address of the user. Code: not-found.
func OwnEmail(tx *store.Tx, u auth.User, id auth.EmailID) (auth.Email, error) {
	list, err := Emails(tx, u.App, u.ID)
	if err != nil {
		return auth.Email{}, err
	}
	for _, e := range list {
		if e.ID == id {
			return e, nil
		}
	}
	return auth.Email{}, auth.E(auth.CodeNotFound, "The account has no such address.")
}

// KeepPrimaryEmail takes every address but the primary one from a user: somebody else may have added them.
func KeepPrimaryEmail(tx *store.Tx, app auth.AppID, id auth.UserID) error {
	_, err := tx.DeleteOtherEmails(app, id)
	return err
}
