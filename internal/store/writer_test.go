package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestGroupFailingWriteTakesOnlyItsOwnRows(t *testing.T) {
	db := sqlite(t, store.Options{})
	before := db.Stats()
	h := hold(t, db)
	good := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "good") })
	refused := h.queue(t, t.Context(), func(tx *store.Tx) error {
		return errors.Join(insert(tx, "refused"), errRefused)
	})
	broken := h.queue(t, t.Context(), func(tx *store.Tx) error {
		return errors.Join(insert(tx, "broken"), insert(tx, "good"))
	})
	last := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "last") })
	h.let(t)
	if err := await(t, good); err != nil {
		t.Error(err)
	}
	if err := await(t, refused); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if err := await(t, broken); !errors.Is(err, store.ErrConstraint) {
		t.Error(err)
	}
	if err := await(t, last); err != nil {
		t.Error(err)
	}
	wantNames(t, db, "good", "last")
	if got := db.Stats().Commits - before.Commits; got != 2 {
		t.Errorf("%d commits for the held Write and the group of four, want 2", got)
	}
}

func TestGroupCallerWhoGaveUpIsSkipped(t *testing.T) {
	db := sqlite(t, store.Options{})
	h := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	gone := h.queue(t, ctx, func(tx *store.Tx) error { return insert(tx, "gone") })
	stays := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "stays") })
	cancel()
	if err := await(t, gone); !errors.Is(err, context.Canceled) || !auth.Is(err, auth.CodeOverloaded) {
		t.Errorf("the caller who gave up got %v", err)
	}
	h.let(t)
	if err := await(t, stays); err != nil {
		t.Error(err)
	}
	wantNames(t, db, "stays")
}

func TestGroupBegunWriteIsFinished(t *testing.T) {
	db := sqlite(t, store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx *store.Tx) error {
		cancel()
		return insert(tx, "kept")
	})
	if err != nil {
		t.Errorf("a Write that had begun got %v instead of its result", err)
	}
	wantNames(t, db, "kept")
	if err := db.Write(ctx, func(*store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a Write of a caller who is gone already: %v", err)
	}
}

func TestGroupPanicFailsItsMemberOnly(t *testing.T) {
	db := sqlite(t, store.Options{})
	h := hold(t, db)
	first := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "first") })
	panics := h.queue(t, t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "panics"); err != nil {
			return err
		}
		panic("a mistake")
	})
	last := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "last") })
	h.let(t)
	err := await(t, panics)
	if err == nil || !strings.Contains(err.Error(), "a mistake") || !strings.Contains(err.Error(), "writer_test.go") {
		t.Errorf("the panic's error lacks its value or its stack: %v", err)
	}
	if err := errors.Join(await(t, first), await(t, last)); err != nil {
		t.Error(err)
	}
	wantNames(t, db, "first", "last")
}

func TestGroupEndedGoroutineFailsItsMemberOnly(t *testing.T) {
	db := sqlite(t, store.Options{})
	h := hold(t, db)
	first := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "first") })
	ends := h.queue(t, t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "ends"); err != nil {
			return err
		}
		endGoroutine()
		return nil
	})
	last := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "last") })
	h.let(t)
	if err := await(t, ends); err == nil || !strings.Contains(err.Error(), "ended its goroutine") {
		t.Error(err)
	}
	if err := errors.Join(await(t, first), await(t, last)); err != nil {
		t.Error(err)
	}
	wantNames(t, db, "first", "last")
}

// almostFull opens a database that may grow by so many pages beyond what its migrations take, however many those are.
func almostFull(t *testing.T, spare int) *store.DB {
	t.Helper()
	o := store.Options{Path: filepath.Join(t.TempDir(), "ostiary.db")}
	db := sqlite(t, o)
	var pages int64
	read(t, db, func(tx *store.Tx) error { return tx.One("PRAGMA page_count", nil, &pages) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o.MaxPages = int(pages) + spare
	return sqlite(t, o)
}

// The engine itself refuses here: the file may not grow past its quota.
func TestGroupFullDiskFailsTheCulpritOnly(t *testing.T) {
	const spare = 32
	db := almostFull(t, spare)
	large := strings.Repeat("x", 2*spare*4096)
	h := hold(t, db)
	first := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "first") })
	full := h.queue(t, t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "full"); err != nil {
			return err
		}
		return tx.SetMeta("large", large)
	})
	last := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "last") })
	h.let(t)
	if err := await(t, full); !auth.Is(err, auth.CodeStorageFull) {
		t.Errorf("a full disk is told as %v", err)
	}
	if err := errors.Join(await(t, first), await(t, last)); err != nil {
		t.Error(err)
	}
	if db.Stats().Reruns == 0 {
		t.Error("the transaction survived the full disk, so the rerun was not tested")
	}
	wantNames(t, db, "first", "last")
	write(t, db, func(tx *store.Tx) error { return insert(tx, "after") })
}

