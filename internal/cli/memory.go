package cli

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The house lives in some 15 MiB. Go's default lets the heap double between two collections, which at that size means
// dozens of them a second under load: a fifth of the CPU of a refresh and a tenth of that of a `me`
// (docs/performance.md). So the heap may gather this much before the next one, and beyond that size doubles as usual.
const (
	headroom    = 64 << 20 // bytes
	mostPercent = 800
	repace      = 10 * time.Second
)

// paceCollector makes the collector rare while the heap is small, until ctx ends. Who sets GOGC or GOMEMLIMIT knows
// better and is left alone.
func paceCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := collectorPercent(0)
	debug.SetGCPercent(before)
	go func() {
		tick := time.NewTicker(repace)
		defer tick.Stop()
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			metrics.Read(live)
			// Setting it stops the world for a moment, so small changes are not worth it.
			if p := collectorPercent(live[0].Value.Uint64()); p > before*5/4 || p < before*4/5 {
				debug.SetGCPercent(p)
				before = p
			}
		}
	}()
}

// collectorPercent is the GOGC that gives a heap with so many live bytes the headroom, and at least Go's own 100.
func collectorPercent(live uint64) int {
	if live < headroom*100/mostPercent {
		return mostPercent
	}
	return int(max(headroom*100/live, 100))
}
