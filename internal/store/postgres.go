package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// postgresEngine gives each Write a transaction of its own on a connection of the pool.
type postgresEngine struct {
	db       *DB
	pool     *pgxpool.Pool
	sql      *sql.DB
	listener *listener
	node     string
	// writing bounds the Writes below the number of connections, so that a Read always finds one in the end, even
	// one that a Write's function makes.
	writing chan struct{}
}

const (
	// maxRetries bounds how often a Write runs again after a conflict or a lost connection.
	maxRetries = 5
	// connectPatience bounds the making of one connection.
	connectPatience = 5 * time.Second
	// idleInTransaction ends a session whose client vanished in the middle of a transaction and holds locks.
	idleInTransaction = 30 * time.Second
)

func openPostgres(ctx context.Context, db *DB) (_ engine, err error) {
	config, err := poolConfig(db.options)
	if err != nil {
		return nil, err
	}
	e := &postgresEngine{db: db, writing: make(chan struct{}, max(1, db.options.MaxConns*3/4))}
	if err := migratePostgres(ctx, db, config.ConnConfig.Copy()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if e.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, fmt.Errorf("store: open PostgreSQL: %w", classify(err))
	}
	e.sql = stdlib.OpenDBFromPool(e.pool)
	if err := e.sql.QueryRowContext(ctx, "SELECT gen_random_uuid()::text").Scan(&e.node); err != nil {
		return nil, fmt.Errorf("store: open PostgreSQL: %w", classify(err))
	}
	e.listener = startListener(ctx, db, config.ConnConfig.Copy(), e.node)
	return e, nil
}

// poolConfig is the pool's configuration: extended protocol only, and limits on every session.
func poolConfig(o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		// The parser's error may quote the address, password and all.
		return nil, errors.New("store: the database address is not valid; expected postgres://user:password@host:5432/name")
	}
	config.MaxConns = int32(min(o.MaxConns, 1<<16))
	config.PingTimeout = connectPatience
	c := config.ConnConfig
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if c.ConnectTimeout <= 0 || c.ConnectTimeout > connectPatience {
		c.ConnectTimeout = connectPatience
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "ostiary"
	}
	deadline := o.Deadline
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return limitSession(ctx, conn, deadline) }
	return config, nil
}

// limitSession sets the session's time limits, and makes commits wait for the disk if the server's default says
// otherwise: an acknowledged Write is durable.
func limitSession(ctx context.Context, conn *pgx.Conn, deadline time.Duration) error {
	_, err := conn.Exec(ctx, `SELECT set_config('statement_timeout', $1, false),
		set_config('idle_in_transaction_session_timeout', $2, false),
		CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END`,
		fmt.Sprint(deadline.Milliseconds()), fmt.Sprint(idleInTransaction.Milliseconds()))
	return err
}

func (e *postgresEngine) read(ctx context.Context, fn func(*Tx) error) error {
	conn, err := e.sql.Conn(ctx)
	if err != nil {
		return e.notBegun(ctx, err)
	}
	defer func() { _ = conn.Close() }() // back to the pool; a broken one is thrown away there
	limited, cancel := context.WithTimeout(context.Background(), e.patience())
	defer cancel()
	began, err := conn.BeginTx(limited, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("store: begin: %w", classify(err))
	}
	defer func() { _ = began.Rollback() }()
	tx := &Tx{ctx: limited, caller: ctx, run: sqlTx{began}, now: txTime(e.db.now())}
	defer func() { tx.over = true }()
	return tx.verdict(fn(tx))
}

// patience bounds a whole transaction from this side, in case the server does not answer at all. Single
// statements are bounded by the server.
func (e *postgresEngine) patience() time.Duration { return 3 * e.db.options.Deadline }

// notBegun is the error of a transaction that got no connection.
func (e *postgresEngine) notBegun(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return gaveUp(ctx.Err())
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
		return closedError()
	}
	if connectionLost(err) {
		return &auth.Error{Code: auth.CodeUnavailable, Err: err}
	}
	return fmt.Errorf("store: connect: %w", classify(err))
}

