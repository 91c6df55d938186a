package login

import (
	"context"
	"crypto/sha1" //nolint:gosec // the service is asked by SHA-1; nothing of ours relies on it
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// breachTime is how long a new password waits for the service.
const breachTime = 2 * time.Second

// BreachCheck asks a range service (the API of Have I Been Pwned) whether a password is known from a breach. Five
// hexadecimal digits of its SHA-1 leave the house, which some eight hundred known passwords share; the rest is compared
// here (PW-07). It fails open: what the service cannot tell keeps nobody from choosing a password, and is logged and
// counted.
type BreachCheck struct {
	// Get fetches a URL: package outbound's.
	Get func(ctx context.Context, target string) (status int, body []byte, err error)
	URL string // to which the five digits are appended
	Log *slog.Logger

	failures atomic.Uint64
}

// Failures counts the questions that the service did not answer.
func (b *BreachCheck) Failures() uint64 { return b.failures.Load() }

// known reports whether the password stands in a breach. A nil check knows none.
func (b *BreachCheck) known(ctx context.Context, password string) bool {
	if b == nil {
		return false
	}
	sum := sha1.Sum([]byte(auth.NormalisePassword(password))) //nolint:gosec // see the import
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	ctx, cancel := context.WithTimeout(ctx, breachTime)
	defer cancel()
	status, body, err := b.Get(ctx, b.URL+digest[:5])
	if err == nil && status != 200 {
		err = fmt.Errorf("the service answered %d", status)
	}
	if err != nil {
		b.failures.Add(1)
		b.Log.Warn("a new password was not compared with known breaches", "error", err)
		return false
	}
	for line := range strings.Lines(string(body)) {
		suffix, count, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.EqualFold(suffix, digest[5:]) && count != "0" { // lines of padding count 0
			return true
		}
	}
	return false
}
