package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

var update = flag.Bool("update", false, "write the answers of the server into the transcripts")

// TestTranscripts replays recorded conversations with each contract, on both engines. A transcript is a file of
// exchanges: a heading (###), directives (# @...), a request, and the answer that it got. With -update the answers are
// recorded; the review reads what changed.
//
// What nobody can foresee stands as {{name}}: in a request a variable, in an answer a placeholder. Directives before a
// request prepare it; they are described at prepare.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.ToSlash(strings.TrimPrefix(file, filepath.Join("testdata", "transcripts")+string(filepath.Separator))), func(t *testing.T) {
			exchanges := readExchanges(t, file)
			servertest.Each(t, func(t *testing.T, i *servertest.Instance) { replayTranscript(t, i, file, exchanges) },
				allContracts(filepath.Base(filepath.Dir(file))), limitsOf(exchanges))
		})
	}
}

// allContracts mounts every shipped contract, and the one of the transcript if it is not shipped: the answers are those
// of a server on which all share their paths.
func allContracts(name string) servertest.Option {
	return servertest.Configure(func(c *config.Config) {
		c.Outbound.Allow = loopback() // identity providers of transcripts
		shipped := shippedNames()
		if slices.Contains(shipped, name) {
			return // the default
		}
		for _, other := range shipped {
			c.Mounts = append(c.Mounts, config.Mount{Contract: other, App: "default"})
		}
		c.Mounts = append(c.Mounts, config.Mount{Contract: filepath.Join("testdata", name+".yaml"), App: "default"})
	})
}

// exchange is one request with its answer.
type exchange struct {
	head       []string // heading, comments and directives
	method     string
	target     string
	header     [][2]string
	body       string
	answer     string
	directives [][]string
}

func readExchanges(t *testing.T, file string) []exchange {
	t.Helper()
	data, err := os.ReadFile(file)
	none(t, err)
	var out []exchange
	for n, text := range strings.Split("\n"+string(data), "\n### ")[1:] {
		e, err := parseExchange(text)
		if err != nil {
			t.Fatalf("%s: exchange %d: %v", file, n+1, err)
		}
		out = append(out, e)
	}
	return out
}

func replayTranscript(t *testing.T, i *servertest.Instance, file string, exchanges []exchange) {
	talk := conversation{t: t, i: i, vars: map[string]string{}}
	var out strings.Builder
	for _, e := range exchanges {
		got := talk.ask(e)
		fmt.Fprintf(&out, "### %s\n%s\n", strings.Join(e.head, "\n"), e.request()+"\n"+got)
		if !*update && got != e.answer {
			t.Errorf("%s: %s:\n got %s\nwant %s", file, e.head[0], got, e.answer)
		}
	}
	if *update {
		none(t, os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o600))
	}
}

func parseExchange(text string) (exchange, error) {
	var e exchange
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for n := 0; n < len(lines); n++ {
		if n > 0 && !strings.HasPrefix(lines[n], "#") {
			return e, e.parseRequest(lines[n:])
		}
		e.head = append(e.head, lines[n])
		if words, found := strings.CutPrefix(lines[n], "# @"); found {
			e.directives = append(e.directives, strings.Fields(words))
		}
	}
	return e, fmt.Errorf("%q has no request", e.head)
}

func (e *exchange) parseRequest(lines []string) error {
	var found bool
	if e.method, e.target, found = strings.Cut(lines[0], " "); !found {
		return fmt.Errorf("%q is no request line", lines[0])
	}
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "HTTP/1.1 ") })
	if at < 0 {
		at = len(lines)
	} else {
		e.answer = strings.Join(lines[at:], "\n") + "\n"
	}
	for n, line := range lines[1:at] {
		if line == "" {
			e.body = strings.TrimRight(strings.Join(lines[n+2:at], "\n"), "\n")
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		e.header = append(e.header, [2]string{name, value})
	}
	return nil
}

func (e *exchange) request() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", e.method, e.target)
	for _, h := range e.header {
		fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
	}
	if e.body != "" {
		fmt.Fprintf(&b, "\n%s\n", e.body)
	}
	return b.String()
}

// conversation is a client with its variables.
type conversation struct {
	t    *testing.T
	i    *servertest.Instance
	vars map[string]string
	club *upstream // an identity provider; nil: none
}

var variable = regexp.MustCompile(`\{\{([a-z0-9_-]+)\}\}`)

