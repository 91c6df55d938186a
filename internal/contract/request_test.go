package contract

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const takeJSON = `
/take:
  post:
    x-operation: take
    requestBody:
      required: true
      content:
        application/json:
          schema:
            type: object
            required: [text]
            properties:
              text: {type: string, minLength: 1}
              count: {type: integer, minimum: 0}
              nested: {type: object, required: [flag], properties: {flag: {type: boolean}}}
              list: {type: array, maxItems: 3, items: {type: string}}
        application/x-www-form-urlencoded:
          schema:
            type: object
            required: [text]
            properties:
              text: {type: string, minLength: 1}
              count: {type: integer}
              flag: {type: boolean}
              list: {type: array, items: {type: string}}
    responses: {"204": {description: d}}
`

// TestBadRequests_IO01_IO02_IO03: every kind of bad request gets the contract's own shape, never 500, and changes
// nothing.
func TestBadRequests_IO01_IO02_IO03(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(takeJSON)).Handler()
	const form = "Content-Type: application/x-www-form-urlencoded"
	fault := func(f string) string { return `{"code":"invalid-request","status":400,"faults":["` + f + `"]}` }
	for _, c := range []struct {
		name, target, body, header string
		status                     int
		want                       string
	}{
		{"wrong type", "/take", `{"text":5}`, "", 400, fault("body text type")},
		{"wrong type, nested", "/take", `{"text":"a","nested":{"flag":"yes"}}`, "", 400, fault("body nested.flag type")},
		{"missing", "/take", `{}`, "", 400, fault("body text required")},
		{"empty and required", "/take", `{"text":""}`, "", 400, fault("body text required")},
		{"null and required", "/take", `{"text":null}`, "", 400, fault("body text required")},
		{"all at once, in the document's order", "/take", `{"list":["a","b","c",4],"nested":{},"count":-1,"text":1}`, "", 400,
			fault(`body text type","body count too_small","body nested.flag required","body list too_many","body list.3 type`)},
		{"no body", "/take", "", "", 400, fault("body text required")},
		{"not an object", "/take", `[]`, "", 400, fault("body  type")},
		{"broken JSON", "/take", `{"text":`, "", 400, fault("body text syntax")},
		{"trailing data", "/take", `{"text":"a"}x`, "", 400, fault("body  syntax")},
		{"duplicate member", "/take", `{"text":"a","text":"b"}`, "", 400, fault("body text duplicate")},
		{"duplicate unknown member", "/take", `{"text":"a","z":1,"z":2}`, "", 400, fault("body z duplicate")},
		{"deep nesting", "/take", `{"text":"a","z":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "", 400,
			fault("body z" + strings.Repeat(".0", 31) + " depth")},
		{"bad UTF-8", "/take", "{\"text\":\"\xff\"}", "", 400, fault("body  encoding")},
		{"lone surrogate", "/take", `{"text":"\ud800"}`, "", 400, fault("body text encoding")},
		{"NUL", "/take", `{"text":"a\u0000"}`, "", 400, fault("body text encoding")},
		{"NUL in an unknown member", "/take", `{"text":"a","z":"\u0000"}`, "", 400, fault("body z encoding")},
		{"NUL in the query", "/take?x=%00", `{"text":"a"}`, "", 400, fault("query x encoding")},
		{"bad UTF-8 in the query", "/take?x=%ff", `{"text":"a"}`, "", 400, fault("query x encoding")},
		{"broken query", "/take?x=%zz", `{"text":"a"}`, "", 400, fault("query x syntax")},
		{"unknown content type", "/take", `<text/>`, "Content-Type: text/xml", 415, `{"code":"unsupported-media-type","status":415}`},
		{"no content type_WB02", "/take", `{"text":"a"}`, "Content-Type: -", 415, `{"code":"unsupported-media-type","status":415}`},
		{"text/plain_WB02", "/take", `{"text":"a"}`, "Content-Type: text/plain", 415, `{"code":"unsupported-media-type","status":415}`},
		{"other charset", "/take", `{"text":"a"}`, "Content-Type: application/json; charset=utf-16", 415, `{"code":"unsupported-media-type","status":415}`},
		{"compressed", "/take", `{"text":"a"}`, "Content-Encoding: gzip", 415, `{"code":"unsupported-media-type","status":415}`},
		{"over 64 KiB", "/take", `{"text":"` + strings.Repeat("a", 64<<10) + `"}`, "", 413, `{"code":"payload-too-large","status":413}`},
		{"form, missing", "/take", "text=", form, 400, fault("body text required")},
		{"form, wrong type", "/take", "text=a&count=many", form, 400, fault("body count type")},
		{"form, twice_IO04", "/take", "text=a&text=b", form, 400, fault("body text duplicate")},
		{"form, unknown twice", "/take", "text=a&z=1&z=2", form, 400, fault("body z duplicate")},
		{"form, bad escape", "/take", "text=%f", form, 400, fault("body text syntax")},
		{"form, NUL", "/take", "text=%00", form, 400, fault("body text encoding")},
		{"form, too many", "/take", strings.Repeat("a=1&", 101), form, 400, fault("body  too_many")},
		{"form-encoded JSON_WB02", "/take", `{"text":"a"}`, form, 400, fault("body text required")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.header != "" {
				headers = []string{c.header}
			}
			status, body, _ := ask(t, h, "POST", c.target, c.body, headers...)
			if status != c.status || body != c.want {
				t.Errorf("got %d %s\nwant %d %s", status, body, c.status, c.want)
			}
			if things.taken != nil {
				t.Error("the operation was called")
				things.taken = nil
			}
		})
	}
	if status, body, _ := ask(t, h, "POST", "/take", `{"text":"`+strings.Repeat("a", 64<<10-11)+`"}`); status != 204 {
		t.Errorf("exactly 64 KiB: %d %s", status, body)
	}
	if status, body, _ := ask(t, h, "POST", "/take", "text=a&list=x&list=y&count=7&flag=true&z=1", form); status != 204 ||
		!reflect.DeepEqual(things.taken.List, []string{"x", "y"}) || things.taken.Count != 7 || !things.taken.Flag {
		t.Errorf("form: %d %s %+v", status, body, things.taken)
	}
}

// TestBodyOfUnknownLength: a chunked body is bounded too, and an empty one is none.
func TestBodyOfUnknownLength(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(takeJSON)).Handler()
	for body, want := range map[string]int{`{"text":"a"}`: 204, strings.Repeat(" ", 70000): 413, "": 400} {
		r := httptest.NewRequest(http.MethodPost, "/take", struct{ *strings.Reader }{strings.NewReader(body)})
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%d bytes: %d %s", len(body), w.Code, w.Body)
		}
	}
}

func TestLimitsOfAContract(t *testing.T) {
	h := start(t, newThings(), doc(takeJSON, "limits: {body: 100000, depth: 40}")).Handler()
	if status, body, _ := ask(t, h, "POST", "/take", `{"text":"`+strings.Repeat("a", 80000)+`"}`); status != 204 {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := ask(t, h, "POST", "/take", `{"text":"a","z":`+strings.Repeat("[", 39)+strings.Repeat("]", 39)+`}`); status != 204 {
		t.Errorf("%d %s", status, body)
	}
}

const takeInputs = `
/in/{id}:
  put:
    x-operation: take
    x-inputs: {big: 9}
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}, x-input: user_id}
      - {name: X-Text, in: header, schema: {type: string, maxLength: 5}, x-input: text}
      - {name: text, in: query, schema: {type: string}}
      - {name: cookie_text, in: cookie, schema: {type: string}, x-input: text}
      - {name: list, in: query, style: pipeDelimited, schema: {type: array, items: {type: string, x-map: {one: 1st, two: 2nd}}}}
      - {name: ratio, in: query, schema: {type: number, default: 0.5}}
    requestBody:
      content:
        application/json:
          schema:
            type: object
            properties:
              words: {type: string, x-input: text}
              also: {type: string, x-input: text}
              flag: {type: string, x-map: {true: on, false: off}}
              days: {type: integer, x-input: span, x-format: days}
              at: {type: integer, x-format: unix_ms}
              maybe: {type: integer}
              nick: {type: [string, "null"], maxLength: 3}
              until: {type: [string, "null"], x-format: rfc3339}
              bag: {type: object, additionalProperties: true}
              secret: {type: string, x-format: snake}
              town: {type: [string, "null"], x-input: patches.town}
              deep: {type: object, properties: {deeper: {type: object, properties: {count: {type: integer, default: 3}}}}}
              noise: {type: object, x-ignored: true, properties: {x: {type: string}}}
    responses: {"204": {description: d}}
