package server_test

import (
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

var (
	hostileRequests = flag.Int("hostile.requests", 1500, "how many requests TestHostileRequests makes on each engine")
	hostileSeed     = flag.Uint64("hostile.seed", 1, "what its requests are made from")
)

// round is how many requests one server gets; then what they changed has piled up and a new one is better.
const round = 500

// TestHostileRequests asks every operation of every mounted contract, well and badly: whatever comes, the answer is one
// that the document declares, no refusal changes anything, and no secret shows.
func TestHostileRequests(t *testing.T) {
	all := papers(t)
	tried := newTally()
	engines := func(n int, fn func(*testing.T, *servertest.Instance)) {
		servertest.Each(t, fn, allContracts("accountmaker"), hostileLimits(n%4 == 3))
	}
	for n := range max(*hostileRequests/round, 1) {
		engines(n, func(t *testing.T, i *servertest.Instance) {
			r := rand.New(rand.NewPCG(*hostileSeed, uint64(n)))
			g := &gallery{t: t, w: newWorld(t, i, r), papers: all, tried: tried}
			f := &forge{Rand: r, w: g.w}
			order := g.points(f)
			g.strangers(f, order[:round*2/5])
			for n, p := range order[round*2/5:] {
				if n%30 == 0 {
					g.w.refill(t)
				}
				g.fire(f.request(p, f.chance(10)))
				if f.chance(10) {
					i.Clock.Advance(time.Second)
				}
			}
		})
	}
	if !t.Failed() {
		tried.report(t, all)
	}
}

// gallery fires at one server and judges the answers.
type gallery struct {
	t      testing.TB
	w      *world
	papers []*paper
	tried  *tally
	seen   int // of the log
}

// points is the order of a round: every operation as often as it fits, in an order of chance.
func (g *gallery) points(f *forge) []*point {
	var all, out []*point
	for _, p := range g.papers {
		all = append(all, p.points...)
	}
	for len(out) < round {
		out = append(out, all...)
	}
	f.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:round]
}

// keeping are the codes of answers that keep a row although they refuse: a right password begins a second step, and a
// wrong code of that step is counted.
var keeping = []string{"second-factor-required", "second-factor-invalid"}

// strangers asks without credentials. What is refused to them must have changed no row but those of ledgers.
func (g *gallery) strangers(f *forge, order []*point) {
	g.t.Helper()
	r := openRows(g.t, g.w.i)
	before := r.contents()
	for n, p := range order {
		s := f.request(p, true)
		commits := r.commits()
		status, code := g.fire(s)
		keeps := slices.Contains(keeping, code)
		if r.sqlite && r.commits() == commits || !r.sqlite && n%5 > 0 && status >= 400 && !keeps {
			continue // PostgreSQL is looked at every few refusals: what one of them changed still shows
		}
		after := r.contents()
		if tables := changed(before, after); len(tables) > 0 && status >= 400 && !keeps {
			g.t.Errorf("%s\nrefused with %d and changed %v", s, status, tables)
		}
		before = after
	}
}

// fire sends a request and judges the answer.
func (g *gallery) fire(s *shot) (status int, code string) {
	g.t.Helper()
	u, err := url.ParseRequestURI(s.target)
	if err != nil {
		return 0, "" // net/http answers such a request itself
	}
	r := &http.Request{Method: s.method, URL: u, RequestURI: s.target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: s.header,
		Host: strings.TrimPrefix(g.w.i.URL, "http://"), RemoteAddr: "127.0.0.1:4711", Body: io.NopCloser(strings.NewReader(s.body)), ContentLength: int64(len(s.body))}
	if s.chunked {
		r.ContentLength = -1
	}
	w := httptest.NewRecorder()
	g.w.i.Server.Handler().ServeHTTP(w, r.WithContext(g.t.Context()))
	line := g.line()
	g.judge(s, w, line)
	code, _ = line["code"].(string)
	return w.Code, code
}

// line is the wide event of the last request.
func (g *gallery) line() (event map[string]any) {
	text := g.w.i.Log.String()
	news := text[g.seen:]
	g.seen = len(text)
	for one := range strings.Lines(news) {
		var e map[string]any
		if json.Unmarshal([]byte(one), &e) == nil && e["msg"] == "request" {
			event = e
			event["all"] = news
		}
	}
	if event == nil {
		g.t.Fatalf("no wide event in %q", news)
	}
	return event
}

