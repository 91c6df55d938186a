package store_test

import (
	"testing"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// waitsFor makes a function for a Write that tells what its commit waits for, and inserts a row of that name.
func waitsFor(t *testing.T, question, want, name string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		var got string
		if err := tx.One(question, nil, &got); err != nil {
			return err
		}
		if got != want {
			t.Errorf("%s: the commit waits for %q, want %q", name, got, want)
		}
		return insert(tx, name)
	}
}

func TestRelaxedWriteOnSQLite(t *testing.T) {
	const question, disk, system = "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2", "1"
	db := sqlite(t, store.Options{})
	for _, name := range []string{"a", "b"} { // a second time too: the pragma acts when it is prepared
		if err := db.WriteRelaxed(t.Context(), waitsFor(t, question, system, "relaxed-"+name)); err != nil {
			t.Fatal(err)
		}
		write(t, db, waitsFor(t, question, disk, "durable-"+name))
	}
	h := hold(t, db)
	together := []<-chan error{
		h.queueAs(t, db.WriteRelaxed, t.Context(), waitsFor(t, question, disk, "relaxed-in-group")),
		h.queue(t, t.Context(), waitsFor(t, question, disk, "durable-in-group")),
	}
	h.let(t)
	for _, result := range together {
		if err := await(t, result); err != nil {
			t.Error(err)
		}
	}
	wantNames(t, db, "relaxed-a", "durable-a", "relaxed-b", "durable-b", "relaxed-in-group", "durable-in-group")
}

func TestRelaxedWriteOnPostgres(t *testing.T) {
	const question = "SELECT current_setting('synchronous_commit')"
	db := storetest.OpenPostgres(t)
	if err := db.WriteRelaxed(t.Context(), waitsFor(t, question, "off", "relaxed")); err != nil {
		t.Fatal(err)
	}
	write(t, db, waitsFor(t, question, "on", "durable"))
	wantNames(t, db, "relaxed", "durable")
}
