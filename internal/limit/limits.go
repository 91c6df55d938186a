package limit

import (
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Options of New.
type Options struct {
	DB *store.DB
	// Keys make the marks under which budgets stand in the database, so that its rows name nobody. Without keys
	// the marks are plain hashes, which a guesser of addresses can undo; only tests leave them out.
	Keys  *secret.Keys
	Clock func() time.Time
	// Settings by limiter name, as ParseSettings returns them; others are not looked at again.
	Settings map[string]Setting
}

// Limits counts requests and budgets. Safe for concurrent use.
type Limits struct {
	db       *store.DB
	keys     *secret.Keys
	clock    func() time.Time
	limiters map[string]*limiter
}

// limiter is an entry of the catalogue under its setting.
type limiter struct {
	Limiter
	off   bool
	meter *meter // of Requests; nil for the others
}

// New makes the limiters of the catalogue under the settings.
func New(o Options) *Limits {
	l := &Limits{db: o.DB, keys: o.Keys, clock: o.Clock, limiters: map[string]*limiter{}}
	for _, entry := range Catalogue() {
		setting := o.Settings[entry.Name]
		made := &limiter{Limiter: entry.with(setting), off: setting.Off}
		if entry.Kind == Requests && !made.off {
			made.meter = newMeter(made.Max, made.Per, o.Clock)
		}
		l.limiters[entry.Name] = made
	}
	return l
}

// Limiters lists the limiters in force, without those that are off, in the order of the catalogue.
func (l *Limits) Limiters() []Limiter {
	var out []Limiter
	for _, entry := range Catalogue() {
		if made := l.limiters[entry.Name]; !made.off {
			out = append(out, made.Limiter)
		}
	}
	return out
}

// Request counts one request of the subject against a limiter of kind Requests. The state is filled in either
// case; it is zero if the limiter is off. Too many give CodeRateLimited with Limit and RetryAfter.
func (l *Limits) Request(name, subject string) (auth.LimitState, error) {
	lim := l.limiters[name]
	if lim == nil || lim.Kind != Requests {
		return auth.LimitState{}, auth.Internal(fmt.Errorf("%q is no limiter of requests", name))
	}
	if lim.off {
		return auth.LimitState{}, nil
	}
	state, limited, err := lim.meter.count(subject)
	if err != nil {
		return auth.LimitState{}, auth.Internal(fmt.Errorf("count a request for %s: %w", name, err))
	}
	state.Name = name
	if limited {
		return state, refusal(state)
	}
	return state, nil
}

func refusal(state auth.LimitState) *auth.Error {
	return &auth.Error{Code: auth.CodeRateLimited, Limit: &state, RetryAfter: state.RetryAfter}
}
