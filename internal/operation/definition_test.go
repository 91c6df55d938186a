package operation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
)

// reserved are the scopes of the contract language; no member of a result may bear such a name.
var reserved = []string{"error", "input", "request", "response", "limit", "contract", "app"}

func TestEveryDefinitionIsComplete(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, d := range New(Deps{}).All() {
		t.Run(d.Name, func(t *testing.T) {
			if seen[d.Name] || !kebab.MatchString(d.Name) {
				t.Errorf("name %q is not unique kebab-case", d.Name)
			}
			seen[d.Name] = true
			if len(d.Doc) < 20 || !strings.HasSuffix(d.Doc, ".") {
				t.Errorf("doc %q", d.Doc)
			}
			if len(d.Results) == 0 || (len(d.Results) == 1 && d.Results[0].Name != "ok") {
				t.Errorf("results %v", d.Results)
			}
			for _, r := range d.Results {
				if r.Type.Kind() != reflect.Struct || r.Doc == "" {
					t.Errorf("result %s: %v %q", r.Name, r.Type, r.Doc)
				}
				checkMembers(t, r.Type)
			}
			for _, x := range d.Excludes {
				if _, ok := d.Result(x.Result); !ok {
					t.Errorf("excludes the unknown result %s", x.Result)
				}
				if !slices.ContainsFunc(auth.Knobs(), func(k auth.Knob) bool {
					return k.Name == x.Knob && (k.Strict == x.Value || k.Weak == x.Value)
				}) {
					t.Errorf("excludes by the unknown knob %s: %s", x.Knob, x.Value)
				}
			}
			for _, c := range d.Codes() {
				if !c.Known() {
					t.Errorf("code %s is not in the closed list", c)
				}
			}
			checkInputs(t, d)
		})
	}
}

func checkMembers(t *testing.T, typ reflect.Type) {
	t.Helper()
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			continue // its members are among the visible ones
		}
		if name == "" || slices.Contains(reserved, name) {
			t.Errorf("%s.%s has the member name %q", typ.Name(), f.Name, name)
		}
		member := f.Type
		if member.Kind() == reflect.Slice {
			member = member.Elem()
		}
		if member.Kind() == reflect.Struct && member != reflect.TypeFor[time.Time]() {
			checkMembers(t, member)
		}
	}
}

func checkInputs(t *testing.T, d *Definition) {
	t.Helper()
	common := []string{"csrf_token", "app", "challenge_response", "client_id"}
	seen := map[string]bool{}
	for _, f := range Fields(d.Input) {
		if seen[f.Name] || slices.Contains(common, f.Name) {
			t.Errorf("input %s stands twice or is one that every operation has", f.Name)
		}
		seen[f.Name] = true
		secret := slices.Contains([]string{"password", "password_confirmation", "current_password", "token", "code", "refresh_token", "flow", "credential", "lines", "challenge_secret",
			"browser", "code_verifier", "client_secret", "state"}, f.Name)
		if f.Secret != secret {
			t.Errorf("input %s: secret is %v", f.Name, f.Secret)
		}
	}
}

// TestKeysNeedScopes_AK04 holds the rule that no operation which API keys may call is open to a key without a scope.
func TestKeysNeedScopes_AK04(t *testing.T) {
	scopes := []string{ScopeAccountRead, ScopeAccountWrite, ScopeAPIKeysRead, ScopeAPIKeysWrite}
	for _, d := range New(Deps{}).All() {
		switch d.Access {
		case SignedIn:
			if !slices.Contains(scopes, d.Scope) {
				t.Errorf("%s: scope %q", d.Name, d.Scope)
			}
		case SignedInOrOperator:
			if d.Scope != ScopeAccountsRead && d.Scope != ScopeAccountsWrite {
				t.Errorf("%s: scope %q", d.Name, d.Scope)
			}
		case Administrator:
			if d.Scope != ScopeAdmin {
				t.Errorf("%s: scope %q", d.Name, d.Scope)
			}
		default:
			if d.Scope != "" {
				t.Errorf("%s: scope %q without a meaning", d.Name, d.Scope)
			}
		}
	}
}

