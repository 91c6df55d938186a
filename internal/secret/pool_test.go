package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	oracle "golang.org/x/crypto/argon2"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

func cheap() PasswordParams { return PasswordParams{Memory: 64, Time: 1, Threads: 1} }

func testPool(t testing.TB, o PoolOptions) *Pool {
	t.Helper()
	if o.Params == (PasswordParams{}) {
		o.Params = cheap()
	}
	o.Rand = rand.Reader
	return NewPool(o)
}

func TestPasswordHash_PW02_PW09(t *testing.T) {
	p := testPool(t, PoolOptions{})
	password := strings.Repeat("Long Password ", 8)
	stored, err := p.Hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%q, %v", stored, err)
	}
	for attempt, want := range map[string]bool{
		password: true, password[:72]: false, strings.ToLower(password): false, strings.TrimSpace(password): false,
		" " + password: false, "": false, password + "\x00": false,
	} {
		if ok, outdated, err := p.Verify(t.Context(), stored, attempt); err != nil || ok != want || outdated {
			t.Errorf("%.20q...: %v, %v, %v", attempt, ok, outdated, err)
		}
	}
	other, err := p.Hash(t.Context(), password)
	if err != nil || other == stored {
		t.Errorf("two hashes of one password are equal: %v", err)
	}
}

// TestRealParameters_PW09 uses the parameters of production once.
func TestRealParameters_PW09(t *testing.T) {
	p := NewPool(PoolOptions{Rand: rand.Reader})
	defer p.Close()
	if p.Params() != DefaultPasswordParams() || !p.Params().Strong() || p.Workers() != runtime.GOMAXPROCS(0) {
		t.Fatalf("the defaults are %+v with %d workers", p.Params(), p.Workers())
	}
	stored, err := p.Hash(t.Context(), "correct horse battery staple")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", stored, err)
	}
	if ok, outdated, err := p.Verify(t.Context(), stored, "correct horse battery staple"); err != nil || !ok || outdated {
		t.Fatalf("%v, %v, %v", ok, outdated, err)
	}
	for params, want := range map[PasswordParams]bool{{Memory: 19456, Time: 1, Threads: 1}: false, {Memory: 47104, Time: 1}: true,
		{Memory: 12288, Time: 3}: true, {Memory: 9216, Time: 4}: true, {Memory: 7168, Time: 5}: true, {Memory: 7167, Time: 9}: false, cheap(): false} {
		if params.Strong() != want {
			t.Errorf("%+v strong: %v", params, !want)
		}
	}
}

// TestKnownHash compares with a hash made straight from the algorithm, so that stored hashes outlive this code.
func TestKnownHash(t *testing.T) {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding.EncodeToString
	stored := "$argon2id$v=19$m=128,t=2,p=2$" + b64(salt) + "$" + b64(oracle.IDKey([]byte("pässword"), salt, 2, 128, 2, 24))
	p := testPool(t, PoolOptions{})
	if ok, outdated, err := p.Verify(t.Context(), stored, "pässword"); err != nil || !ok || !outdated {
		t.Fatalf("%v, %v (a key of 24 bytes is outdated), %v", ok, outdated, err)
	}
}

