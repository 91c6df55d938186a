package challenge

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// Poster sends a form to a service outside; *outbound.Client is one. Its errors must not hold the form.
type Poster interface {
	PostForm(ctx context.Context, target string, form url.Values) (status int, body []byte, err error)
}

const (
	defaultTimeout = 5 * time.Second
	maxResponse    = 8 << 10 // bytes; the longest that a service is known to make is half of it
	maxCalls       = 64      // to services at the same time
	retryAfter     = 10 * time.Second
	sealPurpose    = "app.challenge"
)

// Options are what a Verifier is made of. Keys, Post, URLs, Clock and Logger are needed.
type Options struct {
	Keys   *secret.Keys
	Post   Poster
	URLs   map[auth.ChallengeKind]string // of each service's siteverify call
	Clock  func() time.Time
	Logger *slog.Logger
	// Timeout bounds one call to a service; 0: 5 s.
	Timeout time.Duration
}

// Verifier checks responses. It is safe for concurrent use.
type Verifier struct {
	o     Options
	calls chan struct{} // a slot for each call under way

	passed, failed, unavailable atomic.Int64

	mu   sync.Mutex
	down map[auth.AppID]time.Time // since when the service of an app has not answered
}

// New makes a Verifier.
func New(o Options) *Verifier {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return &Verifier{o: o, calls: make(chan struct{}, maxCalls), down: map[auth.AppID]time.Time{}}
}

// Attempt is what came with a request.
type Attempt struct {
	Response string        // what the widget gave, or a site key; empty: none
	Action   string        // the operation's name
	AppKey   auth.AppKeyID // that the request came with; empty: none
}

// Check refuses an attempt that does not pass the challenge of the app. Codes: challenge-failed,
// challenge-unavailable, overloaded.
func (v *Verifier) Check(ctx context.Context, app auth.App, a Attempt) error {
	s := app.Settings.Challenge
	if s.Kind == auth.ChallengeNone || s.ExemptAppKeys && a.AppKey != "" {
		return nil
	}
	err := v.check(ctx, app.ID, s, a)
	switch {
	case err == nil:
		v.passed.Add(1)
	case auth.Is(err, auth.CodeChallengeFailed):
		v.failed.Add(1)
	default:
		v.unavailable.Add(1)
	}
	return err
}

func (v *Verifier) check(ctx context.Context, app auth.AppID, s auth.ChallengeSettings, a Attempt) error {
	switch {
	case a.Response == "":
		return auth.E(auth.CodeChallengeFailed, "A response to the challenge of this app is needed.")
	case len(a.Response) > maxResponse:
		return refused()
	case s.Kind == auth.ChallengeAllowList:
		return listed(s.SiteKeys, a.Response)
	}
	select {
	case v.calls <- struct{}{}:
		defer func() { <-v.calls }()
	default:
		return &auth.Error{Code: auth.CodeOverloaded, RetryAfter: retryAfter}
	}
	return v.ask(ctx, app, s, a)
}

func refused() error {
	return auth.E(auth.CodeChallengeFailed, "The response to the challenge is not valid.")
}

// listed compares with every key in constant time: site keys are public, but a list that was meant to be secret shall
// not leak by the clock.
func listed(keys []string, response string) error {
	found := 0
	for _, key := range keys {
		found |= subtle.ConstantTimeCompare([]byte(key), []byte(response))
	}
	if found == 0 {
		return auth.E(auth.CodeChallengeFailed, "The site key is not valid.")
	}
	return nil
}

// Seal makes the stored form of an app's secret at a service.
func (v *Verifier) Seal(app auth.AppID, plain string) ([]byte, error) {
	return v.o.Keys.Seal(sealPurpose, string(app), []byte(plain))
}

// Stats counts what became of attempts, and tells whether a service is out of reach.
type Stats struct {
	Passed, Failed, Unavailable int64
	// Down is how many apps have a service that did not answer when it was asked last; nobody gets in there.
	Down int
}

// Stats reads the counters.
func (v *Verifier) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Stats{Passed: v.passed.Load(), Failed: v.failed.Load(), Unavailable: v.unavailable.Load(), Down: len(v.down)}
}

// answered notes that the service of an app is there.
func (v *Verifier) answered(app auth.AppID, kind auth.ChallengeKind) {
	v.mu.Lock()
	since, was := v.down[app]
	delete(v.down, app)
	v.mu.Unlock()
	if was {
		v.o.Logger.Info("the challenge service answers again", "app", string(app), "kind", kind.String(),
			"down_for", v.o.Clock().Sub(since).String())
	}
}

// silent notes that it is not, and makes the refusal. The first silence is an error line; each request's own line tells
// of the others.
func (v *Verifier) silent(app auth.AppID, kind auth.ChallengeKind, cause error) error {
	v.mu.Lock()
	_, known := v.down[app]
	if !known {
		v.down[app] = v.o.Clock()
	}
	v.mu.Unlock()
	if !known {
		v.o.Logger.Error("the challenge service does not answer, so strangers are refused", "app", string(app),
			"kind", kind.String(), "error", cause.Error())
	}
	return &auth.Error{Code: auth.CodeChallengeUnavailable, RetryAfter: retryAfter, Err: cause}
}
