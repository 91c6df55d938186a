package main

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/bench/internal/drive"
)

// password is one that no blocklist refuses.
const password = "amber ladders under quiet rain"

// scenario is one thing to measure: prepare gives a worker what it needs, step is one measured request.
type scenario struct {
	name    string
	workers int
	prepare func(w *drive.Conn, u *user) error
	step    func(w *drive.Conn, u *user) error
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

func signUp(w *drive.Conn, u *user) error {
	body := `{"email":"` + u.email + `","password":"` + password + `","name":"Load"}`
	return call(w, "POST", "/v1/auth/register", "", body, 201, nil)
}

func signIn(w *drive.Conn, u *user) error {
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

func makeKey(w *drive.Conn, u *user) error {
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

func me(w *drive.Conn, u *user) error { return call(w, "GET", "/v1/auth/me", u.token, "", 200, nil) }

func meByKey(w *drive.Conn, u *user) error { return call(w, "GET", "/v1/auth/me", u.key, "", 200, nil) }

func refresh(w *drive.Conn, u *user) error {
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

func call(w *drive.Conn, method, path, bearer, body string, want int, into any) error {
	r := drive.Request{Method: method, Path: path, ContentType: "application/json", Body: body}
	if bearer != "" {
		r.Authorization = "Bearer " + bearer
	}
	status, answer, err := w.Send(r)
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

// measure runs one scenario: users and connections are prepared first, then all workers start together.
func measure(s scenario, host string, set drive.Settings) (*drive.Result, error) {
	ids := newSerial()
	steps := make([]func() error, set.Workers(s.workers))
	for i := range steps {
		conn, err := drive.Dial(host)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		if steps[i], err = s.ready(conn, ids); err != nil {
			return nil, err
		}
	}
	return set.Run(s.name, steps)
}

// ready gives a worker a user of its own and tells what it does again and again.
func (s scenario) ready(w *drive.Conn, ids *serial) (func() error, error) {
	u := &user{email: ids.email()}
	if s.name == "sign-up" {
		return func() error {
			u.email = ids.email()
			return s.step(w, u)
		}, nil
	}
	if err := signUp(w, u); err != nil {
		return nil, err
	}
	if s.prepare != nil {
		if err := s.prepare(w, u); err != nil {
			return nil, err
		}
	}
	return func() error { return s.step(w, u) }, nil
}
