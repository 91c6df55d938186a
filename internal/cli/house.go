package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/telemetry"
)

// ask calls work with a client of the server that runs on the data directory, or of one assembled for this call.
func (e *env) ask(app string, work func(c *client.Client) error) (err error) {
	c, err := e.settings()
	if err != nil {
		return err
	}
	web, done, err := e.connect(c)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := done(); err == nil {
			err = closeErr
		}
	}()
	return work(&client.Client{BaseURL: server.OperatorURL, HTTP: web, App: app})
}

// patience is how often somebody looks again while the data directory is taken and nobody answers: a server that is starting
// answers soon, and another command is soon done.
const patience = 25

// connect finds the running server or assembles one.
func (e *env) connect(c config.Config) (web *http.Client, done func() error, err error) {
	for n := 0; ; n++ {
		if web, ok := server.Dial(e.ctx, c); ok {
			return web, func() error { web.CloseIdleConnections(); return nil }, nil
		}
		s, err := server.New(e.ctx, c, e.options(c, "warn"))
		if err == nil {
			return &http.Client{Transport: inProcess{s.Operator()}}, func() error { return s.Shutdown(e.ctx) }, nil
		}
		if !e.again(n, err) {
			return nil, nil, err
		}
	}
}

// again lets a moment pass after the nth try, where another could help.
func (e *env) again(n int, err error) bool {
	if n == patience || !server.Busy(err) {
		return false
	}
	if e.pause != nil {
		return e.pause()
	}
	select {
	case <-e.ctx.Done():
		return false
	case <-time.After(200 * time.Millisecond):
		return true
	}
}

// options are those of a server in this process. level is the least severe line worth telling.
func (e *env) options(c config.Config, level string) server.Options {
	return server.Options{Version: version(), Quiet: true,
		Logger: telemetry.NewLogger(telemetry.LogOptions{Writer: e.stderr, Format: c.Log.Format, Level: level})}
}

// inProcess answers requests by a handler of this process.
type inProcess struct{ handler http.Handler }

// RoundTrip calls the handler and hands back what it wrote.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer func() { _ = r.Body.Close() }()
	in := r.Clone(r.Context())
	in.RequestURI, in.Host = r.URL.RequestURI(), r.URL.Host
	w := &answer{header: http.Header{}}
	p.handler.ServeHTTP(w, in)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Body: io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer gathers what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's.
func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// all walks the pages of a list.
func all[T any](ctx context.Context, page func(context.Context, client.Paging) ([]T, string, error)) ([]T, error) {
	out := []T{}
	p := client.Paging{Limit: 200}
	for {
		items, next, err := page(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
		if next == "" {
			return out, nil
		}
		p.Cursor = next
	}
}

// shower prints a list, or with --json the value that the list is made of.
type shower[T any] func(value any, list []T) error

// list asks for every page of a list and prints it.
func list[T any](e *env, app string, show shower[T], page func(ctx context.Context, ask *client.Client, p client.Paging) ([]T, string, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		found, err := all(e.ctx, func(ctx context.Context, p client.Paging) ([]T, string, error) { return page(ctx, ask, p) })
		if err != nil {
			return err
		}
		return show(found, found)
	})
}

// one asks for one thing and prints the answer.
func one[T any](e *env, app string, show shower[T], call func(ask *client.Client) (T, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		found, err := call(ask)
		if err != nil {
			return err
		}
		return show(found, []T{found})
	})
}
