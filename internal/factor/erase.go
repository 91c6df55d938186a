package factor

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Erase removes at most limit of the factors and backup codes of a user whose time has come, and counts them.
func Erase(tx *store.Tx, u auth.User, limit int) (int64, error) {
	if n, err := tx.EraseBackupCodes(u, limit); err != nil || n > 0 {
		return n, err
	}
	if n, err := tx.EraseTOTPs(u, limit); err != nil || n > 0 {
		return n, err
	}
	if n, err := tx.ErasePasskeys(u, limit); err != nil || n > 0 {
		return n, err
	}
	return tx.ErasePasskeyHandle(u)
}
