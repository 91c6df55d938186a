package storetest_test

import (
	"testing"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestSmoke(t *testing.T) {
	db := storetest.Open(t)
	if err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.SetMeta("a", "b") }); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := db.Read(t.Context(), func(tx *store.Tx) (err error) { got, err = tx.Meta("a"); return }); err != nil || got != "b" {
		t.Fatal(got, err)
	}
}
