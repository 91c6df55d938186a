package contract

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// setter puts a decoded value into an input field. Its violation has no place yet.
type setter func(dst reflect.Value, v *wire.Value) *auth.Violation

// shape is what the document says about an input's value.
type shape struct {
	types  schema.Types
	format string
	xmap   *document.Node
	items  *shape // of an array
	zero   bool   // a time of nothing means something of its own, such as an end now
}

// shapeOf reads the annotations of a flattened schema; also holds further ones that win, such as a parameter's.
func (l *loader) shapeOf(f *document.Node, also *document.Node) shape {
	s := shape{types: l.types(f) &^ schema.NullType, format: l.format(f), xmap: l.get(f, "x-map")}
	if also != nil {
		if format := l.format(also); format != "" {
			s.format = format
		}
		if m := l.get(also, "x-map"); m != nil {
			s.xmap = m
		}
	}
	if items := f.Get("items"); items != nil {
		inner := l.shapeOf(l.flat(items), nil)
		s.items = &inner
	}
	return s
}

// setterFor makes the setter of a Go type for a shape. It reports what does not fit at n and returns nil then.
func (l *loader) setterFor(t reflect.Type, s shape, n *document.Node) setter {
	if t.Kind() == reflect.Pointer {
		s.zero = true // the operation tells zero from what is left out
		inner := l.setterFor(t.Elem(), s, n)
		if inner == nil {
			return nil
		}
		return func(dst reflect.Value, v *wire.Value) *auth.Violation {
			dst.Set(reflect.New(t.Elem()))
			return inner(dst.Elem(), v)
		}
	}
	if s.xmap != nil {
		return l.mappedSetter(t, s)
	}
	set, takes := plainSetter(t, s, l.plan.ids)
	if t.Kind() == reflect.Slice && set == nil && s.format == "" {
		if s.types != 0 && s.types&schema.ArrayType == 0 {
			l.doc.Report(n, "array, or string with x-format: join", "the input is a list, the schema's type is %s", s.types)
			return nil
		}
		return l.listSetter(t, s, n)
	}
	if set == nil {
		if s.format != "" {
			l.doc.Report(n, "an input that fits", "x-format: %s cannot fill %s", s.format, goKind(t))
		} else {
			l.doc.Report(n, "an input of another type", "nothing can fill %s", goKind(t))
		}
		return nil
	}
	if s.types == 0 && takes != 0 {
		l.doc.Report(n, "type: "+takes.String(), "the schema of an input has no type")
		return nil
	}
	if takes != 0 && s.types&takes == 0 {
		l.doc.Report(n, takes.String(), "the input is %s, the schema's type is %s", goKind(t), s.types)
		return nil
	}
	return set
}

// plainSetter is the setter of a single value, and the types that it takes; 0 means any.
func plainSetter(t reflect.Type, s shape, ids map[string]string) (setter, schema.Types) {
	switch {
	case t == timeType:
		return timeSetter(s)
	case t == durationType:
		return durationSetter(s)
	case separator(s.format) != "" && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return splitSetter(t, separator(s.format), prefixOf(t.Elem(), ids)), schema.StringType
	case s.format == formatSnake && t.Kind() == reflect.String:
		return stringSetter("", func(text string) string { return strings.ReplaceAll(text, "_", "-") }), schema.StringType
	case s.format != "":
		return nil, 0
	case t == anyType:
		return func(dst reflect.Value, v *wire.Value) *auth.Violation {
			dst.Set(reflect.ValueOf(v.Plain()))
			return nil
		}, 0
	case t == mapType:
		return mapSetter, schema.ObjectType
	}
	switch t.Kind() {
	case reflect.String:
		return stringSetter(prefixOf(t, ids), nil), schema.StringType
	case reflect.Bool:
		return boolSetter, schema.BooleanType
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		return intSetter, schema.IntegerType
	case reflect.Float64, reflect.Float32:
		return floatSetter, schema.IntegerType | schema.NumberType
	}
	return nil, 0
}

func wrongType(want schema.Types, v *wire.Value) *auth.Violation {
	return &auth.Violation{Code: auth.ViolationType, Message: "has the wrong type", Expected: want.String(), Received: v.Type()}
}

func stringSetter(prefix string, change func(string) string) setter {
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		if v.Kind != wire.String {
			return wrongType(schema.StringType, v)
		}
		text := strings.TrimPrefix(v.Text, prefix)
		if change != nil {
			text = change(text)
		}
		dst.SetString(text)
		return nil
	}
}

