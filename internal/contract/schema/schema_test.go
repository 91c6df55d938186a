package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

func compile(t *testing.T, text string) *Schema {
	t.Helper()
	d := document.Parse("s.yaml", []byte("root: "+text))
	if d.Root == nil {
		t.Fatal(d.Problems())
	}
	c := Compiler{Doc: d, Patchable: func(n *document.Node) bool { return n.Get("x-patch").True() }}
	s := c.Compile(d.Root.Get("root"))
	if p := d.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	return s
}

func check(s *Schema, body string) string {
	v, fault := wire.JSON(body, 32)
	if fault != nil {
		return fault.Code
	}
	var r Run
	r.Validate(s, &v, auth.InBody)
	out := make([]string, len(r.Violations))
	for i, x := range r.Violations {
		out[i] = fmt.Sprintf("%s %s/%s/%s", x.Path, x.Code, x.Expected, x.Received)
	}
	return strings.Join(out, "; ")
}

func TestViolations(t *testing.T) {
	for _, c := range []struct{ schema, body, want string }{
		{`{type: string}`, `1`, " type/string/integer"},
		{`{type: [string, "null"]}`, `1.5`, " type/string or null/number"},
		{`{type: integer}`, `3.0`, ""},
		{`{type: integer}`, `3.5`, " type/integer/number"},
		{`{type: number, minimum: 1, exclusiveMaximum: 5}`, `5`, " too_large/5/integer"},
		{`{type: number, minimum: 1}`, `0.5`, " too_small/1/number"},
		{`{type: number}`, `1e999`, " too_large//number"},
		{`{multipleOf: 0.1}`, `0.3`, ""},
		{`{multipleOf: 2}`, `3`, " invalid/2/integer"},
		{`{type: string, minLength: 2, maxLength: 3}`, `"é"`, " too_short/2/string"},
		{`{type: string, minLength: 2, maxLength: 3}`, `"éééé"`, " too_long/3/string"},
		{`{type: string, pattern: "^a+$"}`, `"b"`, " pattern/^a+$/string"},
		{`{type: string, format: email}`, `"nobody"`, " email/email/string"},
		{`{type: string, format: uuid}`, `"x"`, " format/uuid/string"},
		{`{type: string, format: date-time}`, `"2026-01-31"`, " format/date-time/string"},
		{`{type: integer, format: int32}`, `3000000000`, " format/int32/integer"},
		{`{enum: [a, 1, null]}`, `"b"`, " enum/a, 1, null/string"},
		{`{enum: [a, 1, null]}`, `1.0`, ""},
		{`{const: {a: [1]}}`, `{"a":[1.0]}`, ""},
		{`{const: true}`, `false`, " const/true/boolean"},
		{`{type: array, minItems: 2, items: {type: string}}`, `[1]`, " too_few/2/array; 0 type/string/integer"},
		{`{type: array, maxItems: 1, uniqueItems: true}`, `[{"a":1,"b":2},{"b":2,"a":1.0}]`, " too_many/1/array;  not_unique//array"},
		{`{prefixItems: [{type: string}], items: {type: integer}}`, `["a", 1, "b"]`, "2 type/integer/string"},
		{`{contains: {type: string}, maxContains: 1}`, `["a", "b"]`, " too_many/1/array"},
		{`{contains: {type: string}}`, `[1]`, " too_few/1/array"},
		{`{type: object, required: [b, a, z], properties: {a: {type: string}, b: {type: integer}}}`, `{}`, "a required/string/; b required/integer/; z required//"},
		{`{type: object, required: [a], properties: {a: {type: string}}}`, `{"a":null}`, "a required/string/"},
		{`{type: object, properties: {a: {type: string}}}`, `{"a":null}`, ""},
		{`{type: object, required: [a], properties: {a: {type: [string, "null"]}}}`, `{"a":null}`, ""},
		{`{type: object, properties: {a: {type: string, x-patch: true}}}`, `{"a":null}`, "a type/string/null"},
		{`{type: object, required: [a], properties: {a: {type: string, minLength: 3}}}`, `{"a":""}`, "a required/string/string"},
		{`{type: object, required: [a], properties: {a: {type: string}}}`, `{"a":""}`, ""},
		{`{type: object, properties: {a: {type: string, minLength: 3}}}`, `{"a":""}`, "a too_short/3/string"},
		{`{type: object, additionalProperties: false, properties: {a: true}}`, `{"a":1,"b":2}`, "b unknown//integer"},
		{`{type: object, additionalProperties: {type: integer}}`, `{"b":"x"}`, "b type/integer/string"},
		{`{type: object, patternProperties: {"^x": {type: integer}}, additionalProperties: false}`, `{"x1":1,"x2":"a","y":1}`, "x2 type/integer/string; y unknown//integer"},
		{`{propertyNames: {maxLength: 2}}`, `{"abc":1}`, "abc pattern//integer"},
		{`{minProperties: 1, maxProperties: 1}`, `{"a":1,"b":1}`, " too_many/1/object"},
		{`{dependentRequired: {a: [b]}}`, `{"a":1}`, "b required//"},
		{`{allOf: [{required: [a], properties: {a: {minLength: 1}}}, {properties: {b: {type: string}}}]}`, `{"a":"","b":1}`, "a required//string; b type/string/integer"},
		{`{anyOf: [{type: string, minLength: 2}, {type: integer}]}`, `"a"`, " too_short/2/string"},
		{`{anyOf: [{type: string, minLength: 2}, {type: string, pattern: "^x"}]}`, `"a"`, " schema//string"},
		{`{oneOf: [{type: number}, {type: integer}]}`, `1`, " schema//integer"},
		{`{not: {type: string}}`, `"a"`, " schema//string"},
		{`{if: {required: [a]}, then: {required: [b]}, else: {required: [c]}}`, `{"a":1}`, "b required//"},
		{`{if: {required: [a]}, then: {required: [b]}, else: {required: [c]}}`, `{}`, "c required//"},
		{`false`, `1`, " unknown//integer"},
	} {
		if got := check(compile(t, c.schema), c.body); got != c.want {
			t.Errorf("%s with %s:\n got %q\nwant %q", c.schema, c.body, got, c.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`{type: strin}`:                    `s.yaml:1: the type "strin" does not exist`,
		`{unevaluatedProperties: false}`:   `s.yaml:1: the schema keyword "unevaluatedProperties" is not enforced (expected a keyword that is enforced)`,
		`{type: string, nullable: true}`:   `(expected type: [..., "null"], as OpenAPI 3.1 has it)`,
		`{format: emial}`:                  `the format "emial" is not enforced (expected one of binary, byte, date,`,
		`{pattern: "(?=a)"}`:               `the pattern "(?=a)" cannot be used (expected a regular expression in RE2 syntax`,
		`{minLength: -1}`:                  `the bound is "-1" (expected an integer from 0)`,
		`{enum: []}`:                       `enum holds a list (expected a list of values)`,
		`{required: a}`:                    `required holds something else`,
		`{then: {type: string}}`:           `then and else do nothing without if`,
		`{minContains: 2}`:                 `minContains and maxContains do nothing without contains`,
		`{exclusiveMinimum: true}`:         `(expected a number)`,
		`{properties: [a]}`:                `properties holds a list (expected an object of schemas)`,
		`{items: 3}`:                       `a schema is missing (expected a schema object)`,
		`{allOf: []}`:                      `the keyword holds a list (expected a list of schemas)`,
		`{dependentRequired: {a: b}}`:      `dependentRequired holds something else`,
		`{patternProperties: {"(": true}}`: `the pattern "(" cannot be used`,
	} {
		d := document.Parse("s.yaml", []byte("root: "+text))
		(&Compiler{Doc: d}).Compile(d.Root.Get("root"))
		if got := d.Problems().Error(); !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestEndlessSchemas(t *testing.T) {
	for _, text := range []string{
		"root: {allOf: [{$ref: '#/root'}]}", "root: {$ref: '#/root'}", "root: {anyOf: [{type: string}, {$ref: '#/b'}]}\nb: {not: {$ref: '#/root'}}",
		"root: {if: {$ref: '#/root'}}",
	} {
		d := document.Parse("s.yaml", []byte(text))
		s := (&Compiler{Doc: d}).Compile(d.Root.Get("root"))
		if got := d.Problems().Error(); !strings.Contains(got, "the schema applies itself to the same value again") && !strings.Contains(got, "circle") {
			t.Errorf("%s: %s", text, got)
		}
		check(s, `1`)
	}
}

func TestRecursion(t *testing.T) {
	d := document.Parse("s.yaml", []byte("root: {type: object, properties: {name: {type: string}, kids: {type: array, items: {$ref: '#/root'}}}}"))
	s := (&Compiler{Doc: d}).Compile(d.Root.Get("root"))
	if got := check(s, `{"kids":[{"kids":[{"name":1}]}]}`); got != "kids.0.kids.0.name type/string/integer" {
		t.Fatal(got)
	}
}

// TestAgreesWithKin compares our verdicts with those of kin-openapi in JSON Schema 2020-12 mode, which enforces the
// same keywords by other means. Absences by null are ours alone, so the values here hold none.
func TestAgreesWithKin(t *testing.T) {
	schemas := []string{
		`{"type":"string","minLength":2,"maxLength":4,"pattern":"^[a-z]*$"}`,
		`{"type":["integer","string"],"minimum":2,"exclusiveMaximum":9}`,
		`{"type":"object","required":["a"],"properties":{"a":{"const":1},"b":{"enum":["x",2]}},"additionalProperties":false}`,
		`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3,"uniqueItems":true}`,
		`{"oneOf":[{"type":"string"},{"type":"object","required":["k"]}]}`,
		`{"anyOf":[{"minLength":3},{"type":"number","multipleOf":3}]}`,
		`{"if":{"type":"string"},"then":{"maxLength":1},"else":{"type":"array","contains":{"type":"string"}}}`,
		`{"allOf":[{"type":"object"},{"patternProperties":{"^n":{"type":"integer"}}},{"not":{"required":["z"]}}]}`,
		`{"propertyNames":{"pattern":"^[a-c]$"},"minProperties":1,"dependentRequired":{"a":["b"]}}`,
	}
	values := []string{`"a"`, `"abc"`, `"ABCDE"`, `1`, `3`, `9`, `2.5`, `3.0`, `true`, `{}`, `{"a":1}`, `{"a":2}`, `{"a":1,"b":"x"}`,
		`{"a":1,"c":1}`, `{"k":1}`, `{"n":1}`, `{"n":"x"}`, `{"z":1}`, `[]`, `[1]`, `[1,1]`, `[1,2,3,4]`, `["a"]`, `{"b":2,"a":1}`}
	for _, text := range schemas {
		var theirs openapi3.Schema
		if err := theirs.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		ours := compile(t, text)
		for _, body := range values {
			v, fault := wire.JSON(body, 32)
			if fault != nil {
				t.Fatal(fault)
			}
			var r Run
			r.Validate(ours, &v, auth.InBody)
			if err := theirs.VisitJSON(floats(v.Plain()), openapi3.EnableJSONSchema2020()); (err == nil) != (len(r.Violations) == 0) {
				t.Errorf("%s with %s: kin says %v, we say %v", text, body, err, r.Violations)
			}
		}
	}
}

// floats turns integers into what encoding/json would make of them, which is what kin-openapi expects.
func floats(v any) any {
	switch x := v.(type) {
	case int64:
		return float64(x)
	case []any:
		for i := range x {
			x[i] = floats(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = floats(x[k])
		}
	}
	return v
}
