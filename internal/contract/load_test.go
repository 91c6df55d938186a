package contract

import (
	"fmt"
	"strings"
	"testing"
)

// checked reads a document and returns its problems without the file's name.
func checked(text string) string {
	var out []string
	for _, p := range Check(Source{Name: "doc.yaml", Data: []byte(text)}, newThings()) {
		out = append(out, strings.TrimPrefix(p.String(), "doc.yaml:"))
	}
	return strings.Join(out, "\n")
}

// TestMistakes shows the message, with its line, of every class of mistake. `paths` starts at line 7; `|` marks
// where x-contract's further members (from line 6) and components come.
func TestMistakes(t *testing.T) {
	const ok = `responses: {"200": {description: d}}`
	op := func(body string) string { return "/a:\n  post:\n" + indent(body, "    ") }
	for _, c := range []struct{ name, paths, contract, components, want string }{
		{"no operation", op(ok), "", "", `8: POST /a says no operation (expected x-operation: NAME)`},
		{"unknown operation", op("x-operation: tak\n" + ok), "", "", `9: there is no operation "tak" (expected a name of the catalogue)`},
		{"input without source", op("x-operation: take\n" + ok), "", "",
			`9: the required input "text" of take has no source (expected a parameter, a property, or an entry of x-inputs for it)`},
		{"input without source in one media type", op("x-operation: take\nrequestBody: {content: {application/json: {schema: {type: object, properties: {text: {type: string}}}}, application/x-www-form-urlencoded: {schema: {type: object}}}}\n" + ok), "", "",
			`9: the required input "text" of take has no source in application/x-www-form-urlencoded (expected a property that fills it)`},
		{"unknown input", op("x-operation: take\nx-inputs: {text: a, txt: b}\n" + ok), "", "",
			`10: the operation take has no input "txt" (expected one of text, secret, flag, count, big, ratio, list, span, overlap, at, bag, user_id, maybe, nick, patches, until, csrf_token, app, challenge_response, client_id)`},
		{"fixed input of another type", op("x-operation: take\nx-inputs: {text: a, count: many}\n" + ok), "", "",
			`10: the input is a number, the schema's type is string (expected integer)`},
		{"property that fills nothing", op("x-operation: take\nx-inputs: {text: a}\nrequestBody: {content: {application/json: {schema: {type: object, properties: {\n  zip: {type: string}}}}}}\n" + ok), "", "",
			`12: the property "zip" fills no input of take (expected x-input: one of text, `},
		{"parameter that fills nothing", op("x-operation: take\nx-inputs: {text: a}\nparameters:\n  - {name: zip, in: query, schema: {type: string}}\n" + ok), "", "",
			`12: the parameter "zip" fills no input of take`},
		{"x-input in the schema", op("x-operation: take\nparameters:\n  - {name: a, in: query, schema: {type: string, x-input: text}}\n" + ok), "", "",
			`11: x-input stands in the parameter's schema (expected x-input beside name and in)`},
		{"types do not fit, in", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: integer}}\n" + ok), "", "",
			`11: the input is a string, the schema's type is integer (expected string)`},
		{"no type", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {description: d}}\n" + ok), "", "",
			`11: the schema of an input has no type (expected type: string)`},
		{"format does not fit, in", op("x-operation: take\nx-inputs: {text: a}\nparameters:\n  - {name: count, in: query, schema: {type: integer, x-format: days}}\n" + ok), "", "",
			`12: x-format: days cannot fill a number (expected an input that fits)`},
		{"unknown x-format", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, x-format: upper}}\n" + ok), "", "",
			`11: x-format "upper" does not exist (expected one of rfc3339, rfc3339_ms, unix, unix_ms, duration, seconds, days, join, join_comma, join_line, snake, qr_png)`},
		{"map that is not one-to-one", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, x-map: {a: x, b: x}}}\n" + ok), "", "",
			`11: x-map gives "a" and "b" the same value (expected a map that is one-to-one)`},
		{"map with a star, in", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, x-map: {a: x, '*': y}}}\n" + ok), "", "",
			`11: "*" translates outputs only (expected values of ours)`},
		{"map to another type", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, x-map: {a: 1}}}\n" + ok), "", "",
			`11: x-map takes a value of another type than the schema's (expected string)`},
		{"path parameter not declared", "/a/{id}:\n  post:\n    x-operation: take\n    x-inputs: {text: a}\n    " + ok, "", "",
			`9: the path parameter {id} is not declared (expected a parameter with in: path)`},
		{"declared path parameter that is none", op("x-operation: take\nx-inputs: {text: a}\nparameters:\n  - {name: id, in: path, required: true, schema: {type: string}, x-input: user_id}\n" + ok), "", "",
			`12: the path /a has no parameter "id" (expected {id} in the path)`},
		{"parameter style", op("x-operation: take\nx-inputs: {text: a}\nparameters:\n  - {name: list, in: query, style: matrix, schema: {type: array, items: {type: string}}}\n" + ok), "", "",
			`12: the style "matrix" of "list" cannot be read (expected style: form, simple, spaceDelimited or pipeDelimited)`},
		{"object outside the query", op("x-operation: take\nx-inputs: {text: a}\nparameters:\n  - {name: Bag, in: header, schema: {type: object}, x-input: bag}\n" + ok), "", "",
			`12: the object "Bag" cannot be written so (expected in: query with style: form and explode: true)`},
		{"media type that cannot be read", op("x-operation: take\nx-inputs: {text: a}\nrequestBody: {content: {multipart/form-data: {schema: {type: object}}}}\n" + ok), "", "",
			`11: the media type "multipart/form-data" cannot be read (expected application/json, a +json type, or application/x-www-form-urlencoded)`},
		{"path that cannot be served", "/a/x{id}:\n  post:\n    x-operation: take\n    " + ok, "", "",
			`7: the path "/a/x{id}" mixes text and a parameter in one segment (expected segments that are text or one {parameter})`},
		{"method that cannot be served", "/a:\n  trace:\n    x-operation: take\n    " + ok, "", "",
			`8: the method "trace" cannot be served (expected get, put, post, delete, patch or head)`},
		{"unknown keyword", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, unevaluatedProperties: false}}\n" + ok), "", "",
			`11: the schema keyword "unevaluatedProperties" is not enforced (expected a keyword that is enforced)`},
		{"unknown format", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, format: phone}}\n" + ok), "", "",
			`11: the format "phone" is not enforced (expected one of binary, byte, date, date-time, double, email, float, hostname, int32, int64, ipv4, ipv6, password, time, uri, uri-reference, uuid)`},
		{"unknown format in a response", op("x-operation: give\nresponses: {'200': {description: d, content: {application/json: {schema: {type: object, properties: {code: {type: string, format: phone}}}}}}}"), "", "",
			`10: the format "phone" is not enforced`},
		{"pattern", op("x-operation: take\nparameters:\n  - {name: text, in: query, schema: {type: string, pattern: '(?=a)'}}\n" + ok), "", "",
			`11: the pattern "(?=a)" cannot be used (expected a regular expression in RE2 syntax, without look-around and back-references)`},

		{"unknown result", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  '200': {description: d, x-when: [okay]}"), "", "",
			"8: the result \"ok\" of take is not answered (expected x-when: [ok] in a response)\n12: x-when names \"okay\", which is no result of take and no error code (expected results ok, an error code, or *)"},
		{"unanswered result", op("x-operation: enter\nx-inputs: {token: a}\nresponses:\n  '200': {description: d, x-when: [in]}"), "", "",
			`8: the result "code-needed" of enter is not answered (expected x-when: [code-needed] in a response)`},
		{"several results, none named", op("x-operation: enter\nx-inputs: {token: a}\nresponses:\n  '200': {description: d}"), "", "",
			`12: the response does not say which result of enter it answers (expected x-when: a list of in, code-needed)`},
		{"status that says nothing", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  '200': {description: d}\n  '404': {description: d}"), "", "",
			`13: the response 404 does not say what it answers (expected x-when: a list of error codes, or ["*"])`},
		{"answered twice", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  '200': {description: d}\n  '409': {description: d, x-when: [conflict]}\n  '410': {description: d, x-when: [conflict]}"), "", "",
			`14: "conflict" is answered twice by POST /a (expected one response for each)`},
		{"result without a status", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  default: {description: d, x-when: [ok]}"), "", "",
			`12: the result ok has no status of its own (expected a response with a number)`},
		{"branch without x-when", op("x-operation: enter\nx-inputs: {token: a}\nresponses:\n  '200': {description: d, content: {application/json: {schema: {oneOf: [{x-when: [in, code-needed], type: object},\n    {type: object}]}}}}"), "", "",
			`12: some branches of oneOf say what they answer and some do not (expected x-when in every branch)`},
		{"unknown member", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {x: {type: string, x-output: person.nam}}}}}}"), "", "",
			`11: the path "person.nam" has no member "nam" (expected one of id, name, role, tags, extra, born)`},
		{"own name that is no member", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {x: {type: string}}}}}}"), "", "",
			`11: the path "x" has no member "x" (expected one of person, friend, people, `},
		{"result in an error", op("x-operation: give\nresponses:\n  '200': {description: d}\n  '404': {description: d, x-when: [not-found], content: {application/json: {schema: {type: object, properties: {x: {type: string, x-output: code}}}}}}"), "", "",
			`12: the path "code" leads into a result, and an error has none`},
		{"types do not fit, out", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {number: {type: string}}}}}}"), "", "",
			`11: the value is of type integer, the schema's type is string (expected integer)`},
		{"format does not fit, out", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {number: {type: integer, x-format: unix}}}}}}"), "", "",
			`11: x-format: unix cannot tell a number (expected a path to a time)`},
		{"time in an integer", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {at: {type: integer}}}}}}"), "", "",
			`11: a time is told in an integer (expected x-format: unix or unix_ms)`},
		{"list as a string", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {words: {type: string}}}}}}"), "", "",
			`11: the value is a list (expected a path to a single value, or a type that fits)`},
		{"required and maybe missing", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, required: [note], properties: {note: {type: string}}}}}}"), "", "",
			`11: the property note is required and may have no value (expected a type with "null", a default, or not required)`},
		{"map with an unknown code", op("x-operation: give\nresponses:\n  '200': {description: d}\n  default: {description: d, content: {application/json: {schema: {type: object, properties: {c: {type: string, x-output: error.code, x-map: {not-fund: X}}}}}}}"), "", "",
			`12: x-map names "not-fund", which never occurs (expected one of account-disabled, `},
		{"map to another type, out", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {code: {type: string, x-map: {a: 1}}}}}}}"), "", "",
			`11: x-map gives "a" a value of another type than the schema's (expected string)`},
		{"map that leaves a misfit", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {yes: {type: string, x-map: {true: 'y'}}}}}}}"), "", "",
			`11: x-map leaves values as they are that do not fit: the value is of type boolean, the schema's type is string (expected an entry for "*")`},
		{"x-key without a list", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, x-key: id, x-output: person, additionalProperties: {type: string, x-output: name}}}}}"), "", "",
			`11: x-output leads to an object (expected a path to a list)`},
		{"recursive response", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/R'}}}}"), "", "schemas: {R: {type: object, properties: {r: {$ref: '#/components/schemas/R'}}}}",
			`the schema of a response contains itself (expected a schema that ends)`},
		{"recursive request", op("x-operation: take\nx-inputs: {text: a}\nrequestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/R'}}}}\n" + ok), "", "schemas: {R: {type: object, properties: {r: {$ref: '#/components/schemas/R'}}}}",
			`the schema of a request contains itself (expected x-input or x-ignored at the property that repeats)`},
		{"schema without end", op("x-operation: take\nx-inputs: {text: a}\nrequestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/R'}}}}\n" + ok), "", "schemas: {R: {allOf: [{$ref: '#/components/schemas/R'}], type: object}}",
			`the schema applies itself to the same value again (expected a schema that ends)`},
		{"document that explodes", op("x-operation: give\nresponses: {'200': {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/A0'}}}}}"), "", explosion(30),
			`the document unfolds to too much, or without end (expected at most 50000 values)`},
		{"secret told", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {x: {type: string, x-output: input.secret}}}}}}"), "", "",
			`12: input.secret is secret and is never told`},
		{"const header that is ignored", op("x-operation: give\nparameters: [{name: X-Version, in: header, required: true, schema: {type: string, const: '1'}, x-ignored: true}]\n" + ok), "", "",
			`10: the header "X-Version" chooses the operation and cannot be ignored (expected no x-ignored: a required header with const says which requests the operation takes, and fills nothing)`},
		{"header without a source", op("x-operation: give\nresponses:\n  '200': {description: d, headers: {X-A: {schema: {type: string}}}}"), "", "",
			`11: the header "X-A" has no source (expected x-output or const in its schema)`},
		{"header's x-output in the wrong place", op("x-operation: give\nresponses:\n  '200': {description: d, headers: {X-A: {x-output: code, schema: {type: string}}}}"), "", "",
			`11: x-output stands beside the header's schema (expected x-output in the header's schema)`},
		{"body of a 204", op("x-operation: give\nresponses:\n  '204': {description: d, content: {text/plain: {schema: {type: string, x-output: code}}}}"), "", "",
			`11: a response 204 has no body (expected no content)`},
		{"body that cannot be told", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/pdf: {schema: {type: string}}}}"), "", "",
			`11: the media type "application/pdf" cannot be told (expected JSON, text or image/png)`},
		{"template with an unknown name", op("x-operation: give\nresponses:\n  '200': {description: d, content: {text/plain: {schema: {type: string, x-output: 'a {nope} b'}}}}"), "", "",
			`11: the path "nope" has no member "nope"`},

		{"unknown cookie kind", op("x-operation: give\nresponses:\n  '200': {description: d, x-cookies: [sess]}"), "", "",
			`11: there is no cookie kind "sess" (expected one of session, access, refresh, csrf, step-up, state)`},
		{"cookie without a value", op("x-operation: take\nx-inputs: {text: a}\nresponses:\n  '200': {description: d, x-cookies: [session]}"), "", "",
			`12: the cookie session has no value here: the path "session_cookie" has no member "session_cookie"`},
		{"cookie on an error", op("x-operation: give\nresponses:\n  '200': {description: d}\n  '404': {description: d, x-when: [not-found], x-cookies: [session]}"), "", "",
			`12: an error sets no session cookie (expected a response that answers a result)`},
		{"cookie name that is never read", op("x-operation: give\nresponses:\n  '200': {description: d, x-cookies: [session]}"), "cookies: {session: {name: sid}}",
			"securitySchemes: {c: {type: apiKey, in: cookie, name: other, x-credential: session-cookie}}",
			`the security scheme "c" reads the cookie "other", and POST /a sets another one (expected name: sid, or the same name in x-contract.cookies.session)`},

		{"no credential for a caller", op("x-operation: mine\n" + ok), "", "",
			`9: the operation mine needs a caller, and no scheme can supply one (expected security with a scheme that carries http bearer, access-token, session-cookie, api-key)`},
		{"key for a person's operation", op("x-operation: personal\nsecurity: [{k: []}]\n" + ok), "", "securitySchemes: {k: {type: apiKey, in: header, name: X-Key, x-credential: api-key}}",
			`10: the operation personal needs a caller, and no scheme can supply one`},
		{"unknown scheme", op("x-operation: mine\nsecurity: [{k: []}]\n" + ok), "", "",
			`10: there is no security scheme "k" (expected a name of components.securitySchemes)`},
		{"credential in the query", op("x-operation: take\nx-inputs: {text: a}\n" + ok), "", "securitySchemes: {k: {type: apiKey, in: query, name: key, x-credential: api-key}}",
			`13: a credential in a query ends up in logs and histories (expected in: header or cookie)`},
		{"scheme that says nothing", op("x-operation: take\nx-inputs: {text: a}\n" + ok), "", "securitySchemes: {k: {type: apiKey, in: header, name: key}}",
			`13: the security scheme "k" does not say what it carries (expected x-credential: access-token or api-key or app-key)`},
		{"basic", op("x-operation: take\nx-inputs: {text: a}\n" + ok), "", "securitySchemes: {k: {type: http, scheme: basic}}",
			`13: the security scheme "k" cannot be used (expected http bearer, apiKey, oauth2 or openIdConnect)`},

		{"unknown setting", op("x-operation: give\n" + ok), "polcy: {}", "", `6: x-contract has no setting "polcy" (expected one of name, policy, tokens, cookies, ids, headers, fallback, limits)`},
		{"unknown policy", op("x-operation: give\n" + ok), "policy: {sign-up.sessions: immediate}", "", `6: x-contract.policy has no setting "sign-up.sessions" (expected one of sign-up.session, sign-up.existing, sign-in.unverified, check-email)`},
		{"unknown policy value", op("x-operation: give\n" + ok), "policy: {sign-up.session: now}", "", `6: the policy sign-up.session has no value "now" (expected after-verification or immediate)`},
		{"policy that cannot be kept", op("x-operation: give\n" + ok), "policy: {sign-up.session: immediate}", "", `6: x-contract.policy: sign-up.session: immediate needs sign-up.existing: reveal`},
		{"lifetime", op("x-operation: give\n" + ok), "tokens: {access: 20 minutes}", "", `6: the lifetime "20 minutes" cannot be read (expected a whole number with s, m, h, d or w, such as 30d)`},
		{"unknown id kind", op("x-operation: give\n" + ok), "ids: {usr: u-}", "", `6: x-contract.ids has no setting "usr" (expected one of app, client, user, `},
		{"same_site", op("x-operation: give\n" + ok), "cookies: {session: {same_site: Strict}}", "", `6: same_site has no value "Strict" (expected strict, lax or none)`},
		{"host cookie with a path", op("x-operation: give\n" + ok), "cookies: {session: {name: __Host-a, path: /x}}", "", `6: the cookie __Host-a must have the path / (expected path: /)`},
		{"limits", op("x-operation: give\n" + ok), "limits: {body: 100000000}", "", `6: x-contract.limits.body is "100000000" (expected a number up to the most that is allowed)`},

		{"misspelt annotation", op("x-operaton: give\nx-operation: give\n" + ok), "", "", `9: the annotation x-operaton does not exist (expected x-operation)`},
		{"annotation in the wrong place", op("x-operation: give\nx-output: code\n" + ok), "", "", `10: x-output does nothing here (expected a property of a response, a header's schema, or a cookie)`},
		{"annotation of the wrong type", op("x-operation: [give]\n" + ok), "", "", "8: POST /a says no operation (expected x-operation: NAME)\n9: x-operation holds a list (expected a string)"},
		{"const with a source", op("x-operation: give\nresponses:\n  '200': {description: d, content: {application/json: {schema: {type: object, properties: {code: {const: a, x-output: code}}}}}}"), "", "", `11: x-output does nothing here`},
		{"external reference", op("x-operation: give\nresponses:\n  '200': {$ref: 'other.yaml#/x'}"), "", "", `11: the reference "other.yaml#/x" leaves the document (expected a reference into this document, #/components/...)`},
		{"dangling reference", op("x-operation: give\nresponses:\n  '200': {$ref: '#/components/responses/None'}"), "", "", `11: the reference "#/components/responses/None" points to nothing`},
		{"key twice", op("x-operation: give\nx-operation: give\n" + ok), "", "", `10: the key "x-operation" stands twice in one object`},
		{"not OpenAPI", op("x-operation: give\nresponses: {'200': {content: {}}}"), "", "", `OpenAPI: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := checked(doc(c.paths, c.contract, c.components)); !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s\nin\n%s", got, c.want, numbered(doc(c.paths, c.contract, c.components)))
			}
		})
	}
}

// explosion is schemas of which each holds the next twice.
func explosion(n int) string {
	var b strings.Builder
	b.WriteString("schemas:\n")
	for i := range n {
		fmt.Fprintf(&b, "  A%d: {type: object, properties: {a: {$ref: '#/components/schemas/A%d'}, b: {$ref: '#/components/schemas/A%d'}}}\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "  A%d: {const: 1}", n)
	return b.String()
}

func numbered(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&b, "%3d %s\n", i+1, line)
	}
	return b.String()
}
