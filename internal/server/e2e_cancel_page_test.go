package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// The notice to an old address leads to a page with a button; looking at it, however often, spends nothing.
func TestCancelEmailChangePage_ET13(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", Password: phrase, EmailVerified: true}))
		in := ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}))
		c := i.Client.WithToken(in.Tokens.AccessToken)
		ok[client.EmailPending](t)(c.ChangeEmail(t.Context(), client.EmailChange{Email: "thief@example.com"}))
		token := mailed(t, i, "ann@example.com")
		w := newWire(t, i)
		w.http = i.Browser()
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
			if r := w.ask(method, "/cancel-email-change?token="+url.QueryEscape(token), nil, "Accept", "text/html"); r.Status != http.StatusOK ||
				method == http.MethodGet && !strings.Contains(string(r.Body), "Keep my address") {
				t.Errorf("%s: %d %s", method, r.Status, r.Body)
			}
		}
		form := url.Values{"token": {token}}
		if r := w.ask(http.MethodPost, "/cancel-email-change", form, "Origin", i.URL); r.Status != http.StatusOK || !strings.Contains(string(r.Body), "Your address stays") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if _, err := c.GetMe(t.Context()); err == nil {
			t.Error("the session lives on")
		}
		if _, err := i.Client.CancelEmailChange(t.Context(), token); err == nil {
			t.Error("the link works twice")
		}
	})
}
