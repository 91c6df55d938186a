package audit

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// page is how many events one Read of Verify holds.
	page = 1000
	// maxFaults is where Verify stops collecting.
	maxFaults = 100
)

// FaultKind says what is wrong with a chain.
type FaultKind string

const (
	Altered   FaultKind = "altered"   // the row, its link or the link before it is not what was sealed
	Missing   FaultKind = "missing"   // no row bears this seq
	Truncated FaultKind = "truncated" // the chain ends before its noted end; Seq is the first one cut off
	Inserted  FaultKind = "inserted"  // a row that no sealer or writer of ours put there
	BadHead   FaultKind = "bad-head"  // the note of the chain's end is missing or not ours
	BadTail   FaultKind = "bad-tail"  // the note of what was removed from the chain's beginning is not ours
)

// Fault is one finding.
type Fault struct {
	Kind  FaultKind    `json:"kind"`
	Seq   int64        `json:"seq"`             // 0 for an event that is not sealed
	Event auth.EventID `json:"event,omitempty"` // empty if no row is left
}

// Report is what Verify found.
type Report struct {
	App      auth.AppID `json:"app"`
	Sealed   int64      `json:"sealed"`   // events walked
	Removed  int64      `json:"removed"`  // events before them that were old enough to go
	Unsealed int64      `json:"unsealed"` // events that wait for the sealer
	// Faults in the order of the chain; the first one is where it broke. At most 100.
	Faults []Fault `json:"faults"`
}

// OK reports whether nothing was found.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// walk is the state of one Verify.
type walk struct {
	log    *Log
	report Report
	want   int64  // the next seq
	before []byte // the link of the event before; nil after a gap, when it cannot be known
	known  bool   // whether before can be relied on
}

// Verify walks the chain of one app and the events that wait to be sealed. It finds altered, missing, cut off and
// slipped-in rows; it cannot tell that the whole database was put back to an older state. The sealer may go on
// meanwhile.
func (l *Log) Verify(ctx context.Context, db *store.DB, app auth.AppID) (Report, error) {
	w := &walk{log: l, want: 1, known: true, report: Report{App: app, Faults: []Fault{}}}
	if err := w.begin(ctx, db, app); err != nil {
		return Report{}, err
	}
	end, tail, err := w.end(ctx, db, app)
	if err != nil {
		return Report{}, err
	}
	if err := w.chain(ctx, db, app, end); err != nil {
		return Report{}, err
	}
	switch {
	case end.seq >= w.want:
		w.fault(Truncated, w.want, "")
	case tail.Kind != "":
		w.fault(tail.Kind, tail.Seq, tail.Event)
	}
	return w.report, w.waiting(ctx, db, app)
}

// begin goes to the first event that was not removed when it was old enough.
func (w *walk) begin(ctx context.Context, db *store.DB, app auth.AppID) error {
	return db.Read(ctx, func(tx *store.Tx) error {
		text, err := tx.EventTail(app)
		if err != nil {
			return err
		}
		removed, err := w.log.parseNote(purposeTail, app, text)
		if err != nil {
			w.fault(BadTail, 0, "")
			return nil
		}
		w.want, w.before = removed.seq+1, removed.link
		w.report.Removed = removed.seq
		return nil
	})
}

// end reads the noted end of the chain, and what is wrong with it. If there is no trustworthy end, all rows are
// walked.
func (w *walk) end(ctx context.Context, db *store.DB, app auth.AppID) (end head, tail Fault, err error) {
	err = db.Read(ctx, func(tx *store.Tx) error {
		text, err := tx.EventHead(app)
		if err != nil {
			return err
		}
		last, err := tx.LastSealedEvent(app)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		end, err = w.log.parseHead(app, text)
		switch {
		case err != nil || text == "" && last.Seq > 0:
			tail = Fault{BadHead, last.Seq, ""}
			end = head{seq: last.Seq}
		case last.Seq > end.seq:
			tail = Fault{Inserted, last.Seq, last.ID}
		case last.Seq == end.seq && !secret.Equal(last.Link, end.link):
			tail = Fault{Altered, last.Seq, last.ID}
		}
		return nil
	})
	return end, tail, err
}

func (w *walk) chain(ctx context.Context, db *store.DB, app auth.AppID, end head) error {
	after := int64(math.MinInt64)
	for len(w.report.Faults) < maxFaults {
		var events []store.SealedEvent
		err := db.Read(ctx, func(tx *store.Tx) (err error) {
			events, err = tx.SealedEvents(app, after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Seq > end.seq {
				return nil // sealed since, or reported as inserted
			}
			w.step(e)
		}
		if len(events) < page {
			return nil
		}
		after = events[len(events)-1].Seq
	}
	return nil
}

func (w *walk) step(e store.SealedEvent) {
	w.report.Sealed++
	if e.Seq < w.want {
		w.fault(Inserted, e.Seq, e.ID)
		return
	}
	if e.Seq > w.want {
		w.fault(Missing, w.want, "")
		w.known = false
	}
	if w.known && !w.log.Keys.CheckMAC(purposeLink, e.Link, linked(w.before, e.Seq, e.Event)...) {
		w.fault(Altered, e.Seq, e.ID)
	}
	w.want, w.before, w.known = e.Seq+1, e.Link, true
}

// waiting checks the marks of the events that are not sealed yet.
func (w *walk) waiting(ctx context.Context, db *store.DB, app auth.AppID) error {
	var at time.Time
	var id auth.EventID
	for {
		var events []store.SealedEvent
		err := db.Read(ctx, func(tx *store.Tx) (err error) {
			events, err = tx.UnsealedEvents(tx.Now().Add(time.Hour), at, id, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.App != app {
				continue
			}
			w.report.Unsealed++
			if !w.log.bearsMark(e) {
				w.fault(Inserted, 0, e.ID)
			}
		}
		if len(events) < page {
			return nil
		}
		at, id = events[len(events)-1].At, events[len(events)-1].ID
	}
}

func (w *walk) fault(kind FaultKind, seq int64, event auth.EventID) {
	if len(w.report.Faults) < maxFaults {
		w.report.Faults = append(w.report.Faults, Fault{kind, seq, event})
	}
}
