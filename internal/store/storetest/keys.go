package storetest

import (
	"crypto/rand"
	"testing"

	"github.com/ostiary-id/ostiary/internal/secret"
)

// Keys are those of a new master key.
func Keys(t testing.TB) *secret.Keys {
	t.Helper()
	master, err := secret.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
