package contract

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
)

// decode reads, validates and binds everything the request says. Its error is invalid-request with every
// violation, in the order of the document.
func (c *call) decode() error {
	c.input = reflect.New(c.op.def.Input).Elem()
	query, fault := wire.Form(c.r.URL.RawQuery)
	if fault != nil {
		c.fail(fault, auth.InQuery)
		return c.wrong()
	}
	c.query = query
	c.params()
	c.decodeBody()
	if err := c.wrong(); err != nil {
		return err
	}
	c.bind()
	if err := c.wrong(); err != nil {
		return err
	}
	c.bound = true
	return nil
}

func (c *call) wrong() error {
	if len(c.run.Violations) == 0 {
		return nil
	}
	return &auth.Error{Code: auth.CodeInvalidRequest, Violations: c.run.Violations}
}

// fail reports what could not be decoded.
func (c *call) fail(fault *wire.Fault, in string, path ...string) {
	c.run.Report(auth.Violation{Code: fault.Code, Message: fault.Message}, in, append(path, fault.Path...)...)
}

// params reads and validates the declared parameters.
func (c *call) params() {
	for i := range c.op.params {
		p := &c.op.params[i]
		v, ok := c.param(p)
		c.values, c.sent = append(c.values, v), append(c.sent, ok)
		switch {
		case ok && p.rest:
			c.run.Validate(p.schema, &c.values[i], p.in)
		case ok:
			c.run.Validate(p.schema, &c.values[i], p.in, p.name)
		case p.required:
			c.run.Missing(p.in, p.name)
		}
	}
}

// param reads one parameter; ok is false when it was not sent.
func (c *call) param(p *param) (v wire.Value, ok bool) {
	switch p.in {
	case auth.InQuery:
		return c.queryParam(p)
	case auth.InPath:
		if p.segment >= len(c.route.URLParams.Values) {
			return v, false
		}
		text, fault := wire.Segment(c.route.URLParams.Values[p.segment])
		if fault != nil {
			c.fail(fault, p.in, p.name)
			return v, false
		}
		return p.value(text), true
	case auth.InHeader:
		values := c.r.Header[p.name]
		if len(values) == 0 || values[0] == "" {
			return v, false
		}
		if len(values) > 1 && p.list == 0 {
			c.duplicate(p.in, p.name)
			return v, false
		}
		return c.plainText(p, strings.Join(values, ","))
	default:
		text, sent := c.e.cookies.Read(c.r, p.name)
		if !sent {
			return v, false
		}
		if decoded, err := url.PathUnescape(text); err == nil {
			text = decoded
		}
		return c.plainText(p, text)
	}
}

func (c *call) plainText(p *param, text string) (wire.Value, bool) {
	if fault := wire.Text(text); fault != nil {
		c.fail(fault, p.in, p.name)
		return wire.Value{}, false
	}
	return p.value(text), true
}

func (c *call) duplicate(in, name string) {
	c.run.Report(auth.Violation{Code: auth.ViolationDuplicate, Message: "must not be sent twice"}, in, name)
}

// value reads the text of a parameter as its schema asks.
func (p *param) value(text string) wire.Value {
	if p.list == 0 {
		return p.schema.Text(text)
	}
	return list(p.schema, strings.Split(text, string(p.list)))
}

func list(s *schema.Schema, texts []string) wire.Value {
	v := wire.Value{Kind: wire.Array}
	items := s.Items()
	for _, t := range texts {
		item := wire.Value{Kind: wire.String, Text: t}
		if items != nil {
			item = items.Text(t)
		}
		v.Items = append(v.Items, item)
	}
	return v
}

// queryParam reads a parameter from the query. An empty text is an absence.
func (c *call) queryParam(p *param) (v wire.Value, ok bool) {
	if p.rest {
		return c.undeclared(p)
	}
	var found []string
	for i := range c.query {
		if c.query[i].Name == p.name && c.query[i].Value != "" {
			if p.list == 0 && ok {
				c.duplicate(p.in, p.name)
				return v, false
			}
			if ok = true; p.list != '&' {
				v = p.value(c.query[i].Value)
				continue
			}
			found = append(found, c.query[i].Value)
		}
	}
	if len(found) > 0 {
		return list(p.schema, found), true
	}
	return v, ok
}

// undeclared collects every query parameter that no other parameter takes into one object.
func (c *call) undeclared(p *param) (wire.Value, bool) {
	v := wire.Value{Kind: wire.Object}
	for _, f := range c.query {
		if f.Value == "" || p.claimed[f.Name] {
			continue
		}
		if v.Get(f.Name) != nil {
			c.duplicate(p.in, f.Name)
			continue
		}
		member := wire.Value{Kind: wire.String, Text: f.Value}
		if s := p.members[f.Name]; s != nil {
			member = s.Text(f.Value)
		}
		v.Members = append(v.Members, wire.Member{Name: f.Name, Value: member})
	}
	return v, len(v.Members) > 0 || len(p.members) > 0
}

// decodeBody decodes and validates the body.
func (c *call) decodeBody() {
	if c.body == nil {
		if c.op.required {
			c.emptyBody()
		}
		return
	}
	text := string(c.buffer)
	if c.body.form {
		fields, fault := wire.Form(text)
		if fault != nil {
			c.fail(fault, auth.InBody)
			return
		}
		c.root = c.form(fields)
	} else {
		root, fault := wire.JSON(text, c.plan.depth)
		if fault != nil {
			c.fail(fault, auth.InBody)
			return
		}
		c.root = root
	}
	c.run.Validate(c.body.schema, &c.root, auth.InBody)
}

// emptyBody tells what a request without its required body lacks: its required members, where it has some.
func (c *call) emptyBody() {
	before := len(c.run.Violations)
	if len(c.op.bodies) > 0 {
		empty := wire.Value{Kind: wire.Object}
		c.run.Validate(c.op.bodies[0].schema, &empty, auth.InBody)
	}
	if len(c.run.Violations) == before {
		c.run.Missing(auth.InBody)
	}
}

// form makes an object of a form's fields. An empty text is an absence; a list is a repeated field.
func (c *call) form(fields []wire.Field) wire.Value {
	v := wire.Value{Kind: wire.Object, Members: make([]wire.Member, 0, len(fields))}
	for _, f := range fields {
		if f.Value == "" {
			continue
		}
		declared, known := c.body.fields[f.Name]
		existing := v.Get(f.Name)
		switch {
		case declared.list && existing != nil:
			existing.Items = append(existing.Items, list(declared.schema, []string{f.Value}).Items...)
		case existing != nil:
			c.duplicate(auth.InBody, f.Name)
		case declared.list:
			v.Members = append(v.Members, wire.Member{Name: f.Name, Value: list(declared.schema, []string{f.Value})})
		case known:
			v.Members = append(v.Members, wire.Member{Name: f.Name, Value: declared.schema.Text(f.Value)})
		default:
			v.Members = append(v.Members, wire.Member{Name: f.Name, Value: wire.Value{Kind: wire.String, Text: f.Value}})
		}
	}
	return v
}

// bind fills the inputs: the fixed ones, then the body, the path, the query, headers and cookies, whichever has a
// value first; then defaults.
func (c *call) bind() {
	inputs := &c.op.inputs
	for i := range inputs.fixed {
		c.fill(&inputs.fixed[i], inputs.fixed[i].preset, "")
	}
	for i := range c.bodyBinds() {
		b := &c.body.binds[i]
		c.fill(b, c.root.At(b.path), auth.InBody)
	}
	for i := range c.op.params {
		p := &c.op.params[i]
		if !c.sent[i] {
			continue
		}
		for j := range p.binds {
			c.fill(&p.binds[j], c.values[i].At(p.binds[j].path), p.in)
		}
	}
	c.presets()
	for i := range inputs.slots {
		if s := &inputs.slots[i]; s.required && c.filled&(1<<i) == 0 {
			c.run.Missing(s.in, s.path...)
		}
	}
}

// presets fills what no source filled from the document's defaults.
func (c *call) presets() {
	for i := range c.bodyBinds() {
		if b := &c.body.binds[i]; b.preset != nil {
			c.fill(b, b.preset, auth.InBody)
		}
	}
	for i := range c.op.params {
		for j := range c.op.params[i].binds {
			if b := &c.op.params[i].binds[j]; b.preset != nil {
				c.fill(b, b.preset, c.op.params[i].in)
			}
		}
	}
}

// fill puts a value into the slot of a bind unless it is filled already.
func (c *call) fill(b *bind, v *wire.Value, in string) {
	bit := uint64(1) << b.slot
	if v == nil || c.filled&bit != 0 || v.Kind == wire.Null && !b.patch {
		return
	}
	c.filled |= bit
	s := &c.op.inputs.slots[b.slot]
	if in == auth.InCookie {
		c.shown.cookie = true
	}
	if s.own {
		c.takeOwn(s.name, v.Text)
	}
	if s.field == nil {
		return
	}
	if wrong := b.set(c.input.FieldByIndex(s.field), v); wrong != nil {
		place := b.path
		if in != auth.InBody && len(place) == 0 {
			place = s.path
		}
		c.run.Report(*wrong, in, place...)
	}
}

func (c *call) takeOwn(name, text string) {
	switch name {
	case inputCSRF:
		c.own.csrf = text
	case inputApp:
		c.own.app = strings.TrimPrefix(text, c.plan.ids["app"])
	case inputClient:
		c.own.client = strings.TrimPrefix(text, c.plan.ids["client"])
	case inputChallenge:
		c.own.challenge = text
	}
}

// csrfHeader carries a CSRF token where a document declares no place for it.
const csrfHeader = "X-Csrf-Token"

// challengeHeader carries the response to a challenge where a document declares no place for it.
const challengeHeader = "X-Challenge-Response"

// place finds where a request filled an input, or would have: the words for a violation that an operation found.
func (c *call) place(field string) (in string, path []string) {
	slot := slices.IndexFunc(c.op.inputs.slots, func(s slot) bool { return s.name == field })
	if slot < 0 {
		return "", []string{field}
	}
	var declared *bind
	for i := range c.bodyBinds() {
		b := &c.body.binds[i]
		if b.slot != slot {
			continue
		}
		if c.root.At(b.path) != nil {
			return auth.InBody, b.path
		}
		if declared == nil {
			declared = b
		}
	}
	if p := c.sentParam(slot); p != nil {
		return p.in, []string{p.name}
	}
	if declared != nil {
		return auth.InBody, declared.path
	}
	s := &c.op.inputs.slots[slot]
	return s.in, s.path
}

func (c *call) bodyBinds() []bind {
	if c.body == nil {
		return nil
	}
	return c.body.binds
}

// sentParam is the parameter that the request sent for a slot; nil if it sent none.
func (c *call) sentParam(slot int) *param {
	for i := range c.sent {
		p := &c.op.params[i]
		if c.sent[i] && slices.ContainsFunc(p.binds, func(b bind) bool { return b.slot == slot && b.path == nil }) {
			return p
		}
	}
	return nil
}
