package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// doorPages are the pages at the door, as somebody sees them who has nothing.
var doorPages = []string{"/", "/sign-in", "/sign-in/password", "/sign-up", "/sign-up?code=1", "/forgot", "/verify?token=x", "/verify/resend", "/magic?token=x",
	"/invite?token=x", "/cancel-email-change?token=x", "/setup?token=x", "/sign-out", "/signed-out", "/signed-out?why=idle", "/step-up", "/two-factor",
	"/magic/code", "/error?code=conflict", "/error?code=internal", "/setup/app", "/setup/people", "/setup/done", "/link/club", "/done/linked", "/done/passkey",
	"/done/signed-in", "/done/reset", "/oauth2/callback/club?state=x", "/done/registered", "/done/waiting", "/done/forgotten", "/done/proven", "/no-such-page", "/reset?token=x"}

// element is a tag of a page with its attributes.
type element struct {
	name  string
	attrs map[string]string
}

func (e element) is(name string) bool { return e.name == name }

// parsed reads a page as a browser does.
func parsed(t *testing.T, page []byte) (out []element) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			e := element{n.Data, map[string]string{}}
			for _, a := range n.Attr {
				e.attrs[a.Key] = a.Val
			}
			out = append(out, e)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return out
}

// visitorAmid has typed a name and asked for a mail, so that every page has something to show.
func visitorAmid(t *testing.T, i *servertest.Instance) visitor {
	t.Helper()
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", Password: phrase, EmailVerified: true, Role: "admin"}))
	v := signedIn(t, i, "ann@example.com")
	v.send("/sign-in/mail", "identifier", "ann@example.com").leads("/magic/code")
	return v
}

// Every page: nothing is kept, nothing is framed, nothing foreign is loaded, no style or script but ours (WB-04, WB-06,
// WB-07, ET-10).
func TestDoorHeaders_WB04_WB06_WB07_ET10(t *testing.T) {
	i := servertest.Start(t)
	v := visitorAmid(t, i)
	for _, path := range doorPages {
		r := v.open(path)
		if r.Status == http.StatusSeeOther {
			continue
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		policy := r.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "form-action 'self'",
			"style-src 'self'", "require-trusted-types-for 'script'", "'strict-dynamic'"} {
			if !strings.Contains(policy, part) || strings.Contains(policy, "unsafe") || r.Header.Get("Permissions-Policy") == "" {
				t.Errorf("%s: no %s in %s", path, part, policy)
			}
		}
		for _, e := range parsed(t, r.Body) {
			for name, value := range e.attrs {
				if strings.HasPrefix(name, "on") || name == "style" {
					t.Errorf("%s: <%s> has %s", path, e.name, name)
				}
				if (name == "src" || name == "href" || name == "action") && !strings.HasPrefix(value, "/") && value != "data:," {
					t.Errorf("%s: <%s %s=%q> leaves", path, e.name, name, value)
				}
			}
			if e.is("script") && (e.attrs["nonce"] == "" || !strings.Contains(policy, "'nonce-"+e.attrs["nonce"]+"'")) || e.is("style") {
				t.Errorf("%s: %v", path, e)
			}
		}
	}
}

