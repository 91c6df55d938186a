package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Visit is a browser at the front channel.
type Visit struct {
	// Browser is the secret that binds what was begun to the browser; empty: it brought none.
	Browser string
	// Who answers who is signed in to an app there; a caller without a user: nobody.
	Who func(ctx context.Context, app auth.AppID) (auth.Caller, error)
}

// Step is what comes next for a browser.
type Step struct {
	Kind   StepKind
	Answer *Answer // of StepAnswer
	App    auth.AppID
	// Flow names the request that waits, for ContinuePath. It is useless without the browser's secret (SE-02).
	Flow string
	// Browser is a new secret for the browser to keep; empty: it has one.
	Browser string
	// What the client said of the person and of the way: all of it wishes.
	LoginHint, Connection, Locales string
}

// String shows no secret.
func (s Step) String() string { return "step " + string(s.Kind) }

// GoString is String, for %#v.
func (s Step) GoString() string { return s.String() }

// Authorize takes a request of a client that a browser brings. An error is for the person: where the answer would go is not
// certain, so nothing is sent there (OA-02). All else, errors too, is a Step. Every error is an *Error.
func (s *Service) Authorize(ctx context.Context, f Form, v Visit) (Step, error) {
	step, err := s.authorize(ctx, f, v)
	if err != nil {
		return Step{}, AsError(err)
	}
	return step, nil
}

func (s *Service) authorize(ctx context.Context, f Form, v Visit) (Step, error) {
	r, client, err := s.requested(ctx, f)
	if err != nil {
		return s.returned(r, err)
	}
	who, err := v.Who(ctx, client.App)
	if err != nil {
		return Step{}, err
	}
	return s.begun(ctx, decision{request: r, who: who}, v.Browser)
}

// requested reads a request, or the one that the client pushed before. Together with an error, a request that has a target
// says where to tell it.
func (s *Service) requested(ctx context.Context, f Form) (AuthorizationRequest, auth.Client, error) {
	if strings.HasPrefix(f.Get("request_uri"), pushedPrefix) {
		return s.pushed(ctx, f)
	}
	r, client, err := s.target(ctx, f)
	if err != nil {
		return AuthorizationRequest{}, client, err
	}
	err = s.read(ctx, &r, f, client)
	if err == nil && client.Settings.OAuth.RequirePAR {
		err = refuse(InvalidRequest, "The client pushes its requests first.")
	}
	return r, client, err
}

// returned is the step that tells a client of an error, if it is certain where the client is.
func (s *Service) returned(r AuthorizationRequest, err error) (Step, error) {
	if r.RedirectURI == "" {
		return Step{}, err
	}
	e := AsError(err)
	if e.Code == ServerError || e.Code == TemporarilyUnavailable {
		return Step{}, err // the person learns of it, and the log
	}
	return Step{Kind: StepAnswer, App: r.App, Answer: s.refusal(r, e)}, nil
}

// begun answers a request at once, or keeps it while the person does what has to come before.
func (s *Service) begun(ctx context.Context, d decision, browser string) (Step, error) {
	var kind StepKind
	var refusal *Error
	err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
		kind, refusal, _, err = s.weigh(tx, d)
		return err
	})
	switch {
	case err != nil:
		return s.returned(d.request, err)
	case kind != StepAnswer:
		return s.keep(ctx, d.request, kind, browser)
	}
	if refusal != nil {
		return Step{Kind: StepAnswer, App: d.request.App, Answer: s.refusal(d.request, refusal)}, nil
	}
	step, err := s.settle(ctx, d)
	if err == nil && step.Kind != StepAnswer { // something changed in between
		return s.keep(ctx, d.request, step.Kind, browser)
	}
	return step, err
}

// decision is a request with who is to decide about it.
type decision struct {
	request AuthorizationRequest
	who     auth.Caller
	flow    string // under which the request was kept; empty: it has just come
	browser string // secret of the browser that the flow is bound to
	// approved says that who decides has just said yes, on a page that said to what.
	approved bool
}

