package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Blank is the file of an empty, migrated SQLite database. Copying it costs a fraction of migrating, which counts where
// databases are made for a moment and by the hundred.
type Blank []byte

// NewBlank migrates a database in a temporary directory.
func NewBlank(ctx context.Context) (b Blank, err error) {
	dir, err := os.MkdirTemp("", "ostiary-blank-")
	if err != nil {
		return nil, fmt.Errorf("store: make an empty database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "blank.db")
	db, err := Open(ctx, Options{Path: path, Clock: time.Now})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // who closes last empties the log into the file
		return nil, fmt.Errorf("store: make an empty database: %w", err)
	}
	return os.ReadFile(path)
}

// Put makes the database file at path, which must not exist. Only its owner may read it.
func (b Blank) Put(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}
