package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/session"
)

// RefreshSessionInput is the input of refresh-session.
type RefreshSessionInput struct {
	RefreshToken string `input:"refresh_token,required,secret"`
}

func (c *Catalogue) refreshSession() *Definition {
	return define(Definition{
		Name: "refresh-session",
		Doc: "Exchanges a refresh token for a new pair of tokens. Each refresh token works once; the one before it gets " +
			"the same successor for a short grace time, so that a lost answer signs nobody out. An older one ends " +
			"the session with the reason `refresh-token-reused`.",
		Access:  Anyone,
		Results: []Result{result[Granted]("ok", "The session with new tokens.")},
		Errors:  []auth.Code{auth.CodeRefreshTokenReused, auth.CodeEmailUnverified, auth.CodeAccountDisabled},
	}, func(ctx context.Context, r *Request, in *RefreshSessionInput) (Outcome, error) {
		grant, u, err := c.deps.Sessions.Refresh(ctx, r.Caller, in.RefreshToken)
		if err != nil {
			return Outcome{}, err
		}
		p, err := c.deps.Users.Profile(ctx, u.App, u.ID)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Granted{Tokens: tokens(grant), SessionCookie: grant.SessionCookie, User: profileIn(p, grant.Session.Account),
			Session: sessionView(grant.Session, grant.Session.ID)}), nil
	})
}

// SignOutInput is the input of sign-out.
type SignOutInput struct{}

func (c *Catalogue) signOut() *Definition {
	return define(Definition{
		Name:       "sign-out",
		Doc:        "Ends the session that asks. Its tokens are refused from then on.",
		Access:     Person,
		Unverified: true,
		Results:    []Result{result[Done]("ok", "The session has ended.")},
	}, func(ctx context.Context, r *Request, in *SignOutInput) (Outcome, error) {
		return done(c.deps.Lifecycle.SignOut(ctx, r.Caller))
	})
}

// SignOutEverywhereInput is the input of sign-out-everywhere.
type SignOutEverywhereInput struct {
	KeepCurrent bool `input:"keep_current"`
	Fresh       bool `input:"fresh"` // only within the step-up window
}

// fresh asks for a sign-in or a step-up of the last minutes, where a contract promises its clients that.
func (c *Catalogue) fresh(ctx context.Context, r *Request, wanted bool) error {
	if !wanted {
		return nil
	}
	return c.deps.Lifecycle.NeedFresh(ctx, r.Caller)
}

func (c *Catalogue) signOutEverywhere() *Definition {
	return define(Definition{
		Name: "sign-out-everywhere",
		Doc: "Ends every session of the user, or with `keep_current` every other one. API keys stay. With `fresh` only " +
			"within five minutes of a sign-in or a step-up.",
		Access:  Person,
		Results: []Result{result[Ended]("ok", "How many sessions ended.")},
		Errors:  []auth.Code{auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *SignOutEverywhereInput) (Outcome, error) {
		if err := c.fresh(ctx, r, in.Fresh); err != nil {
			return Outcome{}, err
		}
		n, err := c.deps.Lifecycle.SignOutEverywhere(ctx, r.Caller, in.KeepCurrent)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Ended{Ended: n}), nil
	})
}

// ListSessionsInput is the input of list-sessions.
type ListSessionsInput struct {
	Paging
	Ended bool `input:"ended"` // those that ended, instead of those alive
}

func (c *Catalogue) listSessions() *Definition {
	return define(Definition{
		Name: "list-sessions",
		Doc: "Lists the user's live sessions, newest first; with `ended` those that ended instead, and why, as long as " +
			"the server keeps them.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Sessions]("ok", "One page of sessions.")},
	}, func(ctx context.Context, r *Request, in *ListSessionsInput) (Outcome, error) {
		page, err := c.page("list-sessions", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		query := session.Query{App: r.Caller.App, User: r.Caller.User, Ended: in.Ended,
			AfterTime: page.after.at, AfterID: auth.SessionID(page.after.id), Limit: page.limit + 1}
		rows, err := c.deps.Sessions.List(ctx, query)
		if err != nil {
			return Outcome{}, err
		}
		total := len(rows)
		if in.Cursor != "" || total > page.limit {
			if total, err = c.deps.Sessions.Count(ctx, query); err != nil {
				return Outcome{}, err
			}
		}
		rows, next := paged(page, rows, func(s auth.Session) place { return place{s.CreatedAt, string(s.ID)} })
		out := Sessions{Sessions: make([]Session, len(rows)), Total: total, NextCursor: next}
		for i, row := range rows {
			out.Sessions[i] = sessionView(row, r.Caller.Session)
		}
		return OK(out), nil
	})
}

// EndSessionInput is the input of end-session.
type EndSessionInput struct {
	ID    auth.SessionID `input:"id,required"`
	Fresh bool           `input:"fresh"` // only within the step-up window
}

func (c *Catalogue) endSession() *Definition {
	return define(Definition{
		Name: "end-session",
		Doc: "Ends one of the user's sessions. A session that has ended already, or that is another's, is not found. With `fresh` " +
			"only within five minutes of a sign-in or a step-up.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "The session has ended.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *EndSessionInput) (Outcome, error) {
		if err := c.fresh(ctx, r, in.Fresh); err != nil {
			return Outcome{}, err
		}
		return done(c.deps.Lifecycle.EndSession(ctx, r.Caller, in.ID))
	})
}
