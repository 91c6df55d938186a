// Package contract is the engine that serves OpenAPI documents over the catalogue of operations.
//
// It owns the language of the `x-` annotations: it reads a document, checks every word of it against the catalogue
// (New, Check), compiles it to plans, and then answers requests from those plans alone: which operation, which
// credential, decoding, validation, binding, the answer's shape, cookies and headers. It renders each document as a
// reference page (Docs) and replays the document's own examples (Test).
//
// It decides nothing. Who may do what, limits, audit and every rule live in package operation and below; a
// contract can change the shape of an answer, never the decision. Its three lower rooms are document (YAML with
// positions and references), schema (validation), and wire (strict decoding of JSON, forms and Accept).
//
// # What operations must know
//
// Cookies take their values from results by fixed names: kind `session` from session_cookie, `access` from
// tokens.access_token, `refresh` from tokens.refresh_token, `step-up` from step_up_cookie, `state` from state_cookie (SameSite=None
// where cross_site is true). The kind `csrf` is the engine's own. A violation that an operation returns names the input in Field; the engine adds the place in the
// wire's words. A result's omitempty or omitzero member that is zero, a nil pointer, a nil map and a zero time have no value; a
// nil slice without either is an empty list. A time or map without either is taken to be always there, so
// that a document may call it required. Times and durations are time.Time and time.Duration.
package contract
