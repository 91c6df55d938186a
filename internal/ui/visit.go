package ui

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/web"
)

// visit is one request for a page: which app it is about, what was typed, who asks.
type visit struct {
	p *Pages
	w http.ResponseWriter
	r *http.Request
	// app is what `app` in the URL or in the form names, else the app default.
	app auth.App
	// form is what was posted; empty for a GET.
	form url.Values
	// answer is what a script posted instead of a form.
	answer ceremony
	// asked says that an operation was called for who is signed in.
	asked bool
	// typed are the fields of the form that may stand in a URL: never secrets.
	typed []string
	// returnTo is the path on this server to go to in the end; empty: nowhere in particular.
	returnTo string
}

// begin reads what every page needs. A POST that did not come from a page of ours gets no further. Codes: csrf-failed,
// unsupported-media-type, invalid-request, not-found (no such app).
func (p *Pages) begin(w http.ResponseWriter, r *http.Request) (*visit, error) {
	said, form := r.URL.Query(), url.Values{}
	for name, values := range said {
		if slices.ContainsFunc(values, func(v string) bool { return !auth.IsText(v) }) {
			return nil, auth.Invalid(httpx.Printable(name, maxFieldName), auth.ViolationInvalid, "The address could not be read.")
		}
	}
	if r.Method == http.MethodPost {
		var err error
		if form, err = p.form(w, r); err != nil {
			return nil, err
		}
		said = form
	}
	v, err := p.visit(w, r, said)
	if err == nil {
		v.form = form
	}
	return v, err
}

// visit is a visit with what a request says of its app and of the place to return to. Code: not-found (no such app).
func (p *Pages) visit(w http.ResponseWriter, r *http.Request, said url.Values) (*visit, error) {
	id := auth.AppID(said.Get("app"))
	if id == "" {
		id = auth.DefaultApp
	}
	app, err := p.app(r, id)
	if err != nil {
		return nil, err
	}
	return &visit{p: p, w: w, r: r, form: url.Values{}, app: app, returnTo: httpx.ReturnPath(said.Get("return_to"))}, nil
}

// app reads an app that a request names. Codes: not-found.
func (p *Pages) app(r *http.Request, id auth.AppID) (auth.App, error) {
	if httpx.Printable(string(id), maxAppID) != string(id) {
		return auth.App{}, auth.E(auth.CodeNotFound, "There is no such app.")
	}
	app, err := p.o.App(r.Context(), id)
	if auth.Is(err, auth.CodeNotFound) {
		err = auth.E(auth.CodeNotFound, "There is no such app.")
	}
	return app, err
}

// maxFieldName is longer than the name of any field, in bytes.
const maxFieldName = 64

// maxAppID is longer than any id of an app, in bytes.
const maxAppID = 128

// lost is the visit of a request that could not be read, so that an error can still be shown.
func (p *Pages) lost(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{p: p, w: w, r: r, form: url.Values{}}
	for _, id := range []string{r.PostForm.Get("app"), r.URL.Query().Get("app"), string(auth.DefaultApp)} {
		app, err := p.app(r, auth.AppID(id))
		if id != "" && err == nil {
			v.app = app
			return v
		}
	}
	v.app = auth.App{ID: auth.DefaultApp, Name: "Ostiary"}
	return v
}

// form reads a posted form of a page of ours.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if err := p.origins.Check(r); err != nil {
		return nil, err
	}
	return p.fields(w, r)
}

// fields reads a posted form of whatever site: small, of one content type, every field at most once, in the URL neither
// (IO-04), text that is UTF-8 without NUL.
func (p *Pages) fields(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, auth.E(auth.CodeUnsupportedMedia, "")
	}
	r.Body = http.MaxBytesReader(w, r.Body, httpx.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, auth.E(auth.CodeInvalidRequest, "The form could not be read.")
	}
	query := r.URL.Query()
	for name, values := range r.PostForm {
		if len(values) != 1 || query.Has(name) || !auth.IsText(values[0]) {
			return nil, auth.Invalid(name, auth.ViolationInvalid, "The form could not be read.")
		}
	}
	return r.PostForm, nil
}

// SessionCookie is the name of the cookie of a person who signed in to an app on a page of ours.
func SessionCookie(app auth.AppID) string { return "__Host-ostiary-" + string(app) }