func TestOutdated_PW11(t *testing.T) {
	current := PasswordParams{Memory: 128, Time: 2, Threads: 1}
	p := testPool(t, PoolOptions{Params: current})
	for params, want := range map[PasswordParams]bool{current: false, {Memory: 64, Time: 2, Threads: 1}: true, {Memory: 128, Time: 1, Threads: 1}: true,
		{Memory: 256, Time: 2, Threads: 4}: false, {Memory: 256, Time: 1, Threads: 1}: true} {
		stored, err := testPool(t, PoolOptions{Params: params}).Hash(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if ok, outdated, err := p.Verify(t.Context(), stored, "x"); err != nil || !ok || outdated != want {
			t.Errorf("%+v: %v, outdated %v, %v", params, ok, outdated, err)
		}
	}
}

// TestImportedCost_PW13 holds that a stored hash cannot ask for more work than the bounds allow, and that a hash has
// one spelling.
func TestImportedCost_PW13(t *testing.T) {
	p := testPool(t, PoolOptions{})
	good := "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg"
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"m=64", "m=4194304"}, {"m=64", "m=262145"}, {"m=64", "m=7"}, {"m=64", "m=0"}, {"m=64", "m=064"}, {"m=64", "m=+64"},
		{"m=64", "m=-1"}, {"m=64", "m=18446744073709551680"}, {"m=64", "m=6 4"}, {"m=64", "m="}, {"m=64", "M=64"}, {"m=64,", "m=64,m=64,"},
		{"t=1", "t=11"}, {"t=1", "t=0"}, {"t=1", "t=4294967297"}, {"p=1", "p=17"}, {"p=1", "p=0"}, {"p=1", "p=257"}, {"m=64,t=1,p=1", "m=64,t=1,p=9"},
		{"m=64,t=1,p=1", "t=1,m=64,p=1"}, {"m=64,t=1,p=1", "m=64,t=1"}, {"m=64,t=1,p=1", "m=64,t=1,p=1,keyid=x"},
		{"argon2id", "argon2x"}, {"argon2id", "ARGON2ID"}, {"v=19", "v=16"}, {"v=19$", ""}, {"v=19", "v=019"},
		{"$argon2id", "argon2id"}, {"$MDEy", "$ MDEy"}, {"OWFiY2RlZg$", "OWFiY2RlZg==$"}, {"OWFiY2RlZg$", "OWFiY2RlZh$"},
		{"OWFiY2RlZg$", "OWFiY2RlZg\n$"}, {"MDEyMzQ1Njc4OWFiY2RlZg$", "$"}, {"MDEyMzQ1Njc4OWFiY2RlZg$", "MDEyMw$"},
		{good, ""}, {good, good + "$"}, {good, good + strings.Repeat("A", 300)}, {good, "$2a$10$N9qo8uLOickgx2ZMRZoMye"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%q changes nothing", change)
		}
		if ok, _, err := p.Verify(t.Context(), bad, "x"); err == nil || ok {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "MDEy") {
			t.Errorf("the hash is in the error: %v", err)
		}
	}
	if p.Evaluations() != 0 {
		t.Error("a refused hash was evaluated")
	}
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg")
	f.Add("$argon2id$v=19$m=262144,t=10,p=16$MDEyMzQ1Njc$MDEyMzQ1Njc4OWFiY2RlZg")
	f.Add("$argon2id$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePHC(text)
		if err != nil {
			return
		}
		if h.String() != text {
			t.Fatalf("%q is spelled %q", text, h.String())
		}
		if h.params.Memory > maxMemory || h.params.Time > maxTime || h.params.Threads > maxThreads || h.params.Memory < 8*uint32(h.params.Threads) {
			t.Fatalf("%q is beyond the bounds", text)
		}
	})
}

// TestWasteCostsOneVerify holds that an unknown user costs what a known one costs.
func TestWasteCostsOneVerify(t *testing.T) {
	p := testPool(t, PoolOptions{})
	stored, err := p.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	before := p.Evaluations()
	if _, _, err := p.Verify(t.Context(), stored, "y"); err != nil {
		t.Fatal(err)
	}
	verify := p.Evaluations() - before
	if err := p.Waste(t.Context(), "y"); err != nil {
		t.Fatal(err)
	}
	if waste := p.Evaluations() - before - verify; waste != 1 || verify != 1 {
		t.Fatalf("a verify counts %d, a waste %d", verify, waste)
	}
}

// busy takes every turn of a pool until the returned function is called.
func busy(t *testing.T, p *Pool) (release func()) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range p.Workers() {
		begun := make(chan struct{})
		wg.Go(func() {
			if err := p.run(context.Background(), func(*argon2.Memory) { close(begun); <-stop }); err != nil {
				t.Error(err)
			}
		})
		<-begun
	}
	return func() { close(stop); wg.Wait() }
}

func overloaded(t *testing.T, err error) {
	t.Helper()
	if e := auth.AsError(err); err == nil || e.Code != auth.CodeOverloaded || e.RetryAfter < time.Second {
		t.Fatalf("got %v, want overloaded with a time to come back", err)
	}
}

