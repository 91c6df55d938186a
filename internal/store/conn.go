package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one SQLite connection with its prepared statements. One goroutine at a time uses it, and one statement at a
// time is being read.
//
// It speaks to SQLite's own interface and not through database/sql: there a statement cost some 15 us of locks,
// contexts, a goroutine that waits for cancellation, and column names that nobody asks for, which was half of a
// refresh's share of the one writer. SQLite's memory is not Go's: what is handed over is copied into arena first,
// what comes back is copied before the next step.
type conn struct {
	tls        *libc.TLS
	db         uintptr // sqlite3*
	slot       uintptr // room for one pointer that SQLite returns
	arena      memory  // texts and blobs of the statement that runs
	statements map[string]*statement
	rows       sqliteRows
	guard      guard
}

// maxStatements bounds the prepared statements of one connection. The house has some hundred texts; the bound
// guards against a text that is built anew for every call.
const maxStatements = 512

// statement is one prepared statement.
type statement struct {
	handle  uintptr // sqlite3_stmt*
	order   []int   // SQLite numbers $3 by where it first stands in the text: the argument that each of its parameters is
	columns int
}

// openConn opens a connection to a file: URI and runs the pragmas. A parameter mode=ro in the address counts.
func openConn(address string, pragmas []string) (_ *conn, err error) {
	c := &conn{tls: libc.NewTLS(), statements: map[string]*statement{}}
	c.rows.conn = c
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.slot = sqlite3.Xsqlite3_malloc64(c.tls, 16); c.slot == 0 {
		return nil, errNoMemory
	}
	name, err := libc.CString(address)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	// The connection's own mutex is left out: one goroutine at a time uses it, and sqlite3_interrupt needs none.
	flags := int32(sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE | sqlite3.SQLITE_OPEN_URI |
		sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE)
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.slot, flags, 0)
	c.db = libc.AtomicLoadPUintptr(c.slot) // set even if opening failed, for the message
	if rc != sqlite3.SQLITE_OK {
		return nil, c.failure(rc)
	}
	if err := c.stablePlans(); err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if err := c.do("PRAGMA " + p); err != nil {
			return nil, err
		}
	}
	return c, c.forget()
}

// stablePlans makes a plan a matter of the statement's text alone, as it is where a statement is written once and runs
// for years. Otherwise SQLite prepares every statement with a bound LIMIT anew each time that it runs, to plan for the number.
func (c *conn) stablePlans() error {
	on := libc.NewVaList(int32(1), uintptr(0))
	if on == 0 {
		return errNoMemory
	}
	defer libc.Xfree(c.tls, on)
	if rc := sqlite3.Xsqlite3_db_config(c.tls, c.db, sqlite3.SQLITE_DBCONFIG_ENABLE_QPSG, on); rc != sqlite3.SQLITE_OK {
		return c.failure(rc)
	}
	return nil
}

var errNoMemory = &sqliteError{code: sqlite3.SQLITE_NOMEM, text: "out of memory"}

// sqliteError is what SQLite answered.
type sqliteError struct {
	code int
	text string
}

func (e *sqliteError) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// Code is the extended result code.
func (e *sqliteError) Code() int { return e.code }

func (c *conn) failure(rc int32) error {
	if c.db == 0 {
		return &sqliteError{code: int(rc), text: libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))}
	}
	return &sqliteError{code: int(rc), text: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
}

// statement prepares query once.
func (c *conn) statement(query string) (*statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	if len(c.statements) >= maxStatements {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, c.slot, 0)
	if rc != sqlite3.SQLITE_OK {
		return nil, c.failure(rc)
	}
	s := &statement{handle: libc.AtomicLoadPUintptr(c.slot)}
	s.columns = int(sqlite3.Xsqlite3_column_count(c.tls, s.handle))
	for i := range sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.handle) {
		name := libc.GoString(sqlite3.Xsqlite3_bind_parameter_name(c.tls, s.handle, i+1))
		n, err := strconv.Atoi(strings.TrimPrefix(name, "$"))
		if err != nil || n < 1 {
			_ = sqlite3.Xsqlite3_finalize(c.tls, s.handle)
			return nil, fmt.Errorf("a parameter is called %q; $1, $2 ... are wanted", name)
		}
		s.order = append(s.order, n-1)
	}
	c.statements[query] = s
	return s, nil
}

