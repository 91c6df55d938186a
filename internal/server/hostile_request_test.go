package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// shot is one request, and what it was made for.
type shot struct {
	aim      *point
	method   string
	target   string
	header   http.Header
	body     string
	chunked  bool
	canaries []string // sent where secrets stand
}

func (s *shot) String() string {
	if s.aim == nil {
		return fmt.Sprintf("%s %.300q %q %.600q", s.method, s.target, s.header, s.body)
	}
	var h strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.header)) {
		fmt.Fprintf(&h, " -H %.120q", name+": "+strings.Join(s.header[name], " | "))
	}
	return fmt.Sprintf("%s %.300q%s %.600q (%s)", s.method, s.target, h.String(), s.body, s.aim)
}

// forge makes requests out of documents. Equal seeds make equal requests.
type forge struct {
	*rand.Rand
	w      *world
	serial int
	shot   *shot
}

// chance is true n times in a hundred.
func (f *forge) chance(n int) bool { return f.IntN(100) < n }

// request makes a request that the document allows, as somebody, and then breaks it at times.
func (f *forge) request(p *point, anonymous bool) *shot {
	f.shot = &shot{aim: p, method: p.method, header: http.Header{}}
	path, query := p.path, url.Values{}
	for _, param := range p.params {
		name := text1(param, "name")
		schema := p.paper.follow(param["schema"])
		if param["required"] != true && f.chance(60) {
			continue
		}
		text := scalar(f.value(p, param["schema"], input(name, param), 0))
		if c, ok := schema["const"].(string); ok && f.chance(95) {
			text = c
		}
		switch text1(param, "in") {
		case "path":
			if ids := f.w.known[segmentBefore(p.path, name)]; len(ids) > 0 && f.chance(85) {
				text = f.prefixed(p, ids[max(len(ids)-1-f.IntN(4), 0)]) // the newest are the likely ones' own
			}
			path = strings.Replace(path, "{"+name+"}", f.segment(text), 1)
		case "query":
			query.Set(name, text)
		case "header":
			f.shot.header.Set(name, printable(text))
		case "cookie":
			f.shot.header.Add("Cookie", name+"="+url.QueryEscape(text))
		}
	}
	f.shot.target = pick(f.Rand, p.paper.bases) + path
	if len(query) > 0 {
		f.shot.target += "?" + query.Encode()
	}
	f.fill(p)
	f.somebody(p, anonymous)
	for f.chance(35) {
		f.breakIt()
	}
	return f.shot
}

// segmentBefore is the word of a template before a parameter: users in /users/{id}.
func segmentBefore(path, param string) string {
	before, _, _ := strings.Cut(path, "/{"+param+"}")
	return before[strings.LastIndex(before, "/")+1:]
}

// prefixed is an id as the document's clients write it, at times.
func (f *forge) prefixed(p *point, id string) string {
	ids, _ := at(p.paper.root, "x-contract.ids").(object)
	if len(ids) == 0 || f.chance(30) {
		return id
	}
	prefix, _ := ids[pick(f.Rand, slices.Sorted(maps.Keys(ids)))].(string)
	return prefix + id
}

func (f *forge) segment(text string) string {
	if text == "" {
		text = "x"
	}
	return url.PathEscape(text)
}

// fill makes the body.
func (f *forge) fill(p *point) {
	content, _ := p.paper.follow(p.node["requestBody"])["content"].(object)
	if len(content) == 0 {
		if f.chance(3) {
			f.shot.body = "{}"
			f.shot.header.Set("Content-Type", "application/json")
		}
		return
	}
	kind := pick(f.Rand, slices.Sorted(maps.Keys(content)))
	value := f.value(p, content[kind].(object)["schema"], "", 0)
	if f.chance(20) {
		value = f.distort(value)
	}
	f.shot.header.Set("Content-Type", kind)
	if strings.Contains(kind, "urlencoded") {
		form := url.Values{}
		flat(form, "", value)
		f.shot.body = form.Encode()
		return
	}
	text, _ := json.Marshal(value) // made of maps, lists and scalars
	f.shot.body = string(text)
}

