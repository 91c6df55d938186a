package contract

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// credential is what a security scheme carries.
type credential string

const (
	credentialBearer  credential = "bearer" // an access token or an API key
	credentialAccess  credential = "access-token"
	credentialAPIKey  credential = "api-key"
	credentialAppKey  credential = "app-key"
	credentialSession credential = "session-cookie"
)

// scheme is one compiled security scheme.
type scheme struct {
	name    string
	carries credential
	bearer  bool   // Authorization: Bearer
	header  string // canonical name
	cookie  string
}

// security is what an operation accepts: alternatives, each of which needs all of its schemes.
type security struct {
	schemes      []scheme
	alternatives [][]int // indexes of schemes
	anonymous    bool    // {} is among the alternatives, or nothing is asked for
}

// scheme reads one entry of components.securitySchemes.
func (l *loader) scheme(p document.Pair) {
	n := l.doc.Follow(p.Value)
	s := scheme{name: p.Key}
	carries, given := l.text(n, "x-credential")
	s.carries = credential(carries)
	switch kind, in := n.Get("type").Str(), n.Get("in").Str(); {
	case kind == "http" && strings.EqualFold(n.Get("scheme").Str(), "bearer"), kind == "oauth2", kind == "openIdConnect":
		s.bearer, s.header = true, "Authorization"
		if !given {
			s.carries = credentialBearer
		}
		l.carries(n, s, credentialBearer, credentialAccess, credentialAPIKey)
	case kind == "apiKey" && in == "header":
		s.header = http.CanonicalHeaderKey(n.Get("name").Str())
		l.carries(n, s, credentialAccess, credentialAPIKey, credentialAppKey)
	case kind == "apiKey" && in == "cookie":
		s.cookie = n.Get("name").Str()
		l.carries(n, s, credentialSession, credentialAccess)
	case kind == "apiKey":
		l.doc.Report(n, "in: header or cookie", "a credential in a query ends up in logs and histories")
	default:
		l.doc.Report(n, "http bearer, apiKey, oauth2 or openIdConnect", "the security scheme %q cannot be used", p.Key)
	}
	l.schemes[p.Key] = s
}

func (l *loader) carries(n *document.Node, s scheme, allowed ...credential) {
	if slices.Contains(allowed, s.carries) {
		return
	}
	var names []string
	for _, c := range allowed {
		if c != credentialBearer {
			names = append(names, string(c))
		}
	}
	at := n.Get("x-credential")
	if at == nil {
		l.doc.Report(n, "x-credential: "+strings.Join(names, " or "), "the security scheme %q does not say what it carries", s.name)
		return
	}
	l.doc.Report(at, strings.Join(names, " or "), "the security scheme %q cannot carry %q", s.name, at.Text)
}

// security compiles the requirements of an operation, or the document's.
func (l *loader) security(op *operationPlan, n *document.Node) {
	list := n.Get("security")
	if list == nil {
		list = l.doc.Root.Get("security")
	}
	if list == nil || list.Is(document.List) && len(list.Items) == 0 {
		op.security.anonymous = true
	}
	if list != nil && list.Is(document.List) {
		for _, alternative := range list.Items {
			l.alternative(&op.security, alternative)
		}
	}
	l.suppliable(op, n, list)
}

func (l *loader) alternative(s *security, n *document.Node) {
	if len(n.Members()) == 0 {
		s.anonymous = true
		return
	}
	var indexes []int
	for _, p := range n.Pairs {
		one, ok := l.schemes[p.Key]
		if !ok {
			l.doc.ReportLine(p.Line, "a name of components.securitySchemes", "there is no security scheme %q", p.Key)
			return
		}
		i := slices.Index(s.schemes, one)
		if i < 0 {
			i = len(s.schemes)
			s.schemes = append(s.schemes, one)
		}
		indexes = append(indexes, i)
	}
	s.alternatives = append(s.alternatives, indexes)
}

// suppliable checks that an operation that needs a caller can get one.
func (l *loader) suppliable(op *operationPlan, n, list *document.Node) {
	var able []credential
	switch op.def.Access {
	case operation.Anyone, operation.Operator: // the operator is known by the socket; nobody else is let in
		return
	case operation.Person:
		able = []credential{credentialBearer, credentialAccess, credentialSession}
	default:
		able = []credential{credentialBearer, credentialAccess, credentialSession, credentialAPIKey}
	}
	for _, s := range op.security.schemes {
		if slices.Contains(able, s.carries) {
			return
		}
	}
	at := n
	if list != nil {
		at = list
	}
	l.doc.Report(at, "security with a scheme that carries "+credentialNames(able), "the operation %s needs a caller, and no scheme can supply one", op.def.Name)
}

