package schema

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// Compiler turns schema objects of one document into Schemas and reports their mistakes to it.
type Compiler struct {
	Doc *document.Document
	// Patchable says of a property's schema object that null is a value of its own there. Nil: never.
	Patchable func(property *document.Node) bool

	done     map[*document.Node]*Schema
	keywords map[string]keyword
	// open holds the schemas that are being compiled and apply to the same value as the present one. Meeting one
	// of them again would validate for ever.
	open map[*document.Node]bool
}

// Compile compiles one schema object. A recursive schema is fine. The result is never nil.
func (c *Compiler) Compile(n *document.Node) *Schema {
	outside := c.open
	c.open = map[*document.Node]bool{}
	defer func() { c.open = outside }()
	return c.same(n)
}

// same compiles a schema that applies to the same value as the one that holds it.
func (c *Compiler) same(n *document.Node) *Schema {
	if c.open[n] {
		c.Doc.Report(n, "a schema that ends", "the schema applies itself to the same value again")
		return &Schema{never: true}
	}
	if s, ok := c.done[n]; ok {
		return s
	}
	c.open[n] = true
	defer delete(c.open, n)
	if c.done == nil {
		c.done, c.keywords = map[*document.Node]*Schema{}, keywords()
	}
	s := &Schema{minLength: -1, maxLength: -1, minItems: -1, maxItems: -1, minContains: -1, maxContains: -1,
		minMembers: -1, maxMembers: -1}
	c.done[n] = s
	switch {
	case n.Is(document.Bool):
		s.never = !n.True()
	case n.Is(document.Map):
		c.object(s, n)
	default:
		c.Doc.Report(n, "a schema object", "a schema is missing")
	}
	return s
}

func (c *Compiler) object(s *Schema, n *document.Node) {
	if n.Get("$ref").Is(document.String) {
		if target := c.Doc.Target(n); target != nil {
			s.all = append(s.all, c.same(target))
		}
	}
	for _, p := range n.Pairs {
		if read, ok := c.keywords[p.Key]; ok {
			if read != nil {
				read(c, s, p.Value)
			}
			continue
		}
		if len(p.Key) > 2 && p.Key[:2] == "x-" {
			continue
		}
		expected := "a keyword that is enforced"
		if p.Key == "nullable" {
			expected = `type: [..., "null"], as OpenAPI 3.1 has it`
		}
		c.Doc.ReportLine(p.Line, expected, "the schema keyword %q is not enforced", p.Key)
	}
	c.members(s, n)
	c.bounds(s, n)
	if s.contains == nil && (s.minContains >= 0 || s.maxContains >= 0) {
		c.Doc.Report(n, "contains", "minContains and maxContains do nothing without contains")
	}
	if s.when == nil && (s.then != nil || s.other != nil) {
		c.Doc.Report(n, "if", "then and else do nothing without if")
	}
}

// keyword reads the value of one keyword into a schema.
type keyword func(c *Compiler, s *Schema, n *document.Node)

