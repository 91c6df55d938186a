package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

func TestJSONRefuses_IO01_IO02(t *testing.T) {
	for name, c := range map[string]struct{ text, code, path string }{
		"empty":            {"", auth.ViolationSyntax, ""},
		"trailing data":    {`{} {}`, auth.ViolationSyntax, ""},
		"trailing comma":   {`{"a":1,}`, auth.ViolationSyntax, ""},
		"duplicate":        {`{"a":{"b":1,"c":2,"b":3}}`, auth.ViolationDuplicate, "a.b"},
		"escaped twin":     {`{"a":1,"\u0061":2}`, auth.ViolationDuplicate, "a"},
		"duplicate late":   {manyMembersText(`"m3":1`), auth.ViolationDuplicate, "m3"},
		"invalid UTF-8":    {"{\"a\":\"\xff\"}", auth.ViolationEncoding, ""},
		"lone surrogate":   {`{"a":"\ud800"}`, auth.ViolationEncoding, "a"},
		"swapped pair":     {`{"a":"\udc00\ud800"}`, auth.ViolationEncoding, "a"},
		"escaped NUL":      {`{"a":["x\u0000"]}`, auth.ViolationEncoding, "a.0"},
		"raw NUL":          {"{\"a\":\"\x00\"}", auth.ViolationEncoding, "a"},
		"raw control":      {"\"\n\"", auth.ViolationSyntax, ""},
		"too deep":         {strings.Repeat("[", 33) + strings.Repeat("]", 33), auth.ViolationDepth, strings.TrimSuffix(strings.Repeat("0.", 32), ".")},
		"leading zero":     {`01`, auth.ViolationSyntax, ""},
		"bare fraction":    {`.5`, auth.ViolationSyntax, ""},
		"half exponent":    {`1e`, auth.ViolationSyntax, ""},
		"single quotes":    {`{'a':1}`, auth.ViolationSyntax, ""},
		"comment":          {`{} // x`, auth.ViolationSyntax, ""},
		"byte order mark":  {"\ufeff{}", auth.ViolationSyntax, ""},
		"unfinished":       {`{"a":`, auth.ViolationSyntax, "a"},
		"unfinished text":  {`"abc`, auth.ViolationSyntax, ""},
		"unknown escape":   {`"\x41"`, auth.ViolationSyntax, ""},
		"signed hex":       {`"\u+041"`, auth.ViolationSyntax, ""},
		"infinity":         {`Infinity`, auth.ViolationSyntax, ""},
		"missing colon":    {`{"a" 1}`, auth.ViolationSyntax, ""},
		"member not text":  {`{1:2}`, auth.ViolationSyntax, ""},
		"missing brackets": {`[1`, auth.ViolationSyntax, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, fault := JSON(c.text, 32)
			if fault == nil || fault.Code != c.code || strings.Join(fault.Path, ".") != c.path {
				t.Fatalf("got %+v, want code %s at %q", fault, c.code, c.path)
			}
		})
	}
}

func manyMembersText(last string) string {
	var b strings.Builder
	for i := range 40 {
		b.WriteString(`"m` + string(rune('0'+i/10)) + string(rune('0'+i%10)) + `":1,`)
	}
	return "{" + strings.ReplaceAll(b.String(), "m0", "m") + last + "}"
}

func TestJSONReads(t *testing.T) {
	v, fault := JSON(` {"a":[1,-2.5e3,true,null,"\u00e9\n\ud83d\ude00é"],"b":{}} `, 32)
	if fault != nil {
		t.Fatal(fault)
	}
	want := map[string]any{"a": []any{int64(1), int64(-2500), true, nil, "é\n😀é"}, "b": map[string]any{}}
	if got := v.Plain(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v", got)
	}
	if _, fault := JSON(strings.Repeat("[", 32)+strings.Repeat("]", 32), 32); fault != nil {
		t.Fatalf("32 levels are allowed: %v", fault)
	}
}

