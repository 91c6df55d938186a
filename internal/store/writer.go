package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// writer is the one goroutine that writes to a SQLite file. What queues up while it commits becomes the next group:
// the members run one after another, each in a savepoint, and share one commit and so one sync of the disk.
//
// The rules of a group:
//   - Nobody is answered before the commit. A failed commit fails all.
//   - A member that fails is rolled back to its savepoint alone. Who is alone in a group needs none.
//   - An error may have ended the whole transaction (a full disk, an interrupt, an I/O error). Then the savepoint is
//     gone, which its ROLLBACK TO or RELEASE tells, and the others run again without the culprit.
//   - The commit waits for the disk unless every member is relaxed. The log is one file: a later sync keeps the
//     earlier rows too.
//   - A panic, or an end of the goroutine, fails its member only.
//   - A caller that gives up before its member begins is skipped; a member that has begun is finished.
type writer struct {
	db   *DB
	conn *conn
	done chan struct{}

	mu      sync.Mutex
	waiting []*member
	wake    chan struct{} // holds at most one token
	closed  bool

	group  []*member  // of this round; the writer's goroutine only
	sync   durability // of the connection as it is set now; the writer's goroutine only
	broken atomic.Pointer[auth.Error]
}

const (
	maxGroup = 128
	// maxQueue bounds the Writes that wait: at some thousand a second it is about a second's worth.
	maxQueue = 8192
)

// member is one Write in a group.
type member struct {
	fn      func(*Tx) error
	sync    durability
	state   atomic.Int32
	done    chan struct{}
	err     error
	dropped []Invalidation
	ran     bool // the function was called in this round
}

// The states of a member. Only the writer takes it from waiting to begun, only its caller from waiting to left.
const (
	memberWaiting = iota
	memberBegun
	memberLeft
)

func startWriter(db *DB, c *conn) *writer {
	w := &writer{db: db, conn: c, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.work()
	return w
}

// write queues fn and waits for the commit of its group.
func (w *writer) write(ctx context.Context, d durability, fn func(*Tx) error) ([]Invalidation, error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(err)
	}
	m := &member{fn: fn, sync: d, done: make(chan struct{})}
	if err := w.enqueue(m); err != nil {
		return nil, err
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		if m.state.CompareAndSwap(memberWaiting, memberLeft) {
			return nil, gaveUp(ctx.Err())
		}
		<-m.done
	}
	return m.dropped, m.err
}

func (w *writer) enqueue(m *member) error {
	if broken := w.broken.Load(); broken != nil {
		return broken
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return closedError()
	case len(w.waiting) >= maxQueue:
		return &auth.Error{Code: auth.CodeOverloaded, Err: errors.New("store: too many Writes wait")}
	}
	w.waiting = append(w.waiting, m)
	w.ring()
	return nil
}

func (w *writer) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// work commits group after group until the writer is closed and nothing waits. A member that ends this goroutine
// (runtime.Goexit) is failed, and another goroutine goes on with the rest of its group.
func (w *writer) work() {
	finished := false
	defer func() {
		if finished {
			close(w.done)
			return
		}
		w.afterGoexit()
		go w.work()
	}()
	w.commit()
	for w.next() {
		w.commit()
		// Let those who were answered, and those who wait to be read from the network, go first. Without it the writer
		// takes the one Write that is there and goes back to the disk: on one CPU groups shrink to a single member and
		// 64 callers get 2,500 refreshes a second instead of 5,800, at twice the CPU for each.
		runtime.Gosched()
	}
	finished = true
}

// next waits for members and makes them the group. It returns false when the writer is closed and none are left.
func (w *writer) next() bool {
	for {
		w.mu.Lock()
		n := min(len(w.waiting), maxGroup)
		for _, m := range w.waiting[:n] {
			if m.state.CompareAndSwap(memberWaiting, memberBegun) {
				w.group = append(w.group, m)
			}
		}
		rest := copy(w.waiting, w.waiting[n:])
		clear(w.waiting[rest:])
		w.waiting = w.waiting[:rest]
		closed := w.closed
		w.mu.Unlock()
		if len(w.group) > 0 {
			return true
		}
		if n > 0 {
			continue
		}
		if closed {
			return false
		}
		<-w.wake
	}
}

// commit runs the group, as often as it takes to be rid of members that break the transaction, and answers it.
func (w *writer) commit() {
	for len(w.group) > 0 {
		culprit := w.round()
		if culprit == nil {
			break
		}
		w.db.stats.reruns.Add(1)
		w.remove(culprit)
	}
	group := w.group
	w.group = nil
	w.answer(group)
}

// remove answers a member and takes it out of the group.
func (w *writer) remove(culprit *member) {
	rest := make([]*member, 0, len(w.group))
	for _, m := range w.group {
		if m != culprit {
			rest = append(rest, m)
		}
	}
	w.group = rest
	culprit.dropped = nil
	close(culprit.done)
}

