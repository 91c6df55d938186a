package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/waitlist"
)

// WaitlistEntry is a place in the queue for a feature. Account is the account that waits; without one the user waits by
// itself. Email is that of a stranger who waits to sign up.
type WaitlistEntry struct {
	ID        auth.WaitlistEntryID `json:"id"`
	Feature   string               `json:"feature"`
	AccountID auth.AccountID       `json:"account_id,omitempty"`
	UserID    auth.UserID          `json:"user_id,omitempty"`
	Email     string               `json:"email,omitempty"`
	Status    auth.WaitStatus      `json:"status"` // waiting, approved or denied
	CreatedAt time.Time            `json:"created_at"`
	DecidedAt time.Time            `json:"decided_at,omitzero"`
}

// WaitlistEntryResult carries one entry.
type WaitlistEntryResult struct {
	Entry WaitlistEntry `json:"entry"`
}

// WaitlistEntries is one page of entries, oldest first.
type WaitlistEntries struct {
	Entries    []WaitlistEntry `json:"entries"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

func waitlistOutcome(e auth.WaitlistEntry, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(WaitlistEntryResult{Entry: waitlistView(e)}), nil
}

func waitlistView(e auth.WaitlistEntry) WaitlistEntry {
	return WaitlistEntry{ID: e.ID, Feature: e.Feature, AccountID: e.Account, UserID: e.User, Email: e.Email, Status: e.Status,
		CreatedAt: e.CreatedAt, DecidedAt: e.DecidedAt}
}

// ListWaitlistsInput is the input of list-waitlists.
type ListWaitlistsInput struct {
	Paging
}

func (c *Catalogue) listWaitlists() *Definition {
	return define(Definition{
		Name: "list-waitlists",
		Doc: "Lists the waitlists that the account of the session is in, oldest first; without an account, those that the user " +
			"is in.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[WaitlistEntries]("ok", "One page of entries.")},
		Errors:  []auth.Code{auth.CodeForbidden},
	}, func(ctx context.Context, r *Request, in *ListWaitlistsInput) (Outcome, error) {
		return c.waitlistPage(r, "list-waitlists/"+string(r.Caller.Account), in.Paging, waitlist.Query{}, func(q waitlist.Query) ([]auth.WaitlistEntry, error) {
			return c.deps.Waits.Own(ctx, r.Caller, q)
		})
	})
}

// waitlistPage reads one page of entries.
func (c *Catalogue) waitlistPage(r *Request, list string, p Paging, q waitlist.Query,
	read func(waitlist.Query) ([]auth.WaitlistEntry, error)) (Outcome, error) {
	page, err := c.page(list, r, p)
	if err != nil {
		return Outcome{}, err
	}
	q.AfterTime, q.AfterID, q.Limit = page.after.at, auth.WaitlistEntryID(page.after.id), page.limit+1
	rows, err := read(q)
	if err != nil {
		return Outcome{}, err
	}
	rows, next := paged(page, rows, func(e auth.WaitlistEntry) place { return place{e.CreatedAt, string(e.ID)} })
	out := WaitlistEntries{Entries: make([]WaitlistEntry, len(rows)), NextCursor: next}
	for i, row := range rows {
		out.Entries[i] = waitlistView(row)
	}
	return OK(out), nil
}

// FeatureInput names a feature that one waits for.
type FeatureInput struct {
	Feature string `input:"feature,required"` // letters, digits, dots, hyphens, underscores
}

func (c *Catalogue) getWaitlistEntry() *Definition {
	return define(Definition{
		Name:    "get-waitlist-entry",
		Doc:     "The place of the session's account, or of the user, in the queue for a feature.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[WaitlistEntryResult]("ok", "The place.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeForbidden},
	}, func(ctx context.Context, r *Request, in *FeatureInput) (Outcome, error) {
		return waitlistOutcome(c.deps.Waits.Show(ctx, r.Caller, in.Feature))
	})
}

func (c *Catalogue) joinWaitlist() *Definition {
	return define(Definition{
		Name:    "join-waitlist",
		Doc:     "Puts the session's account, or the user, into the queue for a feature. Who is in it keeps the place.",
		Access:  SignedIn,
		Scope:   ScopeAccountWrite,
		Results: []Result{result[WaitlistEntryResult]("ok", "The place.")},
		Errors:  []auth.Code{auth.CodeForbidden, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *FeatureInput) (Outcome, error) {
		return waitlistOutcome(c.deps.Waits.Join(ctx, r.Caller, in.Feature))
	})
}

func (c *Catalogue) leaveWaitlist() *Definition {
	return define(Definition{
		Name:    "leave-waitlist",
		Doc:     "Takes the session's account, or the user, out of the queue for a feature. Who is not in it gets the same answer.",
		Access:  SignedIn,
		Scope:   ScopeAccountWrite,
		Results: []Result{result[Done]("ok", "Not in the queue.")},
		Errors:  []auth.Code{auth.CodeForbidden},
	}, func(ctx context.Context, r *Request, in *FeatureInput) (Outcome, error) {
		return done(c.deps.Waits.Leave(ctx, r.Caller, in.Feature))
	})
}

// ListWaitlistEntriesInput is the input of list-waitlist-entries.
type ListWaitlistEntriesInput struct {
	Paging
	Feature string          `input:"feature"`
	Status  auth.WaitStatus `input:"status"`
}

func (c *Catalogue) listWaitlistEntries() *Definition {
	return define(Definition{
		Name:    "list-waitlist-entries",
		Doc:     "Lists who waits for what in the app, oldest first. The feature `sign-up` holds those who want to become users.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[WaitlistEntries]("ok", "One page of entries.")},
	}, func(ctx context.Context, r *Request, in *ListWaitlistEntriesInput) (Outcome, error) {
		list := "list-waitlist-entries/" + in.Feature + "/" + string(in.Status)
		return c.waitlistPage(r, list, in.Paging, waitlist.Query{Feature: in.Feature, Status: in.Status}, func(q waitlist.Query) ([]auth.WaitlistEntry, error) {
			return c.deps.Waits.List(ctx, r.Caller, q)
		})
	})
}

// WaitlistEntryInput names one entry.
type WaitlistEntryInput struct {
	ID auth.WaitlistEntryID `input:"id,required"`
}

func (c *Catalogue) approveWaitlistEntry() *Definition {
	return define(Definition{
		Name:    "approve-waitlist-entry",
		Doc:     "Ends a wait well. A stranger who waits to sign up is mailed an invitation to the app.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[WaitlistEntryResult]("ok", "The entry as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *WaitlistEntryInput) (Outcome, error) {
		return waitlistOutcome(c.deps.Lifecycle.ApproveWait(ctx, r.Caller, in.ID))
	})
}

func (c *Catalogue) denyWaitlistEntry() *Definition {
	return define(Definition{
		Name:    "deny-waitlist-entry",
		Doc:     "Refuses who waits. Nobody is told by mail.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[WaitlistEntryResult]("ok", "The entry as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *WaitlistEntryInput) (Outcome, error) {
		return waitlistOutcome(c.deps.Lifecycle.DenyWait(ctx, r.Caller, in.ID))
	})
}
