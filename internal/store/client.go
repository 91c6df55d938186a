package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const clientColumns = "id, app_id, name, is_default, status, settings, created_at, updated_at, deleted_at"

func scanClient(scan func(dest ...any) error) (auth.Client, error) {
	var (
		c                         auth.Client
		settings                  string
		created, updated, deleted int64
	)
	err := scan(&c.ID, &c.App, &c.Name, &c.Default, &c.Status, &settings, &created, &updated, &deleted)
	if err != nil {
		return auth.Client{}, err
	}
	c.CreatedAt, c.UpdatedAt, c.DeletedAt = instant(created), instant(updated), instant(deleted)
	return c, fromJSON(settings, &c.Settings)
}

func (tx *Tx) client(query string, args ...any) (auth.Client, error) {
	return scanClient(func(dest ...any) error { return tx.one(query, args, dest...) })
}

// Client reads one client of the app, deleted ones too.
func (tx *Tx) Client(app auth.AppID, id auth.ClientID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE app_id = $1 AND id = $2", app, id)
}

// ClientForUpdate is Client with the row locked until the transaction ends.
func (tx *Tx) ClientForUpdate(app auth.AppID, id auth.ClientID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), app, id)
}

// ClientByID reads a client whose app is not known yet: its id is what a request names its app with.
func (tx *Tx) ClientByID(id auth.ClientID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE id = $1", id)
}

// DefaultClient reads the client that the app has had from its start.
func (tx *Tx) DefaultClient(app auth.AppID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE app_id = $1 AND is_default", app)
}

// ClientQuery selects an app's clients, oldest first. The zero AfterTime with an empty AfterID starts at the oldest.
type ClientQuery struct {
	App       auth.AppID
	AfterTime time.Time
	AfterID   auth.ClientID
	Limit     int
}

// Clients lists the clients of an app that were not deleted by (created_at, id) ascending.
func (tx *Tx) Clients(q ClientQuery) ([]auth.Client, error) {
	var out []auth.Client
	err := tx.all("SELECT "+clientColumns+` FROM clients
		WHERE app_id = $1 AND deleted_at = 0 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		[]any{q.App, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			c, err := scanClient(scan)
			out = append(out, c)
			return err
		})
	return out, err
}

// CountClients counts the clients of an app that were not deleted, by who made them.
func (tx *Tx) CountClients(app auth.AppID, origin auth.ClientOrigin) (n int, err error) {
	err = tx.one("SELECT count(*) FROM clients WHERE app_id = $1 AND origin = $2 AND deleted_at = 0", []any{app, origin}, &n)
	return n, err
}

// InsertClient writes a new client.
func (tx *Tx) InsertClient(c auth.Client) error {
	_, err := tx.exec("INSERT INTO clients ("+clientColumns+", origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		c.ID, c.App, c.Name, c.Default, c.Status, jsonText(c.Settings), micros(c.CreatedAt), micros(c.UpdatedAt),
		micros(c.DeletedAt), c.Settings.OAuth.Origin())
	return err
}

// UpdateClient stores name, status, settings and the time of deletion of a client; it reports whether there was such
// a row.
func (tx *Tx) UpdateClient(c auth.Client) (bool, error) {
	n, err := tx.exec(`UPDATE clients SET name = $3, status = $4, settings = $5, updated_at = $6, deleted_at = $7
		WHERE app_id = $1 AND id = $2`, c.App, c.ID, c.Name, c.Status, jsonText(c.Settings), micros(tx.Now()),
		micros(c.DeletedAt))
	return n == 1, err
}

// RetireIdleClients marks as deleted at most limit clients of all apps that made themselves, have not changed since a time,
// and of whom nobody has a session or a consent. It answers which they were.
func (tx *Tx) RetireIdleClients(before time.Time, limit int) ([]auth.Client, error) {
	var out []auth.Client
	err := tx.all(`WITH due AS (SELECT id FROM clients WHERE origin <> '' AND deleted_at = 0 AND updated_at < $1
			AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.app_id = clients.app_id AND s.client_id = clients.id
				AND s.ended_at = 0 AND s.delegation <> '')
			AND NOT EXISTS (SELECT 1 FROM consents g WHERE g.app_id = clients.app_id AND g.client_id = clients.id)
			ORDER BY id LIMIT $2`+tx.claimSuffix()+`)
		UPDATE clients SET deleted_at = $3, updated_at = $3 WHERE id IN (SELECT id FROM due)
		RETURNING `+clientColumns, []any{micros(before), limit, micros(tx.Now())}, func(scan func(dest ...any) error) error {
		c, err := scanClient(scan)
		out = append(out, c)
		return err
	})
	return out, err
}