func (g *gallery) judge(s *shot, w *httptest.ResponseRecorder, event map[string]any) {
	g.t.Helper()
	body := w.Body.Bytes()
	show := body[:min(len(body), 600)]
	if w.Code >= 500 && (w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "") {
		g.t.Errorf("%s\nanswers %d %s\nlog %v %v", s, w.Code, show, event["error"], event["stack"])
	}
	for _, c := range s.canaries {
		if strings.Contains(w.Body.String(), c) || strings.Contains(event["all"].(string), c) {
			g.t.Errorf("%s\nshows %s: %s\nlog %s", s, c, show, event["all"])
		}
	}
	for _, secret := range g.w.secrets {
		if strings.Contains(event["all"].(string), secret) || strings.Contains(w.Body.String(), secret) && !s.holds(secret) {
			g.t.Errorf("%s\nshows the secret %s: %s\nlog %s", s, secret, show, event["all"])
		}
	}
	p := g.answered(s, event)
	g.tried.count(p, w.Code)
	if p == nil {
		return
	}
	if p.consumes() && (s.method == http.MethodGet || s.method == http.MethodHead) && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		return // the page with the button
	}
	if s.method == http.MethodHead {
		if len(body) > 0 {
			g.t.Errorf("%s\nHEAD has a body: %s", s, show)
		}
		return
	}
	if err := p.permits(w.Code, w.Header(), body); err != nil {
		g.t.Errorf("%s\nanswers %d %s %s\nwhich %s does not declare: %v", s, w.Code, w.Header().Get("Content-Type"), show, p, err)
	}
}

// holds reports whether the request itself carried a secret; refreshing twice gives the same successor, and a request may
// name what it asks about.
func (s *shot) holds(secret string) bool {
	if strings.Contains(s.body, secret) || strings.Contains(s.target, secret) {
		return true
	}
	for _, values := range s.header {
		if strings.Contains(strings.Join(values, "\n"), secret) {
			return true
		}
	}
	return false
}

// answered is the operation that answered, by the wide event; nil when none did.
func (g *gallery) answered(s *shot, event map[string]any) *point {
	method := s.method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, p := range g.papers {
		if p.name != event["contract"] {
			continue
		}
		for _, op := range p.points {
			if op.paper.bases[0]+op.path == event["route"] && (op.method == method || s.confirms(op)) {
				return op
			}
		}
	}
	return nil
}

// confirms reports whether a POST was the button of the page before a GET.
func (s *shot) confirms(op *point) bool {
	return op.consumes() && op.method == http.MethodGet && s.method == http.MethodPost && s.body == "confirm=1"
}

// tally counts what was reached.
type tally struct{ answers map[*point]map[int]int }

func newTally() *tally { return &tally{answers: map[*point]map[int]int{}} }

func (c *tally) count(p *point, status int) {
	if c.answers[p] == nil {
		c.answers[p] = map[int]int{}
	}
	c.answers[p][status]++
}

// report fails when the requests no longer get to what they are made for: then the test shows nothing.
func (c *tally) report(t *testing.T, all []*paper) {
	t.Helper()
	points, reached, good, refused := 0, 0, 0, 0
	for _, paper := range all {
		for _, p := range paper.points {
			points++
			statuses := c.answers[p]
			if statuses == nil {
				t.Logf("%s was never reached", p)
				continue
			}
			reached++
			if slices.ContainsFunc([]int{200, 201, 202, 204, 303}, func(s int) bool { return statuses[s] > 0 }) {
				good++
			} else {
				t.Logf("%s never succeeded: %v", p, statuses)
			}
			for s, n := range statuses {
				if s >= 400 {
					refused += n
				}
			}
		}
	}
	t.Logf("%d operations, %d reached, %d succeeded at least once, %d refusals", points, reached, good, refused)
	if good*3 < points || reached*20 < points*19 || refused == 0 {
		t.Errorf("of %d operations only %d were reached and %d succeeded at least once", points, reached, good)
	}
}
