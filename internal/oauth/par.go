package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// pushedPrefix begins the name of a pushed request (RFC 9126 section 2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// PushRequest is a request that a client pushes before it sends a browser (RFC 9126 section 2.1).
type PushRequest struct {
	Form          Form
	Authorization string   // the header of that name
	DPoP          []string // the headers of that name: the code will be bound to the key (RFC 9449 section 10.1)
	Caller        auth.Caller
}

// PushResponse names the request to the browser.
type PushResponse struct {
	RequestURI string        `json:"request_uri"`
	ExpiresIn  time.Duration `json:"-"`
}

// Push takes a request from the client itself, checks all of it, and answers a name for it that the browser can bring, once
// and soon (PA-01). Every error is an *Error.
func (s *Service) Push(ctx context.Context, p PushRequest) (PushResponse, error) {
	out, err := s.push(ctx, p)
	if err != nil {
		return PushResponse{}, AsError(err)
	}
	return out, nil
}

func (s *Service) push(ctx context.Context, p PushRequest) (PushResponse, error) {
	if err := p.Form.check(); err != nil {
		return PushResponse{}, err
	}
	client, err := s.AuthenticateClient(ctx, ClientRequest{Form: p.Form, Authorization: p.Authorization, Caller: p.Caller})
	if err != nil {
		return PushResponse{}, err
	}
	if p.Form.Get("request_uri") != "" {
		return PushResponse{}, refuse(InvalidRequest, "A pushed request names no other.")
	}
	p.Form["client_id"] = []string{client.OAuthID()}
	r, client, err := s.target(ctx, p.Form)
	if err != nil {
		return PushResponse{}, err
	}
	if err := s.read(ctx, &r, p.Form, client); err != nil {
		return PushResponse{}, err
	}
	if err := s.bindPushed(ctx, &r, p.DPoP); err != nil {
		return PushResponse{}, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return PushResponse{}, fmt.Errorf("write a request down: %w", err)
	}
	var name string
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		name, err = s.o.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofPushedRequest, App: r.App, Client: r.Client, Data: data})
		return err
	})
	if err != nil {
		return PushResponse{}, fmt.Errorf("keep a pushed request: %w", err)
	}
	return PushResponse{RequestURI: pushedPrefix + name, ExpiresIn: s.o.Proofs.Lifetime(auth.ProofPushedRequest)}, nil
}

// bindPushed binds a request to the key whose possession its push shows.
func (s *Service) bindPushed(ctx context.Context, r *AuthorizationRequest, proofs []string) error {
	if len(proofs) == 0 {
		return nil
	}
	jkt, err := s.CheckProof(ctx, ProofCheck{Headers: proofs, Method: "POST", URL: s.o.Issuer + PARPath})
	if err != nil {
		return err
	}
	if r.Delegation.JKT != "" && r.Delegation.JKT != jkt {
		return refuse(InvalidDPoPProof, "The proof is of another key than dpop_jkt.")
	}
	r.Delegation.JKT = jkt
	return nil
}

// pushed takes a pushed request, which is then over. What the browser brings beside its name counts for nothing (RFC 9126
// section 4). Errors are for the person, for only the pushed request knows where to answer.
func (s *Service) pushed(ctx context.Context, f Form) (AuthorizationRequest, auth.Client, error) {
	var r AuthorizationRequest
	if len(f["client_id"]) != 1 || len(f["request_uri"]) != 1 {
		return r, auth.Client{}, refuse(InvalidRequest, "client_id and request_uri stand once each.")
	}
	client, err := s.Client(ctx, f.Get("client_id"), f)
	if err != nil {
		return r, client, err
	}
	name := strings.TrimPrefix(f.Get("request_uri"), pushedPrefix)
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		p, err := s.o.Proofs.Consume(tx, auth.ProofPushedRequest, client.App, name)
		switch {
		case err != nil:
			return err
		case p.Client != client.ID:
			return auth.E(auth.CodeProofInvalid, "")
		}
		return json.Unmarshal(p.Data, &r)
	})
	switch {
	case auth.Is(err, auth.CodeProofInvalid):
		return AuthorizationRequest{}, client, refuse(InvalidRequestURI, "The request_uri is unknown, used, or too old.")
	case err != nil:
		return AuthorizationRequest{}, client, fmt.Errorf("take a pushed request: %w", err)
	case !registered(client, r.RedirectURI):
		return AuthorizationRequest{}, client, refuse(InvalidRequest, "The redirect_uri is not one that the client registered.")
	}
	r.CreatedAt = s.o.Clock()
	return r, client, nil
}
