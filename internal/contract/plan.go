package contract

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract/schema"
	"github.com/ostiary-id/ostiary/internal/contract/wire"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// plan is a compiled document. Nothing in it points back to the document.
type plan struct {
	source  Source
	name    string
	title   string
	app     auth.AppID
	host    string
	bases   []string // without a slash at the end; the first makes contract.url
	url     string
	policy  auth.Policy
	door    auth.Door
	ids     map[string]string
	cookies [cookieKinds]cookie
	body    int // bytes of a body at most
	depth   int // levels of a body at most

	headers    []headerOut // on every response
	fallback   answers
	operations []*operationPlan
}

// operationPlan is one compiled operation of a document.
type operationPlan struct {
	contract *plan
	def      *operation.Definition
	method   string
	path     string // template below the base, `/keys/{id}`
	route    string // with the base, for logs
	line     int    // of the document
	summary  string
	segments []string

	params   []param
	bodies   []bodyPlan
	required bool // the body
	inputs   inputPlan
	security security
	consts   []constHeader
	answers  answers
	sets     bool // some answer sets a cookie
	session  bool // some answer sets the session cookie
	signsIn  bool // some answer sets that or a token's
}

// constHeader is a required header whose value the document fixes: part of what a request is matched by.
type constHeader struct{ name, value string }

// param is one declared parameter.
type param struct {
	name     string
	in       string
	required bool
	segment  int  // of a path parameter: which value of the route
	list     byte // how a list is written: 0 it is none, '&' repeated, else the separator
	rest     bool // an exploded query object: takes every undeclared parameter
	claimed  map[string]bool
	schema   *schema.Schema
	members  map[string]*schema.Schema // of an object: how its members read
	binds    []bind
}

// bodyPlan is how a body of one media type is read.
type bodyPlan struct {
	media  string
	form   bool
	yields bool
	schema *schema.Schema
	fields map[string]field // of a form
	binds  []bind
}

// field is one declared field of a form.
type field struct {
	schema *schema.Schema
	list   bool
}

// bind fills one input from one place.
type bind struct {
	path   []string // inside the body or parameter
	slot   int      // of the input plan
	set    setter
	patch  bool        // null is a value
	preset *wire.Value // `default`, used when no source has a value
}

// cookieKind is one of the closed list of cookie kinds.
type cookieKind int

const (
	cookieSession cookieKind = iota
	cookieAccess
	cookieRefresh
	cookieCSRF
	cookieStepUp
	cookieState
	cookieKinds
)

var cookieNames = [cookieKinds]string{"session", "access", "refresh", "csrf", "step-up", "state"}

// cookiePaths is where the value of a kind stands in a result.
var cookiePaths = [cookieKinds]string{"session_cookie", "tokens.access_token", "tokens.refresh_token", "", "step_up_cookie", "state_cookie"}

// cookie is how a contract sets one kind.
type cookie struct {
	httpx.Cookie
	from string // x-output: another place in the result; empty: that of cookiePaths
}

// answers finds the answer to a result or an error code.
type answers struct {
	named  map[string]*answer // results and codes by name
	status map[int]*answer    // "*" under a number: codes of that status
	class  map[int]*answer    // "*" under 4XX
	rest   *answer            // default
}

// answer is one compiled response, or one branch of its oneOf.
type answer struct {
	status  int // 0: the error code's own
	bodies  []bodyOut
	offers  []string // media types of bodies
	headers []headerOut
	set     []cookieOut
	renew   []cookieOut
	clear   []cookieKind
	needs   needs
}

// cookieOut sets a cookie from a value of the result.
type cookieOut struct {
	kind cookieKind
	from *source // nil: the engine's own
	// cross is where the result says that another site's form must bring the cookie back, which takes SameSite=None;
	// nil: never.
	cross *source
}

// crossPath is where a result says so of the state cookie.
const crossPath = "cross_site"

// bodyOut tells a body in one media type.
type bodyOut struct {
	contentType string
	emit        emit
}

// headerOut tells one header.
type headerOut struct {
	name string
	emit emit
}

// find is the answer to an error code: by name, by its status, by the class of its status, by default.
func (a *answers) find(code string, status int) *answer {
	if found := a.named[code]; found != nil {
		return found
	}
	if found := a.status[status]; found != nil {
		return found
	}
	if found := a.class[status/100]; found != nil {
		return found
	}
	return a.rest
}

// defaults of a body.
const (
	defaultBody  = 64 << 10
	defaultDepth = 32
	// mostBody and mostDepth are as far as a contract may raise them.
	mostBody  = 1 << 20
	mostDepth = 128
)

// defaultStepUp is how long a step-up cookie lives, defaultState how long the one that a flow through another site is
// bound to.
const (
	defaultStepUp = 5 * time.Minute
	defaultState  = 10 * time.Minute
)