// TestAccess_AK04_AD01 is the access rule as a table: who may, by kind of operation.
func TestAccess_AK04_AD01(t *testing.T) {
	session := func(r auth.Role) auth.Caller {
		return auth.Caller{Kind: auth.CallerSession, User: "u", Role: r, EmailVerified: true}
	}
	key := func(r auth.Role, scopes ...string) auth.Caller {
		return auth.Caller{Kind: auth.CallerAPIKey, User: "u", Role: r, Scopes: scopes, EmailVerified: true}
	}
	unverified := session(auth.RoleUser)
	unverified.EmailVerified = false
	allowing := unverified
	allowing.Door.Policy.AllowUnverified = true
	const yes = auth.Code("")
	callers := []struct {
		name                                            string
		caller                                          auth.Caller
		anyone, signedIn, person, administrator, system auth.Code
	}{
		{"nobody", auth.Caller{}, yes, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated},
		{"anonymous", auth.Caller{Kind: auth.CallerAnonymous}, yes, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated},
		{"user", session(auth.RoleUser), yes, yes, yes, auth.CodeForbidden, auth.CodeForbidden},
		{"moderator", session(auth.RoleModerator), yes, yes, yes, auth.CodeForbidden, auth.CodeForbidden},
		{"unverified", unverified, yes, auth.CodeEmailUnverified, auth.CodeEmailUnverified, auth.CodeForbidden, auth.CodeForbidden},
		{"unverified where allowed", allowing, yes, yes, yes, auth.CodeForbidden, auth.CodeForbidden},
		{"administrator", session(auth.RoleAdmin), yes, yes, yes, yes, auth.CodeForbidden},
		{"key without scope", key(auth.RoleUser), yes, auth.CodeInsufficientScope, auth.CodePersonRequired, auth.CodeForbidden, auth.CodeForbidden},
		{"key with another scope", key(auth.RoleUser, "databases:read"), yes, auth.CodeInsufficientScope, auth.CodePersonRequired, auth.CodeForbidden, auth.CodeForbidden},
		{"key with the scope", key(auth.RoleUser, "things:read"), yes, yes, auth.CodePersonRequired, auth.CodeForbidden, auth.CodeForbidden},
		{"user's key with scope admin", key(auth.RoleUser, "admin", "things:read"), yes, yes, auth.CodePersonRequired, auth.CodeForbidden, auth.CodeForbidden},
		{"administrator's key without scope", key(auth.RoleAdmin, "things:read"), yes, yes, auth.CodePersonRequired, auth.CodeInsufficientScope, auth.CodeForbidden},
		{"administrator's key", key(auth.RoleAdmin, "admin"), yes, auth.CodeInsufficientScope, auth.CodePersonRequired, yes, auth.CodeForbidden},
		{"operator", auth.Caller{Kind: auth.CallerSystem}, yes, auth.CodeForbidden, auth.CodeForbidden, yes, yes},
		{"forged kind", auth.Caller{Kind: "root", User: "u", Role: auth.RoleAdmin}, yes, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated, auth.CodeUnauthenticated},
	}
	for _, c := range callers {
		for access, want := range map[Access]auth.Code{Anyone: c.anyone, SignedIn: c.signedIn, Person: c.person,
			Administrator: c.administrator, Operator: c.system} {
			d := &Definition{Name: "x", Access: access}
			switch access {
			case SignedIn:
				d.Scope = "things:read"
			case Administrator:
				d.Scope = ScopeAdmin
			}
			if got := code(allowed(d, c.caller)); got != want {
				t.Errorf("%s, access %d: %q, want %q", c.name, access, got, want)
			}
		}
		want := c.signedIn
		if c.caller.Kind == auth.CallerSystem || c.caller.Kind == auth.CallerAPIKey && c.administrator == yes {
			want = yes
		}
		d := &Definition{Name: "x", Access: SignedInOrOperator, Scope: "things:read"}
		if got := code(allowed(d, c.caller)); got != want {
			t.Errorf("%s, as user or operator: %q, want %q", c.name, got, want)
		}
	}
	if err := allowed(&Definition{Access: Person, Unverified: true}, unverified); err != nil {
		t.Errorf("leaving the unverified state: %v", err)
	}
}

