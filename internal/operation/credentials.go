package operation

import (
	"context"
	"strings"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/session"
)

// Credentials turns what a request presents into the caller of an operation: it verifies every credential, finds
// the app that the request is about, and refuses what does not agree. Nothing else makes callers.
type Credentials struct {
	Sessions *session.Service
	Keys     *apikey.Service
	Apps     *app.Service
	// Limits counts requests with a bad credential against the network, for they never reach an operation; nil:
	// they are not counted.
	Limits *limit.Limits
}

// Resolve answers the caller of a request. The app is that of the app key, else of the client, else of the mount;
// the user's credential and the `app` input must agree with it (TN-02). Codes: invalid-token, token-expired, session-ended, account-disabled,
// app-mismatch, invalid-request (two credentials), forbidden (the app or the client is disabled), not-found (the
// operator named an app that does not exist), rate-limited.
func (c *Credentials) Resolve(ctx context.Context, p auth.Presented) (auth.Caller, error) {
	caller := auth.Caller{Kind: auth.CallerAnonymous, IP: p.IP, UserAgent: p.UserAgent,
		AcceptLanguage: p.AcceptLanguage, RequestID: p.RequestID, Door: p.Door}
	var err error
	if IsOperator(ctx) {
		err = c.operator(ctx, p, &caller)
	} else if err = c.place(ctx, p, &caller); err == nil {
		err = c.identify(ctx, p, &caller)
	}
	if err != nil {
		return auth.Caller{}, c.refused(p, err)
	}
	return caller, nil
}

// operator is the machine's own: it names an app or takes that of the mount.
func (c *Credentials) operator(ctx context.Context, p auth.Presented, caller *auth.Caller) error {
	caller.Kind, caller.App = auth.CallerSystem, p.MountApp
	if p.AppInput != "" {
		caller.App = p.AppInput
	}
	client, err := c.Apps.DefaultClient(ctx, caller.App)
	if auth.Is(err, auth.CodeNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such app.")
	}
	caller.Client = client.ID
	return err
}

// place finds the app and the client of the request.
func (c *Credentials) place(ctx context.Context, p auth.Presented, caller *auth.Caller) error {
	caller.App = p.MountApp
	if p.AppKey != "" {
		key, err := c.Apps.AuthenticateKey(ctx, p.AppKey)
		if err != nil {
			return err
		}
		caller.App, caller.AppKey = key.App, key.ID
	}
	client, err := c.client(ctx, p, caller.App)
	if err != nil {
		return err
	}
	if p.AppInput != "" && p.AppInput != client.App {
		return mismatch()
	}
	home, err := c.Apps.Get(ctx, client.App)
	if err != nil {
		return err
	}
	if home.Status != auth.AppActive {
		return auth.E(auth.CodeForbidden, "The app is disabled.")
	}
	if client.Status != auth.ClientActive {
		return auth.E(auth.CodeForbidden, "The client is disabled.")
	}
	caller.App, caller.Client = client.App, client.ID
	return nil
}

// client is the one that the request names, or the app's default. One that is named decides the app, unless an app
// key did. An unknown one is refused like one of another app, which tells nobody which clients exist.
func (c *Credentials) client(ctx context.Context, p auth.Presented, home auth.AppID) (auth.Client, error) {
	if p.ClientID == "" {
		return c.Apps.DefaultClient(ctx, home)
	}
	client, err := c.Apps.ClientByID(ctx, p.ClientID)
	if auth.Is(err, auth.CodeNotFound) || (err == nil && p.AppKey != "" && client.App != home) {
		return auth.Client{}, auth.E(auth.CodeAppMismatch, "This app has no such client.")
	}
	return client, err
}

// identify verifies the user's credential, if there is one.
func (c *Credentials) identify(ctx context.Context, p auth.Presented, caller *auth.Caller) error {
	token, key, ambiguous := sort(p)
	switch {
	case ambiguous:
		return auth.E(auth.CodeInvalidRequest, "Send one credential, not several.")
	case token != "":
		id, err := c.Sessions.Authenticate(ctx, token)
		if err != nil {
			return err
		}
		if id.App != caller.App {
			return mismatch()
		}
		id.Fill(caller)
	case key != "":
		id, err := c.Keys.Authenticate(ctx, key)
		if err != nil {
			return err
		}
		if id.App != caller.App {
			return mismatch()
		}
		id.Fill(caller)
	case p.SessionCookie != "":
		id, err := c.Sessions.AuthenticateCookie(ctx, caller.App, p.SessionCookie)
		if err != nil {
			return err
		}
		id.Fill(caller)
		caller.Cookie = true
	}
	return nil
}

// sort tells an access token from an API key, by where it came and, for a bearer, by form: only access tokens have
// two dots. Several credentials in one request are ambiguous, whichever kinds they are (RFC 6750 section 2).
func sort(p auth.Presented) (token, key string, ambiguous bool) {
	n := 0
	for _, sent := range [...]string{p.AccessToken, p.Bearer, p.APIKey, p.SessionCookie} {
		if sent != "" {
			n++
		}
	}
	token, key = p.AccessToken, p.APIKey
	if p.Bearer != "" {
		if strings.Count(p.Bearer, ".") == 2 {
			token = p.Bearer
		} else {
			key = p.Bearer
		}
	}
	return token, key, n > 1
}

// refused counts a request whose credential was refused, so that a flood of them is limited like any other.
func (c *Credentials) refused(p auth.Presented, err error) error {
	e := auth.AsError(err)
	if c.Limits == nil {
		return e
	}
	state, limited := c.Limits.Request(limit.RequestsNetwork, limit.Network(p.IP))
	if limited != nil {
		return auth.AsError(limited)
	}
	if e.Limit == nil && state.Max > 0 {
		told := *e
		told.Limit = &state
		return &told
	}
	return e
}

func mismatch() *auth.Error { return auth.E(auth.CodeAppMismatch, "") }
