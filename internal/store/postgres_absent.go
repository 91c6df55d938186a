//go:build !ostiary_postgres

package store

import "context"

// openPostgres refuses: pgx's pool needs a module that go.mod does not list yet.
func openPostgres(context.Context, *DB) (engine, error) { return nil, ErrNoPostgres }
