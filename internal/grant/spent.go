package grant

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Kind is what an identifier that must not be taken twice identifies.
type Kind string

const (
	KindProof     Kind = "dpop"      // `jti` of a DPoP proof (RFC 9449 section 11.1)
	KindAssertion Kind = "assertion" // `jti` of a client's or an issuer's assertion (RFC 7523 section 3)
	KindRevoked   Kind = "revoked"   // `jti` of an access token that was revoked by itself (RFC 7009)
)

// digest frames the parts, so that no two lists of parts are alike.
func digest(parts []string) []byte {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s;", len(p), p)
	}
	return h.Sum(nil)
}

// Spend takes an identifier; fresh is false if it was taken before. parts name it within its kind, its issuer first. It is
// remembered until expires.
func Spend(tx *store.Tx, kind Kind, expires time.Time, parts ...string) (fresh bool, err error) {
	fresh, err = tx.SpendID(string(kind), digest(parts), expires)
	if err != nil {
		return false, fmt.Errorf("spend an identifier: %w", err)
	}
	return fresh, nil
}

// Spent reports whether an identifier was taken.
func Spent(tx *store.Tx, kind Kind, parts ...string) (bool, error) {
	return tx.SpentID(string(kind), digest(parts))
}

// Sweep removes one batch, at most limit rows, of what nobody asks for any more, and counts. Nothing depends on it: times
// are looked at when a thing is used.
func Sweep(ctx context.Context, db *store.DB, limit int) (n int64, err error) {
	err = db.Write(ctx, func(tx *store.Tx) error {
		n = 0
		for _, remove := range []func() (int64, error){
			func() (int64, error) { return tx.DeleteExpiredCodes(tx.Now().Add(-codeKept), limit) },
			func() (int64, error) { return tx.DeleteExpiredDevices(tx.Now().Add(-codeKept), limit) },
			func() (int64, error) { return tx.DeleteExpiredIDs(tx.Now(), limit) },
		} {
			if n, err = remove(); err != nil || n > 0 {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Erase removes at most limit of the consents, codes and devices of a user whose time has come, and counts them.
func Erase(tx *store.Tx, u auth.User, limit int) (int64, error) {
	for _, remove := range []func(auth.User, int) (int64, error){tx.EraseConsents, tx.EraseAuthorizationCodes, tx.EraseDevices} {
		if n, err := remove(u, limit); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}