func boolSetter(dst reflect.Value, v *wire.Value) *auth.Violation {
	if v.Kind != wire.Bool {
		return wrongType(schema.BooleanType, v)
	}
	dst.SetBool(v.True)
	return nil
}

func intSetter(dst reflect.Value, v *wire.Value) *auth.Violation {
	if !v.Integral() {
		return wrongType(schema.IntegerType, v)
	}
	n, ok := v.Int()
	if !ok || dst.OverflowInt(n) {
		return &auth.Violation{Code: auth.ViolationTooLarge, Message: "is too large", Received: "integer"}
	}
	dst.SetInt(n)
	return nil
}

func floatSetter(dst reflect.Value, v *wire.Value) *auth.Violation {
	f, ok := v.Float()
	if !ok {
		return wrongType(schema.NumberType, v)
	}
	dst.SetFloat(f)
	return nil
}

func mapSetter(dst reflect.Value, v *wire.Value) *auth.Violation {
	if v.Kind != wire.Object {
		return wrongType(schema.ObjectType, v)
	}
	dst.Set(reflect.ValueOf(v.Plain()))
	return nil
}

// keySetter fills one key of a map input, attributes.company.
func keySetter(key string, inner setter) setter {
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		var value any
		if v.Kind != wire.Null {
			if fault := inner(reflect.ValueOf(&value).Elem(), v); fault != nil {
				return fault
			}
		}
		if dst.IsNil() {
			dst.Set(reflect.MakeMap(dst.Type()))
		}
		at := reflect.New(dst.Type().Elem()).Elem()
		if value != nil {
			at.Set(reflect.ValueOf(value))
		}
		dst.SetMapIndex(reflect.ValueOf(key), at)
		return nil
	}
}

// patchSetter fills an operation.Optional.
func patchSetter(inner setter) setter {
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		dst.FieldByName("Present").SetBool(true)
		if v.Kind == wire.Null {
			dst.FieldByName("Null").SetBool(true)
			return nil
		}
		return inner(dst.FieldByName("Value"), v)
	}
}

// keyInPatch fills one key of an optional map. null clears the key, not the map.
func keyInPatch(key string, inner setter) setter {
	set := keySetter(key, inner)
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		dst.FieldByName("Present").SetBool(true)
		return set(dst.FieldByName("Value"), v)
	}
}

func splitSetter(t reflect.Type, sep, prefix string) setter {
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		if v.Kind != wire.String {
			return wrongType(schema.StringType, v)
		}
		out := reflect.MakeSlice(t, 0, 4)
		for piece := range strings.SplitSeq(v.Text, sep) {
			if piece = strings.TrimSpace(piece); piece != "" {
				item := reflect.New(t.Elem()).Elem()
				item.SetString(strings.TrimPrefix(piece, prefix))
				out = reflect.Append(out, item)
			}
		}
		dst.Set(out)
		return nil
	}
}

func (l *loader) listSetter(t reflect.Type, s shape, n *document.Node) setter {
	inner := shape{}
	if s.items != nil {
		inner = *s.items
	}
	item := l.setterFor(t.Elem(), inner, n)
	if item == nil {
		return nil
	}
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		if v.Kind != wire.Array {
			return wrongType(schema.ArrayType, v)
		}
		out := reflect.MakeSlice(t, len(v.Items), len(v.Items))
		for i := range v.Items {
			if fault := item(out.Index(i), &v.Items[i]); fault != nil {
				return fault
			}
		}
		dst.Set(out)
		return nil
	}
}

func timeSetter(s shape) (setter, schema.Types) {
	switch s.format {
	case formatUnix:
		return unixSetter(time.Unix), schema.IntegerType
	case formatUnixMs:
		return unixSetter(func(ms, _ int64) time.Time { return time.UnixMilli(ms) }), schema.IntegerType
	case "", formatRFC3339, formatRFC3339ms:
		return func(dst reflect.Value, v *wire.Value) *auth.Violation {
			at, err := time.Parse(time.RFC3339, v.Text)
			if err != nil || v.Kind != wire.String {
				return &auth.Violation{Code: auth.ViolationFormat, Message: "must be a time like 2026-01-31T12:00:00Z",
					Expected: "date-time", Received: v.Type()}
			}
			dst.Set(reflect.ValueOf(at.UTC()))
			return nil
		}, schema.StringType
	}
	return nil, 0
}

