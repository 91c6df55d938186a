package server_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// rows looks at the database of a server from outside.
type rows struct {
	t      testing.TB
	db     *sql.DB
	tables []string
	sqlite bool
}

// ledgers are the tables that a refusal may write: budgets of guesses, the audit log, leases of background work. All
// others hold what a refusal must not change.
var ledgers = []string{"budgets", "events", "leases", "goose_db_version"}

func openRows(t testing.TB, i *servertest.Instance) *rows {
	t.Helper()
	driver, source, names := "pgx", i.Config.Database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	if source == "" {
		driver, source, names = "sqlite", server.DatabasePath(i.Config), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // data_version counts what other connections than this one commit
	t.Cleanup(func() { _ = db.Close() })
	r := &rows{t: t, db: db, sqlite: driver == "sqlite"}
	for _, name := range r.texts(names) {
		if !slices.Contains(ledgers, name) {
			r.tables = append(r.tables, name)
		}
	}
	slices.Sort(r.tables)
	if len(r.tables) < 10 {
		t.Fatalf("only %d tables", len(r.tables))
	}
	return r
}

func (r *rows) texts(query string) (out []string) {
	r.t.Helper()
	found, err := r.db.Query(query)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		r.t.Fatal(err)
	}
	cells := make([]any, len(columns))
	places := make([]any, len(columns))
	for n := range cells {
		places[n] = &cells[n]
	}
	for found.Next() {
		if err := found.Scan(places...); err != nil {
			r.t.Fatal(err)
		}
		var line strings.Builder
		for n, c := range cells {
			if n > 0 {
				line.WriteByte(0)
			}
			fmt.Fprintf(&line, "%v", c)
		}
		out = append(out, line.String())
	}
	if err := found.Err(); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// commits grows whenever somebody else wrote anything; on PostgreSQL it cannot be asked cheaply and always differs.
func (r *rows) commits() string {
	if !r.sqlite {
		return ""
	}
	return r.texts("PRAGMA data_version")[0]
}

// contents is a digest of every row by table.
func (r *rows) contents() map[string][32]byte {
	r.t.Helper()
	out := map[string][32]byte{}
	for _, table := range r.tables {
		lines := r.texts("SELECT * FROM " + table)
		slices.Sort(lines)
		out[table] = sha256.Sum256([]byte(strings.Join(lines, "\n")))
	}
	return out
}

// changed names the tables in which two contents differ.
func changed(before, after map[string][32]byte) (out []string) {
	for table, digest := range after {
		if before[table] != digest {
			out = append(out, table)
		}
	}
	slices.Sort(out)
	return out
}

// counts is how many rows each table has, those of ledgers included.
func (r *rows) counts() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	for _, table := range append([]string{"events"}, r.tables...) {
		out[table] = r.texts("SELECT count(*) FROM " + table)[0]
	}
	return out
}

// grown tells by how much each table grew.
func grown(before, after map[string]string) string {
	var out []string
	for table, n := range after {
		a, _ := strconv.Atoi(n)
		b, _ := strconv.Atoi(before[table])
		if a != b {
			out = append(out, fmt.Sprintf("%s%+d", table, a-b))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
