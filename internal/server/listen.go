package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"

	"github.com/ostiary-id/ostiary/internal/httpx"
)

// listener is one open port with the server behind it.
type listener struct {
	net.Listener
	name   string
	server *http.Server
	active atomic.Int64 // requests under way
	done   chan error   // closed when it ended; holds the error of an end that nobody asked for
}

// listen opens all listeners before it serves on any, so that a port in use stops the start at once.
func (s *Server) listen(ctx context.Context) error {
	if err := s.listenPublic(ctx); err != nil {
		return err
	}
	if err := s.listenMetrics(ctx); err != nil {
		return err
	}
	if err := s.listenSocket(ctx); err != nil {
		return err
	}
	for _, l := range s.listeners {
		go l.serve()
	}
	return nil
}

func (s *Server) listenPublic(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := newHTTP(s.public, s.o.Logger)
	if s.config.TLS.Cert != "" {
		cert, err := newCertificate(s.config.TLS.Cert, s.config.TLS.Key, s.o.Clock, s.o.Logger)
		if err != nil {
			_ = l.Close()
			return err
		}
		server.TLSConfig = cert.config()
		server.Protocols.SetHTTP2(true)
		l = tls.NewListener(l, server.TLSConfig)
	}
	s.add("listen", l, server)
	return nil
}

// listenMetrics opens the listener of metrics and profiles. It has no authentication: it belongs on a private address.
func (s *Server) listenMetrics(ctx context.Context) error {
	if s.config.Metrics.Listen == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.config.Metrics.Listen)
	if err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.house.metrics.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := newHTTP(mux, s.o.Logger)
	server.WriteTimeout = 0 // a profile takes as long as it is asked to
	s.add("metrics.listen", l, server)
	return nil
}

// listenSocket opens the command socket. A second server on the same directory (they may share one with PostgreSQL)
// goes without; commands reach the first.
func (s *Server) listenSocket(ctx context.Context) error {
	l, remove, err := listenSocket(ctx, s.config.Data)
	if errors.Is(err, errOtherServer) {
		s.o.Logger.Warn("another server on this data directory answers the commands")
		return nil
	}
	if err != nil {
		return err
	}
	s.unsocket = remove
	server := newHTTP(s.operator, s.o.Logger)
	server.ReadTimeout, server.WriteTimeout = operatorDeadline, operatorDeadline
	s.add("command socket", l, server)
	return nil
}

func (s *Server) add(name string, l net.Listener, server *http.Server) {
	out := &listener{Listener: l, name: name, server: server, done: make(chan error, 1)}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out.active.Add(1)
		defer out.active.Add(-1)
		next.ServeHTTP(w, r)
	})
	s.listeners = append(s.listeners, out)
}

func (l *listener) serve() {
	defer close(l.done)
	if err := l.server.Serve(l.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		l.done <- fmt.Errorf("%s: %w", l.name, err)
	}
}

// newHTTP makes a server with the times and bounds of AV-01 and IO-01. HTTP/2 is spoken over TLS only.
func newHTTP(h http.Handler, log *slog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: h, Protocols: protocols, MaxHeaderBytes: httpx.MaxHeaderBytes,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(complaints(log).Handler(), slog.LevelDebug),
	}
}
