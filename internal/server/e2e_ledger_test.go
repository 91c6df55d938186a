package server_test

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

func clientSignIn(email string) client.SignIn {
	return client.SignIn{Identifier: email, Password: phrase}
}

// TestLedger asks every operation that clients may call through one contract of the tests' own, in odd formats.
func TestLedger(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		first := w.ask("POST", "/ledger/first", url.Values{"mail": {"ada@example.com"}, "word": {phrase}}, "X-Ticket", i.SetupToken()).want(201)
		if first.text("clerk.rank") != "chief" || !strings.HasPrefix(first.text("clerk.id"), "clerk_") || first.Header.Get("X-Ledger-Trace") == "" {
			t.Errorf("first %s", first.Body)
		}
		chief := as(first.text("badge"))
		i.Clock.Advance(time.Second)
		kim := w.ask("POST", "/ledger/clerks", url.Values{"mail": {"kim@example.com"}, "word": {phrase}}).want(201)
		blot := w.ask("POST", "/ledger/clerks", url.Values{"mail": {"kim"}}).want(400).keys("", "code", "title", "rows", "trace")
		if blot.text("code") != "invalid_request" || !strings.Contains(string(blot.Body), `"body:word:required"`) {
			t.Errorf("blot %s", blot.Body)
		}
		ledgerMe(t, i, w, as(kim.text("badge")), kim.text("renew"))
		ledgerCodes(t, i, w)
		ledgerStamps(t, i, w)
		ledgerForgot(t, i, w)
		ledgerClerks(t, i, w, chief, kim.text("clerk.id"))
		ledgerBooks(t, i, w, chief)
	}, serve(t, "ledger.yaml"))
}

// enter signs kim in.
func enter(w *wire) reply {
	w.t.Helper()
	return w.ask("POST", "/ledger/enter", url.Values{"mail": {"kim@example.com"}, "word": {phrase}}, "X-Desk", "Tablet")
}

func ledgerMe(t *testing.T, i *servertest.Instance, w *wire, me []string, renew string) {
	t.Helper()
	got := w.ask("GET", "/ledger/me", nil, me...).want(200).keys("", "id", "mail", "rank", "works", "old", "first", "last", "more")
	if o := got.object(); o["works"] != true || o["rank"] != "clerk" || got.Header.Get("ETag") == "" {
		t.Errorf("me %s", got.Body)
	}
	changed := w.ask("PATCH", "/ledger/me", object{"first": "Kim", "company": "Acme"}, append(me, "X-Version", got.Header.Get("ETag"))...).want(200)
	if at(changed.object(), "more.company") != "Acme" || changed.Header.Get("ETag") == got.Header.Get("ETag") {
		t.Errorf("changed %s", changed.Body)
	}
	w.ask("PATCH", "/ledger/me", object{"first": "Late"}, append(me, "X-Version", got.Header.Get("ETag"))...).want(412)
	w.ask("PATCH", "/ledger/me", object{"rank": "chief"}, me...).want(400)
	w.ask("POST", "/ledger/me/word", object{"old": phrase, "new": "another long word"}, me...).want(204)
	w.ask("POST", "/ledger/me/word", object{"new": phrase}, me...).want(204)

	i.Clock.Advance(time.Second)
	w.ask("POST", "/ledger/mail", nil, me...).want(204)
	w.ask("POST", "/ledger/mail?mail=nobody@example.com", nil).want(204)
	verified := w.ask("PUT", "/ledger/mail/"+mailed(t, i, "kim@example.com"), nil, me...).want(200)
	if verified.object()["at"] != float64(i.Clock.Now().Unix()) {
		t.Errorf("verified %s", verified.Body)
	}

	in := enter(w).want(200).keys("", "in", "badge", "renew", "seconds", "desk")
	if o := in.object(); o["in"] != true || o["seconds"] != 300.0 || o["desk"] != "Tablet" {
		t.Errorf("in %s", in.Body)
	}
	desks := w.ask("GET", "/ledger/desks?rows=1", nil, me...).want(200)
	if len(desks.object()) != 1 || desks.Header.Get("X-After") == "" {
		t.Errorf("desks %s", desks.Body)
	}
	rest := w.ask("GET", "/ledger/desks?after="+url.QueryEscape(desks.Header.Get("X-After")), nil, me...).want(200)
	for id, desk := range rest.object() {
		if o, _ := desk.(object); !strings.HasPrefix(id, "desk_") || o["here"] != true || o["how"] != "pwd" || o["why"] != nil {
			t.Errorf("rest %s", rest.Body)
		}
	}
	for id := range desks.object() {
		w.ask("DELETE", "/ledger/desks/"+id, nil, me...).want(204)
		w.ask("DELETE", "/ledger/desks/"+id+"x", nil, me...).want(404)
	}
	w.ask("GET", "/ledger/me", nil, as(in.text("badge"))...).want(401)
	gone := w.ask("GET", "/ledger/desks?gone=true", nil, me...).want(200)
	if !strings.Contains(string(gone.Body), `"why":"ended_by_user"`) {
		t.Errorf("gone %s", gone.Body)
	}
	renewed := w.ask("POST", "/ledger/renew", nil, "X-Renew", renew).want(200)
	enter(w).want(200)
	if n := w.ask("DELETE", "/ledger/desks?but_this=true", nil, me...).want(200); strings.TrimSpace(string(n.Body)) != "1" {
		t.Errorf("%s desks left", n.Body)
	}
	w.ask("POST", "/ledger/leave", nil, as(renewed.text("badge"))...).want(204)
	w.ask("POST", "/ledger/renew", nil, "X-Renew", renewed.text("renew")).want(401)
}

