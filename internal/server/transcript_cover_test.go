package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/contracts"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// recordedContracts are the directories of transcripts: one for each of the contracts that others' clients speak. A
// contract is one document, and one more for each older shape of its answers.
var recordedContracts = []string{"accountmaker", "bunch", "cloudheed", "phala", "wolfpal"}

// TestTranscriptsAreComplete holds that each operation of these contracts is recorded, and each answer that its
// document tells apart from others by status or by a literal (a code, a message). What documents leave to their
// fallback is recorded once for each contract.
func TestTranscriptsAreComplete(t *testing.T) {
	for _, name := range recordedContracts {
		t.Run(name, func(t *testing.T) {
			recorded := recordings(t, name)
			for _, d := range contractDocuments(t, name) {
				for _, e := range recorded {
					d.file(e)
				}
				for _, op := range d.operations {
					op.check(t, d)
				}
			}
			for _, status := range []int{404, 405, 415, 429} {
				if !slices.ContainsFunc(recorded, func(r recording) bool { return r.status == status }) {
					t.Errorf("nothing that answers %d is recorded", status)
				}
			}
			for _, r := range recorded {
				if r.status == http.StatusTooManyRequests && !strings.Contains(r.head, "\nRetry-After: ") {
					t.Errorf("%s %s: 429 without Retry-After", r.method, r.target)
				}
			}
		})
	}
}

// recording is one recorded exchange.
type recording struct {
	exchange
	status int
	head   string // of the answer
	body   string
	json   any // nil if the body is none
}

func recordings(t *testing.T, name string) []recording {
	t.Helper()
	var out []recording
	files, err := filepath.Glob(filepath.Join("testdata", "transcripts", name, "*.http"))
	none(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		none(t, err)
		for _, text := range strings.Split("\n"+string(data), "\n### ")[1:] {
			e, err := parseExchange(text)
			none(t, err)
			r := recording{exchange: e}
			r.head, r.body, _ = strings.Cut(strings.TrimRight(e.answer, "\n"), "\n\n")
			status, _, _ := strings.Cut(strings.TrimPrefix(r.head, "HTTP/1.1 "), " ")
			if r.status, err = strconv.Atoi(status); err != nil {
				t.Fatalf("%s: %q has no answer", file, e.head[0])
			}
			_ = json.Unmarshal([]byte(r.body), &r.json) // a text has none
			out = append(out, r)
		}
	}
	return out
}

// described is a document with what was recorded of it.
type described struct {
	*document.Document
	name       string
	catalogue  *operation.Catalogue
	bases      []string
	operations []*describedOperation
}

type describedOperation struct {
	method, path string
	node         *document.Node
	item         *document.Node // of its path
	recorded     []recording
}

func contractDocuments(t *testing.T, name string) []*described {
	t.Helper()
	texts := map[string][]byte{}
	for _, n := range shippedNames() {
		if n == name || strings.HasPrefix(n, name+"-2") {
			data, err := contracts.Files.ReadFile(n + ".yaml")
			none(t, err)
			texts[n] = data
		}
	}
	if len(texts) == 0 {
		data, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		none(t, err)
		texts[name] = data
	}
	var out []*described
	for _, n := range slices.Sorted(maps.Keys(texts)) {
		d := &described{Document: document.Parse(n, texts[n]), name: n, catalogue: operation.New(operation.Deps{})}
		for _, s := range d.Root.Get("servers").Elements() {
			d.bases = append(d.bases, strings.TrimSuffix(s.Get("url").Str(), "/"))
		}
		for _, path := range d.Root.Get("paths").Members() {
			item := d.Follow(path.Value)
			for _, method := range []string{"get", "put", "post", "delete", "patch"} {
				if op := item.Get(method); op != nil {
					d.operations = append(d.operations, &describedOperation{method: strings.ToUpper(method), path: path.Key, node: d.Follow(op), item: item})
				}
			}
		}
		out = append(out, d)
	}
	return out
}

// file puts a recording to its operation: the path with the most literal segments wins, as at the server.
func (d *described) file(r recording) {
	var best *describedOperation
	target, err := url.Parse(r.target)
	if err != nil {
		return
	}
	for _, op := range d.operations {
		if op.method == r.method && d.takes(op, r) && d.on(op, target.Path) &&
			(best == nil || strings.Count(op.path, "{") < strings.Count(best.path, "{")) {
			best = op
		}
	}
	if best != nil {
		best.recorded = append(best.recorded, r)
	}
}

