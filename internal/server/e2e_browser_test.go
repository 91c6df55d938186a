package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
)

// cookies are what an answer sets, for the header Cookie of the next request.
func cookies(r reply) string {
	var out []string
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		out = append(out, c.Name+"="+c.Value)
	}
	return strings.Join(out, "; ")
}

// SE-09: whoever signs in in a browser that somebody else has used gets nothing of the other: not the proof of a step-up, and not the
// session behind a cookie that was left.
func TestSharedBrowser_SE09(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "ann@example.com")
		person(t, h.i, "bob@example.com")
		enter := func(email string) string {
			return cookies(h.ask("POST", "/api/v1/auth/login", url.Values{"username": {email}, "password": {phrase}}, "Origin", h.i.URL).want(http.StatusOK))
		}
		ann, bob := enter("ann@example.com"), enter("bob@example.com")
		h.i.Clock.Advance(4 * time.Minute)
		stepped := cookies(h.ask("POST", "/api/v1/auth/step-up/verify", object{"current_password": phrase}, "Cookie", ann, "Origin", h.i.URL).want(http.StatusOK))
		h.i.Clock.Advance(2 * time.Minute)
		var left []string // what Ann left but her session
		for c := range strings.SplitSeq(stepped, "; ") {
			if strings.HasPrefix(c, "phala_step_up=") {
				left = append(left, c)
			}
		}
		if len(left) != 1 {
			t.Fatalf("the step-up sets %s", stepped)
		}
		h.ask("DELETE", "/api/v1/auth/sessions", nil, "Cookie", bob+"; "+left[0], "Origin", h.i.URL).want(http.StatusPreconditionRequired)
		h.ask("DELETE", "/api/v1/auth/sessions", nil, "Cookie", stepped, "Origin", h.i.URL).want(http.StatusOK)

		first := h.do(doorOf("accountmaker").signIn("ann@example.com", phrase), "").want(http.StatusOK)
		kept := "refresh_token=" + first.text("tokens.refresh_token")
		in := h.ask("POST", "/auth/sign-in", object{"email": "bob@example.com", "password": phrase}, "Cookie", kept, "Origin", h.i.URL).want(http.StatusOK)
		renewed := h.ask("POST", "/auth/refresh", nil, "Cookie", cookies(in), "Origin", h.i.URL).want(http.StatusOK)
		h.welcome(doorOf("accountmaker"), renewed.text("access_token"), "bob@example.com")
	})
}

// SE-10: no page of another site signs a browser in, with its own password or with a link of its own mail.
func TestNobodyIsSignedInFromElsewhere_SE10(t *testing.T) {
	atHouse(t, func(t *testing.T, h *house) {
		person(t, h.i, "eve@example.com")
		ok[client.MailedSignIn](t)(h.i.Client.SendMagicLink(t.Context(), "eve@example.com"))
		link := "/auth/sign-in-with-token?token=" + url.QueryEscape(mailed(t, h.i, "eve@example.com"))
		login := url.Values{"username": {"eve@example.com"}, "password": {phrase}}
		for _, from := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
			for what, r := range map[string]reply{
				"the form":         h.ask("POST", "/api/v1/auth/login", login, from...),
				"the sign-in":      h.ask("POST", "/auth/sign-in", object{"email": "eve@example.com", "password": phrase}, from...),
				"the link":         h.ask("POST", link, url.Values{"confirm": {"1"}}, from...),
				"the link by JSON": h.ask("POST", link, object{}, from...),
			} {
				if r.Status != http.StatusForbidden || r.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s from %v: %d %v %s", what, from, r.Status, r.Header, r.Body)
				}
			}
		}
		r := h.ask("POST", link, url.Values{"confirm": {"1"}}, "Origin", h.i.URL).want(http.StatusOK)
		h.welcome(doorOf("accountmaker"), r.text("tokens.access_token"), "eve@example.com")
	})
}
