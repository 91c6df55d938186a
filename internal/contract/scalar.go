package contract

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
)

// The closed list of x-format.
const (
	formatRFC3339   = "rfc3339"
	formatRFC3339ms = "rfc3339_ms"
	formatUnix      = "unix"
	formatUnixMs    = "unix_ms"
	formatDuration  = "duration"
	formatSeconds   = "seconds"
	formatDays      = "days"
	formatJoin      = "join"
	formatJoinComma = "join_comma"
	formatJoinLine  = "join_line"
	formatSnake     = "snake"
	formatQRPNG     = "qr_png"
)

// xFormats is every x-format, for messages.
var xFormats = []string{formatRFC3339, formatRFC3339ms, formatUnix, formatUnixMs, formatDuration, formatSeconds,
	formatDays, formatJoin, formatJoinComma, formatJoinLine, formatSnake, formatQRPNG}

const layoutMilliseconds = "2006-01-02T15:04:05.000Z07:00"

// separator of a joined list; empty for other formats.
func separator(format string) string {
	switch format {
	case formatJoin:
		return " "
	case formatJoinComma:
		return ","
	case formatJoinLine:
		return "\n"
	}
	return ""
}

// appendText appends a scalar as bare text; ok is false when it has none.
type appendText func(b []byte, v reflect.Value) ([]byte, bool)

// scalar tells one Go type as one JSON type.
type scalar struct {
	text    appendText
	natural schema.Types // what it is in JSON, before x-map
	plain   bool         // a string that is told as it is
	mapped  map[string]mapping
	star    *mapping // x-map's "*"
}

// mapping is the right side of an x-map.
type mapping struct {
	json []byte
	text string
}

// scalarOf finds out how a value of type t is told by a schema of types want. wrong is empty when all is well.
func scalarOf(t reflect.Type, want schema.Types, format string, ids map[string]string) (s scalar, wrong, expected string) {
	switch {
	case format != "":
		s, expected = formatted(t, format, ids)
	case t == timeType:
		if want != 0 && want&schema.StringType == 0 {
			return s, "a time is told in an integer", "x-format: unix or unix_ms"
		}
		s, _ = formatted(t, formatRFC3339, ids)
	case t == durationType:
		if want&schema.StringType != 0 {
			s, _ = formatted(t, formatDuration, ids)
		} else {
			s, _ = formatted(t, formatSeconds, ids)
		}
	default:
		s = natural(t, ids)
	}
	if s.text == nil {
		if format != "" {
			return s, "x-format: " + format + " cannot tell " + goKind(t), expected
		}
		return s, "the value is " + goKind(t), "a path to a single value, or a type that fits"
	}
	return s, "", ""
}

// misfit says why a natural type does not fit the schema's; empty when it does.
func misfit(natural, want schema.Types) string {
	if want == 0 || natural == 0 || want&natural != 0 {
		return ""
	}
	if natural == schema.IntegerType && want&schema.NumberType != 0 {
		return ""
	}
	return "the value is of type " + natural.String() + ", the schema's type is " + want.String()
}

// goKind says what a Go type is, in words of a document's author.
func goKind(t reflect.Type) string {
	switch t {
	case timeType:
		return "a time"
	case durationType:
		return "a duration"
	case anyType:
		return "a value of any type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a number"
}

// prefixOf is the prefix that x-contract.ids gives to identifiers of type t.
func prefixOf(t reflect.Type, ids map[string]string) string {
	if k, ok := reflect.Zero(t).Interface().(interface{ IDKind() string }); ok {
		return ids[k.IDKind()]
	}
	return ""
}

func natural(t reflect.Type, ids map[string]string) scalar {
	if t == anyType {
		return scalar{text: appendAnyText}
	}
	switch t.Kind() {
	case reflect.String:
		if prefix := prefixOf(t, ids); prefix != "" {
			return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
				return append(append(b, prefix...), v.String()...), true
			}}
		}
		return scalar{natural: schema.StringType, plain: true, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			return append(b, v.String()...), true
		}}
	case reflect.Bool:
		return scalar{natural: schema.BooleanType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			return strconv.AppendBool(b, v.Bool()), true
		}}
	case reflect.Float32, reflect.Float64:
		return scalar{natural: schema.NumberType, text: numberText}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return scalar{natural: schema.IntegerType, text: numberText}
	}
	return scalar{}
}

func numberText(b []byte, v reflect.Value) ([]byte, bool) { return appendNumber(b, v), true }

func appendAnyText(b []byte, v reflect.Value) ([]byte, bool) {
	switch v.Kind() {
	case reflect.String:
		return append(b, v.String()...), true
	case reflect.Map, reflect.Slice, reflect.Struct:
		return b, false
	}
	return appendPlain(b, v), true
}

