package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
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
		return Outcome{}, errUnwritten
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
		return Outcome{}, errUnwritten
	})
}

// SignOutEverywhereInput is the input of sign-out-everywhere.
type SignOutEverywhereInput struct {
	KeepCurrent bool `input:"keep_current"`
}

func (c *Catalogue) signOutEverywhere() *Definition {
	return define(Definition{
		Name:    "sign-out-everywhere",
		Doc:     "Ends every session of the user, or with `keep_current` every other one. API keys stay.",
		Access:  Person,
		Results: []Result{result[Ended]("ok", "How many sessions ended.")},
	}, func(ctx context.Context, r *Request, in *SignOutEverywhereInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// ListSessionsInput is the input of list-sessions.
type ListSessionsInput struct {
	Paging
	Ended bool `input:"ended"` // ended ones too
}

func (c *Catalogue) listSessions() *Definition {
	return define(Definition{
		Name: "list-sessions",
		Doc: "Lists the user's sessions, newest first. With `ended` it tells of those that ended and why, as long as " +
			"the server keeps them.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Sessions]("ok", "One page of sessions.")},
	}, func(ctx context.Context, r *Request, in *ListSessionsInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// EndSessionInput is the input of end-session.
type EndSessionInput struct {
	ID auth.SessionID `input:"id,required"`
}

func (c *Catalogue) endSession() *Definition {
	return define(Definition{
		Name:    "end-session",
		Doc:     "Ends one of the user's sessions. A session that has ended already, or that is another's, is not found.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "The session has ended.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *EndSessionInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}
