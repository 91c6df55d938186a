package store

import "github.com/ostiary-id/ostiary/internal/auth"

const providerColumns = "id, app_id, name, kind, status, settings, sealed, version, created_at, updated_at"

func scanProvider(scan func(dest ...any) error) (auth.Provider, error) {
	var (
		p                auth.Provider
		settings         string
		created, updated int64
	)
	err := scan(&p.ID, &p.App, &p.Name, &p.Kind, &p.Status, &settings, &p.Sealed, &p.Version, &created, &updated)
	if err != nil {
		return auth.Provider{}, err
	}
	p.CreatedAt, p.UpdatedAt = instant(created), instant(updated)
	return p, fromJSON(settings, &p.Settings)
}

func (tx *Tx) provider(query string, args ...any) (auth.Provider, error) {
	return scanProvider(func(dest ...any) error { return tx.one(query, args, dest...) })
}

// Provider reads one provider of the app by its id.
func (tx *Tx) Provider(app auth.AppID, id auth.ProviderID) (auth.Provider, error) {
	return tx.provider("SELECT "+providerColumns+" FROM providers WHERE app_id = $1 AND id = $2", app, id)
}

// ProviderByName reads one provider of the app by its name.
func (tx *Tx) ProviderByName(app auth.AppID, name string) (auth.Provider, error) {
	return tx.provider("SELECT "+providerColumns+" FROM providers WHERE app_id = $1 AND name = $2", app, name)
}

// ProviderByNameForUpdate is ProviderByName with the row locked until the transaction ends.
func (tx *Tx) ProviderByNameForUpdate(app auth.AppID, name string) (auth.Provider, error) {
	return tx.provider("SELECT "+providerColumns+" FROM providers WHERE app_id = $1 AND name = $2"+tx.lockSuffix(), app, name)
}

// ProviderForUpdate is Provider with the row locked until the transaction ends.
func (tx *Tx) ProviderForUpdate(app auth.AppID, id auth.ProviderID) (auth.Provider, error) {
	return tx.provider("SELECT "+providerColumns+" FROM providers WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), app, id)
}

// Providers lists all providers of an app, by name.
func (tx *Tx) Providers(app auth.AppID) ([]auth.Provider, error) {
	var out []auth.Provider
	err := tx.all("SELECT "+providerColumns+" FROM providers WHERE app_id = $1 ORDER BY name", []any{app},
		func(scan func(dest ...any) error) error {
			p, err := scanProvider(scan)
			out = append(out, p)
			return err
		})
	return out, err
}

// InsertProvider writes a new provider; it reports false, and writes nothing, if the app has one of that name.
func (tx *Tx) InsertProvider(p auth.Provider) (bool, error) {
	n, err := tx.exec("INSERT INTO providers ("+providerColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (app_id, name) DO NOTHING`,
		p.ID, p.App, p.Name, p.Kind, p.Status, jsonText(p.Settings), append([]byte{}, p.Sealed...), p.Version,
		micros(p.CreatedAt), micros(p.UpdatedAt))
	return n == 1, err
}

// UpdateProvider stores status, settings and secret of a provider; it reports whether there was such a row.
func (tx *Tx) UpdateProvider(p auth.Provider) (bool, error) {
	n, err := tx.exec(`UPDATE providers SET status = $3, settings = $4, sealed = $5, version = $6, updated_at = $7
		WHERE app_id = $1 AND id = $2`,
		p.App, p.ID, p.Status, jsonText(p.Settings), append([]byte{}, p.Sealed...), p.Version, micros(p.UpdatedAt))
	return n == 1, err
}

// DeleteProvider removes a provider to which no identity belongs; it reports whether there was such a row.
func (tx *Tx) DeleteProvider(app auth.AppID, id auth.ProviderID) (bool, error) {
	n, err := tx.exec("DELETE FROM providers WHERE app_id = $1 AND id = $2", app, id)
	return n == 1, err
}