// start makes a statement ready for its first step.
func (c *conn) start(query string, args []any) (*statement, error) {
	s, err := c.statement(query)
	if err != nil {
		return nil, err
	}
	if err := c.bind(s, args); err != nil {
		c.finish(s)
		return nil, err
	}
	return s, nil
}

// finish makes a statement ready for its next start. The result repeats the error of the last step, which is known.
func (c *conn) finish(s *statement) {
	_ = sqlite3.Xsqlite3_reset(c.tls, s.handle)
	_ = sqlite3.Xsqlite3_clear_bindings(c.tls, s.handle)
}

func (c *conn) step(s *statement) (row bool, err error) {
	switch rc := sqlite3.Xsqlite3_step(c.tls, s.handle); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, c.failure(rc)
	}
}

// run executes a statement to its end.
func (c *conn) run(query string, args []any) (err error) {
	s, err := c.start(query, args)
	if err != nil {
		return err
	}
	defer c.finish(s)
	for {
		if row, err := c.step(s); err != nil || !row {
			return err
		}
	}
}

// exec runs a statement of a transaction. The context is PostgreSQL's affair; here guard bounds the time.
func (c *conn) exec(_ context.Context, query string, args []any) (affected int64, err error) {
	if c.guard.late.Load() {
		return 0, context.DeadlineExceeded
	}
	if err := c.run(query, args); err != nil {
		return 0, err
	}
	return int64(sqlite3.Xsqlite3_changes(c.tls, c.db)), nil
}

func (c *conn) query(_ context.Context, query string, args []any) (resultRows, error) {
	if c.guard.late.Load() {
		return nil, context.DeadlineExceeded
	}
	s, err := c.start(query, args)
	if err != nil {
		return nil, err
	}
	c.rows.statement, c.rows.err = s, nil
	return &c.rows, nil
}

// do runs a statement of the transaction itself (BEGIN, SAVEPOINT, COMMIT ...), which nothing may interrupt.
func (c *conn) do(query string) error { return c.run(query, nil) }

// once runs a statement and does not keep it. Some pragmas take effect when they are prepared, so a kept one would do
// nothing the next time.
func (c *conn) once(query string) error {
	err := c.do(query)
	if s, ok := c.statements[query]; ok {
		delete(c.statements, query)
		_ = sqlite3.Xsqlite3_finalize(c.tls, s.handle) // it repeats the error of the last step
	}
	return err
}

func (c *conn) forget() error {
	var errs []error
	for _, s := range c.statements {
		if rc := sqlite3.Xsqlite3_finalize(c.tls, s.handle); rc != sqlite3.SQLITE_OK {
			errs = append(errs, c.failure(rc))
		}
	}
	clear(c.statements)
	return errors.Join(errs...)
}

// close may be called once, on half an open connection too.
func (c *conn) close() error {
	err := c.forget()
	if c.db != 0 {
		if rc := sqlite3.Xsqlite3_close_v2(c.tls, c.db); rc != sqlite3.SQLITE_OK {
			err = errors.Join(err, c.failure(rc))
		}
		c.db = 0
	}
	c.arena.free(c.tls)
	sqlite3.Xsqlite3_free(c.tls, c.slot)
	c.tls.Close()
	return err
}

// limit interrupts what runs on the connection after d, again and again until the function that it returns is
// called, which must be before the connection goes to the next transaction.
func (c *conn) limit(d time.Duration) (release func()) { return c.guard.arm(c, d) }

// guard bounds the time of a transaction's statements.
type guard struct {
	late  atomic.Bool // the time is over: no statement begins any more
	mu    sync.Mutex
	round uint64
	timer *time.Timer
}

// again is the pause between two interrupts: one that comes just before a statement begins is lost.
const again = 20 * time.Millisecond

func (g *guard) arm(c *conn, d time.Duration) func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.round++
	round := g.round
	g.timer = time.AfterFunc(d, func() { g.fire(c, round) })
	return func() { g.disarm(round) }
}

// fire interrupts, unless its transaction has ended while the timer was on its way.
func (g *guard) fire(c *conn, round uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.round != round {
		return
	}
	g.late.Store(true)
	sqlite3.Xsqlite3_interrupt(c.tls, c.db)
	g.timer.Reset(again)
}

func (g *guard) disarm(round uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.round == round {
		g.timer.Stop()
		g.round++
		g.late.Store(false)
	}
}
