package storetest

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
)

// Each runs fn as a subtest on each engine, with a database of its own.
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		t.Helper()
		fn(t, open(store.Options{}))
	})
}

// EachOptions runs fn as a subtest on each engine. open opens the subtest's database with the options given; what
// names the database is filled in. On PostgreSQL it may be called several times, as several nodes would; on SQLite
// the one before must be closed first. Every DB is closed at the end of the subtest.
func EachOptions(t *testing.T, fn func(t *testing.T, open func(store.Options) *store.DB)) {
	t.Helper()
	t.Run(store.SQLite, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "ostiary.db")
		fn(t, func(o store.Options) *store.DB {
			t.Helper()
			o.Path = path
			return open(t, o)
		})
	})
	t.Run(store.PostgreSQL, func(t *testing.T) {
		url := PostgresURL(t)
		fn(t, func(o store.Options) *store.DB {
			t.Helper()
			o.URL = url
			return open(t, o)
		})
	})
}

// Open opens a SQLite database in a directory of the test's own. At most one Options may be given.
func Open(t testing.TB, options ...store.Options) *store.DB {
	t.Helper()
	var o store.Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Path == "" && o.URL == "" {
		o.Path = filepath.Join(t.TempDir(), "ostiary.db")
	}
	return open(t, o)
}

// OpenPostgres opens a PostgreSQL database of the test's own, or skips the test.
func OpenPostgres(t testing.TB, options ...store.Options) *store.DB {
	t.Helper()
	var o store.Options
	if len(options) > 0 {
		o = options[0]
	}
	o.URL = PostgresURL(t)
	return open(t, o)
}

// blank is migrated once a process.
var blank = sync.OnceValues(func() (store.Blank, error) { return store.NewBlank(context.Background()) })

// Prepare puts an empty, migrated SQLite database at path, so that opening it finds nothing left to migrate. One that is
// there stays as it is, and a directory that is not there is left to be made by who opens.
func Prepare(t testing.TB, path string) {
	t.Helper()
	b, err := blank()
	if err == nil {
		err = b.Put(path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("prepare the database: %v", err)
	}
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MaxConns == 0 {
		o.MaxConns = 6 // many tests share one server
	}
	if o.Path != "" {
		Prepare(t, o.Path)
	}
	db, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// Clock is a clock that a test sets. It may be used from several goroutines.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock is a clock that stands at a fixed time in 2026.
func NewClock() *Clock { return &Clock{now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)} }

// Now is the time the clock stands at.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set puts the clock to t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// Race calls fn n times at once, with i from 0 to n-1, and returns the errors in that order. The calls start
// together, so that on PostgreSQL their transactions meet on different connections.
func Race(t *testing.T, db *store.DB, n int, fn func(ctx context.Context, i int) error) []error {
	t.Helper()
	// A Read on every connection first, so that none loses time with dialling.
	warm := make(chan struct{})
	var ready, finished sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		ready.Add(1)
		finished.Go(func() {
			_ = db.Health(t.Context())
			ready.Done()
			<-warm
			errs[i] = fn(t.Context(), i)
		})
	}
	ready.Wait()
	close(warm)
	finished.Wait()
	return errs
}
