package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestRefusedPage_OA02 tells people in their own language what they can do about a request that nobody can answer, and whoever
// made the request, in the words of the protocol, what is wrong with it.
func TestRefusedPage_OA02(t *testing.T) {
	i := servertest.Start(t)
	p := newParty(t, i)
	g := newGuest(t, i)
	for _, c := range []struct {
		request       url.Values
		detail        string
		english, word string // the sentence for people, and the German one
	}{
		{p.request("client_id", "nobody"), "invalid_client: There is no such client.", "This server does not know the app that led you here.",
			"Dieser Server kennt die App nicht, die Sie hierher geführt hat."},
		{p.request("client_id", ""), "invalid_request: client_id is missing.", "The request is not valid.", "Die Anfrage ist ungültig."},
		{p.request("redirect_uri", "https://rp.example/other"), "invalid_request: The redirect_uri is missing or not one that the client registered.",
			"The request is not valid.", "Die Anfrage ist ungültig."},
		{p.request("request_uri", "urn:ietf:params:oauth:request_uri:nothing"), "invalid_request_uri: The request_uri is unknown, used, or too old.",
			"The app prepared this request too long ago, or it was used already.", "Die App hat diese Anfrage vor zu langer Zeit vorbereitet"},
	} {
		detail := `<code lang="en" dir="ltr">` + c.detail + `</code>`
		g.authorize(c.request).want(http.StatusBadRequest).says(c.english, detail, "For the developers of the app").lacks("Client_id")
		c.request.Set("ui_locales", "de")
		g.authorize(c.request).want(http.StatusBadRequest).says(`lang="de"`, c.word, detail)
	}
}

// TestLogoutLanguage speaks the language that the client asked for, when it asks the person and afterwards.
func TestLogoutLanguage(t *testing.T) {
	i := servertest.Start(t)
	p := newParty(t, i, leaving)
	frames := newParty(t, i, leaving, func(c *auth.Client) { c.Settings.OAuth.FrontchannelLogoutURI = "https://rp.example/front" })
	agree := func(g guest, page reply) reply {
		t.Helper()
		return g.ask(http.MethodPost, "/oauth2/logout", url.Values{"confirm": {"yes"}, "client_id": {p.OAuthID()}, "ui_locales": {page.hidden("ui_locales")}},
			"Origin", i.URL, "Sec-Fetch-Site", "same-origin", "Accept-Language", "en")
	}
	ann := signedInGuest(t, i, "ann@example.com")
	at := ann.leaves("client_id", p.OAuthID(), "ui_locales", "tlh de").goesTo("/logout")
	page := ann.goes(at.RequestURI()).want(http.StatusOK).says(`lang="de"`)
	out := agree(ann, page).goesTo("/signed-out")
	ann.goes(out.RequestURI()).want(http.StatusOK).says(`lang="de"`)
	ann.goes(ann.leaves("ui_locales", "fr").goesTo("/signed-out").RequestURI()).says(`lang="fr"`) // nobody is there any more

	bob := signedInGuest(t, i, "bob@example.com")
	bob.enters(frames)
	page = bob.goes(bob.leaves("client_id", p.OAuthID(), "ui_locales", "de").goesTo("/logout").RequestURI())
	agree(bob, page).want(http.StatusOK).says(`lang="de"`, "<iframe")

	cem := signedInGuest(t, i, "cem@example.com")
	at = cem.leaves("client_id", p.OAuthID(), "ui_locales", strings.Repeat("de ", 50)).goesTo("/logout")
	cem.goes(at.RequestURI()).want(http.StatusOK).says(`lang="en"`).lacks("de de")
	if at.Query().Has("ui_locales") {
		t.Errorf("%s carries languages that nobody reads", at)
	}
}

// TestConsentWithoutScopes asks for a resource alone, and promises nothing over an empty list.
func TestConsentWithoutScopes(t *testing.T) {
	i := servertest.Start(t)
	const api = "https://api.example/notes"
	ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), string(auth.DefaultApp), client.NewResource{URI: api, Name: "Notes"}))
	p := newParty(t, i, func(c *auth.Client) {
		c.Settings.OAuth.Resources, c.Settings.OAuth.DefaultScopes, c.Settings.OAuth.Scopes = []string{api}, nil, nil
	})
	ann := signedInGuest(t, i, "ann@example.com")
	at := ann.authorize(p.request("scope", "", "resource", api)).goesTo("/consent")
	ann.looks(at).says("It gets access to", api).lacks("It will be able to")
}

// TestOverPage_OA17 says of a request that is over what may have become of it, and leads on: the browser that brought it to the
// site of the client, all others to the pages of this server.
func TestOverPage_OA17(t *testing.T) {
	i := servertest.Start(t)
	site := func(uri string) func(*auth.Client) {
		return func(c *auth.Client) { c.Settings.OAuth.ClientURI = uri }
	}
	p, bare, odd := newParty(t, i, site("https://rp.example/about")), newParty(t, i), newParty(t, i, site("javascript:alert(1)"))
	ann, bob := signedInGuest(t, i, "ann@example.com"), signedInGuest(t, i, "bob@example.com")
	const back, home = `<a class="button" href="https://rp.example/about" rel="noreferrer">Back to rp.example</a>`, `<a class="button" href="/my">`
	over := func(r reply) reply {
		t.Helper()
		return r.want(http.StatusBadRequest).says("This step is over", "was answered already").lacks("ask for a new one", "javascript", `role="alert"`)
	}
	at := ann.authorize(p.request()).goesTo("/consent")
	ann.decides(at, "approve").code(p)
	over(ann.decides(at, "approve")).says(back) // after the browser's Back
	over(ann.goes(at.RequestURI())).says(back).lacks(home)
	over(ann.goes("/oauth2/continue?flow=" + at.Query().Get("flow"))).says(back)
	over(bob.goes(at.RequestURI())).says(home).lacks("rp.example")
	over(newGuest(t, i).goes("/oauth2/continue?flow=x")).says(home)
	for _, c := range []party{bare, odd} {
		at = ann.authorize(c.request()).goesTo("/consent")
		ann.decides(at, "deny").sentHome(c, "access_denied")
		over(ann.goes(at.RequestURI())).says(home)
	}
	at = ann.authorize(p.request("prompt", "consent")).goesTo("/consent")
	i.Clock.Advance(31 * time.Minute)
	over(ann.goes(at.RequestURI())).says(back) // it took too long
	ann.goes(at.RequestURI() + "&ui_locales=de").want(http.StatusBadRequest).says("Zurück zu rp.example")
	ann.ask(http.MethodPost, "/consent", url.Values{"flow": {at.Query().Get("flow")}, "do": {"approve"}, "return_to": {"/oauth2/continue?ui_locales=de"}},
		"Origin", i.URL, "Accept-Language", "en").want(http.StatusBadRequest).says("Zurück zu rp.example")
}