func TestGroupEndlessStatementIsInterrupted(t *testing.T) {
	db := sqlite(t, store.Options{Deadline: 100 * time.Millisecond})
	endless := "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
	h := hold(t, db)
	first := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "first") })
	writes := h.queue(t, t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO meta (name, value) " + endless + "SELECT 'n' || i, 'x' FROM n")
		return err
	})
	reads := h.queue(t, t.Context(), func(tx *store.Tx) error {
		var n int64
		return errors.Join(insert(tx, "reads"), tx.One(endless+"SELECT count(*) FROM n", nil, &n))
	})
	last := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "last") })
	h.let(t)
	for _, slow := range []<-chan error{writes, reads} {
		if err := await(t, slow); !auth.Is(err, auth.CodeOverloaded) {
			t.Errorf("a statement past the deadline is told as %v", err)
		}
	}
	if err := errors.Join(await(t, first), await(t, last)); err != nil {
		t.Error(err)
	}
	wantNames(t, db, "first", "last")
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		var n int64
		return tx.One(endless+"SELECT count(*) FROM n", nil, &n)
	})
	if !auth.Is(err, auth.CodeOverloaded) {
		t.Errorf("a reading statement past the deadline is told as %v", err)
	}
	wantNames(t, db, "first", "last")
}

// A deferred foreign key is checked at the commit and fails it, with a real error of the engine.
func TestGroupFailedCommitFailsAll(t *testing.T) {
	db := sqlite(t, store.Options{})
	write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`CREATE TABLE orphans (id text PRIMARY KEY, parent text NOT NULL
			REFERENCES meta (name) DEFERRABLE INITIALLY DEFERRED)`)
		return err
	})
	h := hold(t, db)
	good := h.queue(t, t.Context(), func(tx *store.Tx) error {
		tx.Invalidate(store.KindUser, "u")
		return insert(tx, "good")
	})
	orphan := h.queue(t, t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO orphans (id, parent) VALUES ('a', 'nobody')")
		return err
	})
	refused := h.queue(t, t.Context(), func(*store.Tx) error { return errRefused })
	dropped := false
	defer db.Watch(func(store.Invalidation) { dropped = true })()
	h.let(t)
	for _, result := range []<-chan error{good, orphan, refused} {
		if err := await(t, result); err == nil || !strings.Contains(err.Error(), "commit") {
			t.Errorf("a member of a failed commit got %v", err)
		}
	}
	if dropped {
		t.Error("a commit that failed invalidated something")
	}
	wantNames(t, db)
	write(t, db, func(tx *store.Tx) error { return insert(tx, "after") })
	wantNames(t, db, "after")
}

func TestFailedSyncStopsWritingAndNotReading(t *testing.T) {
	db := sqlite(t, store.Options{})
	write(t, db, func(tx *store.Tx) error { return insert(tx, "before") })
	db.StopWriting(errRefused)
	err := db.Write(t.Context(), func(tx *store.Tx) error { return insert(tx, "after") })
	if !auth.Is(err, auth.CodeUnavailable) || !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if err := db.Health(t.Context()); !errors.Is(err, errRefused) {
		t.Errorf("a database that does not write is healthy: %v", err)
	}
	wantNames(t, db, "before")
}

func TestCloseFinishesWhatWaitsAndRefusesTheRest(t *testing.T) {
	db := sqlite(t, store.Options{})
	h := hold(t, db)
	waits := h.queue(t, t.Context(), func(tx *store.Tx) error { return insert(tx, "waits") })
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	eventually(t, "new Writes are refused", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		return errors.Is(db.Write(ctx, func(*store.Tx) error { return nil }), store.ErrClosed)
	})
	h.let(t)
	if err := errors.Join(await(t, waits), await(t, closed)); err != nil {
		t.Error(err)
	}
	err := db.Read(t.Context(), func(*store.Tx) error { return nil })
	if !errors.Is(err, store.ErrClosed) || !auth.Is(err, auth.CodeUnavailable) {
		t.Errorf("a Read after Close: %v", err)
	}
}

// step is what one Write of the property test does.
type step struct {
	rows    []string
	invalid bool // insert the first row twice
	end     string
}

// Whatever the members of the groups do, exactly the rows of those that were told of success exist.
func TestGroupCommitProperty(t *testing.T) {
	db := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("DELETE FROM meta")
			return err
		})
		steps := drawSteps(rt)
		results := make([]error, len(steps))
		var wg sync.WaitGroup
		for i, s := range steps {
			wg.Go(func() { results[i] = db.Write(context.Background(), s.run) })
		}
		wg.Wait()
		var want []string
		for i, s := range steps {
			succeeds := s.end == "nil" && !s.invalid
			if succeeds != (results[i] == nil) {
				rt.Errorf("step %d (%+v) returned %v", i, s, results[i])
			}
			if succeeds {
				want = append(want, s.rows...)
			}
		}
		wantNames(t, db, want...)
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func drawSteps(rt *rapid.T) []step {
	n := rapid.IntRange(1, 24).Draw(rt, "writes")
	steps := make([]step, n)
	for i := range steps {
		rows := rapid.IntRange(0, 3).Draw(rt, "rows")
		for j := range rows {
			steps[i].rows = append(steps[i].rows, fmt.Sprintf("%d.%d", i, j))
		}
		steps[i].invalid = rows > 0 && rapid.Bool().Draw(rt, "invalid")
		steps[i].end = rapid.SampledFrom([]string{"nil", "nil", "nil", "error", "panic", "goexit"}).Draw(rt, "end")
	}
	return steps
}

func (s step) run(tx *store.Tx) error {
	for _, row := range s.rows {
		if err := insert(tx, row); err != nil {
			return err
		}
	}
	if s.invalid {
		_ = insert(tx, s.rows[0]) // swallowed on purpose: the Write must fail all the same
	}
	switch s.end {
	case "error":
		return errRefused
	case "panic":
		panic("a mistake")
	case "goexit":
		endGoroutine()
	}
	return nil
}