// weigh reads what decides and decides. Every row that counts is read here, so a Write decides anew. Errors: invalid_request
// (the client or its redirect URI is not what it was).
func (s *Service) weigh(tx *store.Tx, d decision) (StepKind, *Error, situation, error) {
	x := situation{request: d.request, approved: d.approved, now: tx.Now()}
	client, err := tx.Client(d.request.App, d.request.Client)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", nil, x, fmt.Errorf("read the client of a request: %w", err)
	}
	x.client = client.Settings.OAuth
	if err != nil || client.Status != auth.ClientActive || !x.client.Allows(auth.GrantAuthorizationCode) || !registered(client, d.request.RedirectURI) {
		return "", nil, x, refuse(InvalidRequest, "The client has changed. Please begin again there.")
	}
	if err := s.meet(tx, &x, client, d.who); err != nil {
		return "", nil, x, err
	}
	kind, refusal := next(x)
	return kind, refusal, x, nil
}

// meet reads who is signed in. A session that has ended, or whose address nobody verified, is nobody's.
func (s *Service) meet(tx *store.Tx, x *situation, client auth.Client, who auth.Caller) error {
	if !who.Person() || who.App != client.App || !who.EmailVerified {
		return nil
	}
	user, err := s.o.Sessions.Recheck(tx, who)
	switch {
	case err != nil && auth.AsError(err).Code == auth.CodeInternal:
		return err
	case err != nil:
		return nil
	}
	row, err := tx.Session(who.App, who.Session)
	if err != nil {
		return fmt.Errorf("read a session: %w", err)
	}
	if row.Delegation != nil {
		return nil
	}
	x.person, x.subject, x.amr, x.provenAt = user.ID, s.subject(client, user.ID), row.AMR, row.ProvenAt()
	if x.reachable, err = reach(tx, user); err != nil {
		return err
	}
	x.covered, err = grant.Covered(tx, user.App, user.ID, client.ID, x.request.Delegation)
	return err
}

// reach is the strongest class that a user has the means for.
func reach(tx *store.Tx, u auth.User) (string, error) {
	keys, err := tx.Passkeys(u.App, u.ID)
	switch {
	case err != nil:
		return "", fmt.Errorf("list passkeys: %w", err)
	case len(keys) > 0:
		return auth.ACRPhishing, nil
	case u.TOTP:
		return auth.ACRMulti, nil
	}
	return auth.ACRSingle, nil
}

// settle answers the client in one Write: everything is looked at again, the flow is over, the consent is remembered and
// the code stored together. If something else has to come first, nothing is written, and the step says what.
func (s *Service) settle(ctx context.Context, d decision) (Step, error) {
	code, err := secret.Token(s.o.Rand)
	if err != nil {
		return Step{}, err
	}
	step := Step{App: d.request.App, Flow: d.flow, LoginHint: d.request.LoginHint, Connection: d.request.Connection, Locales: d.request.Locales}
	var refusal *Error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		var x situation
		if step.Kind, refusal, x, err = s.weigh(tx, d); err != nil || step.Kind != StepAnswer {
			return err
		}
		if d.flow != "" {
			if _, err := s.taken(tx, d.request.App, d.flow, d.browser); err != nil {
				return err
			}
		}
		if refusal != nil {
			return nil
		}
		return s.let(tx, d, x, code)
	})
	switch {
	case err != nil:
		return Step{}, err
	case step.Kind != StepAnswer:
		return step, nil
	case refusal != nil:
		step.Answer = s.refusal(d.request, refusal)
	default:
		step.Answer = s.answer(d.request, Parameter{"code", code})
	}
	return step, nil
}

// let stores that a client was let in, and its code.
func (s *Service) let(tx *store.Tx, d decision, x situation, code string) error {
	r := d.request
	if d.approved {
		if err := grant.Remember(tx, r.App, x.person, r.Client, r.Delegation); err != nil {
			return err
		}
	}
	err := grant.IssueCode(tx, code, auth.AuthorizationCode{App: r.App, Client: r.Client, User: x.person, Parent: d.who.Session,
		RedirectURI: r.RedirectURI, Challenge: r.Challenge, Nonce: r.Nonce, Delegation: r.Delegation, AMR: x.amr, AuthTime: x.provenAt})
	if err != nil {
		return err
	}
	data := map[string]string{"scope": strings.Join(r.Delegation.Scopes, " ")}
	if d.approved {
		data["consent"] = "given"
	}
	return s.o.Audit.Record(tx, d.who, auth.Event{App: r.App, Action: "authorization.granted", Outcome: "ok", User: x.person,
		Session: d.who.Session, Target: string(r.Client), Data: data})
}