`

func TestInputs(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(takeInputs, "ids: {user: u-}")).Handler()
	take := func(target, body string, headers ...string) *takeInput {
		t.Helper()
		things.taken = nil
		status, answer, _ := ask(t, h, "PUT", target, body, headers...)
		if status != 204 {
			t.Fatalf("%s %s: %d %s", target, body, status, answer)
		}
		return things.taken
	}
	got := take("/in/u-7%2F8?list=1st|2nd&text=query", `{"words":"body","also":"second","flag":"on","days":2,"at":1500,"maybe":0,
		"nick":"n","until":"2026-01-01T01:00:00+01:00","bag":{"a":[1,null]},"secret":"a_b_c","town":"T","deep":{"deeper":{"count":5}},"noise":{"x":"1"}}`,
		"X-Text: head", "Cookie: cookie_text=jar", "Sec-Fetch-Site: same-origin")
	zero := 0
	want := &takeInput{Text: "body", Secret: "a-b-c", Flag: true, Count: 5, Big: 9, Ratio: 0.5, List: []string{"one", "two"}, Span: 48 * time.Hour,
		At: time.UnixMilli(1500).UTC(), Bag: map[string]any{"a": []any{int64(1), nil}}, User: "7/8", Maybe: &zero}
	want.Nick.Present, want.Nick.Value = true, "n"
	want.Until.Present, want.Until.Value = true, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want.Patches.Present, want.Patches.Value = true, map[string]any{"town": "T"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	// Body, query, header, cookie: the first that is present.
	if in := take("/in/x?text=query", `{"words":null}`, "X-Text: head"); in.Text != "query" || in.Count != 3 {
		t.Errorf("query: %+v", in)
	}
	if in := take("/in/x?text=", ``, "X-Text: head", "Cookie: cookie_text=jar"); in.Text != "head" {
		t.Errorf("header: %+v", in)
	}
	if in := take("/in/x", ``, "Cookie: cookie_text=jar%20lid", "Origin: https://id.example"); in.Text != "jar lid" || !things.caller.Cookie {
		t.Errorf("cookie: %+v, a cookie counts as cookie authentication: %v", in, things.caller.Cookie)
	}
	// null equals absent, except where the input is patchable.
	in := take("/in/x?text=a", `{"maybe":null,"days":null,"nick":null,"until":null,"town":null}`)
	if in.Maybe != nil || in.Span != 0 || !in.Nick.Present || !in.Nick.Null || !in.Until.Null {
		t.Errorf("null: %+v", in)
	}
	if v, ok := in.Patches.Value["town"]; !in.Patches.Present || in.Patches.Null || !ok || v != nil {
		t.Errorf("a key of a patchable map is cleared: %+v", in.Patches)
	}
	if in := take("/in/x?text=a", `{}`); in.Nick.Present || in.Patches.Present {
		t.Errorf("absent: %+v", in)
	}

	for body, want := range map[string]string{
		`{"flag":"maybe"}`:               "body flag enum",
		`{"days":99999999999}`:           "body days too_large",
		`{"days":0}`:                     "body days too_small",
		`{"at":99999999999999999}`:       "body at too_large",
		`{"until":"tomorrow"}`:           "body until format",
		`{"maybe":99999999999999999999}`: "body maybe too_large",
		`{"nick":"long"}`:                "body nick too_long",
	} {
		if _, answer, _ := ask(t, h, "PUT", "/in/x?text=a", body); !strings.Contains(answer, `["`+want+`"]`) {
			t.Errorf("%s: %s", body, answer)
		}
	}
	if _, answer, _ := ask(t, h, "PUT", "/in/x?text=a&text=b", ``); !strings.Contains(answer, `"query text duplicate"`) {
		t.Errorf("pollution of the query (IO-04): %s", answer)
	}
	if _, answer, _ := ask(t, h, "PUT", "/in/x", ``); !strings.Contains(answer, `"body words required"`) {
		t.Errorf("a required input without a value: %s", answer)
	}
	if _, answer, _ := ask(t, h, "PUT", "/in/x", ``, "X-Text: a\xff"); !strings.Contains(answer, `"header X-Text encoding"`) {
		t.Errorf("bad UTF-8 in a header: %s", answer)
	}
	if _, answer, _ := ask(t, h, "PUT", "/in/%ff?text=a", ``); !strings.Contains(answer, `"path id encoding"`) {
		t.Errorf("bad UTF-8 in the path: %s", answer)
	}
	if in := take("/in/%2561?text=a", ``); in.User != "%61" {
		t.Errorf("a path value is unescaped once: %q", in.User)
	}
}

// TestUndeclaredQuery: an exploded object takes every undeclared parameter.
func TestUndeclaredQuery(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(`
/q:
  get:
    x-operation: take
    parameters:
      - {name: text, in: query, required: true, schema: {type: string}}
      - {name: rest, in: query, x-input: bag, schema: {type: object, properties: {n: {type: integer}}, additionalProperties: {type: string, maxLength: 3}}}
    responses: {"204": {description: d}}
