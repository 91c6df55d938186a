package schema

import (
	"regexp"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// Types is a set of JSON types; the zero set means any type.
type Types uint8

// The members of a set of types.
const (
	NullType Types = 1 << iota
	BooleanType
	IntegerType
	NumberType
	StringType
	ArrayType
	ObjectType
)

var typeNames = []struct {
	name string
	bit  Types
}{
	{"null", NullType}, {"boolean", BooleanType}, {"integer", IntegerType}, {"number", NumberType},
	{"string", StringType}, {"array", ArrayType}, {"object", ObjectType},
}

// Has reports whether every type of o is allowed by t.
func (t Types) Has(o Types) bool { return t == 0 || t&o == o }

// String lists the types, `string or null`; `any` for the zero set.
func (t Types) String() string {
	text := ""
	for _, n := range typeNames {
		if t&n.bit == 0 || n.bit == NullType {
			continue
		}
		if text != "" {
			text += " or "
		}
		text += n.name
	}
	switch {
	case t == 0:
		return "any"
	case text == "":
		return "null"
	case t&NullType != 0:
		return text + " or null"
	}
	return text
}

// TypesIn reads the value of a `type` keyword; names that do not exist are left out.
func TypesIn(n *document.Node) (t Types) {
	names := []string{n.Str()}
	if n.Is(document.List) {
		names = names[:0]
		for _, item := range n.Items {
			names = append(names, item.Str())
		}
	}
	for _, name := range names {
		for _, known := range typeNames {
			if known.name == name {
				t |= known.bit
			}
		}
	}
	return t
}

// Schema validates values. It is immutable once compiled.
type Schema struct {
	never bool // the schema `false`
	types Types

	constant *wire.Value
	enum     []wire.Value

	minLength, maxLength int // -1: no bound
	pattern              *regexp.Regexp
	format               *format

	minimum, maximum       *bound
	exclusiveMin           bool
	exclusiveMax           bool
	multipleOf             float64 // 0: none
	minItems, maxItems     int
	unique                 bool
	prefix                 []*Schema
	items                  *Schema
	contains               *Schema
	minContains            int
	maxContains            int
	minMembers, maxMembers int

	properties []property
	patterns   []patternProperty
	additional *Schema // nil: anything
	names      *Schema
	dependent  []dependency

	all, any, one     []*Schema
	not               *Schema
	when, then, other *Schema
}

type bound struct {
	value float64
	text  string
}

type property struct {
	name     string
	schema   *Schema // nil: named by `required` only
	required bool
	patch    bool // null is a value of its own, not an absence
}

type patternProperty struct {
	pattern *regexp.Regexp
	schema  *Schema
}

type dependency struct {
	name  string
	needs []string
}

// Types is the set of types that the schema and everything it is composed of by allOf and $ref allow.
func (s *Schema) Types() Types {
	t := s.types
	for _, part := range s.all {
		switch p := part.Types(); {
		case t == 0:
			t = p
		case p != 0:
			t &= p
		}
	}
	return t
}

// Items is the schema of the elements of an array; nil if there is none.
func (s *Schema) Items() *Schema {
	if s.items != nil {
		return s.items
	}
	for _, part := range s.all {
		if i := part.Items(); i != nil {
			return i
		}
	}
	return nil
}

// leastLength is the greatest minLength that holds.
func (s *Schema) leastLength() int {
	least := s.minLength
	for _, part := range s.all {
		least = max(least, part.leastLength())
	}
	return least
}

// Text reads text from a form, query, path, header or cookie as the type that the schema asks for. Text that does
// not read as that type stays a string, which the validation then refuses.
func (s *Schema) Text(text string) wire.Value {
	t := s.Types()
	if t.Has(StringType) {
		return wire.Value{Kind: wire.String, Text: text}
	}
	switch {
	case t&(IntegerType|NumberType) != 0:
		if v, fault := wire.JSON(text, 0); fault == nil && v.Kind == wire.Number && text[len(text)-1] > ' ' && text[0] > ' ' {
			return v
		}
	case t&BooleanType != 0 && (text == "true" || text == "false"):
		return wire.Value{Kind: wire.Bool, True: text == "true"}
	}
	return wire.Value{Kind: wire.String, Text: text}
}
