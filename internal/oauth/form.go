package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Form is the parameters of a request. A parameter without a value counts as left out (RFC 6749 section 3.1).
type Form url.Values

// repeatable are the parameters that may stand several times (RFC 8707 section 2, RFC 8693 section 2.1).
var repeatable = []string{"resource", "audience"}

// maxParameter bounds one value, in bytes: an assertion is the longest (TK-04).
const maxParameter = 16 << 10

// check refuses what no request may have: a parameter twice (OA-09), too long, or with characters that no parameter has.
func (f Form) check() error {
	for name, values := range f {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return refuse(InvalidRequest, "The parameter "+ascii(name)+" stands twice.")
		}
		for _, v := range values {
			if len(v) > maxParameter || !auth.IsText(v) {
				return refuse(InvalidRequest, "The parameter "+ascii(name)+" is not valid.")
			}
		}
	}
	return nil
}

// Get is the value of a parameter; empty if it was left out.
func (f Form) Get(name string) string {
	if values := f[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// All are the values of a parameter that may stand several times.
func (f Form) All(name string) []string {
	return slices.DeleteFunc(slices.Clone(f[name]), func(v string) bool { return v == "" })
}

// Words splits a parameter whose value is a list of words (RFC 6749 section 3.3), without doubles.
func (f Form) Words(name string) []string {
	var out []string
	for _, w := range strings.Fields(f.Get(name)) {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
