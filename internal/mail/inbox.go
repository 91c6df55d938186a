package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// inboxPurpose binds the seal of a kept mail to its table: it holds live links.
	inboxPurpose = "inbox"
	// inboxKeeps is how many mails Clean leaves, inboxBatch how many it removes at most.
	inboxKeeps = 1000
	inboxBatch = 500
)

// Inbox is the Transport of development: it keeps mails for the page /dev/inbox instead of sending them. Whether it
// may exist at all is decided by the server.
type Inbox struct {
	DB   *store.DB
	Keys *secret.Keys
}

// InboxMessage is one kept mail.
type InboxMessage struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Links   []string  `json:"links"` // never nil
	SentAt  time.Time `json:"sent_at"`
}

// Deliver keeps a mail. A mail that is kept already stays as it is.
func (b *Inbox) Deliver(ctx context.Context, l Letter) error {
	m := InboxMessage{ID: string(l.ID), To: l.To, Subject: l.Subject, Text: l.Text, HTML: l.HTML,
		Links: append([]string{}, l.Links...), SentAt: l.Date.UTC()}
	plain, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a mail for the inbox: %w", err)
	}
	sealed, err := b.Keys.Seal(inboxPurpose, m.ID, plain)
	if err != nil {
		return err
	}
	return b.DB.Write(ctx, func(tx *store.Tx) error {
		return tx.InsertInboxMessage(store.InboxMessage{ID: m.ID, SentAt: m.SentAt, Sealed: sealed})
	})
}

// List returns the newest mails, newest first.
func (b *Inbox) List(ctx context.Context, limit int) ([]InboxMessage, error) {
	var rows []store.InboxMessage
	err := b.DB.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.InboxMessages(limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]InboxMessage, 0, len(rows))
	for _, row := range rows {
		plain, err := b.Keys.Open(inboxPurpose, row.ID, row.Sealed)
		if err != nil {
			return nil, fmt.Errorf("open the mail %s of the inbox: %w", row.ID, err)
		}
		var m InboxMessage
		if err := json.Unmarshal(plain, &m); err != nil {
			return nil, fmt.Errorf("read the mail %s of the inbox: %w", row.ID, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// Clean removes at most 500 of the mails beyond the newest 1,000 and returns how many.
func (b *Inbox) Clean(ctx context.Context) (n int, err error) {
	err = b.DB.Write(ctx, func(tx *store.Tx) error {
		removed, err := tx.TrimInbox(inboxKeeps, inboxBatch)
		n = int(removed)
		return err
	})
	return n, err
}
