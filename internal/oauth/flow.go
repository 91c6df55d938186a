package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// keptRequest is a request that waits for its person, as its proof holds it.
type keptRequest struct {
	Request AuthorizationRequest `json:"request"`
	Browser []byte               `json:"browser"` // hash of the browser's secret
}

// keep stores a request, bound to the browser that brought it: whoever else learns of the flow, by a link or otherwise, can
// do nothing with it, and nobody can be led into somebody else's (SE-02, Dex CVE-2022-39222).
func (s *Service) keep(ctx context.Context, r AuthorizationRequest, kind StepKind, browser string) (Step, error) {
	step := Step{Kind: kind, App: r.App, LoginHint: r.LoginHint, Connection: r.Connection, Locales: r.Locales}
	if !secret.TokenShaped(browser) {
		fresh, err := secret.Token(s.o.Rand)
		if err != nil {
			return Step{}, err
		}
		browser, step.Browser = fresh, fresh
	}
	data, err := json.Marshal(keptRequest{Request: r, Browser: secret.Hash(browser)})
	if err != nil {
		return Step{}, fmt.Errorf("write a request down: %w", err)
	}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		step.Flow, err = s.o.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofAuthorization, App: r.App, Client: r.Client, Data: data})
		return err
	})
	if err != nil {
		return Step{}, fmt.Errorf("keep a request: %w", err)
	}
	return step, nil
}

// waiting reads a kept request and leaves it. Code: proof-invalid, also for another browser's.
func (s *Service) waiting(tx *store.Tx, app auth.AppID, flow, browser string) (AuthorizationRequest, error) {
	p, err := s.o.Proofs.Check(tx, auth.ProofAuthorization, app, flow)
	if err != nil {
		return AuthorizationRequest{}, err
	}
	return opened(p, browser)
}

// taken ends the flow of a kept request. Of several that try, one succeeds. Code: proof-invalid.
func (s *Service) taken(tx *store.Tx, app auth.AppID, flow, browser string) (AuthorizationRequest, error) {
	p, err := s.o.Proofs.Consume(tx, auth.ProofAuthorization, app, flow)
	if err != nil {
		return AuthorizationRequest{}, err
	}
	return opened(p, browser)
}

func opened(p auth.Proof, browser string) (AuthorizationRequest, error) {
	var k keptRequest
	if err := json.Unmarshal(p.Data, &k); err != nil {
		return k.Request, fmt.Errorf("read a kept request: %w", err)
	}
	if !secret.Equal(k.Browser, secret.Hash(browser)) {
		return AuthorizationRequest{}, auth.E(auth.CodeProofInvalid, "")
	}
	k.Request.CreatedAt = p.CreatedAt // by the database's clock, as the times of sessions are
	return k.Request, nil
}

// kept reads a waiting request outside of a Write.
func (s *Service) kept(ctx context.Context, app auth.AppID, flow, browser string) (r AuthorizationRequest, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		r, err = s.waiting(tx, app, flow, browser)
		return err
	})
	return r, err
}

// Continue goes on with a kept request, after the person did what had to come first. Codes: proof-invalid, and those of
// Authorize. Errors are the house's own, for the person.
func (s *Service) Continue(ctx context.Context, app auth.AppID, flow string, v Visit) (Step, error) {
	r, err := s.kept(ctx, app, flow, v.Browser)
	if err != nil {
		return Step{}, err
	}
	who, err := v.Who(ctx, app)
	if err != nil {
		return Step{}, err
	}
	return s.settle(ctx, decision{request: r, who: who, flow: flow, browser: v.Browser})
}

// ConsentTarget is the place outside of this server to which the form leads that decides about a flow, as a
// Content-Security-Policy names it: browsers apply it to the redirects after a form too (WB-05). Empty: nowhere.
func (s *Service) ConsentTarget(ctx context.Context, app auth.AppID, flow string) string {
	var k keptRequest
	err := s.o.DB.Read(ctx, func(tx *store.Tx) error {
		p, err := s.o.Proofs.Check(tx, auth.ProofAuthorization, app, flow)
		if err == nil {
			err = json.Unmarshal(p.Data, &k)
		}
		return err
	})
	if err != nil {
		return "" // a flow that is over leads nowhere
	}
	return formSource(k.Request.RedirectURI)
}

// FlowSite is the site of the client whose request a flow is or was, as the client tells it (an https URL), for the browser
// that brought the request and nobody else. Empty: there is none, or nobody remembers the flow.
func (s *Service) FlowSite(ctx context.Context, app auth.AppID, flow, browser string) (site string) {
	err := s.o.DB.Read(ctx, func(tx *store.Tx) error {
		p, err := s.o.Proofs.Recall(tx, auth.ProofAuthorization, app, flow)
		if err != nil {
			return err
		}
		r, err := opened(p, browser)
		if err != nil {
			return err
		}
		client, err := tx.Client(r.App, r.Client)
		site = client.Settings.OAuth.ClientURI
		return err
	})
	if err != nil || !strings.HasPrefix(site, "https://") {
		return ""
	}
	return site
}
