package queue

import (
	"io"
	"time"
)

// The retry plan: the first retry after about 5 s, then twice as long each time up to 5 min during the first day
// (SECURITY F-08) and 30 min after it, until 72 h have passed since the job was first due.
const (
	firstDelay = 5 * time.Second
	dayCap     = 5 * time.Minute
	laterCap   = 30 * time.Minute
	firstDay   = 24 * time.Hour
	giveUp     = 72 * time.Hour
)

// backoff is how long to wait after so many failed attempts of a job of this age: from 3/4 of the plan's delay to
// the whole of it, at random, so that jobs which failed together do not come back together. A random source that
// fails costs only that spread.
func backoff(r io.Reader, attempts int, age time.Duration) time.Duration {
	longest := dayCap
	if age >= firstDay {
		longest = laterCap
	}
	delay := longest
	if attempts < 20 { // beyond, the shift is over any cap
		delay = min(firstDelay<<max(attempts-1, 0), longest)
	}
	var b [1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return delay
	}
	return delay - delay/4*time.Duration(b[0])/256
}