// FuzzDecodeJSON: whatever is accepted must be valid JSON that the standard library reads the same way, and
// whatever is refused must have a code of the closed list.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `[]`, `"\ud83d\ude00"`, `{"a":{"b":[1,2,{"c":null}]}}`, `-0.0e+1`, "\x00", `{"a":1,"a":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, fault := JSON(text, 32)
		if fault != nil {
			return
		}
		if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
			t.Fatalf("accepted %q", text)
		}
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !same(&v, want) {
			t.Fatalf("%q read as %#v", text, v.Plain())
		}
	})
}

func same(v *Value, want any) bool {
	switch w := want.(type) {
	case nil:
		return v.Kind == Null
	case bool:
		return v.Kind == Bool && v.True == w
	case string:
		return v.Kind == String && v.Text == w
	case json.Number:
		return v.Kind == Number && v.Text == w.String()
	case []any:
		if v.Kind != Array || len(v.Items) != len(w) {
			return false
		}
		for i := range w {
			if !same(&v.Items[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		if v.Kind != Object || len(v.Members) != len(w) {
			return false
		}
		for name, member := range w {
			if got := v.Get(name); got == nil || !same(got, member) {
				return false
			}
		}
		return true
	}
	return false
}

func TestForm(t *testing.T) {
	got, fault := Form("a=1&b=x+y%20z&a=2&&c&%C3%A9=%C3%A9")
	if fault != nil {
		t.Fatal(fault)
	}
	want := []Field{{"a", "1"}, {"b", "x y z"}, {"a", "2"}, {"c", ""}, {"é", "é"}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v", got)
	}
	for text, code := range map[string]string{
		"a=%zz": auth.ViolationSyntax, "a=%f": auth.ViolationSyntax, "%=1": auth.ViolationSyntax,
		"a=%ff": auth.ViolationEncoding, "a=%00": auth.ViolationEncoding, "%00=1": auth.ViolationEncoding,
		strings.Repeat("a=1&", 101): auth.ViolationTooMany,
	} {
		if _, fault := Form(text); fault == nil || fault.Code != code {
			t.Errorf("%.20q: got %v, want %s", text, fault, code)
		}
	}
}

func FuzzDecodeForm(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=%C3%A9", "%", "a=%00", "&&=", "a+b=c+d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields, fault := Form(text)
		if fault != nil {
			return
		}
		for _, field := range fields {
			if Text(field.Name) != nil || Text(field.Value) != nil {
				t.Fatalf("%q let %q through", text, field)
			}
		}
	})
}

func TestNegotiate(t *testing.T) {
	offers := []string{"application/json", "text/html", "text/plain"}
	for accept, want := range map[string]int{
		"": 0, "*/*": 0, "text/html": 1, "text/*": 1, "text/plain, text/html": 1, "text/html;q=0.5, text/plain": 2,
		"image/png": -1, "application/json;q=0, */*": 1, "application/json;q=0": -1, "nonsense": 0,
		"text/html,application/xhtml+xml,*/*;q=0.8": 1, "APPLICATION/JSON": 0, "text/*;q=0.3, */*;q=0.2": 1,
		"text/plain;q=2": 2, ";;;": 0, "*/*;q=0": -1,
	} {
		if got := Negotiate(accept, offers); got != want {
			t.Errorf("%q: got %d, want %d", accept, got, want)
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"*/*", "text/html;q=0.1, application/json", ",,;q=", "a/b;q=1;q=0"} {
		f.Add(seed)
	}
	offers := []string{"application/json", "text/html"}
	f.Fuzz(func(t *testing.T, accept string) {
		if got := Negotiate(accept, offers); got < -1 || got > 1 {
			t.Fatalf("%q: %d", accept, got)
		}
	})
}

func TestMediaType(t *testing.T) {
	for header, want := range map[string]string{
		"application/json": "application/json", "Application/JSON; charset=UTF-8": "application/json",
		`application/json; charset="utf-8"`: "application/json", "application/problem+json;x=1": "application/problem+json",
		"application/json; charset=latin1": "", "json": "", "": "", "a/": "", "a/b, c/d": "",
	} {
		if got, ok := MediaType(header); got != want || ok != (want != "") {
			t.Errorf("%q: got %q %v", header, got, ok)
		}
	}
}
