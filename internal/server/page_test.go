package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestPages asks what the reference pages of other APIs show, in their words and in their order, on both engines, and
// holds the answers against those that the pages show: the same members of the same types with the same values.
//
// A file holds the page's own lines: a heading (###), directives (# @...), the request as the page writes it (a line of
// curl, or HTTP), the word Response, and the shown answer; without one, it need only succeed. Where we differ, a
// directive says in what and why:
//
//	replace OLD => NEW because REASON   in request and answer
//	status CODE because REASON          instead of 200
//	differs PATH because REASON         the value is another; null or of the same type
//	adds PATH because REASON            a member that the page does not have
//	made PATH                           the server makes the value; of the same type, and with the same prefix
//	header NAME: VALUE                  which the page tells of elsewhere
//	has PATH                            a member that the page tells of in prose
//	type TYPE                           the content type, if it is not JSON
//
// The other directives are those of transcripts. AccountMaker's page shows neither requests nor answers: its file has
// its sentences in their order, each with a request that does what it says.
func TestPages(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			none(t, err)
			servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
				talk := conversation{t: t, i: i, vars: map[string]string{}}
				for _, text := range strings.Split("\n"+string(data), "\n### ")[1:] {
					readExample(t, text).play(&talk)
				}
			}, allContracts(strings.TrimSuffix(filepath.Base(file), ".http")))
		})
	}
}

// example is one request of a page with the answer that it shows.
type example struct {
	exchange
	request      string
	shown        string // empty: nothing
	replacements [][2]string
	status       int
	// The directives about a member, by its dotted path.
	differs, adds, made, has []string
	extra                    [][2]string // headers
	kind                     string      // content type; empty: JSON where there is a body
}

func readExample(t *testing.T, text string) example {
	t.Helper()
	x := example{status: http.StatusOK}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	n := 1
	for ; strings.HasPrefix(lines[n], "#"); n++ {
		if words, found := strings.CutPrefix(lines[n], "# @"); found {
			x.direct(t, words)
		}
	}
	x.head = lines[:1]
	x.request, x.shown, _ = strings.Cut(strings.Join(lines[n:], "\n")+"\n", "\nResponse\n")
	return x
}

func (x *example) direct(t *testing.T, words string) {
	t.Helper()
	name, rest, _ := strings.Cut(words, " ")
	what, reason, _ := strings.Cut(rest, " because ")
	if slices.Contains([]string{"replace", "status", "differs", "adds", "verify"}, name) && reason == "" {
		t.Fatalf("%q gives no reason", words)
	}
	switch name {
	case "replace":
		before, after, found := strings.Cut(what, " => ")
		if !found {
			t.Fatalf("%q names no replacement", words)
		}
		x.replacements = append(x.replacements, [2]string{before, after})
	case "status":
		status, err := strconv.Atoi(what)
		none(t, err)
		x.status = status
	case "differs":
		x.differs = append(x.differs, what)
	case "adds":
		x.adds = append(x.adds, what)
	case "made":
		x.made = append(x.made, what)
	case "has":
		x.has = append(x.has, what)
	case "type":
		x.kind = rest
	case "header":
		name, value, _ := strings.Cut(rest, ": ")
		x.extra = append(x.extra, [2]string{name, value})
	default:
		x.directives = append(x.directives, strings.Fields(words))
	}
}

func (x example) play(talk *conversation) {
	t := talk.t
	t.Helper()
	talk.prepare(x.exchange)
	for _, r := range x.replacements {
		if !strings.Contains(x.request+x.shown, r[0]) {
			t.Errorf("%s: there is no %q to replace", x.head[0], r[0])
		}
		x.request, x.shown = strings.ReplaceAll(x.request, r[0], r[1]), strings.ReplaceAll(x.shown, r[0], r[1])
	}
	e := x.exchange
	parseShown(t, &e, talk.fill(x.request, plainText))
	e.header = append(e.header, x.extra...)
	resp, body := talk.send(e)
	if resp.StatusCode != x.status {
		t.Fatalf("%s: status %d, want %d: %s", x.head[0], resp.StatusCode, x.status, body)
	}
	if got := resp.Header.Get("Content-Type"); got != x.contentType() {
		t.Errorf("%s: the content type is %q", x.head[0], got)
	}
	if x.contentType() != "application/json" {
		return
	}
	var got, want any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v: %s", x.head[0], err, body)
	}
	for _, path := range x.has {
		if atPath(got, path) == nil {
			t.Errorf("%s: no %s in %s", x.head[0], path, body)
		}
	}
	if strings.TrimSpace(x.shown) == "" {
		return
	}
	none(t, json.Unmarshal([]byte(x.shown), &want))
	for _, fault := range x.compare("", got, want) {
		t.Errorf("%s: %s: %s", x.head[0], fault, body)
	}
	for _, path := range slices.Concat(x.differs, x.adds, x.made) {
		if !strings.Contains(path, ".0.") && at(got, path) == nil && at(want, path) == nil {
			t.Errorf("%s: a directive names %s, which is in neither answer", x.head[0], path)
		}
	}
}