// keywords are those that are enforced; nil ones are annotations, or read elsewhere.
func keywords() map[string]keyword {
	return map[string]keyword{
		"$ref": nil, "$comment": nil, "title": nil, "description": nil, "default": nil, "example": nil, "examples": nil,
		"deprecated": nil, "readOnly": nil, "writeOnly": nil, "externalDocs": nil, "discriminator": nil,
		"properties": nil, "required": nil, "exclusiveMinimum": nil, "exclusiveMaximum": nil,
		"type": func(c *Compiler, s *Schema, n *document.Node) { c.types(s, n) },
		"const": func(c *Compiler, s *Schema, n *document.Node) {
			v := Literal(n)
			s.constant = &v
		},
		"enum":          func(c *Compiler, s *Schema, n *document.Node) { c.enum(s, n) },
		"minLength":     func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.minLength, n) },
		"maxLength":     func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.maxLength, n) },
		"minItems":      func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.minItems, n) },
		"maxItems":      func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.maxItems, n) },
		"minContains":   func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.minContains, n) },
		"maxContains":   func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.maxContains, n) },
		"minProperties": func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.minMembers, n) },
		"maxProperties": func(c *Compiler, s *Schema, n *document.Node) { c.count(&s.maxMembers, n) },
		"minimum":       func(c *Compiler, s *Schema, n *document.Node) { s.minimum = c.bound(n) },
		"maximum":       func(c *Compiler, s *Schema, n *document.Node) { s.maximum = c.bound(n) },
		"multipleOf": func(c *Compiler, s *Schema, n *document.Node) {
			if b := c.bound(n); b != nil {
				s.multipleOf = b.value
			}
		},
		"uniqueItems":       func(c *Compiler, s *Schema, n *document.Node) { s.unique = n.True() },
		"pattern":           func(c *Compiler, s *Schema, n *document.Node) { s.pattern = c.regexp(n, n.Str()) },
		"format":            func(c *Compiler, s *Schema, n *document.Node) { c.format(s, n) },
		"items":             func(c *Compiler, s *Schema, n *document.Node) { s.items = c.Compile(n) },
		"contains":          func(c *Compiler, s *Schema, n *document.Node) { s.contains = c.Compile(n) },
		"prefixItems":       func(c *Compiler, s *Schema, n *document.Node) { s.prefix = c.list(n, c.Compile) },
		"allOf":             func(c *Compiler, s *Schema, n *document.Node) { s.all = append(s.all, c.list(n, c.same)...) },
		"anyOf":             func(c *Compiler, s *Schema, n *document.Node) { s.any = c.list(n, c.same) },
		"oneOf":             func(c *Compiler, s *Schema, n *document.Node) { s.one = c.list(n, c.same) },
		"not":               func(c *Compiler, s *Schema, n *document.Node) { s.not = c.same(n) },
		"if":                func(c *Compiler, s *Schema, n *document.Node) { s.when = c.same(n) },
		"then":              func(c *Compiler, s *Schema, n *document.Node) { s.then = c.same(n) },
		"else":              func(c *Compiler, s *Schema, n *document.Node) { s.other = c.same(n) },
		"propertyNames":     func(c *Compiler, s *Schema, n *document.Node) { s.names = c.Compile(n) },
		"patternProperties": func(c *Compiler, s *Schema, n *document.Node) { c.patternProperties(s, n) },
		"dependentRequired": func(c *Compiler, s *Schema, n *document.Node) { c.dependentRequired(s, n) },
		"additionalProperties": func(c *Compiler, s *Schema, n *document.Node) {
			if !n.True() {
				s.additional = c.Compile(n)
			}
		},
	}
}

