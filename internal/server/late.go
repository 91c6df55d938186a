package server

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// late lets the contract engine load its documents while the database opens: the documents are checked against a
// catalogue that can only be read, calls go to the one that is ready when the first request comes.
type late struct {
	plan        *operation.Catalogue
	live        *operation.Catalogue
	credentials contract.Credentials
}

// Lookup finds an operation by name; nil if there is none.
func (l *late) Lookup(name string) *operation.Definition { return l.plan.Lookup(name) }

// Call runs the operation of that name in the ready catalogue.
func (l *late) Call(ctx context.Context, d *operation.Definition, r *operation.Request, in any) (operation.Outcome, error) {
	return l.live.Call(ctx, l.live.Lookup(d.Name), r, in)
}

// Admit counts a request that never reaches an operation.
func (l *late) Admit(r *operation.Request) error { return l.live.Admit(r) }

// Resolve recognises who presents these credentials.
func (l *late) Resolve(ctx context.Context, p auth.Presented) (auth.Caller, error) {
	return l.credentials.Resolve(ctx, p)
}
