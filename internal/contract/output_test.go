package contract

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

func sample() given {
	born := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	return given{
		Person: person{ID: "7", Name: "A \"b\" \u2028\n", Role: auth.RoleAdmin, Extra: map[string]any{"plan": "pro", "n": 3, "list": []any{"a", 1.5, nil, true}, "o": map[string]any{"k": "v"}}},
		People: []person{{ID: "1", Name: "x", Role: "user"}, {ID: "2", Name: "x", Role: "user", Born: born}, {ID: "3", Role: "none"}},
		Number: 42, Ratio: 1.25, Yes: true, At: born, Span: 14 * 24 * time.Hour, Words: []string{"a", "b c"}, Code: "some-code-here",
	}
}

// TestValues tells one schema each from the sample, as the member v of a body.
func TestValues(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{type: string, x-output: person.name}`, `"A \"b\" ` + "\u2028" + `\n"`},
		{`{type: string, x-output: person.id}`, `"u-7"`},
		{`{type: integer, x-output: number}`, `42`},
		{`{type: number, x-output: ratio}`, `1.25`},
		{`{type: number, x-output: number}`, `42`},
		{`{type: boolean, x-output: "yes"}`, `true`},
		{`{x-output: number}`, `42`},
		{`{const: {a: [1, x, null, 1.5, true]}}`, `{"a":[1,"x",null,1.5,true]}`},
		{`{type: string, x-output: at}`, `"2026-01-02T03:04:05Z"`},
		{`{type: string, x-output: at, x-format: rfc3339}`, `"2026-01-02T03:04:05Z"`},
		{`{type: string, x-output: at, x-format: rfc3339_ms}`, `"2026-01-02T03:04:05.678Z"`},
		{`{type: integer, x-output: at, x-format: unix}`, `1767323045`},
		{`{type: integer, x-output: at, x-format: unix_ms}`, `1767323045678`},
		{`{type: integer, x-output: span, x-format: seconds}`, `1209600`},
		{`{type: integer, x-output: span}`, `1209600`},
		{`{type: integer, x-output: span, x-format: days}`, `14`},
		{`{type: string, x-output: span, x-format: duration}`, `"2w"`},
		{`{type: string, x-output: words, x-format: join}`, `"a b c"`},
		{`{type: string, x-output: words, x-format: join_comma}`, `"a,b c"`},
		{`{type: string, x-output: words, x-format: join_line}`, `"a\nb c"`},
		{`{type: array, x-output: words, items: {type: string}}`, `["a","b c"]`},
		{`{type: string, x-output: code, x-format: snake}`, `"some_code_here"`},
		{`{type: string, x-output: code, x-map: {some-code-here: X}}`, `"X"`},
		{`{type: string, x-output: code, x-map: {other: X}}`, `"some-code-here"`},
		{`{type: string, x-output: code, x-map: {other: X}, x-format: snake}`, `"some_code_here"`},
		{`{x-output: code, x-map: {other: X, "*": {n: 1}}}`, `{"n":1}`},
		{`{type: integer, x-output: person.role, x-map: {admin: 1, "*": 0}}`, `1`},
		{`{type: string, x-output: "yes", x-map: {true: J, false: N}}`, `"J"`},
		{`{type: string, x-output: person.extra.plan}`, `"pro"`},
		{`{type: string, x-output: person.extra.n}`, `(left out)`},
		{`{type: integer, x-output: person.extra.n}`, `3`},
		{`{type: object, x-output: person.extra}`, `{"list":["a",1.5,null,true],"n":3,"o":{"k":"v"},"plan":"pro"}`},
		{`{type: object, x-output: person.extra, properties: {plan: {type: string}, no: {type: string, default: d}}}`, `{"plan":"pro","no":"d"}`},
		{`{type: string, x-output: "id={person.id}&n={number} {nothing} here"}`, `!the path "nothing" has no member`},
		{`{type: string, x-output: "{ literal } {person.id}:{number}"}`, `"{ literal } u-7:42"`},
		{`{type: string, x-output: "{person.id}:{number}", x-map: {"7:42": both, "*": other}}`, `"other"`},
		{`{type: string, x-output: "{person.name}{number}:{code}", x-map: {"42:some-code-here": X}}`, `"A \"b\" ` + "\u2028" + `\n42:some-code-here"`},
		{`{type: string, x-output: "{number}:{code}", x-map: {"42:some-code-here": "Number \"it\".", "*": other}}`, `"Number \"it\"."`},
		{`{type: string, x-output: "{number}:{code}", x-map: {"42:some-code-here": 7}}`, `!gives "42:some-code-here" a value of another type`},
		{`{type: string, x-output: "{number}:{code}", x-map: []}`, `!x-map holds something else`},
		{`{type: string, format: uri, x-output: "{contract.url}/p/{person.name}?q={words.1}"}`, `"https://id.example/p/A%20%22b%22%20%E2%80%A8%0A?q=b%20c"`},
		{`{type: string, x-output: "{note}!"}`, `(left out)`},
		{`{type: string, x-output: words.1}`, `"b c"`},
		{`{type: string, x-output: words.7}`, `(left out)`},
		{`{type: [string, "null"], x-output: words.7}`, `null`},
		{`{type: string, x-output: words.7, default: none}`, `"none"`},
		{`{type: [string, "null"], x-output: note, default: none}`, `null`},
		{`{type: object, x-output: friend, properties: {c: {const: 1}, id: {type: string}}}`, `(left out)`},
		{`{type: [object, "null"], x-output: friend, properties: {id: {type: string}}}`, `null`},
		{`{anyOf: [{$ref: "#/components/schemas/P"}, {type: "null"}]}`, `{"id":"u-7","role":"admin"}`},
		{`{allOf: [{$ref: "#/components/schemas/P"}, {properties: {extra: {const: 1}}}]}`, `{"id":"u-7","role":"admin","extra":1}`},
		{`{$ref: "#/components/schemas/P", x-output: people.0}`, `{"id":"u-1","role":"user"}`},
		{`{type: object, properties: {a: {type: integer, x-output: number}, b: {type: object, properties: {number: {type: integer}}}}}`, `{"a":42,"b":{"number":42}}`},
		{`{type: array, x-output: people, items: {type: object, properties: {id: {type: string}, name: {type: [string, "null"]}, n: {type: string, x-output: "{id}/{app}"}, born: {type: string}}}}`,
			`[{"id":"u-1","name":"x","n":"u-1/default"},{"id":"u-2","name":"x","n":"u-2/default","born":"2026-01-02T03:04:05Z"},{"id":"u-3","name":null,"n":"u-3/default"}]`},
		{`{type: array, x-output: people, items: {type: string, x-output: name}}`, `["x","x"]`},
		{`{type: object, x-output: people, x-key: name, additionalProperties: {type: string, x-output: id}}`, `{"x":"u-1"}`},
		{`{type: object, x-output: people, x-key: name, properties: {n: {type: integer, x-output: number}, none: {type: string, x-output: note}}, additionalProperties: {type: string, x-output: id}}`, `{"n":42,"x":"u-1"}`},
		{`{type: object, x-output: people, x-key: id, additionalProperties: {type: object, properties: {role: {type: string}}}}`, `{"u-1":{"role":"user"},"u-2":{"role":"user"},"u-3":{"role":"none"}}`},
		{`{type: array, x-output: person.tags, items: {type: string}}`, `[]`},
		{`{type: string, x-output: app.name}`, `"default"`},
		{`{type: string, x-output: request.path}`, `"/give"`},
		{`{type: integer, x-output: response.status}`, `200`},
		{`{type: object, x-output: limit, properties: {c: {const: 1}}}`, `(left out)`},
		{`{type: object, x-output: error, properties: {c: {const: 1}}}`, `(left out)`},
		{`{type: string, x-output: code, x-format: qr_png}`, `"data:image/png;base64,iVBORw0KGgo`},
	} {
		things := newThings()
		things.give = sample()
		text := doc("/give:\n  get:\n    x-operation: give\n    responses:\n      '200': {description: d, content: {application/json: {schema: {type: object, properties: {v: "+c.schema+"}}}}}",
			"ids: {user: u-}", "schemas: {P: {type: object, x-output: person, properties: {id: {type: string}, role: {type: string}}}}")
		if wrong, ok := strings.CutPrefix(c.want, "!"); ok {
			if got := checkedWith(things, text); !strings.Contains(got, wrong) {
				t.Errorf("%s: %s", c.schema, got)
			}
			continue
		}
		o := options(t, things, text)
		e, err := New(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		_, got, _ := ask(t, e.Handler(), "GET", "/give", "")
		want := `{"v":` + c.want + `}`
		if c.want == "(left out)" {
			want = `{}`
		}
		if image := strings.HasPrefix(c.want, `"data:`); image && strings.HasPrefix(got, strings.TrimSuffix(want, "}")) {
			continue
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.schema, got, want)
		}
	}
}

