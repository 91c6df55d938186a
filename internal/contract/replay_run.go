package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// replayer replays the examples of one document.
type replayer struct {
	l      *loader
	setup  Setup
	src    Source
	report Report
}

// scene is one example: what is asked and what should come.
type scene struct {
	op       *operationPlan
	params   []*document.Node // the declared parameters
	name     string
	outcome  string
	media    string         // of the request; empty: no body
	body     *document.Node // the request's example; nil: none
	response *document.Node
	status   string // key of the response
	accept   string // media type of the response; empty: no body
	schema   *document.Node
	line     int
}

func (p *replayer) operation(ctx context.Context, op *operationPlan, item, n *document.Node) error {
	var params []*document.Node
	for _, list := range []*document.Node{item.Get("parameters"), n.Get("parameters")} {
		for _, raw := range list.Elements() {
			params = append(params, p.l.doc.Follow(raw))
		}
	}
	for _, r := range n.Get("responses").Members() {
		response := p.l.doc.Follow(r.Value)
		for _, media := range response.Get("content").Members() {
			for _, example := range p.examples(media.Value) {
				s := scene{op: op, params: params, name: example.Key, response: response, status: r.Key, accept: media.Key, line: example.Line}
				s.outcome = p.outcome(op, response, media.Value, example.Key)
				s.schema = p.branch(media.Value.Get("schema"), s.outcome)
				if err := p.scene(ctx, s, n, example.Value); err != nil {
					return err
				}
			}
		}
		if response.Get("content") == nil {
			if err := p.silent(ctx, scene{op: op, params: params, response: response, status: r.Key, line: r.Line}, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// silent replays a success without a body, which can have no example of its own: by the request's example of the
// result's name, else by the first.
func (p *replayer) silent(ctx context.Context, s scene, n *document.Node) error {
	names := p.l.whens(s.response)
	if len(names) == 0 {
		names = p.l.possible(s.op.def)
	}
	if len(names) == 0 || names[0] == star || !strings.HasPrefix(s.status, "2") {
		return nil
	}
	s.name, s.outcome = names[0], names[0]
	return p.scene(ctx, s, n, nil)
}

// examples lists the examples of a media type by name; an unnamed one has the empty name.
func (p *replayer) examples(media *document.Node) []document.Pair {
	var out []document.Pair
	for _, e := range media.Get("examples").Members() {
		if value := p.l.doc.Follow(e.Value).Get("value"); value != nil {
			out = append(out, document.Pair{Key: e.Key, Line: e.Line, Value: value})
		}
	}
	if e := media.Get("example"); e != nil {
		out = append(out, document.Pair{Line: e.Line, Value: e})
	}
	return out
}

// outcome is the result or code that an example shows: the one that its name says, else the first that its
// response names.
func (p *replayer) outcome(op *operationPlan, response, media *document.Node, name string) string {
	names := p.l.whens(response)
	if len(names) == 0 {
		names = p.l.possible(op.def)
	}
	_, isResult := op.def.Result(name)
	if slices.Contains(names, name) || !isResult && auth.Code(name).Known() {
		return name
	}
	for _, branch := range p.l.branches(media.Get("schema")) {
		if list, ok := branch.Get("x-when").Strings(); ok && slices.Contains(list, name) {
			return name
		}
	}
	if len(names) > 0 && names[0] != star {
		return names[0]
	}
	return ""
}

// branch is the part of a body's schema that an outcome has.
func (p *replayer) branch(n *document.Node, outcome string) *document.Node {
	for _, b := range p.l.branches(n) {
		if list, ok := b.Get("x-when").Strings(); ok && (slices.Contains(list, outcome) || slices.Contains(list, star)) {
			return b
		}
	}
	return n
}

// scene finds the request of an example and plays it.
func (p *replayer) scene(ctx context.Context, s scene, n, response *document.Node) error {
	r := Replay{Line: s.line, Operation: s.op.def.Name, Method: s.op.method, Path: s.op.path, Example: s.name, Outcome: s.outcome}
	defer func() { p.report.Replays = append(p.report.Replays, r) }()
	if response != nil {
		literal := schema.Literal(response)
		if _, text := textual(s.accept); !text {
			r.Faults = append(r.Faults, p.misfits(s.schema, &literal, "the example itself: ")...)
		}
	}
	p.requestExample(&s, n, func(name string) bool { return name == s.name })
	if response == nil {
		p.requestExample(&s, n, func(string) bool { return true })
	}
	if s.body == nil && s.op.required {
		r.Skipped = "the request has no example of this name"
		return nil
	}
	stage, err := p.setup.Fresh(ctx, p.src)
	if err != nil {
		return fmt.Errorf("a server for %s %s: %w", s.op.method, s.op.path, err)
	}
	defer stage.Close()
	values := map[string]string{}
	if given := p.setup.given(s.op.def.Name, s.outcome); given != nil {
		example := Example{Operation: s.op.def.Name, Outcome: s.outcome, Name: s.name, Inputs: p.inputs(&s)}
		if values, err = given(ctx, stage, example); err != nil {
			r.Faults = append(r.Faults, "what must be given cannot be: "+err.Error())
			return nil
		}
	}
	request, missing := p.request(ctx, &s, values)
	if missing != "" {
		r.Skipped = missing
		return nil
	}
	w := httptest.NewRecorder()
	stage.Handler.ServeHTTP(w, request)
	r.Faults = append(r.Faults, p.compare(&s, w)...)
	return nil
}

// requestExample takes the first example of the request that is wanted, unless one is taken already.
func (p *replayer) requestExample(s *scene, n *document.Node, wanted func(name string) bool) {
	for _, media := range p.l.doc.Follow(n.Get("requestBody")).Get("content").Members() {
		for _, e := range p.examples(media.Value) {
			if s.body == nil && wanted(e.Key) {
				s.media, s.body = media.Key, e.Value
			}
		}
	}
}

// inputs lists what the example sends, by input.
func (p *replayer) inputs(s *scene) map[string]string {
	out := map[string]string{}
	if s.body == nil {
		return out
	}
	media, _ := wire.MediaType(s.media)
	body := s.op.reads(media)
	if body == nil {
		return out
	}
	literal := schema.Literal(s.body)
	for _, b := range body.binds {
		if v := literal.At(b.path); v != nil && (v.Kind == wire.String || v.Kind == wire.Number) {
			if name := s.op.inputs.slots[b.slot].name; out[name] == "" {
				out[name] = v.Text
			}
		}
	}
	return out
}

// compare tells how an answer differs from what the document promises.
func (p *replayer) compare(s *scene, w *httptest.ResponseRecorder) []string {
	var faults []string
	wanted, err := strconv.Atoi(s.status)
	if err != nil && auth.Code(s.outcome).Known() {
		wanted, err = auth.Code(s.outcome).Status(), nil
	}
	if err == nil && w.Code != wanted {
		return []string{fmt.Sprintf("the status is %d, not %d; the body: %.300s", w.Code, wanted, w.Body)}
	}
	for _, h := range s.response.Get("headers").Members() {
		faults = append(faults, p.header(h, w.Header())...)
	}
	if s.accept == "" {
		if w.Body.Len() > 0 {
			faults = append(faults, "there is a body, and the response has none")
		}
		return faults
	}
	media, text := textual(s.accept)
	if got, _ := wire.MediaType(w.Header().Get("Content-Type")); got != media {
		return append(faults, fmt.Sprintf("the content type is %q, not %q", got, media))
	}
	if text {
		if w.Body.Len() == 0 {
			faults = append(faults, "the body is empty")
		}
		return faults
	}
	v, fault := wire.JSON(w.Body.String(), mostDepth)
	if fault != nil {
		return append(faults, "the body is no JSON: it "+fault.Message)
	}
	return append(faults, p.misfits(s.schema, &v, "")...)
}

// textual reports whether a media type is no JSON.
func textual(key string) (media string, text bool) {
	media, _ = wire.MediaType(key)
	return media, !wire.IsJSON(media)
}

func (p *replayer) header(h document.Pair, got http.Header) []string {
	n := p.l.doc.Follow(h.Value)
	values := got.Values(h.Key)
	if len(values) == 0 {
		if n.Get("required").True() {
			return []string{"the header " + h.Key + " is missing"}
		}
		return nil
	}
	c := schema.Compiler{Doc: p.l.doc}
	s := c.Compile(n.Get("schema"))
	v := s.Text(values[0])
	var run schema.Run
	run.Validate(s, &v, auth.InHeader, h.Key)
	return described(run.Violations, "")
}

// misfits validates a value against a schema of a response, in which null is never an absence.
func (p *replayer) misfits(n *document.Node, v *wire.Value, prefix string) []string {
	if n == nil {
		return nil
	}
	c := schema.Compiler{Doc: p.l.doc, Patchable: func(*document.Node) bool { return true }}
	var run schema.Run
	run.Validate(c.Compile(n), v, auth.InBody)
	return described(run.Violations, prefix)
}

func described(list []auth.Violation, prefix string) []string {
	var out []string
	for _, v := range list {
		at := v.Path
		if at == "" {
			at = "the value"
		}
		out = append(out, prefix+at+" "+v.Message)
	}
	return out
}

// encodeBody writes the body of a request.
func encodeBody(media string, v *wire.Value) (string, error) {
	if media != wire.FormType {
		b, err := json.Marshal(v.Plain())
		return string(b), err
	}
	var parts []string
	for i := range v.Members {
		items := []wire.Value{v.Members[i].Value}
		if items[0].Kind == wire.Array {
			items = items[0].Items
		}
		for _, item := range items {
			text := item.Text
			if item.Kind == wire.Bool {
				text = strconv.FormatBool(item.True)
			}
			parts = append(parts, url.QueryEscape(v.Members[i].Name)+"="+url.QueryEscape(text))
		}
	}
	return strings.Join(parts, "&"), nil
}
