package oauth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
)

// TokenRequest is a request to the token endpoint (RFC 6749 section 3.2).
type TokenRequest struct {
	Form Form
	// Authorization is the header of that name, as it came.
	Authorization string
	// DPoP are the headers of that name (RFC 9449 section 5): one at most may be there.
	DPoP []string
	// Caller is what is known of the request before anybody is: network, user agent, request id.
	Caller auth.Caller
}

// TokenResponse is what a client gets (RFC 6749 section 5.1). Its String shows no secret.
type TokenResponse struct {
	AccessToken  string        `json:"access_token"`
	TokenType    string        `json:"token_type"` // Bearer or DPoP
	ExpiresIn    time.Duration `json:"-"`
	RefreshToken string        `json:"refresh_token,omitempty"`
	IDToken      string        `json:"id_token,omitempty"`
	Scope        string        `json:"scope,omitempty"`
	// IssuedType is the kind of the token of an exchange (RFC 8693 section 2.2.1).
	IssuedType string `json:"issued_token_type,omitempty"`
}

// String keeps the tokens out of texts and logs.
func (t TokenResponse) String() string { return "tokens for " + t.Scope }

// GoString is String, for %#v.
func (t TokenResponse) GoString() string { return t.String() }

// grantType is one way to get tokens. prove looks at what the client brings and changes nothing that a refusal would have to
// undo; what it answers is the most that may be issued.
type grantType struct {
	name  string
	prove func(s *Service, ctx context.Context, x *exchange) (*proven, error)
}

// grants is every grant there is.
func grants() []grantType {
	return []grantType{
		{auth.GrantAuthorizationCode, (*Service).proveCode},
		{auth.GrantRefreshToken, (*Service).proveRefresh},
		{auth.GrantClientCredentials, (*Service).proveClient},
		{auth.GrantDeviceCode, (*Service).proveDevice},
		{auth.GrantTokenExchange, (*Service).proveExchange},
		{auth.GrantJWTBearer, (*Service).proveAssertion},
	}
}

// exchange is a request on its way through the pipeline.
type exchange struct {
	TokenRequest
	client auth.Client
	jkt    string // thumbprint of the key whose possession was shown; empty: none
	// granted is what will be issued: within what was proven, as the request asked and the policy allows.
	granted auth.Delegation
}

// proven is what a grant has shown.
type proven struct {
	most auth.Delegation // no more than this
	// person is whom it is about; the zero one: the client itself.
	person   auth.User
	parent   auth.Session // in which the person let the client in; zero: none
	verified bool         // the address was verified when the person proved who they are
	amr      []string
	authTime time.Time // when the person proved who they are
	nonce    string    // for the ID token
	// commit spends the proof and stores what is issued. A refusal that must keep rows is its last result (DESIGN section 5).
	commit func(ctx context.Context, x *exchange) (issued, error)
	// refresh says that a refresh token is issued too, identify an ID token.
	refresh, identify bool
	// actor is who acts in the subject's name (RFC 8693 section 4.1); nil: the client.
	actor *actor
	// key is the API key in whose stead the token stands; empty: none.
	key auth.APIKeyID
	// life bounds the access token; 0: what resource, client or server say.
	life       time.Duration
	issuedType string
	// brief says that the session lives no longer than its access token.
	brief bool
}

// issued is what tokens are made from.
type issued struct {
	session auth.Session // zero: none, the token lives by itself
	user    auth.User
	member  auth.Membership
}

// Token answers a request for tokens. Every error is an *Error.
func (s *Service) Token(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	out, err := s.token(ctx, r)
	if err != nil {
		return TokenResponse{}, AsError(err)
	}
	return out, nil
}

func (s *Service) token(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	if err := r.Form.check(); err != nil {
		return TokenResponse{}, err
	}
	g, err := grantOf(r.Form.Get("grant_type"))
	if err != nil {
		return TokenResponse{}, err
	}
	x := &exchange{TokenRequest: r}
	if x.client, err = s.AuthenticateClient(ctx, ClientRequest{Form: r.Form, Authorization: r.Authorization, Caller: r.Caller}); err != nil {
		return TokenResponse{}, err
	}
	x.Caller.App, x.Caller.Client, x.Caller.Door = x.client.App, x.client.ID, door()
	if !x.client.Settings.OAuth.Allows(g.name) {
		return TokenResponse{}, refuse(UnauthorizedClient, "The client did not register this grant type.")
	}
	if x.jkt, err = s.possession(ctx, x); err != nil {
		return TokenResponse{}, err
	}
	p, err := g.prove(s, ctx, x)
	if err != nil {
		return TokenResponse{}, err
	}
	if x.granted, err = s.bound(ctx, x, p); err != nil {
		return TokenResponse{}, err
	}
	got, err := p.commit(ctx, x)
	if err != nil {
		return TokenResponse{}, err
	}
	return s.issue(ctx, x, p, got)
}

// door is how sessions of clients begin and go on. Whether an address must be verified was decided where the person signed
// in; the claim email_verified tells the client.
func door() auth.Door {
	return auth.Door{Contract: "oauth", Policy: auth.Policy{AllowUnverified: true}}
}

func grantOf(name string) (grantType, error) {
	all := grants()
	if name == "" {
		return grantType{}, refuse(InvalidRequest, "grant_type is missing.")
	}
	if i := slices.IndexFunc(all, func(g grantType) bool { return g.name == name }); i >= 0 {
		return all[i], nil
	}
	return grantType{}, refuse(UnsupportedGrantType, "There is no such grant type here.")
}

// possession checks the DPoP proof of a request and answers the thumbprint of its key; empty if there was none and none
// is needed.
func (s *Service) possession(ctx context.Context, x *exchange) (string, error) {
	if len(x.DPoP) == 0 {
		if x.client.Settings.OAuth.DPoPBound {
			return "", refuse(InvalidDPoPProof, "The client's tokens are bound to a key, and no proof of it was sent.")
		}
		return "", nil
	}
	return s.CheckProof(ctx, ProofCheck{Headers: x.DPoP, Method: "POST", URL: s.o.Issuer + TokenPath})
}

// begin is the commit of grants that begin a new session for a client: spend and the session stand or fall together.
// spend answers a refusal that keeps what it wrote.
func (s *Service) begin(p *proven, spend func(tx *store.Tx, id auth.SessionID) (refusal, err error)) func(context.Context, *exchange) (issued, error) {
	return func(ctx context.Context, x *exchange) (issued, error) {
		kept := p.most // one token for one of several resources takes the others away from none (RFC 8707 section 2.2)
		kept.JKT = x.granted.JKT
		d, err := s.o.Sessions.Delegate(session.Start{User: p.person, EmailVerified: p.verified, Caller: x.Caller, AMR: p.amr,
			Device: x.client.Name}, kept, p.parent)
		if err != nil {
			return issued{}, err
		}
		d.Proven(p.authTime)
		if p.brief {
			life, err := s.lifeOf(ctx, tokenFacts{exchange: x, proven: p})
			if err != nil {
				return issued{}, err
			}
			d.Lasting(life)
		}
		var refusal error
		err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			if refusal, err = spend(tx, d.Session.ID); err != nil || refusal != nil {
				return err
			}
			return s.o.Sessions.Insert(tx, d)
		})
		if err == nil {
			err = refusal
		}
		if err != nil {
			return issued{}, fmt.Errorf("begin a session for a client: %w", err)
		}
		return issued{session: d.Session, user: d.User, member: d.Member()}, nil
	}
}
