package contract

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// tell answers with a result.
func (c *call) tell(out operation.Outcome) {
	a := c.op.answers.named[out.Result]
	result, known := c.op.def.Result(out.Result)
	value := reflect.ValueOf(out.Value)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if a == nil || !known || !value.IsValid() || value.Type() != result.Type {
		c.refuse(auth.Internal(fmt.Errorf("contract %s: the outcome %q (%T) of %s has no answer", c.plan.name, out.Result, out.Value, c.op.def.Name)))
		return
	}
	if !value.CanAddr() {
		// Times of an addressable struct are read without an allocation each.
		copied := reflect.New(value.Type()).Elem()
		copied.Set(value)
		value = copied
	}
	if a.status >= 400 {
		c.fault = errorScope{Code: result.Name, Title: titleOf(result.Name), Message: result.Doc}
		c.reserved.Error = &c.fault
		httpx.Event(c.r.Context()).SetString(httpx.KeyCode, result.Name)
		c.challenge("", a.status)
	}
	c.write(a, a.status, value)
}

// titleOf makes a title of a result's name: `second-factor-required` is "Second factor required".
func titleOf(name string) string {
	text := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// refuse answers with an error: in the shape that the operation gives the code, else in that of the contract's
// fallback, else in our own.
func (c *call) refuse(err error) {
	e := c.counted(auth.AsError(err))
	event := httpx.Event(c.r.Context())
	event.SetString(httpx.KeyCode, string(e.Code))
	if c.plan != nil {
		event.SetString(httpx.KeyContract, c.plan.name)
	}
	event.Fail(e.Err)
	status := e.Code.Status()
	a := c.answerTo(string(e.Code), status)
	if a.status != 0 {
		status = a.status
	}
	c.fault = errorScope{Code: string(e.Code), Title: e.Code.Title(), Message: e.Message, Violations: c.places(e)}
	if c.fault.Message == "" {
		c.fault.Message = c.fault.Title
	}
	c.reserved.Error = &c.fault
	if e.Limit != nil {
		c.limit = e.Limit
	}
	retry := e.RetryAfter
	if retry == 0 && c.limit != nil {
		retry = c.limit.RetryAfter
	}
	h := c.w.Header()
	if retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((retry+time.Second-1)/time.Second), 10))
	}
	c.challenge(e.Code, status)
	c.write(a, status, reflect.Value{})
}

// challenge tells a client without rights how to get some; every 401 must (RFC 9110 section 11.6.1).
func (c *call) challenge(code auth.Code, status int) {
	if c.plan == nil {
		return
	}
	scope := ""
	if c.op != nil {
		scope = c.op.def.Scope
	}
	if text := challenge(c.plan.name, code, status, c.shown.any, scope); text != "" {
		c.w.Header().Set("WWW-Authenticate", text)
	}
}

// counted counts a request that is refused before anybody knows who asks against its network, so that a flood of
// them is limited as well and every answer can tell the limiter's state.
func (c *call) counted(e *auth.Error) *auth.Error {
	if c.known || c.limit != nil || e.Limit != nil || operation.IsOperator(c.r.Context()) {
		return e
	}
	request := operation.Request{Caller: auth.Caller{Kind: auth.CallerAnonymous, IP: httpx.ClientIP(c.r.Context())}}
	err := c.e.o.Operations.Admit(&request)
	if c.limit = request.Limit; err != nil {
		return auth.AsError(err)
	}
	return e
}

func (c *call) answerTo(code string, status int) *answer {
	if c.op != nil {
		if a := c.op.answers.find(code, status); a != nil {
			return a
		}
	}
	if c.plan != nil {
		if a := c.plan.fallback.find(code, status); a != nil {
			return a
		}
	}
	return c.e.builtin.rest
}

// places turns violations into what answers tell, and names the wire's place of those that an operation found.
func (c *call) places(e *auth.Error) []violation {
	if len(e.Violations) == 0 {
		return nil
	}
	out := make([]violation, len(e.Violations))
	for i, v := range e.Violations {
		if v.Field != "" && c.op != nil {
			in, path := c.place(v.Field)
			v.In, v.Path, v.Loc = in, strings.Join(path, "."), append([]string{in}, path...)
		}
		out[i] = violation{In: v.In, Path: v.Path, Loc: v.Loc, Code: v.Code, Message: v.Message, Expected: v.Expected, Received: v.Received}
	}
	return out
}

