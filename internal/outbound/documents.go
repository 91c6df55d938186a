package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Keep says how documents are fetched and for how long they are believed.
type Keep struct {
	MaxBody int64         // bytes of one document; 0: what the Client allows
	Fresh   time.Duration // believed without asking, where the answer's Cache-Control says nothing
	// Least and Most bound what Cache-Control says (RFC 9111 section 5.2.2); without Most nobody asks it.
	Least, Most time.Duration
	Stale       time.Duration // after the fetch, in which a document is served on though it cannot be had anew
	Renew       time.Duration // the least time between two fetches that somebody asks for who misses something in it
	Retry       time.Duration // the least time after a fetch that failed
	Count       int           // of documents that are held
	Concurrent  int           // fetches at one time; 0: no bound
	JSON        bool          // only what calls itself JSON is taken
}

// ErrBusy is in the chain of an error when as many documents are being fetched as may be.
var ErrBusy = errors.New("too many documents are being fetched")

// Documents fetches public documents and keeps them for a while, so that who publishes one and is down, or answers
// nonsense, harms those alone that need something new of it (SECURITY F-23). It is safe for concurrent use.
type Documents struct {
	client *Client
	clock  func() time.Time
	keep   Keep
	turns  chan struct{} // nil: no bound

	mu   sync.Mutex
	held map[string]*document
}

// document is one of them. Its lock is held while it is fetched, so that a crowd waits for one answer.
type document struct {
	mu      sync.Mutex
	body    []byte
	fetched time.Time // zero: never
	fresh   time.Duration
	tried   time.Time
	failure error // of the last try
}

// NewDocuments makes a cache of documents that c fetches.
func NewDocuments(c *Client, clock func() time.Time, keep Keep) *Documents {
	d := &Documents{client: c, clock: clock, keep: keep, held: map[string]*document{}}
	if keep.Concurrent > 0 {
		d.turns = make(chan struct{}, keep.Concurrent)
	}
	return d
}

// Get answers the document at an address, from the cache while it is fresh. renew asks for a newer one than the caller
// has seen; it is fetched once in Keep.Renew at most. Only what valid takes replaces what is held. Errors: those of
// Client.Get, ErrBusy, that of valid.
func (d *Documents) Get(ctx context.Context, address string, renew bool, valid func([]byte) error) ([]byte, error) {
	doc := d.at(address)
	doc.mu.Lock()
	defer doc.mu.Unlock()
	now := d.clock()
	if !d.due(doc, now, renew) {
		return d.answer(doc, now)
	}
	// Others wait for this answer too, so it does not end with the request that happened to come first.
	body, fresh, err := d.fetch(context.WithoutCancel(ctx), address)
	if errors.Is(err, ErrBusy) {
		return nil, err // no word about the document
	}
	if err == nil {
		err = valid(body)
	}
	doc.tried = now
	if doc.failure = err; err == nil {
		doc.body, doc.fetched, doc.fresh = body, now, fresh
	}
	return d.answer(doc, now)
}

func (d *Documents) due(doc *document, now time.Time, renew bool) bool {
	switch {
	case doc.failure != nil && now.Sub(doc.tried) < d.keep.Retry:
		return false
	case renew:
		return now.Sub(doc.tried) >= d.keep.Renew
	}
	return doc.fetched.IsZero() || now.Sub(doc.fetched) >= doc.fresh
}

func (d *Documents) answer(doc *document, now time.Time) ([]byte, error) {
	if !doc.fetched.IsZero() && (doc.failure == nil || now.Sub(doc.fetched) < d.keep.Stale) {
		return doc.body, nil
	}
	return nil, doc.failure
}

func (d *Documents) fetch(ctx context.Context, address string) (body []byte, fresh time.Duration, err error) {
	if d.turns != nil {
		select {
		case d.turns <- struct{}{}:
			defer func() { <-d.turns }()
		default:
			return nil, 0, ErrBusy
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, 0, errors.New("the URL cannot be read")
	}
	r.Header.Set("Accept", "application/json")
	w, err := d.client.http.Do(r)
	if err != nil {
		return nil, 0, named(r, err)
	}
	defer func() { _ = w.Body.Close() }() // read to its end, or given up
	if w.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", w.StatusCode)
	}
	if d.keep.JSON && !isJSON(w.Header.Get("Content-Type")) {
		return nil, 0, errors.New("the document does not call itself JSON")
	}
	if d.keep.MaxBody > 0 {
		w.Body = &bounded{body: w.Body, left: d.keep.MaxBody}
	}
	if body, err = io.ReadAll(w.Body); err != nil {
		return nil, 0, named(r, err)
	}
	return body, d.freshness(w.Header), nil
}

// freshness is how long an answer is believed.
func (d *Documents) freshness(h http.Header) time.Duration {
	if d.keep.Most == 0 {
		return d.keep.Fresh
	}
	life := d.keep.Fresh
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return d.keep.Least
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err == nil {
				life = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(max(life, d.keep.Least), d.keep.Most)
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// at finds the place of a document, and makes room for a new one.
func (d *Documents) at(address string) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.held[address]
	if !ok {
		if len(d.held) >= d.keep.Count {
			for other := range d.held { // any: it is fetched again by whoever needs it
				delete(d.held, other)
				break
			}
		}
		doc = &document{}
		d.held[address] = doc
	}
	return doc
}
