package oauth

import (
	"context"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"net/http"
	"net/url"
	"slices"
)

// maxQuery bounds a request in an address, in bytes; what is longer is pushed (RFC 9126).
const maxQuery = 12 << 10

// authorize is the authorization endpoint (RFC 6749 section 3.1). A form that a client's page posts is asked for again
// with GET: the cookies that say who is there do not come along with a POST from elsewhere (SameSite), and what a POST
// leads to is what the GET leads to.
func (d *Door) authorize(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		f, err := form(w, r)
		if err != nil {
			return err
		}
		query := url.Values(f).Encode()
		if len(query) > maxQuery {
			return tooLong()
		}
		http.Redirect(w, r, oauth.AuthorizePath+"?"+query, http.StatusSeeOther)
		return nil
	}
	f, err := query(r)
	if err != nil || r.Method == http.MethodHead { // a look consumes nothing
		return err
	}
	step, err := d.o.Service.Authorize(r.Context(), f, d.visit(r))
	if err != nil {
		return err
	}
	return d.step(w, r, step)
}

// proceed goes on with a request after the person did what had to come first.
func (d *Door) proceed(w http.ResponseWriter, r *http.Request) error {
	f, err := query(r)
	if err != nil || r.Method == http.MethodHead {
		return err
	}
	app := auth.AppID(f.Get("app"))
	if app == "" {
		app = auth.DefaultApp
	}
	step, err := d.o.Service.Continue(r.Context(), app, f.Get("flow"), d.visit(r))
	if err != nil {
		return err
	}
	return d.step(w, r, step)
}

func tooLong() error {
	return &oauth.Error{Code: oauth.InvalidRequest, Description: "The request is too long; longer ones are pushed first."}
}

// query reads the parameters of a GET.
func query(r *http.Request) (oauth.Form, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, tooLong()
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "The parameters cannot be read.", Err: err}
	}
	for _, list := range values {
		if slices.ContainsFunc(list, func(v string) bool { return !auth.IsText(v) }) {
			return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "The parameters are not UTF-8."}
		}
	}
	return oauth.Form(values), nil
}

// visit is the browser of a request.
func (d *Door) visit(r *http.Request) oauth.Visit {
	browser, _ := d.cookies.Read(r, oauth.BrowserCookie)
	return oauth.Visit{Browser: browser, Who: func(ctx context.Context, app auth.AppID) (auth.Caller, error) { return d.who(ctx, r, app) }}
}

// who recognises the person whose session the browser has; nobody if it has ended.
func (d *Door) who(ctx context.Context, r *http.Request, app auth.AppID) (auth.Caller, error) {
	asks := auth.Presented{MountApp: app, IP: httpx.ClientIP(ctx), UserAgent: httpx.Printable(r.UserAgent(), 512),
		AcceptLanguage: httpx.AcceptLanguage(r), RequestID: httpx.RequestID(ctx), Door: auth.Door{Contract: "oauth", SessionCookie: true}}
	asks.SessionCookie, _ = d.cookies.Read(r, d.o.SessionCookie(app))
	caller, err := d.o.Credentials.Resolve(ctx, asks)
	if asks.SessionCookie != "" && err != nil {
		switch auth.AsError(err).Code {
		case auth.CodeInvalidToken, auth.CodeTokenExpired, auth.CodeSessionEnded, auth.CodeAccountDisabled:
			asks.SessionCookie = ""
			return d.o.Credentials.Resolve(ctx, asks)
		}
	}
	if err == nil {
		e := httpx.Event(ctx)
		e.SetString(httpx.KeyApp, string(caller.App))
		e.SetString(httpx.KeyUser, string(caller.User))
		e.SetString(httpx.KeySession, string(caller.Session))
	}
	return caller, err
}

// step sends the browser on.
func (d *Door) step(w http.ResponseWriter, r *http.Request, step oauth.Step) error {
	if step.Browser != "" {
		d.cookies.Set(w.Header(), httpx.Cookie{Name: oauth.BrowserCookie, Value: step.Browser})
	}
	httpx.Event(r.Context()).SetString(httpx.KeyCode, string(step.Kind))
	flow, way := url.Values{"flow": {step.Flow}}, url.Values{}
	if step.App != auth.DefaultApp {
		flow.Set("app", string(step.App))
		way.Set("app", string(step.App))
	}
	if step.Locales != "" {
		flow.Set("ui_locales", step.Locales)
	}
	way.Set("return_to", oauth.ContinuePath+"?"+flow.Encode())
	switch step.Kind {
	case oauth.StepAnswer:
		return d.answer(w, r, step)
	case oauth.StepConsent, oauth.StepSelectAccount:
		return to(w, oauth.ConsentPath+"?"+flow.Encode())
	case oauth.StepStepUp:
		return to(w, "/step-up?"+way.Encode())
	}
	for name, value := range map[string]string{"login_hint": step.LoginHint, "connection": step.Connection} {
		if value != "" {
			way.Set(name, value)
		}
	}
	return to(w, "/sign-in?"+way.Encode())
}

// answer hands an answer to the client through the browser.
func (d *Door) answer(w http.ResponseWriter, r *http.Request, step oauth.Step) error {
	if step.Answer.Mode == auth.ModeFormPost {
		return d.o.Pages.FormPost(w, r, step.App, *step.Answer)
	}
	return to(w, step.Answer.Location())
}

// to sends the browser somewhere else, by GET whatever it came with (WB-10).
func to(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