// write writes an answer. result is invalid for errors.
func (c *call) write(a *answer, status int, result reflect.Value) {
	c.prepare(a, status)
	t := telling{reserved: c.scopes}
	if c.bound {
		t.input = c.input
	}
	h := c.w.Header()
	if _, ok := h["Cache-Control"]; !ok {
		h.Set("Cache-Control", "no-store")
	}
	c.crossOrigin(h)
	if c.plan != nil {
		c.setHeaders(c.plan.headers, &t, result)
	}
	c.setHeaders(a.headers, &t, result)
	c.setCookies(a, &t, result)
	body := c.out[:0]
	if len(a.bodies) > 0 {
		i := 0
		if len(a.bodies) > 1 {
			h.Add("Vary", "Accept")
			i = max(wire.Negotiate(c.r.Header.Get("Accept"), a.offers), 0)
		}
		h.Set("Content-Type", a.bodies[i].contentType)
		body, _ = a.bodies[i].emit(body, &t, result)
	}
	c.out = body
	if status != http.StatusNoContent && status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead && len(body) > 0 {
		// The client may be gone; nobody is left to be told.
		_, _ = c.w.Write(body)
	}
}

// prepare fills the reserved scopes.
func (c *call) prepare(a *answer, status int) {
	s := &c.reserved
	s.Request = requestScope{ID: httpx.RequestID(c.r.Context()), Path: c.path}
	s.Response.Status = status
	if c.limit != nil {
		c.limits = limitScope{Name: c.limit.Name, Max: c.limit.Max, Remaining: c.limit.Remaining, Reset: c.limit.Reset, RetryAfter: c.limit.RetryAfter}
		s.Limit = &c.limits
	}
	if c.plan == nil {
		return
	}
	s.Contract.URL = c.plan.url
	s.App.ID = c.plan.app
	if c.known && c.caller.App != "" {
		s.App.ID = c.caller.App
	}
	if a.needs.appName {
		s.App.Name = c.e.appName(c.r, s.App.ID)
	}
	if sets(a.set, cookieCSRF) {
		c.newCSRF()
	}
	if a.needs.csrfToken {
		s.Request.CSRFToken = c.csrfToken()
	}
}

func (e *Engine) appName(r *http.Request, app auth.AppID) string {
	if e.o.AppName == nil {
		return string(app)
	}
	return e.o.AppName(r.Context(), app)
}

func sets(list []cookieOut, kind cookieKind) bool {
	for i := range list {
		if list[i].kind == kind {
			return true
		}
	}
	return false
}

func (c *call) setHeaders(list []headerOut, t *telling, result reflect.Value) {
	var room [128]byte
	h := c.w.Header()
	for i := range list {
		if text, ok := list[i].emit(room[:0], t, result); ok {
			h[list[i].name] = []string{string(text)}
		}
	}
}

// sharedHeaders sets the contract's headers on an answer that is none of the document's.
func (c *call) sharedHeaders(status int) {
	if c.plan == nil {
		return
	}
	c.prepare(&answer{}, status)
	c.setHeaders(c.plan.headers, &telling{reserved: c.scopes}, reflect.Value{})
}

// setCookies sets, renews and clears the cookies of an answer.
func (c *call) setCookies(a *answer, t *telling, result reflect.Value) {
	h := c.w.Header()
	for i := range a.set {
		c.setCookie(h, &a.set[i], t, result)
	}
	for i := range a.renew {
		if _, carried := c.e.cookies.Read(c.r, c.plan.cookies[a.renew[i].kind].Name); carried {
			c.setCookie(h, &a.renew[i], t, result)
		}
	}
	for _, kind := range a.clear {
		c.e.cookies.Clear(h, c.plan.cookies[kind].Cookie)
	}
}

func (c *call) setCookie(h http.Header, out *cookieOut, t *telling, result reflect.Value) {
	k := c.plan.cookies[out.kind].Cookie
	switch {
	case out.from != nil:
		v, ok := out.from.value(t, result)
		if !ok {
			return
		}
		k.Value = v.String()
		if out.cross != nil {
			if v, ok := out.cross.value(t, result); ok && v.Bool() {
				k.SameSite = "none"
			}
		}
	case c.csrf.fresh:
		k.Value = c.csrf.value
	}
	if k.Value != "" {
		c.e.cookies.Set(h, k)
	}
}

// builtinAnswers is the shape of refusals where no document gives one: a plain problem (RFC 9457).
func builtinAnswers() answers {
	return answers{rest: &answer{offers: []string{"application/problem+json"}, bodies: []bodyOut{{
		contentType: "application/problem+json",
		emit: func(b []byte, t *telling, _ reflect.Value) ([]byte, bool) {
			fault := t.reserved.FieldByName("Error").Interface().(*errorScope)
			b = appendJSONString(append(b, `{"type":"about:blank","title":`...), fault.Title)
			b = strconv.AppendInt(append(b, `,"status":`...), t.reserved.FieldByName("Response").Field(0).Int(), 10)
			b = appendJSONString(append(b, `,"detail":`...), fault.Message)
			b = appendJSONString(append(b, `,"code":`...), fault.Code)
			return append(b, '}'), true
		},
	}}}}
}
