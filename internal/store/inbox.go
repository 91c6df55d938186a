package store

import "time"

// InboxMessage is one mail of the development inbox, sealed.
type InboxMessage struct {
	ID     string
	SentAt time.Time
	Sealed []byte
}

// InsertInboxMessage keeps a mail; one that is kept already stays as it is.
func (tx *Tx) InsertInboxMessage(m InboxMessage) error {
	_, err := tx.exec(`INSERT INTO inbox_messages (id, sent_at, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		m.ID, micros(m.SentAt), m.Sealed)
	return err
}

// InboxMessages reads the newest mails, newest first.
func (tx *Tx) InboxMessages(limit int) ([]InboxMessage, error) {
	var out []InboxMessage
	err := tx.all(`SELECT id, sent_at, sealed FROM inbox_messages ORDER BY sent_at DESC, id DESC LIMIT $1`,
		[]any{limit}, func(scan func(dest ...any) error) error {
			var m InboxMessage
			var sent int64
			if err := scan(&m.ID, &sent, &m.Sealed); err != nil {
				return err
			}
			m.SentAt = instant(sent)
			out = append(out, m)
			return nil
		})
	return out, err
}

// TrimInbox removes at most limit of the mails beyond the newest keep.
func (tx *Tx) TrimInbox(keep, limit int) (int64, error) {
	return tx.exec(`DELETE FROM inbox_messages WHERE id IN
		(SELECT id FROM inbox_messages ORDER BY sent_at DESC, id DESC LIMIT $1 OFFSET $2)`, limit, keep)
}
