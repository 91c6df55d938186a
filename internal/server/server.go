package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// The times of AV-01. Answers to the operator may take longer: a backup copies the whole database.
const (
	headerTimeout    = 5 * time.Second
	readTimeout      = 15 * time.Second
	writeTimeout     = 30 * time.Second
	idleTimeout      = 60 * time.Second
	handlerDeadline  = 10 * time.Second
	operatorDeadline = 10 * time.Minute
)

// Server is an assembled house with its listeners. Make one with New, then Start and Shutdown it once.
type Server struct {
	config   config.Config
	o        Options
	house    *house
	public   http.Handler
	operator http.Handler
	draining atomic.Bool

	listeners []*listener
	work      *background
	unsocket  func()
}

// New assembles a server: it opens the database, checks the master key, compiles the contracts. Nothing listens and
// nothing runs in the background yet. The error says what is wrong and what to do; for settings it is a
// config.Problems.
func New(ctx context.Context, c config.Config, o Options) (*Server, error) {
	c, o = c.WithDefaults(), o.withDefaults()
	p, err := makePlan(c)
	if err != nil {
		return nil, err
	}
	return newServer(ctx, c, p, o)
}

func newServer(ctx context.Context, c config.Config, p plan, o Options) (*Server, error) {
	h, err := assemble(ctx, c, p, o)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, o: o, house: h}
	routes := s.routes()
	front := httpx.Options{Logger: o.Logger, Metrics: h.metrics, Traces: h.traces, Clock: o.Clock, Rand: o.Rand,
		Proxies: c.TrustedProxies, MaxInFlight: c.MaxInFlight, Deadline: handlerDeadline, HSTS: https(c),
		Free: []string{"/healthz", "/readyz"}}
	s.public = httpx.New(front).Wrap(refuseOperatorHost(routes))
	front.Proxies, front.MaxInFlight, front.Deadline = nil, 0, operatorDeadline
	s.operator = asOperator(httpx.New(front).Wrap(routes))
	h.metrics.Gauge("requests_in_flight", "Requests under way.", func() float64 { return float64(s.inFlight()) })
	s.work = newBackground(h, c, p, o)
	return s, nil
}

// Handler serves what the public listener serves.
func (s *Server) Handler() http.Handler { return s.public }

// Operator serves what the command socket serves: the same, for the machine's operator.
func (s *Server) Operator() http.Handler { return s.operator }

// Contracts lists what is mounted.
func (s *Server) Contracts() []contract.Info { return public(s.house.engine.Contracts()) }

// Addr is the address of the public listener; nil before Start.
func (s *Server) Addr() net.Addr {
	if len(s.listeners) == 0 {
		return nil
	}
	return s.listeners[0].Addr()
}

// inFlight counts the requests that listeners still have to finish.
func (s *Server) inFlight() (n int64) {
	for _, l := range s.listeners {
		n += l.active.Load()
	}
	return n
}

// Start opens the listeners and begins the background work. It returns at once; ctx only bounds the opening. A
// listener that fails later is told to Failed.
func (s *Server) Start(ctx context.Context) error {
	err := s.listen(ctx)
	if err != nil {
		return errors.Join(err, s.Shutdown(context.WithoutCancel(ctx)))
	}
	if !s.o.Quiet {
		s.work.start()
	}
	return nil
}

// Failed yields the error of a listener that ended by itself.
func (s *Server) Failed() <-chan error {
	out := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() {
			if err := <-l.done; err != nil {
				out <- err
			}
		}()
	}
	return out
}

// Shutdown stops without losing a request (AV-04): readiness ends, listeners close, requests under way get the time of
// drain_timeout or ctx, then the background work is flushed and the database closed. It may be called on a server that
// was never started.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	drain, cancel := context.WithTimeout(ctx, s.config.DrainTimeout)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.work.stop()
	}()
	var errs []error
	for _, l := range s.listeners {
		if err := l.server.Shutdown(drain); err != nil {
			errs = append(errs, fmt.Errorf("%s: requests were cut off: %w", l.name, err), l.server.Close())
		}
	}
	if s.unsocket != nil {
		s.unsocket()
	}
	<-stopped
	s.work.flush(context.WithoutCancel(ctx))
	s.house.close(drain)
	return errors.Join(errs...)
}

// https reports whether people reach the server by https.
func https(c config.Config) bool {
	base := c.PublicBase()
	return len(base) > 6 && base[:6] == "https:"
}

// asOperator marks every request as the operator's. Only the socket and commands in this very process use it.
func asOperator(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(operation.WithOperator(r.Context())))
	})
}

// refuseOperatorHost keeps the network away from what is mounted for the operator alone.
func refuseOperatorHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hostOf(r) == operatorHost {
			http.Error(w, "misdirected request", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// logger for net/http's own complaints: broken handshakes and the like, at the level of details.
func complaints(log *slog.Logger) *slog.Logger { return log.With("from", "net/http") }
