package oauth

import (
	"net/url"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Parameter is one name and value of an answer.
type Parameter struct{ Name, Value string }

// Answer is what a browser takes back to a client (RFC 6749 sections 4.1.2 and 4.1.2.1).
type Answer struct {
	RedirectURI string
	Mode        string
	Parameters  []Parameter
}

// answer tells a client of a request what became of it: who answers (`iss`, RFC 9207) and the client's own `state` go
// along with everything.
func (s *Service) answer(r AuthorizationRequest, own ...Parameter) *Answer {
	if r.State != "" {
		own = append(own, Parameter{"state", r.State})
	}
	return &Answer{RedirectURI: r.RedirectURI, Mode: r.Mode, Parameters: append(own, Parameter{"iss", s.o.Issuer})}
}

// refusal tells a client that it gets nothing, and why.
func (s *Service) refusal(r AuthorizationRequest, e *Error) *Answer {
	own := []Parameter{{"error", string(e.Code)}}
	if e.Description != "" {
		own = append(own, Parameter{"error_description", e.Description})
	}
	return s.answer(r, own...)
}

// Location is where the browser is sent with an answer, but for the mode form_post. What the redirect URI has in its
// query stays.
func (a Answer) Location() string {
	var text strings.Builder
	text.WriteString(a.RedirectURI)
	mark := byte('?')
	switch {
	case a.Mode == auth.ModeFragment:
		mark = '#'
	case strings.Contains(a.RedirectURI, "?"):
		mark = '&'
	}
	for _, p := range a.Parameters {
		text.WriteByte(mark)
		text.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value))
		mark = '&'
	}
	return text.String()
}

// FormSource is where the form of the mode form_post leads, as a Content-Security-Policy says it.
func (a Answer) FormSource() string { return formSource(a.RedirectURI) }
