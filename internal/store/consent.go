package store

import "github.com/ostiary-id/ostiary/internal/auth"

const consentColumns = "app_id, user_id, client_id, scopes, resources, granted_at, updated_at"

func scanConsent(scan func(dest ...any) error) (auth.Consent, error) {
	var (
		c                 auth.Consent
		scopes, resources string
		granted, updated  int64
	)
	if err := scan(&c.App, &c.User, &c.Client, &scopes, &resources, &granted, &updated); err != nil {
		return auth.Consent{}, err
	}
	c.GrantedAt, c.UpdatedAt = instant(granted), instant(updated)
	if err := fromJSON(scopes, &c.Scopes); err != nil {
		return auth.Consent{}, err
	}
	return c, fromJSON(resources, &c.Resources)
}

// Consent reads what a user has let a client have.
func (tx *Tx) Consent(app auth.AppID, user auth.UserID, client auth.ClientID) (auth.Consent, error) {
	return scanConsent(func(dest ...any) error {
		return tx.one("SELECT "+consentColumns+" FROM consents WHERE app_id = $1 AND user_id = $2 AND client_id = $3",
			[]any{app, user, client}, dest...)
	})
}

// Consents lists what a user has let clients have, at most limit, by client.
func (tx *Tx) Consents(app auth.AppID, user auth.UserID, limit int) ([]auth.Consent, error) {
	var out []auth.Consent
	err := tx.all("SELECT "+consentColumns+" FROM consents WHERE app_id = $1 AND user_id = $2 ORDER BY client_id LIMIT $3",
		[]any{app, user, limit}, func(scan func(dest ...any) error) error {
			c, err := scanConsent(scan)
			out = append(out, c)
			return err
		})
	return out, err
}

// PutConsent stores a consent in the place of the one before.
func (tx *Tx) PutConsent(c auth.Consent) error {
	_, err := tx.exec("INSERT INTO consents ("+consentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (app_id, user_id, client_id) DO UPDATE SET scopes = $4, resources = $5, updated_at = $7`,
		c.App, c.User, c.Client, jsonText(c.Scopes), jsonText(c.Resources), micros(c.GrantedAt), micros(c.UpdatedAt))
	return err
}

// DeleteConsent takes a consent back; it reports whether there was one.
func (tx *Tx) DeleteConsent(app auth.AppID, user auth.UserID, client auth.ClientID) (bool, error) {
	n, err := tx.exec("DELETE FROM consents WHERE app_id = $1 AND user_id = $2 AND client_id = $3", app, user, client)
	return n == 1, err
}
