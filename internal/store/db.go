package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Options say which database to open and how. Path or URL and Clock are needed.
type Options struct {
	// Path is the SQLite file. Its directory is made if it is missing and locked as long as the DB is open.
	Path string
	// URL is a PostgreSQL address (postgres://user:secret@host/database?sslmode=...). It wins over Path.
	URL string
	// Clock tells the time of transactions.
	Clock func() time.Time
	// DatabaseClock corrects Clock by what PostgreSQL's own clock says, so that the nodes of one database agree on
	// the time. Meant for a real Clock; without effect on SQLite, where there is one node.
	DatabaseClock bool
	Logger        *slog.Logger // nil: silent
	// MaxConns bounds the connections to PostgreSQL; 0 means 16.
	MaxConns int
	// MaxReaders bounds the SQLite connections that read at the same time; 0 means 16.
	MaxReaders int
	// Deadline bounds one transaction's statements; 0 means 5 s. Callers cannot shorten it.
	Deadline time.Duration
	// MaxPages bounds the SQLite file in pages of 4 KiB, as a quota; 0 means the disk is the limit.
	MaxPages int
}

// Defaults of Options.
const (
	defaultConns    = 16
	defaultReaders  = 16
	defaultDeadline = 5 * time.Second
)

// Names of the engines, as DB.Engine tells them.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgres"
)

// engine is what differs between SQLite and PostgreSQL.
type engine interface {
	// read runs fn in one snapshot.
	read(ctx context.Context, fn func(*Tx) error) error
	// write runs fn in one transaction, hands what it queued to DB.drop, and returns nil when the rows are as durable
	// as asked.
	write(ctx context.Context, d durability, fn func(*Tx) error) ([]Invalidation, error)
	backup(ctx context.Context, path string) error
	health(ctx context.Context) error
	close() error
}

// durability is what a commit waits for.
type durability int

const (
	synced  durability = iota // the disk has the rows: they survive a power cut
	relaxed                   // the operating system has them: they survive the end of this process, however sudden
)

// DB is an open database. All methods may be called from any goroutine.
type DB struct {
	options Options
	name    string
	engine  engine
	mark    uintptr      // where callMember stands in the program, see nested.go
	members atomic.Int32 // functions of Writes that run now
	subs    subscribers
	stats   counters
	offset  atomic.Int64 // nanoseconds from Clock to the database server's clock
}

// Open opens the database, brings its tables up to this program's version, and returns it ready for use. It
// refuses a database that a newer program has migrated, a SQLite directory that another process holds, and a
// PostgreSQL database that does not sort text by its bytes.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Clock == nil {
		return nil, errors.New("store: Options.Clock is missing")
	}
	if o.URL == "" && o.Path == "" {
		return nil, errors.New("store: neither Options.Path nor Options.URL is given")
	}
	db := &DB{options: o.withDefaults(), mark: memberMark()}
	db.subs.init()
	var err error
	if o.URL != "" {
		db.name = PostgreSQL
		db.engine, err = openPostgres(ctx, db)
	} else {
		db.name = SQLite
		db.engine, err = openSQLite(ctx, db)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultConns
	}
	if o.MaxReaders <= 0 {
		o.MaxReaders = defaultReaders
	}
	if o.Deadline <= 0 {
		o.Deadline = defaultDeadline
	}
	return o
}

// Engine is SQLite or PostgreSQL.
func (db *DB) Engine() string { return db.name }

// Read runs fn over one snapshot of the committed rows. Statements that write are refused. It does not wait for
// writers. The error is fn's own, or an *auth.Error (CodeUnavailable, CodeOverloaded, CodeInternal).
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	return db.engine.read(ctx, fn)
}

// Write runs fn in a transaction and returns nil when its rows are durable. If fn returns an error, or one of its
// statements failed, none of its rows remain and that error is returned; a refusal that must keep rows is handed
// out through a captured variable while fn returns nil.
//
// fn may run twice, and on SQLite it runs on another goroutine. It must not call Write: such a call fails at once
// with ErrNested. A caller whose ctx ends before fn begins is told so and nothing happens; after that the
// transaction is finished and its true result returned.
//
// Errors of the store itself are an *auth.Error: CodeStorageFull, CodeUnavailable, CodeOverloaded or CodeInternal.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error { return db.write(ctx, synced, fn) }

// WriteRelaxed is Write without the wait for the disk. Everybody sees the rows when it returns nil, and they survive
// kill -9; a power cut may take them, until the next Write that comes after it is durable. It is for rows that tell
// the client nothing by themselves, such as a guess that is counted before the password is looked at.
func (db *DB) WriteRelaxed(ctx context.Context, fn func(*Tx) error) error {
	return db.write(ctx, relaxed, fn)
}

func (db *DB) write(ctx context.Context, d durability, fn func(*Tx) error) error {
	if db.insideWrite() {
		return errNestedWrite()
	}
	dropped, err := db.engine.write(ctx, d, fn)
	if err != nil {
		return err
	}
	db.tell(dropped)
	return nil
}

// Health reports whether the database answers; nil means it does.
func (db *DB) Health(ctx context.Context) error { return db.engine.health(ctx) }

// Backup writes a consistent copy of a SQLite database to path, which must not exist, while the server goes on.
// The copy is complete and durable when it returns nil. For PostgreSQL it refuses and names pg_dump.
func (db *DB) Backup(ctx context.Context, path string) error { return db.engine.backup(ctx, path) }

// Close finishes the Writes that wait, refuses new ones, and closes the database.
func (db *DB) Close() error { return db.engine.close() }
