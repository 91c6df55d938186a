package factor

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// model is what the ledger of one user's codes must be like, told without a database.
type model struct {
	lastStep int64
	unspent  map[string]bool
}

// TestCodesModel_MF02_MF07 walks at random through codes of all ages, backup codes old and new, and time: what is
// accepted is exactly what the model says.
func TestCodesModel_MF02_MF07(t *testing.T) {
	clock := storetest.NewClock()
	h := newHouse(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock)
	rapid.Check(t, func(rt *rapid.T) {
		u := h.person()
		base32Secret, codes := h.enrol(u)
		m := model{unspent: map[string]bool{}}
		for _, c := range codes {
			m.unspent[c] = true
		}
		all := append([]string{"0000000000"}, codes...)
		expect := func(code string, want bool) {
			if _, ok, err := h.verify(u, code); err != nil || ok != want {
				rt.Fatalf("verify %q: %v %v, want %v", code, ok, err, want)
			}
		}
		for range rapid.IntRange(3, 12).Draw(rt, "actions") {
			switch rapid.IntRange(0, 4).Draw(rt, "action") {
			case 0, 1:
				h.distinctSteps(base32Secret)
				offset := rapid.Int64Range(-2, 2).Draw(rt, "offset")
				step := clock.Now().Unix()/period + offset
				want := offset >= -window && offset <= window && step > m.lastStep
				expect(h.code(base32Secret, offset), want)
				if want {
					m.lastStep = step
				}
			case 2:
				code := rapid.SampledFrom(all).Draw(rt, "backup code")
				expect(code, m.unspent[code])
				delete(m.unspent, code)
			case 3:
				clock.Advance(time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second)
			case 4:
				b, err := h.DraftBackup(auth.DefaultApp, u)
				h.must(err)
				h.must(h.write(func(tx *store.Tx) error { return h.ReplaceBackup(tx, auth.DefaultApp, u, b) }))
				all = append(all, b.Codes...)
				m.unspent = map[string]bool{}
				for _, c := range b.Codes {
					m.unspent[c] = true
				}
			}
		}
	})
}
