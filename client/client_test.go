package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
)

// TestEveryOperation calls every method of the client and compares what arrives with the document: a path and
// method of contracts/ostiary.yaml without a client method fails, and the other way round.
func TestEveryOperation(t *testing.T) {
	var mu sync.Mutex
	asked := map[string][]string{}
	var current string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		endpoint := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/ostiary/v1")
		asked[endpoint] = append(asked[endpoint], current)
		_, _ = io.WriteString(w, "{}")
	}))
	defer s.Close()

	c := reflect.ValueOf(&client.Client{BaseURL: s.URL})
	ctx := reflect.TypeFor[context.Context]()
	for i := range c.NumMethod() {
		m := c.Method(i)
		if m.Type().NumIn() == 0 || m.Type().In(0) != ctx {
			continue
		}
		mu.Lock()
		current = c.Type().Method(i).Name
		mu.Unlock()
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for a := 1; a < m.Type().NumIn(); a++ {
			args = append(args, filled(m.Type().In(a)))
		}
		out := m.Call(args)
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			t.Errorf("%s: %v", current, err)
		}
	}

	documented := endpoints(t)
	for endpoint, id := range documented {
		if slices.Contains(forBrowsers, id) {
			continue
		}
		if got := asked[endpoint]; !slices.ContainsFunc(got, func(method string) bool { return strings.EqualFold(method, id) }) {
			t.Errorf("%s is %s in the document, and in the client %v", endpoint, id, got)
		}
	}
	for endpoint, methods := range asked {
		if _, ok := documented[endpoint]; !ok {
			t.Errorf("%v asks %s, which is not in the document", methods, endpoint)
		}
	}
}

// forBrowsers are the stations of a browser on its way to a provider and back, and what a person decides about a request
// that a cookie binds to the browser. A program has no use for them.
var forBrowsers = []string{"goToProvider", "finishFederatedSignIn", "finishFederatedSignInByPost", "showAuthorization",
	"approveAuthorization", "denyAuthorization"}

// filled is a value whose texts are "x", also those of a struct, for some stand in paths.
func filled(of reflect.Type) reflect.Value {
	v := reflect.New(of).Elem()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.String && f.CanSet() {
				f.SetString("x")
			}
		}
	}
	return v
}

// endpoints reads "METHOD /path" -> operationId from the document; it is written in one regular layout.
func endpoints(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../contracts/ostiary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`^  (/\S*):$`)
	method := regexp.MustCompile(`^    (get|put|post|patch|delete):$`)
	id := regexp.MustCompile(`^      operationId: (\w+)$`)
	param := regexp.MustCompile(`\{\w+\}`)
	out := map[string]string{}
	var p, m string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if f := path.FindStringSubmatch(line); f != nil {
			p = param.ReplaceAllString(f[1], "x")
		} else if f := method.FindStringSubmatch(line); f != nil {
			m = strings.ToUpper(f[1])
		} else if f := id.FindStringSubmatch(line); f != nil {
			out[m+" "+p] = f[1]
		}
	}
	if len(out) < 40 {
		t.Fatalf("found only %d operations", len(out))
	}
	return out
}

func TestProblemsAreTyped(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok" || r.Header.Get("X-App-Key") != "ak" || r.Header.Get("X-App") != "shop" {
			t.Errorf("headers %v", r.Header)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"type":"urn:x","title":"Too many requests","status":429,"code":"rate-limited","request_id":"r1",
			"violations":[{"in":"body","path":"a.b","code":"required","message":"is required","expected":null,"received":null}]}`)
	}))
	defer s.Close()
	c := (&client.Client{BaseURL: s.URL + "/", AppKey: "ak"}).WithToken("tok").WithApp("shop")
	_, err := c.GetMe(t.Context())
	if !client.IsCode(err, "rate-limited") {
		t.Fatalf("got %v", err)
	}
	var e *client.Error
	if !errors.As(err, &e) || e.RetryAfter != 7*time.Second || e.RequestID != "r1" || !slices.Equal(e.Violations,
		[]client.Violation{{In: "body", Path: "a.b", Code: "required", Message: "is required"}}) {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(err.Error(), "a.b: is required") {
		t.Errorf("text %q", err)
	}
}

func TestAnswersThatAreNoProblem(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>proxy</html>")
	}))
	defer s.Close()
	_, err := (&client.Client{BaseURL: s.URL}).GetMe(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadGateway || e.Code != "" {
		t.Errorf("got %v", err)
	}
}

// A detail that is the message of a violation as well is said once, with its place.
func TestErrorSaysNothingTwice(t *testing.T) {
	e := &client.Error{Status: 400, Code: "invalid-request", Detail: "A code has 6 letters.",
		Violations: []client.Violation{{Path: "code", Message: "A code has 6 letters."}, {Path: "uses", Message: "is required"}}}
	if got, want := e.Error(), "code: A code has 6 letters.; uses: is required (invalid-request, HTTP 400)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
