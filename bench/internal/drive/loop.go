package drive

import (
	"sync"
	"sync/atomic"
	"time"
)

// Run lets each step be taken again and again by a worker of its own, all at once, for the duration. What goes wrong in
// one ends all of them, and is returned: nothing is counted then.
func (s Settings) Run(scenario string, steps []func() error) (*Result, error) {
	out := &Result{scenario: scenario, workers: len(steps)}
	l := loop{latencies: make([][]time.Duration, len(steps))}
	var group sync.WaitGroup
	before, start := cpuTime(s.pid), time.Now()
	end := start.Add(s.duration)
	for n, step := range steps {
		group.Go(func() { l.turn(n, step, end) })
	}
	group.Wait()
	out.elapsed, out.cpu = time.Since(start), cpuTime(s.pid)-before
	if err := l.failed.Load(); err != nil {
		return nil, *err
	}
	for _, took := range l.latencies {
		out.latencies = append(out.latencies, took...)
	}
	return out, nil
}

// loop is what the workers of a run have in common.
type loop struct {
	failed    atomic.Pointer[error] // the first thing that went wrong
	latencies [][]time.Duration     // by worker
}

func (l *loop) turn(n int, step func() error, end time.Time) {
	var took []time.Duration
	for start := time.Now(); start.Before(end) && l.failed.Load() == nil; start = time.Now() {
		if err := step(); err != nil {
			l.failed.CompareAndSwap(nil, &err)
			return
		}
		took = append(took, time.Since(start))
	}
	l.latencies[n] = took
}
