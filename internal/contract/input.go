package contract

import (
	"reflect"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// The inputs that every operation accepts; the engine uses them itself. client_id says which client asks.
const (
	inputCSRF      = "csrf_token"
	inputApp       = "app"
	inputChallenge = "challenge_response"
	inputClient    = "client_id"
)

var ownInputs = []string{inputCSRF, inputApp, inputChallenge, inputClient}

// slot is one thing that a request can fill: an input field, a key of a map input, or an input of the engine.
type slot struct {
	name     string
	field    []int // reflect path in the input struct; nil: the engine's only
	own      bool  // the engine reads it too
	required bool
	in       string   // of the source that comes first, for messages
	path     []string // of that source
}

// inputPlan is everything that fills the inputs of one operation.
type inputPlan struct {
	slots []slot
	fixed []bind // x-inputs; preset holds the literal
}

// sourceOrder is which source of an input wins.
var sourceOrder = []string{auth.InBody, auth.InPath, auth.InQuery, auth.InHeader, auth.InCookie}

// mostSlots is how many inputs one request can fill: the width of the set that remembers which are.
const mostSlots = 64

// inputCompiler compiles what one operation takes.
type inputCompiler struct {
	l       *loader
	def     *operation.Definition
	op      *operationPlan
	fields  []operation.Field
	schemas schema.Compiler
	patched map[*document.Node]bool
}

func (l *loader) inputs(op *operationPlan, item, n *document.Node) {
	c := &inputCompiler{l: l, def: op.def, op: op, fields: operation.Fields(op.def.Input), patched: map[*document.Node]bool{}}
	c.schemas = schema.Compiler{Doc: l.doc, Patchable: func(p *document.Node) bool { return c.patched[p] }}
	c.fixed(n)
	c.params(item, n)
	c.body(n)
	c.sources(n)
}

// slot finds or makes the slot of an input name, `email` or `attributes.company`; -1 if there is no such input.
func (c *inputCompiler) slot(name string) int {
	if i := slices.IndexFunc(c.op.inputs.slots, func(s slot) bool { return s.name == name }); i >= 0 {
		return i
	}
	head, key, dotted := strings.Cut(name, ".")
	own := slices.Contains(ownInputs, name)
	f, ok := c.field(head)
	if !ok && !own || dotted && (key == "" || bare(f.Type) != mapType) {
		return -1
	}
	s := slot{name: name, own: own}
	if ok {
		s.field, s.required = f.Index, f.Required && !dotted
	}
	c.op.inputs.slots = append(c.op.inputs.slots, s)
	return len(c.op.inputs.slots) - 1
}

func (c *inputCompiler) field(name string) (operation.Field, bool) {
	i := slices.IndexFunc(c.fields, func(f operation.Field) bool { return f.Name == name })
	if i < 0 {
		return operation.Field{}, false
	}
	return c.fields[i], true
}

// setter makes the setter of an input name for a shape.
func (c *inputCompiler) setter(name string, s shape, n *document.Node) (set setter, patch bool) {
	head, key, dotted := strings.Cut(name, ".")
	f, ok := c.field(head)
	if !ok {
		if s.types != 0 && s.types&schema.StringType == 0 {
			c.l.doc.Report(n, "string", "the input %s is a string, the schema's type is %s", name, s.types)
		}
		return func(reflect.Value, *wire.Value) *auth.Violation { return nil }, false
	}
	t := f.Type
	if dotted {
		t = anyType
	}
	inner := c.l.setterFor(t, s, n)
	switch {
	case inner == nil:
		return nil, f.Patch
	case dotted && f.Patch:
		return keyInPatch(key, inner), true
	case dotted:
		return keySetter(key, inner), false
	case f.Patch:
		return patchSetter(inner), true
	}
	return inner, false
}

// names lists the inputs for a message.
func (c *inputCompiler) names() string {
	out := inputNames(c.def)
	for _, own := range ownInputs {
		if !slices.Contains(out, own) {
			out = append(out, own)
		}
	}
	return "one of " + strings.Join(out, ", ")
}

func (c *inputCompiler) fixed(n *document.Node) {
	inputs := c.l.get(n, "x-inputs")
	if inputs == nil {
		return
	}
	if !inputs.Is(document.Map) {
		c.l.doc.Report(inputs, "an object of input: literal", "x-inputs holds %s", inputs.Kind)
		return
	}
	for _, p := range inputs.Pairs {
		i := c.slot(p.Key)
		if i < 0 {
			c.l.doc.ReportLine(p.Line, c.names(), "the operation %s has no input %q", c.def.Name, p.Key)
			continue
		}
		literal := schema.Literal(p.Value)
		s := shape{types: schema.TypesOf(&literal), items: &shape{types: schema.StringType}}
		set, patch := c.setter(p.Key, s, p.Value)
		if set == nil {
			continue
		}
		if field := c.op.inputs.slots[i].field; field != nil {
			scratch := reflect.New(c.def.Input).Elem().FieldByIndex(field)
			if fault := set(scratch, &literal); fault != nil {
				c.l.doc.Report(p.Value, fault.Expected, "x-inputs: %s %s", p.Key, fault.Message)
				continue
			}
		}
		c.op.inputs.fixed = append(c.op.inputs.fixed, bind{slot: i, set: set, patch: patch, preset: &literal})
	}
}

// origin is a place of a request that fills an input.
type origin struct {
	at     *document.Node // where problems are reported
	schema *document.Node // flattened
	also   *document.Node // a parameter, whose annotations win over its schema's; nil elsewhere
	in     string
	wire   []string // path in the request's words
	path   []string // path inside the body or the parameter
}

// bind compiles what one place fills.
func (c *inputCompiler) bind(name string, o origin) *bind {
	i, n := c.slot(name), o.at
	if i < 0 {
		c.l.doc.Report(n, c.names(), "the operation %s has no input %q", c.def.Name, name)
		return nil
	}
	if i >= mostSlots {
		c.l.doc.Report(n, "", "the operation fills more than %d inputs", mostSlots)
		return nil
	}
	s := &c.op.inputs.slots[i]
	if s.in == "" || slices.Index(sourceOrder, o.in) < slices.Index(sourceOrder, s.in) {
		s.in, s.path = o.in, o.wire
	}
	set, patch := c.setter(name, c.l.shapeOf(o.schema, o.also), n)
	if set == nil {
		return nil
	}
	b := &bind{path: o.path, slot: i, set: set, patch: patch}
	if d := o.schema.Get("default"); d != nil && !d.Is(document.Null) {
		literal := schema.Literal(d)
		b.preset = &literal
	}
	return b
}

// own is the input that a parameter or property fills by its own name; empty if there is none.
func (c *inputCompiler) own(name string) string {
	if _, ok := c.field(name); ok || slices.Contains(ownInputs, name) {
		return name
	}
	return ""
}

// walk compiles the binds of an object's properties, at any depth.
func (c *inputCompiler) walk(n *document.Node, in string, wirePath, path []string, out []bind) []bind {
	if len(path) > mostDepth {
		c.l.doc.Report(n, "x-input or x-ignored at the property that repeats", "the schema of a request contains itself")
		return out
	}
	for _, p := range c.properties(n, 0) {
		f := c.l.flat(p.Value)
		if !c.l.spend(p.Value) {
			return out
		}
		here, at := append(slices.Clone(wirePath), p.Key), append(slices.Clone(path), p.Key)
		if c.l.flag(f, "x-ignored") {
			c.l.idle(f, "x-input")
			continue
		}
		name, given := c.l.text(f, "x-input")
		if !given {
			if c.l.types(f)&schema.ObjectType != 0 && len(c.properties(f, 0)) > 0 {
				out = c.walk(f, in, here, at, out)
				continue
			}
			name = c.own(p.Key)
		}
		if name == "" {
			c.l.doc.ReportLine(p.Line, "x-input: "+c.names()+"; or x-ignored: true", "the property %q fills no input of %s", p.Key, c.def.Name)
			continue
		}
		b := c.bind(name, origin{at: p.Value, schema: f, in: in, wire: here, path: at})
		if b == nil {
			continue
		}
		if b.patch {
			c.patched[c.l.doc.Follow(p.Value)] = true
		}
		out = append(out, *b)
	}
	return out
}

// properties lists the properties of a schema and of everything it is composed of.
func (c *inputCompiler) properties(n *document.Node, depth int) []document.Pair {
	f := c.l.flat(n)
	if depth > 8 {
		return nil
	}
	out := slices.Clone(f.Get("properties").Members())
	for _, key := range []string{"anyOf", "oneOf"} {
		if list := f.Get(key); list.Is(document.List) {
			for _, item := range list.Items {
				out = merge(out, c.properties(item, depth+1))
			}
		}
	}
	for _, key := range []string{"then", "else"} {
		if branch := f.Get(key); branch != nil {
			out = merge(out, c.properties(branch, depth+1))
		}
	}
	return out
}

// merge adds the pairs whose keys are new.
func merge(into, more []document.Pair) []document.Pair {
	for _, p := range more {
		if !slices.ContainsFunc(into, func(q document.Pair) bool { return q.Key == p.Key }) {
			into = append(into, p)
		}
	}
	return into
}

func (c *inputCompiler) body(n *document.Node) {
	body := c.l.doc.Follow(n.Get("requestBody"))
	if body == nil {
		return
	}
	if c.op.method == "GET" || c.op.method == "HEAD" {
		c.l.doc.Report(body, "parameters", "a %s has no body", c.op.method)
		return
	}
	c.op.required = body.Get("required").True()
	content := body.Get("content")
	if content == nil || len(content.Pairs) == 0 {
		c.l.doc.Report(body, "content", "the request body has no media type")
		return
	}
	for _, p := range content.Pairs {
		c.media(p)
	}
}

func (c *inputCompiler) media(p document.Pair) {
	media, ok := wire.MediaType(p.Key)
	form := media == wire.FormType
	if !ok || !form && !wire.IsJSON(media) {
		c.l.doc.ReportLine(p.Line, "application/json, a +json type, or "+wire.FormType, "the media type %q cannot be read", p.Key)
		return
	}
	body := bodyPlan{media: media, form: form, yields: c.l.flag(p.Value, "x-yield")}
	if encoding := p.Value.Get("encoding"); encoding != nil {
		c.l.doc.Report(encoding, "", "encoding is not enforced")
	}
	n := p.Value.Get("schema")
	if n == nil {
		c.l.doc.ReportLine(p.Line, "schema", "the media type has no schema")
		return
	}
	f := c.l.flat(n)
	if name, given := c.l.text(f, "x-input"); given {
		if b := c.bind(name, origin{at: n, schema: f, in: auth.InBody}); b != nil {
			body.binds = append(body.binds, *b)
		}
	} else {
		body.binds = c.walk(n, auth.InBody, nil, nil, nil)
	}
	body.schema = c.schemas.Compile(n)
	if form {
		body.fields = map[string]field{}
		for _, p := range c.properties(n, 0) {
			types := c.l.types(c.l.flat(p.Value))
			if types&schema.ObjectType != 0 {
				c.l.doc.ReportLine(p.Line, "single values and lists", "the field %q of a form is an object", p.Key)
			}
			body.fields[p.Key] = field{schema: c.schemas.Compile(p.Value), list: types&schema.ArrayType != 0}
		}
	}
	c.op.bodies = append(c.op.bodies, body)
}

// sources checks that every required input can be filled, whichever media type a request has.
func (c *inputCompiler) sources(n *document.Node) {
	for _, f := range c.fields {
		if !f.Required {
			continue
		}
		i := slices.IndexFunc(c.op.inputs.slots, func(s slot) bool { return s.name == f.Name })
		if i >= 0 && c.filledOutside(i) {
			continue
		}
		if len(c.op.bodies) == 0 {
			c.l.doc.Report(n, "a parameter, a property, or an entry of x-inputs for it", "the required input %q of %s has no source", f.Name, c.def.Name)
			continue
		}
		for _, b := range c.op.bodies {
			if i < 0 || !slices.ContainsFunc(b.binds, func(b bind) bool { return b.slot == i }) {
				c.l.doc.Report(n, "a property that fills it", "the required input %q of %s has no source in %s", f.Name, c.def.Name, b.media)
			}
		}
	}
}

func (c *inputCompiler) filledOutside(i int) bool {
	if slices.ContainsFunc(c.op.inputs.fixed, func(b bind) bool { return b.slot == i }) {
		return true
	}
	return slices.ContainsFunc(c.op.params, func(p param) bool {
		return slices.ContainsFunc(p.binds, func(b bind) bool { return b.slot == i })
	})
}
