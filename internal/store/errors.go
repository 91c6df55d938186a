package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ErrNotFound says that a read of one row found none.
var ErrNotFound = errors.New("store: not found")

// ErrClosed is the cause when the database was closed.
var ErrClosed = errors.New("store: the database is closed")

// ErrConstraint is in the chain of an error that a constraint of the schema caused. Expected conflicts use
// ON CONFLICT instead, for a failed statement ends its transaction.
var ErrConstraint = errors.New("store: a constraint of the schema was violated")

// classify gives an engine's error the code that callers may see. Errors without a meaning of their own stay as
// they are and become CodeInternal at the door.
func classify(err error) error {
	var known *auth.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var lite coded
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect): // whatever the server's reason was for turning us away
		return &auth.Error{Code: auth.CodeUnavailable, Err: err}
	case errors.As(err, &lite):
		return classifySQLite(lite, err)
	case errors.As(err, &pg):
		return classifyPostgres(pg, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &auth.Error{Code: auth.CodeOverloaded, Err: err}
	case connectionLost(err):
		return &auth.Error{Code: auth.CodeUnavailable, Err: err}
	}
	return err
}

// coded is an error of SQLite, from a connection of ours or from its driver, which migrations and backups use.
type coded interface {
	error
	Code() int
}

func classifySQLite(lite coded, err error) error {
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return &auth.Error{Code: auth.CodeStorageFull, Err: err}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_NOMEM:
		return &auth.Error{Code: auth.CodeOverloaded, Err: err}
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return &auth.Error{Code: auth.CodeUnavailable, Err: err}
	case sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("%w: %w", ErrConstraint, err)
	}
	return err
}

// SQLSTATE codes, from PostgreSQL's appendix A.
const (
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
	stateDiskFull      = "53100"
	stateReadOnly      = "25006" // a stand-by after a fail-over
	stateCanceled      = "57014" // statement_timeout
	stateLockTimeout   = "55P03"
)

func classifyPostgres(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == stateDiskFull:
		return &auth.Error{Code: auth.CodeStorageFull, Err: err}
	case pg.Code == stateCanceled, pg.Code == stateLockTimeout, pg.Code == stateSerialization,
		pg.Code == stateDeadlock, pg.Code == "53200":
		return &auth.Error{Code: auth.CodeOverloaded, Err: err}
	case pg.Code == stateReadOnly, strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"),
		strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "58"):
		return &auth.Error{Code: auth.CodeUnavailable, Err: err}
	case strings.HasPrefix(pg.Code, "23"):
		return fmt.Errorf("%w: %w", ErrConstraint, err)
	}
	return err
}

// conflict reports whether PostgreSQL ended the transaction because of others, so that running it again may succeed.
func conflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == stateSerialization || pg.Code == stateDeadlock)
}

// connectionLost reports whether err means that the connection is gone, or could not be made.
func connectionLost(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P")
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}

// gaveUp is the result of a caller whose context ended before its function began.
func gaveUp(err error) error {
	return &auth.Error{Code: auth.CodeOverloaded, Err: fmt.Errorf("store: not begun: %w", err)}
}

func closedError() error { return &auth.Error{Code: auth.CodeUnavailable, Err: ErrClosed} }
