package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	usesAWrite = 200
	maxUses    = 20_000 // beyond it, uses go unnoted until the next one
)

// Uses gathers when rows were last used, so that a request only adds to a map and the rows are written later, many in
// one Write. The zero value is empty and ready; all methods may be called from any goroutine. What is lost with the
// process is a coarse time and no right.
type Uses[ID ~string] struct {
	mu      sync.Mutex
	pending map[ID]use
}

type use struct {
	app auth.AppID
	at  time.Time
}

// Note remembers that the row was used at a time.
func (u *Uses[ID]) Note(app auth.AppID, id ID, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending == nil {
		u.pending = map[ID]use{}
	}
	if len(u.pending) < maxUses {
		u.pending[id] = use{app: app, at: at}
	}
}

// Len is how many rows wait to be written.
func (u *Uses[ID]) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.pending)
}

// Flush hands what was noted to write, the owner's own statement, in Writes of at most 200 rows. What an error leaves
// unwritten is forgotten.
func (u *Uses[ID]) Flush(ctx context.Context, db *DB, write func(tx *Tx, app auth.AppID, id ID, at time.Time) error) error {
	u.mu.Lock()
	pending := u.pending
	u.pending = nil
	u.mu.Unlock()

	ids := make([]ID, 0, len(pending))
	for id := range pending {
		ids = append(ids, id)
	}
	slices.Sort(ids) // one order for all nodes, so that two flushes do not wait for each other's rows in a circle
	for batch := range slices.Chunk(ids, usesAWrite) {
		err := db.Write(ctx, func(tx *Tx) error {
			for _, id := range batch {
				if err := write(tx, pending[id].app, id, pending[id].at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
