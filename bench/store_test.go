package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// BenchmarkGroupCommit measures small durable Writes (two statements: a read and an upsert) in a closed loop of 1,
// 8 and 64 callers. It reports Writes a second and this process's CPU per Write; the server's own CPU is not in
// the figure for PostgreSQL.
func BenchmarkGroupCommit(b *testing.B) {
	engines := []struct {
		name string
		open func(testing.TB, ...store.Options) *store.DB
	}{{store.SQLite, storetest.Open}, {store.PostgreSQL, storetest.OpenPostgres}}
	for _, engine := range engines {
		for _, writers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", engine.name, writers), func(b *testing.B) {
				db := engine.open(b, store.Options{MaxConns: 16})
				groupCommit(b, db, writers)
			})
		}
	}
}

func groupCommit(b *testing.B, db *store.DB, writers int) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	cpu := processCPU(b)
	for w := range writers {
		name := fmt.Sprint("row", w)
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				// Each value is new: SQLite leaves a page alone whose bytes would stay the same, and a commit
				// without pages syncs nothing.
				value := strconv.FormatInt(i, 10)
				err := db.Write(context.Background(), func(tx *store.Tx) error {
					if _, err := tx.App(auth.DefaultApp); err != nil {
						return err
					}
					return tx.SetMeta(name, value)
				})
				if err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64((processCPU(b)-cpu).Microseconds())/float64(b.N), "cpu-us/write")
	if commits := db.Stats().Commits; commits > 0 {
		b.ReportMetric(float64(db.Stats().Writes)/float64(commits), "writes/commit")
	}
}

func processCPU(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