func code(err error) auth.Code {
	if err == nil {
		return ""
	}
	return auth.AsError(err).Code
}

func TestPipeline(t *testing.T) {
	var seen []Observation
	limits := limit.New(limit.Options{Clock: time.Now, Settings: map[string]limit.Setting{limit.RequestsNetwork: {Max: 2}}})
	c := New(Deps{Limits: limits, Clock: time.Now, Observe: func(_ context.Context, o Observation) { seen = append(seen, o) }})
	op := func(access Access, fn func() (Outcome, error)) *Definition {
		return define(Definition{Name: "try", Access: access}, func(context.Context, *Request, *struct{}) (Outcome, error) { return fn() })
	}
	ok := op(Anyone, func() (Outcome, error) { return OK(Done{}), nil })

	r := &Request{}
	if out, err := c.Call(t.Context(), ok, r, ok.NewInput()); err != nil || out.Result != "ok" || r.Limit == nil || r.Limit.Remaining != 1 {
		t.Errorf("got %v, %v, limit %+v", out, err, r.Limit)
	}
	if _, err := c.Call(t.Context(), ok, r, ok.NewInput()); err != nil || r.Limit.Remaining != 1 {
		t.Errorf("a request that was counted is counted again: %v %+v", err, r.Limit)
	}
	boom := op(Anyone, func() (Outcome, error) { panic("boom") })
	if _, err := c.Call(t.Context(), boom, &Request{}, boom.NewInput()); code(err) != auth.CodeInternal || strings.Contains(auth.AsError(err).Text(), "boom") {
		t.Errorf("a panic became %v", err)
	}
	r = &Request{}
	_, err := c.Call(t.Context(), ok, r, ok.NewInput())
	if code(err) != auth.CodeRateLimited || r.Limit == nil || auth.AsError(err).RetryAfter <= 0 {
		t.Errorf("the third request: %v, limit %+v", err, r.Limit)
	}
	plain := op(Operator, func() (Outcome, error) { return Outcome{}, fmt.Errorf("row: %w", errors.New("secret cause")) })
	r = &Request{Caller: auth.Caller{Kind: auth.CallerSystem}}
	if _, err := c.Call(t.Context(), plain, r, plain.NewInput()); code(err) != auth.CodeInternal || r.Limit != nil {
		t.Errorf("a plain error became %v; the operator's limit is %+v", err, r.Limit)
	}
	var outcomes []string
	for _, o := range seen {
		outcomes = append(outcomes, o.Outcome)
	}
	if !slices.Equal(outcomes, []string{"ok", "ok", "internal", "rate-limited", "internal"}) {
		t.Errorf("observed %v", outcomes)
	}
}

func TestIfMatch(t *testing.T) {
	for header, want := range map[string]string{"": "any", "*": "any", `"7"`: "7", `W/"7"`: "7", "7": "7", `"x"`: "mismatch",
		`"7", "8"`: "mismatch", `""`: "mismatch"} {
		v, err := ifMatch(header)
		got := "any"
		if err != nil {
			got = "mismatch"
		} else if v != nil {
			got = fmt.Sprint(*v)
		}
		if got != want {
			t.Errorf("If-Match %s: %s, want %s", header, got, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	for p, ok := range map[auth.Policy]bool{
		{}:                      true,
		{RevealExisting: true}:  true,
		{SignUpImmediate: true}: false,
		{SignUpImmediate: true, RevealExisting: true}: true,
	} {
		if err := CheckPolicy(p); (err == nil) != ok {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