func ledgerCodes(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	me := as(enter(w).want(200).text("badge"))
	begun := w.ask("POST", "/ledger/codes", nil, me...).want(200).keys("", "secret", "picture")
	picture, found := strings.CutPrefix(begun.text("picture"), "data:image/png;base64,")
	if png, err := base64.StdEncoding.DecodeString(picture); !found || err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("picture %.60s", begun.text("picture"))
	}
	secret := begun.text("secret")
	paper := w.ask("PUT", "/ledger/codes", nil, append(me, "X-Code", code(t, i, secret))...).want(200)
	if lines := strings.Split(string(paper.Body), "\n"); len(lines) != 10 {
		t.Errorf("paper %q", paper.Body)
	}
	half := enter(w).want(200).keys("", "in", "ticket", "until", "ask")
	if half.text("ask") != "totp,backup-code" || half.object()["until"] != float64(i.Clock.Now().Add(5*time.Minute).UnixMilli()) {
		t.Errorf("half %s", half.Body)
	}
	step := "/ledger/enter/" + half.text("ticket") + "/" + code(t, i, secret)
	if page := w.ask("GET", step, nil, "Sec-Fetch-Mode", "navigate", "Accept", "text/html"); !strings.Contains(page.Header.Get("Content-Type"), "html") {
		t.Errorf("a browser gets %s", page.Header.Get("Content-Type"))
	}
	w.ask("GET", step, nil, "Accept", "application/json").want(200)
	w.ask("GET", step, nil, "Accept", "application/json").want(400)
	w.ask("PATCH", "/ledger/codes", nil, append(me, "X-Code", code(t, i, secret))...).want(200)
	w.ask("DELETE", "/ledger/codes", nil, append(me, "X-Code", "000000")...).want(401)
	w.ask("DELETE", "/ledger/codes", nil, append(me, "X-Code", code(t, i, secret))...).want(204)
}

func ledgerStamps(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	me := as(enter(w).want(200).text("badge"))
	until := i.Clock.Now().Add(time.Hour).Unix()
	made := w.ask("POST", "/ledger/stamps", object{"label": "Press", "rights": "account:read\napi-keys:read", "until": until}, me...).want(201)
	stamp := []string{"X-Api-Key", made.Header.Get("X-Stamp")}
	at, found := strings.CutPrefix(made.Header.Get("Location"), i.URL)
	if !found || !strings.HasPrefix(stamp[1], "led_") || len(made.Body) != 0 {
		t.Fatalf("made %v %s", made.Header, made.Body)
	}
	w.ask("GET", "/ledger/me", nil, stamp...).want(200)
	w.ask("GET", "/ledger/me", nil, as(stamp[1])...).want(401) // the badge takes access tokens only
	w.ask("GET", "/ledger/me", nil, append(stamp, me...)...).want(400)
	w.ask("PATCH", "/ledger/me", object{"first": "K"}, stamp...).want(403)
	list := w.ask("GET", "/ledger/stamps", nil, stamp...).want(200).list()
	if one, _ := list[0].(object); len(list) != 1 || one["rights"] != "account:read\napi-keys:read" || one["until"] != float64(until) {
		t.Errorf("stamps %v", list)
	}
	if got := w.ask("GET", at, nil, me...).want(200); got.text("label") != "Press" || !strings.HasSuffix(at, got.text("id")) {
		t.Errorf("got %s", got.Body)
	}
	recut := w.ask("PUT", at, nil, me...).want(200)
	if recut.Header.Get("X-Stamp") == stamp[1] || recut.object()["old_until"] != float64(i.Clock.Now().Add(time.Hour).Unix()) {
		t.Errorf("recut %s", recut.Body)
	}
	w.ask("DELETE", at, nil, me...).want(204)
	w.ask("GET", at, nil, me...).want(404)
}

