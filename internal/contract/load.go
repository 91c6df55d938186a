package contract

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// loader reads one document, checks it and compiles it. It is thrown away with the document.
type loader struct {
	doc       *document.Document
	ops       Operations
	plan      *plan
	used      map[*document.Node]bool // annotations that took effect
	flattened map[*document.Node]*document.Node
	options   map[*document.Node]option
	structs   map[reflect.Type]map[string]structMember
	spent     int // values compiled so far
	schemes   map[string]scheme
	compiled  map[answerKey]*answer
	codes     []string
}

// load compiles the document of a mount. The plan is only good when there are no problems. full checks also what
// the tests of a shipped document have checked.
func load(ctx context.Context, m Mount, ops Operations, publicURL string, full bool) (*plan, Problems) {
	l, problems := read(ctx, m, ops, publicURL, full)
	return l.plan, problems
}

// read is load for those who need the document too.
func read(ctx context.Context, m Mount, ops Operations, publicURL string, full bool) (*loader, Problems) {
	l := &loader{
		doc: document.Parse(m.Source.Name, m.Source.Data), ops: ops,
		used:      map[*document.Node]bool{},
		flattened: map[*document.Node]*document.Node{},
		options:   map[*document.Node]option{},
		structs:   map[reflect.Type]map[string]structMember{},
		schemes:   map[string]scheme{},
		compiled:  map[answerKey]*answer{},
		plan:      &plan{source: m.Source, app: m.App, host: m.Host, body: defaultBody, depth: defaultDepth},
	}
	if l.plan.app == "" {
		l.plan.app = auth.DefaultApp
	}
	if l.doc.Root == nil {
		return l, l.doc.Problems()
	}
	root := l.doc.Root
	l.plan.title = root.At("info", "title").Str()
	l.bases(root.Get("servers"), m, publicURL)
	l.contract(root.Get("x-contract"), m)
	for _, p := range root.At("components", "securitySchemes").Members() {
		l.scheme(p)
	}
	l.paths(root)
	l.agreement()
	if full {
		l.responseSchemas(root)
		l.strays()
		l.doc.CheckSpecification(ctx, m.Source.Data)
	}
	return l, l.doc.Problems()
}

// bases reads the base paths of servers, or takes the mount's.
func (l *loader) bases(servers *document.Node, m Mount, publicURL string) {
	if m.Base != "" {
		l.plan.bases = []string{strings.TrimSuffix(m.Base, "/")}
	} else if servers.Is(document.List) {
		for _, s := range servers.Items {
			l.base(s)
		}
	}
	if len(l.plan.bases) == 0 {
		l.plan.bases = []string{""}
	}
	l.plan.url = strings.TrimSuffix(publicURL, "/") + l.plan.bases[0]
	if u, err := url.Parse(publicURL); err == nil && m.Host != "" {
		l.plan.url = u.Scheme + "://" + m.Host + l.plan.bases[0]
	}
}

func (l *loader) base(s *document.Node) {
	text := s.Get("url")
	u, err := url.Parse(text.Str())
	if text.Str() == "" || err != nil || strings.ContainsAny(text.Text, "{}?#*") || u.Path != "" && u.Path[0] != '/' {
		l.doc.Report(s, "url: a base path such as /v1, or a URL without variables", "the server's url cannot be used")
		return
	}
	base := strings.TrimRight(u.EscapedPath(), "/")
	if !slices.Contains(l.plan.bases, base) {
		l.plan.bases = append(l.plan.bases, base)
	}
}

// strict reports keys of an object that are not among the allowed ones.
func (l *loader) strict(n *document.Node, what string, allowed ...string) bool {
	if !n.Is(document.Map) {
		l.doc.Report(n, "an object with "+strings.Join(allowed, ", "), "%s holds %s", what, n.Kind)
		return false
	}
	for _, p := range n.Pairs {
		if !slices.Contains(allowed, p.Key) {
			l.doc.ReportLine(p.Line, "one of "+strings.Join(allowed, ", "), "%s has no setting %q", what, p.Key)
		}
	}
	return true
}

