package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// LoggedOut is what came of a request to sign somebody out (OpenID RP-Initiated Logout section 3).
type LoggedOut struct {
	App auth.AppID
	// Ask says that nothing was done: the person has to say first that they want it (LO-02).
	Ask bool
	// Client is who asked, as far as that is known; the zero one: nobody knows.
	Client auth.Client
	// Location is where the browser is sent back; empty: nowhere.
	Location string
	// Frames are the addresses that clients want loaded when a session ends (OpenID Front-Channel Logout section 2).
	Frames []string
}

// FrameSources are the origins of Frames, as a Content-Security-Policy names them.
func (l LoggedOut) FrameSources() []string {
	var out []string
	for _, uri := range l.Frames {
		if source := formSource(uri); source != "" && !slices.Contains(out, source) {
			out = append(out, source)
		}
	}
	return out
}

// leaving is a request to sign somebody out, as far as it could be read.
type leaving struct {
	client   auth.Client // zero: none that can be told
	hint     IDClaims    // zero: none of ours
	hinted   bool
	redirect string // one that the client registered; empty: none
	refused  bool   // it named another redirect, or another client than the hint
}

// Logout ends the session of a browser for a client that sends it here. A hint that is an ID token of ours shows that the
// client knows the person, so nobody is asked; without one, or with a hint about somebody else, the person is (confirmed
// says that they said yes, on a page of ours). The browser is sent back only to what that very client registered (LO-01).
func (s *Service) Logout(ctx context.Context, f Form, v Visit, confirmed bool) (LoggedOut, error) {
	out, err := s.logout(ctx, f, v, confirmed)
	if err != nil {
		return LoggedOut{}, AsError(err)
	}
	return out, nil
}

func (s *Service) logout(ctx context.Context, f Form, v Visit, confirmed bool) (LoggedOut, error) {
	if err := f.check(); err != nil {
		return LoggedOut{}, err
	}
	r, err := s.leaves(ctx, f)
	if err != nil {
		return LoggedOut{}, err
	}
	out := LoggedOut{App: r.app(f), Client: r.client}
	who, err := v.Who(ctx, out.App)
	if err != nil {
		return LoggedOut{}, err
	}
	known := r.hinted && !r.refused
	if known || who.Person() {
		out.Location = r.location(f.Get("state"))
	}
	if !who.Person() {
		return out, nil
	}
	if known = known && s.about(r, who); !known && !confirmed {
		out.Ask, out.Location = true, ""
		return out, nil
	}
	out.Frames, err = s.leave(ctx, who)
	return out, err
}

// app is where the person is to be signed out: at the client's, else where the request says.
func (r leaving) app(f Form) auth.AppID {
	if r.client.App != "" {
		return r.client.App
	}
	if app := f.Get("app"); app != "" {
		return auth.AppID(app)
	}
	return auth.DefaultApp
}

// location is where the browser is sent back, with the client's own `state`; empty: nowhere.
func (r leaving) location(state string) string {
	if r.redirect == "" || state == "" { // a refused one was never kept
		return r.redirect
	}
	return Answer{RedirectURI: r.redirect, Mode: auth.ModeQuery, Parameters: []Parameter{{"state", state}}}.Location()
}

// leaves reads who asks, and where they want the browser back.
func (s *Service) leaves(ctx context.Context, f Form) (leaving, error) {
	var r leaving
	named := f.Get("client_id")
	if token := f.Get("id_token_hint"); token != "" {
		hint, err := s.readIDToken(ctx, token)
		if err != nil && !Is(err, InvalidRequest) {
			return r, err
		}
		if r.hinted = err == nil && len(hint.Audience) == 1; r.hinted {
			r.hint, r.refused = hint, named != "" && named != hint.Audience[0]
			named = hint.Audience[0]
		}
	}
	if named == "" || r.refused {
		return r, nil
	}
	client, err := s.leavingClient(ctx, named, r.hint)
	if err != nil && !Is(err, InvalidClient) {
		return r, err
	}
	if err != nil {
		r.hinted = false
		return r, nil
	}
	r.client = client
	if uri := f.Get("post_logout_redirect_uri"); uri != "" {
		if slices.Contains(client.Settings.OAuth.PostLogoutRedirectURIs, uri) {
			r.redirect = uri
		} else {
			r.refused = true
		}
	}
	return r, nil
}

// leavingClient is the client of that name, in the app of a hint where the name does not tell.
func (s *Service) leavingClient(ctx context.Context, named string, hint IDClaims) (auth.Client, error) {
	home := auth.DefaultApp
	if isDocument(named) && hint.SessionID != "" {
		var err error
		if home, err = s.homeOfSession(ctx, hint.SessionID); err != nil {
			return auth.Client{}, err
		}
	}
	return s.clientIn(ctx, home, named)
}

// about reports whether the hint of a request is about who is signed in.
func (s *Service) about(r leaving, who auth.Caller) bool {
	return r.hint.SessionID == who.Session || r.hint.Subject == s.subject(r.client, who.User)
}

// leave ends a browser's session and answers what the clients want loaded. They are told in the background too.
func (s *Service) leave(ctx context.Context, who auth.Caller) (frames []string, err error) {
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		frames = nil
		told, err := tx.DelegationsOf(who.App, who.Session)
		if err != nil {
			return fmt.Errorf("list delegations: %w", err)
		}
		for _, d := range told {
			client, err := tx.Client(who.App, d.Client)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read a client: %w", err)
			}
			if uri := s.frame(client, who.Session); err == nil && uri != "" && !slices.Contains(frames, uri) {
				frames = append(frames, uri)
			}
		}
		return s.o.Sessions.End(tx, who, who.App, who.Session, auth.EndSignedOut)
	})
	return frames, err
}

// frame is the address that a client wants loaded when a session ends; empty if it wants none.
func (s *Service) frame(client auth.Client, session auth.SessionID) string {
	uri := client.Settings.OAuth.FrontchannelLogoutURI
	if client.Status != auth.ClientActive || !strings.HasPrefix(uri, "https://") && !strings.HasPrefix(uri, "http://") || formSource(uri) == "" {
		return ""
	}
	mark := "?"
	if strings.Contains(uri, "?") {
		mark = "&"
	}
	return uri + mark + url.Values{"iss": {s.o.Issuer}, "sid": {string(session)}}.Encode()
}

// LogoutTarget answers the name of a client of an app that wants somebody signed out, and the origin of a place that it registered
// to send them to afterwards, as a Content-Security-Policy names it; empty: nobody, and nowhere.
func (s *Service) LogoutTarget(ctx context.Context, app auth.AppID, id, redirect string) (name, target string) {
	client, err := s.clientIn(ctx, app, id)
	if err != nil {
		return "", ""
	}
	if slices.Contains(client.Settings.OAuth.PostLogoutRedirectURIs, redirect) {
		target = formSource(redirect)
	}
	return client.Name, target
}
