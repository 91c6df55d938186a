package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/login"
)

// Departure is the value of an operation that sends the browser to an identity provider. CrossSite makes the state
// cookie one that a form of the provider brings back.
type Departure struct {
	Location    string `json:"location"`
	StateCookie string `json:"state_cookie"`
	CrossSite   bool   `json:"cross_site,omitempty"`
}

// Landing is a browser that came back from a provider, and where it goes now.
type Landing struct {
	Location string `json:"location"`
}

// LandedSession is a Landing with the session that began, as in Granted.
type LandedSession struct {
	Location      string  `json:"location"`
	Tokens        Tokens  `json:"tokens"`
	SessionCookie string  `json:"session_cookie,omitempty"`
	User          Profile `json:"user"`
	Session       Session `json:"session"`
}

func landed(location string, in login.SignedIn) LandedSession {
	g := granted(in)
	return LandedSession{Location: location, Tokens: g.Tokens, SessionCookie: g.SessionCookie, User: g.User, Session: g.Session}
}

// Identity is an account at a provider that signs the user in.
type Identity struct {
	ID         auth.IdentityID `json:"id"`
	Provider   string          `json:"provider"` // its name in the app
	Issuer     string          `json:"issuer"`
	Subject    string          `json:"subject"`
	Email      string          `json:"email,omitempty"`    // as the provider told it last; proves nothing here
	Username   string          `json:"username,omitempty"` // likewise
	CreatedAt  time.Time       `json:"created_at"`
	LastUsedAt time.Time       `json:"last_used_at,omitzero"`
}

// Identities are the linked accounts of a user, oldest first.
type Identities struct {
	Identities []Identity `json:"identities"`
}

func identityView(i auth.Identity) Identity {
	return Identity{ID: i.ID, Provider: i.ProviderName, Issuer: i.Issuer, Subject: i.Subject, Email: i.Email, Username: i.Username,
		CreatedAt: i.CreatedAt, LastUsedAt: i.LastUsedAt}
}

// Registration codes, of operations that may make a user of a stranger.
func strangerCodes() []auth.Code {
	return []auth.Code{auth.CodeRegistrationClosed, auth.CodeInvitationRequired, auth.CodeInviteCodeRequired,
		auth.CodeInviteCodeInvalid, auth.CodeRegistrationWaitlisted}
}

// Passage is the part of an input that says where the browser goes and comes back.
type Passage struct {
	Provider string `input:"provider,required"`
	// Callback is where the provider takes the browser back: a path below the contract's URL, with {provider}; of the
	// document.
	Callback      string `input:"callback,required"`
	RedirectURI   string `input:"redirect_uri"`
	State         string `input:"state,secret"`
	CodeChallenge string `input:"code_challenge"`
	Browser       string `input:"browser,secret"` // the cookie of kind state
	Device        string `input:"device"`
}

func (c *Catalogue) depart(ctx context.Context, r *Request, p Passage, mode login.FederatedMode, inviteCode string) (Outcome, error) {
	start, err := c.deps.Login.BeginFederated(ctx, r.Caller, login.FederatedBegin{Provider: p.Provider, RedirectURI: p.RedirectURI,
		Mode: mode, InviteCode: inviteCode, State: p.State, CodeChallenge: p.CodeChallenge, Callback: p.Callback,
		Browser: p.Browser, Device: p.Device})
	if err != nil {
		return Outcome{}, err
	}
	return OK(Departure{Location: start.Location, StateCookie: start.Browser, CrossSite: start.Cross}), nil
}

// BeginFederatedSignInInput is the input of begin-federated-sign-in.
type BeginFederatedSignInInput struct {
	Passage
	Mode       string `input:"mode"` // sign-in or sign-up; empty: sign-up
	InviteCode string `input:"invite_code"`
}

