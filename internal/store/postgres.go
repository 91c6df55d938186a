package store

import (
	"context"
	"errors"
)

func openPostgres(context.Context, *DB) (engine, error) {
	return nil, errors.New("store: PostgreSQL is not written yet")
}
