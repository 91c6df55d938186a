package contract

import (
	"bytes"
	_ "embed" // the page and its style
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/httpx"
)

//go:embed docs.gohtml
var docsPage string

//go:embed docs.css
var docsStyle string

var docsTemplate = template.Must(template.New("docs").Parse(docsPage))

// Docs serves /docs, /docs/{contract}, /docs/{contract}/openapi.yaml and the pages' style sheet. Pages are made when they are asked for,
// from the document: nobody keeps a parsed document in memory for them.
func (e *Engine) Docs() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			httpx.Problem(w, r, auth.E(auth.CodeMethodNotAllowed, ""))
			return
		}
		name, document, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, "/docs"), "/"), "/")
		i := slices.IndexFunc(e.plans, func(p *plan) bool { return p.name == name })
		switch {
		case name == "" && document == "":
			renderDocs(w, r, "index", e.Contracts())
		case name == "style.css" && document == "":
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			_, _ = io.WriteString(w, docsStyle)
		case i >= 0 && document == "":
			e.docsContract(w, r, e.plans[i])
		case i >= 0 && document == "openapi.yaml":
			w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
			_, _ = w.Write(e.plans[i].source.Data)
		default:
			httpx.Problem(w, r, auth.E(auth.CodeNotFound, ""))
		}
	})
}

func (e *Engine) docsContract(w http.ResponseWriter, r *http.Request, p *plan) {
	d := &describer{doc: document.Parse(p.source.Name, p.source.Data), ops: e.o.Operations}
	renderDocs(w, r, "contract", d.page(p))
}

func renderDocs(w http.ResponseWriter, r *http.Request, name string, data any) {
	var page bytes.Buffer
	if err := docsTemplate.ExecuteTemplate(&page, name, data); err != nil {
		httpx.Problem(w, r, auth.Internal(err))
		return
	}
	httpx.Page(w.Header(), httpx.PagePolicy{Style: "'self'"})
	_, _ = w.Write(page.Bytes())
}

// What the reference page shows.
type (
	pageView struct {
		Name, Title, Version, URL, Base string
		Description                     []string
		Operations                      []operationView
	}
	operationView struct {
		Anchor, Method, Path, Summary, Does, Credentials string
		Description                                      []string
		Params                                           []fieldView
		Bodies                                           []bodyView
		Responses                                        []responseView
	}
	fieldView struct {
		Name, Type, Description string
		Required                bool
		Depth                   int
	}
	bodyView struct {
		Media, When string
		Fields      []fieldView
		Examples    []string
	}
	responseView struct {
		Status, Description, When, Headers, Cookies string
		Bodies                                      []bodyView
	}
)

// describer turns a document into its reference page.
type describer struct {
	doc  *document.Document
	ops  Operations
	open []*document.Node // schemas being described, to end where one contains itself
}

func (d *describer) page(p *plan) pageView {
	info := d.doc.Root.Get("info")
	v := pageView{
		Name: p.name, Title: p.title, Version: info.Get("version").Str(), URL: p.url, Base: p.bases[0],
		Description: paragraphs(info.Get("description").Str()),
	}
	for _, path := range d.doc.Root.Get("paths").Members() {
		item := d.doc.Follow(path.Value)
		for _, member := range item.Members() {
			if methods[member.Key] != "" {
				v.Operations = append(v.Operations, d.operation(path.Key, item, member))
			}
		}
	}
	return v
}

func paragraphs(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (d *describer) operation(path string, item *document.Node, p document.Pair) operationView {
	n, method := p.Value, methods[p.Key]
	v := operationView{
		Anchor: strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path),
		Method: method, Path: path, Summary: n.Get("summary").Str(), Description: paragraphs(n.Get("description").Str()),
		Credentials: d.credentials(n),
	}
	if v.Summary == "" {
		v.Summary = method + " " + path
	}
	if def := d.ops.Lookup(n.Get("x-operation").Str()); def != nil {
		v.Does = def.Doc
	}
	for _, list := range []*document.Node{item.Get("parameters"), n.Get("parameters")} {
		if list == nil {
			continue
		}
		for _, raw := range list.Items {
			q := d.doc.Follow(raw)
			v.Params = append(v.Params, fieldView{Name: q.Get("name").Str(), Type: q.Get("in").Str() + ", " + d.typeOf(q.Get("schema")),
				Required: q.Get("required").True(), Description: q.Get("description").Str()})
		}
	}
	v.Bodies = d.bodies(d.doc.Follow(n.Get("requestBody")).Get("content"))
	for _, r := range n.Get("responses").Members() {
		v.Responses = append(v.Responses, d.response(r))
	}
	return v
}

