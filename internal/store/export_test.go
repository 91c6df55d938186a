package store

import "time"

// What the tests of this package need beyond the exported surface: statements of their own.

func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.exec(query, args...) }

func (tx *Tx) One(query string, args []any, dest ...any) error { return tx.one(query, args, dest...) }

func (tx *Tx) All(query string, args []any, scan func(scan func(dest ...any) error) error) error {
	return tx.all(query, args, scan)
}

func (tx *Tx) LockSuffix() string  { return tx.lockSuffix() }
func (tx *Tx) ClaimSuffix() string { return tx.claimSuffix() }

func Micros(t time.Time) int64             { return micros(t) }
func Instant(us int64) time.Time           { return instant(us) }
func JSONText(v any) string                { return jsonText(v) }
func FromJSON(text string, into any) error { return fromJSON(text, into) }

// StopWriting does what a failed sync causes.
func (db *DB) StopWriting(err error) { db.engine.(*sqliteEngine).writer.stop(err) }

// Address is what another opening of the same database needs.
func (db *DB) Address() Options {
	return Options{Path: db.options.Path, URL: db.options.URL, Clock: db.options.Clock}
}
