package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Trim removes at most limit sealed events of an app that happened before the given time, from the beginning of its
// chain, and returns how many. A keyed note of the last one removed takes their place, so that Verify tells what was
// removed by us from what somebody else removed. What follows an event that is not old enough stays, and so do the last
// event of a chain and everything from a break on: evidence is not removed.
func (l *Log) Trim(ctx context.Context, db *store.DB, app auth.AppID, before time.Time, limit int) (n int, err error) {
	err = db.Write(ctx, func(tx *store.Tx) error {
		n = 0
		if _, err := tx.EventHeadForUpdate(app); err != nil {
			return err
		}
		text, err := tx.EventTail(app)
		if err != nil {
			return err
		}
		began, err := l.parseNote(purposeTail, app, text)
		if errors.Is(err, errHead) {
			l.complain("the note of what was removed from the audit log is not ours; nothing more is removed", "app", app)
			return nil
		}
		if err != nil {
			return err
		}
		events, err := tx.SealedEvents(app, began.seq, limit+1)
		if err != nil {
			return err
		}
		tail := began
		for n < len(events)-1 && events[n].At.Before(before) {
			e := events[n]
			if e.Seq != tail.seq+1 || !l.Keys.CheckMAC(purposeLink, e.Link, linked(tail.link, e.Seq, e.Event)...) {
				l.complain("the chain of the audit log is broken; nothing more is removed", "app", app, "seq", tail.seq+1)
				break
			}
			tail = head{e.Seq, e.Link}
			n++
		}
		if n == 0 {
			return nil
		}
		if err := tx.DeleteEvents(app, began.seq, tail.seq); err != nil {
			return fmt.Errorf("remove events of the app %s: %w", app, err)
		}
		return tx.SetEventTail(app, l.note(purposeTail, app, tail))
	})
	return n, err
}
