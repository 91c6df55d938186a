package cli

import (
	"context"
	"fmt"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/telemetry"
)

type serveCmd struct{}

// stopBound is more than every part of a stop takes together.
const stopBound = 40 * time.Second

// assemble waits for a command that has the data directory, but not for a server that runs on it.
func (e *env) assemble(ctx context.Context, c config.Config, o server.Options) (*server.Server, error) {
	for n := 0; ; n++ {
		s, err := server.New(ctx, c, o)
		if err == nil {
			return s, nil
		}
		if web, running := server.Dial(ctx, c); running {
			web.CloseIdleConnections()
			return nil, err
		}
		if !e.again(n, err) {
			return nil, err
		}
	}
}

// Run serves until SIGTERM, SIGINT or the failure of a listener.
func (serveCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(telemetry.LogOptions{Writer: e.stderr, Format: c.Log.Format, Level: c.Log.Level})
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	paceCollector(ctx)
	s, err := e.assemble(ctx, c, server.Options{Logger: log, Version: version(), Out: e.stdout})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	log.Info("serving", "address", s.Addr().String(), "data", c.Data, "version", version())
	if err := s.Announce(ctx); err != nil {
		log.Error("the first links could not be made; run `ostiary setup link`", "error", err)
	}
	debug.FreeOSMemory() // what reading the contracts took is not needed again
	releaseProgram()
	select {
	case <-ctx.Done():
	case err = <-s.Failed():
	}
	stop() // a second signal ends the process at once
	log.Info("stopping")
	end, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), stopBound)
	defer cancel()
	if stopErr := s.Shutdown(end); err == nil && stopErr != nil {
		err = fmt.Errorf("stop: %w", stopErr)
	}
	return err
}
