package store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// Every table that has rows of a user loses them when the user is erased; else the user's own row could not go, or
// something would be left of a person who asked to be forgotten.
func TestEraseKnowsEveryTable(t *testing.T) {
	statements, err := os.ReadFile("erase.go")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[string]string{
		"events":      "the audit log keeps its events; they name an id that nobody has any more",
		"memberships": "by DeleteMembership",
	}
	db := storetest.Open(t)
	found := 0
	read(t, db, func(tx *store.Tx) error {
		return tx.All("SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'user_id' WHERE m.type = 'table'",
			nil, func(scan func(...any) error) error {
				var table string
				err := scan(&table)
				found++
				if elsewhere[table] == "" && !strings.Contains(string(statements), "DELETE FROM "+table+" ") {
					t.Errorf("erase.go does not remove rows of the table %s", table)
				}
				return err
			})
	})
	if found < 10 {
		t.Fatalf("only %d tables: the search is broken", found)
	}
}
