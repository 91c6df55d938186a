package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

const (
	serviceSecret = "the-secret-of-the-app-at-the-service"
	rightAnswer   = "a-response-that-a-widget-made"
)

// siteverify is a challenge service outside the house, as all three of them answer: a response counts once, with the
// right secret.
type siteverify struct {
	*httptest.Server
	mu    sync.Mutex
	spent map[string]bool
	calls []url.Values
	// say replaces the answer; nil: the real one.
	say func(w http.ResponseWriter)
	// told is what a success tells beside.
	told map[string]any
}

func newSiteverify(t *testing.T) *siteverify {
	s := &siteverify{spent: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *siteverify) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.PostForm)
	if s.say != nil {
		s.say(w)
		return
	}
	response := r.PostForm.Get("response")
	fail := func(code string) {
		_ = json.NewEncoder(w).Encode(map[string]any{"success": false, "error-codes": []string{code}})
	}
	switch {
	case r.PostForm.Get("secret") != serviceSecret:
		fail("invalid-input-secret")
	case !strings.HasPrefix(response, rightAnswer):
		fail("invalid-input-response")
	case s.spent[response]:
		fail("timeout-or-duplicate")
	default:
		s.spent[response] = true
		out := map[string]any{"success": true, "challenge_ts": "2026-01-01T00:00:00Z"}
		for name, value := range s.told {
			out[name] = value
		}
		_ = json.NewEncoder(w).Encode(out)
	}
}

func (s *siteverify) set(say func(w http.ResponseWriter), told map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say, s.told = say, told
}

func (s *siteverify) seen() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// challenged starts a server whose apps may use the service.
func challenged(s *siteverify) servertest.Option {
	return servertest.Configure(func(c *config.Config) {
		c.Challenge = config.Challenge{Timeout: 10 * time.Second, TurnstileURL: s.URL, HCaptchaURL: s.URL, ReCAPTCHAURL: s.URL}
		c.Outbound.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	})
}

func setChallenge(t *testing.T, i *servertest.Instance, change map[string]any) client.App {
	t.Helper()
	return ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"challenge": change}))
}

// answering is a client that answers with a response.
func answering(i *servertest.Instance, response string) *client.Client {
	c := *i.Client
	c.ChallengeResponse = response
	return &c
}

func wantRefusal(t *testing.T, err error, code string) {
	t.Helper()
	if !client.IsCode(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// strangers are the operations that strangers can spend something of the house with.
var strangers = map[string]func(ctx context.Context, c *client.Client) error{
	"register": func(ctx context.Context, c *client.Client) error {
		return c.Register(ctx, client.Registration{Email: "new@example.com", Password: phrase})
	},
	"sign-in": func(ctx context.Context, c *client.Client) error {
		_, err := c.SignIn(ctx, client.SignIn{Identifier: "ann@example.com", Password: phrase})
		return err
	},
	"request-password-reset": func(ctx context.Context, c *client.Client) error {
		return c.RequestPasswordReset(ctx, "ann@example.com")
	},
	"request-email-verification": func(ctx context.Context, c *client.Client) error {
		return c.RequestEmailVerification(ctx, "ann@example.com")
	},
}

func TestChallengeOfAService(t *testing.T) {
	for _, kind := range []string{"turnstile", "hcaptcha", "recaptcha"} {
		t.Run(kind, func(t *testing.T) {
			service := newSiteverify(t)
			servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
				ctx := t.Context()
				ok[client.User](t)(i.Operator.CreateUser(ctx, client.NewUser{Email: "ann@example.com", Password: phrase, EmailVerified: true}))
				app := setChallenge(t, i, map[string]any{"kind": kind, "secret": serviceSecret, "site_keys": []string{"public-key"}})
				if !app.Challenge.SecretSet || app.Challenge.Kind != kind {
					t.Errorf("the setting: %+v", app.Challenge)
				}
				before := len(service.seen())
				for name, ask := range strangers {
					wantRefusal(t, ask(ctx, i.Client), "challenge-failed")
					wantRefusal(t, ask(ctx, answering(i, "nonsense")), "challenge-failed")
					response := fmt.Sprintf("%s-%s-%s", rightAnswer, name, i.URL)
					if err := ask(ctx, answering(i, response)); err != nil {
						t.Errorf("%s with a right response: %v", name, err)
					}
					wantRefusal(t, ask(ctx, answering(i, response)), "challenge-failed") // single use
				}
				calls := service.seen()[before:]
				if len(calls) != 3*len(strangers) {
					t.Errorf("%d calls of the service", len(calls))
				}
				for _, form := range calls {
					if form.Has("remoteip") || (kind == "hcaptcha") != (form.Get("sitekey") == "public-key") {
						t.Errorf("the service was told %v", form)
					}
				}
				if log := i.Log.String(); strings.Contains(log, rightAnswer) || strings.Contains(log, serviceSecret) {
					t.Error("a secret is in the log")
				}
				methods := newWire(t, i).ask(http.MethodGet, "/api/ostiary/v1/sign-in-methods", nil)
				if !strings.Contains(string(methods.Body), `"site_key":"public-key"`) || strings.Contains(string(methods.Body), serviceSecret) {
					t.Errorf("%d %s", methods.Status, methods.Body)
				}

				// Who is signed in may have the own address verified; a session does not help to sign others in or up.
				in := ok[client.SignInResult](t)(answering(i, rightAnswer+"-in-"+i.URL).SignIn(ctx, client.SignIn{Identifier: "ann@example.com", Password: phrase}))
				me := i.Client.WithToken(in.Tokens.AccessToken)
				none(t, me.RequestEmailVerification(ctx, ""))

				setChallenge(t, i, map[string]any{"kind": "none"})
				if _, err := i.Client.SignIn(ctx, client.SignIn{Identifier: "ann@example.com", Password: phrase}); err != nil {
					t.Errorf("without a challenge: %v", err)
				}
			}, challenged(service))
		})
	}
}

