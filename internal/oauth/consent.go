package oauth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// AskedFor is what a person is told before they let a client in: who asks, for what, and where they will be sent (OA-11).
type AskedFor struct {
	Client auth.Client
	// Verified says that somebody here vouches for the name: the client did not make itself known.
	Verified bool
	Scopes   []ScopeWords
	// Resources are what the tokens will be for; empty: this server's own.
	Resources []auth.ProtectedResource
	Offline   bool // it keeps its access when the person signs out
	// Unused and Longest are how long it keeps access that it does not use, and in all; 0 if it cannot renew it.
	Unused, Longest time.Duration
	// Host is where the person will be sent; for a device empty.
	Host string
	// OnDevice says that whatever program runs on the person's device may get the answer (RFC 8252 section 8.6).
	OnDevice bool
	// Consent is false if the person is only asked whether it is they.
	Consent bool
}

// ScopeWords is a scope with what it lets a client do. Text is empty for the scopes that every app has; pages have words
// for those.
type ScopeWords struct{ Name, Text string }

// ShowAuthorization tells what a waiting request asks of the caller. Codes: proof-invalid, and reauthentication-required
// where they have to prove first who they are.
func (s *Service) ShowAuthorization(ctx context.Context, c auth.Caller, flow, browser string) (AskedFor, error) {
	var out AskedFor
	var r AuthorizationRequest
	err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if r, err = s.waiting(tx, c.App, flow, browser); err != nil {
			return err
		}
		kind, _, x, err := s.weigh(tx, decision{request: r, who: c})
		if err != nil {
			return err
		}
		out.Consent = x.asks()
		return inTheWay(kind)
	})
	if err != nil {
		return AskedFor{}, asHouse(err)
	}
	out.Host, out.OnDevice = hostOf(r.RedirectURI), onDevice(r.RedirectURI)
	return out, s.describe(ctx, &out, r.App, r.Client, r.Delegation)
}

// asHouse is an Error as the house's own operations tell it.
func asHouse(err error) error {
	if Is(err, InvalidRequest) {
		return auth.E(auth.CodeProofInvalid, "")
	}
	return err
}

// inTheWay refuses to ask somebody who has to do something else first.
func inTheWay(kind StepKind) error {
	switch kind {
	case StepSignIn:
		return auth.E(auth.CodeUnauthenticated, "")
	case StepStepUp:
		return auth.E(auth.CodeReauthRequired, "")
	}
	return nil
}

// describe fills in what is asked for, in words.
func (s *Service) describe(ctx context.Context, out *AskedFor, app auth.AppID, client auth.ClientID, d auth.Delegation) (err error) {
	if out.Client, err = s.o.Apps.Client(ctx, app, client); err != nil {
		return fmt.Errorf("read the client of a request: %w", err)
	}
	out.Verified, out.Offline = out.Client.Settings.OAuth.Origin() == auth.OriginAdministrator, d.Offline
	if out.Client.Settings.OAuth.Allows(auth.GrantRefreshToken) {
		out.Unused, out.Longest = s.o.Sessions.Lifetimes(out.Client)
	}
	out.Scopes, out.Resources, err = s.inWords(ctx, app, d)
	return err
}

// inWords says what a delegation lets a client do. A resource that is gone is left out.
func (s *Service) inWords(ctx context.Context, app auth.AppID, d auth.Delegation) (scopes []ScopeWords, resources []auth.ProtectedResource, err error) {
	words := map[string]string{}
	for _, uri := range d.Resources {
		r, ok, err := s.resource(ctx, app, uri)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue
		}
		resources = append(resources, r)
		for name, text := range r.Scopes {
			words[name] = text
		}
	}
	for _, name := range d.Scopes {
		text := words[name]
		if slices.Contains(auth.StandardScopes(), name) {
			text = ""
		} else if text == "" {
			text = name
		}
		scopes = append(scopes, ScopeWords{Name: name, Text: text})
	}
	return scopes, resources, nil
}

// ApproveAuthorization lets the client of a waiting request have what it asked for, remembers it, and answers what the
// browser takes back. Codes: proof-invalid, reauthentication-required, unauthenticated.
func (s *Service) ApproveAuthorization(ctx context.Context, c auth.Caller, flow, browser string) (Answer, error) {
	r, err := s.kept(ctx, c.App, flow, browser)
	if err != nil {
		return Answer{}, err
	}
	step, err := s.settle(ctx, decision{request: r, who: c, flow: flow, browser: browser, approved: true})
	if err == nil {
		err = inTheWay(step.Kind)
	}
	if err != nil {
		return Answer{}, asHouse(err)
	}
	return *step.Answer, nil
}

// DenyAuthorization refuses it, and answers what the browser takes back. Code: proof-invalid.
func (s *Service) DenyAuthorization(ctx context.Context, c auth.Caller, flow, browser string) (Answer, error) {
	var r AuthorizationRequest
	err := s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if _, err = s.o.Sessions.Recheck(tx, c); err != nil {
			return err
		}
		if r, err = s.taken(tx, c.App, flow, browser); err != nil {
			return err
		}
		if _, _, _, err = s.weigh(tx, decision{request: r, who: c}); err != nil {
			return err
		}
		return s.o.Audit.Record(tx, c, auth.Event{App: r.App, Action: "authorization.denied", Outcome: string(AccessDenied), User: c.User,
			Session: c.Session, Target: string(r.Client), Data: map[string]string{"scope": strings.Join(r.Delegation.Scopes, " ")}})
	})
	if err != nil {
		return Answer{}, asHouse(err)
	}
	return *s.refusal(r, refuse(AccessDenied, "The person said no.")), nil
}
