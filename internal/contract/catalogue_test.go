package contract

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// catalogue is operations without nouns: what they do is up to each test.
type catalogue struct {
	defs map[string]*operation.Definition
	runs map[string]func(ctx context.Context, r *operation.Request, in any) (operation.Outcome, error)
}

func (c *catalogue) Lookup(name string) *operation.Definition { return c.defs[name] }

func (c *catalogue) Admit(*operation.Request) error { return nil }

func (c *catalogue) Call(ctx context.Context, d *operation.Definition, r *operation.Request, in any) (operation.Outcome, error) {
	return c.runs[d.Name](ctx, r, in)
}

// add puts an operation into the catalogue.
func add[I any](c *catalogue, d operation.Definition, fn func(r *operation.Request, in *I) (operation.Outcome, error)) {
	if c.defs == nil {
		c.defs = map[string]*operation.Definition{}
		c.runs = map[string]func(context.Context, *operation.Request, any) (operation.Outcome, error){}
	}
	d.Input = reflect.TypeFor[I]()
	c.defs[d.Name] = &d
	c.runs[d.Name] = func(_ context.Context, r *operation.Request, in any) (operation.Outcome, error) {
		return fn(r, in.(*I))
	}
}

func resultOf[T any](name, doc string) operation.Result {
	return operation.Result{Name: name, Type: reflect.TypeFor[T](), Doc: doc}
}

// house is the credential side of tests: known words for each kind of credential.
type house struct {
	mu   sync.Mutex
	seen auth.Presented
}

func (h *house) Resolve(_ context.Context, p auth.Presented) (auth.Caller, error) {
	h.mu.Lock()
	h.seen = p
	h.mu.Unlock()
	c := auth.Caller{Kind: auth.CallerAnonymous, App: p.MountApp, Client: auth.DefaultClient}
	for _, word := range []string{p.AccessToken, p.Bearer, p.APIKey, p.SessionCookie} {
		switch word {
		case "":
		case "good":
			c.Kind, c.User, c.Session = auth.CallerSession, "u1", "s1"
		case "expired":
			return c, auth.E(auth.CodeTokenExpired, "")
		default:
			return c, auth.E(auth.CodeInvalidToken, "")
		}
	}
	if p.AppKey != "" && p.AppKey != "appkey" {
		return c, auth.E(auth.CodeInvalidToken, "")
	}
	if p.AppInput != "" && p.AppInput != c.App {
		return c, auth.E(auth.CodeAppMismatch, "")
	}
	if p.ClientID == "other" {
		c.Client = "other"
	}
	return c, nil
}

const publicURL = "https://id.example"

func testKeys(t testing.TB) *secret.Keys {
	t.Helper()
	return storetest.Keys(t)
}

// options is an engine's options around a catalogue and documents.
func options(t testing.TB, c Operations, texts ...string) Options {
	o := Options{
		Operations: c, Credentials: &house{}, PublicURL: publicURL, Keys: testKeys(t),
		Rand: rand.Reader,
		Origins: func(_ context.Context, _ auth.AppID, client auth.ClientID) ([]string, error) {
			switch client {
			case "":
				return []string{"https://app.example", "https://other.example"}, nil
			case "other":
				return []string{"https://other.example"}, nil
			}
			return []string{"https://app.example"}, nil
		},
	}
	for i, text := range texts {
		o.Mounts = append(o.Mounts, Mount{Source: Source{Name: string(rune('a'+i)) + ".yaml", Data: []byte(text)}})
	}
	return o
}

func start(t testing.TB, c Operations, texts ...string) *Engine {
	t.Helper()
	e, err := New(context.Background(), options(t, c, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ask sends a request; headers are "Name: value" lines. The answer's status, body and headers come back.
func ask(t testing.TB, h http.Handler, method, target, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	if !strings.HasPrefix(target, "http") {
		r.Host = "id.example"
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if r.Header.Get("Content-Type") == "-" {
		r.Header.Del("Content-Type")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

// legacy reads the document that the engine must serve as it stands.
func legacy(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/legacy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
