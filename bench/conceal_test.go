package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
)

// asked is a door at which nobody may learn whether an address is known.
type asked struct {
	name, method, path, body string // body with the address as %s
	spent                    bool   // an unknown address is known afterwards
}

var concealing = []asked{
	{"sign-in", "POST", "/api/ostiary/v1/sessions", `{"identifier":"%s","password":"not the password at all"}`, false},
	{"forgot-password", "POST", "/api/ostiary/v1/password-reset/request", `{"identifier":"%s"}`, false},
	{"register", "POST", "/api/ostiary/v1/registrations", `{"email":"%s","password":"amber ladders under quiet rain"}`, true},
	{"check-email", "POST", "/api/ostiary/v1/sign-in-methods/check", `{"email":"%s"}`, false},
	{"magic-link", "POST", "/api/ostiary/v1/magic-links", `{"email":"%s"}`, false},
	{"verification-mail", "POST", "/api/ostiary/v1/email-verification/request", `{"email":"%s"}`, false},
}

// states are what an address may be; each is compared with nobody.
var states = []string{"verified", "unverified", "disabled", "without-password", "imported-bcrypt"}

// each is how many addresses stand for one state: one alone would be answered from warm caches.
const each = 20

// BenchmarkConcealment times what an attacker can time (EN-02, EN-03): pairs of a known and an unknown address, in an
// order of chance, at every door that conceals, with real hashes and no limits. It fails nothing; it prints a row for each,
// and whoever reads them decides. One operation is one pair.
//
//	go test ./bench -run '^$' -bench Concealment -benchtime 1000x -timeout 2h
func BenchmarkConcealment(b *testing.B) {
	f := newFront(b)
	populate(b, f)
	b.Logf("| door | known address | pairs | median known | unknown | difference (95 %%) | Welch t | superiority (95 %%) | detectable | |")
	for _, door := range concealing {
		for _, state := range states {
			b.Run(door.name+"/"+state, func(b *testing.B) { f.compare(b, door, state) })
		}
	}
}

func (f *front) compare(b *testing.B, door asked, state string) {
	r := rand.New(rand.NewPCG(7, uint64(b.N)))
	known, unknown := make([]float64, 0, b.N), make([]float64, 0, b.N)
	for n := range b.N {
		first := address(state, n%each)
		second := address("unknown-"+door.name+state, n%each)
		if door.spent {
			second = fmt.Sprintf("fresh-%d@bench.test", f.serial.Add(1))
		}
		if r.IntN(2) == 0 {
			known = append(known, f.time(b, door, first))
			unknown = append(unknown, f.time(b, door, second))
		} else {
			unknown = append(unknown, f.time(b, door, second))
			known = append(known, f.time(b, door, first))
		}
	}
	if b.N < 100 {
		return // the benchmark's own first try
	}
	c := compare(known, unknown, r)
	b.ReportMetric(c.diff, "us-difference")
	b.ReportMetric(c.welch, "welch-t")
	b.ReportMetric(c.superiority, "superiority")
	verdict := "same"
	if !c.same() {
		verdict = "**told apart**"
	}
	b.Logf("| %s | %s | %d | %.0f us | %.0f us | %+.1f us (%+.1f to %+.1f) | %+.2f | %.3f (%.3f to %.3f) | %.1f us | %s |", door.name, state, b.N,
		c.medianA, c.medianB, c.diff, c.diffLow, c.diffHigh, c.welch, c.superiority, c.superLow, c.superHigh, c.detectable, verdict)
}

func address(state string, n int) string { return fmt.Sprintf("%s-%02d@bench.test", state, n) }

// time is how long one request takes, in microseconds.
func (f *front) time(b *testing.B, door asked, email string) float64 {
	r, err := http.NewRequest(door.method, "http://127.0.0.1:8080"+door.path, strings.NewReader(fmt.Sprintf(door.body, email)))
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr, r.RequestURI = "192.0.2.1:4711", door.path
	r.Header.Set("Content-Type", "application/json")
	w := &memory{header: http.Header{}, status: http.StatusOK}
	begun := time.Now()
	f.handler.ServeHTTP(w, r)
	took := time.Since(begun)
	if w.status >= 400 && w.status != http.StatusUnauthorized {
		b.Fatalf("%s: %d %s", door.name, w.status, w.body.Bytes())
	}
	return float64(took.Nanoseconds()) / 1000
}

// populate makes the users of every state.
func populate(b *testing.B, f *front) {
	b.Helper()
	socket := httptest.NewServer(f.operator)
	defer socket.Close()
	operator := &client.Client{BaseURL: socket.URL}
	ctx := b.Context()
	for _, state := range states {
		for n := range each {
			u := client.NewUser{Email: address(state, n), EmailVerified: state != "unverified", Password: benchPassword}
			switch state {
			case "without-password":
				u.Password = ""
			case "imported-bcrypt":
				line := `{"email":"` + u.Email + `","email_verified":true,"password":{"hash":"$2y$10$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}}`
				if report, err := operator.ImportUsers(ctx, client.ImportBatch{Lines: []string{line}}); err != nil || report.Created != 1 {
					b.Fatalf("%+v %v", report, err)
				}
				continue
			}
			made, err := operator.CreateUser(ctx, u)
			if err == nil && state == "disabled" {
				_, err = operator.DisableUser(ctx, made.ID)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
