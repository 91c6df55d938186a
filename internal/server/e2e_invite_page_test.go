package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// A mailed invitation leads to a page with a button; looking at it, however often, spends nothing (ET-09, IN-03).
func TestInvitePage_ET09_IN03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ok[client.Invite](t)(i.Operator.CreateInvite(t.Context(), client.NewInvite{Email: "jane@example.com"}))
		token := mailed(t, i, "jane@example.com")
		w := newWire(t, i)
		w.http = i.Browser()
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
			if r := w.ask(method, "/invite?token="+url.QueryEscape(token), nil, "Accept", "text/html"); r.Status != http.StatusOK ||
				method == http.MethodGet && !strings.Contains(string(r.Body), "Accept the invitation") {
				t.Errorf("%s: %d %s", method, r.Status, r.Body)
			}
		}
		form := url.Values{"token": {token}, "name": {"Jane"}}
		r := w.ask(http.MethodPost, "/invite", form, "Origin", i.URL)
		if r.Status != http.StatusOK || !strings.Contains(string(r.Body), "signed in") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if got := ok[client.User](t)(i.Operator.GetUser(t.Context(), "jane@example.com")); got.Name != "Jane" || !got.EmailVerified {
			t.Errorf("%+v", got)
		}
		if r := w.ask(http.MethodPost, "/invite", form, "Origin", i.URL); r.Status != http.StatusBadRequest {
			t.Errorf("a second time: %d", r.Status)
		}
	})
}
