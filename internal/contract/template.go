package contract

import (
	"html"
	"html/template"
	"reflect"
	"regexp"
	"strings"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
)

// placeholder finds {PATH} in a template; braces around anything else are text.
var placeholder = regexp.MustCompile(`\{[a-z_][a-z0-9_]*(\.[A-Za-z0-9_-]+)*\}`)

// part is a piece of a template: text, or the value after it.
type part struct {
	text   string
	source *source
	scalar scalar
	escape func(b []byte, s string) []byte // nil: as it is
}

// template compiles x-output: a template. A missing value leaves the whole template without one. An x-map translates the
// whole text, so that one message can depend on several values.
func (c *outputCompiler) template(f *document.Node, text string, base reflect.Type, types schema.Types) (emit, bool) {
	c.l.idle(f, "x-format")
	if types != 0 && types&schema.StringType == 0 {
		c.problem(f, "string", "a template tells a string, the schema's type is "+types.String())
	}
	escape := c.escape
	if f.Get("format").Str() == "uri" || f.Get("format").Str() == "uri-reference" {
		escape = appendURIPart
	}
	var parts []part
	maybe, at := false, 0
	for _, span := range placeholder.FindAllStringIndex(text, -1) {
		path := text[span[0]+1 : span[1]-1]
		src, wrong, expected := c.reach(path, base)
		if wrong != "" {
			c.problem(f.Get("x-output"), expected, wrong)
			continue
		}
		s, wrong, expected := scalarOf(src.typ, schema.StringType, "", c.l.plan.ids)
		if wrong != "" {
			c.problem(f.Get("x-output"), expected, "the template names "+path+": "+wrong)
			continue
		}
		p := part{text: text[at:span[0]], source: &src, scalar: s, escape: escape}
		if path == "contract.url" && escape != nil && c.escape == nil {
			p.escape = nil // it is a URL itself
		}
		parts = append(parts, p)
		maybe = maybe || src.maybe
		at = span[1]
	}
	rest := text[at:]
	translate := c.translation(f)
	return func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		start := len(b)
		for i := range parts {
			next, ok := parts[i].append(b, t, base)
			if b = next; !ok {
				return b[:start], false
			}
		}
		return translate(append(b, rest...), start), true
	}, maybe
}

// translation is the x-map of a template: it replaces what stands from start on.
func (c *outputCompiler) translation(f *document.Node) func(b []byte, start int) []byte {
	n := c.l.get(f, "x-map")
	if n == nil {
		return func(b []byte, _ int) []byte { return b }
	}
	var s scalar
	c.outputMap(&s, n, &source{}, schema.StringType)
	return func(b []byte, start int) []byte {
		if m, ok := s.mapped[string(b[start:])]; ok {
			return append(b[:start], m.text...)
		}
		if s.star != nil {
			return append(b[:start], s.star.text...)
		}
		return b
	}
}

func (p *part) append(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
	v, ok := p.source.value(t, base)
	if !ok {
		return b, false
	}
	b = append(b, p.text...)
	if p.escape == nil {
		return p.scalar.appendText(b, v)
	}
	raw, ok := p.scalar.appendText(nil, v)
	if !ok {
		return b, false
	}
	return p.escape(b, string(raw)), true
}

// text compiles a schema to bare text: a header, or a body that is no JSON.
func (c *outputCompiler) text(n *document.Node, name string, base reflect.Type) output {
	f, nullable := c.l.option(c.l.flat(n))
	types := c.l.types(f)
	if literal := f.Get("const"); literal != nil {
		c.l.idle(f, "x-output", "x-map", "x-format", "x-key")
		text := literal.Text
		return output{emit: func(b []byte, _ *telling, _ reflect.Value) ([]byte, bool) { return append(b, text...), true }}
	}
	if types&(schema.ObjectType|schema.ArrayType) != 0 {
		c.problem(f, "string, integer, number or boolean", "the schema's type is "+types.String()+", and this is plain text")
		return output{emit: nothing}
	}
	out := output{nullable: nullable}
	if d := f.Get("default"); d != nil {
		out.fallback = []byte(d.Text)
	}
	if path, ok := c.l.text(f, "x-output"); ok && strings.Contains(path, "{") {
		out.emit, out.maybe = c.template(f, path, base, types)
		return out
	}
	src, s, ok := c.single(f, name, base, types)
	if !ok {
		return output{emit: nothing}
	}
	escape := c.escape
	out.maybe = src.maybe
	out.emit = func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok {
			return b, false
		}
		if escape == nil {
			return s.appendText(b, v)
		}
		raw, ok := s.appendText(nil, v)
		return escape(b, string(raw)), ok
	}
	return out
}

// png compiles the body of an image: the QR code of a string.
func (c *outputCompiler) png(n *document.Node, base reflect.Type) output {
	f, _ := c.l.option(c.l.flat(n))
	src, ok := c.path(f, "", base)
	if !ok {
		return output{emit: nothing}
	}
	if c.l.format(f) != formatQRPNG || src.typ.Kind() != reflect.String {
		c.problem(f, "x-output: PATH to a string and x-format: qr_png", "an image can only be the QR code of a text")
		return output{emit: nothing}
	}
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok {
			return b, false
		}
		image, ok := qrPNG(v.String())
		return append(b, image...), ok
	}}
}

// escaping is how values are made safe in a body of this media type; nil when they are told as they are.
func escaping(media string) func(b []byte, s string) []byte {
	switch media {
	case "text/html", "application/xhtml+xml":
		return func(b []byte, s string) []byte { return append(b, html.EscapeString(s)...) }
	case "text/javascript", "application/javascript":
		return func(b []byte, s string) []byte { return append(b, template.JSEscapeString(s)...) }
	}
	return nil
}