func checkedWith(things *things, text string) string {
	return Problems(Check(Source{Name: "doc.yaml", Data: []byte(text)}, things)).Error()
}

const shapes = `
/give:
  get:
    x-operation: give
    parameters: []
    responses:
      "200":
        description: d
        headers:
          X-Number: {schema: {type: integer, x-output: number}}
          X-Note: {schema: {type: string, x-output: note}}
          ETag: {required: true, schema: {type: string, x-output: '"{number}"'}}
        content:
          application/json: {schema: {type: object, properties: {number: {type: integer}}}}
          text/plain: {schema: {type: string, x-output: "n={number} {person.name}"}}
          text/html: {schema: {type: string, x-output: "<b>{person.name}</b>"}}
          text/javascript: {schema: {type: string, x-output: "f({ x: '{person.name}' })"}}
          image/png: {schema: {type: string, format: binary, x-output: code, x-format: qr_png}}
      "404":
        description: d
        x-when: [not-found]
        content:
          text/plain: {schema: {const: Nothing}}
      "4XX":
        description: d
        x-when: ["*"]
        content:
          application/problem+json:
            schema: {type: object, required: [detail], properties: {status: {type: integer, x-output: response.status}, detail: {type: string, x-output: error.message}, title: {type: string, x-output: error.title}}}
`

