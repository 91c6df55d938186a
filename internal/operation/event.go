package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// ListEventsInput is the input of list-events.
type ListEventsInput struct {
	Paging
	User   auth.UserID `input:"user_id"` // whom it concerns
	Action string      `input:"action"`  // `session.ended`
}

func (c *Catalogue) listEvents() *Definition {
	return define(Definition{
		Name: "list-events",
		Doc: "Lists the audit events of the app, newest first: who did what to whom, from where, and how it ended. " +
			"`user_id` and `action` narrow the list.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Events]("ok", "One page of events.")},
	}, func(ctx context.Context, r *Request, in *ListEventsInput) (Outcome, error) {
		page, err := c.page("list-events", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		var rows []auth.Event
		err = c.deps.DB.Read(ctx, func(tx *store.Tx) error {
			concerned, _, err := tx.ResolveUser(r.Caller.App, in.User)
			if err != nil {
				return err
			}
			rows, err = tx.Events(r.Caller.App, store.EventFilter{User: concerned, Action: in.Action, AfterTime: page.after.at,
				AfterID: auth.EventID(page.after.id), Limit: page.limit + 1})
			return err
		})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(e auth.Event) place { return place{e.At, string(e.ID)} })
		out := Events{Events: make([]Event, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Events[i] = eventView(row)
		}
		return OK(out), nil
	})
}