// fill puts the variables into a text; in a form or a target they are escaped.
func (c *conversation) fill(text string, escape func(string) string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		value, ok := c.vars[m[2:len(m)-2]]
		if !ok {
			c.t.Fatalf("no variable %s", m)
		}
		return escape(value)
	})
}

func plainText(s string) string { return s }

func (c *conversation) ask(e exchange) string {
	c.t.Helper()
	c.prepare(e)
	escape := plainText
	for _, h := range e.header {
		if strings.Contains(h[1], "urlencoded") {
			escape = url.QueryEscape
		}
	}
	e.target, e.body = c.fill(e.target, url.QueryEscape), c.fill(e.body, escape)
	resp, body := c.send(e)
	return c.show(resp, body)
}

// send sends a request whose target and body are filled, and captures what the exchange asks for.
func (c *conversation) send(e exchange) (*http.Response, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), e.method, c.i.URL+e.target, strings.NewReader(e.body))
	none(c.t, err)
	for _, h := range e.header {
		req.Header.Add(h[0], c.fill(h[1], plainText))
	}
	resp, err := c.i.HTTP.Do(req)
	none(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	none(c.t, err)
	c.capture(e, resp, body)
	return resp, body
}

// capture takes values out of the answer, by `capture NAME PATH`: of a JSON body by their dotted path, or of a cookie by
// `cookie.NAME`. A step may be the index of a list.
func (c *conversation) capture(e exchange, resp *http.Response, body []byte) {
	c.t.Helper()
	for _, d := range e.directives {
		if d[0] != "capture" {
			continue
		}
		if name, found := strings.CutPrefix(d[2], "cookie."); found {
			for _, cookie := range resp.Cookies() {
				if cookie.Name == name {
					c.vars[d[1]] = cookie.Value
				}
			}
			continue
		}
		if name, found := strings.CutPrefix(d[2], "location"); found {
			location, err := resp.Location()
			none(c.t, err)
			if c.vars[d[1]] = location.String(); name != "" {
				c.vars[d[1]] = location.Query().Get(name[1:])
			}
			continue
		}
		var value any
		none(c.t, json.Unmarshal(body, &value))
		value = atPath(value, d[2])
		text, is := value.(string)
		if !is {
			c.t.Fatalf("%s: no text at %s in %s", e.head[0], d[2], body)
		}
		c.vars[d[1]] = text
	}
}

// placeholders stand for what is another at each run, the longest first.
var placeholders = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "{{access token}}"},
	{regexp.MustCompile(`\bort1(\.[\w-]+){4,}`), "{{refresh token}}"},
	{regexp.MustCompile(`data:image/png;base64,[\w+/=]+`), "{{QR code}}"},
	{regexp.MustCompile(`\b(phak|ch_live)_[0-9A-Za-z]{20,}`), "{{API key}}"},
	{regexp.MustCompile(`\b(phak|ch_live)_[0-9A-Za-z]{3}\b`), "{{prefix of a key}}"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "{{id}}"},
	{regexp.MustCompile(`"req-[\w-]+"`), `"req-{{id of the request}}"`},
	{regexp.MustCompile(`\b[A-Z2-7]{32}\b`), "{{TOTP secret}}"},
	{regexp.MustCompile(`[\w-]{40,}`), "{{secret}}"},
	{regexp.MustCompile(`"[0-9a-hjkmnp-tv-z]{10}"`), `"{{backup code}}"`},
	{regexp.MustCompile(`([0-9a-hjkmnp-tv-z]{10} ){9}[0-9a-hjkmnp-tv-z]{10}`), "{{backup codes}}"},
}

// told are the headers that a transcript shows.
var told = []string{"Allow", "Content-Disposition", "Content-Type", "Location", "Retry-After", "Set-Cookie", "Www-Authenticate", "X-Csrf-Token",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}

func (c *conversation) show(resp *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\n", resp.StatusCode, http.StatusText(resp.StatusCode))
	for _, name := range told {
		for _, value := range resp.Header.Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		var pretty bytes.Buffer
		if json.Indent(&pretty, body, "", "  ") == nil {
			body = pretty.Bytes()
		}
		fmt.Fprintf(&b, "\n%s\n", bytes.TrimRight(body, "\n"))
	}
	text := strings.ReplaceAll(b.String(), c.i.URL, "{{url}}")
	text = strings.ReplaceAll(text, url.QueryEscape(c.i.URL), "{{url}}")
	if c.club != nil {
		text = strings.ReplaceAll(text, c.club.URL, "{{provider}}")
	}
	for _, p := range placeholders {
		text = p.pattern.ReplaceAllString(text, p.instead)
	}
	return text
}
