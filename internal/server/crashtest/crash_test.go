package crashtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// rounds is how often each engine's server is killed; the default is the short form of the normal run.
var rounds = flag.Int("crash.rounds", 2, "kills of a server process for each engine")

// AV-03, F-01: what was acknowledged before SIGKILL is there after the restart; a lost answer leaves either the
// whole write or nothing; no one-time secret works twice.
func TestCrashUnderWriteLoad_AV03(t *testing.T) {
	engines(t, func(t *testing.T, s settings) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		for round := range *rounds {
			p := start(t, s)
			people := crowd(t, p, round, random)
			p = start(t, s)
			for _, c := range people {
				c.check(t, p)
			}
			p.kill()
			checkRows(t, s)
		}
	})
}

// crowd puts a server under load, kills it at a random moment and returns the clients with their ledgers.
func crowd(t *testing.T, p *process, round int, random *rand.Rand) []*person {
	t.Helper()
	people := make([]*person, 12)
	failures := make([]error, len(people))
	var group sync.WaitGroup
	for i := range people {
		people[i] = newPerson(fmt.Sprintf("r%d-p%d-%d", round, i, random.Uint32()))
		r := rand.New(rand.NewPCG(random.Uint64(), 2))
		group.Go(func() { failures[i] = people[i].live(p, r) })
	}
	time.Sleep(time.Duration(300+random.IntN(1500)) * time.Millisecond) // the moment of the kill is what the test varies
	p.kill()
	group.Wait()
	registered := 0
	for i, err := range failures {
		if err != nil {
			t.Errorf("%s: %v", people[i].email, err)
		}
		if people[i].registered {
			registered++
		}
	}
	t.Logf("round %d: killed with %d of %d registered", round, registered, len(people))
	return people
}

// F-13: two processes on one PostgreSQL race 50 refreshes of one token: one successor, no session ended.
func TestCrashFreeRefreshRaceOfTwoProcesses_F13(t *testing.T) {
	s := postgres(t)
	first := start(t, s)
	second := start(t, settings{data: filepath.Join(t.TempDir(), "second"), database: s.database,
		key: filepath.Join(s.data, "master.key")})
	c := newPerson("race")
	for _, step := range []func(*process) error{c.register, func(p *process) (err error) {
		_, c.token, c.refresh, err = p.login(c.email, "")
		return err
	}} {
		if err := step(first); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 5 {
		successors := race(t, []*process{first, second}, c.refresh)
		if len(successors) != 1 {
			t.Fatalf("round %d: %d different successors: %v", round, len(successors), successors)
		}
		for s := range successors {
			c.refresh = s
		}
	}
	if status, err := first.call("GET", "/v1/auth/me", c.token, nil, nil); err != nil || status != 200 {
		t.Fatalf("the session has ended: %d, %v", status, err)
	}
}

func race(t *testing.T, nodes []*process, token string) map[string]int {
	t.Helper()
	var lock sync.Mutex
	out := map[string]int{}
	var group sync.WaitGroup
	gate := make(chan struct{})
	for i := range 50 {
		group.Go(func() {
			<-gate
			var answer struct {
				Refresh string `json:"refresh_token"`
			}
			status, err := nodes[i%len(nodes)].call("POST", "/v1/auth/refresh", "", map[string]string{"refresh_token": token}, &answer)
			lock.Lock()
			defer lock.Unlock()
			if err != nil || status != 200 {
				t.Errorf("refresh answered %d, %v", status, err)
				return
			}
			out[answer.Refresh]++
		})
	}
	close(gate)
	group.Wait()
	return out
}
