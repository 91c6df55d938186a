package contract

import (
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// call is one request on its way through the engine. Calls are pooled; nothing in one outlives the answer.
type call struct {
	e    *Engine
	w    http.ResponseWriter
	r    *http.Request
	path string // escaped
	plan *plan
	op   *operationPlan // nil while none is found
	body *bodyPlan      // nil: the body is not read

	route  *chi.Context
	buffer []byte // of the body
	out    []byte // of the answer
	query  []wire.Field
	values []wire.Value // of the parameters
	sent   []bool       // which parameters were sent
	root   wire.Value   // the decoded body
	run    schema.Run

	input  reflect.Value // the bound struct; invalid before
	bound  bool
	filled uint64
	own    ownValues
	shown  shown
	caller auth.Caller
	known  bool // the caller is resolved
	limit  *auth.LimitState

	reserved reserved
	fault    errorScope
	limits   limitScope
	scopes   reflect.Value // of reserved
	csrf     csrfState
}

// ownValues are the inputs that the engine itself uses.
type ownValues struct{ csrf, app, client, challenge string }

func newCall(e *Engine) *call {
	c := &call{e: e, route: chi.NewRouteContext()}
	c.scopes = reflect.ValueOf(&c.reserved).Elem()
	return c
}

// keep bounds what a pooled call holds on to.
const keepBuffer = 16 << 10

// free forgets the request and returns the call to the pool.
func (c *call) free() {
	e, route, scopes := c.e, c.route, c.scopes
	buffer, out, values, sent := c.buffer[:0], c.out[:0], c.values[:0], c.sent[:0]
	if cap(buffer) > keepBuffer {
		buffer = nil
	}
	if cap(out) > keepBuffer {
		out = nil
	}
	clear(c.values)
	clear(buffer[:cap(buffer)])
	clear(out[:cap(out)])
	route.Reset()
	*c = call{e: e, route: route, scopes: scopes, buffer: buffer, out: out, values: values, sent: sent}
	e.calls.Put(c)
}

// serve answers one request.
func (e *Engine) serve(w http.ResponseWriter, r *http.Request) {
	c := e.calls.Get().(*call)
	defer c.free()
	c.w, c.r, c.path = w, r, r.URL.EscapedPath()
	method := r.Method
	if method == http.MethodOptions {
		c.options()
		return
	}
	found := e.lookup(c.route, r.Host, method, c.path)
	if found == nil && method == http.MethodHead {
		c.route.Reset()
		found = e.lookup(c.route, r.Host, http.MethodGet, c.path)
	}
	if found == nil {
		c.unrouted()
		return
	}
	if err := c.choose(found); err != nil {
		c.refuse(err)
		return
	}
	c.note()
	if method == http.MethodHead && c.op.def.CrossSite {
		c.allow([]string{http.MethodGet})
		c.refuse(auth.E(auth.CodeMethodNotAllowed, ""))
		return
	}
	if c.confirmFirst() {
		c.confirmPage()
		return
	}
	out, err := c.perform()
	if err != nil {
		c.refuse(err)
		return
	}
	c.tell(out)
}

// unrouted answers 404, or 405 with the methods that the path has, in the shape of a contract that has the path.
func (c *call) unrouted() {
	var allowed []string
	allowed, c.plan = c.e.allowed(c.r.Host, c.path)
	if len(allowed) == 0 {
		c.plan = c.e.nearest(c.r.Host, c.path)
		c.refuse(auth.E(auth.CodeNotFound, ""))
		return
	}
	c.allow(allowed)
	c.refuse(auth.E(auth.CodeMethodNotAllowed, ""))
}

// choose reads the body as far as its existence matters and picks the operation.
func (c *call) choose(found *route) error {
	c.plan = first(found)
	hasBody, err := c.read()
	if err != nil {
		return err
	}
	media := ""
	if hasBody {
		media = mediaOf(c.r)
	}
	if found.confirm != nil && media == wire.FormType && string(c.buffer) == confirmBody {
		c.op, c.plan = found.confirm, found.confirm.contract
		return nil
	}
	op, body := found.choose(c.r, hasBody, media)
	if op == nil {
		return auth.E(auth.CodeUnsupportedMedia, "")
	}
	c.op, c.body, c.plan = op, body, op.contract
	if len(c.buffer) > c.plan.body {
		return auth.E(auth.CodePayloadTooLarge, "")
	}
	return nil
}

func first(found *route) *plan {
	if len(found.candidates) > 0 {
		return found.candidates[0].contract
	}
	return found.confirm.contract
}

// read reads the body, at most as much as the most generous contract takes.
func (c *call) read() (bool, error) {
	if c.r.Body == nil || c.r.Body == http.NoBody || c.r.ContentLength == 0 {
		return false, nil
	}
	limit := int64(c.e.largest) + 1
	if c.r.ContentLength >= limit {
		return true, auth.E(auth.CodePayloadTooLarge, "")
	}
	for {
		if len(c.buffer) == cap(c.buffer) {
			c.buffer = append(c.buffer, 0)[:len(c.buffer)]
		}
		room := c.buffer[len(c.buffer):cap(c.buffer)]
		if left := limit - int64(len(c.buffer)); int64(len(room)) > left {
			room = room[:left]
		}
		n, err := c.r.Body.Read(room)
		c.buffer = c.buffer[:len(c.buffer)+n]
		switch {
		case int64(len(c.buffer)) >= limit:
			return true, auth.E(auth.CodePayloadTooLarge, "")
		case errors.Is(err, io.EOF):
			return len(c.buffer) > 0, nil
		case err != nil:
			return true, auth.E(auth.CodeInvalidRequest, "The body could not be read")
		}
	}
}

// perform is the way from the credential to the operation's outcome.
func (c *call) perform() (operation.Outcome, error) {
	op := c.op
	if !c.acceptable() {
		return operation.Outcome{}, auth.E(auth.CodeNotAcceptable, "")
	}
	var err error
	if c.shown, err = op.security.extract(c.r, c.e.cookies); err != nil {
		return operation.Outcome{}, err
	}
	wrong := c.decode()
	if err := c.resolve(); err != nil {
		return operation.Outcome{}, err
	}
	request := operation.Request{Caller: c.caller, ChallengeResponse: c.own.challenge}
	if request.ChallengeResponse == "" {
		request.ChallengeResponse = c.r.Header.Get(challengeHeader)
	}
	err = c.e.o.Operations.Admit(&request)
	if c.limit = request.Limit; err != nil {
		return operation.Outcome{}, err
	}
	if wrong != nil {
		return operation.Outcome{}, wrong
	}
	if err := c.checkOrigin(); err != nil {
		return operation.Outcome{}, err
	}
	out, err := c.e.o.Operations.Call(c.r.Context(), op.def, &request, c.input.Addr().Interface())
	c.limit = request.Limit
	return out, err
}

// resolve makes the caller from what was shown.
func (c *call) resolve() error {
	ctx := c.r.Context()
	p := &c.shown.Presented
	p.MountApp, p.AppInput, p.ClientID = c.plan.app, auth.AppID(c.own.app), auth.ClientID(c.own.client)
	p.IP, p.RequestID = httpx.ClientIP(ctx), httpx.RequestID(ctx)
	p.UserAgent = httpx.Printable(c.r.UserAgent(), 512)
	p.AcceptLanguage = httpx.AcceptLanguage(c.r)
	p.Door = c.plan.door
	p.Door.SessionCookie, p.Door.SignsIn = c.op.session, c.op.signsIn
	caller, err := c.e.o.Credentials.Resolve(ctx, *p)
	if err != nil {
		return err
	}
	caller.Cookie = c.shown.cookie
	caller.Door = p.Door
	c.caller, c.known = caller, true
	if event := httpx.Event(ctx); event != nil {
		event.SetString(httpx.KeyApp, string(caller.App))
		event.SetString(httpx.KeyUser, string(caller.User))
		event.SetString(httpx.KeySession, string(caller.Session))
	}
	return nil
}

// note tells the wide event which operation answers.
func (c *call) note() {
	event := httpx.Event(c.r.Context())
	if event == nil {
		return
	}
	event.SetString(httpx.KeyContract, c.plan.name)
	event.SetString(httpx.KeyOperation, c.op.def.Name)
	event.SetString(httpx.KeyRoute, c.op.route)
}

// acceptable reports whether the client takes some form of every success, before anything is done. Errors, and results
// that are answered by one, are told in the form they have.
func (c *call) acceptable() bool {
	accept := c.r.Header.Get("Accept")
	if accept == "" || accept == "*/*" {
		return true
	}
	for _, r := range c.op.def.Results {
		if a := c.op.answers.named[r.Name]; a != nil && a.status < http.StatusBadRequest && len(a.offers) > 0 && wire.Negotiate(accept, a.offers) < 0 {
			return false
		}
	}
	return true
}
