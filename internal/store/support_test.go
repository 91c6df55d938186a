package store_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// patience bounds how long a test waits for something that should happen at once.
const patience = 20 * time.Second

func write(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func read(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Read(t.Context(), fn); err != nil {
		t.Fatalf("read: %v", err)
	}
}

func insert(tx *store.Tx, name string) error {
	_, err := tx.Exec("INSERT INTO meta (name, value) VALUES ($1, $2)", name, "x")
	return err
}

// names lists the rows that the test wrote.
func names(t *testing.T, db *store.DB) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	read(t, db, func(tx *store.Tx) error {
		clear(out)
		return tx.All("SELECT name FROM meta", nil, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			out[name] = true
			return err
		})
	})
	return out
}

func wantNames(t *testing.T, db *store.DB, want ...string) {
	t.Helper()
	got := names(t, db)
	for _, name := range want {
		if !got[name] {
			t.Errorf("row %q is missing", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("row %q should not be there", name)
	}
}

// held keeps the writer of a SQLite database busy, so that the Writes that follow become one group.
type held struct {
	db      *store.DB
	release chan struct{}
	result  chan error
}

func hold(t *testing.T, db *store.DB) *held {
	t.Helper()
	h := &held{db: db, release: make(chan struct{}), result: make(chan error, 1)}
	begun := make(chan struct{})
	go func() {
		h.result <- db.Write(context.Background(), func(*store.Tx) error {
			close(begun)
			<-h.release
			return nil
		})
	}()
	<-begun
	return h
}

// queue starts a Write and returns when it waits behind those queued before.
func (h *held) queue(t *testing.T, ctx context.Context, fn func(*store.Tx) error) <-chan error {
	t.Helper()
	return h.queueAs(t, h.db.Write, ctx, fn)
}

// queueAs is queue with a kind of Write.
func (h *held) queueAs(t *testing.T, write func(context.Context, func(*store.Tx) error) error, ctx context.Context,
	fn func(*store.Tx) error) <-chan error {
	t.Helper()
	before := h.db.Stats().Waiting
	result := make(chan error, 1)
	go func() { result <- write(ctx, fn) }()
	eventually(t, "the Write is queued", func() bool { return h.db.Stats().Waiting == before+1 })
	return result
}

// let lets the writer go on.
func (h *held) let(t *testing.T) {
	t.Helper()
	close(h.release)
	if err := <-h.result; err != nil {
		t.Errorf("the Write that held the writer: %v", err)
	}
}

// eventually polls for something that another goroutine or process brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func await(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		t.Fatal("a Write did not return")
		return nil
	}
}

var errRefused = errors.New("refused")

func sqlite(t *testing.T, o store.Options) *store.DB { return storetest.Open(t, o) }

// endGoroutine does what testing.T.FailNow does in a Write's function.
func endGoroutine() { runtime.Goexit() }
