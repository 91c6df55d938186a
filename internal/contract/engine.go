package contract

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// Source is one document. A trusted one is shipped with the server and proved by its tests, so that loading it
// skips the check against the OpenAPI specification; every check of ours runs all the same.
type Source struct {
	Name    string // of the file, for messages
	Data    []byte // YAML or JSON; must not change afterwards
	Trusted bool
}

// Mount puts a document on an app. The zero Host takes requests for every host; a non-empty Base replaces the
// document's servers; a Policy can only make the document's stricter.
type Mount struct {
	Source Source
	App    auth.AppID // empty: auth.DefaultApp
	Host   string
	Base   string
	Policy *auth.Policy
	Links  auth.Links
}

// Credentials turns what a request presents into a caller, or refuses it with an *auth.Error. It is called for
// anonymous requests too.
type Credentials interface {
	Resolve(ctx context.Context, p auth.Presented) (auth.Caller, error)
}

// Operations is the catalogue as the engine sees it; *operation.Catalogue is one.
type Operations interface {
	// Lookup is nil for an unknown name.
	Lookup(name string) *operation.Definition
	Call(ctx context.Context, d *operation.Definition, r *operation.Request, in any) (operation.Outcome, error)
}

// Arrival is what the server's outermost layer knows about a request.
type Arrival struct {
	RequestID string
	IP        netip.Addr
}

// Options are the parts an engine needs. Operations, Credentials, PublicURL, Clock, Rand and Keys are required.
type Options struct {
	Operations  Operations
	Credentials Credentials
	Mounts      []Mount
	PublicURL   string // scheme://host[:port], what links and same-origin checks are built on
	Clock       func() time.Time
	Rand        io.Reader
	Keys        *secret.Keys
	Logger      *slog.Logger
	// Origins lists the allowed origins of a client; of every client of the app when client is empty. Nil: none.
	Origins func(ctx context.Context, app auth.AppID, client auth.ClientID) ([]string, error)
	// AppName is the app's name for answers and pages that show it. Nil: the app's id.
	AppName func(ctx context.Context, app auth.AppID) string
	// Arrival reads what the outermost layer found out about a request. Nil: the connection's address, no id.
	Arrival func(r *http.Request) Arrival
	// Note is told what became of a request, for the wide event. Nil: nobody.
	Note func(ctx context.Context, n Note)
}

// Note is what the engine knows about an answered request. Code is the error code, or the result's name.
type Note struct {
	Contract  string
	Operation string // empty when none was found
	Code      string
	App       auth.AppID
	User      auth.UserID
	Session   auth.SessionID
	Err       error // the cause behind CodeInternal and its like; for the log only
}

// Info describes one mounted contract.
type Info struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	File       string      `json:"file"`
	App        auth.AppID  `json:"app"`
	Host       string      `json:"host,omitempty"`
	Bases      []string    `json:"bases"`
	Operations int         `json:"operations"`
	Policy     auth.Policy `json:"policy"`
}

// Engine serves the mounted contracts. It is immutable after New and safe for concurrent use.
type Engine struct{}

// New loads, checks and compiles every mounted document. Its error is a Problems with every mistake of every
// document.
func New(ctx context.Context, o Options) (*Engine, error) { panic("not written yet") }

// Handler answers every path that no mounted contract knows with 404 in the shape of the contract whose base path
// is nearest.
func (e *Engine) Handler() http.Handler { panic("not written yet") }

// Owns reports whether a mounted contract has the path, or is mounted above it.
func (e *Engine) Owns(r *http.Request) bool { panic("not written yet") }

// Docs serves /docs, /docs/{contract} and /docs/{contract}/openapi.yaml.
func (e *Engine) Docs() http.Handler { panic("not written yet") }

// Contracts describes what is mounted, in the order of the mounts.
func (e *Engine) Contracts() []Info { panic("not written yet") }
