package contract

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// router finds what serves a method and path on one host.
type router struct {
	mux    *chi.Mux
	routes map[routeKey]*route
	bases  []basePlan // longest first, then in the order of mounts
}

type routeKey struct{ method, pattern string }

type basePlan struct {
	base string
	plan *plan
}

// route is every operation that claims one method and path.
type route struct {
	candidates []*operationPlan
	// confirm is the operation of a GET whose confirm page posts here.
	confirm *operationPlan
}

// route builds the routers and checks that no two contracts claim the same requests.
func (e *Engine) route() Problems {
	var problems Problems
	names := map[string]*plan{}
	e.routers = map[string]*router{}
	for _, p := range e.plans {
		if other := names[p.name]; other != nil && other.source.Name != p.source.Name {
			problems = append(problems, Problem{File: p.source.Name, Message: "the contract name " + strconv.Quote(p.name) + " is taken by " + other.source.Name, Expected: "another x-contract.name"})
		}
		names[p.name] = p
		problems = append(problems, e.host(p.host).add(p)...)
		problems = append(problems, e.hidden(p)...)
	}
	e.host("")
	for _, r := range e.routers {
		slices.SortStableFunc(r.bases, func(a, b basePlan) int { return cmp.Compare(len(b.base), len(a.base)) })
	}
	return problems.Sorted()
}

// hidden finds operations at paths that the house answers itself, before any contract is asked.
func (e *Engine) hidden(p *plan) (problems Problems) {
	if e.o.Reserved == nil {
		return nil
	}
	for _, base := range p.bases {
		for _, op := range p.operations {
			if path := base + op.path; e.o.Reserved(path) {
				problems = append(problems, Problem{File: p.source.Name, Line: op.line, Expected: "another path, or a base of its own for the mount",
					Message: fmt.Sprintf("%s %s would never be asked: %s is a page of the house", op.method, path, path)})
			}
		}
	}
	return problems
}

func (e *Engine) host(name string) *router {
	name = strings.ToLower(name)
	r := e.routers[name]
	if r == nil {
		r = &router{mux: chi.NewRouter(), routes: map[routeKey]*route{}}
		e.routers[name] = r
	}
	return r
}

func (r *router) add(p *plan) (problems Problems) {
	for _, base := range p.bases {
		r.bases = append(r.bases, basePlan{base, p})
		for _, op := range p.operations {
			pattern := base + shapeOfPath(op.path)
			route := r.at(op.method, pattern)
			for _, other := range route.candidates {
				if what := clash(op, other); what != "" {
					problems = append(problems, Problem{File: p.source.Name, Expected: "another path, media type or const header; or x-yield in one of them",
						Message: fmt.Sprintf("%s %s%s is claimed by %s too, %s", op.method, base, op.path, other.contract.name, what)})
				}
			}
			route.candidates = append(route.candidates, op)
			if op.def.Consumes && op.method == http.MethodGet {
				r.at(http.MethodPost, pattern).confirm = op
			}
		}
	}
	return problems
}

func (r *router) at(method, pattern string) *route {
	key := routeKey{method, pattern}
	if r.routes[key] == nil {
		r.routes[key] = &route{}
		r.mux.Method(method, pattern, http.NotFoundHandler())
	}
	return r.routes[key]
}

// shapeOfPath names parameters by their place, so that two contracts may call one differently.
func shapeOfPath(path string) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(path); i++ {
		if path[i] != '{' {
			b.WriteByte(path[i])
			continue
		}
		b.WriteString("{" + strconv.Itoa(n) + "}")
		n++
		i += strings.IndexByte(path[i:], '}')
	}
	return b.String()
}

// clash says for which requests two operations both answer; empty if for none.
func clash(a, b *operationPlan) string {
	if !slices.Equal(sortedConsts(a), sortedConsts(b)) {
		return ""
	}
	if !a.required && !b.required && (len(a.bodies) == 0) == (len(b.bodies) == 0) {
		return "for requests without a body"
	}
	for _, x := range a.bodies {
		for _, y := range b.bodies {
			if x.media == y.media && x.yields == y.yields {
				return "for " + x.media
			}
		}
	}
	return ""
}

