package login

import (
	"context"
	"crypto/sha1" // what the service is asked by
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// A password that a breach made known is refused; five digits leave the house; a service that fails refuses nobody, is
// logged and counted (PW-07).
func TestBreachedPassword_PW07(t *testing.T) {
	sum := sha1.Sum([]byte(otherPassword))
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	var asked []string
	status, body, failure := 200, "", error(nil)
	var log strings.Builder
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.Breaches = &BreachCheck{URL: "https://breaches.example/range/", Log: slog.New(slog.NewTextHandler(&log, nil)),
			Get: func(_ context.Context, target string) (int, []byte, error) {
				asked = append(asked, target)
				return status, []byte(body), failure
			}}
		asked = nil
		log.Reset()
		try := func(email string) error {
			_, err := h.Register(ctx, anyone(), Registration{Email: email, Password: otherPassword})
			return err
		}
		status, failure, body = 200, nil, "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n"+digest[5:]+":42\r\nFFF:2"
		err := try("a@example.org")
		wantCode(t, err, auth.CodeWeakPassword)
		if v := auth.AsError(err).Violations; len(v) != 1 || v[0].Field != "password" || !strings.Contains(v[0].Message, "breach") {
			t.Errorf("%+v", v)
		}
		if len(asked) != 1 || asked[0] != "https://breaches.example/range/"+digest[:5] {
			t.Errorf("asked %v", asked)
		}
		for n, with := range []func(){
			func() { body = digest[5:] + ":0" }, // padding
			func() { body = "0018A45C4D1DEF81644B54AB7F969B88D65:1" },
			func() { body = "<html>" + strings.Repeat("x", 9999) },
			func() { status = 503 },
			func() { status, failure = 0, errors.New("no route") },
		} {
			with()
			if err := try(string(rune('b'+n)) + "@example.org"); err != nil {
				t.Errorf("answer %d: %v", n, err)
			}
		}
		if h.Breaches.Failures() != 2 || strings.Count(log.String(), "known breaches") != 2 || strings.Contains(log.String(), digest[:5]) {
			t.Errorf("%d failures, log %s", h.Breaches.Failures(), &log)
		}
		status, failure, body = 200, nil, digest[5:]+":42"
		wantCode(t, h.ResetPassword(ctx, anyone(), h.resetToken("b@example.org"), otherPassword), auth.CodeWeakPassword)
	})
}

func (h *house) resetToken(email string) string {
	h.t.Helper()
	h.must(h.RequestPasswordReset(context.Background(), anyone(), email))
	return h.token(email, "/reset")
}

// Whatever a user's hash costs, and whether there is a user, a refusal takes the floor; who knows the password does not
// wait (EN-03).
func TestFailureFloor_EN03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		const floor = time.Second
		var waited []time.Duration
		h.FailureFloor = floor
		h.Wait = func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
		h.verified("native@example.org")
		h.arrive("cheap@example.org", "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA==")
		h.arrive("dear@example.org", "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2")
		for _, cost := range []time.Duration{0, 30 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
			for _, identifier := range []string{"native@example.org", "cheap@example.org", "dear@example.org", "nobody@example.org"} {
				waited = nil
				// The clock stands in for the work: the first look is when the request came, the next one when it was done.
				begun, looks := h.clock.Now(), 0
				h.Clock = func() time.Time {
					if looks++; looks == 1 {
						return begun
					}
					return begun.Add(cost)
				}
				_, err := h.signIn(identifier, otherPassword+"!")
				wantCode(t, err, auth.CodeInvalidCredentials)
				total := cost
				for _, d := range waited {
					total += d
				}
				if total != max(floor, cost) {
					t.Errorf("%s with work of %s: refused after %s", identifier, cost, total)
				}
				h.Clock = h.clock.Now
			}
		}
		waited = nil
		if _, err := h.signIn("native@example.org", goodPassword); err != nil || len(waited) != 0 {
			t.Errorf("a right password waits %v, %v", waited, err)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		h.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		if err := h.waitUntil(gone, h.clock.Now().Add(floor)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