func TestMediaTypesAndHeaders(t *testing.T) {
	things := newThings()
	things.give = sample()
	things.give.Person.Name = `<&'"`
	things.limit = &auth.LimitState{Name: "l", Max: 9, Remaining: 8, Reset: time.Unix(100, 0)}
	h := start(t, things, doc(shapes, "headers: {X-Trace: {type: string, x-output: request.path}, X-Max: {schema: {type: integer, x-output: limit.max}}, X-Reset: {x-output: limit.reset, x-format: unix}}")).Handler()
	for accept, want := range map[string][2]string{
		"":                                     {"application/json", `{"number":42}`},
		"*/*":                                  {"application/json", `{"number":42}`},
		"text/plain":                           {"text/plain; charset=utf-8", `n=42 <&'"`},
		"text/html":                            {"text/html; charset=utf-8", `<b>&lt;&amp;&#39;&#34;</b>`},
		"text/javascript":                      {"text/javascript; charset=utf-8", `f({ x: '\u003C\u0026\'\"' })`},
		"text/*;q=0.5, application/json;q=0.1": {"text/plain; charset=utf-8", `n=42 <&'"`},
	} {
		status, body, header := ask(t, h, "GET", "/give", "", "Accept: "+accept)
		if status != 200 || header.Get("Content-Type") != want[0] || body != want[1] || header.Get("Vary") != "Origin" && !strings.Contains(strings.Join(header.Values("Vary"), ","), "Accept") {
			t.Errorf("%q: %d %v %s", accept, status, header, body)
		}
	}
	_, image, header := ask(t, h, "GET", "/give", "", "Accept: image/png")
	if header.Get("Content-Type") != "image/png" || !strings.HasPrefix(image, "\x89PNG") {
		t.Errorf("image: %v", header)
	}
	if header.Get("X-Number") != "42" || header.Get("Etag") != `"42"` || header["X-Note"] != nil || header.Get("X-Trace") != "/give" ||
		header.Get("X-Max") != "9" || header.Get("X-Reset") != "100" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", header)
	}
	if status, body, _ := ask(t, h, "GET", "/give", "", "Accept: image/gif"); status != 406 || body != `{"status":406,"detail":"No acceptable representation","title":"No acceptable representation"}` {
		t.Errorf("nothing acceptable: %d %s", status, body)
	}
	if status, body, header := ask(t, h, "HEAD", "/give", ""); status != 200 || body != "" || header.Get("Content-Length") != "13" {
		t.Errorf("HEAD: %d %q %v", status, body, header)
	}
	things.err = auth.E(auth.CodeNotFound, "")
	if status, body, _ := ask(t, h, "GET", "/give", ""); status != 404 || body != "Nothing" {
		t.Errorf("named: %d %s", status, body)
	}
	things.err = auth.E(auth.CodeForbidden, "Not you")
	if status, body, _ := ask(t, h, "GET", "/give", ""); status != 403 || body != `{"status":403,"detail":"Not you","title":"This is not allowed"}` {
		t.Errorf("by class: %d %s", status, body)
	}
	things.err = errors.New("the disk says: secret details")
	if status, body, _ := ask(t, h, "GET", "/give", ""); status != 500 || body != `{"code":"internal","status":500}` {
		t.Errorf("unknown errors tell nothing: %d %s", status, body)
	}
}

