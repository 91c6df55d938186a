package servertest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// send makes one request as it stands and answers its body; what it answers does not matter to the caller.
func send(t *testing.T, i *servertest.Instance, method, path, kind, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, i.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w, err := i.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// No secret that comes in or goes out stands in a log line, a metric or the database (LG-02). The log is at its most
// talkative.
func TestNoSecretIsLeftBehind_LG02(t *testing.T) {
	i := servertest.Start(t)
	var secrets []string
	keep := func(s string) string {
		if len(s) < 6 {
			t.Fatalf("no secret: %q", s)
		}
		secrets = append(secrets, s)
		return s
	}
	// What people type, right and wrong, at every way in.
	canary := func(n int) string { return keep(fmt.Sprintf("canary-%d-quiet-amber-rain", n)) }
	password := canary(1)
	in, err := i.Client.CreateFirstAdministrator(t.Context(), client.Setup{Token: keep(i.SetupToken()), Email: "ada@example.test", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	keep(in.Tokens.AccessToken)
	keep(in.Tokens.RefreshToken)
	ada := i.Client.WithToken(in.Tokens.AccessToken)
	wrong := []error{
		i.Client.Register(t.Context(), client.Registration{Email: "bob@example.test", Password: canary(2)}),
		i.Client.RequestPasswordReset(t.Context(), "ada@example.test"),
	}
	for _, err := range wrong {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range append(i.Mails("ada@example.test"), i.Mails("bob@example.test")...) {
		for _, link := range m.Links {
			if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" {
				keep(u.Query().Get("token"))
				send(t, i, "GET", u.RequestURI(), "", "")
			}
		}
	}
	_, _ = i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ada@example.test", Password: canary(3), Code: keep("918273")})
	_, _ = i.Client.RefreshSession(t.Context(), canary(4))
	refreshed, err := i.Client.RefreshSession(t.Context(), in.Tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	keep(refreshed.Tokens.AccessToken)
	keep(refreshed.Tokens.RefreshToken)
	key, err := ada.CreateAPIKey(t.Context(), client.KeyRequest{Name: "k", Scopes: []string{"account:read"}})
	if err != nil {
		t.Fatal(err)
	}
	keep(key.Secret)
	totp, err := ada.BeginTOTP(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	keep(totp.Secret)
	appKey, err := i.Operator.CreateAppKey(t.Context(), "default", "web", "")
	if err != nil {
		t.Fatal(err)
	}
	keep(appKey.Secret)

	// And where nobody expects one.
	for n, path := range []string{"/verify?token=", "/reset?token=", "/setup?token=", "/nothing/", "/api/ostiary/v1/me?access_token="} {
		send(t, i, "GET", path+canary(10+n), "", "")
	}
	form := "application/x-www-form-urlencoded"
	send(t, i, "POST", "/verify", form, "token="+canary(20))
	send(t, i, "POST", "/reset", form, "token="+canary(21)+"&password="+canary(22))
	send(t, i, "POST", "/setup", form, "email=a@b.test&token="+canary(23)+"&password="+canary(24))
	send(t, i, "POST", "/api/ostiary/v1/sessions", "application/json", `{"identifier":"a","password":"`+canary(25)+`"`) // broken JSON
	send(t, i, "POST", "/api/ostiary/v1/sessions", "application/json", `{"identifier":1,"password":["`+canary(26)+`"]}`)
	send(t, i, "GET", "/api/ostiary/v1/me", "", "", "Authorization", "Bearer "+canary(30), "Cookie", "ostiary-default="+canary(31),
		"X-Api-Key", canary(32), "X-App-Key", canary(33), "X-Request-Id", canary(34), "User-Agent", "probe")
	i.Work()

	metrics := scrape(t, i)
	log := i.Log.String()
	if !strings.Contains(log, "sign-in") || !strings.Contains(metrics, "sign-in") {
		t.Fatal("the log or the metrics are empty")
	}
	rows := databaseBytes(t, i)
	for _, s := range secrets {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %s", s)
		}
		if strings.Contains(metrics, s) {
			t.Errorf("the metrics hold %s", s)
		}
		if bytes.Contains(rows, []byte(s)) && s != "918273" { // six digits stand in any file
			t.Errorf("the database holds %s", s)
		}
	}
	for _, word := range []string{"Authorization", "access_token", "?token="} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %q", word)
		}
	}
}

func scrape(t *testing.T, i *servertest.Instance) string {
	t.Helper()
	w := httptest.NewRecorder()
	i.Server.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// databaseBytes is everything that the data directory holds but the master key.
func databaseBytes(t *testing.T, i *servertest.Instance) []byte {
	t.Helper()
	files, err := filepath.Glob(server.DatabasePath(i.Config) + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	var out []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text...)
	}
	return out
}

// The pages of mailed links: a look changes nothing, the button does, and once only (DESIGN rule 7.1).
func TestMailedLinks(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		const password = "amber ladders under quiet rain"
		if err := i.Client.Register(t.Context(), client.Registration{Email: "bob@example.test", Password: password}); err != nil {
			t.Fatal(err)
		}
		link := i.Inbox("bob@example.test").Links[0]
		browser := i.Browser()
		verified := func() bool {
			u, err := i.Operator.GetUser(t.Context(), "bob@example.test")
			if err != nil {
				t.Fatal(err)
			}
			return u.EmailVerified
		}
		for range 2 {
			if page := fetch(t, browser, link); !strings.Contains(page, "Confirm my address") || verified() {
				t.Fatalf("a look verifies: %s", page)
			}
		}
		if page := submit(t, browser, link, nil); !strings.Contains(page, "Your address is confirmed") || !verified() {
			t.Errorf("%s", page)
		}
		if page := submit(t, browser, link, nil); !strings.Contains(page, "does not work any more") {
			t.Errorf("the second time: %s", page)
		}

		i.Clock.Advance(time.Minute) // mails are listed by their time
		if err := i.Client.RequestPasswordReset(t.Context(), "bob@example.test"); err != nil {
			t.Fatal(err)
		}
		link = i.Inbox("bob@example.test").Links[0]
		if page := fetch(t, browser, link); !strings.Contains(page, "Set the password") {
			t.Fatalf("%s", page)
		}
		if page := submit(t, browser, link, url.Values{"password": {"short"}}); !strings.Contains(page, `role="alert"`) {
			t.Errorf("a weak password: %s", page)
		}
		if page := submit(t, browser, link, url.Values{"password": {"slow copper lantern drift"}}); !strings.Contains(page, "Your password is changed") {
			t.Errorf("%s", page)
		}
		if page := fetch(t, browser, link); !strings.Contains(page, "does not work any more") {
			t.Errorf("the second time: %s", page)
		}
		if _, err := i.Client.SignIn(t.Context(), client.SignIn{Identifier: "bob@example.test", Password: "slow copper lantern drift"}); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

// Our pages serve every app: the link says which.
func TestMailedLinksOfAnotherApp_TN01(t *testing.T) {
	i := servertest.Start(t)
	app, err := i.Operator.CreateApp(t.Context(), "Shop")
	if err != nil {
		t.Fatal(err)
	}
	shop := i.Operator.WithApp(app.ID)
	if _, err := shop.CreateUser(t.Context(), client.NewUser{Email: "eve@example.test"}); err != nil {
		t.Fatal(err)
	}
	link := i.Inbox("eve@example.test").Links[0]
	elsewhere := strings.Replace(link, "app="+app.ID, "app=default", 1)
	password := url.Values{"password": {"slow copper lantern drift"}}
	if page := submit(t, i.Browser(), elsewhere, password); !strings.Contains(page, "does not work any more") {
		t.Errorf("at the wrong app: %s", page)
	}
	if page := submit(t, i.Browser(), link, password); !strings.Contains(page, "Your password is changed") {
		t.Errorf("%s", page)
	}
	if u, err := shop.GetUser(t.Context(), "eve@example.test"); err != nil || !u.EmailVerified {
		t.Errorf("%+v %v", u, err)
	}
}

func fetch(t *testing.T, browser *http.Client, link string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return finish(t, browser, r)
}

// submit presses the button of the page behind a link.
func submit(t *testing.T, browser *http.Client, link string, fields url.Values) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {u.Query().Get("token")}, "app": {u.Query().Get("app")}}
	for name, v := range fields {
		form[name] = v
	}
	u.RawQuery = ""
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", u.Scheme+"://"+u.Host)
	return finish(t, browser, r)
}

func finish(t *testing.T, browser *http.Client, r *http.Request) string {
	t.Helper()
	w, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A stranger behind one address is slowed down; another address is not.
func TestRequestLimitSeesTheRealClient_RL03(t *testing.T) {
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) {
		loaded, err := config.Load(config.Source{Flags: map[string]string{"trusted-proxies": "127.0.0.0/8"}})
		if err != nil {
			t.Fatal(err)
		}
		c.TrustedProxies = loaded.TrustedProxies
		c.Limits["requests.network"] = config.Limit{Max: 3}
	}))
	status := func(from string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+"/api/ostiary/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", from)
		w, err := i.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Body.Close()
		return w.StatusCode
	}
	limited := false
	for n := range 20 {
		limited = limited || status(fmt.Sprintf("198.51.100.%d, 203.0.113.9", n)) == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("spoofed addresses escape the limit")
	}
	if got := status("203.0.113.10"); got == http.StatusTooManyRequests {
		t.Error("another client is limited too")
	}
}
