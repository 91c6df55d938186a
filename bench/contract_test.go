package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// bareDocument serves two operations of the shape that clients call most: who am I, and a small JSON POST.
const bareDocument = `openapi: 3.1.0
info: {title: Bench, version: "1"}
servers: [{url: /v1}]
x-contract:
  name: bench
  fallback: {$ref: "#/components/responses/Error"}
  ids: {user: user-}
  headers:
    X-RateLimit-Limit: {type: integer, x-output: limit.max}
    X-RateLimit-Remaining: {type: integer, x-output: limit.remaining}
paths:
  /me:
    get:
      x-operation: get-me
      security: [{bearer: []}]
      responses:
        "200":
          description: The user.
          content:
            application/json:
              schema:
                type: object
                x-output: user
                properties:
                  id: {type: string}
                  email: {type: string}
                  name: {type: string}
                  company: {type: [string, "null"], x-output: attributes.company}
                  plan: {type: string, x-output: attributes.plan, default: free}
                  two_factor_enabled: {type: boolean}
                  email_verified_at: {type: [string, "null"], x-format: rfc3339}
                  created_at: {type: string, x-format: rfc3339}
  /login:
    post:
      x-operation: sign-in
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [email, password]
              properties:
                email: {type: string, maxLength: 254, x-input: identifier}
                password: {type: string, minLength: 1, maxLength: 1024}
                totp_code: {type: string, x-input: code}
      responses:
        "200":
          description: Tokens.
          content:
            application/json:
              schema:
                type: object
                properties:
                  token: {type: string, x-output: tokens.access_token}
                  refresh_token: {type: string, x-output: tokens.refresh_token}
                  expires_in: {type: integer, x-output: tokens.expires_in, x-format: seconds}
                  user: {type: object, x-output: user, properties: {id: {type: string}, email: {type: string}, name: {type: string}}}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
  responses:
    Error:
      description: Refused.
      content:
        application/json:
          schema: {type: object, properties: {code: {type: string, x-output: error.code}}}
`

// still is the catalogue of the benchmark: it answers at once with prepared values.
type still struct {
	defs map[string]*operation.Definition
	me   operation.UserResult
	in   operation.Granted
}

type signInInput struct {
	Identifier string `input:"identifier,required"`
	Password   string `input:"password,required,secret"`
	Code       string `input:"code"`
}

func newStill() *still {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	user := operation.Profile{ID: "01890a5d-ac96-774b-bcce-b302099a8057", Email: "john@example.org", Name: "John Doe",
		Attributes: map[string]any{"company": "Acme", "plan": "pro"}, EmailVerifiedAt: at, CreatedAt: at}
	return &still{
		defs: map[string]*operation.Definition{
			"get-me": {Name: "get-me", Access: operation.SignedIn, Input: reflect.TypeFor[struct{}](),
				Results: []operation.Result{{Name: "ok", Type: reflect.TypeFor[operation.UserResult]()}}},
			"sign-in": {Name: "sign-in", Input: reflect.TypeFor[signInInput](),
				Results: []operation.Result{{Name: "signed-in", Type: reflect.TypeFor[operation.Granted]()}}},
		},
		me: operation.UserResult{User: user},
		in: operation.Granted{User: user, Tokens: operation.Tokens{AccessToken: strings.Repeat("a", 400), RefreshToken: strings.Repeat("r", 80), ExpiresIn: time.Hour}},
	}
}

func (s *still) Lookup(name string) *operation.Definition { return s.defs[name] }

func (s *still) Admit(*operation.Request) error { return nil }

func (s *still) Call(_ context.Context, d *operation.Definition, r *operation.Request, _ any) (operation.Outcome, error) {
	r.Limit = &auth.LimitState{Max: 1200, Remaining: 1100}
	if d.Name == "get-me" {
		return operation.OK(s.me), nil
	}
	return operation.Outcome{Result: "signed-in", Value: s.in}, nil
}

func (s *still) Resolve(_ context.Context, p auth.Presented) (auth.Caller, error) {
	return auth.Caller{Kind: auth.CallerSession, App: p.MountApp, User: "u"}, nil
}

