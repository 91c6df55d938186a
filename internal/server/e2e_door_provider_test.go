package server_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// away presses the button of a provider and answers what it sends the browser back with.
func (v visitor) away(club *upstream, path string, fields ...string) string {
	v.t.Helper()
	r := v.send(path, fields...).want(200)
	_, to, found := strings.Cut(r.Header.Get("Refresh"), "url=")
	if !found || !strings.HasPrefix(to, club.URL) {
		v.t.Fatalf("%s goes on to %q", r.what, to)
	}
	r.says(`href="` + club.URL)
	at, err := url.Parse(to)
	none(v.t, err)
	return strings.TrimPrefix(at.Query().Get("redirect_uri"), v.i.URL) + "?" + club.answer(to).Encode()
}

// long is a request for a token as long as one may be, which must come through everything that a person does at the door.
var long = "/oauth2/authorize?" + strings.Repeat("a=%26b&", (4<<10)/7)

// onward asserts that a page leads on to another place by itself (WB-05).
func (r reply) onward(to string) reply {
	r.t.Helper()
	if got := r.want(200).Header.Get("Refresh"); got != "0; url="+to {
		r.t.Fatalf("%s goes on to %.80q", r.what, got)
	}
	return r
}

// A provider signs somebody in and up on the pages, with a second factor too, and brings them to where they wanted to be.
func TestProviderPages_FD04_FD09(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		ok[client.AppClient](t)(i.Operator.UpdateClient(t.Context(), "default", "default", map[string]any{"redirect_uris": []string{}}))
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
		v := newVisitor(t, i)
		v.open("/sign-in").want(200).says(`action="/sign-in/provider"`, `name="provider" value="club"`, "The Club")
		back := v.away(club, "/sign-in/provider", "provider", "club", "return_to", long)
		newVisitor(t, i).open(back).want(400) // another browser
		v.ask("HEAD", back, nil).want(405)
		v.open(back).onward(long)
		if v.cookie("ostiary-default") == "" {
			t.Error("nobody is signed in")
		}
		v.open(back).want(400) // once
		first := v.cookie("ostiary-default")
		back = v.away(club, "/sign-in/provider", "provider", "club", "return_to", "//evil.example")
		if v.open(back).leads("/done/signed-in"); v.cookie("ostiary-default") == first {
			t.Error("the cookie is the same")
		}

		h := newHolder(t, i, "bob@example.com")
		h.withTOTP(t, i)
		club.as(object{"id": "8", "email": "bob@example.com", "email_verified": true, "name": "Bob"})
		v = newVisitor(t, i)
		v.open(v.away(club, "/sign-in/provider", "provider", "club", "return_to", "/docs")).leads("/two-factor?return_to=%2Fdocs")
		if v.cookie("ostiary-default") != "" {
			t.Error("half a sign-in is one")
		}
		club.as(nil)
		r := v.open(v.away(club, "/sign-in/provider", "provider", "club", "return_to", "/docs"))
		if r.Status < 400 {
			t.Errorf("denied: %d", r.Status)
		}
		r.says(`href="/sign-in?return_to=%2Fdocs"`)
		v.send("/sign-in/provider", "provider", "nobody").want(404)
		v.open("/oauth2/callback/club?state=x&code=y").want(400)
		v.open("/oauth2/callback/nobody/club?state=x&code=y").want(404)
		v.ask("POST", "/oauth2/callback/club", url.Values{"state": {"x"}}, "Origin", "https://evil.example", "Accept", "text/html").want(400)
	}, loopbackAllowed())
}

