package cli

import "testing"

func TestCollectorTargets(t *testing.T) {
	for _, c := range []struct {
		live    uint64
		percent int
		limit   int64
	}{{0, 400, 192 << 20}, {1 << 20, 400, 192 << 20}, {32 << 20, 200, 192 << 20}, {64 << 20, 100, 192 << 20}, {1 << 30, 100, 3 << 30}} {
		if percent, limit := collectorPercent(c.live), collectorLimit(c.live); percent != c.percent || limit != c.limit {
			t.Errorf("%d bytes alive: %d %% and %d bytes, want %d %% and %d", c.live, percent, limit, c.percent, c.limit)
		}
	}
}
