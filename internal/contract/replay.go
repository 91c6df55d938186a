package contract

import (
	"context"
	"net/http"
)

// Stage is a fresh server on which one example is replayed: the document under test is mounted on it and nothing
// has happened yet.
type Stage struct {
	Handler http.Handler
	// House is what the one who made the stage hands to the Givens: services, clock, inbox.
	House any
	Close func()
}

// Example is what a Given prepares for.
type Example struct {
	Operation string // of the catalogue
	Outcome   string // a result or an error code; empty when the example does not tell
	Name      string // of the example in the document
	// Inputs are the inputs that the example sends as text, by name: what a Given must have made true for a
	// sign-in with the example's own address and password.
	Inputs map[string]string
}

// Given prepares a stage so that an operation can end in one result or error code, and supplies what nobody can
// invent. The returned values are by input name (`token`, `id`, `email`) and replace what the example sends; four
// more names are credentials: GivenBearer, GivenSessionCookie, GivenAppKey and GivenAPIKey.
type Given func(ctx context.Context, s *Stage, e Example) (map[string]string, error)

// The names under which a Given returns credentials.
const (
	GivenBearer        = "bearer"
	GivenAPIKey        = "api-key"
	GivenSessionCookie = "session-cookie"
	GivenAppKey        = "app-key"
)

// Setup is what Test needs. Givens are looked up by operation and outcome (`verify-email/ok`,
// `sign-in/invalid-credentials`), then by operation, then by outcome (`*/rate-limited`), then `*`.
type Setup struct {
	Operations Operations
	// Fresh makes a stage that serves the document.
	Fresh  func(ctx context.Context, src Source) (*Stage, error)
	Givens map[string]Given
}

func (s Setup) given(operation, outcome string) Given {
	for _, name := range []string{operation + "/" + outcome, operation, "*/" + outcome, "*"} {
		if g := s.Givens[name]; g != nil {
			return g
		}
	}
	return nil
}

// Report tells how the examples of a document went.
type Report struct {
	Contract string   `json:"contract"`
	Replays  []Replay `json:"replays"`
}

// Replay is one replayed example.
type Replay struct {
	Line      int      `json:"line"`      // of the response's example
	Operation string   `json:"operation"` // catalogue name
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Example   string   `json:"example"`
	Outcome   string   `json:"outcome"`
	Skipped   string   `json:"skipped,omitempty"` // why it was not run; empty if it was
	Faults    []string `json:"faults,omitempty"`  // how the answer differed
}

// OK reports whether nothing differed.
func (r Report) OK() bool {
	for _, p := range r.Replays {
		if len(p.Faults) > 0 {
			return false
		}
	}
	return true
}

// replayURL is the public URL of the servers on which examples are replayed.
const replayURL = "http://localhost"

// Test replays the examples of a document against fresh servers. Request and response examples pair by name;
// const, status and headers are compared by value, the rest by schema. Its error is a Problems when the document
// does not load.
func Test(ctx context.Context, src Source, s Setup) (Report, error) {
	l, problems := read(ctx, Mount{Source: src}, s.Operations, replayURL, true)
	if len(problems) > 0 {
		return Report{}, problems
	}
	p := &replayer{l: l, setup: s, src: src, report: Report{Contract: l.plan.name, Replays: []Replay{}}}
	for _, path := range l.doc.Root.Get("paths").Members() {
		for _, member := range l.doc.Follow(path.Value).Members() {
			op := l.plan.at(methods[member.Key], path.Key)
			if op == nil {
				continue
			}
			if err := p.operation(ctx, op, l.doc.Follow(path.Value), member.Value); err != nil {
				return p.report, err
			}
		}
	}
	return p.report, nil
}

func (p *plan) at(method, path string) *operationPlan {
	for _, op := range p.operations {
		if op.method == method && op.path == path {
			return op
		}
	}
	return nil
}
