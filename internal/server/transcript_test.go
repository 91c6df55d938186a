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
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

var update = flag.Bool("update", false, "write the answers of the server into the transcripts")

// TestTranscripts replays recorded conversations with each contract, on both engines. A transcript is a file of
// exchanges: a heading (###), directives (# @...), a request, and the answer that it got. With -update the answers are
// recorded; the review reads what changed.
//
// What nobody can foresee stands as {{name}}: in a request a variable, in an answer a placeholder. Directives before a
// request set variables: `mail NAME ADDRESS` (the token of the newest link), `mail-code NAME ADDRESS`, `totp NAME SECRET`,
// `app-key NAME`, `administrator NAME` (an access token), `advance DURATION`; `capture NAME PATH` takes a value out of
// the answer.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.ToSlash(strings.TrimPrefix(file, filepath.Join("testdata", "transcripts")+string(filepath.Separator))), func(t *testing.T) {
			servertest.Each(t, func(t *testing.T, i *servertest.Instance) { replayTranscript(t, i, file) },
				allContracts(filepath.Base(filepath.Dir(file))))
		})
	}
}

// allContracts mounts every shipped contract, and the one of the transcript if it is not shipped: the answers are those
// of a server on which all share their paths.
func allContracts(name string) servertest.Option {
	return servertest.Configure(func(c *config.Config) {
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

func replayTranscript(t *testing.T, i *servertest.Instance, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	talk := conversation{t: t, i: i, vars: map[string]string{}}
	var out strings.Builder
	for n, text := range strings.Split("\n"+string(data), "\n### ")[1:] {
		e, err := parseExchange(text)
		if err != nil {
			t.Fatalf("%s: exchange %d: %v", file, n+1, err)
		}
		got := talk.ask(e)
		fmt.Fprintf(&out, "### %s\n%s\n", strings.Join(e.head, "\n"), e.request()+"\n"+got)
		if !*update && got != e.answer {
			t.Errorf("%s: %s:\n got %s\nwant %s", file, e.head[0], got, e.answer)
		}
	}
	if text := strings.TrimRight(out.String(), "\n") + "\n"; *update && text != string(data) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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
	req, err := http.NewRequestWithContext(c.t.Context(), e.method, c.i.URL+c.fill(e.target, url.QueryEscape), strings.NewReader(c.fill(e.body, escape)))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range e.header {
		req.Header.Add(h[0], c.fill(h[1], plainText))
	}
	resp, err := c.i.HTTP.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.capture(e, resp, body)
	return c.show(resp, body)
}

// prepare does what directives ask for before the request.
func (c *conversation) prepare(e exchange) {
	c.t.Helper()
	ctx := c.t.Context()
	c.i.Clock.Advance(time.Second)
	for _, d := range e.directives {
		switch d[0] {
		case "capture":
		case "advance":
			span, err := time.ParseDuration(d[1])
			none(c.t, err)
			c.i.Clock.Advance(span)
		case "mail":
			c.vars[d[1]] = mailed(c.t, c.i, d[2])
		case "mail-code":
			c.vars[d[1]] = regexp.MustCompile(`: (\d{6})\n`).FindStringSubmatch(c.i.Inbox(d[2]).Text)[1]
		case "totp":
			c.vars[d[1]] = code(c.t, c.i, c.vars[d[2]])
		case "app-key":
			c.vars[d[1]] = ok[client.NewAppKey](c.t)(c.i.Operator.CreateAppKey(ctx, "default", "door", "")).Secret
		case "administrator":
			c.vars[d[1]] = ok[client.SignedIn](c.t)(c.i.Client.CreateFirstAdministrator(ctx, client.Setup{Token: c.i.SetupToken(),
				Email: "admin@example.com", Password: phrase, Name: "Ada"})).Tokens.AccessToken
			c.i.Clock.Advance(time.Second) // what comes next is later
		default:
			c.t.Fatalf("no directive %q", d[0])
		}
	}
}

// capture takes values out of the answer: of a JSON body by their dotted path, or of a cookie by `cookie.NAME`.
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
		c.vars[d[1]] = reply{t: c.t, what: e.head[0], Body: body}.text(d[2])
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
	{regexp.MustCompile(`\b[A-Z2-7]{32}\b`), "{{TOTP secret}}"},
	{regexp.MustCompile(`[\w-]{40,}`), "{{secret}}"},
	{regexp.MustCompile(`"[0-9a-hjkmnp-tv-z]{10}"`), `"{{backup code}}"`},
	{regexp.MustCompile(`([0-9a-hjkmnp-tv-z]{10} ){9}[0-9a-hjkmnp-tv-z]{10}`), "{{backup codes}}"},
}

// told are the headers that a transcript shows.
var told = []string{"Allow", "Content-Disposition", "Content-Type", "Location", "Retry-After", "Set-Cookie", "Www-Authenticate"}

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
	for _, p := range placeholders {
		text = p.pattern.ReplaceAllString(text, p.instead)
	}
	return text
}
