package storetest_test

import (
	"testing"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestEachGivesADatabaseOfItsOwn(t *testing.T) {
	for range 2 {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			err := db.Write(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Meta("seen"); err == nil {
					t.Error("another test's row is here")
				}
				return tx.SetMeta("seen", "yes")
			})
			if err != nil {
				t.Fatal(err)
			}
			var got string
			err = db.Read(t.Context(), func(tx *store.Tx) (err error) {
				got, err = tx.Meta("seen")
				return err
			})
			if err != nil || got != "yes" {
				t.Fatal(got, err)
			}
		})
	}
}
