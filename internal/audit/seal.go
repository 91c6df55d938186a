package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// batch is the most events sealed in one Write; at about 10 us each it holds the writer up for 2 ms.
	batch = 200
	// lease is how long a sealer that fell silent keeps the others from sealing.
	lease     = time.Minute
	leaseName = "audit.sealer"
)

// errHead says that the end of a chain is not where the sealer left it. That chain is not continued, for
// continuing would hide what happened; Verify tells more.
var errHead = errors.New("the end of the chain is not where the sealer left it")

// head is the end of an app's chain.
type head struct {
	seq  int64
	link []byte
}

// Run seals every interval until ctx ends. owner names this process among all that share the database.
func (l *Log) Run(ctx context.Context, db *store.DB, owner string, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := l.Seal(ctx, db, owner); err != nil && ctx.Err() == nil {
			l.complain("the audit log was not sealed", "error", err)
		}
	}
}

// Seal gives every committed event that is old enough its place in its app's chain and the keyed link over it and
// the one before, in the order (at, id), and returns how many. One owner at a time holds the lease; the others
// seal nothing and return 0. Even without the lease two sealers would make one chain: the end of a chain is
// locked while it grows, and an event takes a place once.
//
// Events without their writer's mark (somebody put them into the table) are left where they are.
func (l *Log) Seal(ctx context.Context, db *store.DB, owner string) (n int, err error) {
	var at time.Time
	var id auth.EventID
	for {
		var waiting []store.SealedEvent
		err := db.Read(ctx, func(tx *store.Tx) (err error) {
			waiting, err = tx.UnsealedEvents(tx.Now().Add(-l.settled()), at, id, batch)
			return err
		})
		if err != nil || len(waiting) == 0 {
			return n, err
		}
		sealed, held, err := l.sealBatch(ctx, db, owner, l.marked(waiting))
		n += sealed
		if err != nil || !held || len(waiting) < batch {
			return n, err
		}
		at, id = waiting[len(waiting)-1].At, waiting[len(waiting)-1].ID
	}
}

// marked is the events that bear their writer's mark.
func (l *Log) marked(events []store.SealedEvent) []store.SealedEvent {
	out := make([]store.SealedEvent, 0, len(events))
	for _, e := range events {
		if l.bearsMark(e) {
			out = append(out, e)
			continue
		}
		l.complain("an audit event does not bear its writer's mark and is not sealed", "app", e.App, "event", e.ID)
	}
	return out
}

func (l *Log) bearsMark(e store.SealedEvent) bool {
	return l.Keys.CheckMAC(purposeMark, e.Link, canonical(e.Event)...)
}

func (l *Log) sealBatch(ctx context.Context, db *store.DB, owner string, events []store.SealedEvent) (n int, held bool, err error) {
	apps := map[auth.AppID][]store.SealedEvent{}
	for _, e := range events {
		apps[e.App] = append(apps[e.App], e)
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		n = 0
		var err error
		_, held, err = tx.AcquireLease(leaseName, owner, lease)
		if err != nil || !held {
			return err
		}
		for _, app := range slices.Sorted(maps.Keys(apps)) {
			sealed, err := l.grow(tx, app, apps[app])
			if errors.Is(err, errHead) {
				l.complain(err.Error(), "app", app)
				continue
			}
			if err != nil {
				return fmt.Errorf("seal events of the app %s: %w", app, err)
			}
			n += sealed
		}
		return nil
	})
	return n, held, err
}

// grow appends events to the chain of one app.
func (l *Log) grow(tx *store.Tx, app auth.AppID, events []store.SealedEvent) (n int, err error) {
	text, err := tx.EventHeadForUpdate(app)
	if err != nil {
		return 0, err
	}
	end, err := l.parseHead(app, text)
	if err != nil {
		return 0, err
	}
	last, err := tx.LastSealedEvent(app)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if last.Seq != end.seq || !secret.Equal(last.Link, end.link) {
		return 0, errHead
	}
	for _, e := range events {
		link := l.Keys.MAC(purposeLink, linked(end.link, end.seq+1, e.Event)...)
		sealed, err := tx.SealEvent(app, e.ID, end.seq+1, link)
		if err != nil {
			return 0, err
		}
		if sealed { // else another sealer was faster
			end = head{end.seq + 1, link}
			n++
		}
	}
	return n, tx.SetEventHead(app, l.headText(app, end))
}

// linked is what a link is made over.
func linked(before []byte, seq int64, e auth.Event) []string {
	return append([]string{string(before), strconv.FormatInt(seq, 10)}, canonical(e)...)
}

// headText is the note of a chain's end: seq, link and a mark of both, so that nobody who cuts the chain can
// write a fitting note.
func (l *Log) headText(app auth.AppID, h head) string { return l.note(purposeHead, app, h) }

// parseHead is the inverse of headText; an empty note is the head of an empty chain. The error is errHead.
func (l *Log) parseHead(app auth.AppID, text string) (head, error) {
	return l.parseNote(purposeHead, app, text)
}

func (l *Log) note(purpose string, app auth.AppID, h head) string {
	link := base64.RawURLEncoding.EncodeToString(h.link)
	seq := strconv.FormatInt(h.seq, 10)
	mark := base64.RawURLEncoding.EncodeToString(l.Keys.MAC(purpose, string(app), seq, link))
	return seq + "." + link + "." + mark
}

// parseNote is the inverse of note; an empty one is that of an empty chain. The error is errHead.
func (l *Log) parseNote(purpose string, app auth.AppID, text string) (head, error) {
	if text == "" {
		return head{}, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return head{}, errHead
	}
	seq, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return head{}, errHead
	}
	link, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return head{}, errHead
	}
	mark, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !l.Keys.CheckMAC(purpose, mark, string(app), parts[0], parts[1]) {
		return head{}, errHead
	}
	return head{seq, link}, nil
}

func (l *Log) settled() time.Duration {
	if l.Settle == 0 {
		return settle
	}
	return l.Settle
}

func (l *Log) complain(message string, args ...any) {
	if l.Logger != nil {
		l.Logger.Error(message, args...)
	}
}
