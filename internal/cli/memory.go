package cli

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The house lives in some 15 MiB. Go's default lets the heap double between two collections, which at that size means
// dozens of them a second under load: a fifth of the CPU of a refresh and a tenth of that of a `me`
// (docs/performance.md). So this much garbage may gather before the next one; a heap that is larger doubles as usual.
const (
	headroom    = 64 << 20 // bytes
	mostPercent = 400
	// leastLimit bounds the heap while a target is still that of a smaller one, in bytes.
	leastLimit = 192 << 20
)

// pacer sets the collector's target anew after every collection. A target set once would not do: the first password hashes
// add 19 MiB for each worker, imported ones up to 256 MiB for a moment, and a percentage that suits 15 MiB is far too much
// for 300. The target that was right before such a jump is cut off by a limit that grows with the heap.
type pacer struct {
	ctx     context.Context // when it ends, so does the pacing
	percent int
	limit   int64
	live    []metrics.Sample
}

// paceCollector makes the collector rare while the heap is small. Who sets GOGC or GOMEMLIMIT knows better and is left
// alone.
func paceCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	p := &pacer{ctx: ctx, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.pace()
	p.afterCollection()
}

// sentinel is garbage from the start: its clean-up tells that a collection has ended. It is too large to share a
// block with others.
type sentinel [64]byte

func (p *pacer) afterCollection() {
	runtime.AddCleanup(new(sentinel), func(p *pacer) {
		if p.ctx.Err() == nil {
			p.pace()
			p.afterCollection()
		}
	}, p)
}

func (p *pacer) pace() {
	metrics.Read(p.live)
	live := p.live[0].Value.Uint64()
	// Setting it stops the world for a moment, so small changes are not worth it.
	if to := collectorPercent(live); to > p.percent*5/4 || to < p.percent*4/5 {
		debug.SetGCPercent(to)
		p.percent = to
	}
	if to := collectorLimit(live); to > p.limit || to < p.limit/2 {
		debug.SetMemoryLimit(to)
		p.limit = to
	}
}

// collectorPercent is the GOGC that gives a heap with so many live bytes the headroom, and at least Go's own 100.
func collectorPercent(live uint64) int {
	if live < headroom*100/mostPercent {
		return mostPercent
	}
	return int(max(headroom*100/live, 100))
}

// collectorLimit is the GOMEMLIMIT for such a heap: three times as much, so that what lives never comes near it.
func collectorLimit(live uint64) int64 { return int64(max(3*live, leastLimit)) }