// contentType is that of the answer; what has no body has none.
func (x example) contentType() string {
	switch {
	case x.kind != "":
		return x.kind
	case x.status == http.StatusNoContent || x.status/100 == 3:
		return ""
	}
	return "application/json"
}

// compare tells how an answer differs from the shown one.
func (x example) compare(path string, got, want any) []string {
	if slices.Contains(x.made, path) {
		return madeAlike(path, got, want)
	}
	if slices.Contains(x.differs, path) {
		if got != nil && want != nil && reflect.TypeOf(got) != reflect.TypeOf(want) {
			return []string{fmt.Sprintf("%s is a %T, the page has a %T", path, got, want)}
		}
		return nil
	}
	below := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	switch want := want.(type) {
	case map[string]any:
		object, is := got.(map[string]any)
		if !is {
			return []string{path + " is no object"}
		}
		if kind, any := want["ANY_ADDITIONAL_PROPERTY"]; any {
			return members(object, kind)
		}
		var out []string
		for key := range want {
			if _, found := object[key]; !found {
				out = append(out, below(key)+" is missing")
				continue
			}
			out = append(out, x.compare(below(key), object[key], want[key])...)
		}
		for key := range object {
			if _, found := want[key]; !found && !slices.Contains(x.adds, below(key)) {
				out = append(out, below(key)+" is not on the page")
			}
		}
		return out
	case []any:
		list, is := got.([]any)
		if !is || len(list) != len(want) {
			return []string{fmt.Sprintf("%s is %v, the page has %v", path, got, want)}
		}
		var out []string
		for n := range want {
			out = append(out, x.compare(below(strconv.Itoa(n)), list[n], want[n])...)
		}
		return out
	}
	if got != want {
		return []string{fmt.Sprintf("%s is %v, the page has %v", path, got, want)}
	}
	return nil
}

// members compares an object of which the page says only what its members are: "anything", or else text.
func members(object map[string]any, kind any) []string {
	var out []string
	for key, value := range object {
		if _, text := value.(string); kind != "anything" && !text {
			out = append(out, key+" is no text")
		}
	}
	if len(object) == 0 {
		out = append(out, "the object is empty")
	}
	return out
}

// prefix is how made values begin: user-, ch_live_, otpauth://totp/; tokens begin with that of their header.
var prefix = regexp.MustCompile(`^(([a-z]+[-_:/]+)+|eyJ)`)

func madeAlike(path string, got, want any) []string {
	if wanted, list := want.([]any); list {
		items, _ := got.([]any)
		if len(items) == 0 {
			return []string{path + " is empty"}
		}
		var out []string
		for _, item := range items {
			out = append(out, madeAlike(path, item, wanted[0])...)
		}
		return out
	}
	if reflect.TypeOf(got) != reflect.TypeOf(want) {
		return []string{fmt.Sprintf("%s is a %T, the page has a %T", path, got, want)}
	}
	text, _ := got.(string)
	shown, _ := want.(string)
	if begin := prefix.FindString(shown); !strings.HasPrefix(text, begin) {
		return []string{fmt.Sprintf("%s is %q and does not begin with %q", path, text, begin)}
	}
	return nil
}

// parseShown reads a request as pages write it: a line of curl or HTTP.
func parseShown(t *testing.T, e *exchange, text string) {
	t.Helper()
	if strings.HasPrefix(text, "curl ") {
		e.parseCurl(t, text)
		return
	}
	text = strings.TrimRight(text, "\n")
	none(t, e.parseRequest(strings.Split(strings.Replace(text, " HTTP/1.1\n", "\n", 1), "\n")))
	json := strings.HasPrefix(e.body, "{")
	e.header = slices.DeleteFunc(e.header, func(h [2]string) bool {
		json = json && h[0] != "Content-Type"
		return strings.HasPrefix(h[0], "Host:") || h[0] == "Host" || h[0] == "Content-Length" // of the page's own request
	})
	if json {
		e.header = append(e.header, [2]string{"Content-Type", "application/json"}) // said once at the top of the page
	}
}

func (e *exchange) parseCurl(t *testing.T, text string) {
	t.Helper()
	words := shellWords(text)[1:]
	var form []string
	for n := 0; n < len(words); n++ {
		value := ""
		if n+1 < len(words) {
			value = words[n+1]
		}
		switch words[n] {
		case "--location":
			continue
		case "--request", "-X":
			e.method = value
		case "--header", "-H":
			name, content, _ := strings.Cut(value, ": ")
			e.header = append(e.header, [2]string{name, content})
		case "-d":
			e.body = value
		case "--data-urlencode":
			name, content, _ := strings.Cut(value, "=")
			form = append(form, name+"="+url.QueryEscape(content))
		default:
			u, err := url.Parse(words[n])
			if err != nil || u.Host == "" {
				t.Fatalf("curl: what is %q", words[n])
			}
			e.target = u.RequestURI()
			continue
		}
		n++
	}
	if form != nil {
		e.body = strings.Join(form, "&")
	}
	if e.method == "" {
		e.method = http.MethodGet
	}
}

// shellWords splits a command at blanks, with quotes and continued lines as a shell reads them.
func shellWords(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|([^\s'"\\]+)`).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}
