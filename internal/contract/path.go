package contract

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// reserved holds the scopes that every document may name beside the result. Their json names are the words of
// x-output. A nil scope is absent.
type reserved struct {
	Error    *errorScope   `json:"error,omitempty"`
	Request  requestScope  `json:"request"`
	Response responseScope `json:"response"`
	Limit    *limitScope   `json:"limit,omitempty"`
	Contract contractScope `json:"contract"`
	App      appScope      `json:"app"`
}

type errorScope struct {
	Code       string      `json:"code"`
	Title      string      `json:"title"`
	Message    string      `json:"message"`
	Violations []violation `json:"violations,omitempty"`
}

// violation is an auth.Violation whose empty expected and received are no values.
type violation struct {
	In       string   `json:"in"`
	Path     string   `json:"path"`
	Loc      []string `json:"loc"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Expected string   `json:"expected,omitempty"`
	Received string   `json:"received,omitempty"`
}

type requestScope struct {
	ID        string `json:"id"`
	Path      string `json:"path"`
	CSRFToken string `json:"csrf_token,omitempty"`
}

type responseScope struct {
	Status int `json:"status"`
}

type limitScope struct {
	Name       string        `json:"name"`
	Max        int           `json:"max"`
	Remaining  int           `json:"remaining"`
	Reset      time.Time     `json:"reset,omitempty"`
	RetryAfter time.Duration `json:"retry_after,omitempty"`
}

type contractScope struct {
	URL string `json:"url"`
}

type appScope struct {
	ID   auth.AppID `json:"id"`
	Name string     `json:"name"`
}

// reservedNames are absolute wherever they stand; inputScope is one more, whose type is the operation's input.
var reservedNames = []string{"error", "input", "request", "response", "limit", "contract", "app"}

var (
	reservedType = reflect.TypeFor[reserved]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	anyType      = reflect.TypeFor[any]()
	mapType      = reflect.TypeFor[map[string]any]()
)

// root is the value that a source starts from.
type root uint8

const (
	fromBase root = iota // the nearest enclosing object or item, or the result
	fromReserved
	fromInput
)

// source is a compiled x-output path: how to reach a value, its Go type, and whether it may be missing.
type source struct {
	root   root
	steps  []step
	typ    reflect.Type // without pointers; anyType when only the running server knows
	maybe  bool
	closed []string // every value it can have, when the list is closed
}

// step is one step of a path: a field, an index or a key.
type step struct {
	field []int
	index int
	key   string
	omit  bool // a zero field has no value
	kind  stepKind
}

type stepKind uint8

const (
	stepField stepKind = iota
	stepIndex
	stepKey
	stepInput
)

// reach compiles a path. base is the type that relative paths start from, nil where there is no result. The
// second result says what is wrong, with what was expected; it is empty when all is well.
func (c *outputCompiler) reach(path string, base reflect.Type) (s source, wrong, expected string) {
	names := strings.Split(path, ".")
	switch {
	case path == "app":
		names = []string{"app", "id"}
		fallthrough
	case isReserved(names[0]) && names[0] != "input":
		s = source{root: fromReserved, typ: reservedType}
	case names[0] == "input":
		return c.reachInput(names)
	case base == nil:
		return s, "the path " + strconv.Quote(path) + " leads into a result, and an error has none", "a path that starts with error, request, response, limit, contract, app or input"
	default:
		s = source{typ: base}
	}
	for _, name := range names {
		if wrong, expected = c.extend(&s, name); wrong != "" {
			return s, "the path " + strconv.Quote(path) + " " + wrong, expected
		}
	}
	c.note(&s, path, base)
	return s, "", ""
}

// note remembers what only some answers need to find out, and which values are a closed list.
func (c *outputCompiler) note(s *source, path string, base reflect.Type) {
	switch {
	case s.root == fromReserved && path == "app.name":
		c.needs.appName = true
	case s.root == fromReserved && path == "request.csrf_token":
		c.needs.csrfToken = true
	case s.root == fromReserved && path == "error.code":
		s.closed = c.l.errorCodes(c.def)
	case s.root == fromBase && base == reflect.TypeFor[violation]() && path == "code":
		s.closed = auth.ViolationCodes()
	}
	if s.root == fromReserved && strings.HasPrefix(path, "error.") {
		s.maybe = !c.errorful || s.steps[len(s.steps)-1].omit
	}
}

func isReserved(name string) bool {
	for _, r := range reservedNames {
		if r == name {
			return true
		}
	}
	return false
}

// reachInput reaches an input of the operation. Whether a request got as far as filling it is never sure.
func (c *outputCompiler) reachInput(names []string) (s source, wrong, expected string) {
	if c.def == nil || len(names) < 2 {
		return s, "input is not known here", "input.FIELD in the response of one operation"
	}
	for _, f := range operation.Fields(c.def.Input) {
		if f.Name != names[1] {
			continue
		}
		if f.Secret {
			return s, "input." + f.Name + " is secret and is never told", ""
		}
		s = source{root: fromInput, typ: bare(f.Type), maybe: true,
			steps: []step{{kind: stepInput, field: f.Index, omit: true}}}
		for _, name := range names[2:] {
			if wrong, expected = c.extend(&s, name); wrong != "" {
				return s, wrong, expected
			}
		}
		return s, "", ""
	}
	return s, "the operation " + c.def.Name + " has no input " + strconv.Quote(names[1]), "one of " + strings.Join(inputNames(c.def), ", ")
}

func inputNames(d *operation.Definition) []string {
	var out []string
	for _, f := range operation.Fields(d.Input) {
		out = append(out, f.Name)
	}
	return out
}

// extend adds one step.
func (c *outputCompiler) extend(s *source, name string) (wrong, expected string) {
	switch t := s.typ; {
	case t == anyType:
		s.steps = append(s.steps, step{kind: stepKey, key: name})
		s.maybe = true
	case t.Kind() == reflect.Struct && t != timeType:
		f, ok := c.l.members(t)[name]
		if !ok {
			return "has no member " + strconv.Quote(name), "one of " + strings.Join(memberNames(t), ", ")
		}
		s.steps = append(s.steps, step{kind: stepField, field: f.index, omit: f.omit})
		s.typ = bare(f.typ)
		s.maybe = s.maybe || f.omit || f.typ.Kind() == reflect.Pointer || f.typ.Kind() == reflect.Interface
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		s.steps = append(s.steps, step{kind: stepKey, key: name})
		s.typ, s.maybe = bare(t.Elem()), true
	case t.Kind() == reflect.Slice:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 {
			return "steps into a list by " + strconv.Quote(name), "an index from 0"
		}
		s.steps = append(s.steps, step{kind: stepIndex, index: i})
		s.typ, s.maybe = bare(t.Elem()), true
	default:
		return "steps into a value that has no members", "a path that ends before " + strconv.Quote(name)
	}
	return "", ""
}

func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// structMember is one member of a struct by its json name.
type structMember struct {
	index []int
	typ   reflect.Type
	omit  bool
}

// membersOf lists the members of a struct, those of embedded structs included: by name, and their names in order.
func membersOf(t reflect.Type) (map[string]structMember, []string) {
	out := map[string]structMember{}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		names = append(names, name)
		out[name] = structMember{f.Index, f.Type, strings.Contains(","+rest+",", ",omitempty,") || strings.Contains(","+rest+",", ",omitzero,")}
	}
	return out, names
}

// members is membersOf, remembered: a document asks for the same few types again and again.
func (l *loader) members(t reflect.Type) map[string]structMember {
	m, ok := l.structs[t]
	if !ok {
		m, _ = membersOf(t)
		l.structs[t] = m
	}
	return m
}

func memberNames(t reflect.Type) []string {
	_, names := membersOf(t)
	return names
}

// value walks to the value; ok is false when there is none.
func (s *source) value(t *telling, base reflect.Value) (v reflect.Value, ok bool) {
	switch s.root {
	case fromReserved:
		v = t.reserved
	case fromInput:
		v = t.input
	default:
		v = base
	}
	if !v.IsValid() {
		return v, false
	}
	for i := range s.steps {
		if v, ok = s.steps[i].take(v); !ok {
			return v, false
		}
	}
	return present(v, len(s.steps) > 0 && s.steps[len(s.steps)-1].omit)
}

func (s *step) take(v reflect.Value) (reflect.Value, bool) {
	v, ok := open(v)
	if !ok {
		return v, false
	}
	switch s.kind {
	case stepField:
		v, ok = fieldOf(v, s.field)
	case stepInput:
		v, ok = inputOf(v, s.field)
	case stepIndex:
		if ok = v.Kind() == reflect.Slice && s.index < v.Len(); ok {
			v = v.Index(s.index)
		}
	case stepKey:
		if ok = v.Kind() == reflect.Map; ok {
			v = v.MapIndex(reflect.ValueOf(s.key).Convert(v.Type().Key()))
		}
	}
	if !ok || !v.IsValid() || s.omit && empty(v) {
		return v, false
	}
	return v, true
}

// empty is what omitempty leaves out: zero values, and lists and maps without elements.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// fieldOf walks to a field, through embedded pointers.
func fieldOf(v reflect.Value, index []int) (reflect.Value, bool) {
	for _, i := range index {
		var ok bool
		if v, ok = open(v); !ok {
			return v, false
		}
		v = v.Field(i)
	}
	return v, true
}

// inputOf reads an input; an operation.Optional that is not present, or null, has no value.
func inputOf(v reflect.Value, index []int) (reflect.Value, bool) {
	v = v.FieldByIndex(index)
	if v.Kind() != reflect.Struct || v.Type() == timeType {
		return v, true
	}
	if there := v.FieldByName("Present"); there.IsValid() {
		return v.FieldByName("Value"), there.Bool() && !v.FieldByName("Null").Bool()
	}
	return v, true
}

// open looks through pointers and interfaces.
func open(v reflect.Value) (reflect.Value, bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	return v, v.IsValid()
}

// present opens the last value of a path. Nil maps and zero times have no value; a nil slice is an empty list.
func present(v reflect.Value, omit bool) (reflect.Value, bool) {
	v, ok := open(v)
	if !ok {
		return v, false
	}
	switch {
	case v.Kind() == reflect.Map && v.IsNil(), v.Type() == timeType && v.IsZero():
		return v, false
	case omit && v.IsZero():
		return v, false
	}
	return v, true
}