`)).Handler()
	if status, body, _ := ask(t, h, "GET", "/q?text=a&n=5&x=y&z=", ""); status != 204 || !reflect.DeepEqual(things.taken.Bag, map[string]any{"n": int64(5), "x": "y"}) {
		t.Fatalf("%d %s %+v", status, body, things.taken)
	}
	for query, want := range map[string]string{"n=a": "query n type", "x=long": "query x too_long", "x=1&x=2": "query x duplicate"} {
		if status, body, _ := ask(t, h, "GET", "/q?text=a&"+query, ""); status != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// TestViolationsOfOperations: a violation that names an input gets the place where the request had it.
func TestViolationsOfOperations(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(takeInputs)).Handler()
	things.err = &auth.Error{Code: auth.CodeWeakPassword, Violations: []auth.Violation{{Field: "text", Code: auth.ViolationPasswordWeak}, {Field: "patches.town", Code: auth.ViolationInvalid}}}
	for _, c := range []struct{ target, body, header, want string }{
		{"/in/x", `{"words":"a"}`, "", `["body words password_weak","body town invalid"]`},
		{"/in/x", `{"also":"a"}`, "", `["body also password_weak","body town invalid"]`},
		{"/in/x?text=a", `{}`, "", `["query text password_weak","body town invalid"]`},
		{"/in/x", "", "X-Text: a", `["header X-Text password_weak","body town invalid"]`},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		if _, body, _ := ask(t, h, "PUT", c.target, c.body, headers...); !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %s", c.target, c.body, body)
		}
	}
}

// TestZeroTime: no time at all is refused, but where the operation tells it from what is left out.
func TestZeroTime(t *testing.T) {
	for format, zero := range map[string]string{"{type: string, x-format: duration}": `"0s"`, "{type: integer, x-format: seconds}": "0", "{type: integer, x-format: days}": "0"} {
		things := newThings()
		h := start(t, things, doc(`
/zero:
  post:
    x-operation: take
    x-inputs: {text: a}
    requestBody:
      content:
        application/json:
          schema: {type: object, properties: {span: `+format+`, overlap: `+format+`}}
    responses: {"204": {description: d}}
`)).Handler()
		if status, body, _ := ask(t, h, "POST", "/zero", `{"overlap":`+zero+`}`); status != 204 || things.taken.Overlap == nil || *things.taken.Overlap != 0 {
			t.Errorf("%s: %d %s", format, status, body)
		}
		if status, body, _ := ask(t, h, "POST", "/zero", `{}`); status != 204 || things.taken.Overlap != nil {
			t.Errorf("%s: left out: %d %s", format, status, body)
		}
		for _, body := range []string{`{"span":` + zero + `}`, `{"overlap":-1}`, `{"overlap":"00s"}`, `{"overlap":"0"}`, `{"overlap":"-1s"}`} {
			if status, answer, _ := ask(t, h, "POST", "/zero", body); status != 400 {
				t.Errorf("%s: %s: %d %s", format, body, status, answer)
			}
		}
	}
}
