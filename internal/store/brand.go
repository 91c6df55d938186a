package store

import "github.com/ostiary-id/ostiary/internal/auth"

// AppLogo reads the logo of an app, or ErrNotFound.
func (tx *Tx) AppLogo(app auth.AppID) (l auth.Logo, err error) {
	err = tx.one("SELECT type, image FROM app_logos WHERE app_id = $1", []any{app}, &l.Type, &l.Image)
	return l, err
}

// PutAppLogo puts a logo in the place of the one before.
func (tx *Tx) PutAppLogo(app auth.AppID, l auth.Logo) error {
	_, err := tx.exec(`INSERT INTO app_logos (app_id, type, image, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (app_id) DO UPDATE SET type = $2, image = $3, created_at = $4`, app, l.Type, l.Image, micros(tx.Now()))
	return err
}

// DeleteAppLogo removes the logo of an app, if it has one.
func (tx *Tx) DeleteAppLogo(app auth.AppID) error {
	_, err := tx.exec("DELETE FROM app_logos WHERE app_id = $1", app)
	return err
}
