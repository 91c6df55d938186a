package ui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/web"
)

// SessionCookie is the cookie of a person who signed in on a page of ours, in the app default.
const SessionCookie = "__Host-ostiary-default"

// Inbox is where the development inbox reads; *mail.Inbox is one.
type Inbox interface {
	List(ctx context.Context, limit int) ([]mail.InboxMessage, error)
}

// Options are the parts of the pages. Operations and Credentials are required.
type Options struct {
	Operations  contract.Operations
	Credentials contract.Credentials
	PublicURL   string
	// Contracts are listed on the start page.
	Contracts []contract.Info
	// Inbox is the development inbox; nil means that there is none, and its paths answer 404.
	Inbox Inbox
	// Library has the sentences, templates and styles; nil: those of the program.
	Library *web.Library
	// Locale is the language of an app for people who say none; nil: English.
	Locale func(ctx context.Context, app auth.AppID) string
}

// Pages serves the server's own pages.
type Pages struct {
	o       Options
	origins httpx.Origins
	cookies httpx.Cookies
	styles  map[string]string // path of the style sheet by skin
	sheets  map[string][]byte // by path
	router  chi.Router
}

// New reads the style sheets.
func New(o Options) (*Pages, error) {
	if o.Library == nil {
		o.Library = &web.Library{}
	}
	p := &Pages{o: o, origins: httpx.NewOrigins(o.PublicURL), cookies: httpx.NewCookies(o.PublicURL),
		styles: map[string]string{}, sheets: map[string][]byte{}}
	for _, app := range o.Library.Skins() {
		style, err := o.Library.Skin(app).Style()
		if err != nil {
			return nil, fmt.Errorf("style sheet: %w", err)
		}
		sum := sha256.Sum256(style)
		path := "/static/style-" + hex.EncodeToString(sum[:8]) + ".css"
		p.styles[app], p.sheets[path] = path, style
	}
	p.router = p.routes(o.Inbox != nil)
	return p, nil
}

// Reserved answers which paths are pages of whatever server, with a development inbox or without one, for those who must
// keep off them before there are pages.
func Reserved() func(path string) bool {
	p := &Pages{sheets: map[string][]byte{"/static/{file}": nil}}
	p.router = p.routes(true)
	return p.Owns
}

// routes is the table of all pages.
func (p *Pages) routes(inbox bool) chi.Router {
	r := chi.NewRouter()
	page := func(method, path string, h httpx.Handler) { r.Method(method, path, p.handle(path, h)) }
	page("GET", "/", p.index)
	page("GET", "/setup", p.showSetup)
	page("POST", "/setup", p.setup)
	page("GET", "/verify", p.showVerify)
	page("POST", "/verify", p.verify)
	page("GET", "/cancel-email-change", p.showCancel)
	page("POST", "/cancel-email-change", p.cancel)
	page("GET", "/reset", p.showReset)
	page("POST", "/reset", p.reset)
	page("GET", "/magic", p.showMagic)
	page("POST", "/magic", p.magic)
	page("POST", "/magic/code", p.magicCode)
	page("GET", "/invite", p.showInvite)
	page("POST", "/invite", p.acceptInvite)
	page("GET", "/done/{what}", p.done)
	page("GET", "/error", p.showError)
	for path := range p.sheets {
		page("GET", path, p.sheet)
	}
	if inbox {
		page("GET", "/dev/inbox", p.inbox)
		page("GET", "/dev/inbox/messages", p.inboxMessages)
	}
	r.NotFound(p.handle("", func(http.ResponseWriter, *http.Request) error {
		return auth.E(auth.CodeNotFound, "There is no such page.")
	}).ServeHTTP)
	r.MethodNotAllowed(p.handle("", func(http.ResponseWriter, *http.Request) error {
		return auth.E(auth.CodeMethodNotAllowed, "")
	}).ServeHTTP)
	return r
}

// ServeHTTP answers every path; those that are no page with 404. HEAD is answered like GET.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		r = r.Clone(r.Context())
		r.Method = http.MethodGet // net/http drops the body of the answer
	}
	p.router.ServeHTTP(w, r)
}

// Owns reports whether a path is one of the pages.
func (p *Pages) Owns(path string) bool {
	return p.router.Match(chi.NewRouteContext(), http.MethodGet, path) || p.router.Match(chi.NewRouteContext(), http.MethodPost, path)
}

