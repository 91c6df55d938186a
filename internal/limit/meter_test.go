package limit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestRequestsRefillEvenly(t *testing.T) {
	clock := storetest.NewClock()
	l := New(Options{Clock: clock.Now, Settings: map[string]Setting{RequestsUser: {Max: 6, Per: time.Minute}}})
	for i := range 6 {
		state, err := l.Request(RequestsUser, "a")
		if err != nil || state.Name != RequestsUser || state.Max != 6 || state.Remaining != 5-i || state.RetryAfter != 0 {
			t.Fatalf("request %d: %+v, %v", i+1, state, err)
		}
		if want := clock.Now().Add(time.Duration(i+1) * 10 * time.Second); !state.Reset.Equal(want) {
			t.Errorf("request %d: full again at %s, want %s", i+1, state.Reset, want)
		}
	}
	state, err := l.Request(RequestsUser, "a")
	refusal := auth.AsError(err)
	if !auth.Is(err, auth.CodeRateLimited) || refusal.Limit == nil || *refusal.Limit != state ||
		refusal.RetryAfter != 10*time.Second || state.Remaining != 0 {
		t.Fatalf("the seventh request: %+v, %+v", state, refusal)
	}
	if _, err := l.Request(RequestsUser, "b"); err != nil {
		t.Errorf("another subject: %v", err)
	}
	clock.Advance(10 * time.Second)
	if _, err := l.Request(RequestsUser, "a"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if _, err := l.Request(RequestsUser, "a"); err == nil {
		t.Error("one wait gave two requests")
	}
}

func TestRequestLimiterOffOrUnknown(t *testing.T) {
	clock := storetest.NewClock()
	l := New(Options{Clock: clock.Now, Settings: map[string]Setting{RequestsKey: {Off: true, Max: 1}}})
	for range 5 {
		if state, err := l.Request(RequestsKey, "k"); err != nil || state != (auth.LimitState{}) {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	for _, name := range []string{"nonsense", SignInAccount} {
		if _, err := l.Request(name, "k"); !auth.Is(err, auth.CodeInternal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, made := range l.Limiters() {
		if made.Name == RequestsKey {
			t.Error("a limiter that is off is listed as in force")
		}
	}
}

func TestParallelRequestsAreAllCounted(t *testing.T) {
	clock := storetest.NewClock()
	l := New(Options{Clock: clock.Now, Settings: map[string]Setting{RequestsNetwork: {Max: 500, Per: time.Minute}}})
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				if _, err := l.Request(RequestsNetwork, "n"); err == nil {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d of 1000 passed, want 500", passed.Load())
	}
}

// A flood of subjects neither grows the memory nor frees one that is being limited, as long as the flood's
// subjects come once each.
func TestMemoryIsBounded_RL11(t *testing.T) {
	clock := storetest.NewClock()
	m := newMeter(10, time.Minute, clock.Now)
	for range 10 {
		if _, limited, _ := m.count("busy"); limited {
			t.Fatal("limited too early")
		}
	}
	memory := newMemory(clock.Now, 4)
	for i := range 10_000 {
		if _, err := memory.SetIfNotExistsWithTTL(t.Context(), fmt.Sprint("subject ", i), int64(i), 0); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for i := range memory.shards {
		kept += len(memory.shards[i].full)
	}
	if kept > 4*shards {
		t.Errorf("%d subjects are kept, want at most %d", kept, 4*shards)
	}
	small := &shard{full: map[string]int64{"busy": 1000}}
	for i := range lookedAt - 1 {
		small.full[fmt.Sprint("idle ", i)] = int64(i)
	}
	for range lookedAt - 1 {
		small.forget()
	}
	if _, ok := small.full["busy"]; !ok || len(small.full) != 1 {
		t.Errorf("what is left: %v", small.full)
	}
	if _, limited, _ := m.count("busy"); !limited {
		t.Error("the busy subject is free again")
	}
}

func BenchmarkRequest(b *testing.B) {
	l := New(Options{Clock: time.Now, Settings: map[string]Setting{RequestsNetwork: {Max: maxMax, Per: time.Second}}})
	subjects := make([]string, 1000)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("192.0.%d.%d", i/256, i%256)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _ = l.Request(RequestsNetwork, subjects[i%len(subjects)])
		}
	})
}
