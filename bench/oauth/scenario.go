package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ostiary-id/ostiary/bench/internal/drive"
)

// scenario is one thing to measure at one endpoint.
type scenario struct {
	name    string
	workers int
	// endpoint is where it asks; empty: the provider has none.
	endpoint func(at endpoints) string
	// ready gives a worker what it needs. Unmeasured.
	ready func(w *worker) error
	// step is one measured request.
	step func(w *worker) error
}

func scenarios() []scenario {
	return []scenario{
		{name: "refresh", workers: 64, endpoint: func(at endpoints) string { return at.Token }, ready: seed, step: refresh},
		{name: "introspect", workers: 8, endpoint: func(at endpoints) string { return at.Introspection }, ready: seed, step: introspect},
		{name: "discovery", workers: 8, endpoint: func(at endpoints) string { return at.discovery }, ready: document("token_endpoint"), step: read},
		{name: "jwks", workers: 8, endpoint: func(at endpoints) string { return at.JWKS }, ready: document("keys"), step: read},
	}
}

func names() []string {
	var out []string
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

// worker is one closed loop with its own connection and tokens.
type worker struct {
	party   *party
	number  int // from 1
	conn    *drive.Conn
	path    string // of the endpoint
	held    tokens
	rotated int    // how many answers of refresh had a new refresh token
	text    []byte // of the document that is read
}

// measure runs one scenario and says what else there is to know of it, if anything.
func measure(s scenario, p *party) (*drive.Result, string, error) {
	host, path, err := address(s.endpoint(p.at))
	if err != nil {
		return nil, "", err
	}
	workers, steps := make([]*worker, p.Workers(s.workers)), make([]func() error, p.Workers(s.workers))
	for i := range workers {
		conn, err := drive.Dial(host)
		if err != nil {
			return nil, "", err
		}
		defer conn.Close()
		w := &worker{party: p, number: i + 1, conn: conn, path: path}
		if err := s.ready(w); err != nil {
			return nil, "", fmt.Errorf("worker %d: %w", w.number, err)
		}
		workers[i], steps[i] = w, func() error { return s.step(w) }
	}
	result, err := p.Run(s.name, steps)
	if s.name != "refresh" || err != nil {
		return result, "", err
	}
	rotated := 0
	for _, w := range workers {
		rotated += w.rotated
	}
	return result, fmt.Sprintf("%d of %d answers had a new refresh token", rotated, result.Requests()), nil
}

func seed(w *worker) (err error) {
	w.held, err = w.party.letIn(w.number)
	return err
}

// document is a ready that reads what the steps are to get, which must have the member.
func document(member string) func(w *worker) error {
	return func(w *worker) error {
		body, err := w.send(drive.Request{Method: http.MethodGet, Path: w.path})
		if err != nil {
			return err
		}
		var has map[string]json.RawMessage
		if err := json.Unmarshal(body, &has); err != nil || has[member] == nil {
			return fmt.Errorf("%s has no %s: %s", w.path, member, body)
		}
		w.text = bytes.Clone(body)
		return nil
	}
}

// read wants the document that was there at the beginning.
func read(w *worker) error {
	body, err := w.send(drive.Request{Method: http.MethodGet, Path: w.path})
	if err == nil && !bytes.Equal(body, w.text) {
		err = fmt.Errorf("%s has changed: %s", w.path, body)
	}
	return err
}

func refresh(w *worker) error {
	body, err := w.post("grant_type=refresh_token&refresh_token=" + url.QueryEscape(w.held.Refresh))
	if err != nil {
		return err
	}
	next, err := tokensOf(body)
	if err != nil {
		return err
	}
	if next.Refresh != "" && next.Refresh != w.held.Refresh {
		w.held.Refresh = next.Refresh
		w.rotated++
	}
	return nil
}

func introspect(w *worker) error {
	body, err := w.post("token=" + url.QueryEscape(w.held.Access))
	if err != nil {
		return err
	}
	var told struct {
		Active bool `json:"active"`
	}
	if err := json.Unmarshal(body, &told); err != nil || !told.Active {
		return fmt.Errorf("a live token is not told to be active: %s", body)
	}
	return nil
}

// post sends a form as the client.
func (w *worker) post(form string) ([]byte, error) {
	return w.send(drive.Request{Method: http.MethodPost, Path: w.path, Authorization: w.party.basic,
		ContentType: "application/x-www-form-urlencoded", Body: form})
}

// send wants an answer of 200.
func (w *worker) send(r drive.Request) ([]byte, error) {
	status, body, err := w.conn.Send(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %d %s", r.Method, r.Path, status, body)
	}
	return body, nil
}