func (c *Compiler) types(s *Schema, n *document.Node) {
	names := []string{n.Str()}
	if n.Is(document.List) {
		names, _ = n.Strings()
		if len(names) != len(n.Items) || len(names) == 0 {
			c.Doc.Report(n, `a list like [string, "null"]`, "type holds something that is no name of a type")
			return
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(typeNames, func(t struct {
			name string
			bit  Types
		}) bool {
			return t.name == name
		})
		if i < 0 {
			c.Doc.Report(n, "null, boolean, integer, number, string, array or object", "the type %q does not exist", name)
			continue
		}
		s.types |= typeNames[i].bit
	}
}

func (c *Compiler) enum(s *Schema, n *document.Node) {
	if !n.Is(document.List) || len(n.Items) == 0 {
		c.Doc.Report(n, "a list of values", "enum holds %s", n.Kind)
		return
	}
	for _, item := range n.Items {
		s.enum = append(s.enum, Literal(item))
	}
}

func (c *Compiler) count(into *int, n *document.Node) {
	v, ok := n.Int()
	if !ok || v < 0 {
		c.Doc.Report(n, "an integer from 0", "the bound is %q", n.Text)
		return
	}
	*into = v
}

func (c *Compiler) bound(n *document.Node) *bound {
	if n.Is(document.Int) || n.Is(document.Float) {
		if f, err := strconv.ParseFloat(n.Text, 64); err == nil {
			return &bound{f, n.Text}
		}
	}
	c.Doc.Report(n, "a number", "the bound is %q", n.Text)
	return nil
}

// bounds reads the exclusive bounds, which are numbers of their own in OpenAPI 3.1.
func (c *Compiler) bounds(s *Schema, n *document.Node) {
	if x := n.Get("exclusiveMinimum"); x != nil {
		if b := c.bound(x); b != nil && (s.minimum == nil || b.value >= s.minimum.value) {
			s.minimum, s.exclusiveMin = b, true
		}
	}
	if x := n.Get("exclusiveMaximum"); x != nil {
		if b := c.bound(x); b != nil && (s.maximum == nil || b.value <= s.maximum.value) {
			s.maximum, s.exclusiveMax = b, true
		}
	}
}

func (c *Compiler) regexp(n *document.Node, text string) *regexp.Regexp {
	re, err := regexp.Compile(text)
	if err != nil || text == "" {
		c.Doc.Report(n, "a regular expression in RE2 syntax, without look-around and back-references", "the pattern %q cannot be used", text)
		return nil
	}
	return re
}

func (c *Compiler) format(s *Schema, n *document.Node) {
	f, ok := formats[n.Str()]
	if !ok {
		c.Doc.Report(n, "one of "+formatNames(), "the format %q is not enforced", n.Text)
		return
	}
	if f.fits != nil || f.number != nil {
		s.format = &f
	}
}

func (c *Compiler) list(n *document.Node, compile func(*document.Node) *Schema) []*Schema {
	if !n.Is(document.List) || len(n.Items) == 0 {
		c.Doc.Report(n, "a list of schemas", "the keyword holds %s", n.Kind)
		return nil
	}
	out := make([]*Schema, len(n.Items))
	for i, item := range n.Items {
		out[i] = compile(item)
	}
	return out
}

// members reads properties and required, in the order of the document.
func (c *Compiler) members(s *Schema, n *document.Node) {
	if props := n.Get("properties"); props.Is(document.Map) {
		for _, p := range props.Pairs {
			patch := c.Patchable != nil && c.Patchable(c.Doc.Follow(p.Value))
			s.properties = append(s.properties, property{name: p.Key, schema: c.Compile(p.Value), patch: patch})
		}
	} else if props != nil {
		c.Doc.Report(props, "an object of schemas", "properties holds %s", props.Kind)
	}
	required := n.Get("required")
	if required == nil {
		return
	}
	names, ok := required.Strings()
	if !ok {
		c.Doc.Report(required, "a list of property names", "required holds something else")
	}
	for _, name := range names {
		i := slices.IndexFunc(s.properties, func(p property) bool { return p.name == name })
		if i < 0 {
			s.properties = append(s.properties, property{name: name, required: true})
			continue
		}
		s.properties[i].required = true
	}
}

func (c *Compiler) patternProperties(s *Schema, n *document.Node) {
	for _, p := range n.Pairs {
		if re := c.regexp(n, p.Key); re != nil {
			s.patterns = append(s.patterns, patternProperty{re, c.Compile(p.Value)})
		}
	}
}

func (c *Compiler) dependentRequired(s *Schema, n *document.Node) {
	for _, p := range n.Pairs {
		needs, ok := p.Value.Strings()
		if !ok {
			c.Doc.Report(p.Value, "a list of property names", "dependentRequired holds something else")
			continue
		}
		s.dependent = append(s.dependent, dependency{p.Key, needs})
	}
}

// Literal is a value written in the document: a const, an enum's, an x-map's.
func Literal(n *document.Node) wire.Value {
	if n == nil {
		return wire.Value{}
	}
	switch n.Kind {
	case document.Map:
		v := wire.Value{Kind: wire.Object}
		for _, p := range n.Pairs {
			v.Members = append(v.Members, wire.Member{Name: p.Key, Value: Literal(p.Value)})
		}
		return v
	case document.List:
		v := wire.Value{Kind: wire.Array}
		for _, item := range n.Items {
			v.Items = append(v.Items, Literal(item))
		}
		return v
	case document.String:
		return wire.Value{Kind: wire.String, Text: n.Text}
	case document.Bool:
		return wire.Value{Kind: wire.Bool, True: n.True()}
	case document.Int, document.Float:
		return wire.Value{Kind: wire.Number, Text: string(n.AppendJSON(nil))}
	}
	return wire.Value{}
}
