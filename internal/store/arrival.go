package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

// The statements of this file serve many users at a time, for those who come from elsewhere or go there.

// TakeUserNumbers gives the next n user numbers of the app, as TakeUserNumber gives one, and answers the first.
func (tx *Tx) TakeUserNumbers(app auth.AppID, n int) (first int64, err error) {
	err = tx.one("UPDATE apps SET next_number = next_number + $2 WHERE id = $1 RETURNING next_number - $2", []any{app, n}, &first)
	return first, err
}

// UsersWithID finds which of the ids belong to users of the app.
func (tx *Tx) UsersWithID(app auth.AppID, ids []string) (map[string]auth.UserID, error) {
	return tx.owners("SELECT id, id FROM users WHERE app_id = $1 AND id IN (", app, ids)
}

// UsersWithExternalID finds the users of the app that had these ids elsewhere.
func (tx *Tx) UsersWithExternalID(app auth.AppID, external []string) (map[string]auth.UserID, error) {
	return tx.owners("SELECT external_id, id FROM users WHERE app_id = $1 AND external_id IN (", app, external)
}

// UsersWithUsername finds the users of the app that have these canonical usernames.
func (tx *Tx) UsersWithUsername(app auth.AppID, canonical []string) (map[string]auth.UserID, error) {
	return tx.owners("SELECT username_canonical, id FROM users WHERE app_id = $1 AND username_canonical IN (", app, canonical)
}

// UsersWithEmail finds the users of the app that have these canonical addresses.
func (tx *Tx) UsersWithEmail(app auth.AppID, canonical []string) (map[string]auth.UserID, error) {
	return tx.owners("SELECT canonical, user_id FROM emails WHERE app_id = $1 AND canonical IN (", app, canonical)
}

// owners asks which user has each of the values; query ends before the list of them.
func (tx *Tx) owners(query string, app auth.AppID, values []string) (map[string]auth.UserID, error) {
	out := make(map[string]auth.UserID, len(values))
	if len(values) == 0 {
		return out, nil
	}
	args := padded(app, values)
	err := tx.all(query+marks(2, len(args)-1)+")", args, func(scan func(dest ...any) error) error {
		var value string
		var user auth.UserID
		err := scan(&value, &user)
		out[value] = user
		return err
	})
	return out, err
}

// padded makes arguments of an app and a list, whose last value is repeated up to the next power of two: few different
// statements then serve lists of every length, and each stays prepared.
func padded[T ~string](app auth.AppID, values []T) []any {
	size := 1
	for size < len(values) {
		size *= 2
	}
	args := make([]any, 0, size+1)
	args = append(args, app)
	for i := range size {
		args = append(args, string(values[min(i, len(values)-1)]))
	}
	return args
}

// EmailsOf reads all addresses of the given users, by user, the primary one first.
func (tx *Tx) EmailsOf(app auth.AppID, users []auth.UserID) (map[auth.UserID][]auth.Email, error) {
	out := make(map[auth.UserID][]auth.Email, len(users))
	if len(users) == 0 {
		return out, nil
	}
	args := padded(app, users)
	err := tx.all("SELECT "+emailColumns+" FROM emails WHERE app_id = $1 AND user_id IN ("+marks(2, len(args)-1)+
		") ORDER BY is_primary DESC, created_at, id", args, func(scan func(dest ...any) error) error {
		e, err := scanEmail(scan)
		out[e.User] = append(out[e.User], e)
		return err
	})
	return out, err
}

// PasswordsOf reads the password records of the given users, by user.
func (tx *Tx) PasswordsOf(app auth.AppID, users []auth.UserID) (map[auth.UserID]auth.Password, error) {
	out := make(map[auth.UserID]auth.Password, len(users))
	if len(users) == 0 {
		return out, nil
	}
	args := padded(app, users)
	err := tx.all("SELECT "+passwordColumns+" FROM passwords WHERE app_id = $1 AND user_id IN ("+marks(2, len(args)-1)+")", args,
		func(scan func(dest ...any) error) error {
			var p auth.Password
			var changed int64
			err := scan(&p.User, &p.App, &p.Hash, &p.Normaliser, &p.MustChange, &changed)
			p.ChangedAt = instant(changed)
			out[p.User] = p
			return err
		})
	return out, err
}
