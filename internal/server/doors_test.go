package server

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/mail"
)

// call asks a server's public handler.
func call(s *Server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func serverOf(t *testing.T, c config.Config) *Server {
	t.Helper()
	s, err := New(t.Context(), c, options())
	must(t, err)
	t.Cleanup(func() { must(t, s.Shutdown(context.Background())) })
	return s
}

func TestDevInboxVisibility(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   int
	}{
		"loopback":                     {func(*config.Config) {}, 200},
		"everywhere":                   {func(c *config.Config) { c.Listen = "0.0.0.0:0" }, 404},
		"everywhere, with development": {func(c *config.Config) { c.Listen, c.Dev = "0.0.0.0:0", true }, 200},
		"with a mail server": {func(c *config.Config) {
			c.Dev = true
			c.SMTP = config.SMTP{Host: "127.0.0.1", Port: 25, From: "a@b.test", TLS: "none"}
		}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t)
			c.change(&cfg)
			s := serverOf(t, cfg)
			for _, path := range []string{"/dev/inbox", "/dev/inbox/messages"} {
				if w := call(s, httptest.NewRequest("GET", path, nil)); w.Code != c.want {
					t.Errorf("%s: %d", path, w.Code)
				}
			}
			index := call(s, httptest.NewRequest("GET", "/", nil))
			if got := strings.Contains(index.Body.String(), "/dev/inbox"); got != (c.want == 200) {
				t.Errorf("the start page names the inbox: %v", got)
			}
			if has := s.work.workers.Handlers[mail.JobKind] != nil; has != (c.want == 200 || cfg.SMTP.Host != "") {
				t.Errorf("mails are delivered: %v", has)
			}
		})
	}
}

// post sends a form from a page of the server's own.
func post(s *Server, path string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, f := range change {
		f(r)
	}
	return call(s, r)
}

const passphrase = "amber ladders under quiet rain"

// administrator makes the first one through the page and answers its session cookie.
func administrator(t *testing.T, s *Server) *http.Cookie {
	t.Helper()
	token, err := s.SetupToken(t.Context())
	must(t, err)
	w := post(s, "/setup", url.Values{"token": {token}, "email": {"ada@example.test"}, "password": {passphrase}, "name": {"Ada"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/setup/app" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0]
}

func TestSetupPage(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		s := serverOf(t, c)
		token, err := s.SetupToken(t.Context())
		must(t, err)
		form := url.Values{"token": {token}, "email": {"ada@example.test"}, "password": {passphrase}}
		if w := call(s, httptest.NewRequest("GET", "/setup?token="+token, nil)); w.Code != 200 || !strings.Contains(w.Body.String(), token) {
			t.Errorf("the page: %d", w.Code)
		}
		foreign := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
		if w := post(s, "/setup", form, foreign); w.Code != 403 {
			t.Errorf("from a foreign page (WB-01): %d", w.Code)
		}
		short := url.Values{"token": {token}, "email": {"ada@example.test"}, "password": {"short"}}
		if w := post(s, "/setup", short); w.Code != 400 || !strings.Contains(w.Body.String(), `value="ada@example.test"`) ||
			!strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("a weak password: %d %s", w.Code, w.Body)
		}
		administrator(t, s)
		if again, err := s.SetupToken(t.Context()); err != nil || again != "" {
			t.Errorf("a second link: %q %v", again, err)
		}
		if w := post(s, "/setup", form); w.Code < 400 {
			t.Errorf("a second administrator: %d", w.Code)
		}
	})
}

