package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/web"
)

// Letter is a mail ready to go.
type Letter struct {
	ID      auth.JobID // of its job: the same over all attempts
	To      string
	Subject string
	Text    string
	HTML    string
	Links   []string
	Date    time.Time
}

// Transport is a way out of the house. An error that no retry can help is marked with queue.Permanent. The same
// letter may come again when an earlier attempt's end was lost.
type Transport interface {
	Deliver(ctx context.Context, l Letter) error
}

// Handler delivers the jobs that Mailer queues. One mail is one job, so a recipient that is refused holds up nobody
// (F-09).
type Handler struct {
	Transport Transport
	Clock     func() time.Time

	// Library has the sentences and templates; nil: those of the program.
	Library *web.Library

	once sync.Once
	own  *web.Library
}

// library is the one to take words from.
func (h *Handler) library() *web.Library {
	h.once.Do(func() {
		if h.own = h.Library; h.own == nil {
			h.own = &web.Library{}
		}
	})
	return h.own
}

// Handle is the queue.Handler of JobKind.
func (h *Handler) Handle(ctx context.Context, d queue.Delivery) error {
	var p parcel
	if err := json.Unmarshal(d.Payload, &p); err != nil {
		return queue.Permanent(fmt.Errorf("read a mail job: %w", err))
	}
	if !p.Kind.known() {
		return queue.Permanent(fmt.Errorf("there is no mail of kind %q", p.Kind))
	}
	to, err := deliverable(p.To)
	if err != nil {
		return queue.Permanent(fmt.Errorf("the address of a mail: %w", err))
	}
	subject, text, html, err := render(h.library(), p, d.CreatedAt)
	if err != nil {
		return queue.Permanent(fmt.Errorf("write a mail of kind %s: %w", p.Kind, err))
	}
	letter := Letter{ID: d.ID, To: to, Subject: subject, Text: text, HTML: html, Date: h.Clock()}
	if p.Link != "" {
		letter.Links = []string{p.Link}
	}
	return h.Transport.Deliver(ctx, letter)
}
