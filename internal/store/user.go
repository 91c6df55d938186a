package store

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const userColumns = "id, app_id, number, external_id, username, name, given_name, family_name, locale, role, status, " +
	"attributes, epoch, version, totp, created_at, updated_at, disabled_at, delete_at"

// shownStatus is auth.User.Shown.
const shownStatus = "(CASE WHEN delete_at > 0 THEN 'deleting' ELSE status END)"

// User reads one user of the app, or ErrNotFound.
func (tx *Tx) User(app auth.AppID, id auth.UserID) (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE app_id = $1 AND id = $2", app, id)
}

// UserForUpdate is User with the row locked. Lock order: app, account, user, session.
func (tx *Tx) UserForUpdate(app auth.AppID, id auth.UserID) (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), app, id)
}

// UserByUsername finds the user of a canonical username, or ErrNotFound.
func (tx *Tx) UserByUsername(app auth.AppID, canonical string) (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE app_id = $1 AND username_canonical = $2", app, canonical)
}

// UserByNumber finds a user by its number in the app, or ErrNotFound.
func (tx *Tx) UserByNumber(app auth.AppID, number int64) (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE app_id = $1 AND number = $2", app, number)
}

// UserByExternalID finds a user by the id it had elsewhere, or ErrNotFound.
func (tx *Tx) UserByExternalID(app auth.AppID, external string) (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE app_id = $1 AND external_id = $2", app, external)
}

// ResolveUser is how everything that is given a user's id reads it: as our own, or as the one that the user had elsewhere
// (external ids come from the operator and administrators alone, and an id of ours always wins). found is false for an id
// that nobody has; it comes back as it was given, for users who are gone are still named in events.
func (tx *Tx) ResolveUser(app auth.AppID, given auth.UserID) (id auth.UserID, found bool, err error) {
	if given == "" {
		return "", false, nil
	}
	u, err := tx.User(app, given)
	if errors.Is(err, ErrNotFound) {
		u, err = tx.UserByExternalID(app, string(given))
	}
	if errors.Is(err, ErrNotFound) {
		return given, false, nil
	}
	return u.ID, err == nil, err
}

// UserFilter narrows a list of users; empty fields do not.
type UserFilter struct {
	Status auth.UserStatus
	Role   auth.Role
	// Search keeps users whose canonical address or username begins with it. It must be canonical.
	Search string
}

// Users lists the app's users, oldest first, after the given place.
func (tx *Tx) Users(app auth.AppID, f UserFilter, afterTime time.Time, afterID auth.UserID, limit int) ([]auth.User, error) {
	where := "app_id = $1 AND (created_at, id) > ($2, $3) AND ($5 = '' OR " + shownStatus + " = $5) AND ($6 = '' OR role = $6)"
	args := []any{app, micros(afterTime), afterID, limit, string(f.Status), string(f.Role)}
	if f.Search != "" {
		where += " AND ((username_canonical >= $7 AND username_canonical < $8) OR id IN (SELECT user_id FROM emails" +
			" WHERE app_id = $1 AND canonical >= $7 AND canonical < $8))"
		args = append(args, f.Search, f.Search+"\U0010FFFF")
	}
	var out []auth.User
	err := tx.all("SELECT "+userColumns+" FROM users WHERE "+where+" ORDER BY created_at, id LIMIT $4", args,
		func(scan func(dest ...any) error) error {
			u, err := scanUser(scan)
			out = append(out, u)
			return err
		})
	return out, err
}

// CountActive counts the app's active users of a role who are not about to be erased. A rule about the count locks the app's row first.
func (tx *Tx) CountActive(app auth.AppID, role auth.Role) (n int, err error) {
	err = tx.one("SELECT count(*) FROM users WHERE app_id = $1 AND role = $2 AND status = $3 AND delete_at = 0",
		[]any{app, role, auth.UserActive}, &n)
	return n, err
}

// TakeUserNumber gives the next user number of the app, which is never given again once the Write commits. It
// locks the app's row until then, so that two sign-ups of one app decide one after the other.
func (tx *Tx) TakeUserNumber(app auth.AppID) (number int64, err error) {
	err = tx.one("UPDATE apps SET next_number = next_number + 1 WHERE id = $1 RETURNING next_number - 1", []any{app}, &number)
	return number, err
}

