package contract

import (
	"reflect"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// telling is what an answer is made of: the reserved scopes and the operation's input.
type telling struct {
	reserved reflect.Value // of a struct reserved
	input    reflect.Value // invalid until the request was bound
}

// emit appends one value; ok is false when it has none, and then nothing is appended. base is what relative paths
// start from.
type emit func(b []byte, t *telling, base reflect.Value) (out []byte, ok bool)

// needs is what must be found out before an answer can be told.
type needs struct{ appName, csrfToken bool }

// outputCompiler compiles the schemas of responses to emitters.
type outputCompiler struct {
	l        *loader
	def      *operation.Definition // nil where no operation is known
	errorful bool                  // the error scope is there
	escape   func(b []byte, s string) []byte
	needs    needs
	open     []*document.Node // objects being compiled, to find recursion
}

// output is a compiled value and how it behaves without one.
type output struct {
	emit     emit
	maybe    bool
	nullable bool
	fallback []byte // of `default`; nil if there is none
}

// json compiles a schema to JSON. name is the property's own name, empty for items and whole bodies; base is the
// type that relative paths start from.
func (c *outputCompiler) json(n *document.Node, name string, base reflect.Type) output {
	f, nullable := c.l.option(c.l.flat(n))
	if !c.l.spend(n) {
		return output{emit: nothing}
	}
	if slices.Contains(c.open, f) {
		c.l.doc.Report(n, "a schema that ends", "the schema of a response contains itself")
		return output{emit: nothing}
	}
	c.open = append(c.open, f)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	types := c.l.types(f)
	if literal := f.Get("const"); literal != nil {
		c.l.idle(f, "x-output", "x-map", "x-format", "x-key")
		text := literal.AppendJSON(nil)
		return output{emit: func(b []byte, _ *telling, _ reflect.Value) ([]byte, bool) { return append(b, text...), true }}
	}
	var out output
	switch {
	case f.Get("x-key") != nil:
		out = c.keyed(f, base)
	case types&schema.ObjectType != 0:
		out = c.object(f, base)
	case types&schema.ArrayType != 0:
		out = c.array(f, name, base)
	default:
		out = c.scalar(f, name, base, types)
	}
	out.nullable = nullable || types&schema.NullType != 0
	if d := f.Get("default"); d != nil {
		out.fallback = d.AppendJSON(nil)
	}
	return out
}

func nothing(b []byte, _ *telling, _ reflect.Value) ([]byte, bool) { return b, false }

// settled makes an emitter that knows what to do without a value: null if the type allows it, else the default,
// else leave it out, which a required value may not.
func (c *outputCompiler) settled(out output, required bool, n *document.Node, what string) emit {
	if !out.maybe {
		return out.emit
	}
	instead := out.fallback
	if out.nullable {
		instead = []byte("null")
	}
	if instead == nil {
		if required {
			c.l.doc.Report(n, `a type with "null", a default, or not required`, "%s is required and may have no value", what)
		}
		return out.emit
	}
	return func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		if b, ok := out.emit(b, t, base); ok {
			return b, true
		}
		return append(b, instead...), true
	}
}

// path reads x-output, or takes own as the path. ok is false after a problem.
func (c *outputCompiler) path(f *document.Node, own string, base reflect.Type) (src source, ok bool) {
	path, given := c.l.text(f, "x-output")
	if !given {
		path = own
	}
	if path == "" {
		return source{typ: base}, base != nil || c.problem(f, "x-output: PATH", "the value has no source")
	}
	src, wrong, expected := c.reach(path, base)
	if wrong != "" {
		return src, c.problem(f, expected, wrong)
	}
	return src, true
}

func (c *outputCompiler) problem(n *document.Node, expected, wrong string) bool {
	c.l.doc.Report(n, expected, "%s", wrong)
	return false
}

// member is one member of an object: its name as JSON with the colon, and its value.
type memberOut struct {
	name []byte
	emit emit
}

