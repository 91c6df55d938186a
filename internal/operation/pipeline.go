package operation

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/challenge"
	"github.com/ostiary-id/ostiary/internal/limit"
)

// Observation tells what became of one call.
type Observation struct {
	Operation string
	Outcome   string // the result's name or the error code
	Took      time.Duration
	Caller    auth.Caller
	Err       error // the whole error, its hidden cause included; nil after a result
}

// Admit counts the request against the limiter of its caller, once: requests.key, requests.user or
// requests.network. Call does it too; a door that wants the limiter's state in answers that never reach an
// operation (a body that does not decode) does it before. The operator is not counted. Code: rate-limited.
func (c *Catalogue) Admit(r *Request) error {
	if r.Limit != nil || c.deps.Limits == nil {
		return nil
	}
	name, subject := limit.RequestsNetwork, ""
	switch r.Caller.Kind {
	case auth.CallerSystem:
		return nil
	case auth.CallerAPIKey:
		name, subject = limit.RequestsKey, string(r.Caller.Key)
	case auth.CallerSession:
		name, subject = limit.RequestsUser, string(r.Caller.User)
	default:
		subject = limit.Network(r.Caller.IP)
	}
	state, err := c.deps.Limits.Request(name, subject)
	if state.Max > 0 {
		r.Limit = &state
	}
	return err
}

// Call runs one operation for the caller in r: request limit, access rule, challenge, operation. The input is what d.NewInput
// made. Every error is an *auth.Error. r.Limit holds the limiter's state afterwards, whatever the outcome.
func (c *Catalogue) Call(ctx context.Context, d *Definition, r *Request, in any) (Outcome, error) {
	if c.deps.Observe == nil {
		return c.call(ctx, d, r, in)
	}
	began := c.deps.Clock()
	out, err := c.call(ctx, d, r, in)
	seen := Observation{Operation: d.Name, Outcome: out.Result, Took: c.deps.Clock().Sub(began), Caller: r.Caller}
	if err != nil {
		seen.Outcome, seen.Err = string(auth.AsError(err).Code), err
	}
	c.deps.Observe(ctx, seen)
	return out, err
}

// challenge asks for the app's challenge where the definition says so, before anything that costs.
func (c *Catalogue) challenge(ctx context.Context, d *Definition, r *Request) error {
	if d.Challenge == Unchallenged || r.Caller.Kind == auth.CallerSystem || d.Challenge == ChallengeStrangers && r.Caller.User != "" {
		return nil
	}
	a, err := c.deps.Apps.Get(ctx, r.Caller.App)
	if err != nil {
		return err
	}
	return c.deps.Challenges.Check(ctx, a, challenge.Attempt{Response: r.ChallengeResponse, Action: d.Name, AppKey: r.Caller.AppKey})
}

func (c *Catalogue) call(ctx context.Context, d *Definition, r *Request, in any) (out Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = Outcome{}, auth.Internal(fmt.Errorf("operation %s: panic: %v\n%s", d.Name, p, debug.Stack()))
		}
	}()
	if err := c.Admit(r); err != nil {
		return Outcome{}, auth.AsError(err)
	}
	if err := allowed(d, r.Caller); err != nil {
		return Outcome{}, auth.AsError(err)
	}
	if err := c.challenge(ctx, d, r); err != nil {
		return Outcome{}, auth.AsError(err)
	}
	out, err = d.invoke(ctx, r, in)
	if err != nil {
		return Outcome{}, auth.AsError(err)
	}
	return out, nil
}
