package ui

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/web"
)

// Inbox is where the development inbox reads; *mail.Inbox is one.
type Inbox interface {
	List(ctx context.Context, limit int) ([]mail.InboxMessage, error)
}

// Options are the parts of the pages. Operations, Credentials, App and Rand are required.
type Options struct {
	Operations  contract.Operations
	Credentials contract.Credentials
	PublicURL   string
	// App reads an app for its name, its language and how people sign up. Error: not-found.
	App func(ctx context.Context, id auth.AppID) (auth.App, error)
	// ConsentTarget answers where else than to us the form may lead that decides about a flow of an OAuth client, as a
	// Content-Security-Policy names it (WB-05); empty: nowhere. Nil: nowhere.
	ConsentTarget func(ctx context.Context, app auth.AppID, flow string) string
	// LogoutTarget answers the name of an OAuth client that wants somebody signed out, and where the form that agrees may
	// lead to; empty: nobody, and nowhere. Nil: nobody.
	LogoutTarget func(ctx context.Context, app auth.AppID, client, redirect string) (name, target string)
	// FlowSite answers the site of the OAuth client whose request a flow of this browser is or was; empty: not known. Nil: not
	// known.
	FlowSite func(ctx context.Context, app auth.AppID, flow, browser string) string
	// Rand is where the nonces of scripts come from.
	Rand io.Reader
	// Contracts are listed on the start page.
	Contracts []contract.Info
	// Samples are requests of the contracts of an app for who has just set it up. Nil: none.
	Samples func(app auth.AppID, identifier string) []contract.Sample
	// Inbox is the development inbox; nil means that there is none, and its paths answer 404.
	Inbox Inbox
	// Place is where an address roughly is, in a language; empty: nobody knows. nil: no places are shown.
	Place func(address, language string) string
	// Library has the sentences, templates and styles; nil: those of the program.
	Library *web.Library
}

// Pages serves the server's own pages.
type Pages struct {
	o       Options
	origins httpx.Origins
	cookies httpx.Cookies
	assets  assets
	router  chi.Router
}

// New prepares the styles and scripts.
func New(o Options) (*Pages, error) {
	if o.Library == nil {
		o.Library = &web.Library{}
	}
	p := &Pages{o: o, origins: httpx.NewOrigins(o.PublicURL), cookies: httpx.NewCookies(o.PublicURL)}
	var err error
	if p.assets, err = newAssets(o.Library); err != nil {
		return nil, err
	}
	p.router = p.routes(o.Inbox != nil)
	return p, nil
}

// Reserved answers which paths are pages of whatever server, with a development inbox or without one, for those who must
// keep off them before there are pages.
func Reserved() func(path string) bool {
	p := &Pages{assets: assets{files: map[string]asset{assetsDir + "{file}": {}}}}
	p.router = p.routes(true)
	return p.Owns
}

// page is one line of the table of pages.
type page struct {
	method, path string
	serve        func(v *visit) error
}

// table is every page. A GET shows; only a POST changes anything.
func table(inbox bool) []page {
	list := []page{
		{"GET", "/", showIndex},

		{"GET", "/sign-in", showSignIn},
		{"POST", "/sign-in", signIn},
		{"GET", "/sign-in/password", showPassword},
		{"POST", "/sign-in/password", signInWithPassword},
		{"POST", "/sign-in/mail", mailSignIn},
		{"GET", "/magic/code", showMagicCode},
		{"POST", "/magic/code", magicCode},
		{"GET", "/two-factor", showTwoFactor},
		{"POST", "/two-factor", twoFactor},
		{"GET", "/sign-up", showSignUp},
		{"POST", "/sign-up", signUp},
		{"GET", "/forgot", showForgot},
		{"POST", "/forgot", forgot},
		{"GET", "/step-up", showStepUp},
		{"POST", "/step-up", stepUp},
		{"GET", "/sign-out", showSignOut},
		{"POST", "/sign-out", signOut},
		{"GET", "/signed-out", showSignedOut},

		{"GET", "/verify", showVerify},
		{"POST", "/verify", verify},
		{"GET", "/verify/resend", showResend},
		{"POST", "/verify/resend", resend},
		{"GET", "/cancel-email-change", showCancel},
		{"POST", "/cancel-email-change", cancel},
		{"GET", "/cancel-deletion", showKeep},
		{"POST", "/cancel-deletion", keep},
		{"GET", "/reset", showReset},
		{"POST", "/reset", reset},
		{"GET", "/magic", showMagic},
		{"POST", "/magic", magic},
		{"GET", "/invite", showInvite},
		{"POST", "/invite", acceptInvite},

		{"GET", "/done/{what}", showDone},
		{"GET", "/error", showError},
	}
	list = append(list, setupPages()...)
	list = append(list, providerPages()...)
	list = append(list, mine()...)
	list = append(list, between()...)
	if inbox {
		list = append(list, page{"GET", "/dev/inbox", showInbox}, page{"GET", "/dev/inbox/messages", listInbox})
	}
	return list
}

func (p *Pages) routes(inbox bool) chi.Router {
	r := chi.NewRouter()
	for _, one := range table(inbox) {
		r.Method(one.method, one.path, p.handle(page{one.method, one.path, turning(one.serve)}, p.begin, p.failed))
	}
	for _, one := range slices.Concat(ceremonies(), myCeremonies()) {
		r.Method(one.method, one.path, p.handle(one, p.beginJSON, httpx.Problem))
	}
	for method, landing := range p.landings() {
		r.Method(method, providerBack, landing)
		r.Method(method, providerBackTo, landing)
	}
	r.Method("GET", assetsDir+"accent-{colour}.css", httpx.Handle(serveAccent, p.failed))
	for path := range p.assets.files {
		r.Method("GET", path, httpx.Handle(p.assets.serve, p.failed))
	}
	lost := func(code auth.Code, text string) http.HandlerFunc {
		return p.handle(page{serve: func(*visit) error { return auth.E(code, text) }}, p.begin, p.failed).ServeHTTP
	}
	r.NotFound(lost(auth.CodeNotFound, "There is no such page."))
	r.MethodNotAllowed(lost(auth.CodeMethodNotAllowed, ""))
	return r
}

// ServeHTTP answers every path; those that are no page with 404. HEAD is answered like GET.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead && !strings.HasPrefix(r.URL.Path, providerBelow) { // asking for the way back ends it
		r = r.Clone(r.Context())
		r.Method = http.MethodGet // net/http drops the body of the answer
	}
	p.router.ServeHTTP(w, r)
}

// Owns reports whether a path is one of the pages.
func (p *Pages) Owns(path string) bool {
	return p.router.Match(chi.NewRouteContext(), http.MethodGet, path) || p.router.Match(chi.NewRouteContext(), http.MethodPost, path)
}

// handle serves one page: begin reads the request, failed answers errors.
func (p *Pages) handle(one page, begin func(http.ResponseWriter, *http.Request) (*visit, error),
	failed func(http.ResponseWriter, *http.Request, *auth.Error)) http.Handler {
	return httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		e := httpx.Event(r.Context())
		e.SetString(httpx.KeyContract, "pages")
		e.SetString(httpx.KeyRoute, one.path)
		v, err := begin(w, r)
		if err != nil {
			return err
		}
		return one.serve(v)
	}, failed)
}

// failed shows an error as a page, or as a problem to programs.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") && r.Method != http.MethodPost {
		httpx.Problem(w, r, e)
		return
	}
	v := p.lost(w, r)
	v.retryAfter(e)
	if err := v.say(refusal(e)); err != nil {
		httpx.Problem(w, r, auth.AsError(err))
	}
}
