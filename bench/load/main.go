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
	"strings"

	"github.com/ostiary-id/ostiary/bench/internal/drive"
)

func main() {
	var s drive.Settings
	url := flag.String("url", "http://127.0.0.1:8080", "address of the server; http only")
	s.Register(names())
	flag.Parse()
	if err := run(s, *url); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(s drive.Settings, url string) error {
	host, ok := strings.CutPrefix(url, "http://")
	if !ok {
		return fmt.Errorf("--url %s: only http:// is driven", url)
	}
	return s.Table(names(), func(n int) (*drive.Result, error) { return measure(scenarios()[n], host, s) })
}
