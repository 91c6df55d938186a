package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Tx is one transaction. It belongs to the function that got it and is of no use after that function returned.
type Tx struct {
	ctx    context.Context // PostgreSQL: ends with the transaction's own deadline, never with the caller
	caller context.Context // of a Read: looked at between statements; nil in a Write
	run    runner
	now    time.Time
	write  bool
	lock   string
	claim  string
	err    error // the first statement that failed
	count  int   // statements begun
	open   bool  // rows of an all are being read
	over   bool
	queued []Invalidation
}

// runner runs statements on the transaction's connection.
type runner interface {
	exec(ctx context.Context, query string, args []any) (affected int64, err error)
	query(ctx context.Context, query string, args []any) (resultRows, error)
}

// resultRows are the rows of a query, as database/sql has them.
type resultRows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Now is the time of the transaction: one for all its statements, in UTC, to the microsecond.
func (tx *Tx) Now() time.Time { return tx.now }

// txTime is what Now returns for a clock's reading: rows hold microseconds, so a finer time would not survive.
func txTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// lockSuffix ends a SELECT whose row a decision rests on. SQLite has one writer and needs none.
func (tx *Tx) lockSuffix() string { return tx.lock }

// claimSuffix ends a SELECT that picks rows which no other transaction holds.
func (tx *Tx) claimSuffix() string { return tx.claim }

var errReadOnly = errors.New("this transaction only reads")

// exec runs a statement and tells how many rows it touched.
func (tx *Tx) exec(query string, args ...any) (affected int64, err error) {
	if !tx.write {
		return 0, tx.failed(query, errReadOnly)
	}
	if err := tx.ready(query, args); err != nil {
		return 0, err
	}
	affected, err = tx.run.exec(tx.ctx, query, args)
	if err != nil {
		return 0, tx.failed(query, err)
	}
	return affected, nil
}

// one reads the first row into dest; ErrNotFound if there is none. Not finding a row is no failure of the statement.
func (tx *Tx) one(query string, args []any, dest ...any) error {
	found := false
	err := tx.rows(query, args, func(rows resultRows) error {
		if !rows.Next() {
			return nil
		}
		found = true
		return rows.Scan(dest...)
	})
	if err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

// all hands every row to scan, which calls the function it gets with the row's destinations. An error of scan
// ends the reading and is returned. scan must not use the transaction: PostgreSQL could not answer.
func (tx *Tx) all(query string, args []any, scan func(scan func(dest ...any) error) error) error {
	var stopped error
	err := tx.rows(query, args, func(rows resultRows) error {
		for rows.Next() {
			if stopped = scan(rows.Scan); stopped != nil {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return stopped
}

// rows runs a query and hands its rows to read.
func (tx *Tx) rows(query string, args []any, read func(resultRows) error) error {
	if err := tx.ready(query, args); err != nil {
		return err
	}
	rows, err := tx.run.query(tx.ctx, query, args)
	if err != nil {
		return tx.failed(query, err)
	}
	tx.open = true
	defer func() { tx.open = false }()
	defer rows.Close() // a panic in read must not leave the connection with an open result
	if err := errors.Join(read(rows), rows.Err(), rows.Close()); err != nil {
		return tx.failed(query, err)
	}
	return nil
}

// ready refuses a statement that must not run and puts its arguments into the form that both drivers take.
func (tx *Tx) ready(query string, args []any) error {
	switch {
	case tx.over:
		return fmt.Errorf("store: %s: the transaction is over", brief(query))
	case tx.err != nil:
		return fmt.Errorf("store: %s: refused because an earlier statement failed: %w", brief(query), tx.err)
	case tx.open:
		return tx.failed(query, errors.New("rows of another statement are still being read"))
	case tx.caller != nil && tx.caller.Err() != nil:
		return tx.failed(query, tx.caller.Err())
	}
	if err := checkArguments(args); err != nil {
		return tx.failed(query, err)
	}
	tx.count++
	return nil
}

// failed remembers the first failure, after which the transaction refuses everything: PostgreSQL would, and
// SQLite may have rolled back already.
func (tx *Tx) failed(query string, err error) error {
	tx.err = fmt.Errorf("store: %s: %w", brief(query), classify(err))
	return tx.err
}

// verdict is the transaction's result: a failed statement cannot be swallowed by fn.
func (tx *Tx) verdict(err error) error {
	if err == nil {
		err = tx.err
	}
	return err
}

// brief is the beginning of a statement for an error's text. Values are never in it.
func brief(query string) string {
	words := strings.Fields(query)
	if len(words) > 6 {
		words = words[:6]
	}
	return strings.Join(words, " ")
}
