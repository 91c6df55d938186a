package operation

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func cursorCatalogue(t testing.TB) *Catalogue {
	t.Helper()
	keys := storetest.Keys(t)
	return New(Deps{Keys: keys})
}

func TestCursorsAreBound_KM05(t *testing.T) {
	c := cursorCatalogue(t)
	mine := &Request{Caller: auth.Caller{App: "a", User: "u"}}
	p, err := c.page("list-things", mine, Paging{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	at := place{time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC), "018f"}
	rows, cursor := paged(p, []place{{}, at, {}}, func(x place) place { return x })
	if len(rows) != 2 || cursor == "" {
		t.Fatalf("got %d rows and cursor %q", len(rows), cursor)
	}
	if _, last := paged(p, []place{{}, at}, func(x place) place { return x }); last != "" {
		t.Errorf("the last page has the cursor %q", last)
	}
	again, err := c.page("list-things", mine, Paging{Cursor: cursor})
	if err != nil || again.after != at || again.limit != defaultLimit {
		t.Errorf("got %+v, %v; want %+v", again, err, at)
	}
	flipped := []byte(cursor)
	flipped[3] ^= 1
	for name, try := range map[string]struct {
		list   string
		caller auth.Caller
		cursor string
	}{
		"another list":  {"list-others", mine.Caller, cursor},
		"another user":  {"list-things", auth.Caller{App: "a", User: "v"}, cursor},
		"another app":   {"list-things", auth.Caller{App: "b", User: "u"}, cursor},
		"changed":       {"list-things", mine.Caller, string(flipped)},
		"cut":           {"list-things", mine.Caller, cursor[:10]},
		"no base64":     {"list-things", mine.Caller, "'; DROP TABLE users --"},
		"made up":       {"list-things", mine.Caller, base64.RawURLEncoding.EncodeToString(make([]byte, 60))},
		"endless":       {"list-things", mine.Caller, string(make([]byte, 5000))},
		"another field": {"list-thingsa", auth.Caller{App: "", User: "u"}, cursor},
	} {
		if _, err := c.page(try.list, &Request{Caller: try.caller}, Paging{Cursor: try.cursor}); !auth.Is(err, auth.CodeInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{-1, maxLimit + 1} {
		if _, err := c.page("list-things", mine, Paging{Limit: n}); !auth.Is(err, auth.CodeInvalidRequest) {
			t.Errorf("limit %d: %v", n, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	c := cursorCatalogue(f)
	r := &Request{Caller: auth.Caller{App: "a", User: "u"}}
	p, err := c.page("list", r, Paging{})
	if err != nil {
		f.Fatal(err)
	}
	good := p.seal(place{time.UnixMicro(1), "id"})
	f.Add(good)
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		got, err := c.page("list", r, Paging{Cursor: cursor})
		if err == nil && cursor != "" && got.after.id != "id" {
			t.Errorf("cursor %q was taken: %+v", cursor, got.after)
		}
	})
}
