package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// sqliteEngine is one file: a writer on a connection of its own, and connections that only read. Nothing else may
// write to the file, in this process or another; the lock on its directory sees to the latter.
type sqliteEngine struct {
	db      *DB
	path    string
	lock    *dirLock
	writer  *writer
	readers *readers
}

func openSQLite(ctx context.Context, db *DB) (_ engine, err error) {
	path, err := filepath.Abs(db.options.Path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	e := &sqliteEngine{db: db, path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if e.lock, err = lockDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err = makeFile(path); err != nil {
		return nil, err
	}
	pragmas := writerPragmas(db.options.MaxPages)
	pool, err := sql.Open("sqlite", address(path, url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	if err = migrateSQLite(ctx, db, pool); err != nil {
		return nil, err
	}
	c, err := openConn(address(path, nil), pragmas)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, classify(err))
	}
	e.readers = newReaders(path, db.options.MaxReaders)
	e.writer = startWriter(db, c)
	db.setLive(true) // one node: its own Writes are all there is
	return e, nil
}

// makeFile makes an empty database file that only its owner may read; SQLite gives its side files the same mode.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: make the database file: %w", err)
	}
	return errors.Join(f.Close(), syncDirectory(filepath.Dir(path)))
}

// writerPragmas ask for WAL and a full sync at every commit. The file is checkpointed every 16 MiB of log, and the
// log is cut back to 64 MiB when a long reader let it grow. What a savepoint may have to undo stays in memory: past 64 KiB,
// which sign-ins reach, it would go to a file.
func writerPragmas(maxPages int) []string {
	pragmas := []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"trusted_schema(0)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-8000)"}
	if maxPages > 0 {
		pragmas = append(pragmas, "max_page_count("+strconv.Itoa(maxPages)+")")
	}
	return pragmas
}

func readerPragmas() []string {
	return []string{"busy_timeout(5000)", "query_only(1)", "trusted_schema(0)", "cache_size(-2000)"}
}

func address(path string, query url.Values) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode(), OmitHost: true}
	return u.String()
}

func (e *sqliteEngine) write(ctx context.Context, d durability, fn func(*Tx) error) ([]Invalidation, error) {
	return e.writer.write(ctx, d, fn)
}

func (e *sqliteEngine) read(ctx context.Context, fn func(*Tx) error) (err error) {
	c, err := e.readers.take(ctx)
	if err != nil {
		return err
	}
	healthy := false
	defer func() { e.readers.put(c, healthy) }()
	if err := c.do("BEGIN"); err != nil {
		return classify(err)
	}
	// The function's own end may be a panic or a Goexit; the snapshot is let go in every case.
	defer func() { healthy = c.do("ROLLBACK") == nil }()
	defer c.limit(e.db.options.Deadline)()
	tx := &Tx{caller: ctx, run: c, now: txTime(e.db.now())}
	defer func() { tx.over = true }()
	return tx.verdict(fn(tx))
}

func (e *sqliteEngine) health(ctx context.Context) error {
	if err := e.writer.health(); err != nil {
		return err
	}
	return e.read(ctx, func(tx *Tx) error {
		var one int64
		return tx.one("SELECT 1", nil, &one)
	})
}

// close ends the writer before its connection, and lets the directory go last.
func (e *sqliteEngine) close() error {
	var errs []error
	// The writer is the last: whoever closes last empties the log into the file, and readers may not write.
	if e.readers != nil {
		errs = append(errs, e.readers.close())
	}
	if e.writer != nil {
		errs = append(errs, e.writer.close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.release())
	}
	return errors.Join(errs...)
}

// readers are the connections for snapshots: made when needed, kept for the next.
type readers struct {
	path  string
	slots chan struct{}
	mu    sync.Mutex
	idle  []*conn
	gone  bool
}

func newReaders(path string, limit int) *readers {
	return &readers{path: path, slots: make(chan struct{}, limit)}
}

func (r *readers) take(ctx context.Context) (*conn, error) {
	select {
	case r.slots <- struct{}{}:
	default:
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, gaveUp(ctx.Err())
		}
	}
	r.mu.Lock()
	gone := r.gone
	if n := len(r.idle); n > 0 && !gone {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return c, nil
	}
	r.mu.Unlock()
	if gone {
		<-r.slots
		return nil, closedError()
	}
	c, err := openConn(address(r.path, url.Values{"mode": {"ro"}}), readerPragmas())
	if err != nil {
		<-r.slots
		return nil, classify(err)
	}
	return c, nil
}

func (r *readers) put(c *conn, healthy bool) {
	r.mu.Lock()
	keep := healthy && !r.gone
	if keep {
		r.idle = append(r.idle, c)
	}
	r.mu.Unlock()
	if !keep {
		_ = c.close() // a connection that failed, or the database is closing: nobody can use the error
	}
	<-r.slots
}

// close waits for the snapshots in use.
func (r *readers) close() error {
	r.mu.Lock()
	r.gone = true
	idle := r.idle
	r.idle = nil
	r.mu.Unlock()
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.close())
	}
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	for range cap(r.slots) {
		<-r.slots
	}
	return errors.Join(errs...)
}
