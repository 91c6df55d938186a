package drive

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Settings are the flags that every load program has.
type Settings struct {
	pid      int
	duration time.Duration
	workers  int
	only     string
}

// Register defines the flags on the command line of a program with these scenarios.
func (s *Settings) Register(scenarios []string) {
	flag.IntVar(&s.pid, "pid", 0, "process id of the server, for its CPU time; 0: unknown")
	flag.DurationVar(&s.duration, "duration", 10*time.Second, "how long each scenario is measured")
	flag.IntVar(&s.workers, "workers", 0, "workers of every scenario; 0: each its own")
	flag.StringVar(&s.only, "only", "", "comma-separated scenarios; empty: all of "+strings.Join(scenarios, ", "))
}

// Workers is how many a scenario gets that would have so many of its own.
func (s Settings) Workers(own int) int {
	if s.workers > 0 {
		return s.workers
	}
	return own
}

// Table measures the scenarios that are wanted, one after another, and prints a row of each. measure gets the place of one
// in the list; what has nothing to tell of it returns nil.
func (s Settings) Table(scenarios []string, measure func(n int) (*Result, error)) error {
	wanted := scenarios
	if s.only != "" {
		wanted = strings.Split(s.only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(scenarios, name) {
			return fmt.Errorf("no scenario %q; there are %s", name, strings.Join(scenarios, ", "))
		}
	}
	fmt.Println("| scenario | workers | requests | per second | p50 | p95 | p99 | server CPU a request |")
	fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, name := range wanted {
		result, err := measure(slices.Index(scenarios, name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if result != nil {
			fmt.Println(result.row())
		}
	}
	return nil
}
