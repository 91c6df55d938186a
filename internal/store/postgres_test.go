package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// Two Writes that lock two rows in opposite order deadlock; the one that the server ends runs again.
func TestPostgresDeadlockIsRetried(t *testing.T) {
	db := storetest.OpenPostgres(t)
	write(t, db, func(tx *store.Tx) error { return errors.Join(insert(tx, "a"), insert(tx, "b")) })
	first, second := make(chan struct{}, 9), make(chan struct{}, 9)
	opposite := func(one, other string, mine, theirs chan struct{}) <-chan error {
		result := make(chan error, 1)
		tries := 0
		go func() {
			result <- db.Write(t.Context(), func(tx *store.Tx) error {
				tries++
				if _, err := tx.Meta(one); err != nil {
					return err
				}
				if tries == 1 {
					mine <- struct{}{}
					<-theirs
				}
				return tx.SetMeta(other, "by "+one)
			})
		}()
		return result
	}
	x, y := opposite("a", "b", first, second), opposite("b", "a", second, first)
	if err := errors.Join(await(t, x), await(t, y)); err != nil {
		t.Error(err)
	}
	if db.Stats().Retries == 0 {
		t.Error("nothing was retried")
	}
}

// server is a connection beside the database of a test, to do to it what happens to databases.
type server struct {
	conn *pgx.Conn
	name string
}

func serverOf(t *testing.T, url string) *server {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{name: config.Database}
	config.Database = "postgres"
	if s.conn, err = pgx.ConnectConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close(context.Background()) })
	return s
}

func (s *server) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := s.conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// terminate ends every connection to the database.
func (s *server) terminate(t *testing.T) {
	t.Helper()
	s.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", s.name)
}

// admit lets new connections in, or keeps them out.
func (s *server) admit(t *testing.T, allowed bool) {
	t.Helper()
	s.exec(t, fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS %v", s.name, allowed))
}

func TestPostgresLostConnection(t *testing.T) {
	url := storetest.PostgresURL(t)
	db := storetest.Open(t, store.Options{URL: url})
	beside := serverOf(t, url)
	write(t, db, func(tx *store.Tx) error { return insert(tx, "a") })

	// Lost while idle: the Write does not notice.
	beside.terminate(t)
	write(t, db, func(tx *store.Tx) error { return insert(tx, "b") })

	// Lost before the first statement: it runs again.
	tries := 0
	write(t, db, func(tx *store.Tx) error {
		if tries++; tries == 1 {
			beside.terminate(t)
		}
		return insert(tx, "c")
	})
	if tries != 2 {
		t.Errorf("the function ran %d times", tries)
	}

	// Lost later: the caller is told, and no row remains.
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "d"); err != nil {
			return err
		}
		beside.terminate(t)
		return insert(tx, "e")
	})
	if !auth.Is(err, auth.CodeUnavailable) {
		t.Errorf("a connection lost in the middle is told as %v", err)
	}
	wantNames(t, db, "a", "b", "c")
}

func TestPostgresUnreachable(t *testing.T) {
	url := storetest.PostgresURL(t)
	db := storetest.Open(t, store.Options{URL: url})
	beside := serverOf(t, url)
	beside.admit(t, false)
	beside.terminate(t)
	nothing := func(*store.Tx) error { return nil }
	for what, err := range map[string]error{"write": db.Write(t.Context(), nothing), "read": db.Read(t.Context(), nothing),
		"health": db.Health(t.Context())} {
		if !auth.Is(err, auth.CodeUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPostgresStatementDeadline(t *testing.T) {
	db := storetest.OpenPostgres(t, store.Options{Deadline: 100 * time.Millisecond})
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		var ignored string
		return errors.Join(insert(tx, "a"), tx.One("SELECT pg_sleep(30)::text", nil, &ignored))
	})
	if !auth.Is(err, auth.CodeOverloaded) {
		t.Errorf("a statement past the deadline is told as %v", err)
	}
	wantNames(t, db)
}

func TestPostgresSessionsAreLimited(t *testing.T) {
	db := storetest.OpenPostgres(t)
	write(t, db, func(tx *store.Tx) error {
		for setting, want := range map[string]string{"statement_timeout": "5s", "synchronous_commit": "on",
			"idle_in_transaction_session_timeout": "30s", "transaction_isolation": "read committed"} {
			var got string
			if err := tx.One("SELECT current_setting($1)", []any{setting}, &got); err != nil || got != want {
				t.Errorf("%s is %q (%v), want %q", setting, got, err, want)
			}
		}
		return nil
	})
}

func TestPostgresClockIsTheDatabases(t *testing.T) {
	url := storetest.PostgresURL(t)
	clock := storetest.NewClock() // years from the server's
	db := storetest.Open(t, store.Options{URL: url, Clock: clock.Now, DatabaseClock: true})
	write(t, db, func(tx *store.Tx) error {
		if off := time.Since(tx.Now()).Abs(); off > time.Minute {
			t.Errorf("now is %v off the database's clock", off)
		}
		return nil
	})
}

func TestPostgresEndedGoroutineLetsGo(t *testing.T) {
	db := storetest.OpenPostgres(t, store.Options{MaxConns: 2})
	for range 4 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = db.Write(t.Context(), func(tx *store.Tx) error {
				if err := insert(tx, "gone"); err != nil {
					return err
				}
				endGoroutine()
				return nil
			})
		}()
		<-done
	}
	wantNames(t, db)
}

func TestPostgresFullPoolStillReads(t *testing.T) {
	db := storetest.OpenPostgres(t, store.Options{MaxConns: 4})
	errs := storetest.Race(t, db, 12, func(ctx context.Context, i int) error {
		return db.Write(t.Context(), func(tx *store.Tx) error {
			return db.Read(t.Context(), func(inner *store.Tx) error {
				_, err := inner.Meta("nobody")
				if errors.Is(err, store.ErrNotFound) {
					return nil
				}
				return err
			})
		})
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if !strings.EqualFold(db.Engine(), store.PostgreSQL) {
		t.Error(db.Engine())
	}
}