func (c *outputCompiler) object(f *document.Node, base reflect.Type) output {
	c.l.idle(f, "x-map", "x-format")
	var src source
	scoped := f.Get("x-output") != nil
	if scoped {
		var ok bool
		if src, ok = c.path(f, "", base); !ok {
			return output{emit: nothing}
		}
		base = src.typ
	}
	props, more := f.Get("properties"), f.Get("additionalProperties")
	if props == nil && scoped {
		return c.wholeMap(f, more, src)
	}
	members := c.members(f, props, base)
	group := func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		return append(emitMembers(append(b, '{'), members, t, base), '}'), true
	}
	if !scoped {
		return output{emit: group}
	}
	if t := src.typ; t != anyType && t.Kind() != reflect.Map && (t.Kind() != reflect.Struct || t == timeType) {
		c.problem(f, "a path to an object", "x-output leads to "+goKind(t))
	}
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok {
			return b, false
		}
		return group(b, t, v)
	}}
}

// emitMembers tells the members of an object that has a value, with commas between them.
func emitMembers(b []byte, members []memberOut, t *telling, base reflect.Value) []byte {
	start := len(b)
	for i := range members {
		at := len(b)
		if at > start {
			b = append(b, ',')
		}
		next, ok := members[i].emit(append(b, members[i].name...), t, base)
		if b = next; !ok {
			b = b[:at]
		}
	}
	return b
}

func (c *outputCompiler) members(f, props *document.Node, base reflect.Type) []memberOut {
	required := c.l.required(f)
	var out []memberOut
	if props == nil {
		return nil
	}
	for _, p := range props.Pairs {
		value := c.json(p.Value, p.Key, base)
		out = append(out, memberOut{
			name: append(appendJSONString(nil, p.Key), ':'),
			emit: c.settled(value, slices.Contains(required, p.Key), p.Value, "the property "+p.Key),
		})
	}
	return out
}

// wholeMap tells a map entry by entry: attributes and the like.
func (c *outputCompiler) wholeMap(f, more *document.Node, src source) output {
	if src.typ != anyType && src.typ.Kind() != reflect.Map && src.typ.Kind() != reflect.Struct || src.typ == timeType {
		c.problem(f, "properties, or a path to an object", "x-output leads to "+goKind(src.typ))
		return output{emit: nothing}
	}
	value := func(b []byte, _ *telling, v reflect.Value) ([]byte, bool) { return appendPlain(b, v), true }
	if more.Is(document.Map) && src.typ.Kind() == reflect.Map {
		out := c.json(more, "", bare(src.typ.Elem()))
		value = c.settled(out, false, more, "an entry")
	}
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok || v.Kind() != reflect.Map && v.Kind() != reflect.Struct {
			return b, false
		}
		if v.Kind() == reflect.Struct {
			return appendStruct(b, v), true
		}
		return appendMap(b, v, func(b []byte, v reflect.Value) []byte {
			if v, ok := present(v, false); ok {
				if b, ok := value(b, t, v); ok {
					return b
				}
			}
			return append(b, "null"...)
		}), true
	}}
}

func (c *outputCompiler) array(f *document.Node, name string, base reflect.Type) output {
	c.l.idle(f, "x-map", "x-format")
	src, ok := c.path(f, name, base)
	if !ok {
		return output{emit: nothing}
	}
	items := f.Get("items")
	if src.typ != anyType && src.typ.Kind() != reflect.Slice {
		c.problem(f, "a path to a list", "x-output leads to "+goKind(src.typ))
		return output{emit: nothing}
	}
	element := func(b []byte, _ *telling, v reflect.Value) ([]byte, bool) { return appendPlain(b, v), true }
	if src.typ != anyType {
		if items == nil {
			c.problem(f, "items", "the array does not say what its items are")
			return output{emit: nothing}
		}
		out := c.json(items, "", bare(src.typ.Elem()))
		element = c.settled(out, false, items, "an item")
	}
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok || v.Kind() != reflect.Slice {
			return b, false
		}
		b = append(b, '[')
		start := len(b)
		for i := range v.Len() {
			at := len(b)
			if at > start {
				b = append(b, ',')
			}
			item, ok := open(v.Index(i))
			next := b
			if ok {
				next, ok = element(b, t, item)
			}
			if b = next; !ok {
				b = b[:at]
			}
		}
		return append(b, ']'), true
	}}
}

