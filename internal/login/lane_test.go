package login

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
)

// from asks from an address.
func from(address string) auth.Caller {
	c := anyone()
	c.IP = netip.MustParseAddr(address)
	return c
}

func (h *house) signInFrom(address, identifier, password string) error {
	_, err := h.SignIn(context.Background(), from(address), Credentials{Identifier: identifier, Password: password})
	return err
}

// An attacker who guesses once a second for ten minutes, from as many networks as needed, shuts the account for
// strangers; its owner still signs in from where it did before, and by a mailed link from anywhere (RL-07).
func TestLockoutLeavesTheOwnerIn_RL07(t *testing.T) {
	eachWith(t, off(limit.SignInNetwork), func(t *testing.T, h *house) {
		const home, abroad = "2001:db8:1::5", "203.0.113.50"
		h.verified("ann@example.org")
		h.must(h.signInFrom(home, "ann@example.org", goodPassword))
		looked := h.Pool.Evaluations()
		for n := range 600 {
			h.clock.Advance(time.Second)
			stranger := netip.AddrFrom4([4]byte{198, 51, byte(n / 250), byte(n % 250)}).String()
			if err := h.signInFrom(stranger, "ann@example.org", otherPassword); err == nil {
				t.Fatal("a wrong password")
			}
			if n%100 == 99 {
				looked++
				h.must(h.signInFrom("2001:db8:1::77", "ann@example.org", goodPassword)) // the same /64
			}
		}
		if got := h.Pool.Evaluations() - looked; got != 10 {
			t.Errorf("%d guesses were looked at", got)
		}
		wantCode(t, h.signInFrom(abroad, "ann@example.org", goodPassword), auth.CodeRateLimited)
		h.must(h.RequestPasswordReset(context.Background(), from(abroad), "ann@example.org"))
		h.must(h.ResetPassword(context.Background(), from(abroad), h.token("ann@example.org", "/reset"), otherPassword))
		h.must(h.signInFrom(abroad, "ann@example.org", otherPassword))
	})
}

// A known network has a budget too.
func TestKnownNetworkIsLimited_RL07(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		for range 10 {
			wantCode(t, h.signInFrom("192.0.2.7", "ann@example.org", otherPassword), auth.CodeInvalidCredentials)
		}
		wantCode(t, h.signInFrom("192.0.2.7", "ann@example.org", goodPassword), auth.CodeRateLimited)
		h.must(h.signInFrom("192.0.2.8", "ann@example.org", goodPassword))
	})
}

// Who goes on guessing waits longer each time, and after a hundred wrong passwords in a row none is looked at: the owner
// is mailed a link and comes back by it. Nothing of this tells that there is an account (RL-07, EN-01, EN-06).
func TestHundredWrongPasswords_RL07(t *testing.T) {
	eachWith(t, off(limit.SignInNetwork), func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		h.clock.Advance(time.Second)
		const abroad = "203.0.113.50"
		ask := func(identifier, password string) *auth.Error {
			err := h.signInFrom(abroad, identifier, password)
			if err == nil {
				t.Fatalf("%s signs in", identifier)
			}
			return auth.AsError(err)
		}
		var waits []time.Duration
		for wrong := 0; wrong < 100; {
			known, unknown := ask("ann@example.org", otherPassword), ask("nobody@example.org", otherPassword)
			if known.Code != unknown.Code || known.RetryAfter != unknown.RetryAfter || known.Text() != unknown.Text() {
				t.Fatalf("%+v, but for a stranger %+v", known, unknown)
			}
			if known.Code == auth.CodeInvalidCredentials {
				wrong++
				continue
			}
			waits = append(waits, known.RetryAfter)
			h.clock.Advance(known.RetryAfter)
		}
		want := []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour}
		for n := range want {
			if len(waits) != len(want) || waits[n] != want[n] {
				t.Fatalf("waits %v", waits)
			}
		}
		if links := h.tokens("ann@example.org", "/reset"); len(links) != 1 {
			t.Errorf("%d links to a new password", len(links))
		}
		h.clock.Advance(4 * time.Hour)
		before := h.Pool.Evaluations()
		if e, u := ask("ann@example.org", goodPassword), ask("nobody@example.org", goodPassword); e.Code != auth.CodeInvalidCredentials || e.Code != u.Code || e.Text() != u.Text() || e.RetryAfter != u.RetryAfter {
			t.Errorf("%+v, but for a stranger %+v", e, u)
		}
		if got := h.Pool.Evaluations() - before; got != 2 {
			t.Errorf("%d hashes", got)
		}
		h.must(h.RequestPasswordReset(context.Background(), from(abroad), "ann@example.org"))
		h.must(h.ResetPassword(context.Background(), from(abroad), h.token("ann@example.org", "/reset"), otherPassword))
		h.must(h.signInFrom(abroad, "ann@example.org", otherPassword))
	})
}

// A right password ends the row.
func TestRightPasswordEndsTheRow_RL07(t *testing.T) {
	o := off(limit.SignInNetwork, limit.SignInAccount)
	o.limits[limit.SignInTotal] = limit.Setting{Max: 5}
	eachWith(t, o, func(t *testing.T, h *house) {
		h.verified("ann@example.org")
		for range 3 {
			for range 4 {
				wantCode(t, h.signInFrom("192.0.2.7", "ann@example.org", otherPassword), auth.CodeInvalidCredentials)
			}
			h.must(h.signInFrom("192.0.2.7", "ann@example.org", goodPassword))
		}
	})
}