// Every field has a label and tells password managers what it is; every page has one heading and its language (PW-16).
func TestDoorForms_PW16(t *testing.T) {
	i := servertest.Start(t)
	v := visitorAmid(t, i)
	passwords := 0
	for _, path := range doorPages {
		r := v.open(path)
		if r.Status == http.StatusSeeOther {
			continue
		}
		labels, ids, count := map[string]bool{}, map[string]bool{}, map[string]int{}
		page := parsed(t, r.Body)
		for _, e := range page {
			count[e.name]++
			if e.is("label") {
				labels[e.attrs["for"]] = true
			}
			if id := e.attrs["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: two elements are called %s", path, id)
				}
				ids[id] = true
			}
		}
		if count["h1"] != 1 || count["main"] != 1 || count["title"] != 1 {
			t.Errorf("%s: %v", path, count)
		}
		for _, e := range page {
			_, unseen := e.attrs["hidden"]
			switch {
			case e.is("html") && (e.attrs["lang"] == "" || e.attrs["dir"] == ""):
				t.Errorf("%s: no language", path)
			case !e.is("input") || e.attrs["type"] == "hidden" || unseen:
			case !labels[e.attrs["id"]] || e.attrs["autocomplete"] == "":
				t.Errorf("%s: the field %v", path, e.attrs)
			case e.attrs["type"] == "password":
				passwords++
				if token := e.attrs["autocomplete"]; token != "current-password" && token != "new-password" || e.attrs["value"] != "" {
					t.Errorf("%s: the password %v", path, e.attrs)
				}
			}
			for _, id := range strings.Fields(e.attrs["aria-describedby"]) {
				if !ids[id] {
					t.Errorf("%s: nothing is called %s", path, id)
				}
			}
		}
	}
	if passwords < 4 {
		t.Errorf("only %d passwords were seen", passwords)
	}
}

// hostile texts break out of text, attributes, addresses, scripts and styles where something does not escape them.
var hostile = []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus=alert(1) x='`, `</title><svg onload=alert(1)>`,
	`javascript:alert(1)`, `{{.Nonce}}`, `--><b>`, `</form><form action=//evil.example>`, `\u003cscript\u003e`, `&lt;script&gt;`, `"onclick="alert(1)`, "`${alert(1)}`"}

// What a request or an administrator says is text on every page and never markup (WB-08, WB-11).
func TestDoorShowsTextOnly_WB08_WB11(t *testing.T) {
	i := servertest.Start(t)
	v := visitorAmid(t, i)
	fields := []string{"identifier", "password", "current_password", "email", "name", "token", "code", "invite_code", "return_to", "app", "why"}
	posts := []string{"/sign-in", "/sign-in/password", "/sign-in/mail", "/magic/code", "/two-factor", "/sign-up", "/forgot", "/reset", "/verify", "/verify/resend",
		"/magic", "/invite", "/setup", "/step-up", "/cancel-email-change"}
	clean := map[string][]string{}
	shape := func(r reply) (out []string) {
		for _, e := range parsed(t, r.Body) {
			names := []string{}
			for name := range e.attrs {
				names = append(names, name)
			}
			slices.Sort(names)
			out = append(out, e.name+" "+strings.Join(names, " "))
			for _, name := range []string{"href", "src", "action"} {
				if value := e.attrs[name]; strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:") || strings.HasPrefix(value, "//") {
					t.Errorf("%s: %s=%q", r.what, name, value)
				}
			}
		}
		return out
	}
	safe := regexp.MustCompile(`^(a|body|button|code|div|footer|form|h1|h2|head|header|html|input|label|li|link|main|meta|meter|p|path|script|span|strong|svg|title|ul) ?[a-zA-Z0-9 -]*$`)
	for n, text := range append([]string{"plain"}, hostile...) {
		form, query := url.Values{}, url.Values{}
		for _, name := range fields {
			form.Set(name, text)
			query.Set(name, text)
		}
		query.Del("app")
		form.Del("app")
		for _, path := range posts {
			for what, r := range map[string]reply{"GET " + path: v.open(path + "?" + query.Encode()),
				"POST " + path: v.ask("POST", path, form, "Origin", i.URL, "Accept", "text/html")} {
				got := shape(r)
				for _, one := range got {
					if !safe.MatchString(one) || strings.Contains(one, "onerror") || strings.Contains(one, "onload") || strings.Contains(one, "onfocus") || strings.Contains(one, "onclick") {
						t.Errorf("%s with %q has <%s>", what, text, one)
					}
				}
				if n == 0 {
					clean[what] = got
				} else if r.Status == 200 && len(got) > len(clean[what])+6 { // a violation adds a sentence or two, no more
					t.Errorf("%s with %q has %d elements, plainly %d", what, text, len(got), len(clean[what]))
				}
			}
		}
		if r := v.open("/sign-in?app=" + url.QueryEscape(text)); r.Status != 404 {
			t.Errorf("an app called %q: %d", text, r.Status)
		}
		app := ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"name": text}))
		for _, path := range []string{"/sign-in", "/sign-out", "/magic?token=x", "/error"} {
			count := map[string]int{}
			for _, e := range parsed(t, v.open(path).Body) {
				count[e.name]++
			}
			if count["img"] != 0 || count["b"] != 0 || count["script"] > 3 || count["svg"] != 1 || count["form"] > 1 {
				t.Errorf("%s of the app %q: %v", path, app.Name, count)
			}
		}
	}
}

