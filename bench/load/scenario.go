package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// password is one that no blocklist refuses.
const password = "amber ladders under quiet rain"

// scenario is one thing to measure: prepare gives a worker what it needs, step is one measured request.
type scenario struct {
	name    string
	workers int
	prepare func(w *wire, u *user) error
	step    func(w *wire, u *user) error
}

// user is a signed-up person; each worker has one of its own.
type user struct {
	email   string
	token   string
	refresh string
	key     string
}

func scenarios() []scenario {
	return []scenario{
		{name: "me", workers: 8, prepare: signIn, step: me},
		{name: "api-key", workers: 8, prepare: makeKey, step: meByKey},
		{name: "refresh", workers: 64, prepare: signIn, step: refresh},
		{name: "sign-in", workers: 8, step: signIn},
		{name: "sign-up", workers: 8, step: signUp},
	}
}

func names() []string {
	var out []string
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

// serial makes every address of a run its own.
type serial struct {
	run  int64
	next atomic.Int64
}

func (s *serial) email() string { return fmt.Sprintf("load-%d-%d@load.test", s.run, s.next.Add(1)) }

func newSerial() *serial { return &serial{run: time.Now().UnixNano()} }

func signUp(w *wire, u *user) error {
	body := `{"email":"` + u.email + `","password":"` + password + `","name":"Load"}`
	return call(w, "POST", "/v1/auth/register", "", body, 201, nil)
}

func signIn(w *wire, u *user) error {
	var out struct {
		Token   string `json:"token"`
		Refresh string `json:"refresh_token"`
	}
	body := `{"email":"` + u.email + `","password":"` + password + `"}`
	if err := call(w, "POST", "/v1/auth/login", "", body, 200, &out); err != nil {
		return err
	}
	u.token, u.refresh = out.Token, out.Refresh
	return nil
}

func makeKey(w *wire, u *user) error {
	if err := signIn(w, u); err != nil {
		return err
	}
	var out struct {
		Key string `json:"api_key"`
	}
	err := call(w, "POST", "/v1/auth/api-keys", u.token, `{"name":"load","scopes":["account:read"]}`, 201, &out)
	u.key = out.Key
	return err
}

func me(w *wire, u *user) error { return call(w, "GET", "/v1/auth/me", u.token, "", 200, nil) }

func meByKey(w *wire, u *user) error { return call(w, "GET", "/v1/auth/me", u.key, "", 200, nil) }

func refresh(w *wire, u *user) error {
	var out struct {
		Refresh string `json:"refresh_token"`
	}
	if err := call(w, "POST", "/v1/auth/refresh", "", `{"refresh_token":"`+u.refresh+`"}`, 200, &out); err != nil {
		return err
	}
	if out.Refresh == u.refresh {
		return fmt.Errorf("the refresh token was not rotated")
	}
	u.refresh = out.Refresh
	return nil
}

func call(w *wire, method, path, bearer, body string, want int, into any) error {
	status, answer, err := w.send(method, path, bearer, body)
	if err != nil {
		return err
	}
	if status != want {
		return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// measure runs one scenario: users and workers are prepared first, then all workers start together.
func measure(s scenario, host string, o options) (result, error) {
	ids := newSerial()
	out := result{scenario: s.name, workers: s.workers}
	workers := make([]*worker, s.workers)
	for i := range workers {
		w, err := newWorker(host, s, ids)
		if err != nil {
			return out, err
		}
		defer w.wire.close()
		workers[i] = w
	}
	before := cpuTime(o.pid)
	start := time.Now()
	end := start.Add(o.duration)
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() { w.loop(s, ids, end) })
	}
	group.Wait()
	out.elapsed = time.Since(start)
	out.cpu = cpuTime(o.pid) - before
	for _, w := range workers {
		if w.err != nil {
			return out, w.err
		}
		out.latencies = append(out.latencies, w.latencies...)
	}
	return out, nil
}

// worker is one closed loop with its own connection and user.
type worker struct {
	wire      *wire
	user      user
	latencies []time.Duration
	err       error
}

func newWorker(host string, s scenario, ids *serial) (*worker, error) {
	conn, err := dial(host)
	if err != nil {
		return nil, err
	}
	w := &worker{wire: conn, user: user{email: ids.email()}}
	if s.name == "sign-up" {
		return w, nil
	}
	if err := signUp(conn, &w.user); err != nil {
		return nil, err
	}
	if s.prepare != nil {
		return w, s.prepare(conn, &w.user)
	}
	return w, nil
}

func (w *worker) loop(s scenario, ids *serial, end time.Time) {
	for time.Now().Before(end) {
		if s.name == "sign-up" {
			w.user.email = ids.email()
		}
		start := time.Now()
		if w.err = s.step(w.wire, &w.user); w.err != nil {
			return
		}
		w.latencies = append(w.latencies, time.Since(start))
	}
}
