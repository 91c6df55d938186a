package queue

import (
	"bytes"
	"testing"
	"testing/iotest"
	"time"
)

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		attempts int
		age      time.Duration
		want     time.Duration // without the spread
	}{
		{1, 0, 5 * time.Second},
		{2, time.Minute, 10 * time.Second},
		{6, time.Minute, 160 * time.Second},
		{7, time.Hour, 5 * time.Minute},
		{300, 23 * time.Hour, 5 * time.Minute},
		{300, 24 * time.Hour, 30 * time.Minute},
		{0, 0, 5 * time.Second},
	} {
		longest := backoff(bytes.NewReader([]byte{0}), c.attempts, c.age)
		shortest := backoff(bytes.NewReader([]byte{255}), c.attempts, c.age)
		if longest != c.want || shortest >= longest || shortest < c.want*3/4 {
			t.Errorf("attempt %d at %s: from %s to %s, want about %s", c.attempts, c.age, shortest, longest, c.want)
		}
		if got := backoff(iotest.ErrReader(errTest), c.attempts, c.age); got != c.want {
			t.Errorf("without randomness: %s, want %s", got, c.want)
		}
	}
}

var errTest = bytes.ErrTooLarge
