package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const identitySelect = `SELECT i.id, i.app_id, i.user_id, i.provider_id, p.name, i.issuer, i.subject, i.email, i.username,
	i.created_at, i.last_used_at FROM identities i JOIN providers p ON p.app_id = i.app_id AND p.id = i.provider_id`

func scanIdentity(scan func(dest ...any) error) (auth.Identity, error) {
	var (
		i             auth.Identity
		created, used int64
	)
	err := scan(&i.ID, &i.App, &i.User, &i.Provider, &i.ProviderName, &i.Issuer, &i.Subject, &i.Email, &i.Username, &created, &used)
	i.CreatedAt, i.LastUsedAt = instant(created), instant(used)
	return i, err
}

// Identity reads one identity of a user, or ErrNotFound.
func (tx *Tx) Identity(app auth.AppID, user auth.UserID, id auth.IdentityID) (auth.Identity, error) {
	return scanIdentity(func(dest ...any) error {
		return tx.one(identitySelect+" WHERE i.app_id = $1 AND i.user_id = $2 AND i.id = $3", []any{app, user, id}, dest...)
	})
}

// IdentityByUpstream finds whose a person at a provider is (FD-01), or ErrNotFound.
func (tx *Tx) IdentityByUpstream(app auth.AppID, provider auth.ProviderID, issuer, subject string) (auth.Identity, error) {
	return scanIdentity(func(dest ...any) error {
		return tx.one(identitySelect+" WHERE i.app_id = $1 AND i.provider_id = $2 AND i.issuer = $3 AND i.subject = $4",
			[]any{app, provider, issuer, subject}, dest...)
	})
}

// IdentitiesOfUser lists the identities of a user, oldest first.
func (tx *Tx) IdentitiesOfUser(app auth.AppID, user auth.UserID) ([]auth.Identity, error) {
	var out []auth.Identity
	err := tx.all(identitySelect+" WHERE i.app_id = $1 AND i.user_id = $2 ORDER BY i.created_at, i.id", []any{app, user},
		func(scan func(dest ...any) error) error {
			i, err := scanIdentity(scan)
			out = append(out, i)
			return err
		})
	return out, err
}

// IdentitiesOf reads the identities of the given users, by user and oldest first.
func (tx *Tx) IdentitiesOf(app auth.AppID, users []auth.UserID) (map[auth.UserID][]auth.Identity, error) {
	out := map[auth.UserID][]auth.Identity{}
	if len(users) == 0 {
		return out, nil
	}
	args := padded(app, users)
	err := tx.all(identitySelect+" WHERE i.app_id = $1 AND i.user_id IN ("+marks(2, len(args)-1)+") ORDER BY i.created_at, i.id", args,
		func(scan func(dest ...any) error) error {
			i, err := scanIdentity(scan)
			out[i.User] = append(out[i.User], i)
			return err
		})
	return out, err
}

// CountIdentities counts who is linked by a provider.
func (tx *Tx) CountIdentities(app auth.AppID, provider auth.ProviderID) (n int, err error) {
	err = tx.one("SELECT count(*) FROM identities WHERE app_id = $1 AND provider_id = $2", []any{app, provider}, &n)
	return n, err
}

// InsertIdentity ties a person at a provider to a user. It reports false, and writes nothing, if that person is tied
// already: of any number of simultaneous tries one is told true.
func (tx *Tx) InsertIdentity(i auth.Identity) (bool, error) {
	n, err := tx.exec(`INSERT INTO identities (id, app_id, user_id, provider_id, issuer, subject, email, username, created_at, last_used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (app_id, provider_id, issuer, subject) DO NOTHING`,
		i.ID, i.App, i.User, i.Provider, i.Issuer, i.Subject, i.Email, i.Username, micros(i.CreatedAt), micros(i.LastUsedAt))
	tx.Invalidate(KindUser, string(i.User))
	return n == 1, err
}

// TouchIdentity stores what a provider said at a sign-in.
func (tx *Tx) TouchIdentity(app auth.AppID, id auth.IdentityID, email, username string, at time.Time) error {
	_, err := tx.exec("UPDATE identities SET email = $3, username = $4, last_used_at = $5 WHERE app_id = $1 AND id = $2",
		app, id, email, username, micros(at))
	return err
}

// DeleteIdentity unties one identity of a user; it reports whether there was such a row.
func (tx *Tx) DeleteIdentity(app auth.AppID, user auth.UserID, id auth.IdentityID) (bool, error) {
	n, err := tx.exec("DELETE FROM identities WHERE app_id = $1 AND user_id = $2 AND id = $3", app, user, id)
	tx.Invalidate(KindUser, string(user))
	return n == 1, err
}

// DeleteIdentities unties everybody from a provider and tells how many.
func (tx *Tx) DeleteIdentities(app auth.AppID, provider auth.ProviderID) (int64, error) {
	return tx.exec("DELETE FROM identities WHERE app_id = $1 AND provider_id = $2", app, provider)
}
