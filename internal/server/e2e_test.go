package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// phrase is a password that every contract takes.
const phrase = "correct horse battery"

// wire asks a server the way a client of a contract does.
type wire struct {
	t testing.TB
	i *servertest.Instance
	// http is the client of the next requests; a browser's keeps cookies.
	http *http.Client
}

func newWire(t testing.TB, i *servertest.Instance) *wire { return &wire{t: t, i: i, http: i.HTTP} }

// reply is an answer with its body read.
type reply struct {
	t      testing.TB
	what   string
	Status int
	Header http.Header
	Body   []byte
}

// object is a body of JSON.
type object = map[string]any

// ask sends a request. A body is sent as JSON, url.Values as a form, a string as it is. Headers come in pairs.
func (w *wire) ask(method, path string, body any, headers ...string) reply {
	w.t.Helper()
	var reader io.Reader
	contentType := ""
	switch b := body.(type) {
	case nil:
	case url.Values:
		reader, contentType = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	case string:
		reader, contentType = strings.NewReader(b), "application/json"
	default:
		data, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader, contentType = bytes.NewReader(data), "application/json"
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.i.URL+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	resp, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{t: w.t, what: method + " " + path, Status: resp.StatusCode, Header: resp.Header, Body: data}
}

// as is the header of a bearer credential.
func as(token string) []string { return []string{"Authorization", "Bearer " + token} }

// want asserts the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: status %d, want %d: %s", r.what, r.Status, status, r.Body)
	}
	return r
}

// object decodes the body.
func (r reply) object() object {
	r.t.Helper()
	var out object
	if err := json.Unmarshal(r.Body, &out); err != nil {
		r.t.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	return out
}

// list decodes a body that is an array.
func (r reply) list() []any {
	r.t.Helper()
	var out []any
	if err := json.Unmarshal(r.Body, &out); err != nil {
		r.t.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	return out
}

// text finds a string by its dotted path.
func (r reply) text(path string) string {
	r.t.Helper()
	s, ok := at(r.object(), path).(string)
	if !ok || s == "" {
		r.t.Fatalf("%s: no text at %s in %s", r.what, path, r.Body)
	}
	return s
}

func at(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[step]
	}
	return v
}

// atPath is at for paths with indexes of lists in them.
func atPath(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		list, is := v.([]any)
		if !is {
			v = at(v, step)
		} else if n, err := strconv.Atoi(step); err == nil && n < len(list) {
			v = list[n]
		} else {
			return nil
		}
	}
	return v
}

// keys asserts which members an object has, no more and no less.
func (r reply) keys(path string, names ...string) reply {
	r.t.Helper()
	var v any = r.object()
	if path != "" {
		v = at(v, path)
	}
	o, ok := v.(object)
	if !ok {
		r.t.Fatalf("%s: no object at %q in %s", r.what, path, r.Body)
	}
	for _, name := range names {
		if _, ok := o[name]; !ok {
			r.t.Errorf("%s: %q lacks %s: %s", r.what, path, name, r.Body)
		}
	}
	if len(o) != len(names) {
		r.t.Errorf("%s: %q has %d members, want %v: %s", r.what, path, len(o), names, r.Body)
	}
	return r
}

// mailed is the token in the newest mail to the address that has one. Then the clock moves on, so that the next mail
// is newer.
func mailed(t testing.TB, i *servertest.Instance, to string) string {
	t.Helper()
	defer i.Clock.Advance(time.Second)
	for _, m := range i.Mails(to) {
		for _, link := range m.Links {
			if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" {
				return u.Query().Get("token")
			}
		}
	}
	t.Fatalf("no mail to %s has a link with a token", to)
	return ""
}

// code is a TOTP code that was not spent: the clock moves on to the next step first.
func code(t testing.TB, i *servertest.Instance, secret string) string {
	t.Helper()
	i.Clock.Advance(31 * time.Second)
	c, err := totp.GenerateCode(secret, i.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve mounts documents of testdata beside our own API.
func serve(t *testing.T, names ...string) servertest.Option {
	t.Helper()
	return servertest.Configure(func(c *config.Config) {
		c.Mounts = []config.Mount{{Contract: "ostiary", App: "default"}}
		for _, name := range names {
			path, err := filepath.Abs(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Fatal(err)
			}
			c.Mounts = append(c.Mounts, config.Mount{Contract: path, App: "default"})
		}
	})
}
