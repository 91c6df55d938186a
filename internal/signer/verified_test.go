package signer

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestVerifiedTokensAreBounded(t *testing.T) {
	v := NewVerified[int](storetest.Open(t), 64)
	now := time.Unix(1_000_000, 0)
	for i := range 1000 {
		d := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		expires := now.Unix() + int64(i%3) - 1
		_, round, _ := v.Get(&d, now)
		v.Put(&d, i, expires, round, now)
		if said, _, ok := v.Get(&d, now); ok != (expires > now.Unix()) || ok && said != i {
			t.Fatalf("entry %d, that expires in %d s: %d, %v", i, expires-now.Unix(), said, ok)
		}
	}
	for i := range v.shards {
		if n := len(v.shards[i].known); n > 4 {
			t.Fatalf("%d entries in a part for 4", n)
		}
	}
}

// A token whose signature was verified under a key that is withdrawn must be verified again.
func TestKeyChangeEmptiesVerifiedTokens(t *testing.T) {
	db := storetest.Open(t)
	v := NewVerified[int](db, 64)
	now := time.Unix(1_000_000, 0)
	old, late := sha256.Sum256([]byte("old")), sha256.Sum256([]byte("late"))
	_, round, _ := v.Get(&old, now)
	v.Put(&old, 1, now.Unix()+60, round, now)
	_, round, _ = v.Get(&late, now)
	if err := db.Write(t.Context(), func(tx *store.Tx) error { tx.Invalidate(store.KindSigningKey, "some key"); return nil }); err != nil {
		t.Fatal(err)
	}
	v.Put(&late, 1, now.Unix()+60, round, now)
	for _, d := range []Digest{old, late} {
		if _, _, ok := v.Get(&d, now); ok {
			t.Error("what was verified before a change of keys is known after it")
		}
	}
}
