package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
)

// annotations is every name that a document may use, with what its place must look like for a message.
var annotations = map[string]string{
	"x-contract":      "the root of the document",
	"x-operation":     "an operation",
	"x-inputs":        "an operation",
	"x-input":         "a parameter, or a property of a request",
	"x-ignored":       "a parameter, or a property of a request",
	"x-yield":         "a media type of a request",
	"x-when":          "a response, or a branch of its oneOf",
	"x-cookies":       "a response",
	"x-clear-cookies": "a response",
	"x-renew-cookies": "a response",
	"x-credential":    "a security scheme",
	"x-output":        "a property of a response, a header's schema, or a cookie",
	"x-map":           "a property of a response, or an input",
	"x-key":           "an object of a response",
	"x-format":        "a property of a response, or an input",
}

// get reads an annotation and remembers that it took effect.
func (l *loader) get(n *document.Node, key string) *document.Node {
	v := n.Get(key)
	if v != nil {
		l.used[v] = true
	}
	return v
}

// text reads an annotation that must be a string.
func (l *loader) text(n *document.Node, key string) (string, bool) {
	v := l.get(n, key)
	if v == nil {
		return "", false
	}
	if !v.Is(document.String) || v.Text == "" {
		l.doc.Report(v, "a string", "%s holds %s", key, v.Kind)
		return "", false
	}
	return v.Text, true
}

// flag reads an annotation that must be true or false.
func (l *loader) flag(n *document.Node, key string) bool {
	v := l.get(n, key)
	if v != nil && !v.Is(document.Bool) {
		l.doc.Report(v, "true or false", "%s holds %s", key, v.Kind)
	}
	return v.True()
}

// names reads an annotation that must be a list of strings.
func (l *loader) names(n *document.Node, key string) []string {
	v := l.get(n, key)
	if v == nil {
		return nil
	}
	out, ok := v.Strings()
	if !ok || len(out) == 0 {
		l.doc.Report(v, "a list of names", "%s holds something else", key)
	}
	return out
}

// format reads x-format against the closed list.
func (l *loader) format(n *document.Node) string {
	format, ok := l.text(n, "x-format")
	if ok && !slices.Contains(xFormats, format) {
		l.doc.Report(n.Get("x-format"), "one of "+strings.Join(xFormats, ", "), "x-format %q does not exist", format)
		return ""
	}
	return format
}

// idle reports annotations that do nothing where they stand.
func (l *loader) idle(n *document.Node, keys ...string) {
	for _, key := range keys {
		if v := l.get(n, key); v != nil {
			l.doc.Report(v, "", "%s does nothing here", key)
		}
	}
}

// spare marks everything below n as read: what an operation that cannot be compiled holds is not judged.
func (l *loader) spare(n *document.Node) {
	if n == nil {
		return
	}
	for _, p := range n.Pairs {
		l.used[p.Value] = true
		l.spare(p.Value)
	}
	for _, item := range n.Items {
		l.spare(item)
	}
}

// strays reports annotations that are misspelt, and those that stand where nothing reads them. Components that
// nothing refers to are only spelt-checked.
func (l *loader) strays() {
	for _, p := range l.doc.Root.Pairs {
		if p.Key == "components" {
			for _, kind := range p.Value.Pairs {
				for _, entry := range kind.Value.Pairs {
					read := kind.Key == "securitySchemes" || l.doc.Referred(entry.Value)
					l.stray(entry.Value, read)
				}
			}
			continue
		}
		l.strayPair(p, true)
	}
}

func (l *loader) stray(n *document.Node, read bool) {
	if n == nil || n.Get("x-ignored").True() {
		return
	}
	for _, p := range n.Pairs {
		l.strayPair(p, read)
	}
	for _, item := range n.Items {
		l.stray(item, read)
	}
}

func (l *loader) strayPair(p document.Pair, read bool) {
	if p.Key == "example" || p.Key == "examples" || p.Key == "const" || p.Key == "default" || p.Key == "enum" {
		return
	}
	if strings.HasPrefix(p.Key, "x-") {
		place, known := annotations[p.Key]
		switch near := nearest(p.Key); {
		case known && read && !l.used[p.Value] && !l.doc.Hidden(p.Value):
			l.doc.ReportLine(p.Line, place, "%s does nothing here", p.Key)
		case !known && near != "":
			l.doc.ReportLine(p.Line, near, "the annotation %s does not exist", p.Key)
		}
		if known {
			return
		}
	}
	l.stray(p.Value, read)
}

