package operation

import (
	"reflect"
	"strings"
)

// Optional is an input that can be left alone, cleared or set (JSON Merge Patch, RFC 7396): Present false leaves
// the field as it is; Present with Null clears it. An input of this type is "patchable" for the contract engine.
type Optional[T any] struct {
	Present bool
	Null    bool
	Value   T
}

// optional marks Optional's instances for reflection.
type optional interface{ valueType() reflect.Type }

func (Optional[T]) valueType() reflect.Type { return reflect.TypeFor[T]() }

// Field is one input of an operation, read from its struct tags:
//
//	Email      string         `input:"email,required"`           a required input
//	Password   string         `input:"password,required,secret"` never echoed, never logged
//	Attributes map[string]any `input:"attributes"`               filled by dotted names, attributes.company
//
// The Go type tells the contract engine what it takes: string (and named strings), bool, int, int64, float64,
// []string, time.Duration, time.Time, map[string]any, Optional of one of them, or a pointer to one of
// them (nil when the request left it out; a pointer to a time.Duration takes 0, which is refused elsewhere).
type Field struct {
	Name     string
	Required bool
	Secret   bool
	Patch    bool         // the type is Optional; fields Present, Null and Value are to be set
	Type     reflect.Type // the field's Go type; for Optional the type of its Value
	Index    []int        // reflect path in the input struct
}

// Fields lists the inputs of an input struct in order, those of embedded structs included.
func Fields(input reflect.Type) []Field {
	var out []Field
	for _, f := range reflect.VisibleFields(input) {
		tag, ok := f.Tag.Lookup("input")
		if !ok {
			continue
		}
		parts := strings.Split(tag, ",")
		field := Field{Name: parts[0], Type: f.Type, Index: f.Index}
		for _, p := range parts[1:] {
			field.Required = field.Required || p == "required"
			field.Secret = field.Secret || p == "secret"
		}
		if o, ok := reflect.Zero(f.Type).Interface().(optional); ok {
			field.Patch, field.Type = true, o.valueType()
		}
		out = append(out, field)
	}
	return out
}