// An app that says by which provider its person comes leads them there, by a form alone; a provider that nobody knows is
// as good as none.
func TestConnection_FD04(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI, "example.com")
		p := newParty(t, i)
		g := newGuest(t, i)
		at := g.authorize(p.request("connection", "club")).goesTo("/sign-in")
		page := g.looks(at).says(`action="/sign-in/provider" data-post`, `name="provider" value="club"`, "The Club", `href="/sign-in?return_to=`).
			lacks(`name="identifier"`, "connection=")
		if page.Header.Get("Set-Cookie") != "" {
			t.Error("a look began the way")
		}
		g.looks(g.authorize(p.request("connection", "nobody")).goesTo("/sign-in")).says(`name="identifier"`, `action="/sign-in/provider"`).lacks("data-post")

		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
		v := newVisitor(t, i)
		back := at.Query().Get("return_to")
		v.open(v.away(club, "/sign-in/provider", "provider", "club", "return_to", back)).onward(back)
		v.open("/sign-in?connection=club").want(200).says(`action="/sign-in/provider"`).lacks("data-post") // somebody is here already
	}, loopbackAllowed())
}

// The pages of another app have its own providers, and sign in to it alone (TN-01).
func TestProviderPagesOfAnApp_TN01(t *testing.T) {
	i := servertest.Start(t, loopbackAllowed())
	club := startUpstream(t)
	shop := ok[client.App](t)(i.Operator.CreateApp(t.Context(), "Shop"))
	ok[client.Provider](t)(i.Operator.WithApp(shop.ID).CreateProvider(t.Context(), client.NewProvider{Name: "club", Kind: "oauth2", Title: "The Club",
		ClientID: upstreamClient, ClientSecret: upstreamSecret, AuthorizationURL: club.URL + "/authorize", TokenURL: club.URL + "/token", UserURL: club.URL + "/user",
		Domains: []string{"example.com"}, Claims: map[string]string{"subject": "id", "email": "email", "email_verified": "email_verified"}}))
	club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true})
	v := newVisitor(t, i)
	v.open("/sign-in").want(200).lacks("The Club")
	v.open("/sign-in?app="+shop.ID).want(200).says("The Club", "Shop")
	v.send("/sign-in/provider", "provider", "club").want(404)
	back := v.away(club, "/sign-in/provider", "provider", "club", "app", shop.ID)
	v.open(strings.Replace(back, shop.ID, "default", 1)).want(400)
	v.open(back).leads("/done/signed-in?app=" + shop.ID)
	if v.cookie("ostiary-"+shop.ID) == "" || v.cookie("ostiary-default") != "" {
		t.Error("the session is not the app's")
	}
}

// Who comes with the address of somebody here proves that it is theirs first, by the mail or by the password (FD-02, FD-03).
func TestLinkPage_FD02_FD03(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI)
		club.as(object{"id": "7", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
		somebody(t, i, "ann@example.com")
		v := newVisitor(t, i)
		v.open("/link").leads("/sign-in")
		v.open(v.away(club, "/sign-in/provider", "provider", "club", "return_to", long)).want(303)
		at := "/link?return_to=" + url.QueryEscape(long)
		v.open(at).want(200).says("The Club", "ann@example.com", `autocomplete="one-time-code"`, `autocomplete="current-password"`)
		v.send("/link", "code", "000000").want(401).says(`role="alert"`)
		v.send("/link", "password", "not this one").want(401).says(`role="alert"`)
		v.send("/link", "password", phrase, "return_to", long).onward(long)
		if v.cookie("ostiary-default") == "" {
			t.Error("nobody is signed in")
		}
		v.open("/link").leads("/sign-in")
		other := newVisitor(t, i)
		other.open(other.away(club, "/sign-in/provider", "provider", "club")).leads("/done/signed-in") // it is linked

		club.as(object{"id": "9", "email": "eve@example.com", "email_verified": true, "name": "Eve"})
		v = newVisitor(t, i)
		v.open(v.away(club, "/sign-in/provider", "provider", "club")).leads("/link")
		v.open("/link").want(200).says("eve@example.com")
		for range 5 {
			v.send("/link", "code", "000000")
		}
		v.send("/link", "code", "000000").leads("/sign-in") // five answers, and the flow is over
	}, loopbackAllowed())
}