// round is one transaction over the group. It returns the member that ended the transaction, or nil when every
// member has its result.
func (w *writer) round() *member {
	for _, m := range w.group {
		m.err, m.dropped, m.ran = nil, nil, false
	}
	if err := w.begin(); err != nil {
		w.failAll(err)
		return nil
	}
	if culprit, stand := w.runGroup(); !stand {
		w.rollback()
		return culprit
	}
	if err := w.conn.do("COMMIT"); err != nil {
		w.rollback()
		w.failAll(fmt.Errorf("store: commit: %w", classify(err)))
		if syncFailed(err) {
			w.stop(err)
		}
		return nil
	}
	w.db.stats.group(len(w.group))
	return nil
}

func (w *writer) begin() error {
	err := w.setSync()
	if err == nil {
		err = w.conn.do("BEGIN IMMEDIATE")
	}
	if err == nil {
		return nil
	}
	w.rollback()
	return fmt.Errorf("store: begin: %w", classify(err))
}

// setSync makes the coming commit wait for what the most demanding member asked for. SQLite changes this only between
// transactions. With NORMAL it syncs before a checkpoint alone, so the file itself is safe either way.
func (w *writer) setSync() error {
	wanted := relaxed
	for _, m := range w.group {
		wanted = min(wanted, m.sync)
	}
	if wanted == w.sync {
		return nil
	}
	pragma := "PRAGMA synchronous=FULL"
	if wanted == relaxed {
		pragma = "PRAGMA synchronous=NORMAL"
	}
	if err := w.conn.once(pragma); err != nil {
		return err
	}
	w.sync = wanted
	return nil
}

// rollback ends what may be left of the transaction. Its error means that there was none.
func (w *writer) rollback() { _ = w.conn.do("ROLLBACK") }

// runGroup runs the members and reports whether there is something to commit. If not, the culprit ended the transaction
// for the others; nil if there are none.
func (w *writer) runGroup() (culprit *member, stand bool) {
	if len(w.group) == 1 {
		w.execute(w.group[0])
		return nil, w.group[0].err == nil
	}
	for _, m := range w.group {
		if !w.run(m) {
			return m, false
		}
	}
	return nil, true
}

// run runs one member of several in a savepoint and reports whether the transaction still stands.
func (w *writer) run(m *member) (stands bool) {
	if err := w.conn.do("SAVEPOINT member"); err != nil {
		m.err = fmt.Errorf("store: savepoint: %w", classify(err))
		return false
	}
	w.execute(m)
	if m.err != nil {
		return w.conn.do("ROLLBACK TO member") == nil && w.conn.do("RELEASE member") == nil
	}
	if err := w.conn.do("RELEASE member"); err != nil {
		m.err = fmt.Errorf("store: release: %w", classify(err))
		return false
	}
	return true
}

// execute runs the function of a member, whose result is then m.err.
func (w *writer) execute(m *member) {
	release := w.conn.limit(w.db.options.Deadline)
	defer release() // once more, should the function end the goroutine
	tx := &Tx{run: w.conn, now: txTime(w.db.now()), write: true}
	m.ran = true
	m.err = errGoexit // until the function returns
	m.err = tx.verdict(w.db.callMember(tx, m.fn))
	release()
	tx.over = true
	if m.err == nil {
		m.dropped = tx.queued
	}
}

// failAll gives every member the error of the group. A panic keeps its own, for it names a mistake in the program.
func (w *writer) failAll(err error) {
	for _, m := range w.group {
		var p *panicError
		if !errors.As(m.err, &p) {
			m.err = err
		}
		m.dropped = nil
	}
}

// answer empties the caches of what committed and lets the callers go.
func (w *writer) answer(group []*member) {
	for _, m := range group {
		w.db.drop(m.dropped)
	}
	for _, m := range group {
		close(m.done)
	}
}

// afterGoexit fails the member whose function ended the goroutine; the group without it is the next round.
func (w *writer) afterGoexit() {
	w.rollback()
	for _, m := range w.group {
		if m.ran && errors.Is(m.err, errGoexit) {
			w.remove(m)
			return
		}
	}
}

// syncFailed reports whether err says that the disk did not take what it was told to keep.
func syncFailed(err error) bool {
	var lite *sqliteError
	if !errors.As(err, &lite) {
		return false
	}
	return lite.Code() == sqlite3.SQLITE_IOERR_FSYNC || lite.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC
}

// stop ends all writing after a failed sync: the kernel may have thrown the pages away and report success the next
// time, so nothing that is written later could be trusted to be durable. Only a restart, which reads what the disk
// really holds, helps.
func (w *writer) stop(err error) {
	w.db.options.Logger.Error("the disk failed to sync; writing stops until a restart", "error", err)
	w.broken.Store(&auth.Error{Code: auth.CodeUnavailable,
		Err: fmt.Errorf("store: writing stopped after a failed sync: %w", err)})
}

func (w *writer) health() error {
	if broken := w.broken.Load(); broken != nil {
		return broken
	}
	return nil
}

// close lets the waiting members finish, refuses new ones, and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if already {
		return nil
	}
	w.ring()
	<-w.done
	return w.conn.close()
}