// A place to return to is on this server or nowhere, at every page that goes on (WB-09). The attempts are those that the
// reader of such places is tested with.
func TestDoorReturnsHome_WB09(t *testing.T) {
	data, err := os.ReadFile("../httpx/testdata/open-redirects.json")
	none(t, err)
	var attempts []string
	none(t, json.Unmarshal(data, &attempts))
	i := servertest.Start(t, loopbackAllowed())
	club := startUpstream(t)
	club.connect(i, "club", shopURI, "example.com")
	club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
	somebody(t, i, "ann@example.com")
	v := signedIn(t, i, "ann@example.com")
	for _, to := range attempts {
		if to == "" {
			continue
		}
		for path, home := range map[string]string{"/sign-in": "/sign-in/password", "/step-up": "/done/proven"} {
			r := v.send(path, "identifier", "ann@example.com", "current_password", phrase, "return_to", to)
			if got := r.Header.Get("Location"); r.Status != 400 && got != home {
				t.Errorf("%s with %q leads to %q", path, to, got)
			}
		}
		page := v.open("/sign-in?return_to=" + url.QueryEscape(to))
		if strings.Contains(string(page.Body), "evil") || strings.Contains(string(page.Body), `name="return_to"`) {
			t.Errorf("%q stands on the page", to)
		}
	}
	for _, to := range []string{"//evil.example", `/\evil.example`, "https://evil.example"} {
		v.send("/sign-in/password", "identifier", "ann@example.com", "password", phrase, "return_to", to).leads("/done/signed-in")
		v.open(v.away(club, "/sign-in/provider", "provider", "club", "return_to", to)).leads("/done/signed-in")
	}
}

// What a browser loads to show the sign-in page for the first time is at most 40 kB.
func TestFirstPaint(t *testing.T) {
	i := servertest.Start(t)
	v := newVisitor(t, i)
	page := v.open("/sign-in").want(200)
	total := len(page.Body)
	for _, e := range parsed(t, page.Body) {
		path := e.attrs["src"]
		if e.is("link") && e.attrs["rel"] == "stylesheet" {
			path = e.attrs["href"]
		}
		if path == "" {
			continue
		}
		r := v.ask("GET", path, nil, "Accept-Encoding", "gzip").want(200)
		if r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", path, r.Header)
		}
		if _, err := gzip.NewReader(bytes.NewReader(r.Body)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		total += len(r.Body)
	}
	if total > 40_000 {
		t.Errorf("%d bytes", total)
	}
	t.Logf("%d bytes", total)
}

// An app's colour, terms and help are on its pages, within the same policy.
func TestDoorWearsTheBrand(t *testing.T) {
	i := servertest.Start(t)
	ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"brand": map[string]any{"accent": "#ffcc00",
		"terms_url": "https://www.example.com/terms?a=1&b=2", "privacy_url": "https://www.example.com/privacy", "support_email": "help@example.com"}}))
	v := newVisitor(t, i)
	v.open("/sign-in").want(200).says(`href="/static/accent-ffcc00.css"`, `href="https://www.example.com/terms?a=1&amp;b=2"`, `href="mailto:help@example.com"`)
	v.open("/static/accent-ffcc00.css").want(200).says("--accent: #ffcc00; --on-accent: #000000;")
	v.open("/static/accent-ffcc0.css").want(404)
}
