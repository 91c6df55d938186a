package session

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// The model keeps the time of every generation ever made; the row keeps four. DESIGN section 6, RT-01 to RT-04.
func TestDecideAgainstModel(t *testing.T) {
	const grace = 2 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
		s := auth.Session{IdleTTL: time.Hour, ExpiresAt: now.Add(24 * time.Hour)}
		made := []time.Time{now} // of each generation
		judge := func(n int64) verdict {
			current := int64(len(made) - 1)
			switch {
			case n > current:
				return unknown
			case n == current:
				return rotate
			case now.Sub(made[n+1]) > grace || current-n > keptRotations:
				return reused
			case n == current-1:
				return repeat
			}
			return stale
		}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 150).Draw(t, "seconds")) * time.Second)
			},
			"present": func(t *rapid.T) {
				n := s.Generation - rapid.Int64Range(-1, 7).Draw(t, "back")
				if n < 0 {
					t.Skip()
				}
				got, want := decide(s, n, now, grace), judge(n)
				if got != want {
					t.Fatalf("generation %d of %d, rotations %v: got %d, want %d", n, s.Generation, s.Rotations, got, want)
				}
				if got == rotate {
					s = next(s, now)
					made = append(made, now)
				}
			},
			"": func(t *rapid.T) {
				if s.Generation != int64(len(made)-1) || len(s.Rotations) > keptRotations {
					t.Fatalf("generation %d with %d rotation times, %d made", s.Generation, len(s.Rotations), len(made))
				}
				if s.IdleExpiresAt.After(s.ExpiresAt) {
					t.Fatal("idle expiry past the absolute one")
				}
			},
		})
	})
}

func TestDecideAtTheEdges(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	ago := func(seconds ...int) (out []time.Time) {
		for _, s := range seconds {
			out = append(out, now.Add(-time.Duration(s)*time.Second))
		}
		return out
	}
	for name, c := range map[string]struct {
		current, presented int64
		rotations          []time.Time
		want               verdict
	}{
		"first":                      {0, 0, nil, rotate},
		"spent just now":             {1, 0, ago(0), repeat},
		"spent 120 s ago":            {1, 0, ago(120), repeat},
		"spent 121 s ago":            {1, 0, ago(121), reused},
		"older, successor 120 s old": {2, 0, ago(1, 120), stale},
		"older, successor 121 s old": {2, 0, ago(1, 121), reused},
		"fourth before, all fresh":   {4, 0, ago(1, 2, 3, 4), stale},
		"fifth before, all fresh":    {5, 0, ago(1, 2, 3, 4), reused},
		"not made yet":               {3, 4, ago(1), unknown},
		"clock went back":            {1, 0, ago(-5), repeat},
	} {
		s := auth.Session{Generation: c.current, Rotations: c.rotations}
		if got := decide(s, c.presented, now, 2*time.Minute); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}