func (d *described) on(op *describedOperation, path string) bool {
	return slices.ContainsFunc(d.bases, func(base string) bool {
		wanted, got := strings.Split(base+op.path, "/"), strings.Split(path, "/")
		return len(wanted) == len(got) && !slices.ContainsFunc(wanted, func(w string) bool {
			g := got[0]
			got = got[1:]
			return w != g && !strings.HasPrefix(w, "{")
		})
	})
}

// takes reports whether content type and constant headers of a request are those of the operation.
func (d *described) takes(op *describedOperation, r recording) bool {
	header := func(name string) string {
		for _, h := range r.header {
			if strings.EqualFold(h[0], name) {
				return h[1]
			}
		}
		return ""
	}
	for _, raw := range append(op.item.Get("parameters").Elements(), op.node.Get("parameters").Elements()...) {
		p := d.Follow(raw)
		if constant := p.At("schema", "const"); p.Get("in").Str() == "header" && constant != nil && header(p.Get("name").Str()) != constant.Str() {
			return false
		}
	}
	content := d.Follow(op.node.Get("requestBody")).Get("content")
	return r.body == "" || content == nil || header("Content-Type") == "" || content.Get(header("Content-Type")) != nil
}

func (op *describedOperation) check(t *testing.T, d *described) {
	t.Helper()
	if len(op.recorded) == 0 {
		t.Errorf("%s: %s %s is not recorded", d.name, op.method, op.path)
		return
	}
	faces := d.faces(op)
	if d.needsCaller(op) && !slices.ContainsFunc(faces, func(f face) bool { return slices.Contains(f.names, string(auth.CodeUnauthenticated)) }) {
		faces = append(faces, face{status: http.StatusUnauthorized, names: []string{string(auth.CodeUnauthenticated)}})
	}
	for _, f := range faces {
		if !slices.ContainsFunc(op.recorded, f.shown) {
			t.Errorf("%s: %s %s: no answer %d %s is recorded", d.name, op.method, op.path, f.status, f)
		}
	}
}

// needsCaller reports whether an operation refuses the anonymous.
func (d *described) needsCaller(op *describedOperation) bool {
	security := op.node.Get("security")
	if security == nil {
		security = d.Root.Get("security")
	}
	list := security.Elements()
	return len(list) > 0 && !slices.ContainsFunc(list, func(n *document.Node) bool { return len(n.Pairs) == 0 })
}

// face is what a client can tell an answer by.
type face struct {
	status   int
	names    []string            // results and codes that look like this
	literals []map[string]string // one of these: the body's literal members, as JSON, by dotted path; "" is the body itself
}

func (f face) String() string { return fmt.Sprint(f.names) }

func (f face) shown(r recording) bool {
	if r.status != f.status {
		return false
	}
	if len(f.literals) == 0 {
		return true
	}
	return slices.ContainsFunc(f.literals, func(literals map[string]string) bool {
		for path, want := range literals {
			got, _ := json.Marshal(at(r.json, path))
			if path == "" {
				got, _ = json.Marshal(r.body)
			}
			if string(got) != want {
				return false
			}
		}
		return true
	})
}

// faces lists the answers that a document names for an operation. How somebody is not signed in looks alike in most
// documents; where codes tell it apart, one of them is enough for each operation.
func (d *described) faces(op *describedOperation) []face {
	var out []face
	add := func(name string, status int, schema *document.Node) {
		literals := map[string]string{}
		d.literals(schema, name, "", literals)
		at := slices.IndexFunc(out, func(f face) bool {
			return f.status == status && (len(f.literals) > 0 && maps.Equal(f.literals[0], literals) || unproven(name) && unproven(f.names[0]))
		})
		if at < 0 {
			out, at = append(out, face{status: status}), len(out)
		}
		out[at].names, out[at].literals = append(out[at].names, name), append(out[at].literals, literals)
	}
	for _, r := range op.node.Get("responses").Members() {
		response := d.Follow(r.Value)
		if response.Get("content") == nil {
			add("ok", statusOf(r.Key, ""), nil)
		}
		for _, media := range response.Get("content").Members() {
			branches := []*document.Node{d.Follow(media.Value.Get("schema"))}
			if list := branches[0].Get("oneOf").Elements(); len(list) > 0 {
				branches = nil
				for _, b := range list {
					branches = append(branches, d.Follow(b))
				}
			}
			for _, b := range branches {
				names, ok := b.Get("x-when").Strings()
				if !ok {
					names, ok = response.Get("x-when").Strings()
				}
				if !ok {
					names = []string{"ok"}
				}
				for _, name := range names {
					if status := statusOf(r.Key, name); name != "*" && reachable(d.catalogue, op, name) && status != 0 {
						add(name, status, b)
					}
				}
			}
		}
	}
	return out
}

