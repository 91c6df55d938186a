package session

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

const sampleID auth.SessionID = "0195521a-7b2c-7d3e-8f40-0123456789ab"

func FuzzParse(f *testing.F) {
	s := &Service{keys: newKeys(f), keyID: "0a1b2c3d"}
	f.Add(s.mint(auth.Session{ID: sampleID, Generation: 12, Salt: []byte("salt")}))
	f.Add("ort1.k.AAAAAAAAAAAAAAAAAAAAAA.0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("ort1.k.AAAAAAAAAAAAAAAAAAAAAB.00.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
	f.Add("ort1....")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parse(text)
		if !ok {
			return
		}
		if token.String() != text {
			t.Fatalf("%q is read as %q: a token has one spelling", text, token)
		}
		if family, ok := familyOf(token.session()); !ok || family != token.family {
			t.Fatalf("family %x does not come back from %s", token.family, token.session())
		}
		if _, ok := s.accept(text); ok && !strings.HasPrefix(text, "ort1.0a1b2c3d.") {
			t.Fatalf("%q is accepted", text)
		}
	})
}

// A token with any character changed is refused before the database is asked; so is every other text.
func TestGarbageTouchesNoDatabase_RT01(t *testing.T) {
	clock := storetest.NewClock()
	db := storetest.Open(t, store.Options{Clock: clock.Now})
	h := newHouse(t, db, clock, newKeys(t))
	token := h.signIn(h.person()).RefreshToken
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	garbage := []string{"", ".", "....", "ort1....", strings.Repeat("a", 1<<16), token + "A", token + ".", " " + token,
		strings.Replace(token, "ort1", "ort2", 1), "\x00", "ort1.\xff.a.0.b"}
	outer := strings.LastIndexByte(token, '.') + 21 // 21 characters hold the first half and a bit
	for i := range outer {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		garbage = append(garbage, token[:i]+string(other)+token[i+1:])
	}
	for _, text := range garbage {
		_, err := h.refresh(text)
		wantCode(t, err, auth.CodeInvalidToken)
	}
	// The true one does ask, and learns that nobody answers.
	_, err := h.refresh(token)
	wantCode(t, err, auth.CodeUnavailable)
}

func TestTokenOfAnotherMasterKeyIsRefused(t *testing.T) {
	clock := storetest.NewClock()
	db := storetest.Open(t, store.Options{Clock: clock.Now})
	h := newHouse(t, db, clock, newKeys(t))
	g := h.signIn(h.person())
	other := New(Options{DB: db, Keys: newKeys(t), Clock: clock.Now})
	_, _, err := other.Refresh(t.Context(), anyone(), g.RefreshToken)
	wantCode(t, err, auth.CodeInvalidToken)
	h.mustRefresh(g.RefreshToken)
}
