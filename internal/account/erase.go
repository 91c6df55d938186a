package account

import (
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// closedName is the name of an account whose only member was erased: the one it had may have been the person's.
const closedName = "Closed account"

// MayLeave refuses to let a user go who is the last owner of an account that others belong to. Error: CodeConflict.
func MayLeave(tx *store.Tx, u auth.User) error {
	places, err := tx.MembershipsOf(u.App, []auth.UserID{u.ID})
	if err != nil {
		return fmt.Errorf("list memberships: %w", err)
	}
	for _, place := range places[u.ID] {
		all, err := tx.CountMembers(u.App, place.Account.ID, "")
		if err != nil {
			return fmt.Errorf("count members: %w", err)
		}
		if all == 1 {
			continue
		}
		if err := keepOneOwner(tx, place.Membership); auth.Is(err, auth.CodeConflict) {
			return auth.E(auth.CodeConflict, "You are the last owner of the account "+place.Account.Name+
				". Make another member its owner, or remove the members, first.")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Erase takes a user whose time has come out of at most limit accounts, removes the credit, and counts. Accounts that
// nobody else belongs to are closed and lose their name and picture. The user's row must not be locked yet.
func Erase(tx *store.Tx, u auth.User, limit int) (n int64, err error) {
	for ; n < int64(limit); n++ {
		m, err := tx.OldestMembership(u.App, u.ID)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return n, fmt.Errorf("read membership: %w", err)
		}
		if err := vacate(tx, m); err != nil {
			return n, err
		}
	}
	if n > 0 {
		return n, nil
	}
	return tx.EraseCredit(u)
}

func vacate(tx *store.Tx, m auth.Membership) error {
	a, err := tx.AccountForUpdate(m.App, m.Account)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	if _, err := tx.DeleteMembership(m); err != nil {
		return fmt.Errorf("delete membership: %w", err)
	}
	left, err := tx.CountMembers(m.App, m.Account, "")
	if err != nil || left > 0 {
		return err
	}
	a.Name, a.AvatarURL, a.Status = closedName, "", auth.AccountClosed
	if _, err := tx.UpdateAccount(a); err != nil {
		return fmt.Errorf("close account: %w", err)
	}
	return nil
}
