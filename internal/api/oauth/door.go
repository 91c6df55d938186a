package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// Options are the parts of the door. All are needed.
type Options struct {
	Service *oauth.Service
	Keys    KeySet
	Limits  *limit.Limits
	// Credentials recognise who is signed in at the browser.
	Credentials Credentials
	// Origins lists the origins of a client, or of all clients of an app.
	Origins func(ctx context.Context, app auth.AppID, client auth.ClientID) ([]string, error)
	// PublicURL is the issuer; its origin is ours.
	PublicURL string
	// SessionCookie is the name of the cookie of a person who is signed in to an app.
	SessionCookie func(app auth.AppID) string
	Pages         Pages
}

// Pages are what people see where no client is answered; *ui.Pages is one.
type Pages interface {
	// Refused shows an error that no client may be told of, or none can.
	Refused(w http.ResponseWriter, r *http.Request, err error)
	// FormPost shows a form that takes an answer to a client.
	FormPost(w http.ResponseWriter, r *http.Request, app auth.AppID, a oauth.Answer) error
	// SignedOut says that somebody is signed out, frames what clients want loaded, and leads on.
	SignedOut(w http.ResponseWriter, r *http.Request, out oauth.LoggedOut) error
}

// Credentials recognise callers; *operation.Credentials is one.
type Credentials interface {
	Resolve(ctx context.Context, p auth.Presented) (auth.Caller, error)
}

// Door serves the endpoints.
type Door struct {
	o       Options
	origins httpx.Origins
	cookies httpx.Cookies
	routes  map[string]route
	tall    []route // those that answer more than one path
}

// route is one endpoint.
type route struct {
	path    string
	methods []string
	serve   func(d *Door, w http.ResponseWriter, r *http.Request) error
	// seen says that a person reads the errors that serve returns.
	seen bool
	// failed writes them for programs; nil: as JSON (RFC 6749 section 5.2).
	failed func(w http.ResponseWriter, r *http.Request, e *oauth.Error)
	// open says that any origin may read the answer: it is the same for everybody (MD-01), or it takes a token that no
	// browser sends by itself.
	open bool
	// personal says that the answer is about somebody and is kept nowhere (WB-07).
	personal bool
	// proofs says that it takes proofs of possession, so every answer carries the nonce of the next one (RFC 9449 section 8.2).
	proofs bool
	// below says that it answers every path below its own too.
	below bool
}

// readable are the headers that scripts of other origins may read beside the answer.
const readable = "DPoP-Nonce, WWW-Authenticate, Retry-After"

// table is every endpoint.
func table() []route {
	return []route{
		{path: oauth.AuthorizePath, methods: []string{"GET", "POST"}, serve: (*Door).authorize, seen: true, personal: true},
		{path: oauth.ContinuePath, methods: []string{"GET"}, serve: (*Door).proceed, seen: true, personal: true},
		{path: oauth.LogoutPath, methods: []string{"GET", "POST"}, serve: (*Door).logout, seen: true, personal: true},
		{path: oauth.PARPath, methods: []string{"POST"}, serve: (*Door).push, open: true, personal: true, proofs: true},
		{path: oauth.TokenPath, methods: []string{"POST"}, serve: (*Door).token, open: true, personal: true, proofs: true},
		{path: oauth.DevicePath, methods: []string{"POST"}, serve: (*Door).device, open: true, personal: true},
		{path: oauth.IntrospectPath, methods: []string{"POST"}, serve: (*Door).introspect, personal: true},
		{path: oauth.RevokePath, methods: []string{"POST"}, serve: (*Door).revoke, open: true, personal: true},
		{path: oauth.UserinfoPath, methods: []string{"GET", "POST"}, serve: (*Door).userinfo, failed: challenged, open: true, personal: true,
			proofs: true},
		{path: oauth.RegisterPath, methods: []string{"POST", "GET", "PUT", "DELETE"}, serve: (*Door).register, failed: challenged, open: true,
			personal: true, below: true},
		{path: oauth.DiscoveryPath, methods: []string{"GET"}, serve: (*Door).metadata, open: true},
		{path: oauth.MetadataPath, methods: []string{"GET"}, serve: (*Door).metadata, open: true},
		{path: oauth.ResourcePath, methods: []string{"GET"}, serve: (*Door).resource, open: true, below: true},
	}
}

// New makes the door.
func New(o Options) *Door {
	d := &Door{o: o, origins: httpx.NewOrigins(o.PublicURL), cookies: httpx.NewCookies(o.PublicURL), routes: map[string]route{}}
	for _, r := range table() {
		if d.routes[r.path] = r; r.below {
			d.tall = append(d.tall, r)
		}
	}
	return d
}

// Owns reports whether a path is one of the endpoints.
func (d *Door) Owns(path string) bool {
	_, ok := d.find(path)
	return ok
}

