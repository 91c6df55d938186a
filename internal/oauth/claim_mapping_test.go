package oauth

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// A client's mapping sets nothing that says what a token is or what the server knows (TK-09).
func TestReservedClaims_TK09(t *testing.T) {
	for _, name := range append(append([]string{}, reserved...), personNames()...) {
		if BadClaim(name, `"x"`) == "" {
			t.Errorf("%s can be set", name)
		}
	}
	text, err := merged(AccessClaims{Issuer: "https://id.example", Subject: "u"}, map[string]any{"sub": "other", "role": "admin", "iss": "x", "team": "red"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil || got["sub"] != "u" || got["role"] != nil || got["team"] != "red" {
		t.Fatalf("%s %v", text, err)
	}
}

func TestExpressions(t *testing.T) {
	input := map[string]any{"user": map[string]any{"id": "u", "email": "a@x.example", "attributes": map[string]any{"plan": "pro", "seats": 3.0}},
		"account": map[string]any{}, "client": map[string]any{"id": "c"}, "scopes": []string{"openid", "roles"}}
	m := newMappings()
	eval := func(expression string) (any, error) {
		t.Helper()
		if why := BadClaim("x", expression); why != "" {
			t.Fatalf("%s: %s", expression, why)
		}
		env, err := m.env()
		if err != nil {
			t.Fatal(err)
		}
		p, err := program(env, expression)
		if err != nil {
			t.Fatal(err)
		}
		return claimValue(p, input)
	}
	for expression, want := range map[string]string{
		`user.attributes.plan`:                                  `"pro"`,
		`has(user.attributes.other) ? "a" : null`:               `null`,
		`user.attributes.seats > 2.0`:                           `true`,
		`{"a": [1, 2u, 1.5, true], "b": user.email}`:            `{"a":[1,2,1.5,true],"b":"a@x.example"}`,
		`scopes.filter(s, s.startsWith("r"))`:                   `["roles"]`,
		`"roles" in scopes && user.email.endsWith("x.example")`: `true`,
	} {
		got, err := eval(expression)
		text, _ := json.Marshal(got)
		if err != nil || string(text) != want {
			t.Errorf("%s: %s, %v", expression, text, err)
		}
	}
	for _, expression := range []string{`user.attributes.missing`, `account.id`, `1 / 0`, `{1: "a"}`, `timestamp("2026-01-01T00:00:00Z")`, `b"abc"`,
		`[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, user.email + user.id))))`} {
		if got, err := eval(expression); err == nil {
			t.Errorf("%s gives %v", expression, got)
		}
	}
	for _, expression := range []string{``, `user.`, `secret`, `1 + "a"`, `user.email(`, strings.Repeat("(", 3000)} {
		if BadClaim("x", expression) == "" {
			t.Errorf("%q compiles", expression)
		}
	}
}

// A mapping is compiled once for each version of its client.
func TestMappingIsCompiledOnce(t *testing.T) {
	m, c := newMappings(), auth.Client{ID: "c", UpdatedAt: time.Unix(1, 0)}
	c.Settings.OAuth.Claims = map[string]string{"a": `"1"`}
	first, err := m.of(c)
	if err != nil || len(first) != 1 {
		t.Fatal(err)
	}
	c.Settings.OAuth.Claims = map[string]string{"a": `"1"`, "b": `"2"`}
	if same, _ := m.of(c); len(same) != 1 {
		t.Fatal("compiled again")
	}
	c.UpdatedAt = time.Unix(2, 0)
	if next, _ := m.of(c); len(next) != 2 {
		t.Fatal("not compiled again")
	}
}

func FuzzClaimExpression(f *testing.F) {
	for _, seed := range []string{`user.email`, `{"a": [1]}`, `scopes.map(s, s)`, `size(user.id) > 1 ? "x" : null`} {
		f.Add(seed)
	}
	env, err := expressions()
	if err != nil {
		f.Fatal(err)
	}
	input := map[string]any{"user": map[string]any{"id": "u", "attributes": map[string]any{}}, "account": map[string]any{}, "client": map[string]any{}, "scopes": []string{}}
	f.Fuzz(func(t *testing.T, expression string) {
		p, err := program(env, expression)
		if err != nil {
			return
		}
		value, err := claimValue(p, input)
		if err != nil {
			return
		}
		if text, err := json.Marshal(value); err != nil || len(text) > maxClaim {
			t.Fatalf("%s: %d bytes, %v", expression, len(text), err)
		}
	})
}
