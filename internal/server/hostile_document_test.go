package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server"
)

// paper is a document as anybody can read it: nothing of the engine is used to say what it declares.
type paper struct {
	name  string
	bases []string // without a slash at the end
	root  object
	// fallback is the reference of x-contract.fallback, empty if there is none.
	fallback string
	points   []*point

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by their place in the document
}

// point is one operation of a document.
type point struct {
	paper  *paper
	method string
	path   string // template below the base
	at     string // its place in the document, a JSON pointer
	node   object
	params []object
	def    *operation.Definition
}

func (p *point) String() string { return p.paper.name + " " + p.method + " " + p.path }

// papers reads every document that allContracts mounts.
func papers(t testing.TB) []*paper {
	t.Helper()
	catalogue := operation.New(operation.Deps{})
	var out []*paper
	for _, name := range shippedNames() {
		src, err := server.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, readPaper(t, name, src.Data, catalogue))
	}
	if !slices.Contains(shippedNames(), "accountmaker") {
		data, err := os.ReadFile(filepath.Join("testdata", "accountmaker.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, readPaper(t, "accountmaker", data, catalogue))
	}
	return out
}

func readPaper(t testing.TB, name string, data []byte, catalogue *operation.Catalogue) *paper {
	t.Helper()
	p := &paper{name: name, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	p.compiler.DefaultDraft(jsonschema.Draft2020)
	p.compiler.AssertFormat()
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.compiler.AddResource(p.url(""), plain); err != nil {
		t.Fatal(err)
	}
	p.root = plain.(object)
	for _, s := range list(p.root["servers"]) {
		p.bases = append(p.bases, strings.TrimSuffix(text1(s, "url"), "/"))
	}
	p.fallback = text1(at(p.root, "x-contract.fallback"), "$ref")
	paths, _ := p.root["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		shared := p.follow(paths[path])
		for _, method := range []string{"get", "put", "post", "delete", "patch"} {
			node, ok := shared[method].(object)
			if !ok {
				continue
			}
			op := &point{paper: p, method: strings.ToUpper(method), path: path, node: node,
				at: "#/paths/" + pointer(path) + "/" + method, def: catalogue.Lookup(text1(node, "x-operation"))}
			for _, param := range append(list(shared["parameters"]), list(node["parameters"])...) {
				op.params = append(op.params, p.follow(param))
			}
			p.points = append(p.points, op)
		}
	}
	return p
}

func (p *paper) url(at string) string { return "https://documents.test/" + p.name + ".json" + at }

// follow is a node, or what its reference names with the node's own members on top.
func (p *paper) follow(node any) object {
	o, _ := node.(object)
	ref := text1(o, "$ref")
	if ref == "" {
		return o
	}
	target := maps.Clone(p.follow(p.find(ref)))
	for k, v := range o {
		if k != "$ref" {
			target[k] = v
		}
	}
	return target
}

// find is the node at a JSON pointer (RFC 6901) of the document.
func (p *paper) find(ref string) any {
	var v any = p.root
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		v = v.(object)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return v
}

func pointer(step string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(step) }

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func text1(v any, name string) string {
	o, _ := v.(object)
	s, _ := o[name].(string)
	return s
}

// permits says why an answer is not one that the document declares; nil if it is.
func (p *point) permits(status int, h http.Header, body []byte) error {
	var problems []error
	responses, _ := p.node["responses"].(object)
	code := strconv.Itoa(status)
	for _, name := range []string{code, code[:1] + "XX", "default"} {
		if r, ok := responses[name]; ok {
			at := p.at + "/responses/" + name
			if ref := text1(r, "$ref"); ref != "" {
				at = ref
			}
			err := p.paper.describes(at, p.method, h, body)
			if err == nil {
				return nil
			}
			problems = append(problems, err)
		}
	}
	return p.paper.fallsBack(status, h, body, problems)
}

// fallsBack checks an answer against the fallback, which takes refusals alone.
func (p *paper) fallsBack(status int, h http.Header, body []byte, before []error) error {
	if status < 400 || p.fallback == "" {
		return errors.Join(append(before, fmt.Errorf("status %d is not declared", status))...)
	}
	err := p.describes(p.fallback, "", h, body)
	if err == nil {
		return nil
	}
	return errors.Join(append(before, err)...)
}

// describes checks content type and body of an answer against one response of the document.
func (p *paper) describes(at, method string, h http.Header, body []byte) error {
	content, _ := p.follow(p.find(at))["content"].(object)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s has no body", at)
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("%s: content type %q: %w", at, h.Get("Content-Type"), err)
	}
	for name, media := range content {
		if declared, _, err := mime.ParseMediaType(name); err != nil || declared != kind {
			continue
		}
		if method == http.MethodHead || media.(object)["schema"] == nil {
			return nil
		}
		return p.valid(at+"/content/"+pointer(name)+"/schema", kind, body)
	}
	return fmt.Errorf("%s does not declare %s", at, kind)
}

func (p *paper) valid(at, kind string, body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.schemas[at]
	if s == nil {
		var err error
		if s, err = p.compiler.Compile(p.url(at)); err != nil {
			return err
		}
		p.schemas[at] = s
	}
	var value any = string(body)
	if kind == "application/json" || strings.HasSuffix(kind, "+json") {
		var err error
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(body)); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return s.Validate(value)
}

// secretInputs are the names of the operation's inputs that must never be shown or logged.
func (p *point) secretInputs() []string {
	var out []string
	for _, f := range operation.Fields(p.def.Input) {
		if f.Secret {
			out = append(out, f.Name)
		}
	}
	return out
}

// input is which input a parameter or property fills.
func input(name string, node object) string {
	if s := text1(node, "x-input"); s != "" {
		return s
	}
	return name
}

// consumes says that a browser's GET must get a page instead of an answer.
func (p *point) consumes() bool { return p.def.Consumes }
