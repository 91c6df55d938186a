package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestOpenNeedsAnAddressAndAClock(t *testing.T) {
	for _, o := range []store.Options{{Path: "x"}, {Clock: time.Now}} {
		if db, err := store.Open(t.Context(), o); err == nil {
			t.Errorf("opened with %+v", o)
			_ = db.Close()
		}
	}
}

func TestOpenDoesNotTellThePassword(t *testing.T) {
	for _, url := range []string{"postgres://u:hush@127.0.0.1:1/x?connect_timeout=1", "postgres://u:hush@[bad/x", "postgres://u:hush@127.0.0.1:x/y"} {
		db, err := store.Open(t.Context(), store.Options{URL: url, Clock: time.Now})
		if err == nil {
			_ = db.Close()
			t.Fatal("opened nothing")
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestDirectoryBelongsToOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "ostiary.db")
	o := store.Options{Path: path, Clock: time.Now}
	first, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), o)
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("a second opening: %v", err)
	}
	write(t, first, func(tx *store.Tx) error { return insert(tx, "kept") })
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	again := storetest.Open(t, o)
	wantNames(t, again, "kept")
	err = filepath.WalkDir(filepath.Dir(path), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A path is data, whatever characters it has.
func TestOpenOddPath(t *testing.T) {
	db := storetest.Open(t, store.Options{Path: filepath.Join(t.TempDir(), "a b?c=d%20#e&_pragma=x", "ü.db")})
	write(t, db, func(tx *store.Tx) error { return insert(tx, "a") })
	wantNames(t, db, "a")
}

func TestSQLiteIsDurableAndStrict(t *testing.T) {
	db := storetest.Open(t)
	write(t, db, func(tx *store.Tx) error {
		var mode string
		var synchronous, foreign int
		err := errors.Join(tx.One("PRAGMA journal_mode", nil, &mode), tx.One("PRAGMA synchronous", nil, &synchronous),
			tx.One("PRAGMA foreign_keys", nil, &foreign))
		if mode != "wal" || synchronous != 2 || foreign != 1 {
			t.Errorf("journal_mode %q, synchronous %d, foreign_keys %d", mode, synchronous, foreign)
		}
		return err
	})
}

func TestBackupWhileServing(t *testing.T) {
	db := storetest.Open(t)
	write(t, db, func(tx *store.Tx) error { return insert(tx, "before") })
	path := filepath.Join(t.TempDir(), "copy", "ostiary.db")
	if err := db.Backup(t.Context(), path); err == nil {
		t.Error("a backup went into a directory that does not exist")
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	h := hold(t, db)
	waits := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "after") })
	if err := db.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	h.let(t)
	if err := await(t, waits); err != nil {
		t.Error(err)
	}
	if err := db.Backup(t.Context(), path); err == nil {
		t.Error("a backup overwrote a file")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	wantNames(t, storetest.Open(t, store.Options{Path: path}), "before")
}

func TestBackupOfPostgresNamesItsTool(t *testing.T) {
	db := storetest.OpenPostgres(t)
	if err := db.Backup(t.Context(), filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Error(err)
	}
}

// Both engines have the same tables and columns.
func TestMigrationsMakeTheSameTables(t *testing.T) {
	lite := columns(t, storetest.Open(t), `SELECT m.name || '.' || c.name || ' ' || c."notnull" FROM sqlite_master AS m
		JOIN pragma_table_info(m.name) AS c ON true WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`)
	pg := columns(t, storetest.OpenPostgres(t), `SELECT table_name || '.' || column_name || ' ' ||
		CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END FROM information_schema.columns WHERE table_schema = 'public'`)
	if !slices.Equal(lite, pg) {
		t.Errorf("SQLite has\n%q\nPostgreSQL has\n%q", lite, pg)
	}
	if len(lite) < 100 {
		t.Errorf("only %d columns were compared", len(lite))
	}
}

func columns(t *testing.T, db *store.DB, query string) []string {
	t.Helper()
	var out []string
	read(t, db, func(tx *store.Tx) error {
		return tx.All(query, nil, func(scan func(...any) error) error {
			var column string
			err := scan(&column)
			if !strings.HasPrefix(column, "goose_") {
				out = append(out, column)
			}
			return err
		})
	})
	slices.Sort(out)
	return out
}

func TestNewerSchemaIsRefused_AV05(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		var o store.Options
		db := open(store.Options{Clock: time.Now})
		o = db.Address()
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
			return err
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := store.Open(t.Context(), o)
		if err == nil {
			_ = again.Close()
		}
		if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "9999") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}

func TestNodesStartAtOnce_AV05(t *testing.T) {
	url := storetest.EmptyPostgresURL(t, "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
	const n = 4
	opened := make(chan *store.DB, n)
	errs := make(chan error, n)
	for range n {
		go func() {
			db, err := store.Open(t.Context(), store.Options{URL: url, Clock: time.Now, MaxConns: 3})
			opened <- db
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if db := <-opened; db != nil {
			wantNames(t, db)
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPostgresMustSortByBytes(t *testing.T) {
	for _, options := range []string{
		"ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C' TEMPLATE template0",
		"ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
	} {
		url := storetest.EmptyPostgresURL(t, options)
		db, err := store.Open(t.Context(), store.Options{URL: url, Clock: time.Now})
		if err == nil {
			_ = db.Close()
		}
		if !errors.Is(err, store.ErrCollation) || !strings.Contains(err.Error(), "CREATE DATABASE") {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestMigrationIsLogged(t *testing.T) {
	var log bytes.Buffer
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "x.db"), Clock: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "migrated") {
		t.Errorf("the log says %q", log.String())
	}
}
