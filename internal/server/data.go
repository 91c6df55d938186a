package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/store"
)

// databaseFile is the SQLite file in the data directory.
const databaseFile = "ostiary.db"

// DatabasePath is where the embedded database of these settings lies.
func DatabasePath(c config.Config) string { return filepath.Join(c.Data, databaseFile) }

// makeDataDir makes the data directory for nobody but us. One that exists keeps its mode; doctor looks at it.
func makeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	return nil
}

// openStore opens the database of the settings.
func openStore(ctx context.Context, c config.Config, o Options) (*store.DB, error) {
	if err := makeDataDir(c.Data); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Options{
		Path: DatabasePath(c), URL: c.Database, Clock: o.Clock, DatabaseClock: o.realClock, Logger: o.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

func encode(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func decode(text string) ([]byte, error) { return base64.RawStdEncoding.DecodeString(text) }