// byHand is what a programmer writes instead of a document.
func (s *still) byHand() http.Handler {
	type user struct {
		ID        string     `json:"id"`
		Email     string     `json:"email"`
		Name      string     `json:"name"`
		Company   any        `json:"company"`
		Plan      any        `json:"plan"`
		TwoFactor bool       `json:"two_factor_enabled"`
		Verified  *time.Time `json:"email_verified_at"`
		Created   time.Time  `json:"created_at"`
	}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-RateLimit-Limit", "1200")
		w.Header().Set("X-RateLimit-Remaining", "1100")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/me", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		out, _ := s.Call(r.Context(), s.defs["get-me"], &operation.Request{}, nil)
		u := out.Value.(operation.UserResult).User
		answer(w, user{"user-" + string(u.ID), u.Email, u.Name, u.Attributes["company"], u.Attributes["plan"], u.TwoFactorEnabled, &u.EmailVerifiedAt, u.CreatedAt})
	})
	mux.HandleFunc("POST /v1/login", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Email    string `json:"email"`
			Password string `json:"password"`
			Code     string `json:"totp_code"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil || in.Email == "" || in.Password == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		out, _ := s.Call(r.Context(), s.defs["sign-in"], &operation.Request{}, &signInInput{in.Email, in.Password, in.Code})
		g := out.Value.(operation.Granted)
		answer(w, map[string]any{"token": g.Tokens.AccessToken, "refresh_token": g.Tokens.RefreshToken, "expires_in": int(g.Tokens.ExpiresIn / time.Second),
			"user": map[string]any{"id": "user-" + string(g.User.ID), "email": g.User.Email, "name": g.User.Name}})
	})
	return mux
}

func engine(b *testing.B, s *still, mounts ...contract.Mount) http.Handler {
	b.Helper()
	if mounts == nil {
		mounts = []contract.Mount{{Source: contract.Source{Name: "bench.yaml", Data: []byte(bareDocument)}}}
	}
	m, err := secret.NewMaster(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	keys, err := secret.NewKeys(m)
	if err != nil {
		b.Fatal(err)
	}
	e, err := contract.New(context.Background(), contract.Options{
		Operations: s, Credentials: s, PublicURL: "http://localhost:8080", Rand: rand.Reader, Keys: keys,
		Mounts: mounts,
	})
	if err != nil {
		b.Fatal(err)
	}
	return e.Handler()
}

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

const signInBody = `{"email":"john@example.org","password":"correct horse battery staple"}`

func drive(b *testing.B, h http.Handler, method, path, body string) {
	b.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer good")
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
	reader := strings.NewReader(body)
	out := &sink{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		r.Body = readCloser{reader}
		clear(out.h)
		h.ServeHTTP(out, r)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func BenchmarkContractMe(b *testing.B) {
	s := newStill()
	b.Run("engine", func(b *testing.B) { drive(b, engine(b, s), "GET", "/v1/me", "") })
	b.Run("by-hand", func(b *testing.B) { drive(b, s.byHand(), "GET", "/v1/me", "") })
}

func BenchmarkContractSignIn(b *testing.B) {
	s := newStill()
	b.Run("engine", func(b *testing.B) { drive(b, engine(b, s), "POST", "/v1/login", signInBody) })
	b.Run("by-hand", func(b *testing.B) { drive(b, s.byHand(), "POST", "/v1/login", signInBody) })
}

// BenchmarkContractMounts asks the last of 1, 5 and 50 mounted contracts: what a request costs must not grow with them.
// Each has its own base path, and for the worst case all share the first two segments of it.
func BenchmarkContractMounts(b *testing.B) {
	s := newStill()
	for _, n := range []int{1, 5, 50} {
		var mounts []contract.Mount
		for i := range n {
			data := strings.Replace(bareDocument, "name: bench", fmt.Sprintf("name: bench-%d", i), 1)
			mounts = append(mounts, contract.Mount{Base: fmt.Sprintf("/api/auth/c%d", i),
				Source: contract.Source{Name: fmt.Sprintf("bench-%d.yaml", i), Data: []byte(data), Trusted: true}})
		}
		last := fmt.Sprintf("/api/auth/c%d", n-1)
		b.Run(fmt.Sprintf("%d/me", n), func(b *testing.B) { drive(b, engine(b, s, mounts...), "GET", last+"/me", "") })
		b.Run(fmt.Sprintf("%d/sign-in", n), func(b *testing.B) { drive(b, engine(b, s, mounts...), "POST", last+"/login", signInBody) })
	}
}

func BenchmarkContractLoad(b *testing.B) {
	s := newStill()
	for _, trusted := range []bool{true, false} {
		name := map[bool]string{true: "trusted", false: "in-full"}[trusted]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := contract.New(context.Background(), contract.Options{Operations: s, Credentials: s, PublicURL: "http://localhost",
					Mounts: []contract.Mount{{Source: contract.Source{Name: "bench.yaml", Data: []byte(bareDocument), Trusted: trusted}}}})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
