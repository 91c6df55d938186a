package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

// filteredUsers is the condition of a filter beside that of the app, which is $1; the filter's values follow from $2.
func filteredUsers(app auth.AppID, f UserFilter) (where string, args []any) {
	where = "($2 = '' OR " + shownStatus + " = $2) AND ($3 = '' OR role = $3)"
	args = []any{app, string(f.Status), string(f.Role)}
	if f.Search != "" {
		where += " AND ((username_canonical >= $4 AND username_canonical < $5) OR id IN (SELECT user_id FROM emails" +
			" WHERE app_id = $1 AND canonical >= $4 AND canonical < $5))"
		args = append(args, f.Search, f.Search+"\U0010FFFF")
	}
	return where, args
}

// CountUsers counts the app's users that a filter keeps.
func (tx *Tx) CountUsers(app auth.AppID, f UserFilter) (n int, err error) {
	where, args := filteredUsers(app, f)
	err = tx.one("SELECT count(*) FROM users WHERE app_id = $1 AND "+where, args, &n)
	return n, err
}

// UserIDsFrom lists at most limit of the users that a filter keeps, oldest first, without the first skip ones. It is for
// doors that number their pages; those that do not use Users, whose cost does not grow with the page.
func (tx *Tx) UserIDsFrom(app auth.AppID, f UserFilter, skip, limit int) ([]auth.UserID, error) {
	where, args := filteredUsers(app, f)
	n := len(args)
	var out []auth.UserID
	err := tx.all("SELECT id FROM users WHERE app_id = $1 AND "+where+" ORDER BY created_at, id LIMIT "+marks(n+1, 1)+" OFFSET "+marks(n+2, 1),
		append(args, limit, skip), func(scan func(dest ...any) error) error {
			var id auth.UserID
			err := scan(&id)
			out = append(out, id)
			return err
		})
	return out, err
}
