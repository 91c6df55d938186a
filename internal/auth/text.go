package auth

import (
	"strings"
	"unicode/utf8"
)

// IsText reports whether a row can hold a text: UTF-8 without NUL, which PostgreSQL refuses. Doors turn away what is none
// before it is looked for (IO-02).
func IsText(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }
