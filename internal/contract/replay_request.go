package contract

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// wrongToken is sent where an example shows what becomes of a bad credential.
const wrongToken = "not-a-token-of-this-server"

// request builds the request of a scene from its example and what was given. missing says what it lacks.
func (p *replayer) request(ctx context.Context, s *scene, values map[string]string) (r *http.Request, missing string) {
	body, media, err := p.body(s, values)
	if err != nil {
		return nil, err.Error()
	}
	target, headers, missing := p.target(s, values)
	if missing != "" {
		return nil, missing
	}
	r = httptest.NewRequestWithContext(ctx, s.op.method, target, strings.NewReader(body))
	r.Header = headers
	if s.accept != "" {
		r.Header.Set("Accept", s.accept+", */*;q=0.1") // an error may come in another type than the results
	}
	if body != "" {
		r.Header.Set("Content-Type", media)
	}
	if !p.present(s, r, values) {
		return nil, "the operation needs a credential and none was given"
	}
	return r, ""
}

// body is the example's body with what was given in its place.
func (p *replayer) body(s *scene, values map[string]string) (body, media string, err error) {
	if s.body == nil {
		return "", "", nil
	}
	media, _ = wire.MediaType(s.media)
	literal := schema.Literal(s.body)
	if plan := s.op.reads(media); plan != nil {
		for i := range plan.binds {
			b := &plan.binds[i]
			if text, ok := values[s.op.inputs.slots[b.slot].name]; ok {
				replace(&literal, b.path, p.prefixed(s.op, b.slot, text))
			}
		}
	}
	body, err = encodeBody(media, &literal)
	return body, media, err
}

// target is the URL and the headers that the parameters make.
func (p *replayer) target(s *scene, values map[string]string) (target string, headers http.Header, missing string) {
	path, query, headers := s.op.path, url.Values{}, http.Header{}
	for i := range s.op.params {
		param := &s.op.params[i]
		text, ok := p.paramText(s, param, values)
		if !ok {
			if param.required {
				return "", nil, "the parameter " + param.name + " has no example and nothing was given for it"
			}
			continue
		}
		switch param.in {
		case auth.InPath:
			path = strings.Replace(path, "{"+param.name+"}", url.PathEscape(text), 1)
		case auth.InQuery:
			query.Set(param.name, text)
		case auth.InHeader:
			headers.Set(param.name, text)
		default:
			headers.Add("Cookie", httpx.NewCookies(replayURL).Name(param.name)+"="+url.PathEscape(text))
		}
	}
	target = replayURL + s.op.contract.bases[0] + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target, headers, ""
}

// present adds the credentials that were given, as the operation's security asks for them. An example of a missing
// or bad credential sends none, or a wrong one.
func (p *replayer) present(s *scene, r *http.Request, values map[string]string) bool {
	if s.outcome == string(auth.CodeUnauthenticated) {
		return true
	}
	if s.outcome == string(auth.CodeInvalidToken) && values[GivenBearer] == "" {
		values = map[string]string{GivenBearer: wrongToken, GivenAPIKey: wrongToken, GivenSessionCookie: wrongToken, GivenAppKey: values[GivenAppKey]}
	}
	security := &s.op.security
	for _, alternative := range security.alternatives {
		if !slices.ContainsFunc(alternative, func(i int) bool { return credentialText(security.schemes[i].carries, values) == "" }) {
			for _, i := range alternative {
				security.schemes[i].send(r, credentialText(security.schemes[i].carries, values))
			}
			return true
		}
	}
	return security.anonymous
}

func credentialText(c credential, values map[string]string) string {
	switch c {
	case credentialSession:
		return values[GivenSessionCookie]
	case credentialAppKey:
		return values[GivenAppKey]
	case credentialAPIKey:
		return values[GivenAPIKey]
	}
	return values[GivenBearer]
}

func (s *scheme) send(r *http.Request, value string) {
	switch {
	case s.cookie != "":
		r.Header.Add("Cookie", s.cookie+"="+value)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	case s.bearer:
		r.Header.Set("Authorization", "Bearer "+value)
	default:
		r.Header.Set(s.header, value)
	}
}

// paramText is what a parameter is sent as: what was given for its input, else its example.
func (p *replayer) paramText(s *scene, param *param, values map[string]string) (string, bool) {
	for i := range param.binds {
		if text, ok := values[s.op.inputs.slots[param.binds[i].slot].name]; ok {
			return p.prefixed(s.op, param.binds[i].slot, text), true
		}
	}
	for _, n := range s.params {
		if !strings.EqualFold(n.Get("name").Str(), param.name) || n.Get("in").Str() != param.in {
			continue
		}
		if e := p.l.doc.Follow(n.Get("examples").Get(s.name)); e != nil {
			return scalarText(e.Get("value"))
		}
		for _, at := range []*document.Node{n.Get("example"), p.l.flat(n.Get("schema")).Get("const"), p.l.flat(n.Get("schema")).Get("example")} {
			if at != nil && (param.required || at == n.Get("example")) {
				return scalarText(at)
			}
		}
	}
	return "", false
}

func scalarText(n *document.Node) (string, bool) {
	if n == nil || n.Is(document.Map) || n.Is(document.List) {
		return "", false
	}
	return n.Text, true
}

// prefixed adds the prefix of x-contract.ids that a client would send.
func (p *replayer) prefixed(op *operationPlan, slot int, text string) string {
	for _, f := range operation.Fields(op.def.Input) {
		if f.Name == op.inputs.slots[slot].name {
			return prefixOf(bare(f.Type), op.contract.ids) + text
		}
	}
	return text
}

// replace puts text where the example has a value; a place that the example leaves out stays empty. For an object the
// text is JSON.
func replace(v *wire.Value, path []string, text string) {
	at := v.At(path)
	if at == nil {
		return
	}
	if at.Kind == wire.Object {
		if whole, fault := wire.JSON(text, maxExampleDepth); fault == nil {
			*at = whole
			return
		}
	}
	if at.Kind != wire.Number {
		at.Kind = wire.String
	}
	at.Text = text
}

// maxExampleDepth is far deeper than any object that a Given makes.
const maxExampleDepth = 32
