package user

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// defaultAttributeLength is the longest string attribute whose rule names no length, in code points.
const defaultAttributeLength = 256

// maxSafeInteger is the largest integer that every JSON reader keeps exactly (RFC 8259 section 6).
const maxSafeInteger = 1<<53 - 1

// CheckAttributes checks changes against the app's rules on behalf of a writer and returns them in the types that
// are stored; nil clears an attribute. An administrator may also write what users may write. Codes:
// invalid-request on `attributes.<name>`: `unknown` for one that the app does not declare or the writer may not
// write (which of the two is not told), else what is wrong with the value.
func CheckAttributes(rules map[string]auth.AttributeRule, writer auth.AttributeWriter, changes map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(changes))
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		rule, declared := rules[name]
		if !declared || (writer != auth.WrittenByAdmin && rule.Writer != auth.WrittenByUser) {
			return nil, auth.Invalid("attributes."+name, auth.ViolationUnknown, "There is no such attribute.")
		}
		if changes[name] == nil {
			out[name] = nil
			continue
		}
		value, err := checkAttribute("attributes."+name, rule, changes[name])
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// MergeAttributes applies checked changes to what is stored (JSON Merge Patch, one level).
func MergeAttributes(old, changes map[string]any) map[string]any {
	out := make(map[string]any, len(old)+len(changes))
	maps.Copy(out, old)
	for name, value := range changes {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

func checkAttribute(field string, rule auth.AttributeRule, value any) (any, error) {
	switch rule.Type {
	case "string":
		if s, ok := value.(string); ok {
			return checkStringAttribute(field, rule, s)
		}
	case "boolean":
		if b, ok := value.(bool); ok {
			return b, nil
		}
	case "number":
		if n, ok := number(value); ok {
			return n, nil
		}
	case "integer":
		if n, ok := number(value); ok && n == math.Trunc(n) {
			if math.Abs(n) > maxSafeInteger {
				return nil, auth.Invalid(field, auth.ViolationTooLarge, "This number is too large.")
			}
			return int64(n), nil
		}
	}
	return nil, auth.Invalid(field, auth.ViolationType, "This must be of type "+rule.Type+".")
}

func checkStringAttribute(field string, rule auth.AttributeRule, s string) (any, error) {
	most := rule.MaxLength
	if most == 0 {
		most = defaultAttributeLength
	}
	if utf8.RuneCountInString(s) > most {
		return nil, auth.Invalid(field, auth.ViolationTooLong, fmt.Sprintf("At most %d characters.", most))
	}
	for _, r := range s {
		if (unicode.IsControl(r) && r != '\n' && r != '\t') || r == utf8.RuneError {
			return nil, auth.Invalid(field, auth.ViolationEncoding, "Control characters are not allowed.")
		}
	}
	return s, nil
}

// number reads every Go form in which a decoder may hand over a JSON number.
func number(value any) (float64, bool) {
	var n float64
	switch v := value.(type) {
	case float64:
		n = v
	case int:
		n = float64(v)
	case int64:
		n = float64(v)
	case json.Number:
		var err error
		if n, err = v.Float64(); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return n, !math.IsNaN(n) && !math.IsInf(n, 0)
}
