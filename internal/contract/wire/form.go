package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Field is one name=value of a form or a query.
type Field struct{ Name, Value string }

// MaxFields bounds the fields of one form or query (IO-01).
const MaxFields = 100

// Form decodes application/x-www-form-urlencoded text, fields in the order of the wire. Malformed escapes, invalid
// UTF-8 and NUL are refused; a name that stands twice is for the caller to judge, for lists are written so.
func Form(text string) ([]Field, *Fault) {
	if text == "" {
		return nil, nil
	}
	out := make([]Field, 0, 8)
	for part := range strings.SplitSeq(text, "&") {
		if part == "" {
			continue
		}
		if len(out) >= MaxFields {
			return nil, &Fault{Code: auth.ViolationTooMany, Message: "must have at most 100 fields"}
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, ok := unescape(rawName, true)
		if !ok {
			return nil, &Fault{Code: auth.ViolationSyntax, Message: "has a malformed escape in a field name"}
		}
		if fault := Text(name); fault != nil {
			return nil, fault
		}
		value, ok := unescape(rawValue, true)
		if !ok {
			return nil, &Fault{Code: auth.ViolationSyntax, Message: "has a malformed escape", Path: []string{name}}
		}
		if fault := Text(value); fault != nil {
			fault.Path = []string{name}
			return nil, fault
		}
		out = append(out, Field{name, value})
	}
	return out, nil
}

// Segment decodes one segment of a path, once: a second escape stays text.
func Segment(text string) (string, *Fault) {
	out, ok := unescape(text, false)
	if !ok {
		return "", &Fault{Code: auth.ViolationSyntax, Message: "has a malformed escape"}
	}
	return out, Text(out)
}

// Text refuses what no text of a request may hold: invalid UTF-8 and NUL.
func Text(s string) *Fault {
	if !utf8.ValidString(s) {
		return &Fault{Code: auth.ViolationEncoding, Message: "must be valid UTF-8"}
	}
	if strings.IndexByte(s, 0) >= 0 {
		return &Fault{Code: auth.ViolationEncoding, Message: "must not contain the character NUL"}
	}
	return nil
}

func unescape(s string, plus bool) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi > 15 || lo > 15 {
				return "", false
			}
			out = append(out, hi<<4|lo)
			i += 2
		case c == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