func (c *Catalogue) beginFederatedSignIn() *Definition {
	return define(Definition{
		Name: "begin-federated-sign-in",
		Doc: "Sends the browser to an identity provider of the app. It comes back to `callback`, for " +
			"`finish-federated-sign-in`, within ten minutes, and goes on from there to `redirect_uri`: exactly one that the " +
			"client has registered, its first one by default. With `mode` `sign-in` a stranger stays one; else one becomes " +
			"a user, as the app's registration mode has it. `state` is the client's own and comes back; `code_challenge` " +
			"(S256) binds the token to who has its verifier. The answer sets the cookie of kind `state`.",
		Access:  Anyone,
		Results: []Result{result[Departure]("ok", "Where to send the browser.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *BeginFederatedSignInInput) (Outcome, error) {
		mode := login.FederatedMode(in.Mode)
		if mode == login.FederatedLink {
			return Outcome{}, auth.Invalid("mode", auth.ViolationEnum, "Linking has an operation of its own.")
		}
		return c.depart(ctx, r, in.Passage, mode, in.InviteCode)
	})
}

// LinkIdentityInput is the input of link-identity.
type LinkIdentityInput struct {
	Passage
}

func (c *Catalogue) linkIdentity() *Definition {
	return define(Definition{
		Name: "link-identity",
		Doc: "Sends the browser to an identity provider, to add an account there to the user's ways in. Needs a sign-in or " +
			"step-up of the last five minutes and a verified address. It comes back as with `begin-federated-sign-in`, with " +
			"`linked` instead of a token.",
		Access:  Person,
		Results: []Result{result[Departure]("ok", "Where to send the browser.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *LinkIdentityInput) (Outcome, error) {
		return c.depart(ctx, r, in.Passage, login.FederatedLink, "")
	})
}

// FinishFederatedSignInInput is the input of finish-federated-sign-in: what a provider sends.
type FinishFederatedSignInInput struct {
	Provider         string `input:"provider,required"`
	State            string `input:"state,secret"`
	Browser          string `input:"browser,secret"` // the cookie of kind state
	Code             string `input:"code,secret"`
	Issuer           string `input:"iss"` // RFC 9207
	Error            string `input:"error"`
	ErrorDescription string `input:"error_description"`
	User             string `input:"user"` // JSON that Apple posts the first time
}

func (c *Catalogue) finishFederatedSignIn() *Definition {
	return define(Definition{
		Name: "finish-federated-sign-in",
		Doc: "Takes a browser back from an identity provider: only the one that left with the state, and once. It goes on " +
			"to the client's redirect URI with `token` for `sign-in-with-token` (the session begins here already where the door sets its " +
			"cookies, unless a second factor is needed), with `link_token` for `confirm-identity`, with `linked`, or with `error` and " +
			"`error_description` (RFC 6749) and our own `error_code`. An upstream identity becomes an existing user's without " +
			"asking only if both sides have verified the address and the provider is authoritative for it.",
		Access: Anyone,
		Results: []Result{
			result[LandedSession]("signed-in", "A known person, with a new session."),
			result[LandedSession]("registered", "A new user, with a new session."),
			result[Landing]("handed-over", "A known or new person, at a door that sets no cookies: the session begins with the token."),
			result[Landing]("second-factor-required", "A second factor is needed; the token leads to its challenge."),
			result[Landing]("link-confirmation-required", "The person must prove the address first."),
			result[Landing]("linked", "The identity was linked."),
			result[Landing]("refused", "The client is told why."),
		},
		Errors:    []auth.Code{auth.CodeProofInvalid},
		CrossSite: true,
	}, func(ctx context.Context, r *Request, in *FinishFederatedSignInInput) (Outcome, error) {
		end, err := c.deps.Login.FinishFederated(ctx, r.Caller, login.FederatedAnswer{Provider: in.Provider, State: in.State,
			Browser: in.Browser, Answer: federation.Answer{Code: in.Code, Issuer: in.Issuer, Error: in.Error,
				ErrorDescription: in.ErrorDescription, User: in.User}})
		if err != nil {
			return Outcome{}, err
		}
		to := Landing{Location: end.Location}
		switch {
		case end.SignedIn != nil && end.Registered:
			return Outcome{Result: "registered", Value: landed(end.Location, *end.SignedIn)}, nil
		case end.SignedIn != nil:
			return Outcome{Result: "signed-in", Value: landed(end.Location, *end.SignedIn)}, nil
		case end.Factor:
			return Outcome{Result: "second-factor-required", Value: to}, nil
		case end.Confirm:
			return Outcome{Result: "link-confirmation-required", Value: to}, nil
		case end.Linked != "":
			return Outcome{Result: "linked", Value: to}, nil
		case end.Refusal != nil:
			return Outcome{Result: "refused", Value: to}, nil
		}
		return Outcome{Result: "handed-over", Value: to}, nil
	})
}

// ConfirmIdentityInput is the input of confirm-identity. Code or Password is needed.
type ConfirmIdentityInput struct {
	Token        string `input:"token,required,secret"` // link_token
	Code         string `input:"code,secret"`           // of the mail
	Password     string `input:"password,secret"`       // of the account that has the address
	Browser      string `input:"browser,secret"`        // the cookie of kind state
	CodeVerifier string `input:"code_verifier,secret"`
	Device       string `input:"device"`
}

func (c *Catalogue) confirmIdentity() *Definition {
	return define(Definition{
		Name: "confirm-identity",
		Doc: "Proves the address of an account at a provider, with the six digits of the mail or with the password of the " +
			"user who has the address, and signs in. The account at the provider is linked to that user, or becomes a new " +
			"user if nobody has the address. It works in the browser that came from the provider (or with the " +
			"`code_verifier`), and takes five answers. Whether there is such a user shows only to who has the mailbox.",
		Access: Anyone,
		Results: []Result{
			result[Granted]("signed-in", "A new session with its tokens."),
			result[Granted]("registered", "A new user, signed in."),
			result[Challenged]("second-factor-required", "A second-factor code is needed as well; the link is made with it."),
		},
		Errors: append(strangerCodes(), auth.CodeProofInvalid, auth.CodeInvalidCredentials, auth.CodeAccountDisabled,
			auth.CodeConflict, auth.CodePasswordExpired),
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *ConfirmIdentityInput) (Outcome, error) {
		out, err := c.deps.Login.ConfirmIdentity(ctx, r.Caller, login.IdentityProof{Token: in.Token, Code: in.Code,
			Password: in.Password, Browser: in.Browser, Verifier: in.CodeVerifier, Device: in.Device})
		if err == nil && out.Registered && out.SignedIn != nil {
			return Outcome{Result: "registered", Value: granted(*out.SignedIn)}, nil
		}
		return signInOutcome(out.SignInOutcome, err)
	})
}

// ListIdentitiesInput is the input of list-identities.
type ListIdentitiesInput struct{}

func (c *Catalogue) listIdentities() *Definition {
	return define(Definition{
		Name:    "list-identities",
		Doc:     "Lists the accounts at identity providers that sign the user in, oldest first.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Identities]("ok", "The linked accounts.")},
	}, func(ctx context.Context, r *Request, in *ListIdentitiesInput) (Outcome, error) {
		list, err := c.deps.Login.ListIdentities(ctx, r.Caller)
		if err != nil {
			return Outcome{}, err
		}
		return OK(Identities{Identities: views(list, identityView)}), nil
	})
}

// UnlinkIdentityInput is the input of unlink-identity.
type UnlinkIdentityInput struct {
	ID auth.IdentityID `input:"id,required"`
}

func (c *Catalogue) unlinkIdentity() *Definition {
	return define(Definition{
		Name: "unlink-identity",
		Doc: "Takes an account at a provider from the user's ways in. Needs a sign-in or step-up of the last five minutes. " +
			"The last way in stays: there must be a password, a passkey, or another linked account whose provider is in use.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "It does not sign in any more.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *UnlinkIdentityInput) (Outcome, error) {
		return done(c.deps.Login.UnlinkIdentity(ctx, r.Caller, in.ID))
	})
}