// nearest is the annotation that an unknown one is probably meant to be; empty for those of other tools.
func nearest(key string) string {
	best, bestDistance := "", 3
	for name := range annotations {
		if d := distance(key, name); d < bestDistance || d == bestDistance && best != "" && name < best {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the number of letters to add, drop or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// flat follows a schema's reference and folds its allOf into one object, so that annotations and properties of
// all parts are seen as one. What stands later wins.
func (l *loader) flat(n *document.Node) *document.Node {
	f := l.doc.Follow(n)
	parts := f.Get("allOf")
	if !parts.Is(document.List) {
		return f
	}
	if out, ok := l.flattened[f]; ok {
		return out
	}
	out := &document.Node{Kind: document.Map, Line: f.Line}
	l.flattened[f] = out
	for _, part := range parts.Items {
		l.fold(out, l.flat(part))
	}
	l.fold(out, f)
	return out
}

// fold adds the members of one part to the whole.
func (l *loader) fold(whole, part *document.Node) {
	if part == nil {
		return
	}
	for _, p := range part.Pairs {
		at := slices.IndexFunc(whole.Pairs, func(q document.Pair) bool { return q.Key == p.Key })
		switch {
		case p.Key == "allOf":
		case at < 0:
			whole.Pairs = append(whole.Pairs, p)
		case p.Key == "properties" && p.Value.Is(document.Map):
			both := &document.Node{Kind: document.Map, Line: p.Value.Line, Pairs: slices.Clone(whole.Pairs[at].Value.Pairs)}
			l.fold(both, p.Value)
			whole.Pairs[at].Value = both
		case p.Key == "required" && p.Value.Is(document.List):
			whole.Pairs[at].Value = &document.Node{Kind: document.List, Line: p.Value.Line,
				Items: append(slices.Clone(whole.Pairs[at].Value.Items), p.Value.Items...)}
		default:
			l.used[whole.Pairs[at].Value] = true // it stands aside
			whole.Pairs[at] = p
		}
	}
}

// option looks through `anyOf: [X, {type: "null"}]`, the way OpenAPI 3.1 writes a nullable reference.
func (l *loader) option(f *document.Node) (only *document.Node, nullable bool) {
	if o, ok := l.options[f]; ok {
		return o.node, o.nullable
	}
	only, nullable = l.choose(f)
	l.options[f] = option{only, nullable}
	return only, nullable
}

// option is what a schema looks like behind its alternatives.
type option struct {
	node     *document.Node
	nullable bool
}

func (l *loader) choose(f *document.Node) (only *document.Node, nullable bool) {
	for _, key := range []string{"anyOf", "oneOf"} {
		list := f.Get(key)
		if !list.Is(document.List) {
			continue
		}
		for _, item := range list.Items {
			flat := l.flat(item)
			switch {
			case l.types(flat) == schema.NullType:
				nullable = true
			case only != nil:
				l.doc.Report(list, "one schema, with or without null; or x-when in each branch of the body's oneOf",
					"an answer cannot choose between alternatives")
				return f, nullable
			default:
				only = flat
			}
		}
		if only == nil {
			return f, nullable
		}
		site := &document.Node{Kind: document.Map, Line: f.Line}
		l.fold(site, only)
		for _, p := range f.Pairs {
			if p.Key != key {
				l.fold(site, &document.Node{Kind: document.Map, Pairs: []document.Pair{p}})
			}
		}
		return site, nullable
	}
	return f, false
}

// mostValues bounds how many values a document may unfold to: references make a small file arbitrarily large.
const mostValues = 50_000

// spend counts one more value of the document at n; false once there are too many, which is reported once.
func (l *loader) spend(n *document.Node) bool {
	l.spent++
	if l.spent == mostValues {
		l.doc.Report(n, fmt.Sprintf("at most %d values", mostValues), "the document unfolds to too much, or without end")
	}
	return l.spent < mostValues
}

// types reads the types of a flattened schema, or guesses them from its keywords.
func (l *loader) types(f *document.Node) schema.Types {
	t := schema.TypesIn(f.Get("type"))
	if t != 0 {
		return t
	}
	switch {
	case f.Get("properties") != nil, f.Get("additionalProperties") != nil:
		return schema.ObjectType
	case f.Get("items") != nil:
		return schema.ArrayType
	}
	for _, key := range []string{"const", "enum"} {
		if v := f.Get(key); v != nil {
			lit := schema.Literal(v)
			if key == "const" {
				return schema.TypesOf(&lit)
			}
			for i := range lit.Items {
				t |= schema.TypesOf(&lit.Items[i])
			}
		}
	}
	return t
}

// required lists the required properties of a flattened schema.
func (l *loader) required(f *document.Node) []string {
	out, _ := f.Get("required").Strings()
	return out
}
