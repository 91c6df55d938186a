package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ostiary-id/ostiary/internal/store"
)

// EnvPostgres names the variable with the address of a PostgreSQL server for tests.
const EnvPostgres = "OSTIARY_TEST_POSTGRES"

// patience bounds each step of making a test database.
const patience = 30 * time.Second

// PostgresURL makes a database for this test and returns its address. It is dropped at the test's end. The test is
// skipped if there is no server, and fails if CI=true.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return makeDatabase(t, createFromTemplate)
}

// PostgresServer is the address of the test server, for tests that make databases themselves. The test is skipped if
// there is no server, and fails if CI=true.
func PostgresServer(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, admin := needServer(ctx, t)
	_ = admin.Close(ctx)
	return server
}

// needServer finds the test server, or skips the test.
func needServer(ctx context.Context, t testing.TB) (address string, admin *pgx.Conn) {
	t.Helper()
	address, admin, err := findServer(ctx)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PostgreSQL is needed in CI: %v", err)
		}
		t.Skipf("no PostgreSQL: set %s to run this test on it (%v)", EnvPostgres, err)
	}
	return address, admin
}

// EmptyPostgresURL is PostgresURL without tables. options are those of CREATE DATABASE, such as
// "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0".
func EmptyPostgresURL(t testing.TB, options string) string {
	t.Helper()
	return makeDatabase(t, func(ctx context.Context, admin *pgx.Conn, _, name string) error {
		_, err := admin.Exec(ctx, "CREATE DATABASE "+name+" "+options)
		return err
	})
}

func makeDatabase(t testing.TB, create func(ctx context.Context, admin *pgx.Conn, server, name string) error) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, admin := needServer(ctx, t)
	defer func() { _ = admin.Close(ctx) }()
	name := "ostiary_test_" + strings.ToLower(rand.Text()[:16])
	if err := create(ctx, admin, server, name); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() { dropDatabase(t, server, name) })
	return store.DatabaseAddress(server, name)
}

// findServer connects to the server of the environment, or to this machine's.
func findServer(ctx context.Context) (address string, admin *pgx.Conn, err error) {
	candidates := []string{os.Getenv(EnvPostgres)}
	if candidates[0] == "" {
		candidates = []string{
			"postgres://postgres@127.0.0.1:5432/postgres?connect_timeout=2",
			"postgres:///postgres?host=/var/run/postgresql&connect_timeout=2",
		}
	}
	var errs []error
	for _, address := range candidates {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			return address, conn, nil
		}
		errs = append(errs, err)
	}
	return "", nil, errors.Join(errs...)
}

// createFromTemplate copies a migrated database, which costs a fraction of migrating. The template is named after
// the migrations and stays for the next run.
func createFromTemplate(ctx context.Context, admin *pgx.Conn, server, name string) error {
	template := "ostiary_template_" + store.SchemaFingerprint()
	var last error
	for range 20 {
		if err := ensureTemplate(ctx, admin, server, template); err != nil {
			return err
		}
		_, last = admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template))
		var pg *pgconn.PgError
		if !errors.As(last, &pg) || (pg.Code != "55006" && pg.Code != "3D000") { // in use; gone
			return last
		}
		if _, err := admin.Exec(ctx, "SELECT pg_sleep(0.1)"); err != nil {
			return err
		}
	}
	return last
}

// ensureTemplate makes the template once, however many test processes start together.
func ensureTemplate(ctx context.Context, admin *pgx.Conn, server, template string) error {
	exists := func() (found bool, err error) {
		err = admin.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", template).Scan(&found)
		return found, err
	}
	if found, err := exists(); found || err != nil {
		return err
	}
	const lockID = 0x0571a27e57 // any number that nothing else on a test server uses
	if _, err := admin.Exec(ctx, "SELECT pg_advisory_lock($1)", lockID); err != nil {
		return err
	}
	defer func() { _, _ = admin.Exec(ctx, "SELECT pg_advisory_unlock($1)", lockID) }()
	if found, err := exists(); found || err != nil {
		return err
	}
	// Built under another name: a run that is killed half way leaves no half template.
	building := template + "_building"
	statements := []string{
		"DROP DATABASE IF EXISTS " + building + " WITH (FORCE)",
		"CREATE DATABASE " + building + " ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
	}
	for _, s := range statements {
		if _, err := admin.Exec(ctx, s); err != nil {
			return err
		}
	}
	db, err := store.Open(ctx, store.Options{URL: store.DatabaseAddress(server, building), Clock: time.Now, MaxConns: 2})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	_, err = admin.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", building, template))
	return err
}

func dropDatabase(t testing.TB, server, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Errorf("drop the test database: %v", err)
		return
	}
	defer func() { _ = admin.Close(ctx) }()
	if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		t.Errorf("drop the test database: %v", err)
	}
}