func flat(form url.Values, name string, value any) {
	switch v := value.(type) {
	case object:
		for k, member := range v {
			flat(form, strings.TrimPrefix(name+"."+k, "."), member)
		}
	case []any:
		for _, item := range v {
			form.Add(name, scalar(item))
		}
	default:
		form.Set(name, scalar(v))
	}
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	case json.Number:
		return v.String()
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// somebody adds a credential, or none.
func (f *forge) somebody(p *point, anonymous bool) {
	bunch := p.paper.name == "bunch"
	switch {
	case anonymous && !bunch:
		if f.chance(15) {
			f.shot.header.Set("Authorization", pick(f.Rand, []string{"Bearer " + f.canary(), "Bearer", "Bearer  ", "Basic YTpi", f.canary(), "bearer a b", "Bearer eyJhbGciOiJub25lIn0.e30.", "\x80"}))
		}
	case !anonymous:
		for range 1 + f.IntN(20)/19 {
			c := f.w.likely[min(f.IntN(3), 1)]
			if f.chance(30) {
				c = pick(f.Rand, f.w.credentials)
			}
			if c[0] == "Cookie" && f.chance(70) {
				f.shot.header.Set("Sec-Fetch-Site", "same-origin")
			}
			f.shot.header.Add(c[0], c[1])
		}
	}
	if bunch && f.chance(85) {
		for _, c := range f.w.credentials {
			if c[0] == "X-App-Key" && f.shot.header.Get("X-Api-Key") == "" {
				f.shot.header.Set("X-Api-Key", c[1])
			}
		}
	}
}

// canary is a word that must come back nowhere.
func (f *forge) canary() string {
	f.serial++
	s := fmt.Sprintf("canary-%d-quiet-amber-rain", f.serial)
	f.shot.canaries = append(f.shot.canaries, s)
	return s
}

// value makes a value that fits a schema.
func (f *forge) value(p *point, node any, name string, depth int) any {
	s := p.paper.follow(node)
	if c, ok := s["const"]; ok {
		return c
	}
	if e := list(s["enum"]); len(e) > 0 {
		return pick(f.Rand, e)
	}
	for _, word := range []string{"oneOf", "anyOf"} {
		if branches := list(s[word]); len(branches) > 0 && depth < 8 {
			return f.value(p, pick(f.Rand, branches), name, depth+1)
		}
	}
	types := list(s["type"])
	if t := text1(s, "type"); t != "" {
		types = []any{t}
	}
	kind := "object"
	switch {
	case len(types) > 0:
		kind, _ = pick(f.Rand, types).(string)
	case s["properties"] == nil && s["allOf"] == nil:
		kind = "string"
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return f.chance(50)
	case "integer", "number":
		return f.number(s)
	case "array":
		out := []any{}
		for range f.IntN(3) {
			out = append(out, f.value(p, s["items"], name, depth+1))
		}
		return out
	case "object":
		return f.object(p, s, depth)
	}
	return f.text(p, s, name)
}

func (f *forge) number(s object) any {
	least, most := 0, 1000
	if n, ok := s["minimum"].(json.Number); ok {
		least, _ = strconv.Atoi(n.String())
	}
	if n, ok := s["maximum"].(json.Number); ok {
		most, _ = strconv.Atoi(n.String())
	}
	return least + f.IntN(max(most-least, 0)+1)
}

func (f *forge) object(p *point, s object, depth int) any {
	out := object{}
	for _, part := range append([]any{s}, list(s["allOf"])...) {
		o := p.paper.follow(part)
		required := list(o["required"])
		properties, _ := o["properties"].(object)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if depth < 8 && (slices.Contains(required, any(name)) || f.chance(20)) {
				node := p.paper.follow(properties[name])
				out[name] = f.value(p, properties[name], input(name, node), depth+1)
			}
		}
	}
	return out
}

func (f *forge) text(p *point, s object, name string) string {
	secret := slices.Contains(p.secretInputs(), name)
	if secret && f.chance(25) {
		return f.canary()
	}
	known := f.w.known[name]
	switch {
	case name == "identifier":
		known = f.w.known["email"]
	case known == nil && (strings.HasSuffix(name, "_id") || name == "id"):
		known = f.w.known["users"]
	case name == "password_confirmation":
		known = f.w.known["password"]
	}
	if len(known) > 0 && f.chance(85) {
		if text := known[max(len(known)-1-f.IntN(8), 0)]; !strings.HasSuffix(name, "id") {
			return text
		}
		return f.prefixed(p, pick(f.Rand, known))
	}
	f.serial++
	if name == "email" || text1(s, "format") == "email" {
		return fmt.Sprintf("guest%d@example.com", f.serial)
	}
	text := fmt.Sprintf("word%d", f.serial)
	for _, word := range []string{"example", "default"} {
		if e, ok := s[word].(string); ok && f.chance(70) {
			return e
		}
	}
	if strings.Contains(name, "password") {
		text = "amber ladders under quiet rain"
	}
	return text
}

// printable is what net/http lets through in a header's value.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