// A service that cannot be asked lets nobody in, and everybody who looks after the server can see it.
func TestChallengeFailsClosed(t *testing.T) {
	service := newSiteverify(t)
	say := func(status int, body string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	ill := map[string]func(w http.ResponseWriter){
		"not JSON":               say(200, "<html>busy</html>"),
		"an empty answer":        say(200, ""),
		"no verdict":             say(200, `{}`),
		"a verdict of text":      say(200, `{"success":"true"}`),
		"an array":               say(200, `[{"success":true}]`),
		"an error status":        say(502, `{"success":false}`),
		"a success that is none": say(500, `{"success":true}`),
		"a redirect":             func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) },
		"our secret unknown":     say(200, `{"success":false,"error-codes":["invalid-input-secret"]}`),
		"a code of its own":      say(200, `{"success":false,"error-codes":["invalid-input-response","internal-error"]}`),
		"a flood":                func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 2<<20)) },
		"a connection that ends": func(w http.ResponseWriter) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = c.Close()
			}
		},
	}
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		setChallenge(t, i, map[string]any{"kind": "turnstile", "secret": serviceSecret})
		state := func() string { return string(newWire(t, i).ask(http.MethodGet, "/readyz", nil).Body) }
		for name, answer := range ill {
			service.set(answer, nil)
			r := newWire(t, i).ask(http.MethodPost, "/api/ostiary/v1/sessions", map[string]any{"identifier": "ann@example.com", "password": phrase},
				"X-Challenge-Response", rightAnswer+name)
			if r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.Body), "challenge-unavailable") {
				t.Errorf("%s: %d %v %s", name, r.Status, r.Header, r.Body)
			}
		}
		if got := state(); !strings.Contains(got, `"challenges":"unavailable"`) || !strings.Contains(got, `"status":"ready"`) {
			t.Errorf("the state: %s", got)
		}
		if log := i.Log.String(); strings.Count(log, "the challenge service does not answer") != 1 {
			t.Errorf("the log:\n%s", log)
		}
		service.set(nil, nil)
		if err := strangers["request-password-reset"](t.Context(), answering(i, rightAnswer+i.URL)); err != nil {
			t.Error(err)
		}
		if got := state(); strings.Contains(got, "challenges") || !strings.Contains(i.Log.String(), "the challenge service answers again") {
			t.Errorf("the state afterwards: %s", got)
		}
	}, challenged(service))
}

// A service that never answers holds a request up for the time of the setting and no longer.
func TestChallengeTimesOut(t *testing.T) {
	service := newSiteverify(t)
	forever := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-forever }))
	t.Cleanup(hang.Close)
	t.Cleanup(func() { close(forever) }) // before the server waits for its handlers
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		setChallenge(t, i, map[string]any{"kind": "recaptcha", "secret": serviceSecret})
		for _, ask := range strangers {
			wantRefusal(t, ask(t.Context(), answering(i, rightAnswer)), "challenge-unavailable")
		}
	}, challenged(service), servertest.Configure(func(c *config.Config) {
		c.Challenge.Timeout, c.Challenge.ReCAPTCHAURL = 20*time.Millisecond, hang.URL
	}))
}

