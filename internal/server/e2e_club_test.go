package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestClub asks every operation of a browser application's API: cookies, a CSRF token, nested bodies, plain text.
func TestClub(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		member := object{"member": object{"contact": object{"mail": "kim@example.com", "lang": "de"}, "phrase": phrase, "called": "Kim", "terms": true}}
		joined := w.ask("POST", "/club/join", member).want(202)
		again := w.ask("POST", "/club/join", member).want(202) // EN-01
		if string(joined.Body) != "A mail is on its way to kim@example.com." || string(again.Body) != string(joined.Body) {
			t.Errorf("joined %q and %q", joined.Body, again.Body)
		}
		if foul := w.ask("POST", "/club/join", object{"member": object{"contact": object{}, "phrase": "short", "terms": false}}).want(400); foul.text("foul") != "invalid_request" ||
			!hasKeys(foul, "where", "member.contact.mail", "member.phrase", "member.terms") {
			t.Errorf("foul %s", foul.Body)
		}
		if foul := w.ask("POST", "/club/enter", url.Values{"who": {"kim@example.com"}, "phrase": {phrase}}).want(403); foul.text("foul") != "email_unverified" {
			t.Errorf("foul %s", foul.Body)
		}
		clubConfirm(t, i, w)
		secret := clubSeat(t, i, w)
		clubSecondStep(t, i, w, secret)
		clubLost(t, i, w)
	}, serve(t, "club.yaml"))
}

func hasKeys(r reply, path string, names ...string) bool {
	o, ok := at(r.object(), path).(object)
	for _, name := range names {
		ok = ok && o[name] != nil
	}
	return ok
}

// clubConfirm holds that a link which is followed by a browser, or a scanner, spends nothing (ET-09).
func clubConfirm(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	link := "/club/confirm?token=" + mailed(t, i, "kim@example.com")
	for range 3 {
		page := w.ask("GET", link, nil, "Accept", "text/html,application/xhtml+xml", "Sec-Fetch-Mode", "navigate").want(200)
		if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.Body), "<form") {
			t.Errorf("a browser gets %s: %s", page.Header.Get("Content-Type"), page.Body)
		}
	}
	w.ask("HEAD", link, nil)
	if done := w.ask("GET", link, nil, "Accept", "*/*").want(200); string(done.Body) != "kim@example.com is confirmed." {
		t.Errorf("confirmed %q", done.Body)
	}
	if foul := w.ask("POST", link, nil).want(400); foul.text("foul") != "proof_invalid" {
		t.Errorf("foul %s", foul.Body)
	}
}

func clubSeat(t *testing.T, i *servertest.Instance, w *wire) (secret string) {
	t.Helper()
	w.http = i.Browser()
	seated := w.ask("POST", "/club/enter", url.Values{"who": {"kim@example.com"}, "phrase": {phrase}}, "Origin", i.URL).want(200)
	if string(seated.Body) != "kim@example.com" {
		t.Errorf("seated %q", seated.Body)
	}
	move := ""
	for _, c := range (&http.Response{Header: seated.Header}).Cookies() {
		if c.Name == "club_move" {
			move = c.Value
		}
		if c.Name == "club_seat" && (!c.HttpOnly || c.Path != "/club" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != int((48*time.Hour).Seconds())) {
			t.Errorf("cookie %+v", c)
		}
	}
	if move == "" {
		t.Fatalf("no CSRF token in %v", seated.Header["Set-Cookie"])
	}
	seat := w.ask("GET", "/club/seat", nil).want(200).keys("", "card", "contact").keys("card", "no", "called", "club")
	if at(seat.object(), "card.called") != "Kim" || at(seat.object(), "contact.since") != float64(i.Clock.Now().UnixMilli()) {
		t.Errorf("seat %s", seat.Body)
	}
	change := object{"card": object{"called": "Kimberly", "club": "Rook & Pawn"}}
	w.ask("PATCH", "/club/seat", change, "Origin", "https://evil.example").want(403)
	w.ask("PATCH", "/club/seat", change, "Origin", "https://evil.example", "X-Move", "made-up").want(403)
	w.ask("PATCH", "/club/seat", change, "X-Move", move, "If-Match", seat.Header.Get("ETag")).want(204)
	w.ask("PATCH", "/club/seat", change, "X-Move", move, "If-Match", seat.Header.Get("ETag")).want(412)
	w.ask("PATCH", "/club/seat", object{"card": object{"club": nil}}, "Origin", i.URL).want(204)
	if seat = w.ask("GET", "/club/seat", nil).want(200); at(seat.object(), "card.called") != "Kimberly" || at(seat.object(), "card.club") != nil {
		t.Errorf("seat %s", seat.Body)
	}
	w.ask("DELETE", "/club/seat", nil, "X-Move", move).want(204)
	w.ask("GET", "/club/seat", nil).want(401)
	w.http = i.HTTP

	in, err := i.Client.SignIn(t.Context(), clientSignIn("kim@example.com"))
	none(t, err)
	begun, err := i.Client.WithToken(in.Tokens.AccessToken).BeginTOTP(t.Context(), "")
	none(t, err)
	_, err = i.Client.WithToken(in.Tokens.AccessToken).ConfirmTOTP(t.Context(), code(t, i, begun.Secret))
	none(t, err)
	return begun.Secret
}

func clubSecondStep(t *testing.T, i *servertest.Instance, w *wire, secret string) {
	t.Helper()
	w.http = i.Browser()
	asked := w.ask("POST", "/club/enter", url.Values{"who": {"kim@example.com"}, "phrase": {phrase}}).want(202)
	if len(asked.Header["Set-Cookie"]) != 0 {
		t.Errorf("half signed in with cookies %v", asked.Header["Set-Cookie"])
	}
	w.ask("POST", "/club/enter/"+string(asked.Body), url.Values{"code": {code(t, i, secret)}}).want(200)
	w.ask("GET", "/club/seat", nil).want(200)
	w.http = i.HTTP
}

func clubLost(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	for _, who := range []string{"nobody@example.com", "kim@example.com"} {
		if sent := w.ask("POST", "/club/lost", url.Values{"who": {who}}).want(200); string(sent.Body) != "If you are a member there is mail for you." {
			t.Errorf("%s: %q", who, sent.Body)
		}
	}
	token := mailed(t, i, "kim@example.com")
	w.ask("GET", "/club/lost/"+token, nil).want(200).keys("", "good", "until")
	w.ask("PUT", "/club/lost/"+token, object{"phrase": "staple battery horse"}).want(204)
	if gone := w.ask("GET", "/club/lost/"+token, nil).want(410); gone.object()["good"] != false {
		t.Errorf("gone %s", gone.Body)
	}
}
