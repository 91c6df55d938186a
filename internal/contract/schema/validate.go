package schema

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// maxViolations bounds what one request can make us tell.
const maxViolations = 50

// Run collects the violations of one request.
type Run struct {
	Violations []auth.Violation

	in    string
	path  []string
	quiet bool // only whether anything is wrong matters
	wrong bool
}

// Validate checks one value that stands at path in the part of the request that in names.
func (r *Run) Validate(s *Schema, v *wire.Value, in string, path ...string) {
	r.in, r.path = in, append(r.path[:0], path...)
	s.validate(r, v)
}

// Missing adds that a required value is not there.
func (r *Run) Missing(in string, path ...string) {
	r.in, r.path = in, append(r.path[:0], path...)
	r.add(auth.ViolationRequired, "is required", "", "")
}

// Report adds a violation at a place.
func (r *Run) Report(v auth.Violation, in string, path ...string) {
	r.in, r.path = in, append(r.path[:0], path...)
	r.add(v.Code, v.Message, v.Expected, v.Received)
}

func (r *Run) add(code, message, expected, received string) {
	r.wrong = true
	if r.quiet || len(r.Violations) >= maxViolations {
		return
	}
	r.Violations = append(r.Violations, auth.Violation{
		In: r.in, Path: strings.Join(r.path, "."), Loc: append([]string{r.in}, r.path...),
		Code: code, Message: message, Expected: expected, Received: received,
	})
}

func (r *Run) push(step string) { r.path = append(r.path, step) }
func (r *Run) pop()             { r.path = r.path[:len(r.path)-1] }

// fits reports whether v is valid, telling nobody why not.
func (s *Schema) fits(v *wire.Value) bool {
	r := Run{quiet: true}
	s.validate(&r, v)
	return !r.wrong
}

func (s *Schema) validate(r *Run, v *wire.Value) {
	if r.quiet && r.wrong {
		return
	}
	if s.never {
		r.add(auth.ViolationUnknown, "is not allowed", "", v.Type())
		return
	}
	if s.types != 0 && s.types&TypesOf(v) == 0 {
		r.add(auth.ViolationType, "must be "+article(s.types.String()), s.types.String(), v.Type())
		return
	}
	s.values(r, v)
	switch v.Kind {
	case wire.String:
		s.text(r, v)
	case wire.Number:
		s.number(r, v)
	case wire.Array:
		s.array(r, v)
	case wire.Object:
		s.object(r, v)
	}
	if len(s.all)+len(s.any)+len(s.one) > 0 || s.not != nil || s.when != nil {
		s.composed(r, v)
	}
}

// TypesOf is every type that the value has: an integer is a number too.
func TypesOf(v *wire.Value) Types {
	switch v.Kind {
	case wire.Bool:
		return BooleanType
	case wire.Number:
		if v.Integral() {
			return IntegerType | NumberType
		}
		return NumberType
	case wire.String:
		return StringType
	case wire.Array:
		return ArrayType
	case wire.Object:
		return ObjectType
	}
	return NullType
}

func article(types string) string {
	switch types[0] {
	case 'a', 'i', 'o':
		return "an " + types
	case 'n':
		if strings.HasPrefix(types, "null") {
			return types
		}
	}
	return "a " + types
}

func (s *Schema) values(r *Run, v *wire.Value) {
	if s.constant != nil && !s.constant.Equal(v) {
		r.add(auth.ViolationConst, "must be "+shown(s.constant), shown(s.constant), v.Type())
	}
	if s.enum == nil || slices.ContainsFunc(s.enum, func(e wire.Value) bool { return e.Equal(v) }) {
		return
	}
	names := make([]string, len(s.enum))
	for i := range s.enum {
		names[i] = shown(&s.enum[i])
	}
	list := strings.Join(names, ", ")
	r.add(auth.ViolationEnum, "must be one of "+list, list, v.Type())
}

// shown is a value of the document, not of the request, as text.
func shown(v *wire.Value) string {
	switch v.Kind {
	case wire.String, wire.Number:
		return v.Text
	case wire.Bool:
		return strconv.FormatBool(v.True)
	}
	return v.Kind.String()
}