// session is the session cookie that came along, if one did.
func (v *visit) session() string {
	secret, _ := v.p.cookies.Read(v.r, SessionCookie(v.app.ID))
	return secret
}

// stranger runs an operation for whom nobody knows: everything that signs in or up, or spends a mailed secret. A session
// that the browser has does not matter to it.
func (v *visit) stranger(name string, in any) (operation.Outcome, error) { return v.run(name, "", in) }

// person runs an operation for who is signed in, and refuses with unauthenticated if nobody is.
func (v *visit) person(name string, in any) (operation.Outcome, error) {
	secret := v.session()
	if secret == "" {
		return operation.Outcome{}, auth.E(auth.CodeUnauthenticated, "")
	}
	v.asked = true
	return v.run(name, secret, in)
}

func (v *visit) run(name, session string, in any) (operation.Outcome, error) {
	ctx := v.r.Context()
	httpx.Event(ctx).SetString(httpx.KeyOperation, name)
	caller, err := v.p.o.Credentials.Resolve(ctx, auth.Presented{
		MountApp: v.app.ID, SessionCookie: session, IP: httpx.ClientIP(ctx), UserAgent: httpx.Printable(v.r.UserAgent(), 512),
		AcceptLanguage: httpx.AcceptLanguage(v.r), RequestID: httpx.RequestID(ctx),
		Door: auth.Door{Contract: "pages", SessionCookie: true, SignsIn: true, Home: true, URL: v.p.o.PublicURL},
	})
	if err != nil {
		return operation.Outcome{}, err
	}
	return v.p.o.Operations.Call(ctx, v.p.o.Operations.Lookup(name), &operation.Request{Caller: caller}, in)
}

// to ends a POST (WB-10): the browser asks for the next page with GET and sends no credentials again. The path is one of
// ours; the app and where to return go along.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, v.link(path), http.StatusSeeOther)
	return nil
}

// retryAfter says when the request may be tried again (RFC 9110 section 10.2.3).
func (v *visit) retryAfter(e *auth.Error) {
	if e.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(e.RetryAfter/time.Second))))
	}
}

// translator speaks the language that the request asks for, else that of the app.
func (v *visit) translator() (*web.Translator, error) {
	return v.p.o.Library.Skin(string(v.app.ID)).Translator(v.languages(), v.app.Settings.Locale)
}

// link is the address of a page of ours with what the visit is about.
func (v *visit) link(path string) string {
	q := url.Values{}
	if v.app.ID != auth.DefaultApp && v.app.ID != "" {
		q.Set("app", string(v.app.ID))
	}
	if v.returnTo != "" {
		q.Set("return_to", v.returnTo)
	}
	switch {
	case len(q) == 0:
		return path
	case strings.Contains(path, "?"):
		return path + "&" + q.Encode()
	}
	return path + "?" + q.Encode()
}

// after is where a finished flow leads: to where the person wanted to be, else to a page of ours.
func (v *visit) after(done string) string {
	if v.returnTo != "" {
		return v.returnTo
	}
	return v.link(done)
}

// oauthBelow is where clients send browsers to sign in for them. It leads on to the client's own site.
const oauthBelow = "/oauth2/"

// back ends a POST that finished a flow.
func (v *visit) back(done string) error {
	if strings.HasPrefix(v.returnTo, oauthBelow) {
		return v.leave(v.returnTo)
	}
	http.Redirect(v.w, v.r, v.after(done), http.StatusSeeOther)
	return nil
}

// admit sets the session cookie of a finished sign-in, a new one every time (SE-02), and ends the flow.
func (v *visit) admit(out operation.Outcome) {
	if in, ok := out.Value.(operation.Granted); ok {
		v.seat(in.SessionCookie)
	}
	v.forget()
}

// seat sets the session cookie.
func (v *visit) seat(cookie string) {
	if cookie != "" {
		v.p.cookies.Set(v.w.Header(), httpx.Cookie{Name: SessionCookie(v.app.ID), Value: cookie})
	}
}

// entered answers whatever ends a sign-in: on to where the person wanted to be, or to the second step. done is the page for
// who wanted nothing in particular.
func (v *visit) entered(out operation.Outcome, done string) error {
	if half, ok := out.Value.(operation.Challenged); ok {
		v.keep(flow{Challenge: half.Challenge.Token, Factors: half.Challenge.Factors})
		return v.to("/two-factor")
	}
	v.admit(out)
	return v.back(done)
}