func (l *loader) contract(n *document.Node, m Mount) {
	if n == nil {
		l.doc.Report(l.doc.Root, "x-contract with at least a name", "the document has no x-contract")
		return
	}
	l.used[n] = true
	if !l.strict(n, "x-contract", "name", "policy", "tokens", "cookies", "ids", "headers", "fallback", "limits") {
		return
	}
	l.name(n)
	l.policy(n, m)
	l.plan.door = auth.Door{Contract: l.plan.name, Policy: l.plan.policy, URL: l.plan.url, Links: m.Links}
	l.plan.cookies = l.cookieDefaults()
	if tokens := n.Get("tokens"); tokens != nil && l.strict(tokens, "x-contract.tokens", "access", "refresh") {
		l.plan.door.AccessTTL = l.lifetime(tokens.Get("access"))
		l.plan.door.RefreshTTL = l.lifetime(tokens.Get("refresh"))
	}
	l.cookies(n.Get("cookies"))
	l.ids(n.Get("ids"))
	l.limits(n.Get("limits"))
}

func (l *loader) name(n *document.Node) {
	name := n.Get("name")
	l.plan.name = name.Str()
	good := len(l.plan.name) > 0 && len(l.plan.name) <= 64
	for _, c := range l.plan.name {
		good = good && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !good {
		if name == nil {
			name = n
		}
		l.doc.Report(name, "a name of a-z, 0-9, - and _", "x-contract.name cannot be used in paths and logs")
	}
}

func (l *loader) policy(n *document.Node, m Mount) {
	given := n.Get("policy")
	var names []string
	for _, k := range auth.Knobs() {
		names = append(names, k.Name)
		v := given.Get(k.Name)
		switch {
		case v == nil:
		case v.Str() == k.Weak:
			*k.Field(&l.plan.policy) = true
		case v.Str() != k.Strict:
			l.doc.Report(v, k.Strict+" or "+k.Weak, "the policy %s has no value %q", k.Name, v.Text)
		}
	}
	if given != nil {
		l.strict(given, "x-contract.policy", names...)
	}
	if m.Policy != nil {
		l.plan.policy = l.plan.policy.Stricter(*m.Policy)
	}
	if err := operation.CheckPolicy(l.plan.policy); err != nil {
		if given == nil {
			given = n
		}
		l.doc.Report(given, "", "x-contract.policy: %s", err)
	}
}

func (l *loader) lifetime(n *document.Node) time.Duration {
	if n == nil {
		return 0
	}
	d, err := auth.ParseLifetime(n.Str())
	if err != nil {
		l.doc.Report(n, "a whole number with s, m, h, d or w, such as 30d", "the lifetime %q cannot be read", n.Text)
		return 0
	}
	return d
}

func (l *loader) ids(n *document.Node) {
	if n == nil || !l.strict(n, "x-contract.ids", auth.IDKinds()...) {
		return
	}
	l.plan.ids = map[string]string{}
	for _, p := range n.Pairs {
		if p.Value.Str() == "" {
			l.doc.Report(p.Value, "a prefix such as user-", "the prefix of %s is no string", p.Key)
			continue
		}
		l.plan.ids[p.Key] = p.Value.Text
	}
}

func (l *loader) limits(n *document.Node) {
	if n == nil || !l.strict(n, "x-contract.limits", "body", "depth") {
		return
	}
	for _, limit := range []struct {
		key  string
		most int
		into *int
	}{{"body", mostBody, &l.plan.body}, {"depth", mostDepth, &l.plan.depth}} {
		v := n.Get(limit.key)
		if v == nil {
			continue
		}
		if given, ok := v.Int(); ok && given > 0 && given <= limit.most {
			*limit.into = given
			continue
		}
		l.doc.Report(v, "a number up to the most that is allowed", "x-contract.limits.%s is %q", limit.key, v.Text)
	}
}

// methods are those that a path item may have; OPTIONS answers preflights and TRACE is off.
var methods = map[string]string{
	"get": http.MethodGet, "put": http.MethodPut, "post": http.MethodPost, "delete": http.MethodDelete,
	"patch": http.MethodPatch, "head": http.MethodHead,
}

// pathFields are the other members of a path item.
var pathFields = []string{"summary", "description", "parameters", "servers", "$ref"}

func (l *loader) paths(root *document.Node) {
	paths := root.Get("paths")
	if !paths.Is(document.Map) || len(paths.Pairs) == 0 {
		l.doc.Report(root, "paths", "the document has no paths")
		return
	}
	names := l.resultNames(paths)
	for _, c := range auth.Codes() {
		names = append(names, string(c))
	}
	slices.Sort(names)
	l.codes = slices.Compact(names)
	l.common(root.Get("x-contract"))
	for _, p := range paths.Pairs {
		if strings.HasPrefix(p.Key, "x-") {
			continue
		}
		item := l.doc.Follow(p.Value)
		segments, ok := l.template(p)
		for _, member := range item.Members() {
			method, known := methods[member.Key]
			switch {
			case known && ok:
				l.operation(p.Key, segments, method, item, member)
			case !known && !slices.Contains(pathFields, member.Key) && !strings.HasPrefix(member.Key, "x-"):
				l.doc.ReportLine(member.Line, "get, put, post, delete, patch or head", "the method %q cannot be served", member.Key)
			case member.Key == "servers":
				l.doc.ReportLine(member.Line, "servers at the root", "a path has servers of its own")
			}
		}
	}
}

// template checks a path and lists its parameters.
func (l *loader) template(p document.Pair) (segments []string, ok bool) {
	wrong := func(what string) bool {
		l.doc.ReportLine(p.Line, "segments that are text or one {parameter}", "the path %q %s", p.Key, what)
		return false
	}
	if !strings.HasPrefix(p.Key, "/") || strings.ContainsAny(p.Key, "*?#%;\\ ") || strings.Contains(p.Key, "//") {
		return nil, wrong("cannot be served")
	}
	for part := range strings.SplitSeq(p.Key[1:], "/") {
		if !strings.ContainsAny(part, "{}") {
			if part == "." || part == ".." {
				return nil, wrong("has a dot segment")
			}
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(part, "{"), "}")
		if len(name)+2 != len(part) || name == "" || strings.ContainsAny(name, "{}:") {
			return nil, wrong("mixes text and a parameter in one segment")
		}
		if slices.Contains(segments, name) {
			return nil, wrong("has the parameter {" + name + "} twice")
		}
		segments = append(segments, name)
	}
	return segments, true
}

// resultNames lists the results of every operation of the document: a shared error response may map them.
func (l *loader) resultNames(paths *document.Node) (out []string) {
	for _, p := range paths.Pairs {
		for _, member := range l.doc.Follow(p.Value).Members() {
			if d := l.ops.Lookup(member.Value.Get("x-operation").Str()); d != nil && methods[member.Key] != "" {
				for _, r := range d.Results {
					out = append(out, r.Name)
				}
			}
		}
	}
	return out
}

// errorCodes is every value that error.code can have.
func (l *loader) errorCodes(*operation.Definition) []string { return l.codes }

func (l *loader) operation(path string, segments []string, method string, item *document.Node, p document.Pair) {
	n := p.Value
	name, given := l.text(n, "x-operation")
	def := l.ops.Lookup(name)
	switch {
	case !given:
		l.doc.ReportLine(p.Line, "x-operation: NAME", "%s %s says no operation", method, path)
	case def == nil:
		l.doc.Report(n.Get("x-operation"), l.suggest(name), "there is no operation %q", name)
	}
	if def == nil {
		l.spare(n)
		return
	}
	op := &operationPlan{contract: l.plan, def: def, method: method, path: path, segments: segments,
		route: l.plan.bases[0] + path, line: p.Line, summary: n.Get("summary").Str()}
	if n.Get("servers") != nil {
		l.doc.Report(n.Get("servers"), "servers at the root", "an operation has servers of its own")
	}
	if def.Consumes && method == http.MethodHead {
		l.doc.ReportLine(p.Line, "post, or get", "%s spends a secret, which a HEAD never does", name)
	}
	l.reservedMembers(def, n)
	l.inputs(op, item, n)
	l.security(op, n)
	l.responses(op, n, p.Line)
	l.plan.operations = append(l.plan.operations, op)
}

// reservedMembers reports results whose members nobody could name, because a reserved scope has the name.
func (l *loader) reservedMembers(d *operation.Definition, n *document.Node) {
	for _, r := range d.Results {
		for name := range l.members(r.Type) {
			if isReserved(name) {
				l.doc.Report(n, "another name in the catalogue", "the result %s of %s has a member %q, which is a reserved scope", r.Name, d.Name, name)
			}
		}
	}
}

// suggest names an operation that an unknown name is probably meant to be.
func (l *loader) suggest(name string) string {
	all, ok := l.ops.(interface {
		All() []*operation.Definition
	})
	if !ok {
		return "a name of the catalogue"
	}
	best, least := "", 4
	for _, d := range all.All() {
		if d := distance(name, d.Name); d < least {
			least = d
		} else {
			continue
		}
		best = d.Name
	}
	if best == "" {
		return "a name of the catalogue"
	}
	return best
}
