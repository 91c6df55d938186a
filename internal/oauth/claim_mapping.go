package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	maxExpression = 2000 // code points
	maxCost       = 20_000
	maxClaim      = 4 << 10 // bytes of the JSON of one claim
	maxClaimDepth = 8
	maxMappings   = 1000 // of clients, compiled
)

// expressions is the language of custom claims: CEL, whose expressions always end, over what is known of the person. Its
// variables are
//
//	user     id, email, email_verified, name, username, role, locale, attributes
//	account  id, role
//	client   id
//	scopes   what was granted
//
// Without a person `user` and `account` are empty.
func expressions() (*cel.Env, error) {
	object := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(cel.Variable("user", object), cel.Variable("account", object), cel.Variable("client", object),
		cel.Variable("scopes", cel.ListType(cel.StringType)), cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(50))
}

// BadClaim says what is wrong with a custom claim of a client; empty if nothing is.
func BadClaim(name, expression string) string {
	if slices.Contains(reserved, name) || slices.Contains(personal(), name) || slices.Contains(personNames(), name) {
		return "a claim of this name says something that only the server knows"
	}
	env, err := expressions()
	if err != nil {
		return "expressions are not to be had"
	}
	if _, err := program(env, expression); err != nil {
		return err.Error()
	}
	return ""
}

// personNames are claims about a person that are the server's to state: a client that links people by them must be able to
// rely on them (TK-09).
func personNames() []string {
	return []string{"email_verified", "phone_number", "phone_number_verified", "preferred_username", "updated_at"}
}

func program(env *cel.Env, expression string) (cel.Program, error) {
	ast, issues := env.Compile(expression)
	if issues != nil && issues.Err() != nil {
		text, _, _ := strings.Cut(issues.Err().Error(), "\n")
		return nil, errors.New(text)
	}
	return env.Program(ast, cel.CostLimit(maxCost))
}

// mappings holds the compiled mappings of clients: compiling takes a thousand times as long as evaluating. The language is
// made when a client first has a mapping, for it takes time and memory that most servers never need.
type mappings struct {
	env func() (*cel.Env, error)

	mu   sync.Mutex
	held map[auth.ClientID]mapping
}

// mapping is that of one version of a client.
type mapping struct {
	version time.Time
	claims  map[string]cel.Program
}

func newMappings() *mappings {
	return &mappings{env: sync.OnceValues(expressions), held: map[auth.ClientID]mapping{}}
}

// of compiles the mapping of a client, once for each version of it. An expression that does not compile any more is left
// out; it was checked when it was stored.
func (m *mappings) of(c auth.Client) (map[string]cel.Program, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, ok := m.held[c.ID]; ok && held.version.Equal(c.UpdatedAt) {
		return held.claims, nil
	}
	env, err := m.env()
	if err != nil {
		return nil, fmt.Errorf("make the language of claims: %w", err)
	}
	made := mapping{version: c.UpdatedAt, claims: map[string]cel.Program{}}
	for name, expression := range c.Settings.OAuth.Claims {
		if p, err := program(env, expression); err == nil {
			made.claims[name] = p
		}
	}
	if len(m.held) >= maxMappings {
		clear(m.held)
	}
	m.held[c.ID] = made
	return made.claims, nil
}

// holder is whom custom claims are about.
type holder struct {
	client auth.Client
	user   auth.User // zero: none
	member auth.Membership
	scopes []string
}

// custom evaluates the custom claims of a client. One that fails, is null, too long or no JSON is left out, and all but
// null are logged: a sign-in does not fail for an ornament. The caller merges them so that they never replace another.
func (s *Service) custom(ctx context.Context, h holder) (map[string]any, error) {
	out, failed, err := s.evaluate(ctx, h)
	for name, why := range failed {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a custom claim was left out", slog.String("client", string(h.client.ID)),
			slog.String("claim", name), slog.String("error", why.Error()))
	}
	return out, err
}

func (s *Service) evaluate(ctx context.Context, h holder) (out map[string]any, failed map[string]error, err error) {
	if len(h.client.Settings.OAuth.Claims) == 0 {
		return nil, nil, nil
	}
	programs, err := s.mappings.of(h.client)
	if err != nil {
		return nil, nil, err
	}
	input, err := s.variables(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	out, failed = map[string]any{}, map[string]error{}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		value, err := claimValue(programs[name], input)
		switch {
		case err != nil:
			failed[name] = err
		case value != nil:
			out[name] = value
		}
	}
	return out, failed, nil
}

func (s *Service) variables(ctx context.Context, h holder) (map[string]any, error) {
	scopes := h.scopes
	if scopes == nil {
		scopes = []string{}
	}
	input := map[string]any{"user": map[string]any{}, "account": map[string]any{}, "client": map[string]any{"id": h.client.OAuthID()}, "scopes": scopes}
	if h.member.Account != "" {
		input["account"] = map[string]any{"id": string(h.member.Account), "role": string(h.member.Role)}
	}
	if h.user.ID == "" {
		return input, nil
	}
	email, err := s.primaryEmail(ctx, h.user)
	if err != nil {
		return nil, err
	}
	attributes := h.user.Attributes
	if attributes == nil {
		attributes = map[string]any{}
	}
	input["user"] = map[string]any{"id": string(h.user.ID), "email": email.Address, "email_verified": email.Verified(), "name": h.user.Name,
		"username": h.user.Username, "role": string(h.user.Role), "locale": h.user.Locale, "attributes": attributes}
	return input, nil
}

// claimValue evaluates one expression. nil without an error: the claim is null and left out.
func claimValue(p cel.Program, input map[string]any) (any, error) {
	result, _, err := p.Eval(input)
	if err != nil {
		return nil, err
	}
	value, err := plain(result, 0)
	if err != nil || value == nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if len(text) > maxClaim {
		return nil, fmt.Errorf("the claim has %d bytes, %d are allowed", len(text), maxClaim)
	}
	return value, nil
}

var errNotJSON = errors.New("the value is none that JSON has")

// plain is a value of an expression as JSON has it.
func plain(v ref.Val, depth int) (any, error) {
	if depth > maxClaimDepth {
		return nil, errors.New("the value is nested too deep")
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool, types.Int, types.Uint, types.String:
		return v.Value(), nil
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	case traits.Mapper:
		return plainMap(v, depth)
	case traits.Lister:
		return plainList(v, depth)
	}
	return nil, errNotJSON
}

func plainMap(v traits.Mapper, depth int) (any, error) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, errNotJSON
		}
		value, err := plain(v.Get(key), depth+1)
		if err != nil {
			return nil, err
		}
		out[string(name)] = value
	}
	return out, nil
}

func plainList(v traits.Lister, depth int) (any, error) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		value, err := plain(it.Next(), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}