// TestErrorsAreNoRepresentation: a result that is answered by an error takes part in no negotiation. A client that
// accepts JSON is not refused because a missing code would be told as a problem document.
func TestErrorsAreNoRepresentation(t *testing.T) {
	things := newThings()
	things.give = sample()
	h := start(t, things, doc(`
/enter:
  post:
    x-operation: enter
    parameters: [{name: token, in: query, required: true, schema: {type: string}}]
    responses:
      "200": {description: In., x-when: [in], content: {application/json: {schema: {type: object, properties: {n: {type: integer, x-output: number}}}}}}
      "401": {description: Code., x-when: [code-needed], content: {application/problem+json: {schema: {type: object, properties: {code: {type: string, x-output: error.code}}}}}}
`)).Handler()
	if status, body, _ := ask(t, h, "POST", "/enter?token=x", "", "Accept: application/json"); status != 200 || body != `{"n":42}` {
		t.Errorf("the result: %d %s", status, body)
	}
	things.outcome = "code-needed"
	if status, body, header := ask(t, h, "POST", "/enter?token=x", "", "Accept: application/json"); status != 401 ||
		body != `{"code":"code-needed"}` || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the error: %d %s", status, body)
	}
	if status, _, _ := ask(t, h, "POST", "/enter?token=x", "", "Accept: text/html"); status != 406 {
		t.Errorf("nothing acceptable: %d", status)
	}
}

