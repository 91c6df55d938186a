package federation

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/outbound"
)

// How long a published document (discovery, keys) is believed. A provider that is down or answers nonsense harms those
// sign-ins alone that need something new of it (SECURITY F-23).
const (
	freshFor     = time.Hour        // then it is fetched again
	staleFor     = 24 * time.Hour   // and this long served though it cannot be
	renewAfter   = time.Minute      // the least time between two fetches that an unknown key asks for
	retryAfter   = 10 * time.Second // the least time after a fetch that failed
	maxDocuments = 500
)

// documents fetches what providers publish, and keeps it for a while. It is safe for concurrent use.
type documents struct {
	outbound *outbound.Client
	clock    func() time.Time

	mu   sync.Mutex
	held map[string]*document
}

// document is one of them. Its lock is held while it is fetched, so that a crowd waits for one answer.
type document struct {
	mu      sync.Mutex
	body    []byte
	fetched time.Time // zero: never
	tried   time.Time
	failure error // of the last try
}

func newDocuments(o *outbound.Client, clock func() time.Time) *documents {
	return &documents{outbound: o, clock: clock, held: map[string]*document{}}
}

// get answers the document at an address, from the cache while it is fresh. renew asks for a newer one than the caller
// has seen; it is fetched once a minute at most. Only what valid takes replaces what is held.
func (d *documents) get(ctx context.Context, address string, renew bool, valid func([]byte) error) ([]byte, error) {
	doc := d.at(address)
	doc.mu.Lock()
	defer doc.mu.Unlock()
	now := d.clock()
	if !doc.due(now, renew) {
		return doc.answer(now)
	}
	doc.tried = now
	// Others wait for this answer too, so it does not end with the request that happened to come first.
	status, body, err := d.outbound.Get(context.WithoutCancel(ctx), address)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	if err == nil {
		err = valid(body)
	}
	if doc.failure = err; err == nil {
		doc.body, doc.fetched = body, now
	}
	return doc.answer(now)
}

func (doc *document) due(now time.Time, renew bool) bool {
	switch {
	case doc.failure != nil && now.Sub(doc.tried) < retryAfter:
		return false
	case renew:
		return now.Sub(doc.tried) >= renewAfter
	}
	return doc.fetched.IsZero() || now.Sub(doc.fetched) >= freshFor
}

func (doc *document) answer(now time.Time) ([]byte, error) {
	if !doc.fetched.IsZero() && now.Sub(doc.fetched) < staleFor {
		return doc.body, nil
	}
	return nil, doc.failure
}

// at finds the place of a document, and makes room for a new one.
func (d *documents) at(address string) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.held[address]
	if !ok {
		if len(d.held) >= maxDocuments {
			for other := range d.held { // any: a house with so many providers fetches one again
				delete(d.held, other)
				break
			}
		}
		doc = &document{}
		d.held[address] = doc
	}
	return doc
}
