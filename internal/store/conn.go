package store

import (
	"context"
	"database/sql"
	"errors"
)

// maxStatements bounds the prepared statements of one connection. The house has some hundred texts; the bound
// guards against a text that is built anew for every call.
const maxStatements = 512

// conn is one SQLite connection with its prepared statements. One goroutine at a time uses it.
type conn struct {
	sql        *sql.Conn
	statements map[string]*sql.Stmt
}

func newConn(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, statements: map[string]*sql.Stmt{}}, nil
}

// statement prepares query once.
func (c *conn) statement(query string) (*sql.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	if len(c.statements) >= maxStatements {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	// Preparing belongs to the connection and not to the transaction that happens to be the first to need it.
	s, err := c.sql.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	s, err := c.statement(query) //nolint:sqlclosecheck // kept for the next time, closed with the connection
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *conn) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	s, err := c.statement(query) //nolint:sqlclosecheck // kept for the next time, closed with the connection
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// do runs a statement of the transaction itself (BEGIN, SAVEPOINT, COMMIT ...), which nothing may interrupt.
func (c *conn) do(query string) error {
	_, err := c.exec(context.Background(), query, nil)
	return err
}

func (c *conn) forget() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(errs...)
}

func (c *conn) close() error { return errors.Join(c.forget(), c.sql.Close()) }
