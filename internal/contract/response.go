package contract

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// answerKey says when two answers are the same: the response, the branch, and the type that it tells.
type answerKey struct {
	response *document.Node
	branch   string // the name that picks branches; empty where no branch depends on it
	status   int
	typ      reflect.Type
	def      *operation.Definition // only where the response tells inputs
}

// star is the x-when that takes every error code without a name.
const star = "*"

// response is one entry of an operation's responses, read but not yet compiled.
type response struct {
	node   *document.Node
	line   int
	status int // 0 for default and classes
	class  int // 4 for 4XX
	rest   bool
	names  []string
}

// responses compiles the responses of an operation.
func (l *loader) responses(op *operationPlan, n *document.Node, line int) {
	op.answers = answers{named: map[string]*answer{}, status: map[int]*answer{}, class: map[int]*answer{}}
	for _, p := range n.Get("responses").Members() {
		if strings.HasPrefix(p.Key, "x-") {
			continue
		}
		r, ok := l.response(p, op)
		if !ok {
			continue
		}
		for _, name := range r.names {
			l.answer(op, r, name)
		}
	}
	l.answered(op, line)
	for _, a := range op.answers.named {
		op.sets = op.sets || len(a.set) > 0
		op.signsIn = op.signsIn || slices.ContainsFunc(a.set, func(c cookieOut) bool {
			return c.kind == cookieSession || c.kind == cookieAccess || c.kind == cookieRefresh
		})
		op.session = op.session || slices.ContainsFunc(a.set, func(c cookieOut) bool { return c.kind == cookieSession })
	}
}

// response reads the key and the names of one response.
func (l *loader) response(p document.Pair, op *operationPlan) (response, bool) {
	r := response{node: l.doc.Follow(p.Value), line: p.Line}
	switch status, err := strconv.Atoi(p.Key); {
	case p.Key == "default":
		r.rest = true
	case len(p.Key) == 3 && strings.HasSuffix(p.Key, "XX") && p.Key[0] >= '4' && p.Key[0] <= '5':
		r.class = int(p.Key[0] - '0')
	case err == nil && status >= 200 && status <= 599:
		r.status = status
	default:
		l.doc.ReportLine(p.Line, "a status from 200 to 599, 4XX, 5XX or default", "the response %q cannot be given", p.Key)
		return r, false
	}
	r.names = l.whens(r.node)
	if len(r.names) > 0 {
		return r, true
	}
	switch {
	case r.rest:
		r.names = []string{star}
	case r.status/100 == 2:
		left := l.possible(op.def)
		if len(left) != 1 {
			l.doc.ReportLine(p.Line, "x-when: a list of "+strings.Join(left, ", "), "the response does not say which result of %s it answers", op.def.Name)
			return r, false
		}
		r.names = left
	default:
		l.doc.ReportLine(p.Line, `x-when: a list of error codes, or ["*"]`, "the response %s does not say what it answers", p.Key)
		return r, false
	}
	return r, true
}

