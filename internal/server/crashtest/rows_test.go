package crashtest

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// engines runs fn with the settings of a server on each engine.
func engines(t *testing.T, fn func(*testing.T, settings)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, settings{data: filepath.Join(t.TempDir(), "data")}) })
	t.Run("postgres", func(t *testing.T) { fn(t, postgres(t)) })
}

// postgres makes an empty database, and a master key that several nodes can share.
func postgres(t *testing.T) settings {
	t.Helper()
	return settings{data: filepath.Join(t.TempDir(), "data"), database: storetest.EmptyPostgresURL(t, "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")}
}

// halves are the half-done writes that must not exist, as queries that find them.
func halves() map[string]string {
	return map[string]string{
		"a user without a primary address": `SELECT count(*) FROM users u WHERE NOT EXISTS (
			SELECT 1 FROM emails e WHERE e.user_id = u.id AND e.is_primary)`,
		"a user without a password": `SELECT count(*) FROM users u WHERE NOT EXISTS (
			SELECT 1 FROM passwords p WHERE p.user_id = u.id)`,
		"a user without its event": `SELECT count(*) FROM users u WHERE NOT EXISTS (
			SELECT 1 FROM events e WHERE e.user_id = u.id AND e.action = 'user.registered')`,
		"a user without its verification proof": `SELECT count(*) FROM users u WHERE NOT EXISTS (
			SELECT 1 FROM proofs p WHERE p.user_id = u.id AND p.kind = 'verify-email')`,
		"fewer mails than users": `SELECT CASE WHEN (SELECT count(*) FROM jobs WHERE kind = 'mail') < (SELECT count(*) FROM users)
			THEN 1 ELSE 0 END`,
		"a session without its event": `SELECT count(*) FROM sessions s WHERE NOT EXISTS (
			SELECT 1 FROM events e WHERE e.session_id = s.id AND e.action = 'session.started')`,
		"a confirmed factor without ten codes": `SELECT count(*) FROM totps t WHERE t.confirmed_at > 0 AND 10 <> (
			SELECT count(*) FROM backup_codes b WHERE b.user_id = t.user_id)`,
		"a factor that its user does not show": `SELECT count(*) FROM users u WHERE u.totp <> EXISTS (
			SELECT 1 FROM totps t WHERE t.user_id = u.id AND t.confirmed_at > 0)`,
		"an API key without its event": `SELECT count(*) FROM api_keys k WHERE NOT EXISTS (
			SELECT 1 FROM events e WHERE e.target = k.id AND e.action = 'api-key.created')`,
		"a revoked key without its event": `SELECT count(*) FROM api_keys k WHERE k.revoked_at > 0 AND NOT EXISTS (
			SELECT 1 FROM events e WHERE e.target = k.id AND e.action = 'api-key.revoked')`,
	}
}

// rows opens the rows that a dead process left.
func rows(t *testing.T, s settings) *sql.DB {
	t.Helper()
	driver, source := "pgx", s.database
	if source == "" {
		driver, source = "sqlite", filepath.Join(s.data, "ostiary.db")
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if driver == "sqlite" {
		var verdict string
		if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("integrity_check says %q, %v", verdict, err)
		}
	}
	return db
}

// checkRows looks for half-done writes in the rows that a dead process left.
func checkRows(t *testing.T, s settings) {
	t.Helper()
	db := rows(t, s)
	findNone(t, db, halves())
}

// findNone runs queries that count what must not exist.
func findNone(t *testing.T, db *sql.DB, queries map[string]string) {
	t.Helper()
	var users int
	if err := db.QueryRow("SELECT count(*) FROM users").Scan(&users); err != nil || users == 0 {
		t.Fatalf("%d users, %v: nothing was tested", users, err)
	}
	for what, query := range queries {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil {
			t.Errorf("%s: %v", what, err)
		} else if n != 0 {
			t.Errorf("%d times %s", n, what)
		}
	}
}
