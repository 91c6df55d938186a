package server_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// FuzzHostileRequest judges whatever the fuzzer makes of requests that the documents describe, as TestHostileRequests
// does. header is one `Name: value` a line; the credential is one that the server knows, by its number, 0 none.
//
//	go test ./internal/server -run '^$' -fuzz FuzzHostileRequest -fuzztime 10m
func FuzzHostileRequest(f *testing.F) {
	i := servertest.Start(f, allContracts("accountmaker"), hostileLimits(false))
	all := papers(f)
	r := rand.New(rand.NewPCG(1, 1))
	w := newWorld(f, i, r)
	g := &gallery{t: f, w: w, papers: all, tried: newTally()}
	for _, paper := range all {
		for n, p := range paper.points {
			s := (&forge{Rand: r, w: w}).request(p, true)
			var h strings.Builder
			for name, values := range s.header {
				h.WriteString(name + ": " + values[0] + "\n")
			}
			f.Add(s.method, s.target, h.String(), s.body, uint8(n%4))
		}
	}
	asked := 0
	f.Fuzz(func(t *testing.T, method, target, header, body string, credential uint8) {
		g.t = t
		if asked++; asked%50 == 0 {
			w.refill(t)
		}
		s := &shot{method: method, target: target, body: body, header: http.Header{}}
		if !token(method) || len(target) > 10_000 || len(body) > 200_000 {
			return
		}
		for line := range strings.Lines(header) {
			if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found && token(name) {
				s.header.Add(name, printable(strings.TrimSpace(value)))
			}
		}
		if c := append([][2]string{{}, w.likely[0], w.likely[1]}, w.credentials...)[int(credential)%(len(w.credentials)+3)]; c[0] != "" {
			s.header.Add(c[0], c[1])
		}
		if _, err := url.ParseRequestURI(target); err == nil && strings.HasPrefix(target, "/") {
			g.fire(s)
		}
	})
}

// token reports whether net/http takes a text as a method or a header's name (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && len(s) < 100 && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) < 0
}