// lastSecond is the last that time.Time writes with a year of four digits.
const lastSecond = 253402300799

func unixSetter(at func(n, nanos int64) time.Time) setter {
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		n, ok := v.Int()
		if !ok || n < 0 || at(n, 0).Unix() > lastSecond {
			return &auth.Violation{Code: auth.ViolationTooLarge, Message: "is no time that can be kept", Received: v.Type()}
		}
		dst.Set(reflect.ValueOf(at(n, 0).UTC()))
		return nil
	}
}

// maxSpan bounds durations that come as numbers: a hundred years.
const maxSpan = 100 * 365 * 24 * time.Hour

func durationSetter(s shape) (setter, schema.Types) {
	unit := time.Second
	switch s.format {
	case formatDays:
		unit = 24 * time.Hour
	case formatSeconds:
	case "":
		if s.types&schema.StringType == 0 {
			break
		}
		fallthrough
	case formatDuration:
		return func(dst reflect.Value, v *wire.Value) *auth.Violation {
			if s.zero && v.Kind == wire.String && v.Text == auth.FormatLifetime(0) {
				dst.SetInt(0)
				return nil
			}
			d, err := auth.ParseLifetime(v.Text)
			if err != nil || v.Kind != wire.String {
				return &auth.Violation{Code: auth.ViolationFormat, Message: "must be a lifetime like 365d, with one of s, m, h, d, w",
					Expected: "duration", Received: v.Type()}
			}
			dst.SetInt(int64(d))
			return nil
		}, schema.StringType
	default:
		return nil, 0
	}
	least := int64(1)
	if s.zero {
		least = 0
	}
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		n, ok := v.Int()
		switch {
		case !ok || n > int64(maxSpan/unit):
			return &auth.Violation{Code: auth.ViolationTooLarge, Message: "is too long a time", Received: v.Type()}
		case n < least:
			text := strconv.FormatInt(least, 10)
			return &auth.Violation{Code: auth.ViolationTooSmall, Message: "must be at least " + text, Expected: text, Received: v.Type()}
		}
		dst.SetInt(n * int64(unit))
		return nil
	}, schema.IntegerType
}

// mappedSetter translates their values into ours. Every value that x-map does not list is refused: the map must
// be one-to-one, which a value that passes unchanged would spoil.
func (l *loader) mappedSetter(t reflect.Type, s shape) setter {
	n := s.xmap
	if !n.Is(document.Map) || len(n.Pairs) == 0 {
		l.doc.Report(n, "an object of ours: theirs", "x-map holds something else")
		return nil
	}
	inner := setter(boolTextSetter)
	if t.Kind() != reflect.Bool {
		inner = l.setterFor(t, shape{types: schema.StringType, format: s.format}, n)
	}
	theirs := make([]wire.Value, len(n.Pairs))
	ours := make([]wire.Value, len(n.Pairs))
	var names []string
	for i, p := range n.Pairs {
		theirs[i], ours[i] = schema.Literal(p.Value), wire.Value{Kind: wire.String, Text: p.Key}
		names = append(names, p.Value.Text)
		if p.Key == "*" {
			l.doc.ReportLine(p.Line, "values of ours", `"*" translates outputs only`)
		}
		if s.types != 0 && s.types&schema.TypesOf(&theirs[i]) == 0 {
			l.doc.Report(p.Value, s.types.String(), "x-map takes a value of another type than the schema's")
		}
		for j := range i {
			if theirs[j].Equal(&theirs[i]) {
				l.doc.Report(p.Value, "a map that is one-to-one", "x-map gives %q and %q the same value", n.Pairs[j].Key, p.Key)
			}
		}
	}
	if inner == nil {
		return nil
	}
	expected := strings.Join(names, ", ")
	return func(dst reflect.Value, v *wire.Value) *auth.Violation {
		for i := range theirs {
			if theirs[i].Equal(v) {
				return inner(dst, &ours[i])
			}
		}
		return &auth.Violation{Code: auth.ViolationEnum, Message: "must be one of " + expected, Expected: expected, Received: v.Type()}
	}
}

func boolTextSetter(dst reflect.Value, v *wire.Value) *auth.Violation {
	dst.SetBool(v.Text == "true")
	return nil
}