// whens collects x-when of a response and of the branches of its bodies.
func (l *loader) whens(n *document.Node) []string {
	out := l.names(n, "x-when")
	for _, media := range n.Get("content").Members() {
		for _, branch := range l.branches(media.Value.Get("schema")) {
			for _, name := range l.names(branch, "x-when") {
				if !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// branches are the alternatives of a body that carry x-when; none if it is no such oneOf.
func (l *loader) branches(n *document.Node) []*document.Node {
	if n == nil {
		return nil
	}
	list := l.doc.Follow(n).Get("oneOf")
	if !list.Is(document.List) {
		return nil
	}
	var out []*document.Node
	for _, item := range list.Items {
		out = append(out, l.doc.Follow(item))
	}
	tagged := 0
	for _, b := range out {
		if b.Get("x-when") != nil {
			tagged++
		}
	}
	if tagged == 0 {
		return nil
	}
	if tagged < len(out) {
		l.doc.Report(list, "x-when in every branch", "some branches of oneOf say what they answer and some do not")
	}
	return out
}

// possible lists the results that the policy does not exclude.
func (l *loader) possible(d *operation.Definition) []string {
	var out []string
	for _, r := range d.Results {
		if !l.excluded(d, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

func (l *loader) excluded(d *operation.Definition, result string) bool {
	for _, x := range d.Excludes {
		if x.Result != result {
			continue
		}
		for _, k := range auth.Knobs() {
			if k.Name == x.Knob && k.Value(l.plan.policy) == x.Value {
				return true
			}
		}
	}
	return false
}

// answer compiles one response for one name and files it.
func (l *loader) answer(op *operationPlan, r response, name string) {
	result, isResult := op.def.Result(name)
	switch {
	case name == star:
		l.file(op, r, l.compile(op.def, r, name, nil))
		return
	case !isResult && !auth.Code(name).Known():
		l.doc.ReportLine(r.line, "results "+strings.Join(resultList(op.def), ", ")+", an error code, or *",
			"x-when names %q, which is no result of %s and no error code", name, op.def.Name)
		return
	case isResult && r.status == 0:
		l.doc.ReportLine(r.line, "a response with a number", "the result %s has no status of its own", name)
		return
	case op.answers.named[name] != nil:
		l.doc.ReportLine(r.line, "one response for each", "%q is answered twice by %s %s", name, op.method, op.path)
		return
	}
	var typ reflect.Type
	if isResult {
		typ = result.Type
	}
	op.answers.named[name] = l.compile(op.def, r, name, typ)
}

func resultList(d *operation.Definition) []string {
	var out []string
	for _, r := range d.Results {
		out = append(out, r.Name)
	}
	return out
}

// file puts an answer to every other code where its response stands.
func (l *loader) file(op *operationPlan, r response, a *answer) {
	switch {
	case r.rest:
		op.answers.rest = a
	case r.class != 0:
		op.answers.class[r.class] = a
	default:
		op.answers.status[r.status] = a
	}
}

// answered checks that every result and every code has an answer.
func (l *loader) answered(op *operationPlan, line int) {
	for _, name := range l.possible(op.def) {
		if op.answers.named[name] == nil {
			l.doc.ReportLine(line, "x-when: ["+name+"] in a response", "the result %q of %s is not answered", name, op.def.Name)
		}
	}
	if op.answers.rest != nil || l.plan.fallback.rest != nil {
		return
	}
	for _, code := range op.def.Codes() {
		if op.answers.find(string(code), code.Status()) == nil {
			l.doc.ReportLine(line, "a response that names it, a default response, or x-contract.fallback",
				"the error code %q of %s is not answered", code, op.def.Name)
		}
	}
}

// common compiles what the whole contract shares: headers on every response, and the fallback.
func (l *loader) common(n *document.Node) {
	for _, p := range n.Get("headers").Members() {
		header := p.Value
		if header.Get("schema") == nil {
			header = &document.Node{Kind: document.Map, Line: header.Line, Pairs: []document.Pair{{Key: "schema", Line: header.Line, Value: header}}}
		}
		c := &outputCompiler{l: l}
		if h, ok := c.header(p.Key, p.Line, header, nil); ok {
			l.plan.headers = append(l.plan.headers, h)
		}
	}
	fallback := n.Get("fallback")
	if fallback == nil {
		return
	}
	r := response{node: l.doc.Follow(fallback), line: fallback.Line, rest: true}
	names := l.whens(r.node)
	if len(names) == 0 {
		names = []string{star}
	}
	l.plan.fallback.named = map[string]*answer{}
	for _, name := range names {
		switch {
		case name == star:
			l.plan.fallback.rest = l.compile(nil, r, name, nil)
		case auth.Code(name).Known():
			l.plan.fallback.named[name] = l.compile(nil, r, name, nil)
		default:
			l.doc.ReportLine(r.line, "error codes, or *", "the fallback answers %q, which is no error code", name)
		}
	}
	if l.plan.fallback.rest == nil {
		l.doc.ReportLine(r.line, `x-when: ["*"]`, "the fallback does not answer every code")
	}
}

// compile compiles a response, or the branch of it that answers name.
func (l *loader) compile(def *operation.Definition, r response, name string, typ reflect.Type) *answer {
	key := answerKey{response: r.node, status: r.status, typ: typ}
	for _, media := range r.node.Get("content").Members() {
		if len(l.branches(media.Value.Get("schema"))) > 0 {
			key.branch = name
		}
	}
	if l.tellsInput(r.node, map[*document.Node]bool{}) {
		key.def = def
	}
	if a, ok := l.compiled[key]; ok {
		return a
	}
	a := &answer{status: r.status}
	l.compiled[key] = a
	errorful := typ == nil || r.status >= 400
	c := &outputCompiler{l: l, def: key.def, errorful: errorful}
	for _, media := range r.node.Get("content").Members() {
		c.body(a, r, media, name, typ)
	}
	for _, p := range r.node.Get("headers").Members() {
		if strings.EqualFold(p.Key, "Content-Type") {
			continue
		}
		if h, ok := c.header(p.Key, p.Line, l.doc.Follow(p.Value), typ); ok {
			a.headers = append(a.headers, h)
		}
	}
	c.cookies(a, r, typ)
	a.needs = c.needs
	return a
}

// tellsInput reports whether a response tells an input, so that it must be compiled for each operation.
func (l *loader) tellsInput(n *document.Node, seen map[*document.Node]bool) bool {
	n = l.doc.Follow(n)
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	for _, p := range n.Pairs {
		if p.Key == "x-output" && (strings.HasPrefix(p.Value.Str(), "input.") || strings.Contains(p.Value.Str(), "{input.")) {
			return true
		}
		if l.tellsInput(p.Value, seen) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items, func(i *document.Node) bool { return l.tellsInput(i, seen) })
}

// body compiles one media type of a response.
func (c *outputCompiler) body(a *answer, r response, media document.Pair, name string, typ reflect.Type) {
	essence, ok := wire.MediaType(media.Key)
	n := media.Value.Get("schema")
	if !ok || n == nil {
		c.l.doc.ReportLine(media.Line, "a media type with a schema", "the body %q cannot be told", media.Key)
		return
	}
	if r.status == 204 || r.status == 304 {
		c.l.doc.ReportLine(media.Line, "no content", "a response %d has no body", r.status)
	}
	if branches := c.l.branches(n); branches != nil {
		i := slices.IndexFunc(branches, func(b *document.Node) bool {
			names, _ := b.Get("x-when").Strings()
			return slices.Contains(names, name)
		})
		if i < 0 {
			c.l.doc.ReportLine(media.Line, "a branch with x-when: ["+name+"]", "no branch of the body answers %q", name)
			return
		}
		n = branches[i]
	}
	var out output
	contentType := media.Key
	switch {
	case wire.IsJSON(essence):
		out = c.json(n, "", typ)
	case essence == "image/png":
		out = c.png(n, typ)
	case strings.HasPrefix(essence, "text/"), essence == "application/javascript":
		c.escape = escaping(essence)
		out = c.text(n, "", typ)
		c.escape = nil
		if !strings.Contains(media.Key, "charset") {
			contentType += "; charset=utf-8"
		}
	default:
		c.l.doc.ReportLine(media.Line, "JSON, text or image/png", "the media type %q cannot be told", media.Key)
		return
	}
	a.offers = append(a.offers, essence)
	a.bodies = append(a.bodies, bodyOut{contentType: contentType, emit: c.settled(out, wire.IsJSON(essence), n, "the body")})
}

// header compiles one header: its annotations stand in its schema.
func (c *outputCompiler) header(name string, line int, n *document.Node, typ reflect.Type) (headerOut, bool) {
	if v := n.Get("x-output"); v != nil {
		c.l.used[v] = true
		c.l.doc.Report(v, "x-output in the header's schema", "x-output stands beside the header's schema")
		return headerOut{}, false
	}
	s := n.Get("schema")
	if s == nil {
		c.l.doc.ReportLine(line, "schema", "the header %q has no schema", name)
		return headerOut{}, false
	}
	if f := c.l.flat(s); f.Get("x-output") == nil && f.Get("const") == nil {
		c.l.doc.ReportLine(line, "x-output or const in its schema", "the header %q has no source", name)
		return headerOut{}, false
	}
	out := c.text(s, "", typ)
	return headerOut{name: http.CanonicalHeaderKey(name), emit: c.settled(out, n.Get("required").True(), s, "the header "+name)}, true
}

// cookies compiles what a response does with cookies.
func (c *outputCompiler) cookies(a *answer, r response, typ reflect.Type) {
	a.clear = c.l.kinds(r.node, "x-clear-cookies")
	for _, list := range []struct {
		key  string
		into *[]cookieOut
	}{{"x-cookies", &a.set}, {"x-renew-cookies", &a.renew}} {
		for _, kind := range c.l.kinds(r.node, list.key) {
			if out, ok := c.cookie(r, kind, typ); ok {
				*list.into = append(*list.into, out)
			}
		}
	}
}

// cookie finds the value of a cookie in the result. A response that answers several results sets it for those
// that have a value; one that answers an error sets none.
func (c *outputCompiler) cookie(r response, kind cookieKind, typ reflect.Type) (cookieOut, bool) {
	if kind == cookieCSRF {
		return cookieOut{kind: kind}, true
	}
	path := c.l.plan.cookies[kind].from
	if path == "" {
		path = cookiePaths[kind]
	}
	if typ == nil {
		c.l.doc.ReportLine(r.line, "a response that answers a result", "an error sets no %s cookie", cookieNames[kind])
		return cookieOut{}, false
	}
	src, wrong, expected := c.reach(path, typ)
	if wrong != "" {
		if len(r.names) == 1 {
			c.l.doc.ReportLine(r.line, expected, "the cookie %s has no value here: %s", cookieNames[kind], wrong)
		}
		return cookieOut{}, false
	}
	if src.typ.Kind() != reflect.String {
		c.l.doc.ReportLine(r.line, "a path to a string", "the cookie %s leads to %s", cookieNames[kind], goKind(src.typ))
		return cookieOut{}, false
	}
	out := cookieOut{kind: kind, from: &src}
	if kind == cookieState {
		if cross, wrong, _ := c.reach(crossPath, typ); wrong == "" && cross.typ.Kind() == reflect.Bool {
			out.cross = &cross
		}
	}
	return out, true
}

// agreement checks what only the whole document shows: the session cookie that is set is the one that is read.
func (l *loader) agreement() {
	name := l.plan.cookies[cookieSession].Name
	for _, p := range l.doc.Root.At("components", "securitySchemes").Members() {
		s := l.schemes[p.Key]
		if s.carries != credentialSession || s.cookie == name {
			continue
		}
		for _, op := range l.plan.operations {
			if op.session {
				l.doc.ReportLine(p.Line, "name: "+name+", or the same name in x-contract.cookies.session",
					"the security scheme %q reads the cookie %q, and %s %s sets another one", p.Key, s.cookie, op.method, op.path)
				break
			}
		}
	}
}

// responseSchemas checks the keywords and formats of every response schema: nothing of them runs, but a client's
// author believes them.
func (l *loader) responseSchemas(root *document.Node) {
	c := schema.Compiler{Doc: l.doc}
	for _, path := range root.Get("paths").Members() {
		for _, member := range l.doc.Follow(path.Value).Members() {
			if methods[member.Key] == "" {
				continue
			}
			for _, r := range member.Value.Get("responses").Members() {
				for _, media := range l.doc.Follow(r.Value).Get("content").Members() {
					if s := media.Value.Get("schema"); s != nil {
						c.Compile(s)
					}
				}
			}
		}
	}
}
