package contract

import (
	"net/http"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
)

// params compiles the parameters of the path item and the operation; the operation's replace those of the same
// name and place.
func (c *inputCompiler) params(item, n *document.Node) {
	var all []*document.Node
	for _, list := range []*document.Node{n.Get("parameters"), item.Get("parameters")} {
		if list == nil {
			continue
		}
		if !list.Is(document.List) {
			c.l.doc.Report(list, "a list of parameters", "parameters holds %s", list.Kind)
			continue
		}
		for _, raw := range list.Items {
			p := c.l.doc.Follow(raw)
			if !slices.ContainsFunc(all, func(q *document.Node) bool {
				return q.Get("name").Str() == p.Get("name").Str() && q.Get("in").Str() == p.Get("in").Str()
			}) {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		c.param(p)
	}
	c.segments(n)
	c.undeclared()
}

// segments checks that path and path parameters agree.
func (c *inputCompiler) segments(n *document.Node) {
	for _, name := range c.op.segments {
		if !slices.ContainsFunc(c.op.params, func(p param) bool { return p.in == auth.InPath && p.name == name }) {
			c.l.doc.Report(n, "a parameter with in: path", "the path parameter {%s} is not declared", name)
		}
	}
}

// undeclared tells an exploded object which names the other query parameters take.
func (c *inputCompiler) undeclared() {
	claimed := map[string]bool{}
	for _, p := range c.op.params {
		if p.in == auth.InQuery && !p.rest {
			claimed[p.name] = true
		}
	}
	for i := range c.op.params {
		if c.op.params[i].rest {
			c.op.params[i].claimed = claimed
		}
	}
}

func (c *inputCompiler) param(n *document.Node) {
	p := param{name: n.Get("name").Str(), in: n.Get("in").Str(), required: n.Get("required").True()}
	switch {
	case p.name == "":
		c.l.doc.Report(n, "name", "the parameter has no name")
		return
	case !slices.Contains(sourceOrder[1:], p.in):
		c.l.doc.Report(n, "in: path, query, header or cookie", "the parameter %q stands in %q", p.name, p.in)
		return
	case n.Get("content") != nil || n.Get("schema") == nil:
		c.l.doc.Report(n, "schema", "the parameter %q has no schema", p.name)
		return
	}
	if p.in == auth.InHeader {
		p.name = http.CanonicalHeaderKey(p.name)
	}
	if p.in == auth.InPath {
		if p.segment = slices.Index(c.op.segments, p.name); p.segment < 0 {
			c.l.doc.Report(n, "{"+p.name+"} in the path", "the path %s has no parameter %q", c.op.path, p.name)
			return
		}
		if !p.required {
			c.l.doc.Report(n, "required: true", "the path parameter %q is not required", p.name)
		}
	}
	f := c.l.flat(n.Get("schema"))
	types := c.l.types(f)
	c.style(&p, n, types)
	c.fill(&p, n, f, types)
	p.schema = c.schemas.Compile(n.Get("schema"))
	c.op.params = append(c.op.params, p)
	slices.SortStableFunc(c.op.params, func(a, b param) int {
		return slices.Index(sourceOrder, a.in) - slices.Index(sourceOrder, b.in)
	})
}

// fill compiles what the parameter fills: an input, the inputs of its members, or nothing.
func (c *inputCompiler) fill(p *param, n, f *document.Node, types schema.Types) {
	fixed := f.Get("const")
	choosing := fixed != nil && p.in == auth.InHeader && p.required
	if c.l.flag(n, "x-ignored") {
		if choosing {
			c.l.doc.Report(n.Get("x-ignored"), "no x-ignored: a required header with const says which requests the operation takes, and fills nothing",
				"the header %q chooses the operation and cannot be ignored", p.name)
		}
		return
	}
	if choosing {
		c.op.consts = append(c.op.consts, constHeader{p.name, fixed.Text})
		if n.Get("x-input") == nil {
			return
		}
	}
	path := []string{p.name}
	name, given := c.l.text(n, "x-input")
	if v := f.Get("x-input"); v != nil && !given {
		c.l.used[v] = true
		c.l.doc.Report(v, "x-input beside name and in", "x-input stands in the parameter's schema")
		return
	}
	if types&schema.ObjectType != 0 {
		p.members = map[string]*schema.Schema{}
		for _, m := range c.properties(f, 0) {
			p.members[m.Key] = c.schemas.Compile(m.Value)
		}
		path = nil
		if !given {
			p.binds = c.walk(f, p.in, nil, nil, nil)
			return
		}
	}
	if !given {
		name = c.own(p.name)
	}
	if name == "" {
		c.l.doc.Report(n, "x-input: "+c.names()+"; or x-ignored: true", "the parameter %q fills no input of %s", p.name, c.def.Name)
		return
	}
	if b := c.bind(name, origin{at: n, schema: f, also: n, in: p.in, wire: path}); b != nil {
		p.binds = []bind{*b}
	}
}

// separators are the styles in which a list is one text.
var separators = map[string]byte{"form": ',', "simple": ',', "spaceDelimited": ' ', "pipeDelimited": '|'}

// style reads how lists and objects are written. Only the styles with one reading are taken.
func (c *inputCompiler) style(p *param, n *document.Node, types schema.Types) {
	natural := "simple"
	if p.in == auth.InQuery || p.in == auth.InCookie {
		natural = "form"
	}
	style := n.Get("style").Str()
	if style == "" {
		style = natural
	}
	exploded := style == "form"
	if explode := n.Get("explode"); explode != nil {
		exploded = explode.True()
	}
	repeated := p.in == auth.InQuery && style == "form" && exploded
	switch {
	case types&schema.ObjectType != 0:
		if p.rest = true; !repeated {
			c.l.doc.Report(n, "in: query with style: form and explode: true", "the object %q cannot be written so", p.name)
		}
	case types&schema.ArrayType == 0:
		if style != natural {
			c.l.doc.Report(n, "style: "+natural, "the style %q is for lists and objects", style)
		}
	case repeated:
		p.list = '&'
	default:
		p.list = separators[style]
		if p.list == 0 || p.in != auth.InQuery && style != natural {
			c.l.doc.Report(n, "style: form, simple, spaceDelimited or pipeDelimited", "the style %q of %q cannot be read", style, p.name)
		}
	}
}