// InsertUser adds a user; usernameCanonical is empty without a username. It reports false, and writes nothing, if
// the username, the external id or the number is taken in the app.
func (tx *Tx) InsertUser(u auth.User, usernameCanonical string) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO users ("+userColumns+", username_canonical) VALUES "+
		"($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT DO NOTHING",
		u.ID, u.App, u.Number, orNull(u.ExternalID), u.Username, u.Name, u.GivenName, u.FamilyName, u.Locale, u.Role, u.Status,
		attributesText(u), u.Epoch, u.Version, u.TOTP, micros(u.CreatedAt), micros(u.UpdatedAt), micros(u.DisabledAt), micros(u.DeleteAt),
		orNull(usernameCanonical))
	tx.Invalidate(KindUser, string(u.ID))
	return n == 1, err
}

// UpdateUser writes what may change of a user (names, username, locale, role, status, attributes, epoch, version,
// times). The caller has locked the row. It reports false, and writes nothing, if the username is another user's.
func (tx *Tx) UpdateUser(u auth.User, usernameCanonical string) (updated bool, err error) {
	n, err := tx.exec("UPDATE users SET username = $3, username_canonical = $4, name = $5, given_name = $6, family_name = $7, "+
		"locale = $8, role = $9, status = $10, attributes = $11, epoch = $12, version = $13, updated_at = $14, disabled_at = $15, delete_at = $16 "+
		"WHERE app_id = $1 AND id = $2 AND NOT EXISTS (SELECT 1 FROM users o WHERE o.app_id = $1 AND o.username_canonical = $4 AND o.id <> $2)",
		u.App, u.ID, u.Username, orNull(usernameCanonical), u.Name, u.GivenName, u.FamilyName, u.Locale, u.Role, u.Status,
		attributesText(u), u.Epoch, u.Version, micros(u.UpdatedAt), micros(u.DisabledAt), micros(u.DeleteAt))
	tx.Invalidate(KindUser, string(u.ID))
	return n == 1, err
}

func (tx *Tx) oneUser(query string, args ...any) (auth.User, error) {
	return scanUser(func(dest ...any) error { return tx.one(query, args, dest...) })
}

func scanUser(scan func(dest ...any) error) (auth.User, error) {
	var (
		u                                  auth.User
		external                           *string
		attributes                         string
		created, updated, disabled, erased int64
	)
	err := scan(&u.ID, &u.App, &u.Number, &external, &u.Username, &u.Name, &u.GivenName, &u.FamilyName, &u.Locale, &u.Role,
		&u.Status, &attributes, &u.Epoch, &u.Version, &u.TOTP, &created, &updated, &disabled, &erased)
	if err != nil {
		return auth.User{}, err
	}
	if external != nil {
		u.ExternalID = *external
	}
	u.CreatedAt, u.UpdatedAt, u.DisabledAt, u.DeleteAt = instant(created), instant(updated), instant(disabled), instant(erased)
	if attributes == "{}" { // most users have none, and every refresh reads one
		u.Attributes = map[string]any{}
		return u, nil
	}
	return u, fromJSON(attributes, &u.Attributes)
}

func attributesText(u auth.User) string {
	if len(u.Attributes) == 0 {
		return "{}"
	}
	return jsonText(u.Attributes)
}

// marks returns "$from, $from+1, ..." for n placeholders.
func marks(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// orNull stores an empty string as NULL, for unique columns that many rows may leave empty.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// UserNames reads what the given users are called, by user.
func (tx *Tx) UserNames(app auth.AppID, users []auth.UserID) (map[auth.UserID]string, error) {
	out := make(map[auth.UserID]string, len(users))
	if len(users) == 0 {
		return out, nil
	}
	args := padded(app, users)
	err := tx.all("SELECT id, name FROM users WHERE app_id = $1 AND id IN ("+marks(2, len(args)-1)+")", args,
		func(scan func(dest ...any) error) error {
			var id auth.UserID
			var name string
			err := scan(&id, &name)
			out[id] = name
			return err
		})
	return out, err
}
