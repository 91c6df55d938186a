package user

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Numbered asks for one page of the list of users by its number, from 1.
type Numbered struct {
	Filter store.UserFilter
	Page   int
	Size   int
}

// ListNumbered reads one page of the app's users, oldest first, and counts all that the filter keeps.
func (d *Directory) ListNumbered(ctx context.Context, app auth.AppID, q Numbered) (list []Profile, total int, err error) {
	err = d.db.Read(ctx, func(tx *store.Tx) error {
		if total, err = tx.CountUsers(app, q.Filter); err != nil {
			return err
		}
		ids, err := tx.UserIDsFrom(app, q.Filter, (q.Page-1)*q.Size, q.Size)
		if err != nil {
			return err
		}
		list = make([]Profile, len(ids))
		for i, id := range ids {
			if list[i], err = ReadProfile(tx, app, id); err != nil {
				return err
			}
		}
		return nil
	})
	return list, total, err
}