func (d *describer) credentials(n *document.Node) string {
	list := n.Get("security")
	if list == nil {
		list = d.doc.Root.Get("security")
	}
	if list == nil {
		return ""
	}
	var out []string
	for _, alternative := range list.Items {
		var names []string
		for _, s := range alternative.Members() {
			names = append(names, s.Key)
		}
		if len(names) == 0 {
			names = []string{"none"}
		}
		out = append(out, strings.Join(names, " and "))
	}
	return strings.Join(out, ", or ")
}

func (d *describer) response(p document.Pair) responseView {
	n := d.doc.Follow(p.Value)
	v := responseView{Status: p.Key, Description: n.Get("description").Str(), Bodies: d.bodies(n.Get("content"))}
	if names, ok := n.Get("x-when").Strings(); ok {
		v.When = strings.Join(names, ", ")
	}
	var headers, cookies []string
	for _, h := range n.Get("headers").Members() {
		headers = append(headers, h.Key)
	}
	for _, key := range []string{"x-cookies", "x-renew-cookies", "x-clear-cookies"} {
		kinds, _ := n.Get(key).Strings()
		for _, kind := range kinds {
			cookies = append(cookies, strings.TrimSuffix(strings.TrimPrefix(key, "x-"), "cookies")+kind)
		}
	}
	v.Headers, v.Cookies = strings.Join(headers, ", "), strings.Join(cookies, ", ")
	return v
}

func (d *describer) bodies(content *document.Node) []bodyView {
	var out []bodyView
	for _, media := range content.Members() {
		examples := d.examples(media.Value)
		s := media.Value.Get("schema")
		branches := []*document.Node{s}
		if list := d.doc.Follow(s).Get("oneOf"); list.Is(document.List) {
			branches = list.Items
		}
		for i, b := range branches {
			v := bodyView{Media: media.Key, Fields: d.fields(b, 0)}
			if names, ok := d.doc.Follow(b).Get("x-when").Strings(); ok {
				v.When = strings.Join(names, ", ")
			}
			if i == len(branches)-1 {
				v.Examples = examples
			}
			out = append(out, v)
		}
	}
	return out
}

func (d *describer) examples(media *document.Node) []string {
	var out []string
	show := func(n *document.Node) {
		if n.Is(document.String) {
			out = append(out, n.Text)
			return
		}
		var pretty bytes.Buffer
		if json.Indent(&pretty, n.AppendJSON(nil), "", "  ") == nil {
			out = append(out, pretty.String())
		}
	}
	if e := media.Get("example"); e != nil {
		show(e)
	}
	for _, e := range media.Get("examples").Members() {
		if value := d.doc.Follow(e.Value).Get("value"); value != nil {
			show(value)
		}
	}
	return out
}

// mostDocsDepth is how deep nested properties are shown.
const mostDocsDepth = 4

// fields lists the properties of a schema, nested ones below their parent.
func (d *describer) fields(n *document.Node, depth int) []fieldView {
	f := d.doc.Follow(n)
	var out []fieldView
	if depth > mostDocsDepth || f == nil {
		return out
	}
	if slices.Contains(d.open, f) {
		return out
	}
	d.open = append(d.open, f)
	defer func() { d.open = d.open[:len(d.open)-1] }()
	for _, part := range f.Get("allOf").Elements() {
		out = append(out, d.fields(part, depth)...)
	}
	required, _ := f.Get("required").Strings()
	for _, p := range f.Get("properties").Members() {
		q := d.doc.Follow(p.Value)
		out = append(out, fieldView{Name: p.Key, Type: d.typeOf(q), Required: slices.Contains(required, p.Key),
			Description: q.Get("description").Str(), Depth: depth})
		out = append(out, d.fields(q, depth+1)...)
	}
	if items := f.Get("items"); items != nil {
		out = append(out, d.fields(items, depth)...)
	}
	return out
}

func (d *describer) typeOf(n *document.Node) string {
	f := d.doc.Follow(n)
	if f == nil {
		return ""
	}
	text := f.Get("type").Str()
	if names, ok := f.Get("type").Strings(); ok {
		text = strings.Join(names, " or ")
	}
	if format := f.Get("format").Str(); format != "" {
		text += " (" + format + ")"
	}
	if fixed := f.Get("const"); fixed != nil {
		text = "always " + string(fixed.AppendJSON(nil))
	}
	if items := d.doc.Follow(f.Get("items")); items != nil && !slices.Contains(d.open, f) {
		d.open = append(d.open, f)
		text += " of " + d.typeOf(items)
		d.open = d.open[:len(d.open)-1]
	}
	return text
}
