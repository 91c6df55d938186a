package document

import (
	"context"
	"strings"
	"testing"
)

func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"a: [1":                      "f.yaml:1: the file cannot be read: did not find expected",
		"a: 1\n b: 2":                "f.yaml:2: the file cannot be read: mapping values are not allowed",
		"":                           "the file cannot be read: EOF",
		"- a":                        "f.yaml:1: the file holds a list (expected an OpenAPI 3.1 document)",
		"a: 1\n---\nb: 2":            "f.yaml: the file holds more than one document (expected one document)",
		"a: 1\na: 2":                 `f.yaml:2: the key "a" stands twice in one object`,
		"x: &x {a: 1}\ny:\n  <<: *x": "f.yaml:3: merge keys (<<) are not read (expected $ref)",
		"? [a]\n: b":                 "f.yaml:1: a key of an object is no scalar (expected a plain key)",
		"a: " + strings.Repeat("[", 250) + strings.Repeat("]", 250): "f.yaml:1: the document is nested too deeply or too large",
		bomb(): "the document is nested too deeply or too large",
	} {
		d := Parse("f.yaml", []byte(text))
		if got := d.Problems().Error(); !strings.Contains(got, want) {
			t.Errorf("%.40q: %.200s", text, got)
		}
	}
	if d := Parse("f.yaml", make([]byte, MaxSize+1)); d.Root != nil || len(d.Problems()) != 1 {
		t.Error("a file of any size is read")
	}
}

// bomb is aliases that double twenty-five times.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 25 {
		next, last := string(rune('b'+i)), string(rune('a'+i))
		if i == 0 {
			last = "a0"
		}
		b.WriteString(next + ": &" + next + " [*" + last + ", *" + last + "]\n")
	}
	return b.String()
}

func TestFollow(t *testing.T) {
	d := Parse("f.yaml", []byte(`
components:
  a: {x: 1, y: 2}
  b: {$ref: "#/components/a", y: 3, z: 4}
  c: {$ref: "#/components/b", z: 5}
  d: {$ref: "#/components/a"}
  list: [{q: 1}]
  "s/l~h": {k: v}
  r1: {$ref: "#/components/r2"}
  r2: {$ref: "#/components/r1"}
  props: {properties: {$ref: {type: string}}}
e: {$ref: "#/components/list/0"}
f: {$ref: "#/components/s~1l~0h"}
g: {$ref: "#/components/none"}
h: {$ref: "file.yaml#/a"}
i: {$ref: "#/components/r1"}
j: {$ref: "#/components/list"}
`))
	for path, want := range map[string]string{
		"components.b": `{"x":1,"y":3,"z":4}`, "components.c": `{"x":1,"y":3,"z":5}`, "components.d": `{"x":1,"y":2}`,
		"e": `{"q":1}`, "f": `{"k":"v"}`, "components.props": `{"properties":{"$ref":{"type":"string"}}}`,
	} {
		n := d.Root.At(strings.Split(path, ".")...)
		first, second := d.Follow(n), d.Follow(n)
		if got := string(first.AppendJSON(nil)); got != want || first != second {
			t.Errorf("%s: %s", path, got)
		}
	}
	if !d.Hidden(d.Root.At("components", "a", "y")) || d.Hidden(d.Root.At("components", "a", "x")) || !d.Referred(d.Root.At("components", "a")) {
		t.Error("what a reference touched is not remembered")
	}
	for _, name := range []string{"g", "h", "i", "j"} {
		d.Follow(d.Root.Get(name))
	}
	got := d.Problems().Error()
	for _, want := range []string{`f.yaml:14: the reference "#/components/none" points to nothing`, `f.yaml:15: the reference "file.yaml#/a" leaves the document`,
		"runs in a circle", `f.yaml:17: the reference "#/components/list" points to a list`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestScalars(t *testing.T) {
	d := Parse("f.yaml", []byte("i: 0x10\nf: 1.50\nt: True\nn: ~\ns: 'true'\nd: 2026-01-01\ny: yes\ninf: .inf\nq: \"a\\u2028\\\"\"\n"))
	if got := string(d.Root.AppendJSON(nil)); got != `{"i":16,"f":1.5,"t":true,"n":null,"s":"true","d":"2026-01-01","y":"yes","inf":null,"q":"a\u2028\""}` {
		t.Error(got)
	}
	if n, ok := d.Root.Get("i").Int(); n != 16 || !ok {
		t.Error(n, ok)
	}
	if d.Root.Get("none").At("deeper") != nil || d.Root.Get("none").Str() != "" || d.Root.Get("s").Members() != nil || d.Root.Get("none").Elements() != nil {
		t.Error("what is not there is something")
	}
}

func TestSpecification(t *testing.T) {
	for text, want := range map[string]string{
		"openapi: 3.0.3\ninfo: {title: a, version: b}\npaths: {}": "f.yaml:1: the document is not OpenAPI 3.1 (expected openapi: 3.1.0)",
		"openapi: 3.1.0\npaths: {}":                               "OpenAPI: invalid info",
		"openapi: 3.1.0\ninfo: {title: a, version: b}\npaths:\n  /a:\n    get:\n      responses:\n        '200': {}": "OpenAPI: ",
		"openapi: 3.1.0\ninfo: {title: a, version: b}\npaths:\n  /a:\n    get: [1]":                                  "OpenAPI: ",
		"openapi: 3.1.0\ninfo: {title: a, version: b}\npaths: {}\nx-any: {thing: 1}":                                 "",
	} {
		d := Parse("f.yaml", []byte(text))
		d.CheckSpecification(context.Background(), []byte(text))
		if got := d.Problems().Error(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

// FuzzDocument: no text makes reading panic or run on.
func FuzzDocument(f *testing.F) {
	f.Add("a: &a [*a]\nb: {$ref: '#/b'}")
	f.Add(`{"openapi":"3.1.0","a":{"$ref":"#/a/b"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d := Parse("f.yaml", []byte(text))
		if d.Root == nil && len(d.Problems()) == 0 {
			t.Fatal("nothing read and nothing wrong")
		}
		for _, p := range d.Root.Members() {
			d.Follow(p.Value)
		}
	})
}
