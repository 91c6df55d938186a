package outbound

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// publisher is a server of one document and a cache of it, with a clock that the test moves.
type publisher struct {
	*Documents
	url   string
	calls atomic.Int32
	reply atomic.Value // http.HandlerFunc
	now   atomic.Int64
}

func publish(t *testing.T, keep Keep) *publisher {
	t.Helper()
	p := &publisher{}
	p.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		p.reply.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	if keep.Count == 0 {
		keep.Count = 10
	}
	client := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	p.Documents = NewDocuments(client, func() time.Time { return time.Unix(p.now.Load(), 0) }, keep)
	return p
}

func (p *publisher) answer(fn http.HandlerFunc) { p.reply.Store(fn) }
func (p *publisher) pass(d time.Duration)       { p.now.Add(int64(d / time.Second)) }

func taken([]byte) error { return nil }

func (p *publisher) want(t *testing.T, renew bool, calls int32) {
	t.Helper()
	if _, err := p.Get(t.Context(), p.url, renew, taken); err != nil || p.calls.Load() != calls {
		t.Fatalf("%d calls, want %d, %v", p.calls.Load(), calls, err)
	}
}

// Headers say how long a document is believed, within bounds (CR-02).
func TestDocumentsAreKeptAsTheySay_CR02(t *testing.T) {
	for header, life := range map[string]time.Duration{"": time.Hour, "max-age=1200": 20 * time.Minute, "public, max-age=1": 5 * time.Minute,
		"max-age=99999999": 24 * time.Hour, "no-store": 5 * time.Minute, "max-age=x": time.Hour} {
		p := publish(t, Keep{Fresh: time.Hour, Least: 5 * time.Minute, Most: 24 * time.Hour})
		p.answer(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", header) })
		p.want(t, false, 1)
		p.pass(life - time.Second)
		p.want(t, false, 1)
		p.pass(time.Second)
		p.want(t, false, 2)
	}
}

// What cannot be had anew serves on for a while; what was asked for in vain is not asked for at once again.
func TestStaleDocuments(t *testing.T) {
	p := publish(t, Keep{Fresh: time.Hour, Stale: 24 * time.Hour, Renew: time.Minute, Retry: 10 * time.Second})
	p.want(t, false, 1)
	p.want(t, true, 1) // within a minute nobody gets a newer one
	p.pass(time.Minute)
	p.want(t, true, 2)
	p.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p.pass(23 * time.Hour)
	p.want(t, false, 3)
	p.want(t, false, 3) // the failure is remembered
	p.pass(time.Hour)
	if _, err := p.Get(t.Context(), p.url, false, taken); err == nil {
		t.Fatal("served for ever")
	}
}

func TestDocumentsAreBounded_CR02(t *testing.T) {
	p := publish(t, Keep{MaxBody: 5 << 10, JSON: true, Retry: time.Second})
	get := func(kind string, size int) error {
		p.pass(time.Hour)
		p.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write([]byte(strings.Repeat(" ", size)))
		})
		_, err := p.Get(t.Context(), p.url, false, taken)
		return err
	}
	if err := get("application/json; charset=utf-8", 5<<10); err != nil {
		t.Fatal(err)
	}
	if err := get("application/json", 5<<10+1); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if err := get("text/plain", 10); err == nil {
		t.Fatal("text is taken")
	}
	p.answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) })
	p.pass(time.Hour)
	if _, err := p.Get(t.Context(), p.url, false, taken); err == nil {
		t.Fatal("a redirect is followed")
	}
	strict := NewDocuments(New(Options{}), time.Now, Keep{Count: 1})
	if _, err := strict.Get(t.Context(), p.url, false, taken); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
}

// A crowd waits for one answer, and no more documents are fetched at one time than may be.
func TestOneFetchForACrowd(t *testing.T) {
	p := publish(t, Keep{Fresh: time.Hour, Concurrent: 1})
	entered, release := make(chan bool), make(chan bool)
	p.answer(func(http.ResponseWriter, *http.Request) { entered <- true; <-release })
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { _, _ = p.Get(t.Context(), p.url, false, taken) })
	}
	<-entered
	if _, err := p.Get(t.Context(), p.url+"/other", false, taken); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	close(release)
	wait.Wait()
	if p.calls.Load() != 1 {
		t.Fatalf("%d calls", p.calls.Load())
	}
}
