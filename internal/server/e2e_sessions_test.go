package server_test

import (
	"net/http"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// agentTransport asks as a browser that says what it is.
type agentTransport struct{ agent string }

func (a agentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", a.agent)
	return http.DefaultTransport.RoundTrip(r)
}

// Sessions are told apart by device, and those that ended say why.
func TestSessionsSayDeviceAndReason(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		me, was := person(t, i, "ann@example.com")
		phone := &client.Client{BaseURL: i.URL, HTTP: &http.Client{Transport: agentTransport{
			"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}}}
		in := ok[client.SignInResult](t)(phone.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase}))
		if a := in.Session.Agent; a.Browser != "Firefox" || a.OS != "Linux" || a.Kind != "desktop" || in.Session.Device == "" {
			t.Errorf("%+v, %q", a, in.Session.Device)
		}
		none(t, me.EndSession(t.Context(), in.Session.ID))
		page := ok[client.SessionPage](t)(me.ListSessions(t.Context(), true, client.Paging{}))
		if len(page.Sessions) != 1 || page.Sessions[0].ID != in.Session.ID || page.Sessions[0].EndReason != "ended-by-user" ||
			page.Sessions[0].EndedAt == nil {
			t.Errorf("%+v", page.Sessions)
		}
		page = ok[client.SessionPage](t)(me.ListSessions(t.Context(), false, client.Paging{}))
		if len(page.Sessions) != 1 || page.Sessions[0].ID != was.Session.ID || !page.Sessions[0].Current {
			t.Errorf("%+v", page.Sessions)
		}
	})
}
