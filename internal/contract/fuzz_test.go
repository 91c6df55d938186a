package contract

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// FuzzDocument: whatever a document says, reading it ends with problems or with plans that answer, never with a
// panic or a 500 of the engine's own making.
func FuzzDocument(f *testing.F) {
	f.Add(legacy(f))
	f.Add(doc(takeInputs, "ids: {user: u-}"))
	f.Add(doc(shapes))
	f.Add(doc(cookieDoors, cookieContract, cookieSchemes))
	f.Add(doc(doors, "", doorSchemes))
	f.Add("a: &a [*a, *a]")
	f.Add("openapi: 3.1.0\nx-contract: {name: a}\npaths: {/a: {$ref: '#/paths/~1a'}}")
	catalogue := newThings()
	f.Fuzz(func(t *testing.T, text string) {
		plan, problems := load(t.Context(), Mount{Source: Source{Name: "fuzz.yaml", Data: []byte(text)}}, catalogue, publicURL, false)
		if len(problems) > 0 {
			return
		}
		e := start(t, catalogue)
		e.plans = append(e.plans, plan)
		e.largest = plan.body
		if len(e.route()) > 0 {
			return
		}
		for _, op := range plan.operations {
			path := plan.bases[0] + strings.NewReplacer("{", "", "}", "").Replace(op.path)
			r := httptest.NewRequest(op.method, "http://id.example/", strings.NewReader(`{"a":1}`))
			r.URL.Path, r.URL.RawPath = path, ""
			r.Header.Set("Content-Type", "application/json")
			e.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// FuzzRequest: no request makes the engine answer 500 or panic.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/in/x?text=a", "application/json", `{"words":"a"}`, "a=b; cookie_text=c")
	f.Add("POST", "/take", "application/x-www-form-urlencoded", "text=a&list=b", "")
	f.Add("GET", "/in/%00?%ff", "", "", "\x00")
	h := start(f, newThings(), doc(takeJSON+takeInputs)).Handler()
	f.Fuzz(func(t *testing.T, method, target, media, body, cookie string) {
		r, err := http.NewRequest(method, "http://id.example"+target, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header = http.Header{"Content-Type": {media}, "Cookie": {cookie}, "X-Text": {body}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %q: %d %s", method, target, w.Code, w.Body)
		}
	})
}

// TestShippedDocuments proves in full what is loaded at start without the full check, and that both readings give
// the same operations.
func TestShippedDocuments(t *testing.T) {
	files, err := filepath.Glob("../../contracts/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	catalogue := operation.New(operation.Deps{})
	for _, file := range append(files, "testdata/legacy.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src := Source{Name: filepath.Base(file), Data: data}
		for _, p := range Check(src, catalogue) {
			t.Error(p)
		}
		o := options(t, catalogue)
		for _, trusted := range []bool{false, true} {
			src.Trusted = trusted
			o.Mounts = []Mount{{Source: src}}
			e, err := New(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if n := e.Contracts()[0].Operations; n == 0 || n != len(e.plans[0].operations) {
				t.Errorf("%s has %d operations", file, n)
			}
		}
	}
}

// TestConcurrentCalls: pooled calls never mix two requests (meant for the race detector too).
func TestConcurrentCalls(t *testing.T) {
	things := newThings()
	e := start(t, things, doc(`
/echo:
  post:
    x-operation: echo
    requestBody: {content: {application/json: {schema: {type: object, properties: {token: {type: string}}}}}}
    responses: {"200": {description: d, content: {application/json: {schema: {type: object, properties: {ticket: {type: string}, said: {type: string, x-output: response.status, x-map: {"200": fine, "*": odd}}}}}}}}
`))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			word := strings.Repeat(string(rune('a'+i)), 50*(i+1))
			for range 200 {
				status, body, _ := ask(t, e.Handler(), "POST", "/echo", `{"token":"`+word+`"}`)
				if status != 200 || body != `{"ticket":"`+word+`","said":"fine"}` {
					t.Errorf("%d %s", status, body)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestProblemsAreSortedAndOnce(t *testing.T) {
	p := Problems{{File: "b", Line: 2}, {File: "b", Line: 1}, {File: "a", Line: 9}, {File: "b", Line: 1}}.Sorted()
	if len(p) != 3 || p[0].Line != 1 || p[2].File != "a" {
		t.Errorf("%v", p)
	}
	if got := (document.Problem{File: "a", Line: 3, Message: "m", Expected: "e"}).String(); got != "a:3: m (expected e)" {
		t.Error(got)
	}
}
