package wire

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// JSON decodes one JSON text (RFC 8259), nested at most maxDepth arrays and objects deep. Strings without escapes
// share the memory of text.
//
// Refused beyond the grammar: a member that stands twice (parsers disagree on which one counts), anything after
// the value, invalid UTF-8, escapes that are half a surrogate pair, and U+0000, which databases refuse.
func JSON(text string, maxDepth int) (Value, *Fault) {
	if !utf8.ValidString(text) {
		return Value{}, &Fault{Code: auth.ViolationEncoding, Message: "must be valid UTF-8"}
	}
	p := parser{text: text, room: maxDepth}
	p.space()
	v := p.value()
	if p.fault == nil {
		if p.space(); p.at < len(p.text) {
			p.syntax("has data after its end")
		}
	}
	return v, p.fault
}

type parser struct {
	text  string
	at    int
	room  int // how many levels may still be opened
	path  []string
	fault *Fault
}

func (p *parser) fail(code, message string) {
	if p.fault == nil {
		p.fault = &Fault{Code: code, Message: message, Path: append([]string(nil), p.path...)}
	}
}

func (p *parser) syntax(message string) {
	p.fail(auth.ViolationSyntax, message+" (at byte "+strconv.Itoa(p.at)+")")
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end. A NUL of the text is no valid token either.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value() Value {
	switch c := p.peek(); {
	case c == '{':
		return p.nested(p.object)
	case c == '[':
		return p.nested(p.array)
	case c == '"':
		return Value{Kind: String, Text: p.str()}
	case c == '-' || c >= '0' && c <= '9':
		return Value{Kind: Number, Text: p.number()}
	case p.word("true"):
		return Value{Kind: Bool, True: true}
	case p.word("false"):
		return Value{Kind: Bool}
	case p.word("null"):
		return Value{}
	case p.at >= len(p.text):
		p.syntax("ends too early")
	default:
		p.syntax("is not JSON")
	}
	return Value{}
}

func (p *parser) word(w string) bool {
	if strings.HasPrefix(p.text[p.at:], w) {
		p.at += len(w)
		return true
	}
	return false
}

func (p *parser) nested(read func() Value) Value {
	if p.room--; p.room < 0 {
		p.fail(auth.ViolationDepth, "is nested too deep")
		return Value{}
	}
	p.at++
	p.space()
	v := read()
	p.room++
	return v
}

func (p *parser) object() Value {
	v := Value{Kind: Object}
	if p.peek() == '}' {
		p.at++
		return v
	}
	v.Members = make([]Member, 0, 8)
	var seen map[string]bool
	for p.fault == nil {
		if p.peek() != '"' {
			p.syntax("needs a member name in quotes")
			return v
		}
		name := p.str()
		p.space()
		if p.fault == nil && p.peek() != ':' {
			p.syntax("needs a colon after a member name")
		}
		if p.fault != nil {
			return v
		}
		p.at++
		p.space()
		p.path = append(p.path, name)
		if seen = p.remember(&v, seen, name); p.fault != nil {
			return v
		}
		member := p.value()
		p.path = p.path[:len(p.path)-1]
		v.Members = append(v.Members, Member{Name: name, Value: member})
		if p.more('}') {
			return v
		}
	}
	return v
}

// manyMembers is from when on a set finds duplicates faster than a walk.
const manyMembers = 16

func (p *parser) remember(v *Value, seen map[string]bool, name string) map[string]bool {
	if seen == nil && len(v.Members) >= manyMembers {
		seen = make(map[string]bool, 2*manyMembers)
		for i := range v.Members {
			seen[v.Members[i].Name] = true
		}
	}
	if seen != nil && seen[name] || seen == nil && v.Get(name) != nil {
		p.fail(auth.ViolationDuplicate, "stands twice in one object")
	}
	if seen != nil {
		seen[name] = true
	}
	return seen
}

func (p *parser) array() Value {
	v := Value{Kind: Array}
	if p.peek() == ']' {
		p.at++
		return v
	}
	for p.fault == nil {
		p.path = append(p.path, strconv.Itoa(len(v.Items)))
		item := p.value()
		p.path = p.path[:len(p.path)-1]
		v.Items = append(v.Items, item)
		if p.more(']') {
			return v
		}
	}
	return v
}

// more steps over a comma, or over the end, which it reports.
func (p *parser) more(end byte) (done bool) {
	if p.fault != nil {
		return true
	}
	p.space()
	switch p.peek() {
	case ',':
		p.at++
		p.space()
		return false
	case end:
		p.at++
		return true
	}
	if p.at >= len(p.text) {
		p.syntax("ends too early")
	} else {
		p.syntax("needs a comma or " + string(end))
	}
	return true
}

// number reads a number's literal (RFC 8259 section 6).
func (p *parser) number() string {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		p.syntax("has a malformed number")
		return "0"
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			p.syntax("has a malformed number")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			p.syntax("has a malformed number")
		}
	}
	return p.text[start:p.at]
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

// str reads a string, without a copy as long as no escape stands in it.
func (p *parser) str() string {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[start : p.at-1]
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			p.control(c)
			return ""
		default:
			p.at++
		}
	}
	p.syntax("ends inside a string")
	return ""
}

func (p *parser) control(c byte) {
	if c == 0 {
		p.fail(auth.ViolationEncoding, "must not contain the character NUL")
		return
	}
	p.syntax("has a raw control character in a string")
}

func (p *parser) escaped(start int) string {
	out := append(make([]byte, 0, 64), p.text[start:p.at]...)
	for p.at < len(p.text) && p.fault == nil {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return string(out)
		case c == '\\':
			out = p.escape(out)
		case c < 0x20:
			p.control(c)
		default:
			out = append(out, c)
			p.at++
		}
	}
	p.syntax("ends inside a string")
	return ""
}

// escapes are the short escapes of RFC 8259 section 7, each followed by what it stands for.
const escapes = "\"\"\\\\//b\bf\fn\nr\rt\t"

func (p *parser) escape(out []byte) []byte {
	p.at++
	c := p.peek()
	if c == 'u' {
		p.at++
		return p.unicode(out)
	}
	for i := 0; i < len(escapes); i += 2 {
		if escapes[i] == c {
			p.at++
			return append(out, escapes[i+1])
		}
	}
	p.syntax("has an unknown escape in a string")
	return out
}

func (p *parser) unicode(out []byte) []byte {
	r := p.hex()
	if utf16.IsSurrogate(r) {
		if !p.word(`\u`) {
			p.fail(auth.ViolationEncoding, "must not contain half a surrogate pair")
			return out
		}
		if r = utf16.DecodeRune(r, p.hex()); r == utf8.RuneError {
			p.fail(auth.ViolationEncoding, "must not contain half a surrogate pair")
			return out
		}
	}
	if r == 0 && p.fault == nil {
		p.fail(auth.ViolationEncoding, "must not contain the character NUL")
	}
	return utf8.AppendRune(out, r)
}

func (p *parser) hex() rune {
	if p.at+4 > len(p.text) {
		p.syntax("ends inside an escape")
		return 0
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	if err != nil {
		p.syntax("has a malformed escape")
		return 0
	}
	p.at += 4
	return rune(n)
}
