package server

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"time"
)

// Options are what a server is given beside its settings. The zero value is right for production; tests set a clock.
type Options struct {
	Clock func() time.Time // nil: the machine's clock, corrected by PostgreSQL's
	Rand  io.Reader        // nil: crypto/rand
	// Wait holds back an answer that must take its time; nil: a timer.
	Wait    func(ctx context.Context, d time.Duration) error
	Logger  *slog.Logger // nil: silent
	Version string       // of the program
	// Out is where a person reads the first links, once, at the start; nil: nowhere. It is no log: the links are secrets.
	Out io.Writer
	// Quiet leaves out the background work (mail, sealing, housekeeping), for commands that only ask something. Tests
	// that run it themselves set it too.
	Quiet bool

	realClock bool
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock, o.realClock = time.Now, true
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}

// wait is over after d, or with ctx.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
