package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/store"
)

// TestContract replays the examples of a document, each on a fresh server with a database of its own: a file in a
// temporary directory, or, if postgres is the address of a PostgreSQL server, one that it makes there and drops again.
func TestContract(ctx context.Context, src contract.Source, postgres string) (report contract.Report, err error) {
	m := stages{}
	if postgres == "" {
		m.blank, err = store.NewBlank(ctx)
	} else if m.scratch, err = store.NewScratch(ctx, postgres); err == nil {
		defer func() { err = errors.Join(err, m.scratch.Close(ctx)) }()
	}
	if err != nil {
		return report, err
	}
	return contract.Test(ctx, src, contract.Setup{Operations: operation.New(operation.Deps{}), Fresh: m.fresh, Givens: givens()})
}

// stages makes servers for examples.
type stages struct {
	scratch *store.Scratch // nil: SQLite
	blank   store.Blank
}

// stage is a fresh server and what the Givens need of it: its house, and a clock that they may set.
type stage struct {
	*Server
	mu  sync.Mutex
	now time.Time
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// database makes what a fresh server keeps its rows in: a directory, and the address of a database on PostgreSQL.
func (m stages) database(ctx context.Context) (dir, address string, remove func() error, err error) {
	if dir, err = os.MkdirTemp("", "ostiary-contract-"); err != nil {
		return "", "", nil, err
	}
	clear := func() error { return os.RemoveAll(dir) }
	if m.scratch == nil {
		if err := m.blank.Put(DatabasePath(config.Config{Data: dir})); err != nil {
			return "", "", nil, errors.Join(err, clear())
		}
		return dir, "", clear, nil
	}
	address, drop, err := m.scratch.Make(ctx)
	if err != nil {
		return "", "", nil, errors.Join(err, clear())
	}
	return dir, address, func() error { return errors.Join(drop(ctx), clear()) }, nil
}

// fresh makes a server that serves one document for the app default, with cheap hashes.
func (m stages) fresh(ctx context.Context, src contract.Source) (*contract.Stage, error) {
	dir, address, remove, err := m.database(ctx)
	if err != nil {
		return nil, err
	}
	s := &stage{now: time.Now()} // a real time of day, so that examples of documents fit
	c := config.Config{Data: dir, Database: address, Listen: "127.0.0.1:0", PublicURL: "http://localhost",
		Password: config.Password{Memory: 64, Time: 1, Threads: 1, AllowWeak: true}}.WithDefaults()
	o := Options{Clock: s.clock, Quiet: true, Version: "test"}.withDefaults()
	p, err := makePlan(c)
	if err == nil {
		p.mounts = []contract.Mount{{Source: src, App: auth.DefaultApp}}
		s.Server, err = newServer(ctx, c, p, o)
	}
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return &contract.Stage{Handler: s.Handler(), House: s, Close: func() {
		_ = s.Shutdown(ctx) // nothing of it is needed again
		_ = remove()        // what stays is empty of anything real, and named so that it can be told
	}}, nil
}

// The person of examples that name nobody.
const (
	stageEmail    = "ada@example.com"
	stagePassword = "amber ladders under quiet rain"
)

// visitor is who asks from outside, at a door that allows everything.
func visitor() auth.Caller {
	return auth.Caller{Kind: auth.CallerAnonymous, App: auth.DefaultApp, Client: auth.DefaultClient, IP: netip.MustParseAddr("198.51.100.7"),
		Door: auth.Door{Contract: "stage", SessionCookie: true, AccessTTL: 15 * time.Minute,
			Policy: auth.Policy{SignUpImmediate: true, RevealExisting: true, AllowUnverified: true, RevealEmail: true}}}
}

// person makes a user that the operator vouches for.
func (s *stage) person(ctx context.Context, u lifecycle.NewUser) (auth.UserID, error) {
	if u.Email == "" {
		u.Email = stageEmail
	}
	if u.Password == "" {
		u.Password = stagePassword
	}
	made, err := s.house.lifecycle.CreateUser(ctx, operatorCaller(), u)
	return made.User.ID, err
}

// signIn signs a user in.
func (s *stage) signIn(ctx context.Context, email, password string) (login.SignInOutcome, error) {
	if email == "" {
		email = stageEmail
	}
	if password == "" {
		password = stagePassword
	}
	return s.house.login.SignIn(ctx, visitor(), login.Credentials{Identifier: email, Password: password})
}

// member makes a user and signs it in.
func (s *stage) member(ctx context.Context, u lifecycle.NewUser) (*login.SignedIn, error) {
	if _, err := s.person(ctx, u); err != nil {
		return nil, err
	}
	out, err := s.signIn(ctx, u.Email, u.Password)
	return out.SignedIn, err
}

// caller is who holds an access token or an API key.
func (s *stage) caller(ctx context.Context, bearer string) (auth.Caller, error) {
	v := visitor()
	return s.house.late.Resolve(ctx, auth.Presented{Bearer: bearer, MountApp: auth.DefaultApp, IP: v.IP, Door: v.Door})
}

// enrolled is a user with a second factor.
type enrolled struct {
	*login.SignedIn
	secret string
	codes  []string
}

// enrol turns the second factor of a signed-in user on, and moves the clock so that the next code is a new one.
func (s *stage) enrol(ctx context.Context, in *login.SignedIn) (enrolled, error) {
	c, err := s.caller(ctx, in.Grant.AccessToken)
	if err != nil {
		return enrolled{}, err
	}
	begun, err := s.house.lifecycle.BeginTOTP(ctx, c, "")
	if err != nil {
		return enrolled{}, err
	}
	code, err := s.code(begun.Secret)
	if err != nil {
		return enrolled{}, err
	}
	codes, err := s.house.lifecycle.ConfirmTOTP(ctx, c, code)
	s.advance(30 * time.Second)
	return enrolled{SignedIn: in, secret: begun.Secret, codes: codes}, err
}

func (s *stage) code(secret string) (string, error) { return totp.GenerateCode(secret, s.clock()) }

// mailed is the token of the latest mail; with an address, of the one to it among the latest two.
func (s *stage) mailed(ctx context.Context, to ...string) (string, error) {
	if err := s.Work(ctx); err != nil {
		return "", err
	}
	list, err := s.Inbox().List(ctx, 1+len(to))
	if err != nil {
		return "", err
	}
	list = slices.DeleteFunc(list, func(m mail.InboxMessage) bool { return len(to) > 0 && !slices.Contains(to, m.To) })
	if len(list) == 0 || len(list[0].Links) == 0 {
		return "", errors.New("no link was mailed")
	}
	u, err := url.Parse(list[0].Links[0])
	if err != nil {
		return "", err
	}
	return u.Query().Get("token"), nil
}

// signedIn are the credentials of a session, by the names of a Given.
func signedIn(in *login.SignedIn) map[string]string {
	if in == nil {
		return nil
	}
	return map[string]string{contract.GivenBearer: in.Grant.AccessToken, contract.GivenSessionCookie: in.Grant.SessionCookie}
}

// stageOf finds our stage behind the engine's.
func stageOf(s *contract.Stage) (*stage, error) {
	own, ok := s.House.(*stage)
	if !ok {
		return nil, fmt.Errorf("the stage is a %T", s.House)
	}
	return own, nil
}

// pick is the example's own value of one of the inputs; empty if it has none.
func pick(e contract.Example, names ...string) string {
	for _, n := range names {
		if v := strings.TrimSpace(e.Inputs[n]); v != "" {
			return v
		}
	}
	return ""
}