// keyed compiles an object that is keyed by a field of each element of a list; the first element of a key wins. Its
// declared properties come first, and their paths start where that of the list does.
func (c *outputCompiler) keyed(f *document.Node, base reflect.Type) output {
	key, _ := c.l.text(f, "x-key")
	element := f.Get("additionalProperties")
	if f.Get("x-output") == nil || !element.Is(document.Map) {
		c.problem(f, "x-output: LIST and additionalProperties as the element", "x-key needs both")
		return output{emit: nothing}
	}
	src, ok := c.path(f, "", base)
	if !ok {
		return output{emit: nothing}
	}
	if src.typ.Kind() != reflect.Slice {
		c.problem(f, "a path to a list", "x-output leads to "+goKind(src.typ))
		return output{emit: nothing}
	}
	elem := bare(src.typ.Elem())
	by, wrong, expected := c.reach(key, elem)
	if wrong == "" && by.typ.Kind() != reflect.String {
		wrong, expected = "x-key leads to "+goKind(by.typ), "a path to a string"
	}
	if wrong != "" {
		c.problem(f.Get("x-key"), expected, wrong)
		return output{emit: nothing}
	}
	out := c.json(element, "", elem)
	entries := keyedOut{fixed: c.members(f, f.Get("properties"), base), by: by, prefix: prefixOf(by.typ, c.l.plan.ids), value: c.settled(out, false, element, "an entry")}
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		list, ok := src.value(t, base)
		if !ok {
			return b, false
		}
		return entries.emit(b, t, base, list), true
	}}
}

// keyedOut tells a list as an object.
type keyedOut struct {
	fixed  []memberOut
	by     source
	prefix string // of identifiers
	value  emit
}

func (k *keyedOut) emit(b []byte, t *telling, base, list reflect.Value) []byte {
	b = append(b, '{')
	start := len(b)
	b = emitMembers(b, k.fixed, t, base)
	var seen []string
	for i := range list.Len() {
		item, ok := open(list.Index(i))
		if !ok {
			continue
		}
		key, ok := k.by.value(t, item)
		if !ok || slices.Contains(seen, key.String()) {
			continue
		}
		at := len(b)
		if at > start {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, k.prefix+key.String()), ':')
		next, ok := k.value(b, t, item)
		if b = next; !ok {
			b = b[:at]
			continue
		}
		seen = append(seen, key.String())
	}
	return append(b, '}')
}

func (c *outputCompiler) scalar(f *document.Node, name string, base reflect.Type, types schema.Types) output {
	if path, ok := c.l.text(f, "x-output"); ok && strings.Contains(path, "{") {
		text, maybe := c.template(f, path, base, types)
		return output{maybe: maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
			var room [256]byte
			raw, ok := text(room[:0], t, base)
			if !ok {
				return b, false
			}
			return appendJSONString(b, string(raw)), true
		}}
	}
	src, s, ok := c.single(f, name, base, types)
	if !ok {
		return output{emit: nothing}
	}
	dynamic := src.typ == anyType && types != 0
	return output{maybe: src.maybe, emit: func(b []byte, t *telling, base reflect.Value) ([]byte, bool) {
		v, ok := src.value(t, base)
		if !ok || dynamic && !kindFits(v, types) {
			return b, false
		}
		return s.appendJSON(b, v)
	}}
}

// single compiles the path, format and map of one scalar.
func (c *outputCompiler) single(f *document.Node, name string, base reflect.Type, types schema.Types) (source, scalar, bool) {
	src, ok := c.path(f, name, base)
	if !ok {
		return src, scalar{}, false
	}
	format := c.l.format(f)
	want := types &^ schema.NullType
	xmap := c.l.get(f, "x-map")
	ask := want
	if xmap != nil {
		ask = 0 // what is told is decided by the map
	}
	s, wrong, expected := scalarOf(src.typ, ask, format, c.l.plan.ids)
	if wrong != "" {
		return src, s, c.problem(f, expected, wrong)
	}
	if xmap != nil {
		c.outputMap(&s, xmap, &src, want)
	} else if why := misfit(s.natural, want); why != "" {
		return src, s, c.problem(f, s.natural.String(), why)
	}
	return src, s, true
}

// kindFits checks a value whose type only the running server knows against the schema's types.
func kindFits(v reflect.Value, types schema.Types) bool {
	switch v.Kind() {
	case reflect.String:
		return types&schema.StringType != 0
	case reflect.Bool:
		return types&schema.BooleanType != 0
	case reflect.Map, reflect.Struct:
		return types&schema.ObjectType != 0
	case reflect.Slice:
		return types&schema.ArrayType != 0
	}
	if types&schema.NumberType != 0 {
		return true
	}
	return types&schema.IntegerType != 0 && (!v.CanFloat() || v.Float() == float64(int64(v.Float())))
}
