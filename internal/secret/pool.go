package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// PoolOptions are the settings of a Pool; zero fields mean the default in their comment.
type PoolOptions struct {
	Params        PasswordParams // of new hashes; DefaultPasswordParams, field by field
	Workers       int            // evaluations at a time; one for each core
	Queue         int            // callers that may wait; 64 for each worker
	QueueDeadline time.Duration  // how long one may wait for its turn; 2 s
	Rand          io.Reader      // of salts; required
}

// Pool is where passwords are hashed. It bounds how many evaluations run at a time, and with that their memory, and
// how long a caller waits for its turn (SECURITY PW-10): what cannot be done in time is refused at once with
// overloaded and a time to come back.
//
// An evaluation runs on its caller's goroutine while it holds one of Workers turns. There is no worker to lose: the
// turn comes back even if the evaluation panics.
//
// Each turn has a memory of Params.Memory, taken at its first evaluation and kept for the next: the pool never holds more
// than Workers of them. An imported hash that needs more gets its own, which goes with it.
type Pool struct {
	params      PasswordParams
	rand        io.Reader
	deadline    time.Duration
	turns       chan struct{} // holds a token for each running evaluation
	waiting     atomic.Int64
	maxWaiting  int64
	evaluations atomic.Uint64
	mu          sync.Mutex
	idle        []*argon2.Memory // the one used last is used first
	closing     chan struct{}
	close       sync.Once
}

var errPoolClosed = errors.New("the hashing pool is closed")

// NewPool makes a pool.
func NewPool(o PoolOptions) *Pool {
	standard := DefaultPasswordParams()
	workers := cmp.Or(max(o.Workers, 0), runtime.GOMAXPROCS(0))
	return &Pool{
		params: PasswordParams{
			Memory:  cmp.Or(o.Params.Memory, standard.Memory),
			Time:    cmp.Or(o.Params.Time, standard.Time),
			Threads: cmp.Or(o.Params.Threads, standard.Threads),
		},
		rand:       o.Rand,
		deadline:   cmp.Or(o.QueueDeadline, 2*time.Second),
		turns:      make(chan struct{}, workers),
		maxWaiting: int64(cmp.Or(max(o.Queue, 0), 64*workers)),
		closing:    make(chan struct{}),
	}
}

// Params are those of new hashes.
func (p *Pool) Params() PasswordParams { return p.params }

// Workers is how many evaluations may run at a time.
func (p *Pool) Workers() int { return cap(p.turns) }

// Evaluations counts the evaluations begun since the pool was made.
func (p *Pool) Evaluations() uint64 { return p.evaluations.Load() }

// Waiting counts the callers that wait for their turn now.
func (p *Pool) Waiting() int { return int(p.waiting.Load()) }

// Hash makes the PHC string of a password that the caller has normalised and checked (auth.NormalisePassword,
// auth.CheckPassword). It returns overloaded when no turn came in time.
func (p *Pool) Hash(ctx context.Context, password string) (string, error) {
	h := phc{params: p.params, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	if _, err := io.ReadFull(p.rand, h.salt); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	if err := p.run(ctx, func(m *argon2.Memory) { h.key = h.derive(password, m) }); err != nil {
		return "", err
	}
	return h.String(), nil
}

// Verify compares a normalised password with a stored hash of ours or of another system (ImportPassword). outdated
// says that the hash was made by other means or with weaker parameters than the current ones and should be replaced
// after a success (PW-11). A hash that is in no known form within its bounds (PW-13) is an internal error; no turn in
// time is overloaded. A password that is longer than the format can tell apart is wrong, never cut (PW-12).
func (p *Pool) Verify(ctx context.Context, stored, password string) (ok, outdated bool, err error) {
	h, err := parseHash(stored)
	if err != nil {
		return false, false, fmt.Errorf("read a stored password hash: %w", err)
	}
	var failed error
	if err = p.run(ctx, func(m *argon2.Memory) { ok, failed = p.compare(h, password, m) }); err == nil {
		err = failed
	}
	return ok, h.outdated(p.params), err
}

// compare is the evaluation of Verify. Many foreign hashes cost far less than ours: a wrong password is then hashed
// with our own parameters as well, so that its answer takes no less time than that to an unknown user.
func (p *Pool) compare(h verifier, password string, m *argon2.Memory) (bool, error) {
	ok, err := h.matches(password, m)
	if errors.Is(err, errPasswordLength) {
		ok, err = false, nil
	}
	if _, own := h.(phc); !own && !ok {
		p.waste(password, m)
	}
	return ok && err == nil, err
}

// Waste costs exactly what Verify costs with the current parameters: it stands in where there is no hash to compare
// with, so that an unknown user cannot be told from a known one by the time of the answer.
func (p *Pool) Waste(ctx context.Context, password string) error {
	return p.run(ctx, func(m *argon2.Memory) { p.waste(password, m) })
}

func (p *Pool) waste(password string, m *argon2.Memory) {
	h := phc{params: p.params, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	_ = Equal(h.derive(password, m), h.key)
}

// Close refuses all further work and waits for what runs.
func (p *Pool) Close() {
	p.close.Do(func() {
		close(p.closing)
		for range cap(p.turns) {
			p.turns <- struct{}{}
		}
	})
}

// run evaluates f in a turn of its own.
func (p *Pool) run(ctx context.Context, f func(*argon2.Memory)) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	m := p.take()
	defer func() {
		p.keep(m)
		<-p.turns
	}()
	p.evaluations.Add(1)
	f(m)
	return nil
}

// take is called by who has a turn, so there are never more memories than turns.
func (p *Pool) take() *argon2.Memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return new(argon2.Memory)
	}
	m := p.idle[last]
	p.idle = p.idle[:last]
	return m
}

func (p *Pool) keep(m *argon2.Memory) {
	if m.Size() > p.params.Memory {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, m)
}

// enter waits for a turn. Go serves the senders of a channel in the order in which they came.
func (p *Pool) enter(ctx context.Context) error {
	if err := p.refused(ctx); err != nil {
		return err
	}
	select {
	case p.turns <- struct{}{}:
		return nil
	default:
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > p.maxWaiting {
		return p.overloaded(errors.New("the queue of the hashing pool is full"))
	}
	timer := time.NewTimer(p.deadline)
	defer timer.Stop()
	select {
	case p.turns <- struct{}{}:
		return nil
	case <-timer.C:
		return p.overloaded(errors.New("no turn in the hashing pool in time"))
	case <-ctx.Done():
		return p.overloaded(ctx.Err())
	case <-p.closing:
		return p.overloaded(errPoolClosed)
	}
}

// refused finds the reasons not to begin at all.
func (p *Pool) refused(ctx context.Context) error {
	select {
	case <-p.closing:
		return p.overloaded(errPoolClosed)
	default:
	}
	if err := ctx.Err(); err != nil {
		return p.overloaded(err)
	}
	return nil
}

func (p *Pool) overloaded(cause error) error {
	return &auth.Error{Code: auth.CodeOverloaded, RetryAfter: max(p.deadline.Round(time.Second), time.Second), Err: cause}
}
