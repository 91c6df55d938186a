package apikey

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Erase removes at most limit of the API keys of a user whose time has come, and counts them.
func Erase(tx *store.Tx, u auth.User, limit int) (int64, error) { return tx.EraseAPIKeys(u, limit) }
