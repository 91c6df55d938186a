package server_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// Accounts elsewhere are shown and unlinked; the last way in stays.
func TestMyIdentities(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true, "name": "Ann Lee"})
		newTraveller(t, i).arrive(authorize)
		ann := resident{wire: newWire(t, i), email: "ann@example.com"}
		ann.http = i.Browser()
		ann.enter()
		const path = "/my/identities"
		id := ann.see(path, "The Club", "ann@example.com").lacks("Link The Club").hidden("id")
		bob := visit(t, i, "bob@example.com")
		bob.see(path, "No account elsewhere is linked.", "Link The Club", `href="/link/club?return_to=%2Fmy%2Fidentities"`)
		bob.send(path, url.Values{"do": {"unlink"}, "id": {id}}).want(http.StatusNotFound)
		ann.send(path, url.Values{"do": {"unlink"}, "id": {id}}).want(http.StatusConflict).says(`role="alert"`, "The Club")
		ann.send("/my/password", url.Values{"password": {phrase}}).want(http.StatusOK).says("Your password is changed.")
		ann.later()
		ann.stepsUp(path, url.Values{"do": {"unlink"}, "id": {id}})
		ann.send(path, url.Values{"do": {"unlink"}, "id": {id}}).want(http.StatusOK).says("The account is unlinked", "No account elsewhere is linked.")
	}, loopbackAllowed())
}

// Whoever belongs to a team sees it and its people; only owners change it, and see addresses.
func TestMyTeams(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann, bob, eve := visit(t, i, "ann@example.com"), visit(t, i, "bob@example.com"), visit(t, i, "eve@example.com")
		const path, one = "/my/accounts", "/my/account"
		ann.see(path, "You belong to no team.")
		ann.send(path, url.Values{"do": {"create"}, "account_name": {""}}).want(http.StatusBadRequest).says(`id="account-name-error"`)
		id := ann.send(path, url.Values{"do": {"create"}, "account_name": {"Rowing <club>"}}).want(http.StatusOK).
			says("The team is made, and you own it.", "Rowing &lt;club&gt;").lacks("Rowing <club>").hidden("id")
		there := one + "?id=" + id
		for _, form := range []url.Values{{"do": {"save"}, "account_name": {"Mine"}}, {"do": {"invite"}, "email": {"eve@example.com"}, "role": {"owner"}}} {
			form.Set("id", id)
			if r := eve.send(one, form); r.Status != http.StatusNotFound && r.Status != http.StatusForbidden {
				t.Errorf("a stranger sends %v: %d", form, r.Status)
			}
		}
		if r := eve.ask(http.MethodGet, there, nil, "Accept", "text/html"); r.Status != http.StatusNotFound {
			t.Errorf("a stranger sees it: %d", r.Status)
		}

		ann.send(one, url.Values{"id": {id}, "do": {"invite"}, "email": {"nonsense"}, "role": {"member"}}).want(http.StatusBadRequest).says(`id="their-email-error"`, `value="nonsense"`)
		ann.send(one, url.Values{"id": {id}, "do": {"invite"}, "email": {"bob@example.com"}, "role": {"member"}}).want(http.StatusOK).says("The invitation is on its way.", "bob@example.com")
		bob.send("/invite", url.Values{"token": {mailed(t, i, "bob@example.com")}}).want(http.StatusOK)
		bobID := ok[client.Me](t)(bob.me.GetMe(t.Context())).User.ID
		bob.see(path, "Rowing &lt;club&gt;", "Member")
		bob.see(there, "A member without a name").lacks("ann@example.com", `value="remove"`, `value="invite"`)
		ann.see(there, "bob@example.com", "Set the role")
		bob.send(one, url.Values{"id": {id}, "do": {"role"}, "user": {bobID}, "role": {"owner"}}).want(http.StatusForbidden)
		ann.send(one, url.Values{"id": {id}, "do": {"role"}, "user": {bobID}, "role": {"viewer"}}).want(http.StatusOK).says("The member has the role.")
		ann.send(one, url.Values{"id": {id}, "do": {"invite"}, "email": {"kim@example.com"}, "role": {"member"}}).want(http.StatusOK)
		invite := ok[client.InvitePage](t)(ann.me.ListInvites(t.Context(), id, client.Paging{})).Invites[0].ID
		ann.send(one, url.Values{"id": {id}, "do": {"revoke"}, "invite": {invite}}).want(http.StatusOK).says("The invitation is taken back.", "No invitation waits.")
		ann.send(one, url.Values{"id": {id}, "do": {"save"}, "account_name": {"Rowing"}}).want(http.StatusOK).says("The team is saved.", "<h1>Rowing</h1>")

		ann.send(path, url.Values{"do": {"switch"}, "id": {id}}).want(http.StatusOK).says("You act for it", "Act for myself only")
		ann.send(path, url.Values{"do": {"switch"}, "id": {""}}).want(http.StatusOK).lacks("You act for it")
		eve.send(path, url.Values{"do": {"switch"}, "id": {id}}).want(http.StatusNotFound)
		ann.send(path, url.Values{"do": {"leave"}, "id": {id}}).want(http.StatusConflict).says(`role="alert"`) // the last owner stays
		bob.send(path, url.Values{"do": {"leave"}, "id": {id}}).want(http.StatusOK).says("You have left the team.", "You belong to no team.")
	})
}

func TestMyWaitlists(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		const path = "/my/waitlists"
		ann.see(path, "You wait for nothing.")
		ok[client.WaitlistEntry](t)(ann.me.JoinWaitlist(t.Context(), "boats"))
		ann.see(path, "boats", "Waiting")
		visit(t, i, "bob@example.com").see(path, "You wait for nothing.")
		ann.send(path, url.Values{"do": {"leave"}, "feature": {"boats"}}).want(http.StatusOK).says("You have left the list.", "You wait for nothing.")
	})
}

// What is typed comes back from a detour, and no secret goes into a URL (WB-09, IO-04).
func TestDetourKeepsNoSecret_IO04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ann := visit(t, i, "ann@example.com")
		ann.later()
		asked := ann.send("/my/api-keys", url.Values{"do": {"create"}, "key_name": {"Build"}, "life": {"30d"}, "secret": {"hush"}, "token": {"hush"}}).want(http.StatusOK)
		if back := asked.hidden("return_to"); strings.Contains(back, "hush") || !strings.Contains(back, "key_name=Build") {
			t.Errorf("leads back to %s", back)
		}
	})
}

// Places are shown where the operator has a file of them, which must be one.
func TestPlacesOfSessions(t *testing.T) {
	places := servertest.Configure(func(c *config.Config) { c.GeoIP = filepath.Join("..", "geo", "testdata", "lisbon.mmdb") })
	ann := visit(t, servertest.Start(t, places), "ann@example.com")
	ann.see("/my/sessions", "Lisbon, Portugal (127.0.0.1)")
	ann.see("/my/activity", "Lisbon, Portugal (127.0.0.1)")
	visit(t, servertest.Start(t), "ann@example.com").see("/my/sessions", "127.0.0.1").lacks("Lisbon")
}

func TestBrokenPlacesStopTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.mmdb")
	none(t, os.WriteFile(path, []byte("no database"), 0o600))
	conf := config.Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", GeoIP: path}
	if _, err := server.New(t.Context(), conf, server.Options{Quiet: true}); err == nil || !strings.Contains(err.Error(), "geoip") {
		t.Errorf("started with it: %v", err)
	}
}
