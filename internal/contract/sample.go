package contract

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
)

// Sample is a request of a mounted contract, for somebody to try it with: signing in, else reading who is signed in.
type Sample struct {
	Contract, Title string
	Host            string // that the contract is mounted on; empty: every one
	Method, URL     string
	Headers         []string // lines
	Body            string   // empty: none
}

// What a person puts into a sample.
const (
	samplePassword = "YOUR-PASSWORD"
	sampleToken    = "YOUR-ACCESS-TOKEN"
	sampleAppKey   = "YOUR-APP-KEY"
)

// Curl is the sample as a command for a shell.
func (s Sample) Curl() string {
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	var b strings.Builder
	b.WriteString("curl")
	if s.Method != "GET" {
		b.WriteString(" -X " + s.Method)
	}
	b.WriteString(" " + quote(s.URL))
	for _, line := range s.Headers {
		b.WriteString(" \\\n  -H " + quote(line))
	}
	if s.Body != "" {
		b.WriteString(" \\\n  -d " + quote(s.Body))
	}
	return b.String()
}

// Samples are one request of each contract that is mounted for an app, made from the documents when they are asked for.
// identifier is who signs in.
func (e *Engine) Samples(app auth.AppID, identifier string) []Sample {
	var out []Sample
	for _, p := range e.plans {
		if p.app != app {
			continue
		}
		s := sampler{doc: document.Parse(p.source.Name, p.source.Data), app: app, identifier: identifier}
		if one, found := s.sample(p); found {
			out = append(out, one)
		}
	}
	return out
}

type sampler struct {
	doc        *document.Document
	app        auth.AppID
	identifier string
}

// sample looks for the operation that says most at once.
func (s sampler) sample(p *plan) (Sample, bool) {
	for _, wanted := range []string{"sign-in", "send-magic-link", "get-me"} {
		for _, path := range s.doc.Root.Get("paths").Members() {
			item := s.doc.Follow(path.Value)
			for _, member := range item.Members() {
				if methods[member.Key] == "" || member.Value.Get("x-operation").Str() != wanted || strings.Contains(path.Key, "{") {
					continue
				}
				out := Sample{Contract: p.name, Host: p.host, Title: p.title, Method: methods[member.Key], URL: p.url + path.Key}
				s.fill(&out, item, member.Value)
				return out, true
			}
		}
	}
	return Sample{}, false
}

// fill adds what the request must have.
func (s sampler) fill(out *Sample, item, n *document.Node) {
	for _, list := range []*document.Node{item.Get("parameters"), n.Get("parameters")} {
		for _, raw := range list.Elements() {
			q := s.doc.Follow(raw)
			if fixed := s.doc.Follow(q.Get("schema")).Get("const"); q.Get("in").Str() == "header" && fixed != nil {
				out.Headers = append(out.Headers, q.Get("name").Str()+": "+fixed.Str())
			}
		}
	}
	out.Headers = append(out.Headers, s.credentials(n)...)
	for _, media := range s.doc.Follow(n.Get("requestBody")).Get("content").Members() {
		out.Headers = append(out.Headers, "Content-Type: "+media.Key)
		out.Body = s.body(media.Key, media.Value.Get("schema"))
		return
	}
}

// credentials are the headers of the first way to be admitted; none where everybody is.
func (s sampler) credentials(n *document.Node) (lines []string) {
	list := n.Get("security")
	if list == nil {
		list = s.doc.Root.Get("security")
	}
	for _, alternative := range list.Elements() {
		if len(alternative.Members()) == 0 {
			return nil
		}
	}
	if len(list.Elements()) == 0 {
		return nil
	}
	for _, member := range list.Elements()[0].Members() {
		scheme := s.doc.Follow(s.doc.Root.At("components", "securitySchemes").Get(member.Key))
		name, value := scheme.Get("name").Str(), sampleToken
		if scheme.Get("x-credential").Str() == "app-key" {
			value = sampleAppKey
		}
		if name == "" {
			name, value = "Authorization", "Bearer "+value
		}
		lines = append(lines, name+": "+value)
	}
	return lines
}

// body has the required properties and those that name a person.
func (s sampler) body(media string, schema *document.Node) string {
	f := s.doc.Follow(schema)
	if branches := f.Get("oneOf").Elements(); len(branches) > 0 {
		f = s.doc.Follow(branches[0])
	}
	required, _ := f.Get("required").Strings()
	var form, object []string
	for _, p := range f.Get("properties").Members() {
		q := s.doc.Follow(p.Value)
		value, known := s.value(p.Key, q)
		if !known && !slices.Contains(required, p.Key) {
			continue
		}
		form = append(form, url.QueryEscape(p.Key)+"="+url.QueryEscape(value))
		object = append(object, text(p.Key)+": "+text(value))
	}
	if media == "application/x-www-form-urlencoded" {
		return strings.Join(form, "&")
	}
	return "{" + strings.Join(object, ", ") + "}"
}

func text(value string) string {
	n := document.Node{Kind: document.String, Text: value}
	return string(n.AppendJSON(nil))
}

// value is what a property says; known reports whether it is one of a person.
func (s sampler) value(key string, q *document.Node) (value string, known bool) {
	input := q.Get("x-input").Str()
	if input == "" {
		input = key
	}
	switch input {
	case "identifier", "email":
		return s.identifier, true
	case "app":
		return string(s.app), true
	case "password":
		return samplePassword, true
	}
	for _, name := range []string{"const", "default", "example"} {
		if v := q.Get(name); v != nil {
			return v.Str(), false
		}
	}
	return "", false
}