// TestPoolOverload_PW10: a caller waits no longer than the deadline, no more callers wait than the queue holds, and
// whoever gives up leaves the queue at once.
func TestPoolOverload_PW10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testPool(t, PoolOptions{Workers: 2, Queue: 3, QueueDeadline: 2 * time.Second})
		release := busy(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 3)
		for range 3 {
			go func() { given <- p.Waste(ctx, "x") }()
		}
		synctest.Wait()
		if p.Waiting() != 3 {
			t.Fatalf("%d wait", p.Waiting())
		}
		at := time.Now()
		overloaded(t, p.Waste(t.Context(), "x")) // the queue is full: refused at once
		if !time.Now().Equal(at) {
			t.Error("a full queue made the caller wait")
		}
		cancel()
		for range 3 {
			overloaded(t, <-given)
		}
		if p.Waiting() != 0 {
			t.Fatalf("%d wait after giving up", p.Waiting())
		}
		_, err := p.Hash(t.Context(), "x")
		overloaded(t, err)
		if waited := time.Since(at); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		if p.Evaluations() != 2 {
			t.Errorf("%d evaluations, only the busy ones were due", p.Evaluations())
		}
		release()
		if err := p.Waste(t.Context(), "x"); err != nil {
			t.Errorf("after the rush: %v", err)
		}
		overloaded(t, p.Waste(ctx, "x")) // whose caller is gone before it begins
	})
}

// TestPoolBound_PW10: never more evaluations at a time than workers, and everybody is served in the end.
func TestPoolBound_PW10(t *testing.T) {
	p := testPool(t, PoolOptions{Workers: 3, Queue: 500, QueueDeadline: time.Minute})
	var mu sync.Mutex
	running, most, done := 0, 0, 0
	var wg sync.WaitGroup
	for range 400 {
		wg.Go(func() {
			err := p.run(context.Background(), func(*argon2.Memory) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				running--
				done++
				mu.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most > 3 || done != 400 || p.Evaluations() != 400 {
		t.Fatalf("%d at a time, %d done, %d counted", most, done, p.Evaluations())
	}
}

// TestPoolMemory_PW10: no memory before the first evaluation, then at most one for each worker, and none that a greater
// imported hash asked for.
func TestPoolMemory_PW10(t *testing.T) {
	p := testPool(t, PoolOptions{Workers: 2, Queue: 100, QueueDeadline: time.Minute})
	held := func() (sizes []uint32) {
		for _, m := range p.idle {
			sizes = append(sizes, m.Size())
		}
		return sizes
	}
	if len(p.idle) != 0 {
		t.Errorf("%d KiB at the start", held())
	}
	imported, err := testPool(t, PoolOptions{Params: PasswordParams{Memory: 512, Time: 1, Threads: 2}}).Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if ok, _, err := p.Verify(context.Background(), imported, "x"); !ok || err != nil {
				t.Error(ok, err)
			}
			if err := p.Waste(context.Background(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sizes := held(); len(sizes) > 2 || len(sizes) > 0 && slices.Max(sizes) > cheap().Memory {
		t.Errorf("%d KiB are held", sizes)
	}
	for range 3 {
		if err := p.Waste(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if sizes := held(); len(sizes) == 0 || sizes[len(sizes)-1] != cheap().Memory {
		t.Errorf("%d KiB are held after a hash of ours", sizes)
	}
}

func TestPanicLosesNoWorker(t *testing.T) {
	p := testPool(t, PoolOptions{Workers: 1})
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = p.run(t.Context(), func(*argon2.Memory) { panic("an evaluation fails") })
		}()
	}
	if err := p.Waste(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testPool(t, PoolOptions{Workers: 1, QueueDeadline: time.Hour})
		release := busy(t, p)
		waiting, closed := make(chan error, 1), make(chan struct{})
		go func() { waiting <- p.Waste(context.Background(), "x") }()
		synctest.Wait()
		go func() { p.Close(); close(closed) }()
		overloaded(t, <-waiting)
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("closed while an evaluation runs")
		default:
		}
		release()
		<-closed
		overloaded(t, p.Waste(context.Background(), "x"))
		p.Close()
	})
}

func TestHashWithoutRandomness(t *testing.T) {
	p := NewPool(PoolOptions{Params: cheap(), Rand: iotest.ErrReader(errors.New("no entropy"))})
	if stored, err := p.Hash(t.Context(), "x"); err == nil {
		t.Fatalf("hashed without a salt: %q", stored)
	}
}

func BenchmarkVerify(b *testing.B) {
	p := NewPool(PoolOptions{Rand: rand.Reader})
	stored, err := p.Hash(b.Context(), "correct horse battery staple")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, _, err := p.Verify(b.Context(), stored, "correct horse battery staple"); err != nil || !ok {
			b.Fatal(err)
		}
	}
}