// Reserved answers which paths are endpoints of whatever server.
func Reserved(path string) bool {
	for _, r := range table() {
		if r.answers(path) {
			return true
		}
	}
	return false
}

func (r route) answers(path string) bool {
	return path == r.path || r.below && strings.HasPrefix(path, r.path+"/")
}

func (d *Door) find(path string) (route, bool) {
	if one, ok := d.routes[path]; ok {
		return one, true
	}
	for _, one := range d.tall {
		if one.answers(path) {
			return one, true
		}
	}
	return route{}, false
}

// ServeHTTP answers a path that Owns.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, ok := d.find(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	e := httpx.Event(r.Context())
	e.SetString(httpx.KeyContract, "oauth")
	e.SetString(httpx.KeyRoute, one.path)
	if one.open {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", readable)
	}
	if one.personal {
		w.Header().Set("Cache-Control", "no-store")
	}
	if nonce := d.o.Service.Nonce(); one.proofs && nonce != "" {
		w.Header().Set("DPoP-Nonce", nonce)
	}
	if r.Method == http.MethodOptions && one.open {
		preflight(w, one)
		return
	}
	if !allows(one.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(one.methods, ", "))
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	if err := d.admit(r); err != nil {
		d.fail(w, r, one, err)
		return
	}
	if err := one.serve(d, w, r); err != nil {
		d.fail(w, r, one, err)
	}
}

func allows(methods []string, method string) bool {
	for _, m := range methods {
		if m == method || method == http.MethodHead && m == http.MethodGet {
			return true
		}
	}
	return false
}

// preflight lets scripts of any page ask an endpoint that takes no cookie (WB-03: no credentials, so the star is safe).
func preflight(w http.ResponseWriter, one route) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", strings.Join(one.methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// admit counts the request for its network.
func (d *Door) admit(r *http.Request) error {
	_, err := d.o.Limits.Request(limit.RequestsNetwork, limit.Network(httpx.ClientIP(r.Context())))
	return err
}

func (d *Door) fail(w http.ResponseWriter, r *http.Request, one route, err error) {
	e := oauth.AsError(err)
	event := httpx.Event(r.Context())
	event.SetString(httpx.KeyCode, string(e.Code))
	event.Fail(err)
	if e.Err != nil && e.Code == oauth.InvalidClient { // what others publish could not be had, or read: the operator has to find out
		event.SetString(httpx.KeyCause, httpx.Printable(e.Err.Error(), maxCause))
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(e.RetryAfter/time.Second))))
	}
	switch {
	case one.seen:
		d.o.Pages.Refused(w, r, err)
	case one.failed != nil:
		one.failed(w, r, e)
	default:
		refused(w, r, e)
	}
}

// maxCause bounds the text of a cause in the log, in bytes.
const maxCause = 300

// refused answers an error as JSON (RFC 6749 section 5.2). A client that tried the Authorization header is told the scheme.
func refused(w http.ResponseWriter, r *http.Request, e *oauth.Error) {
	if e.Code == oauth.InvalidClient && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`)
	}
	_ = write(w, statusOf(e), map[string]string{"error": string(e.Code), "error_description": e.Description}) // texts always encode
}

func statusOf(e *oauth.Error) int {
	switch e.Code {
	case oauth.InvalidClient, oauth.InvalidToken, oauth.InsufficientAuth:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.ServerError:
		return http.StatusInternalServerError
	case oauth.TemporarilyUnavailable:
		var limited *auth.Error
		if errors.As(e.Err, &limited) && limited.Code == auth.CodeRateLimited {
			return http.StatusTooManyRequests
		}
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// write answers JSON.
func write(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return auth.Internal(err)
	}
	return answer(w, status, "application/json", body)
}

// answer writes a body that is ready.
func answer(w http.ResponseWriter, status int, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that hung up cannot be told
	return nil
}

// form reads the parameters of a POST: a form and nothing else, none of them in the URL (OA-09, IO-04).
func form(w http.ResponseWriter, r *http.Request) (oauth.Form, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "Parameters are sent as application/x-www-form-urlencoded."}
	}
	if r.URL.RawQuery != "" {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "Parameters are sent in the body, not in the URL."}
	}
	r.Body = http.MaxBytesReader(w, r.Body, httpx.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "The form cannot be read.", Err: err}
	}
	for _, values := range r.PostForm {
		for _, v := range values {
			if !auth.IsText(v) {
				return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "The form is not UTF-8."}
			}
		}
	}
	return oauth.Form(r.PostForm), nil
}

// stranger is what is known of a request before anybody is.
func stranger(r *http.Request) auth.Caller {
	return auth.Caller{Kind: auth.CallerAnonymous, IP: httpx.ClientIP(r.Context()), UserAgent: httpx.Printable(r.UserAgent(), 512),
		AcceptLanguage: httpx.AcceptLanguage(r), RequestID: httpx.RequestID(r.Context())}
}