// TestResults: a result may be answered by a branch, by a status of its own, or by an error response.
func TestResults(t *testing.T) {
	things := newThings()
	things.give = sample()
	h := start(t, things, doc(`
/branch:
  post:
    x-operation: enter
    x-inputs: {token: a}
    responses:
      "200":
        description: d
        content:
          application/json:
            schema:
              oneOf:
                - {x-when: [in], type: object, properties: {number: {type: integer}}}
                - {x-when: [code-needed], type: object, properties: {ticket: {type: string}}}
/error:
  post:
    x-operation: enter
    x-inputs: {token: a}
    responses:
      "200": {description: d, x-when: [in], content: {application/json: {schema: {type: object, properties: {number: {type: integer}, e: {type: string, x-output: error.code}}}}}}
      "401":
        description: d
        x-when: [code-needed, invalid-credentials]
        content:
          application/json: {schema: {type: object, properties: {e: {type: string, x-output: error.code, x-map: {code-needed: CODE, invalid-credentials: NO}}, m: {type: string, x-output: error.message}, t: {type: string, x-output: error.title}}}}
/input:
  post:
    x-operation: take
    parameters: [{name: text, in: query, schema: {type: string}}]
    responses:
      "200": {description: d, content: {application/json: {schema: {type: object, properties: {said: {type: string, x-output: input.text}, count: {type: integer, x-output: input.count}}}}}}
      default: {description: d, content: {application/json: {schema: {type: object, properties: {said: {type: string, x-output: input.text}}}}}}
`)).Handler()
	for _, c := range []struct{ outcome, path, want string }{
		{"in", "/branch", `{"number":42}`}, {"code-needed", "/branch", `{"ticket":"t1"}`},
		{"in", "/error", `{"number":42}`}, {"code-needed", "/error", `{"e":"CODE","m":"A code is needed.","t":"Code needed"}`},
		{"", "/input?text=hello", `{"said":"hello"}`}, {"", "/input", `{}`},
	} {
		things.outcome = c.outcome
		if _, body, _ := ask(t, h, "POST", c.path, ""); body != c.want {
			t.Errorf("%s %s: %s", c.path, c.outcome, body)
		}
	}
	things.outcome = "code-needed"
	if status, _, header := ask(t, h, "POST", "/error", ""); status != 401 || header.Get("WWW-Authenticate") != `Bearer realm="things"` {
		t.Errorf("a result as a 401: %d %v", status, header)
	}
	things.outcome, things.err = "in", auth.E(auth.CodeInvalidCredentials, "")
	if status, body, _ := ask(t, h, "POST", "/error", ""); status != 401 || body != `{"e":"NO","m":"The credentials are wrong","t":"The credentials are wrong"}` {
		t.Errorf("%d %s", status, body)
	}
}

// TestPolicyExcludesResults: what the policy makes impossible needs no answer; a stricter mount needs it again.
func TestPolicyExcludesResults(t *testing.T) {
	text := doc("/e:\n  post:\n    x-operation: enter\n    x-inputs: {token: a}\n    responses: {'200': {description: d}}", "policy: {sign-in.unverified: allow}")
	if got := checkedWith(newThings(), text); got != "" {
		t.Error(got)
	}
	o := options(t, newThings(), text)
	o.Mounts[0].Policy = &auth.Policy{}
	if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "does not say which result of enter it answers") {
		t.Errorf("stricter: %v", err)
	}
}

// TestWithoutFallback: a document may name every code itself; refusals of the engine then have our own shape.
func TestWithoutFallback(t *testing.T) {
	text := strings.Replace(doc("/g:\n  get:\n    x-operation: give\n    responses: {'200': {description: d}, default: {description: d}}"), "  fallback: {$ref: '#/components/responses/Fault'}\n", "", 1)
	h := start(t, newThings(), text).Handler()
	if status, body, header := ask(t, h, "GET", "/nothing", ""); status != 404 || header.Get("Content-Type") != "application/problem+json" ||
		body != `{"type":"about:blank","title":"Not found","status":404,"detail":"Not found","code":"not-found"}` {
		t.Errorf("%d %s", status, body)
	}
	if got := checkedWith(newThings(), strings.Replace(text, ", default: {description: d}", "", 1)); !strings.Contains(got, `the error code "not-found" of give is not answered`) {
		t.Error(got)
	}
}