// What the app asks for beside, and what the service tells, must agree; what is not told does not.
func TestChallengeOfTheRightPage(t *testing.T) {
	service := newSiteverify(t)
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		for n, c := range []struct {
			kind   string
			change map[string]any
			told   map[string]any
			passes bool
		}{
			{"turnstile", map[string]any{"hostnames": []string{"App.example.com"}}, map[string]any{"hostname": "app.example.com"}, true},
			{"turnstile", map[string]any{"hostnames": []string{"app.example.com"}}, map[string]any{"hostname": "evil.example"}, false},
			{"hcaptcha", map[string]any{"hostnames": []string{"app.example.com"}}, map[string]any{"hostname": "app.example.com.evil.example"}, false},
			{"recaptcha", map[string]any{"hostnames": []string{"app.example.com"}}, nil, false},
			{"turnstile", map[string]any{"check_action": true}, map[string]any{"action": "request-password-reset"}, true},
			{"turnstile", map[string]any{"check_action": true}, map[string]any{"action": "register"}, false},
			{"turnstile", map[string]any{"check_action": true}, nil, false},
			{"recaptcha", map[string]any{"check_action": true}, map[string]any{"action": "request_password_reset"}, true},
			{"recaptcha", nil, map[string]any{"score": 0.4}, false}, // v3 says success to robots, too
			{"recaptcha", nil, map[string]any{"score": 0.5}, true},
			{"recaptcha", map[string]any{"min_score": 0.8}, map[string]any{"score": 0.7}, false},
			{"recaptcha", map[string]any{"min_score": 0.8}, map[string]any{"score": 0.9}, true},
			{"recaptcha", map[string]any{"min_score": 0.8}, nil, false},
			{"recaptcha", map[string]any{"min_score": 0.3}, map[string]any{"score": 0.4}, true},
			{"hcaptcha", nil, map[string]any{"score": 0.1}, true}, // counts the risk, not the person
		} {
			setChallenge(t, i, map[string]any{"kind": "none", "hostnames": nil})
			change := map[string]any{"kind": c.kind, "secret": serviceSecret}
			for name, value := range c.change {
				change[name] = value
			}
			setChallenge(t, i, change)
			service.set(nil, c.told)
			err := strangers["request-password-reset"](t.Context(), answering(i, fmt.Sprintf("%s-%d-%s", rightAnswer, n, i.URL)))
			if c.passes != (err == nil) || err != nil && !client.IsCode(err, "challenge-failed") {
				t.Errorf("%d: %s with %v told %v: %v", n, c.kind, c.change, c.told, err)
			}
		}
	}, challenged(service))
}

// An allow-list takes the app's site keys, at the doors of every contract, by the contract's own input or the header.
func TestChallengeAllowList(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		setChallenge(t, i, map[string]any{"kind": "allow-list", "site_keys": []string{"front-1", "front-2"}})
		w := newWire(t, i)
		phala := func(key any) reply {
			return w.ask(http.MethodPost, "/api/v1/auth/forgot-password", map[string]any{"email": "text@example.com", "site_key": key})
		}
		for _, key := range []any{nil, "", "front", "front-11", "FRONT-1"} {
			if r := phala(key); r.Status != http.StatusBadRequest || !strings.Contains(string(r.Body), `"detail":`) {
				t.Errorf("site key %v: %d %s", key, r.Status, r.Body)
			}
		}
		if r := phala("front-2"); r.Status != http.StatusOK {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		body := map[string]any{"email": "jane@example.com", "password": phrase}
		if r := w.ask(http.MethodPost, "/v1/auth/login", body); r.Status != http.StatusBadRequest || !strings.Contains(string(r.Body), "validation_error") {
			t.Errorf("cloudheed: %d %s", r.Status, r.Body)
		}
		if r := w.ask(http.MethodPost, "/v1/auth/login", body, "X-Challenge-Response", "front-1"); r.Status != http.StatusUnauthorized {
			t.Errorf("cloudheed with the header: %d %s", r.Status, r.Body)
		}
		form := url.Values{"email": {"jane@example.com"}, "password": {phrase}}
		if r := w.ask(http.MethodPost, "/auth/login", form); r.Status != http.StatusBadRequest || !strings.Contains(string(r.Body), "CHALLENGE_FAILED") {
			t.Errorf("wolfpal: %d %s", r.Status, r.Body)
		}
	})
}

// A key of the app stands for a back end that asks in the name of people; it needs no response only where the app says so.
func TestChallengeOfAppKeys(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		setChallenge(t, i, map[string]any{"kind": "allow-list", "site_keys": []string{"front"}})
		backend := *i.Client
		backend.AppKey = ok[client.NewAppKey](t)(i.Operator.CreateAppKey(ctx, "default", "Back end", "30d")).Secret
		wantRefusal(t, backend.RequestPasswordReset(ctx, "ann@example.com"), "challenge-failed")
		setChallenge(t, i, map[string]any{"exempt_app_keys": true})
		none(t, backend.RequestPasswordReset(ctx, "ann@example.com"))
		wantRefusal(t, i.Client.RequestPasswordReset(ctx, "ann@example.com"), "challenge-failed")
	})
}

// Settings that nobody could pass, or that promise a check that is not made, are refused.
func TestChallengeSettings(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		for _, change := range []map[string]any{
			{"kind": "turnstile"}, {"kind": "allow-list"}, {"kind": "something"}, {"secret": "alone"},
			{"kind": "hcaptcha", "secret": "s", "check_action": true}, {"kind": "hcaptcha", "secret": "s", "min_score": 0.5},
			{"kind": "turnstile", "secret": "s", "hostnames": []string{"https://app.example.com"}},
			{"kind": "recaptcha", "secret": "s", "min_score": 1.5}, {"kind": "allow-list", "site_keys": []string{""}},
		} {
			_, err := i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"challenge": change})
			wantRefusal(t, err, "invalid-request")
		}
		setChallenge(t, i, map[string]any{"kind": "turnstile", "secret": "s"})
		_, err := i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"challenge": map[string]any{"kind": "hcaptcha"}})
		wantRefusal(t, err, "invalid-request") // the secret was of the other service
	})
}
