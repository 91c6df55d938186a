package operation

import (
	"context"
	"reflect"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Access is who may call an operation.
type Access int

const (
	// Anyone may call, signed in or not. A bad credential is still refused, by the door.
	Anyone Access = iota
	// SignedIn is a user: a person's session, or an API key with the operation's scope.
	SignedIn
	// Person is a human session; API keys are refused with person-required.
	Person
	// SignedInOrOperator is a user, as SignedIn, whose reach the operation finds in the rows (a role in an account), or the
	// operator, who reaches everything of the app. Administrators' keys with the scope `admin` need no other.
	SignedInOrOperator
	// Administrator is a person whose role is admin, an admin's API key with the scope `admin`, or the operator.
	Administrator
	// Operator is a command on the machine, through the server's socket.
	Operator
)

// ChallengeRule is who must pass the app's challenge (package challenge) before an operation. The operator never must.
type ChallengeRule int

const (
	// Unchallenged asks nobody: the caller holds a credential or a mailed secret already.
	Unchallenged ChallengeRule = iota
	// ChallengeStrangers asks who is not signed in.
	ChallengeStrangers
	// ChallengeAll asks everybody: a session of one's own does not help to guess or make others.
	ChallengeAll
)

// Definition is one operation of the catalogue. It is data: doors read it, Catalogue.Call runs it.
type Definition struct {
	Name    string // kebab-case verb first, `create-api-key`
	Doc     string // one paragraph of Markdown: what it does, units, side effects
	Access  Access
	Scope   string       // what an API key needs to call it; empty: any key of the user (only for SignedIn)
	Input   reflect.Type // a struct; see Fields for how its tags are read
	Results []Result     // in the order of likelihood; a single result is named `ok`
	Errors  []auth.Code  // its own; Codes adds those of the pipeline
	// Challenge says who must pass the app's challenge first: what strangers could spend the house's hashes, mails and
	// guesses with.
	Challenge ChallengeRule
	// Consumes says that it spends a one-time secret, so a GET answers only API clients.
	Consumes bool
	// CrossSite says that another site leads the browser here, by a GET or by a form that it posts, with a secret that
	// the operation itself binds to a cookie of that browser (SECURITY FD-04). So the origin is not looked at, a GET runs
	// it without a page in between, and a HEAD never does.
	CrossSite bool
	// Unverified says that a session whose address is not verified may call it even at a door that refuses such
	// sessions: what is needed to leave that state, and to leave.
	Unverified bool
	// Excludes tells which policy values make a result impossible; a document need not answer those.
	Excludes []Exclusion

	invoke func(ctx context.Context, r *Request, in any) (Outcome, error)
}

// Result is one named way in which an operation succeeds.
type Result struct {
	Name string
	Type reflect.Type // a struct; its members are the paths of x-output
	Doc  string
}

// Exclusion says that Result cannot happen while Knob has Value.
type Exclusion struct{ Knob, Value, Result string }

// Request is what a door hands over beside the input.
type Request struct {
	Caller auth.Caller
	// ChallengeResponse is what shows that the caller is no robot; empty: nothing was sent.
	ChallengeResponse string
	// Limit is filled by the pipeline: the state of the request limiter that counted this call, nil if none did.
	Limit *auth.LimitState
}

// Outcome is a result by name with its value, a struct of that result's type.
type Outcome struct {
	Result string
	Value  any
}

// OK is the outcome of an operation with a single result.
func OK(value any) Outcome { return Outcome{Result: "ok", Value: value} }

// define makes a Definition from a typed function, so that input and invocation cannot drift apart.
func define[I any](d Definition, fn func(ctx context.Context, r *Request, in *I) (Outcome, error)) *Definition {
	d.Input = reflect.TypeFor[I]()
	d.invoke = func(ctx context.Context, r *Request, in any) (Outcome, error) { return fn(ctx, r, in.(*I)) }
	return &d
}

// result describes one result by its Go type.
func result[T any](name, doc string) Result {
	return Result{Name: name, Type: reflect.TypeFor[T](), Doc: doc}
}

// NewInput makes an empty input of the operation: a pointer to its Input struct.
func (d *Definition) NewInput() any { return reflect.New(d.Input).Interface() }

// Result finds a result by name.
func (d *Definition) Result(name string) (Result, bool) {
	for _, r := range d.Results {
		if r.Name == name {
			return r, true
		}
	}
	return Result{}, false
}

// Codes lists every error code that a call can end in: the operation's own and those of the pipeline.
func (d *Definition) Codes() []auth.Code {
	out := append([]auth.Code{}, d.Errors...)
	out = append(out, auth.CodeInvalidRequest, auth.CodeRateLimited, auth.CodeOverloaded, auth.CodeStorageFull,
		auth.CodeUnavailable, auth.CodeInternal, auth.CodeAppMismatch, auth.CodeInvalidToken, auth.CodeTokenExpired,
		auth.CodeSessionEnded, auth.CodeAccountDisabled, auth.CodeEmailUnverified, auth.CodeCSRF)
	if d.Access != Anyone {
		out = append(out, auth.CodeUnauthenticated, auth.CodeForbidden, auth.CodeInsufficientScope, auth.CodePersonRequired)
	}
	if d.Challenge != Unchallenged {
		out = append(out, auth.CodeChallengeFailed, auth.CodeChallengeUnavailable)
	}
	return dedupe(out)
}

func dedupe(codes []auth.Code) []auth.Code {
	seen := make(map[auth.Code]bool, len(codes))
	out := codes[:0]
	for _, c := range codes {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}
