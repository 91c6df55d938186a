package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const resourceColumns = "id, app_id, uri, name, scopes, client_id, token_ttl, document, created_at, updated_at, deleted_at"

func scanResource(scan func(dest ...any) error) (auth.ProtectedResource, error) {
	var (
		r                              auth.ProtectedResource
		scopes                         string
		ttl, created, updated, deleted int64
	)
	if err := scan(&r.ID, &r.App, &r.URI, &r.Name, &scopes, &r.Client, &ttl, &r.Document, &created, &updated, &deleted); err != nil {
		return auth.ProtectedResource{}, err
	}
	r.TokenTTL = time.Duration(ttl) * time.Microsecond
	r.CreatedAt, r.UpdatedAt, r.DeletedAt = instant(created), instant(updated), instant(deleted)
	return r, fromJSON(scopes, &r.Scopes)
}

func (tx *Tx) resource(query string, args ...any) (auth.ProtectedResource, error) {
	return scanResource(func(dest ...any) error { return tx.one(query, args, dest...) })
}

// Resource reads one protected resource of the app that was not deleted.
func (tx *Tx) Resource(app auth.AppID, id auth.ResourceID) (auth.ProtectedResource, error) {
	return tx.resource("SELECT "+resourceColumns+" FROM resources WHERE app_id = $1 AND id = $2 AND deleted_at = 0", app, id)
}

// ResourceForUpdate is Resource with the row locked until the transaction ends.
func (tx *Tx) ResourceForUpdate(app auth.AppID, id auth.ResourceID) (auth.ProtectedResource, error) {
	return tx.resource("SELECT "+resourceColumns+" FROM resources WHERE app_id = $1 AND id = $2 AND deleted_at = 0"+tx.lockSuffix(), app, id)
}

// ResourceByURI reads a protected resource whose app is not known yet: one identifier belongs to one app.
func (tx *Tx) ResourceByURI(uri string) (auth.ProtectedResource, error) {
	return tx.resource("SELECT "+resourceColumns+" FROM resources WHERE uri = $1 AND deleted_at = 0", uri)
}

// ResourceQuery selects an app's resources, oldest first. The zero AfterTime with an empty AfterID starts at the oldest.
type ResourceQuery struct {
	App       auth.AppID
	AfterTime time.Time
	AfterID   auth.ResourceID
	Limit     int
}

// Resources lists the protected resources of an app by (created_at, id) ascending.
func (tx *Tx) Resources(q ResourceQuery) ([]auth.ProtectedResource, error) {
	var out []auth.ProtectedResource
	err := tx.all("SELECT "+resourceColumns+` FROM resources
		WHERE app_id = $1 AND deleted_at = 0 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		[]any{q.App, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			r, err := scanResource(scan)
			out = append(out, r)
			return err
		})
	return out, err
}

// InsertResource writes a new protected resource; inserted is false if the identifier is taken, by whatever app.
func (tx *Tx) InsertResource(r auth.ProtectedResource) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO resources ("+resourceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT DO NOTHING`, r.ID, r.App, r.URI, r.Name, jsonText(r.Scopes), r.Client, r.TokenTTL.Microseconds(), r.Document,
		micros(r.CreatedAt), micros(r.UpdatedAt), micros(r.DeletedAt))
	return n == 1, err
}

// UpdateResource stores all of a resource but its identifier; it reports whether there was such a row.
func (tx *Tx) UpdateResource(r auth.ProtectedResource) (bool, error) {
	n, err := tx.exec(`UPDATE resources SET name = $3, scopes = $4, client_id = $5, token_ttl = $6, document = $7, updated_at = $8,
		deleted_at = $9 WHERE app_id = $1 AND id = $2`, r.App, r.ID, r.Name, jsonText(r.Scopes), r.Client, r.TokenTTL.Microseconds(),
		r.Document, micros(r.UpdatedAt), micros(r.DeletedAt))
	return n == 1, err
}
