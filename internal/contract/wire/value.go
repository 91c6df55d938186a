package wire

import "strconv"

// Kind is the JSON type of a value.
type Kind uint8

// The JSON types.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is one decoded value.
type Value struct {
	Kind    Kind
	True    bool   // of a Bool
	Text    string // of a String its characters, of a Number its literal
	Items   []Value
	Members []Member
}

// Member is one member of an object, in the order of the wire.
type Member struct {
	Name  string
	Value Value
}

// Get finds a member of an object; nil if there is none.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// At follows member names from v; nil as soon as one is missing.
func (v *Value) At(path []string) *Value {
	for _, name := range path {
		if v = v.Get(name); v == nil {
			return nil
		}
	}
	return v
}

// Type is the JSON type as violations tell it: integers are told from other numbers.
func (v *Value) Type() string {
	if v.Kind == Number && v.Integral() {
		return "integer"
	}
	return v.Kind.String()
}

// Integral reports whether a number has no fraction: 3, 3.0 and 30e-1 have none (JSON Schema, section 6.1.1).
func (v *Value) Integral() bool {
	if v.Kind != Number {
		return false
	}
	for i := range len(v.Text) {
		if c := v.Text[i]; c == '.' || c == 'e' || c == 'E' {
			f, err := strconv.ParseFloat(v.Text, 64)
			return err == nil && f == float64(int64(f)) && f > -1e18 && f < 1e18
		}
	}
	return true
}

// Int reads a number without a fraction; ok is false when it has one or does not fit.
func (v *Value) Int() (n int64, ok bool) {
	if v.Kind != Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
		return n, true
	}
	if !v.Integral() {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil || f <= -1e18 || f >= 1e18 {
		return 0, false
	}
	return int64(f), true
}

// Float reads a number; ok is false when it does not fit a float64.
func (v *Value) Float() (f float64, ok bool) {
	if v.Kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	return f, err == nil
}

// Equal compares two values as JSON Schema does: numbers by value, members in any order.
func (v *Value) Equal(w *Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Bool:
		return v.True == w.True
	case String:
		return v.Text == w.Text
	case Number:
		return v.sameNumber(w)
	case Array:
		if len(v.Items) != len(w.Items) {
			return false
		}
		for i := range v.Items {
			if !v.Items[i].Equal(&w.Items[i]) {
				return false
			}
		}
	case Object:
		if len(v.Members) != len(w.Members) {
			return false
		}
		for i := range v.Members {
			other := w.Get(v.Members[i].Name)
			if other == nil || !v.Members[i].Value.Equal(other) {
				return false
			}
		}
	}
	return true
}

func (v *Value) sameNumber(w *Value) bool {
	if v.Text == w.Text {
		return true
	}
	if a, ok := v.Int(); ok {
		if b, ok := w.Int(); ok {
			return a == b
		}
	}
	a, okA := v.Float()
	b, okB := w.Float()
	return okA && okB && a == b
}

// Plain is the value as Go's own types: nil, bool, int64 or float64, string, []any, map[string]any.
func (v *Value) Plain() any {
	switch v.Kind {
	case Bool:
		return v.True
	case String:
		return v.Text
	case Number:
		if n, ok := v.Int(); ok {
			return n
		}
		f, _ := v.Float()
		return f
	case Array:
		out := make([]any, len(v.Items))
		for i := range v.Items {
			out[i] = v.Items[i].Plain()
		}
		return out
	case Object:
		out := make(map[string]any, len(v.Members))
		for i := range v.Members {
			out[v.Members[i].Name] = v.Members[i].Value.Plain()
		}
		return out
	}
	return nil
}

// Fault is why something cannot be decoded. Code is a violation code of package auth; Path leads to the place.
type Fault struct {
	Code    string
	Message string
	Path    []string
}

func (f *Fault) Error() string { return f.Message }
