package upstreamtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Upstream is a provider that runs until the test ends, with one client registered.
type Upstream struct {
	Kind     auth.ProviderKind
	Settings auth.ProviderSettings // what an operator would enter
	Secret   string
	URL      string // of the server; the issuer of an OpenID provider

	say func(people map[string]Person)
	// people are by login name, which is also what tells them apart for good.
	people map[string]Person
}

// Person is somebody with an account at a provider. Empty members are not told to clients.
type Person struct {
	Email         string `json:"email,omitempty"`
	EmailVerified any    `json:"email_verified,omitempty"` // true, "true", false, or left out
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Username      string `json:"preferred_username,omitempty"`
	Locale        string `json:"locale,omitempty"`
}

// SetPerson gives somebody an account, or changes what the provider says about them from now on.
func (u *Upstream) SetPerson(login string, p Person) {
	u.people[login] = p
	u.say(u.people)
}

// Browser is an HTTP client with a cookie jar that follows no redirect by itself.
func Browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]*)"`)
	formInput  = regexp.MustCompile(`<input[^>]*\sname="([^"]*)"[^>]*>`)
	inputValue = regexp.MustCompile(`\svalue="([^"]*)"`)
)

// Walk leads a browser from a provider's authorization URL through its pages: it signs in under the login name and
// agrees to all that is asked. It answers the address with which the provider sends the browser back, the first that
// begins with stop, without visiting it.
func Walk(t testing.TB, browser *http.Client, start, login, stop string) string {
	t.Helper()
	next, form := start, url.Values(nil)
	for range 20 {
		if strings.HasPrefix(next, stop) {
			return next
		}
		w := visit(t, browser, next, form)
		body, err := io.ReadAll(w.Body)
		_ = w.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		here := w.Request.URL
		if location := w.Header.Get("Location"); w.StatusCode >= 300 && w.StatusCode < 400 && location != "" {
			next, form = resolve(t, here, location), nil
			continue
		}
		action := formAction.FindSubmatch(body)
		if w.StatusCode != http.StatusOK || action == nil {
			t.Fatalf("%s answers %d without a form:\n%s", here, w.StatusCode, body)
		}
		next, form = resolve(t, here, string(action[1])), fill(string(body), login)
	}
	t.Fatalf("no way from %s to %s", start, stop)
	return ""
}

func visit(t testing.TB, browser *http.Client, target string, form url.Values) *http.Response {
	t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func resolve(t testing.TB, base *url.URL, target string) string {
	t.Helper()
	u, err := base.Parse(strings.ReplaceAll(target, "&amp;", "&"))
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func fill(page, login string) url.Values {
	form := url.Values{}
	for _, input := range formInput.FindAllStringSubmatch(page, -1) {
		value := ""
		if v := inputValue.FindStringSubmatch(input[0]); v != nil {
			value = strings.ReplaceAll(v[1], "&amp;", "&")
		}
		switch input[1] {
		case "login":
			value = login
		case "password":
			value = "not looked at"
		}
		form.Set(input[1], value)
	}
	return form
}