// unproven reports whether a code says that a credential does not prove a user.
func unproven(name string) bool {
	return slices.Contains([]auth.Code{auth.CodeUnauthenticated, auth.CodeInvalidToken, auth.CodeTokenExpired, auth.CodeSessionEnded}, auth.Code(name))
}

func statusOf(key, name string) int {
	if status, err := strconv.Atoi(key); err == nil {
		return status
	}
	if auth.Code(name).Known() {
		return auth.Code(name).Status()
	}
	return 0
}

// literals gathers the constants of a body, and its error code as the document writes it. What may be null is left out
// with all its members.
func (d *described) literals(n *document.Node, name, path string, out map[string]string) {
	if n = d.Follow(n); n == nil {
		return
	}
	if c := n.Get("const"); c != nil {
		out[path] = string(c.AppendJSON(nil))
		return
	}
	if n.Get("x-output").Str() == "error.code" {
		value := n.Get("x-map").Get(name)
		switch {
		case value != nil:
		case n.Get("x-map") != nil:
			value = n.Get("x-map").Get("*")
		case n.Get("x-format").Str() == "snake":
			value = &document.Node{Kind: document.String, Text: strings.ReplaceAll(name, "-", "_")}
		default:
			value = &document.Node{Kind: document.String, Text: name}
		}
		out[path] = string(value.AppendJSON(nil))
		return
	}
	if kinds, _ := n.Get("type").Strings(); n.Get("x-key") != nil || slices.Contains(kinds, "null") {
		return
	}
	for _, p := range n.Get("properties").Members() {
		d.literals(p.Value, name, strings.TrimPrefix(path+"."+p.Key, "."), out)
	}
}

// reachable reports whether an operation can end so as it is asked there: documents share responses, and name in them
// what some of their operations cannot say. A failure of the server is nothing that a request can bring about.
func reachable(catalogue *operation.Catalogue, op *describedOperation, name string) bool {
	d := catalogue.Lookup(op.node.Get("x-operation").Str())
	if _, isResult := d.Result(name); isResult {
		return true
	}
	switch code := auth.Code(name); code {
	case auth.CodeInternal:
		return false
	case auth.CodeForbidden:
		return d.Access == operation.Administrator || slices.Contains(d.Errors, code)
	case auth.CodeInvalidRequest:
		return len(d.Results) > 0 && (op.node.Get("requestBody") != nil || op.node.Get("parameters") != nil)
	case auth.CodeUnauthenticated, auth.CodeAppMismatch, auth.CodeEmailUnverified, auth.CodeAccountDisabled:
		return true
	default:
		return slices.Contains(d.Codes(), code)
	}
}

// TestRefusalsAreNotCalledFailures holds that no contract says of a refusal what it says of a failure of the server:
// a client would ask again, or wake somebody. An error map must name every code that its operations end with.
func TestRefusalsAreNotCalledFailures(t *testing.T) {
	for _, name := range recordedContracts {
		for _, d := range contractDocuments(t, name) {
			said := map[string]bool{}
			for _, op := range d.operations {
				for _, code := range d.catalogue.Lookup(op.node.Get("x-operation").Str()).Codes() {
					said[string(code)] = code.Status() < http.StatusInternalServerError
				}
			}
			d.errorMaps(d.Root, func(n *document.Node) {
				translate := func(code string) string {
					value := n.Get("x-map").Get(code)
					if value == nil {
						value = n.Get("x-map").Get("*")
					}
					return string(value.AppendJSON(nil))
				}
				for code, refusal := range said {
					if refusal && translate(code) == translate(string(auth.CodeInternal)) {
						t.Errorf("%s line %d: %s is told as %s, as a failure is", d.name, n.Line, code, translate(code))
					}
				}
			})
		}
	}
}

// errorMaps calls fn with each property that translates error codes and has a word for a failure.
func (d *described) errorMaps(n *document.Node, fn func(*document.Node)) {
	if n.Get("x-output").Str() == "error.code" && n.Get("x-map").Get("*") != nil && n.Get("x-map").Get(string(auth.CodeInvalidRequest)) != nil {
		fn(n)
	}
	for _, p := range n.Pairs {
		d.errorMaps(p.Value, fn)
	}
	for _, e := range n.Elements() {
		d.errorMaps(e, fn)
	}
}
