package contract

import (
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// The operations of the engine's own tests: one that takes everything, one that gives everything, and the shapes
// around them.

type takeInput struct {
	Text    string                             `input:"text,required"`
	Secret  string                             `input:"secret,secret"`
	Flag    bool                               `input:"flag"`
	Count   int                                `input:"count"`
	Big     int64                              `input:"big"`
	Ratio   float64                            `input:"ratio"`
	List    []string                           `input:"list"`
	Span    time.Duration                      `input:"span"`
	Overlap *time.Duration                     `input:"overlap"`
	At      time.Time                          `input:"at"`
	Bag     map[string]any                     `input:"bag"`
	User    auth.UserID                        `input:"user_id"`
	Maybe   *int                               `input:"maybe"`
	Nick    operation.Optional[string]         `input:"nick"`
	Patches operation.Optional[map[string]any] `input:"patches"`
	Until   operation.Optional[time.Time]      `input:"until"`
}

type person struct {
	ID    auth.UserID    `json:"id"`
	Name  string         `json:"name,omitempty"`
	Role  auth.Role      `json:"role"`
	Tags  []string       `json:"tags"`
	Extra map[string]any `json:"extra,omitempty"`
	Born  time.Time      `json:"born,omitempty"`
}

type given struct {
	Person  person        `json:"person"`
	Friend  *person       `json:"friend,omitempty"`
	People  []person      `json:"people"`
	Number  int64         `json:"number"`
	Ratio   float64       `json:"ratio"`
	Yes     bool          `json:"yes"`
	At      time.Time     `json:"at"`
	Span    time.Duration `json:"span"`
	Words   []string      `json:"words"`
	Code    string        `json:"code"`
	Note    string        `json:"note,omitempty"`
	URI     string        `json:"uri,omitempty"`
	Session string        `json:"session_cookie,omitempty"`
	Tokens  tokens        `json:"tokens"`
	StepUp  string        `json:"step_up_cookie,omitempty"`
}

type tokens struct {
	Access  string `json:"access_token,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`
}

type waiting struct {
	Ticket string `json:"ticket"`
}

type none struct{}

type tokenInput struct {
	Token string `input:"token,required,secret"`
}

// things is the catalogue of most tests. What was taken last and who took it is kept.
type things struct {
	catalogue
	taken   *takeInput
	caller  auth.Caller
	token   string
	spent   int
	give    given
	outcome string
	err     error
	limit   *auth.LimitState
}

func newThings() *things {
	t := &things{}
	add(&t.catalogue, operation.Definition{Name: "take", Access: operation.Anyone, Doc: "Takes everything.",
		Results: []operation.Result{resultOf[none]("ok", "Taken.")}, Errors: []auth.Code{auth.CodeConflict}},
		func(r *operation.Request, in *takeInput) (operation.Outcome, error) {
			t.taken, t.caller = in, r.Caller
			r.Limit = t.limit
			return operation.OK(none{}), t.err
		})
	add(&t.catalogue, operation.Definition{Name: "give", Access: operation.Anyone, Doc: "Gives everything.",
		Results: []operation.Result{resultOf[given]("ok", "Given.")}, Errors: []auth.Code{auth.CodeNotFound}},
		func(r *operation.Request, _ *none) (operation.Outcome, error) {
			t.caller = r.Caller
			r.Limit = t.limit
			return operation.OK(t.give), t.err
		})
	add(&t.catalogue, operation.Definition{Name: "enter", Access: operation.Anyone, Doc: "Enters.",
		Results:  []operation.Result{resultOf[given]("in", "You are in."), resultOf[waiting]("code-needed", "A code is needed.")},
		Excludes: []operation.Exclusion{{Knob: auth.KnobUnverified, Value: auth.Allow, Result: "code-needed"}}},
		func(r *operation.Request, in *tokenInput) (operation.Outcome, error) {
			t.token = in.Token
			if t.outcome == "code-needed" {
				return operation.Outcome{Result: "code-needed", Value: waiting{Ticket: "t1"}}, t.err
			}
			return operation.Outcome{Result: "in", Value: t.give}, t.err
		})
	add(&t.catalogue, operation.Definition{Name: "spend", Access: operation.Anyone, Doc: "Spends a token.", Consumes: true,
		Results: []operation.Result{resultOf[none]("ok", "Spent.")}, Errors: []auth.Code{auth.CodeProofInvalid}},
		func(_ *operation.Request, in *tokenInput) (operation.Outcome, error) {
			t.token = in.Token
			t.spent++
			return operation.OK(none{}), t.err
		})
	add(&t.catalogue, operation.Definition{Name: "mine", Access: operation.SignedIn, Scope: "mine:read", Doc: "Mine.",
		Results: []operation.Result{resultOf[none]("ok", "Mine.")}},
		func(r *operation.Request, _ *none) (operation.Outcome, error) {
			t.caller = r.Caller
			return operation.OK(none{}), t.err
		})
	add(&t.catalogue, operation.Definition{Name: "personal", Access: operation.Person, Doc: "A person's.",
		Results: []operation.Result{resultOf[none]("ok", "Done.")}},
		func(r *operation.Request, _ *none) (operation.Outcome, error) { return operation.OK(none{}), nil })
	add(&t.catalogue, operation.Definition{Name: "echo", Access: operation.Anyone, Doc: "Echoes.",
		Results: []operation.Result{resultOf[waiting]("ok", "Echoed.")}},
		func(_ *operation.Request, in *tokenInput) (operation.Outcome, error) {
			return operation.OK(waiting{Ticket: in.Token}), nil
		})
	add(&t.catalogue, operation.Definition{Name: "operate", Access: operation.Operator, Doc: "The operator's.",
		Results: []operation.Result{resultOf[none]("ok", "Done.")}},
		func(r *operation.Request, _ *none) (operation.Outcome, error) { return operation.OK(none{}), nil })
	return t
}

// indent puts text two levels deeper, so that tests can write paths at the left margin.
func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

// doc is a whole document around paths and further members of x-contract and components.
func doc(paths string, more ...string) string {
	contract, components := "", ""
	if len(more) > 0 {
		contract = more[0]
	}
	if len(more) > 1 {
		components = more[1]
	}
	text := "openapi: 3.1.0\ninfo: {title: Things, version: '1'}\nx-contract:\n  name: things\n" +
		"  fallback: {$ref: '#/components/responses/Fault'}\n"
	if contract != "" {
		text += indent(contract, "  ") + "\n"
	}
	text += "paths:\n" + indent(paths, "  ") + "\ncomponents:\n"
	if components != "" {
		text += indent(components, "  ") + "\n"
	}
	return text + `  responses:
    Fault:
      description: Refused.
      content:
        application/json:
          schema:
            type: object
            properties:
              code: {type: string, x-output: error.code}
              status: {type: integer, x-output: response.status}
              faults:
                type: array
                x-output: error.violations
                items: {type: string, x-output: "{in} {path} {code}"}
`
}
