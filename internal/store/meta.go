package store

// Meta reads one fact about the database as a whole, such as the master key's fingerprint. ErrNotFound if it was
// never set.
func (tx *Tx) Meta(name string) (string, error) {
	var value string
	err := tx.one("SELECT value FROM meta WHERE name = $1"+tx.lockSuffix(), []any{name}, &value)
	return value, err
}

// SetMeta writes one fact about the database as a whole.
func (tx *Tx) SetMeta(name, value string) error {
	_, err := tx.exec(`INSERT INTO meta (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
