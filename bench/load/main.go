// Command load drives a running server over its CloudHeed contract with a closed loop of N workers and prints a
// table: requests a second, latency at p50, p95 and p99, and what the server's process spent of the CPU for each
// request (from /proc, so Linux only; elsewhere that column is empty).
//
//	go run ./cmd/ostiary serve --config bench/load/server.yaml &
//	go run ./bench/load --url http://127.0.0.1:8080 --pid $!
//
// Every scenario signs up users of its own first; that is not part of what is measured.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.url, "url", "http://127.0.0.1:8080", "address of the server; http only")
	flag.IntVar(&o.pid, "pid", 0, "process id of the server, for its CPU time; 0: unknown")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "how long each scenario is measured")
	flag.IntVar(&o.workers, "workers", 0, "workers of every scenario; 0: each its own")
	flag.IntVar(&o.users, "users", 64, "users signed up for the scenarios that need some")
	only := flag.String("only", "", "comma-separated scenarios; empty: all of "+strings.Join(names(), ", "))
	flag.Parse()
	if err := run(o, *only); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	url      string
	pid      int
	duration time.Duration
	workers  int
	users    int
}

func run(o options, only string) error {
	wanted := names()
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	host, ok := strings.CutPrefix(o.url, "http://")
	if !ok {
		return fmt.Errorf("--url %s: only http:// is driven", o.url)
	}
	fmt.Println(header)
	for _, name := range wanted {
		i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("no scenario %q; there are %s", name, strings.Join(names(), ", "))
		}
		s := scenarios()[i]
		if o.workers > 0 {
			s.workers = o.workers
		}
		result, err := measure(s, host, o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println(result.row())
	}
	return nil
}