func credentialNames(list []credential) string {
	var out []string
	for _, c := range list {
		if c == credentialBearer {
			c = "http bearer"
		}
		out = append(out, string(c))
	}
	return strings.Join(out, ", ")
}

// shown is what one request shows for the schemes of its operation.
type shown struct {
	auth.Presented
	cookie bool // a credential, or an input, came in a cookie
	header bool // a credential came in a header, which no foreign page can make a browser send
	any    bool
}

// extract sorts what the request carries. It refuses two credentials for one user (RFC 6750 section 2, MD-03),
// malformed ones, and a request that satisfies no alternative.
func (s *security) extract(r *http.Request, cookies httpx.Cookies) (shown, error) {
	var out shown
	if operation.IsOperator(r.Context()) {
		return out, nil // who asks is known by the socket; a request there carries no credential
	}
	var have uint64
	users := 0
	for i := range s.schemes {
		one := &s.schemes[i]
		value, err := one.read(r, cookies)
		if err != nil {
			return out, err
		}
		if value == "" {
			continue
		}
		have |= 1 << i
		out.any = true
		out.header = out.header || one.cookie == ""
		if one.carries != credentialAppKey {
			if users++; users > 1 {
				return out, auth.E(auth.CodeInvalidRequest, "The request carries two credentials; send one")
			}
			out.cookie = one.cookie != ""
		}
		out.put(one.carries, value)
	}
	if len(s.schemes) > 0 && tokenInQuery(r.URL.RawQuery) {
		return out, auth.E(auth.CodeInvalidRequest, "Credentials are not accepted in the query")
	}
	for _, needed := range s.alternatives {
		if satisfied(needed, have) {
			return out, nil
		}
	}
	if s.anonymous {
		return out, nil
	}
	return out, auth.E(auth.CodeUnauthenticated, "")
}

// tokenInQuery finds the query parameter of RFC 6750 section 2.3.
func tokenInQuery(query string) bool {
	return strings.HasPrefix(query, "access_token=") || strings.Contains(query, "&access_token=")
}

func satisfied(needed []int, have uint64) bool {
	for _, i := range needed {
		if have&(1<<i) == 0 {
			return false
		}
	}
	return true
}

func (s *shown) put(c credential, value string) {
	switch c {
	case credentialBearer:
		s.Bearer = value
	case credentialAccess:
		s.AccessToken = value
	case credentialAPIKey:
		s.APIKey = value
	case credentialAppKey:
		s.AppKey = value
	case credentialSession:
		s.SessionCookie = value
	}
}

// maxCredential is longer than any token of ours.
const maxCredential = 8 << 10

// read is the scheme's value in the request, empty if it was not sent.
func (s *scheme) read(r *http.Request, cookies httpx.Cookies) (string, error) {
	if s.cookie != "" {
		value, _ := cookies.Read(r, s.cookie)
		return value, nil
	}
	values := r.Header[s.header]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", nil
	}
	if len(values) > 1 || len(values[0]) > maxCredential {
		return "", auth.E(auth.CodeInvalidRequest, "The request carries two credentials; send one")
	}
	if !s.bearer && s.header != "Authorization" {
		return values[0], nil
	}
	kind, token, found := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if strings.EqualFold(kind, "Bearer") && found && token != "" {
		return token, nil
	}
	if !s.bearer && !found {
		return values[0], nil // a bare token, as some old clients send it
	}
	return "", auth.E(auth.CodeInvalidToken, "")
}

// challenge is the WWW-Authenticate of a refusal (RFC 6750 section 3): without an error code when no credential
// was sent. It is empty for refusals that need none.
func challenge(name string, code auth.Code, status int, carried bool, scope string) string {
	text := `Bearer realm="` + name + `"`
	switch {
	case code == auth.CodeInsufficientScope:
		text += `, error="insufficient_scope"`
		if scope != "" {
			text += `, scope="` + scope + `"`
		}
		return text
	case status != http.StatusUnauthorized:
		return ""
	case carried && (code == auth.CodeInvalidToken || code == auth.CodeTokenExpired || code == auth.CodeSessionEnded):
		text += `, error="invalid_token"`
	}
	return text
}
