package server

import (
	"context"
	"net/http"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
)

// DB is the server's database, for tests that look behind the doors and for benchmarks.
func (s *Server) DB() *store.DB { return s.house.db }

// Inbox is the development inbox; nil if there is none.
func (s *Server) Inbox() *mail.Inbox { return s.house.inbox }

// Work does once, now, what a started server does in the background: due jobs, sealing, last uses, housekeeping. It is
// for servers that were never started or are Quiet.
func (s *Server) Work(ctx context.Context) error {
	if _, err := s.work.workers.RunDue(ctx); err != nil {
		return err
	}
	if _, err := s.house.audit.Seal(ctx, s.house.db, s.work.owner); err != nil {
		return err
	}
	if err := s.work.flushUses(ctx); err != nil {
		return err
	}
	return s.work.tidy(ctx)
}

// SetupToken makes a new token for the first administrator; empty once there is one.
func (s *Server) SetupToken(ctx context.Context) (string, error) {
	link, needed, err := s.house.login.EnsureSetupProof(ctx)
	if err != nil || !needed {
		return "", err
	}
	return link.Token, nil
}

// Metrics answers a scrape, as the metrics listener does.
func (s *Server) Metrics() http.Handler { return s.house.metrics.Handler() }

// RefreshToken is the current refresh token of a session, as its client holds it.
func (s *Server) RefreshToken(row auth.Session) string { return s.house.sessions.RefreshToken(row) }

// Sign makes a token of a kind with the server's key, as the server does where no test can ask for one.
func (s *Server) Sign(ctx context.Context, typ string, claims any) (string, error) {
	return s.house.signer.Sign(ctx, auth.AlgorithmES256, typ, claims)
}
