package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// backup copies the file as of one moment. Readers and the writer go on meanwhile. The copy is made beside its
// place and moved there when it is durable, so a file of that name is always whole.
func (e *sqliteEngine) backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: backup: %s exists; give a name that does not", path)
	}
	partial := path + ".partial"
	// VACUUM INTO takes an empty file, and this one nobody else may read.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	err = errors.Join(e.vacuumInto(ctx, partial), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

// vacuumInto uses a connection of its own: those of the readers may not even write to another file.
func (e *sqliteEngine) vacuumInto(ctx context.Context, path string) error {
	pool, err := sql.Open("sqlite", address(e.path, map[string][]string{"mode": {"ro"},
		"_pragma": {"busy_timeout(5000)"}}))
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO $1", path)
	return errors.Join(classify(err), pool.Close())
}
