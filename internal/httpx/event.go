package httpx

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// The keys of the wide event that doors fill and that also label the metrics.
const (
	KeyRoute     = "route" // the pattern, never the path: paths may hold secrets
	KeyContract  = "contract"
	KeyOperation = "operation"
	KeyCode      = "code"  // the error code, or the name of the result
	KeyCause     = "cause" // why a refusal came about, where the answer does not tell
	KeyApp       = "app"
	KeyUser      = "user"
	KeySession   = "session"
)

// maxFacts bounds how many facts one request may add to its event.
const maxFacts = 24

// Record is the wide event of one request while it is being filled. It is logged once, when the answer is
// written. A nil Record takes nothing, so callers outside a request need not ask. Facts must not be secrets.
type Record struct {
	mu    sync.Mutex
	facts []slog.Attr
	own   [12]slog.Attr // the room of facts for an ordinary request
	err   error
}

// Set adds a fact; a later one with the same key replaces it. Typed identifiers are written as their text.
func (e *Record) Set(key string, value any) {
	if s, ok := value.(string); ok {
		e.add(slog.String(key, s))
		return
	}
	e.add(slog.Any(key, value))
}

// SetString is Set for a string, without an allocation. An empty value is left out.
func (e *Record) SetString(key, value string) {
	if value != "" {
		e.add(slog.String(key, value))
	}
}

// SetInt is Set for a number, without an allocation.
func (e *Record) SetInt(key string, value int64) { e.add(slog.Int64(key, value)) }

// Fail keeps the cause of a failed request for the log. It reaches the log only with answers of 500 and above,
// and never the client.
func (e *Record) Fail(err error) {
	if e == nil || err == nil {
		return
	}
	e.mu.Lock()
	e.err = err
	e.mu.Unlock()
}

func (e *Record) add(a slog.Attr) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.facts {
		if e.facts[i].Key == a.Key {
			e.facts[i] = a
			return
		}
	}
	if len(e.facts) < maxFacts {
		e.facts = append(e.facts, a)
	}
}

// text returns a fact as text; empty if it was never set.
func (e *Record) text(key string) string {
	for i := range e.facts {
		if e.facts[i].Key == key {
			return e.facts[i].Value.String()
		}
	}
	return ""
}

// exchangeKey finds the exchange of a request in its context.
type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Event is the record of the request whose context this is; nil outside a request.
func Event(ctx context.Context) *Record {
	if x := exchangeOf(ctx); x != nil {
		return &x.record
	}
	return nil
}

// Printable cuts text from a request to at most limit bytes and replaces what is not printable ASCII, so that it
// can stand in a log, a list and a mail (LG-03).
func Printable(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit]
	}
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e {
			return strings.Map(func(r rune) rune {
				if r < 0x20 || r > 0x7e {
					return '?'
				}
				return r
			}, text)
		}
	}
	return text
}
