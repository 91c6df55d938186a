package auth

import "slices"

// ScopesWithin reports whether every wanted scope is among the held ones. A held "*" contains all.
func ScopesWithin(wanted, held []string) bool {
	if slices.Contains(held, "*") {
		return true
	}
	for _, w := range wanted {
		if !slices.Contains(held, w) {
			return false
		}
	}
	return true
}

// ValidScope reports whether s is a scope-token of RFC 6749 section 3.3: 1 to 100 printable ASCII characters
// without space, quote and backslash.
func ValidScope(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