func (s *Schema) text(r *Run, v *wire.Value) {
	if s.minLength > 0 || s.maxLength >= 0 {
		n := utf8.RuneCountInString(v.Text)
		if n < s.minLength {
			r.add(auth.ViolationTooShort, "must have at least "+plural(s.minLength, "character"), strconv.Itoa(s.minLength), "string")
		}
		if s.maxLength >= 0 && n > s.maxLength {
			r.add(auth.ViolationTooLong, "must have at most "+plural(s.maxLength, "character"), strconv.Itoa(s.maxLength), "string")
		}
	}
	if s.pattern != nil && !s.pattern.MatchString(v.Text) {
		r.add(auth.ViolationPattern, "must match the pattern "+s.pattern.String(), s.pattern.String(), "string")
	}
	if s.format != nil && s.format.fits != nil && !s.format.fits(v.Text) {
		r.add(s.format.code, "must be "+s.format.say, s.format.name, "string")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (s *Schema) number(r *Run, v *wire.Value) {
	f, ok := v.Float()
	if !ok {
		r.add(auth.ViolationTooLarge, "is too large", "", "number")
		return
	}
	if m := s.minimum; m != nil && (f < m.value || s.exclusiveMin && f == m.value) {
		r.add(auth.ViolationTooSmall, boundText(s.exclusiveMin, "greater than ", "at least ")+m.text, m.text, v.Type())
	}
	if m := s.maximum; m != nil && (f > m.value || s.exclusiveMax && f == m.value) {
		r.add(auth.ViolationTooLarge, boundText(s.exclusiveMax, "less than ", "at most ")+m.text, m.text, v.Type())
	}
	if s.multipleOf > 0 {
		if q := f / s.multipleOf; math.Abs(q-math.Round(q)) > 1e-9 {
			m := strconv.FormatFloat(s.multipleOf, 'g', -1, 64)
			r.add(auth.ViolationInvalid, "must be a multiple of "+m, m, v.Type())
		}
	}
	if s.format != nil && s.format.number != nil && !s.format.number(f) {
		r.add(s.format.code, "must be "+s.format.say, s.format.name, v.Type())
	}
}

func boundText(exclusive bool, strict, loose string) string {
	if exclusive {
		return "must be " + strict
	}
	return "must be " + loose
}

func (s *Schema) array(r *Run, v *wire.Value) {
	if n := len(v.Items); s.minItems > n {
		r.add(auth.ViolationTooFew, "must have at least "+plural(s.minItems, "item"), strconv.Itoa(s.minItems), "array")
	} else if s.maxItems >= 0 && n > s.maxItems {
		r.add(auth.ViolationTooMany, "must have at most "+plural(s.maxItems, "item"), strconv.Itoa(s.maxItems), "array")
	}
	if s.unique && repeated(v.Items) {
		r.add(auth.ViolationNotUnique, "must not have the same item twice", "", "array")
	}
	for i := range v.Items {
		item := s.items
		if i < len(s.prefix) {
			item = s.prefix[i]
		}
		if item != nil {
			r.push(strconv.Itoa(i))
			item.validate(r, &v.Items[i])
			r.pop()
		}
	}
	if s.contains != nil {
		s.containing(r, v)
	}
}

// containing counts the items that `contains` describes; one is needed unless minContains says otherwise.
func (s *Schema) containing(r *Run, v *wire.Value) {
	found, least := 0, s.minContains
	for i := range v.Items {
		if s.contains.fits(&v.Items[i]) {
			found++
		}
	}
	if least < 0 {
		least = 1
	}
	if found < least {
		r.add(auth.ViolationTooFew, "has too few of the items that it needs", strconv.Itoa(least), "array")
	}
	if s.maxContains >= 0 && found > s.maxContains {
		r.add(auth.ViolationTooMany, "has too many of one kind of item", strconv.Itoa(s.maxContains), "array")
	}
}

// repeated finds equal items in linear time, for a long list of small ones fits into a small body.
func repeated(items []wire.Value) bool {
	seen := make(map[string]bool, len(items))
	for i := range items {
		key := string(canonical(nil, &items[i]))
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// canonical is text that is equal for equal values.
func canonical(b []byte, v *wire.Value) []byte {
	switch v.Kind {
	case wire.Bool:
		return strconv.AppendBool(b, v.True)
	case wire.Number:
		if n, ok := v.Int(); ok {
			return strconv.AppendInt(b, n, 10)
		}
		f, _ := v.Float()
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	case wire.String:
		return strconv.AppendQuote(b, v.Text)
	case wire.Array:
		b = append(b, '[')
		for i := range v.Items {
			b = append(canonical(b, &v.Items[i]), ',')
		}
		return append(b, ']')
	case wire.Object:
		sorted := slices.SortedFunc(slices.Values(v.Members), func(x, y wire.Member) int { return cmp.Compare(x.Name, y.Name) })
		b = append(b, '{')
		for i := range sorted {
			b = append(strconv.AppendQuote(b, sorted[i].Name), ':')
			b = append(canonical(b, &sorted[i].Value), ',')
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func (s *Schema) object(r *Run, v *wire.Value) {
	for i := range s.properties {
		s.properties[i].validate(r, v)
	}
	if s.additional != nil || len(s.patterns) > 0 || s.names != nil {
		s.rest(r, v)
	}
	for _, d := range s.dependent {
		if v.Get(d.name) == nil {
			continue
		}
		for _, need := range d.needs {
			if v.Get(need) == nil {
				r.push(need)
				r.add(auth.ViolationRequired, "is required together with "+d.name, "", "")
				r.pop()
			}
		}
	}
	if n := len(v.Members); s.minMembers > n {
		r.add(auth.ViolationTooFew, "must have at least "+plural(s.minMembers, "member"), strconv.Itoa(s.minMembers), "object")
	} else if s.maxMembers >= 0 && n > s.maxMembers {
		r.add(auth.ViolationTooMany, "must have at most "+plural(s.maxMembers, "member"), strconv.Itoa(s.maxMembers), "object")
	}
}

// validate applies the two rules that every contract shares: null where the schema has no null is an absence
// unless the input is patchable, and a required text with a minimum length is missing when it is empty.
func (p *property) validate(r *Run, object *wire.Value) {
	v := object.Get(p.name)
	if v != nil && v.Kind == wire.Null && !p.patch && (p.schema == nil || !p.schema.fits(v)) {
		v = nil
	}
	if v == nil || p.schema == nil {
		if v == nil && p.required {
			r.push(p.name)
			r.add(auth.ViolationRequired, "is required", p.expected(), "")
			r.pop()
		}
		return
	}
	r.push(p.name)
	if p.required && v.Kind == wire.String && v.Text == "" && p.schema.leastLength() > 0 {
		r.add(auth.ViolationRequired, "is required", p.expected(), "string")
	} else {
		p.schema.validate(r, v)
	}
	r.pop()
}

func (p *property) expected() string {
	if p.schema == nil || p.schema.Types() == 0 {
		return ""
	}
	return p.schema.Types().String()
}

// rest checks the names, and the members that are no declared properties, in the order of the request.
func (s *Schema) rest(r *Run, v *wire.Value) {
	for i := range v.Members {
		name, member := v.Members[i].Name, &v.Members[i].Value
		r.push(name)
		if s.names != nil && !s.names.fits(&wire.Value{Kind: wire.String, Text: name}) {
			r.add(auth.ViolationPattern, "has a name that is not allowed", "", member.Type())
		}
		known := slices.ContainsFunc(s.properties, func(p property) bool { return p.name == name && p.schema != nil })
		for _, p := range s.patterns {
			if p.pattern.MatchString(name) {
				known = true
				p.schema.validate(r, member)
			}
		}
		if !known && s.additional != nil {
			s.additional.validate(r, member)
		}
		r.pop()
	}
}

func (s *Schema) composed(r *Run, v *wire.Value) {
	for _, part := range s.all {
		part.validate(r, v)
	}
	if s.any != nil && !slices.ContainsFunc(s.any, func(o *Schema) bool { return o.fits(v) }) {
		closest(r, s.any, v, "must have one of the described forms")
	}
	if s.one != nil {
		fitting := 0
		for _, o := range s.one {
			if o.fits(v) {
				fitting++
			}
		}
		if fitting == 0 {
			closest(r, s.one, v, "must have one of the described forms")
		} else if fitting > 1 {
			r.add(auth.ViolationSchema, "has more than one of the described forms", "", v.Type())
		}
	}
	if s.not != nil && s.not.fits(v) {
		r.add(auth.ViolationSchema, "has a form that is not allowed", "", v.Type())
	}
	if s.when == nil {
		return
	}
	branch := s.other
	if s.when.fits(v) {
		branch = s.then
	}
	if branch != nil {
		branch.validate(r, v)
	}
}

// closest tells what is wrong with the only form that the value's type fits, or else that no form fits.
func closest(r *Run, forms []*Schema, v *wire.Value, message string) {
	var likely []*Schema
	for _, f := range forms {
		if t := f.Types(); t == 0 || t&TypesOf(v) != 0 {
			likely = append(likely, f)
		}
	}
	if len(likely) == 1 {
		likely[0].validate(r, v)
		return
	}
	r.add(auth.ViolationSchema, message, "", v.Type())
}
