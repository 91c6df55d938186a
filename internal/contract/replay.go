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

// Given prepares a stage so that an operation can end in one result or error code, and supplies what nobody can
// invent. The returned values are by input name (`token`, `id`, `email`); three more names are credentials:
// `bearer`, `session-cookie`, `app-key`.
type Given func(ctx context.Context, s *Stage) (map[string]string, error)

// Setup is what Test needs. Givens are by operation and outcome: `verify-email/ok`, `sign-in/invalid-credentials`;
// a name of the operation alone serves every outcome without one of its own.
type Setup struct {
	Operations Operations
	// Fresh makes a stage that serves the document.
	Fresh  func(ctx context.Context, src Source) (*Stage, error)
	Givens map[string]Given
}

// Report tells how the examples of a document went.
type Report struct {
	Contract string   `json:"contract"`
	Replays  []Replay `json:"replays"`
}

// Replay is one replayed example.
type Replay struct {
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

// Test replays the examples of a document against fresh servers. Its error is a Problems when the document does
// not load.
func Test(ctx context.Context, src Source, s Setup) (Report, error) { panic("not written yet") }
