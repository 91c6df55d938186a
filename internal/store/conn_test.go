package store_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// Every kind of value comes back as it went in, on both engines, whatever its size and whatever order the text names
// its parameters in.
func TestValuesOfAnySizeComeBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("CREATE TABLE kinds (id bigint PRIMARY KEY, n bigint, t text, b bytea, o boolean)")
			return err
		})
		for i, size := range []int{0, 1, 4095, 4096, 4097, 300_000} {
			text, blob := strings.Repeat("ü", size/2), bytes.Repeat([]byte{0, 0xff, 7}, size/3)
			write(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO kinds (b, o, t, n, id) VALUES ($4, $5, $3, $2, $1)", i, -1<<62, text, blob, i%2 == 0)
				return err
			})
			write(t, db, func(tx *store.Tx) error {
				var n, id int64
				var named auth.UserID
				var pointer *string
				var got []byte
				var odd bool
				err := tx.One("SELECT id, n, t, t, b, o FROM kinds WHERE t = $2 AND id = $1", []any{i, text}, &id, &n, &named, &pointer, &got, &odd)
				if id != int64(i) || n != -1<<62 || string(named) != text || pointer == nil || *pointer != text || !bytes.Equal(got, blob) || odd != (i%2 == 0) {
					t.Errorf("size %d does not come back", size)
				}
				return err
			})
		}
		write(t, db, func(tx *store.Tx) error {
			if _, err := tx.Exec("INSERT INTO kinds (id, t, b) VALUES ($1, $2, $3)", 99, nil, []byte(nil)); err != nil {
				return err
			}
			pointer, got := new(string), []byte{1}
			err := tx.One("SELECT t, b FROM kinds WHERE id = 99", nil, &pointer, &got)
			if pointer != nil || got != nil {
				t.Errorf("NULL comes back as %v and %v", pointer, got)
			}
			return err
		})
	})
}

// A destination of the wrong kind is a mistake that shows, not a value made up.
func TestWrongDestination(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for query, dest := range map[string]any{"SELECT 'a'": new(int64), "SELECT NULL": new(string), "SELECT $1": new(string)} {
			err := db.Read(t.Context(), func(tx *store.Tx) error { return tx.One(query, nil, dest) })
			if err == nil {
				t.Errorf("%s went into a %T", query, dest)
			}
		}
	})
}

func TestRotationTimes(t *testing.T) {
	for _, times := range [][]time.Time{{}, {time.UnixMicro(1).UTC()}, {time.UnixMicro(1 << 50).UTC(), {}, time.UnixMicro(-5).UTC()}} {
		text := store.RotationTimes(times)
		var numbers []int64
		if err := store.FromJSON(text, &numbers); err != nil || len(numbers) != len(times) {
			t.Errorf("%s is no JSON list of %d numbers: %v", text, len(times), err)
		}
		got, err := store.TimesOf(text)
		if err != nil || !slices.Equal(got, times) {
			t.Errorf("%v came back as %v (%v)", times, got, err)
		}
	}
	for _, text := range []string{"", "[", "1", "[1,]x", "[1,a]", "[,]"} {
		if got, err := store.TimesOf(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