func (e *postgresEngine) write(ctx context.Context, d durability, fn func(*Tx) error) ([]Invalidation, error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(err)
	}
	select {
	case e.writing <- struct{}{}:
		defer func() { <-e.writing }()
	case <-ctx.Done():
		return nil, gaveUp(ctx.Err())
	}
	for tries := 0; ; tries++ {
		dropped, again, err := e.attempt(ctx, d, fn)
		if err == nil {
			e.db.stats.group(1)
			e.db.drop(dropped)
			return dropped, nil
		}
		if !again || tries == maxRetries {
			return nil, err
		}
		e.db.stats.retries.Add(1)
		if waited := pause(ctx, time.Millisecond<<tries); waited != nil {
			return nil, gaveUp(waited)
		}
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt runs fn in one transaction. again says that nothing was committed and another try may succeed: the
// server ended the transaction because of others, or the connection was gone before the first statement.
func (e *postgresEngine) attempt(ctx context.Context, d durability, fn func(*Tx) error) (dropped []Invalidation, again bool, err error) {
	conn, err := e.sql.Conn(ctx)
	if err != nil {
		return nil, false, e.notBegun(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	limited, cancel := context.WithTimeout(context.Background(), e.patience())
	defer cancel()
	began, err := conn.BeginTx(limited, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, connectionLost(err), fmt.Errorf("store: begin: %w", classify(err))
	}
	defer func() { _ = began.Rollback() }() // after a commit it does nothing
	if d == relaxed {
		// Its record reaches the log in order, and with it the disk as soon as a later Write commits.
		if _, err := began.ExecContext(limited, "SET LOCAL synchronous_commit = off"); err != nil {
			return nil, connectionLost(err), fmt.Errorf("store: begin: %w", classify(err))
		}
	}
	// NO KEY: two deciders exclude each other, but rows that only refer to the locked one (a foreign key) do not wait,
	// which would deadlock a Write that locks app and user in order with one that inserts for the user.
	tx := &Tx{ctx: limited, run: sqlTx{began}, now: txTime(e.db.now()), write: true,
		lock: " FOR NO KEY UPDATE", claim: " FOR UPDATE SKIP LOCKED"}
	defer func() { tx.over = true }()
	err = tx.verdict(e.db.callMember(tx, fn))
	if err == nil {
		err = e.notify(tx)
	}
	if err != nil {
		// What fn made of a failed statement's error does not matter: it may run again.
		again = conflict(tx.err) || (tx.count <= 1 && tx.err != nil && connectionLost(tx.err))
		return nil, again, err
	}
	if err := began.Commit(); err != nil {
		return nil, conflict(err), fmt.Errorf("store: commit: %w", classify(err))
	}
	return tx.queued, false, nil
}

// sqlTx runs statements in a database/sql transaction; pgx keeps the prepared statements.
type sqlTx struct{ tx *sql.Tx }

func (s sqlTx) exec(ctx context.Context, query string, args []any) (affected int64, err error) {
	result, err := s.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s sqlTx) query(ctx context.Context, query string, args []any) (resultRows, error) {
	rows, err := s.tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // Tx.rows reads them and asks
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (e *postgresEngine) backup(context.Context, string) error {
	return errors.New("store: a PostgreSQL database is backed up with its own tools: pg_dump --format=custom")
}

func (e *postgresEngine) health(ctx context.Context) error {
	if err := e.pool.Ping(ctx); err != nil {
		return &auth.Error{Code: auth.CodeUnavailable, Err: fmt.Errorf("store: ping: %w", err)}
	}
	return nil
}

func (e *postgresEngine) close() error {
	if e.listener != nil {
		e.listener.close()
	}
	var err error
	if e.sql != nil {
		err = e.sql.Close()
	}
	if e.pool != nil {
		e.pool.Close()
	}
	return err
}
