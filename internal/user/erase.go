package user

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// SetDeletion says when the user, whose row the caller has locked, is erased; the zero time: never.
func SetDeletion(tx *store.Tx, u auth.User, at time.Time) (auth.User, error) {
	u.DeleteAt = at
	return u, save(tx, &u)
}

// Erase removes at most limit of the rows that this package keeps about a user whose time has come: addresses and password
// first, and once none is left the user. gone says that it was the user. Nothing of other packages may be left.
func Erase(tx *store.Tx, u auth.User, limit int) (n int64, gone bool, err error) {
	if n, err = tx.EraseEmails(u, limit); err != nil || n > 0 {
		return n, false, err
	}
	if n, err = tx.ErasePassword(u); err != nil || n > 0 {
		return n, false, err
	}
	return 1, true, tx.DeleteUser(u)
}