func sortedConsts(op *operationPlan) []constHeader {
	return slices.SortedFunc(slices.Values(op.consts), func(a, b constHeader) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
}

func hostOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.ToLower(host)
}

// lookup finds the route of a request; nil if no contract has its method and path. The values of path parameters
// are left in rctx.
func (e *Engine) lookup(rctx *chi.Context, host, method, path string) *route {
	if len(e.routers) > 1 {
		if r := e.routers[hostOf(host)]; r != nil {
			if found := r.find(rctx, method, path); found != nil {
				return found
			}
			rctx.Reset()
		}
	}
	return e.routers[""].find(rctx, method, path)
}

func (r *router) find(rctx *chi.Context, method, path string) *route {
	pattern := r.mux.Find(rctx, method, path)
	if pattern == "" {
		return nil
	}
	found := r.routes[routeKey{method, pattern}]
	if found == nil || slices.Contains(rctx.URLParams.Values, "") {
		return nil
	}
	return found
}

// allowed lists the methods that a path answers to, and the contract that owns the first of them; nil if there is none.
func (e *Engine) allowed(host, path string) (out []string, owner *plan) {
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		found := e.lookup(chi.NewRouteContext(), host, m, path)
		if found == nil && m == http.MethodHead {
			found = e.lookup(chi.NewRouteContext(), host, http.MethodGet, path)
		}
		if found != nil {
			out = append(out, m)
			if owner == nil {
				owner = first(found)
			}
		}
	}
	return out, owner
}

// nearest is the contract in whose shape a path without an operation is refused; nil if none is mounted above it.
func (e *Engine) nearest(host, path string) *plan {
	for _, name := range []string{hostOf(host), ""} {
		r := e.routers[name]
		if r == nil {
			continue
		}
		for _, b := range r.bases {
			if below(path, b.base) {
				return b.plan
			}
		}
	}
	return nil
}

// choose picks the operation of a request and the body plan it is read with, nil for none. hasBody says whether
// the request has a body, media its type. A nil operation means that nothing takes it.
func (r *route) choose(req *http.Request, hasBody bool, media string) (op *operationPlan, body *bodyPlan) {
	if len(r.candidates) == 1 && len(r.candidates[0].consts) == 0 {
		op = r.candidates[0]
		if !hasBody || len(op.bodies) == 0 {
			return op, nil
		}
		if body = op.reads(media); body == nil {
			return nil, nil
		}
		return op, body
	}
	best := -1
	for _, candidate := range r.candidates {
		rank, b := candidate.rank(req, hasBody, media)
		if rank > best {
			best, op, body = rank, candidate, b
		}
	}
	return op, body
}

// rank says how well an operation fits a request: -1 not at all; else the constrained before the free, those that
// read the body before those that ignore it, those that stand firm before those that yield. The first mounted wins
// a tie.
func (op *operationPlan) rank(req *http.Request, hasBody bool, media string) (int, *bodyPlan) {
	for _, k := range op.consts {
		if values := req.Header[k.name]; len(values) != 1 || values[0] != k.value {
			return -1, nil
		}
	}
	rank := 4 * len(op.consts)
	if !hasBody {
		if op.required {
			return rank, nil
		}
		return rank + 2, nil
	}
	if len(op.bodies) == 0 {
		return rank, nil
	}
	b := op.reads(media)
	if b == nil {
		return -1, nil
	}
	if b.yields {
		return rank + 1, b
	}
	return rank + 2, b
}

// reads is how the operation reads a media type; nil if it does not.
func (op *operationPlan) reads(media string) *bodyPlan {
	for i := range op.bodies {
		if op.bodies[i].media == media {
			return &op.bodies[i]
		}
	}
	return nil
}

// mediaOf is the media type of a request's body, empty when it cannot be read: missing, not UTF-8, or compressed
// (IO-01).
func mediaOf(r *http.Request) string {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return ""
	}
	values := r.Header["Content-Type"]
	if len(values) != 1 {
		return ""
	}
	media, ok := wire.MediaType(values[0])
	if !ok {
		return ""
	}
	return media
}
