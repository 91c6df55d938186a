package server_test

import (
	"net/http"
	"net/url"
	"testing"

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
