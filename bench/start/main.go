// Command start measures how long a server takes from the start of its process to the first 200 of /readyz on a
// database that exists, and how much memory it then holds while nobody has signed in (Linux only).
//
//	go build -o /tmp/ostiary ./cmd/ostiary
//	go run ./bench/start --binary /tmp/ostiary
//
// The file system's cache is warm after the first round, which makes the database and is not counted.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("binary", "", "the server's program")
	rounds := flag.Int("rounds", 10, "how often it is started")
	settle := flag.Duration("settle", 3*time.Second, "how long it idles before its memory is read")
	flag.Parse()
	if err := run(*binary, *rounds, *settle); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(binary string, rounds int, settle time.Duration) error {
	if binary == "" || rounds < 1 {
		return errors.New("--binary PATH is needed, and at least one round")
	}
	data, err := os.MkdirTemp("", "ostiary-start-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }() // a directory of the machine's temporary ones
	var took []time.Duration
	var memory []int
	for i := range rounds + 1 {
		d, kib, err := once(binary, data, settle)
		if err != nil {
			return err
		}
		if i > 0 {
			took, memory = append(took, d), append(memory, kib)
		}
	}
	slices.Sort(took)
	slices.Sort(memory)
	fmt.Println("| | median | least | most |\n| --- | ---: | ---: | ---: |")
	fmt.Printf("| start to first 200 | %.1f ms | %.1f ms | %.1f ms |\n", ms(took[len(took)/2]), ms(took[0]), ms(took[len(took)-1]))
	fmt.Printf("| resident memory, idle | %.1f MiB | %.1f MiB | %.1f MiB |\n", mib(memory[len(memory)/2]), mib(memory[0]), mib(memory[len(memory)-1]))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func mib(kib int) float64 { return float64(kib) / 1024 }

// once starts a server, waits for its first answer, lets it idle, reads its memory and stops it.
func once(binary, data string, settle time.Duration) (took time.Duration, kib int, err error) {
	address, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	server := exec.Command(binary, "serve", "--listen", address, "--data", data)
	begun := time.Now()
	if err := server.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, stop(server)) }()
	if err := firstAnswer("http://"+address+"/readyz", begun.Add(20*time.Second)); err != nil {
		return 0, 0, err
	}
	took = time.Since(begun)
	time.Sleep(settle)
	kib, err = resident(server.Process.Pid)
	return took, kib, err
}

func stop(server *exec.Cmd) error {
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return server.Wait()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func firstAnswer(url string, until time.Time) error {
	for time.Now().Before(until) {
		r, err := http.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	return errors.New("the server did not answer")
}

// resident is VmRSS of proc(5), in KiB.
func resident(pid int) (kib int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 && err == nil {
			return kib, nil
		}
	}
	return 0, errors.New("no VmRSS")
}