// Who is signed in adds a provider, after proving again who they are if that is long ago.
func TestAddProviderPage_SE06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		club := startUpstream(t)
		club.connect(i, "club", shopURI)
		club.as(object{"id": "7", "email": "elsewhere@club.example", "name": "Ann"})
		somebody(t, i, "ann@example.com")
		newVisitor(t, i).open("/link/club").leads("/sign-in?return_to=%2Flink%2Fclub")
		v := signedIn(t, i, "ann@example.com")
		v.open("/link/club?return_to=%2Fmy").want(200).says("The Club", "ann@example.com")
		i.Clock.Advance(time.Hour)
		v.send("/link/club", "return_to", "/my").leads("/step-up?return_to=%2Flink%2Fclub%3Freturn_to%3D%252Fmy")
		v.send("/step-up", "current_password", phrase, "return_to", "/link/club?return_to=%2Fmy").leads("/link/club?return_to=%2Fmy")
		v.open(v.away(club, "/link/club", "return_to", "/my")).leads("/my")
		v.open(v.away(club, "/link/club")).leads("/done/linked")
		v.open("/done/linked").want(200).says(`href="/my"`)
		other := newVisitor(t, i)
		other.open(other.away(club, "/sign-in/provider", "provider", "club")).leads("/done/signed-in")
	}, loopbackAllowed())
}

// A long way back survives every step at the door.
func TestLongWayBack_WB05_WB09(t *testing.T) {
	i := servertest.Start(t)
	somebody(t, i, "ann@example.com")
	escaped := url.QueryEscape(long)
	v := newVisitor(t, i)
	v.open("/sign-in?return_to=" + escaped).want(200).says(`name="return_to" value="/oauth2/authorize?a=%26b&amp;`)
	v.send("/sign-in", "identifier", "ann@example.com", "return_to", long).leads("/sign-in/password?return_to=" + escaped)
	v.open("/sign-in/password?return_to=" + escaped).want(200)
	v.send("/sign-in/password", "identifier", "ann@example.com", "password", phrase, "return_to", long).onward(long)
	v.open("/step-up?return_to=" + escaped).want(200)
	v.send("/step-up", "current_password", phrase, "return_to", long).onward(long)
	h := newHolder(t, i, "bob@example.com")
	h.withTOTP(t, i)
	v = newVisitor(t, i)
	v.send("/sign-in/password", "identifier", "bob@example.com", "password", phrase, "return_to", long).leads("/two-factor?return_to=" + escaped)
	v.open("/two-factor?return_to=" + escaped).want(200).says("/oauth2/authorize")
	v.send("/sign-in/mail", "identifier", "bob@example.com", "return_to", long).leads("/magic/code?return_to=" + escaped)
	v.send("/sign-up", "email", "new@example.com", "password", phrase, "return_to", long).leads("/done/registered?return_to=" + escaped)
	v.open("/done/registered?return_to=" + escaped).want(200).says(`href="/sign-in?return_to=%2Foauth2`)
}

// Who follows the link of a mail in the browser that asked for it comes to where they wanted to be; in another one they do not.
func TestMailedLinksResume(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		const wanted = "/oauth2/authorize?client_id=shop&state=%26"
		v := newVisitor(t, i)
		v.send("/sign-up", "email", "new@example.com", "password", phrase, "return_to", wanted).want(303)
		token := linkToken(t, i, "new@example.com", "/verify")
		newVisitor(t, i).open("/verify?token=" + token).want(200)
		v.send("/verify", "token", token).leads("/done/verified?return_to=" + url.QueryEscape(wanted))
		v.send("/sign-in/mail", "identifier", "ann@example.com", "return_to", wanted).want(303)
		v.send("/magic", "token", linkToken(t, i, "ann@example.com", "/magic")).onward(wanted)
		v.send("/forgot", "identifier", "ann@example.com", "return_to", wanted).want(303)
		v.send("/reset", "token", linkToken(t, i, "ann@example.com", "/reset"), "password", phrase+" again").leads("/done/reset?return_to=" + url.QueryEscape(wanted))

		i.Clock.Advance(time.Minute)
		v.send("/sign-in/mail", "identifier", "ann@example.com", "return_to", wanted).want(303)
		newVisitor(t, i).send("/magic", "token", linkToken(t, i, "ann@example.com", "/magic")).leads("/done/signed-in")
	})
}