// view is what a template shows, and by the translator how it says it: {{.T "page.verify.text"}}.
type view struct {
	*web.Translator
	Title, Style, Problem   string
	Wide                    bool
	Token, App, Name, Email string // of the forms
	Text, RequestID         string // of messages
	Contracts               []contract.Info
	Inbox                   bool
	Messages                []mail.InboxMessage
	status                  int
	// title and text are the keys of Title and Text; problem is what Problem is about.
	title, text string
	problem     *auth.Error
	refused     bool // the page is about the problem, and there is nothing to try again on it
}

func (p *Pages) handle(route string, h httpx.Handler) http.Handler {
	return httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		e := httpx.Event(r.Context())
		e.SetString(httpx.KeyContract, "pages")
		e.SetString(httpx.KeyRoute, route)
		return h(w, r)
	}, p.failed)
}

// render writes a page in the language that the request asks for, else that of the app.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, name string, v view) error {
	skin := p.o.Library.Skin(v.App)
	page, err := skin.Page(name)
	if err == nil {
		v.Translator, err = skin.Translator(httpx.AcceptLanguage(r), p.locale(r.Context(), v.App))
	}
	if err == nil {
		err = v.translate()
	}
	v.Style = p.styles[v.App]
	if v.Style == "" {
		v.Style = p.styles[""]
	}
	var b bytes.Buffer
	if err == nil {
		err = page.Execute(&b, v)
	}
	if err != nil {
		return auth.Internal(fmt.Errorf("page %s: %w", name, err))
	}
	httpx.Page(w.Header(), "'self'")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	if v.status == 0 {
		v.status = http.StatusOK
	}
	w.WriteHeader(v.status)
	_, _ = b.WriteTo(w) // a client that hung up cannot be told
	return nil
}

// failed shows an error as a page, or as a problem to programs.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") && r.Method != http.MethodPost {
		httpx.Problem(w, r, e)
		return
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(e.RetryAfter/time.Second))))
	}
	v := refusal(e)
	v.RequestID, v.status = httpx.RequestID(r.Context()), e.Code.Status()
	if err := p.render(w, r, "message", v); err != nil {
		httpx.Problem(w, r, auth.AsError(err))
	}
}

func (p *Pages) index(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, "index", view{title: "page.index.title", Contracts: p.o.Contracts, Inbox: p.o.Inbox != nil})
}

func (p *Pages) sheet(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(p.sheets[r.URL.Path])
	return nil
}

func (p *Pages) inbox(w http.ResponseWriter, r *http.Request) error {
	list, err := p.o.Inbox.List(r.Context(), inboxPage)
	if err != nil {
		return err
	}
	return p.render(w, r, "inbox", view{title: "page.inbox.title", Wide: true, Messages: list})
}

// inboxPage is how many mails the development inbox shows.
const inboxPage = 100

func (p *Pages) inboxMessages(w http.ResponseWriter, r *http.Request) error {
	list, err := p.o.Inbox.List(r.Context(), inboxPage)
	if err != nil {
		return err
	}
	if list == nil {
		list = []mail.InboxMessage{}
	}
	return httpx.JSON(w, list)
}

// messages are the pages after a form and those that others send people to: a closed list, so that nobody can
// make the server say something of theirs.
var messages = map[string]view{
	"setup":     {title: "page.setup.done", text: "page.setup.done-text"},
	"verified":  {title: "page.verify.done", text: "page.verify.done-text"},
	"kept":      {title: "page.cancel.done", text: "page.cancel.done-text"},
	"signed-in": {title: "page.magic.done", text: "page.magic.done-text"},
	"reset":     {title: "page.reset.done", text: "page.reset.done-text"},
}

func (p *Pages) done(w http.ResponseWriter, r *http.Request) error {
	v, ok := messages[chi.URLParam(r, "what")]
	if !ok {
		return auth.E(auth.CodeNotFound, "There is no such page.")
	}
	return p.render(w, r, "message", v)
}

// showError is where other parts send a browser with an error code of ours.
func (p *Pages) showError(w http.ResponseWriter, r *http.Request) error {
	code := auth.Code(r.URL.Query().Get("code"))
	if !code.Known() {
		code = auth.CodeInvalidRequest
	}
	v := refusal(auth.E(code, ""))
	v.RequestID, v.status = httpx.RequestID(r.Context()), http.StatusBadRequest
	return p.render(w, r, "message", v)
}
