package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateSQLite brings the file up to this program's version. The lock on the directory keeps others away.
func migrateSQLite(ctx context.Context, db *DB, pool *sql.DB) error {
	if err := pool.PingContext(ctx); err != nil {
		return fmt.Errorf("store: open %s: %w", db.options.Path, classify(err))
	}
	return migrate(ctx, db, goose.DialectSQLite3, pool)
}

// migrate runs the embedded migrations that the database lacks, and refuses a database that has more than this
// program knows: a newer program has changed it, and rows may not mean what this one takes them for.
func migrate(ctx context.Context, db *DB, dialect goose.Dialect, pool *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	provider, err := goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("store: read the schema's version: %w", classify(err))
	}
	if current > target {
		return fmt.Errorf("store: %w: it is at version %d and this program knows up to %d; run the newer program",
			ErrNewerSchema, current, target)
	}
	done, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", classify(err))
	}
	for _, step := range done {
		db.options.Logger.Info("migrated the database", "version", step.Source.Version, "took", step.Duration)
	}
	return nil
}

// ErrNewerSchema is the cause when a newer program has migrated the database.
var ErrNewerSchema = fmt.Errorf("the database belongs to a newer program")

// SchemaFingerprint is a hash of the migrations that this program carries.
func SchemaFingerprint() string {
	h := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := migrations.ReadFile(path)
		_, _ = fmt.Fprintf(h, "%s %d\n%s", path, len(text), text) // a hash does not fail
		return err
	})
	if err != nil { // the files are part of the program
		panic(err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