func ledgerForgot(t *testing.T, i *servertest.Instance, w *wire) {
	t.Helper()
	w.ask("POST", "/ledger/forgot?mail=kim@example.com", nil).want(204)
	token := mailed(t, i, "kim@example.com")
	if good := w.ask("GET", "/ledger/forgot/"+token, nil).want(200); good.text("for") != "kim@example.com" {
		t.Errorf("good %s", good.Body)
	}
	w.ask("POST", "/ledger/forgot/"+token, url.Values{"word": {phrase}}).want(204)
	w.ask("POST", "/ledger/forgot/"+token, url.Values{"word": {phrase}}).want(400)
}

func ledgerClerks(t *testing.T, i *servertest.Instance, w *wire, chief []string, kim string) {
	t.Helper()
	lee := w.ask("POST", "/ledger/clerks/new", object{"mail": "lee@example.com", "vouched": true, "rank": "guest", "old": "77", "plan": "gold"}, chief...).want(201)
	if lee.text("old") != "77" || lee.text("rank") != "other" || at(lee.object(), "more.plan") != "gold" {
		t.Errorf("lee %s", lee.Body)
	}
	if taken := w.ask("POST", "/ledger/clerks/new", object{"mail": "lee@example.com"}, chief...).want(409); string(taken.Body) != "TAKEN" {
		t.Errorf("taken %q", taken.Body)
	}
	w.ask("POST", "/ledger/clerks/new", object{"mail": "x@example.com", "rank": "king"}, chief...).want(400)
	list := w.ask("GET", "/ledger/clerks?rows=2", nil, chief...).want(200)
	rest := w.ask("GET", "/ledger/clerks?after="+url.QueryEscape(list.Header.Get("X-After")), nil, chief...).want(200)
	if len(list.list()) != 2 || len(rest.list()) != 1 || rest.Header.Get("X-After") != "" {
		t.Errorf("clerks %s and %s", list.Body, rest.Body)
	}
	if found := w.ask("GET", "/ledger/clerks?rank=guest&like=lee", nil, chief...).want(200).list(); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	in := enter(w).want(200)
	w.ask("GET", "/ledger/clerks/"+kim, nil, chief...).want(200)
	w.ask("GET", "/ledger/clerks/"+kim, nil, as(in.text("badge"))...).want(403)
	if got := w.ask("PUT", "/ledger/clerks/"+kim, nil, append(chief, "X-Rank", "auditor")...).want(200); got.text("rank") != "other" {
		t.Errorf("promoted %s", got.Body)
	}
	cleared := w.ask("DELETE", "/ledger/clerks/"+kim+"/desks", nil, chief...).want(200)
	if n, err := strconv.Atoi(strings.TrimSuffix(string(cleared.Body), " cleared")); err != nil || n < 1 {
		t.Errorf("cleared %q", cleared.Body)
	}
	if locked := w.ask("PUT", "/ledger/clerks/"+kim+"/lock", nil, chief...).want(200); locked.object()["works"] != false {
		t.Errorf("locked %s", locked.Body)
	}
	enter(w).want(403)
	w.ask("DELETE", "/ledger/clerks/"+kim+"/lock", nil, chief...).want(200)
	enter(w).want(200)
}

func ledgerBooks(t *testing.T, i *servertest.Instance, w *wire, chief []string) {
	t.Helper()
	book := w.ask("POST", "/ledger/books?title=Second", nil, chief...).want(201).text("id")
	if !strings.HasPrefix(book, "book_") {
		t.Errorf("book %q", book)
	}
	if books := w.ask("GET", "/ledger/books", nil, chief...).want(200).object(); books[book] != "Second" || books["book_default"] == nil {
		t.Errorf("books %v", books)
	}
	if got := w.ask("GET", "/ledger/books/"+book, nil, chief...).want(200); got.text("title") != "Second" {
		t.Errorf("got %s", got.Body)
	}
	seal := w.ask("POST", "/ledger/books/"+book+"/seals", object{"label": "Front desk", "days": 30}, chief...).want(201)
	inBook := []string{"X-Book", seal.text("seal")}
	there := w.ask("POST", "/ledger/clerks", url.Values{"mail": {"kim@example.com"}, "word": {phrase}}, inBook...).want(201)
	w.ask("GET", "/ledger/me", nil, append(as(there.text("badge")), inBook...)...).want(200)
	w.ask("GET", "/ledger/me", nil, as(there.text("badge"))...).want(403)           // TN-02
	w.ask("GET", "/ledger/clerks/"+there.text("clerk.id"), nil, chief...).want(404) // TN-01
	seals := w.ask("GET", "/ledger/books/"+book+"/seals", nil, chief...).want(200).list()
	if one, _ := seals[0].(object); len(seals) != 1 || one["book"] != book || one["id"] != seal.text("id") {
		t.Errorf("seals %v", seals)
	}
	w.ask("DELETE", "/ledger/books/"+book+"/seals/"+seal.text("id"), nil, chief...).want(204)
	w.ask("POST", "/ledger/clerks", url.Values{"mail": {"z@example.com"}, "word": {phrase}}, inBook...).want(401)
}
