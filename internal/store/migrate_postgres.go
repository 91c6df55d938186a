package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// migrationLock is the advisory lock under which one node migrates while others that start wait for it.
const migrationLock = 0x6f737469617279 // "ostiary"

// migratePostgres checks that the database is fit and brings it up to this program's version. It uses connections
// without the time limits of requests.
func migratePostgres(ctx context.Context, db *DB, config *pgx.ConnConfig) (err error) {
	pool := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, pool.Close()) }()
	locked, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: connect to PostgreSQL: %w", classify(err))
	}
	defer func() { err = errors.Join(err, locked.Close()) }()
	if err := checkDatabase(ctx, db, locked); err != nil {
		return err
	}
	// The lock is the session's: it ends with the connection, however this program ends.
	if _, err := locked.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("store: wait for the other node's migration: %w", classify(err))
	}
	defer func() {
		_, unlockErr := locked.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		err = errors.Join(err, unlockErr)
	}()
	return migrate(ctx, db, goose.DialectPostgres, pool)
}

// sortProbe sorts otherwise under every collation that is not by bytes: case, punctuation, accents, a character
// beyond the basic plane (which UTF-16 order puts before the one below it).
const sortProbe = `SELECT string_agg(v, '' ORDER BY v) FROM (VALUES ('a'), ('B'), ('_'), ('Z'), ('-'), ('é'), ('z'),
	(U&'\FF41'), (U&'\+01F600'), ('0')) AS probe (v)`

const sortedByBytes = "-0BZ_azéａ😀"

// checkDatabase refuses a database in which text is not UTF-8 or not sorted by its bytes: cursors, which continue
// after a key, would skip and repeat rows.
func checkDatabase(ctx context.Context, db *DB, conn *sql.Conn) error {
	var encoding, sorted, fsync string
	err := conn.QueryRowContext(ctx, "SELECT current_setting('server_encoding'), current_setting('fsync')").
		Scan(&encoding, &fsync)
	if err != nil {
		return fmt.Errorf("store: look at the database: %w", classify(err))
	}
	if encoding == "UTF8" {
		if err := conn.QueryRowContext(ctx, sortProbe).Scan(&sorted); err != nil {
			return fmt.Errorf("store: look at the database: %w", classify(err))
		}
	}
	if sorted != sortedByBytes {
		return ErrCollation
	}
	if strings.EqualFold(fsync, "off") {
		db.options.Logger.Warn("the PostgreSQL server runs with fsync=off: a power cut can lose acknowledged writes")
	}
	return nil
}

// ErrCollation is what Open returns for a PostgreSQL database that does not hold UTF-8 sorted by its bytes.
var ErrCollation = errors.New("store: the PostgreSQL database must hold UTF-8 and sort text by its bytes; " +
	"make one that does: CREATE DATABASE ostiary ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