func TestPagesRefuseBadForms_IO04(t *testing.T) {
	s := serverOf(t, small(t))
	for name, c := range map[string]struct {
		body, kind string
		want       int
	}{
		"a field twice":  {"token=a&token=b", "application/x-www-form-urlencoded", 400},
		"NUL":            {"token=a%00", "application/x-www-form-urlencoded", 400},
		"no UTF-8":       {"token=%ff", "application/x-www-form-urlencoded", 400},
		"broken escapes": {"token=%", "application/x-www-form-urlencoded", 400},
		"JSON":           {`{"token":"a"}`, "application/json", 415},
		"multipart":      {"--x--", "multipart/form-data; boundary=x", 415},
		"nothing said":   {"token=a", "", 415},
		"too large":      {"token=" + strings.Repeat("x", 70<<10), "application/x-www-form-urlencoded", 400},
		"a dead link":    {"token=nothing", "application/x-www-form-urlencoded; charset=utf-8", 400},
		"in the URL too": {"token=a", "application/x-www-form-urlencoded", 400},
	} {
		r := httptest.NewRequest("POST", map[bool]string{true: "/verify?token=b", false: "/verify"}[name == "in the URL too"], strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if w := call(s, r); w.Code != c.want {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestPagesAreStrict_WB04(t *testing.T) {
	s := serverOf(t, small(t))
	token, err := s.SetupToken(t.Context())
	must(t, err)
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/setup?token=" + token, "/verify?token=%22%3E%3Cscript%3E", "/reset?token=x", "/dev/inbox",
		"/done/verified", "/error?code=conflict", "/error?code=%3Cb%3E"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html")
		w := call(s, r)
		policy := w.Header().Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'nonce-([A-Za-z0-9_-]{22})' 'strict-dynamic'; `).FindStringSubmatch(policy)
		if !strings.Contains(policy, "default-src 'none'") || nonce == nil || strings.Contains(policy, "unsafe") || nonces[nonce[1]] {
			t.Fatalf("%s: %s", path, policy)
		}
		nonces[nonce[1]] = true
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, w.Header())
		}
		scripts := regexp.MustCompile(`<script type="module" src="/static/[a-z]+-[0-9a-f]{16}\.js" nonce="` + nonce[1] + `"></script>`)
		if body := scripts.ReplaceAllString(w.Body.String(), ""); strings.Contains(body, "<script") || strings.Contains(body, "<b>") || !strings.Contains(body, "<html") {
			t.Errorf("%s: %s", path, body)
		}
	}
	page := call(s, httptest.NewRequest("GET", "/", nil)).Body.String()
	_, rest, _ := strings.Cut(page, `<link rel="stylesheet" href="`)
	style, _, _ := strings.Cut(rest, `"`)
	sheet := call(s, httptest.NewRequest("GET", style, nil))
	if sheet.Code != 200 || !strings.Contains(sheet.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet %s: %d", style, sheet.Code)
	}
	packed := httptest.NewRequest("GET", style, nil)
	packed.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
	small := call(s, packed)
	plain, err := gzip.NewReader(small.Body)
	must(t, err)
	text, err := io.ReadAll(plain)
	must(t, err)
	if small.Header().Get("Content-Encoding") != "gzip" || string(text) != sheet.Body.String() {
		t.Errorf("the compressed style sheet: %v", small.Header())
	}
	packed.Header.Set("Accept-Encoding", "gzip;q=0, *")
	if w := call(s, packed); w.Header().Get("Content-Encoding") != "" {
		t.Error("a browser that refuses gzip gets it")
	}
	if w := call(s, httptest.NewRequest("HEAD", "/", nil)); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}

// Programs get problems, people get pages.
func TestNotFound(t *testing.T) {
	s := serverOf(t, small(t))
	w := call(s, httptest.NewRequest("GET", "/nothing", nil))
	var problem struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != 404 || problem.Code != "not-found" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("GET", "/nothing", nil)
	r.Header.Set("Accept", "text/html,*/*")
	if w := call(s, r); w.Code != 404 || !strings.Contains(w.Body.String(), "<html") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestJWKS(t *testing.T) {
	s := serverOf(t, small(t))
	w := call(s, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	if body, _ := io.ReadAll(w.Body); w.Code != 200 || !strings.Contains(string(body), `"kty"`) || strings.Contains(string(body), `"d":`) {
		t.Errorf("%d %s", w.Code, body)
	}
}

// The key of ID tokens is published before anybody signs in, so that whoever keeps the JWKS knows it (KM-01).
func TestIDTokenKeyIsMadeAhead_KM01(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		o := options()
		o.Quiet = false
		s, _ := started(t, c, o)
		until(t, func() bool { return strings.Contains(string(s.house.signer.JWKS()), `"RS256"`) })
		read := func() string { return call(s, httptest.NewRequest("GET", "/.well-known/jwks.json", nil)).Body.String() }
		before := read()
		if strings.Count(before, `"RS256"`) != 2 || !strings.Contains(before, `"ES256"`) {
			t.Errorf("%s", before)
		}
		_, err := s.house.signer.Sign(t.Context(), auth.AlgorithmRS256, "JWT", struct{}{})
		must(t, err)
		if read() != before {
			t.Error("the first token has a key of its own")
		}
	})
}

func TestAnnounce(t *testing.T) {
	var out strings.Builder
	c, o := small(t), options()
	o.Out = &out
	s, _ := started(t, c, o)
	must(t, s.Announce(t.Context()))
	base := "http://" + s.Addr().String()
	for _, want := range []string{base + "\n", base + "/setup?token=", base + "/dev/inbox"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
	administrator(t, s)
	out.Reset()
	must(t, s.Announce(t.Context()))
	if strings.Contains(out.String(), "/setup") {
		t.Errorf("the link is printed although there is an administrator: %s", out.String())
	}
}