// formatted is the scalar of an x-format; its text is nil when the format does not fit the type, and expected then
// says what would.
func formatted(t reflect.Type, format string, ids map[string]string) (s scalar, expected string) {
	switch format {
	case formatRFC3339, formatRFC3339ms, formatUnix, formatUnixMs:
		if t != timeType {
			return s, "a path to a time"
		}
		return timeFormat(format), ""
	case formatDuration, formatSeconds, formatDays:
		if t != durationType {
			return s, "a path to a duration"
		}
		return durationFormat(format), ""
	case formatJoin, formatJoinComma, formatJoinLine:
		if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.String {
			return s, "a path to a list of strings"
		}
		return joinFormat(separator(format), prefixOf(t.Elem(), ids)), ""
	case formatSnake, formatQRPNG:
		if t.Kind() != reflect.String {
			return s, "a path to a string"
		}
	}
	if format == formatSnake {
		return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			start := len(b)
			b = append(b, v.String()...)
			for i := start; i < len(b); i++ {
				if b[i] == '-' {
					b[i] = '_'
				}
			}
			return b, true
		}}, ""
	}
	return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
		return appendQRData(b, v.String())
	}}, ""
}

func timeFormat(format string) scalar {
	switch format {
	case formatUnix:
		return scalar{natural: schema.IntegerType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			return strconv.AppendInt(b, timeOf(v).Unix(), 10), true
		}}
	case formatUnixMs:
		return scalar{natural: schema.IntegerType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			return strconv.AppendInt(b, timeOf(v).UnixMilli(), 10), true
		}}
	}
	layout := time.RFC3339
	if format == formatRFC3339ms {
		layout = layoutMilliseconds
	}
	return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
		return appendTime(b, v, layout), true
	}}
}

func durationFormat(format string) scalar {
	if format == formatDuration {
		return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
			return append(b, auth.FormatLifetime(time.Duration(v.Int()))...), true
		}}
	}
	unit := time.Second
	if format == formatDays {
		unit = 24 * time.Hour
	}
	// Rounded up: Retry-After must not tell a client to come back a moment too early.
	return scalar{natural: schema.IntegerType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
		return strconv.AppendInt(b, (v.Int()+int64(unit)-1)/int64(unit), 10), true
	}}
}

func joinFormat(sep, prefix string) scalar {
	return scalar{natural: schema.StringType, text: func(b []byte, v reflect.Value) ([]byte, bool) {
		for i := range v.Len() {
			if i > 0 {
				b = append(b, sep...)
			}
			b = append(append(b, prefix...), v.Index(i).String()...)
		}
		return b, true
	}}
}

// mapText is the text by which x-map finds a value.
func (s *scalar) mapText(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	b, _ := appendAnyText(nil, v)
	return string(b)
}

// look finds a value in x-map.
func (s *scalar) look(v reflect.Value) *mapping {
	if s.mapped == nil {
		return nil
	}
	if m, ok := s.mapped[s.mapText(v)]; ok {
		return &m
	}
	return s.star
}

// appendJSON appends the value as JSON.
func (s *scalar) appendJSON(b []byte, v reflect.Value) ([]byte, bool) {
	if m := s.look(v); m != nil {
		return append(b, m.json...), true
	}
	switch {
	case s.natural == 0:
		return appendPlain(b, v), true
	case s.plain:
		return appendJSONString(b, v.String()), true
	case s.natural != schema.StringType:
		return s.text(b, v)
	}
	start := len(b)
	b, ok := s.text(append(b, '"'), v)
	if !ok {
		return b[:start], false
	}
	for _, c := range b[start+1:] {
		if c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			text := string(b[start+1:])
			return appendJSONString(b[:start], text), true
		}
	}
	return append(b, '"'), true
}

// appendText appends the value as bare text.
func (s *scalar) appendText(b []byte, v reflect.Value) ([]byte, bool) {
	if m := s.look(v); m != nil {
		return append(b, m.text...), true
	}
	return s.text(b, v)
}

// outputMap reads the x-map of an output into s and checks that every value it can yield fits the schema.
func (c *outputCompiler) outputMap(s *scalar, n *document.Node, src *source, want schema.Types) {
	if !n.Is(document.Map) || len(n.Pairs) == 0 {
		c.l.doc.Report(n, "an object of ours: theirs", "x-map holds something else")
		return
	}
	s.mapped = make(map[string]mapping, len(n.Pairs))
	for _, p := range n.Pairs {
		lit := schema.Literal(p.Value)
		if t := schema.TypesOf(&lit); want != 0 && want&t == 0 {
			c.l.doc.Report(p.Value, want.String(), "x-map gives %q a value of another type than the schema's", p.Key)
		}
		m := mapping{json: p.Value.AppendJSON(nil), text: p.Value.Text}
		if p.Key == "*" {
			s.star = &m
			continue
		}
		if src.closed != nil && !slices.Contains(src.closed, p.Key) {
			c.l.doc.ReportLine(p.Line, "one of "+strings.Join(src.closed, ", "), "x-map names %q, which never occurs", p.Key)
		}
		s.mapped[p.Key] = m
	}
	complete := s.natural == schema.BooleanType && len(s.mapped) == 2
	if why := misfit(s.natural, want); why != "" && s.star == nil && !complete {
		c.l.doc.Report(n, `an entry for "*"`, "x-map leaves values as they are that do not fit: %s", why)
	}
}
