package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

const clientColumns = "id, app_id, name, is_default, status, settings, created_at, updated_at"

func (tx *Tx) client(query string, args ...any) (auth.Client, error) {
	var (
		c                auth.Client
		settings         string
		created, updated int64
	)
	err := tx.one(query, args, &c.ID, &c.App, &c.Name, &c.Default, &c.Status, &settings, &created, &updated)
	if err != nil {
		return auth.Client{}, err
	}
	c.CreatedAt, c.UpdatedAt = instant(created), instant(updated)
	return c, fromJSON(settings, &c.Settings)
}

// Client reads one client of the app.
func (tx *Tx) Client(app auth.AppID, id auth.ClientID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE app_id = $1 AND id = $2", app, id)
}

// ClientByID reads a client whose app is not known yet: its id is what a request names its app with.
func (tx *Tx) ClientByID(id auth.ClientID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE id = $1", id)
}

// DefaultClient reads the client that the app has had from its start.
func (tx *Tx) DefaultClient(app auth.AppID) (auth.Client, error) {
	return tx.client("SELECT "+clientColumns+" FROM clients WHERE app_id = $1 AND is_default", app)
}

// InsertClient writes a new client.
func (tx *Tx) InsertClient(c auth.Client) error {
	_, err := tx.exec("INSERT INTO clients ("+clientColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		c.ID, c.App, c.Name, c.Default, c.Status, jsonText(c.Settings), micros(c.CreatedAt), micros(c.UpdatedAt))
	return err
}

// UpdateClient stores name, status and settings of a client; it reports whether there was such a row.
func (tx *Tx) UpdateClient(c auth.Client) (bool, error) {
	n, err := tx.exec(`UPDATE clients SET name = $3, status = $4, settings = $5, updated_at = $6
		WHERE app_id = $1 AND id = $2`, c.App, c.ID, c.Name, c.Status, jsonText(c.Settings), micros(tx.Now()))
	return n == 1, err
}
