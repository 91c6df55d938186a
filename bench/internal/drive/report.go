package drive

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Result is what one scenario measured.
type Result struct {
	scenario  string
	workers   int
	elapsed   time.Duration
	cpu       time.Duration // of the server; 0: unknown
	latencies []time.Duration
}

// Requests is how many there were.
func (r *Result) Requests() int { return len(r.latencies) }

// row is the result as a row of the table.
func (r *Result) row() string {
	slices.Sort(r.latencies)
	n := len(r.latencies)
	cpu := ""
	if r.cpu > 0 && n > 0 {
		cpu = fmt.Sprintf("%.3f ms", float64(r.cpu.Microseconds())/float64(n)/1000)
	}
	return fmt.Sprintf("| %s | %d | %d | %.0f | %s | %s | %s | %s |", r.scenario, r.workers, n,
		float64(n)/r.elapsed.Seconds(), r.quantile(50), r.quantile(95), r.quantile(99), cpu)
}

func (r *Result) quantile(p int) string {
	if len(r.latencies) == 0 {
		return ""
	}
	d := r.latencies[min(len(r.latencies)*p/100, len(r.latencies)-1)]
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}

// ticksPerSecond is USER_HZ, which Linux fixes at 100 for /proc.
const ticksPerSecond = 100

// cpuTime is the user and system time that a process has spent so far (proc(5), fields 14 and 15 of stat).
func cpuTime(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
