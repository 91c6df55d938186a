package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// next_number is left out: it belongs to the counter of users and is written by package user.
const appColumns = "id, name, status, settings, epoch, version, created_at, updated_at"

func scanApp(scan func(dest ...any) error) (auth.App, error) {
	var (
		a                auth.App
		settings         string
		created, updated int64
	)
	if err := scan(&a.ID, &a.Name, &a.Status, &settings, &a.Epoch, &a.Version, &created, &updated); err != nil {
		return auth.App{}, err
	}
	a.CreatedAt, a.UpdatedAt = instant(created), instant(updated)
	return a, fromJSON(settings, &a.Settings)
}

// App reads one app.
func (tx *Tx) App(id auth.AppID) (auth.App, error) {
	return scanApp(func(dest ...any) error {
		return tx.one("SELECT "+appColumns+" FROM apps WHERE id = $1", []any{id}, dest...)
	})
}

// AppForUpdate is App with the row locked until the transaction ends.
func (tx *Tx) AppForUpdate(id auth.AppID) (auth.App, error) {
	return scanApp(func(dest ...any) error {
		return tx.one("SELECT "+appColumns+" FROM apps WHERE id = $1"+tx.lockSuffix(), []any{id}, dest...)
	})
}

// AppQuery selects apps, oldest first. The zero value of AfterTime with an empty AfterID starts at the oldest.
type AppQuery struct {
	Only      auth.AppID // this app alone; empty: all
	AfterTime time.Time
	AfterID   auth.AppID
	Limit     int
}

// Apps lists apps by (created_at, id) ascending.
func (tx *Tx) Apps(q AppQuery) ([]auth.App, error) {
	var out []auth.App
	err := tx.all("SELECT "+appColumns+` FROM apps
		WHERE (id = $1 OR $1 = '') AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		[]any{q.Only, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			a, err := scanApp(scan)
			out = append(out, a)
			return err
		})
	return out, err
}

// InsertApp writes a new app; its users are numbered from 1.
func (tx *Tx) InsertApp(a auth.App) error {
	_, err := tx.exec("INSERT INTO apps ("+appColumns+", next_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
		a.ID, a.Name, a.Status, jsonText(a.Settings), a.Epoch, a.Version, micros(a.CreatedAt), micros(a.UpdatedAt))
	return err
}

// UpdateApp stores name, status, settings and epoch of an app under its next version; it reports whether the row
// still had the version before.
func (tx *Tx) UpdateApp(a auth.App) (bool, error) {
	n, err := tx.exec(`UPDATE apps SET name = $3, status = $4, settings = $5, epoch = $6, updated_at = $7, version = $2 + 1
		WHERE id = $1 AND version = $2`,
		a.ID, a.Version, a.Name, a.Status, jsonText(a.Settings), a.Epoch, micros(tx.Now()))
	return n == 1, err
}

// RaiseAppEpochs raises the epoch of every app.
func (tx *Tx) RaiseAppEpochs() error {
	_, err := tx.exec("UPDATE apps SET epoch = epoch + 1")
	return err
}
