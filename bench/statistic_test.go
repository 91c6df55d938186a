package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// comparison is what two samples of durations, in microseconds, say about each other.
type comparison struct {
	medianA, medianB float64
	// diff is the difference of the medians with the bounds of its 95 % confidence interval (bootstrap).
	diff, diffLow, diffHigh float64
	// welch is Welch's t of the samples without their lowest and highest twentieth.
	welch float64
	// superiority is the chance that one of A took longer than one of B (Mann and Whitney's U over the number of pairs),
	// with its 95 % confidence interval (DeLong). An attacker who has one request guesses right that often; 0.5 is nothing.
	superiority, superLow, superHigh float64
	// detectable is the difference of the trimmed means that these samples would show at the 5 % level in four of five tries.
	detectable float64
}

// compare needs samples of some hundred values each; it changes their order.
func compare(a, b []float64, r *rand.Rand) comparison {
	slices.Sort(a)
	slices.Sort(b)
	c := comparison{medianA: median(a), medianB: median(b)}
	c.diff = c.medianA - c.medianB
	c.diffLow, c.diffHigh = bootstrap(a, b, r)
	ta, tb := trimmed(a), trimmed(b)
	spread := math.Sqrt(variance(ta)/float64(len(ta)) + variance(tb)/float64(len(tb)))
	c.welch = (mean(ta) - mean(tb)) / spread
	c.detectable = (1.96 + 0.84) * spread
	pa, pb := placements(a, b), placements(b, a)
	c.superiority = mean(pa)
	half := 1.96 * math.Sqrt(variance(pa)/float64(len(pa))+variance(pb)/float64(len(pb)))
	c.superLow, c.superHigh = c.superiority-half, c.superiority+half
	return c
}

// same is the bar of EN-02: Welch's t below 4.5, and medians closer than 2 ms or 3 %. A wider difference counts only if
// its interval leaves out 0: on a busy machine the medians of slow requests wander by themselves.
func (c comparison) same() bool {
	wide := math.Abs(c.diff) >= 2000 && math.Abs(c.diff) >= 0.03*c.medianB
	return math.Abs(c.welch) < 4.5 && (!wide || c.diffLow <= 0 && c.diffHigh >= 0)
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func trimmed(sorted []float64) []float64 {
	cut := len(sorted) / 20
	return sorted[cut : len(sorted)-cut]
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

func variance(v []float64) (s float64) {
	m := mean(v)
	for _, x := range v {
		s += (x - m) * (x - m) / float64(len(v)-1)
	}
	return s
}

// placements is for each of a the share of b that lies below it; equal values count half.
func placements(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for n, x := range a {
		below, _ := slices.BinarySearch(b, x)
		upTo, _ := slices.BinarySearch(b, math.Nextafter(x, math.Inf(1)))
		out[n] = (float64(below) + float64(upTo)) / 2 / float64(len(b))
	}
	return out
}

func bootstrap(a, b []float64, r *rand.Rand) (low, high float64) {
	const rounds = 1000
	draw := func(from []float64) float64 {
		again := make([]float64, len(from))
		for n := range again {
			again[n] = from[r.IntN(len(from))]
		}
		slices.Sort(again)
		return median(again)
	}
	diffs := make([]float64, rounds)
	for n := range diffs {
		diffs[n] = draw(a) - draw(b)
	}
	slices.Sort(diffs)
	return diffs[rounds/40], diffs[rounds-1-rounds/40]
}

// TestCompare holds the statistic to samples of which the truth is known.
func TestCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sample := func(centre float64) []float64 {
		out := make([]float64, 2000)
		for n := range out {
			out[n] = centre + 10*r.NormFloat64()
			if n%100 == 0 {
				out[n] += 5000 // what a busy machine does
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		shift           float64
		superiority, by float64
		found           bool
	}{
		"nothing":  {0, 0.5, 0.03, false},
		"a little": {5, 0.635, 0.03, true}, // Φ(5 / (10·√2)) of 98 in 100 pairs
		"much":     {20, 0.913, 0.03, true},
	} {
		got := compare(sample(100+c.shift), sample(100), r)
		if found := math.Abs(got.welch) > 4.5; found != c.found {
			t.Errorf("%s: t = %.1f", name, got.welch)
		}
		if math.Abs(got.superiority-c.superiority) > c.by || got.superLow > c.superiority || got.superHigh < c.superiority {
			t.Errorf("%s: superiority %.3f (%.3f to %.3f), want %.3f", name, got.superiority, got.superLow, got.superHigh, c.superiority)
		}
		if math.Abs(got.diff-c.shift) > 2 || got.diffLow > got.diff || got.diffHigh < got.diff {
			t.Errorf("%s: difference %.1f (%.1f to %.1f), want %.1f", name, got.diff, got.diffLow, got.diffHigh, c.shift)
		}
		if got.detectable < 0.3 || got.detectable > 2 {
			t.Errorf("%s: detectable %.2f", name, got.detectable)
		}
	}
	if p := placements([]float64{1, 2, 3}, []float64{2}); p[0] != 0 || p[1] != 0.5 || p[2] != 1 {
		t.Errorf("placements %v", p)
	}
}
