package server_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/web"
)

// navigations are the headers of a person, or a scanner of mails, who follows a link.
var navigations = [][]string{
	{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"},
	{"Accept", "*/*", "Sec-Fetch-Mode", "navigate"},
	{"Accept", "application/json", "Upgrade-Insecure-Requests", "1"},
	{"Accept", "image/avif,image/webp"},
	{},
}

// ET-09, C8, DESIGN rule 7.1: over all contracts, a GET that spends a mailed secret spends nothing for a browser, and HEAD
// never does; a program's GET does what the page says. The page with the button keeps the secret to itself (ET-10).
func TestBrowsersSpendNothing_ET09_ET10_C8(t *testing.T) {
	all := papers(t)
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		r := openRows(t, i)
		tokens := mailedTokens(t, i)
		asked := 0
		for _, paper := range all {
			for _, p := range paper.points {
				if !p.consumes() || p.method != http.MethodGet {
					continue
				}
				asked++
				token := tokens[p.def.Name]
				if token == "" {
					t.Fatalf("no token for %s: add one to mailedTokens", p.def.Name)
				}
				target := paper.bases[0] + p.path + "?token=" + url.QueryEscape(token)
				before := r.contents()
				for _, headers := range navigations {
					page := w.ask(http.MethodGet, target, nil, headers...).want(http.StatusOK)
					if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.Body), `<form method="post">`) {
						t.Errorf("%s with %v: %s", p, headers, page.Body)
					}
					if h := page.Header; h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" ||
						!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(string(page.Body), token) {
						t.Errorf("%s with %v: %v", p, headers, h)
					}
				}
				w.ask(http.MethodHead, target, nil, "Accept", "application/json").want(http.StatusOK)
				if tables := changed(before, r.contents()); len(tables) > 0 {
					t.Errorf("%s changed %v for a browser", p, tables)
				}
				if done := w.ask(http.MethodGet, target, nil, "Accept", "application/json"); done.Status/100 != 2 || len(changed(before, r.contents())) == 0 {
					t.Errorf("%s for a program: %d %s", p, done.Status, done.Body)
				}
			}
		}
		if asked < 3 {
			t.Errorf("only %d operations were asked", asked)
		}
	}, allContracts("accountmaker"))
}

// The page with the button speaks the language of the browser, whatever the contract says of its operation.
func TestButtonSpeaksTheLanguageOfTheBrowser(t *testing.T) {
	i := servertest.Start(t)
	w := newWire(t, i)
	asked := 0
	for _, paper := range papers(t) {
		for _, p := range paper.points {
			if !p.consumes() || p.method != http.MethodGet {
				continue
			}
			asked++
			for _, lang := range web.Languages() {
				words := ok[*web.Translator](t)((&web.Library{}).Skin("").Translator(lang))
				page := w.ask(http.MethodGet, paper.bases[0]+p.path+"?token=x", nil, "Accept", "text/html", "Accept-Language", lang).want(http.StatusOK)
				button := ok[string](t)(words.T("page."+map[string]string{"verify-email": "verify", "sign-in-with-token": "magic", "accept-invite": "invite"}[p.def.Name]+".button", nil))
				if page.Header.Get("Content-Language") != lang || !strings.Contains(string(page.Body), `<html lang="`+lang+`" dir="ltr">`) ||
					!strings.Contains(string(page.Body), ">"+button+"</button>") {
					t.Errorf("%s in %s: %s", p, lang, page.Body)
				}
			}
		}
	}
	if asked < 3 {
		t.Errorf("only %d pages", asked)
	}
}

// mailedTokens are live tokens of mails by the operation that spends them.
func mailedTokens(t *testing.T, i *servertest.Instance) map[string]string {
	t.Helper()
	ctx := t.Context()
	out := map[string]string{}
	none(t, i.Client.Register(ctx, client.Registration{Email: "una@example.com", Password: phrase}))
	out["verify-email"] = mailed(t, i, "una@example.com")
	jo := signUp(t, i, i.Client, "jo@example.com")
	ok[client.MailedSignIn](t)(i.Client.SendMagicLink(ctx, "jo@example.com"))
	out["sign-in-with-token"] = mailed(t, i, "jo@example.com")
	me := i.Client.WithToken(jo.Tokens.AccessToken)
	acme := ok[client.Account](t)(me.CreateAccount(ctx, client.NewAccount{Name: "Acme"}))
	ok[client.Invite](t)(me.CreateInvite(ctx, client.NewInvite{Email: "guest@example.com", AccountID: acme.ID, Role: "viewer"}))
	out["accept-invite"] = mailed(t, i, "guest@example.com")
	return out
}

// WB-03: over every operation of every contract, a preflight admits the origins that a client of the app lists, with the
// method and the headers that the operation needs, and no other origin; and it changes nothing.
func TestPreflights_WB03(t *testing.T) {
	const listed = "https://shop.example"
	i := servertest.Start(t, allContracts("accountmaker"))
	ok[client.AppClient](t)(i.Operator.CreateClient(t.Context(), "default", client.NewClient{Name: "Shop", AllowedOrigins: []string{listed}}))
	r := openRows(t, i)
	f := &forge{Rand: rand.New(rand.NewPCG(3, 3)), w: &world{i: i}}
	before := r.contents()
	for _, paper := range papers(t) {
		for _, p := range paper.points {
			target, _, _ := strings.Cut(f.plain(p), "?")
			for _, origin := range []string{listed, "https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"} {
				h := preflight(t, i, target, p.method, origin)
				want := ""
				if origin == listed {
					want = listed
				}
				if got := h.Get("Access-Control-Allow-Origin"); got != want {
					t.Errorf("%s: %q may ask: %q", p, origin, got)
				}
				if want == "" {
					continue
				}
				if !slices.Contains(strings.Split(h.Get("Access-Control-Allow-Methods"), ", "), p.method) || h.Get("Access-Control-Allow-Credentials") != "true" {
					t.Errorf("%s: %v", p, h)
				}
				for _, name := range p.headers() {
					if !slices.Contains(strings.Split(h.Get("Access-Control-Allow-Headers"), ", "), http.CanonicalHeaderKey(name)) {
						t.Errorf("%s: %s may not be sent: %s", p, name, h.Get("Access-Control-Allow-Headers"))
					}
				}
			}
		}
	}
	if tables := changed(before, r.contents()); len(tables) > 0 {
		t.Errorf("preflights changed %v", tables)
	}
}

func preflight(t *testing.T, i *servertest.Instance, target, method, origin string) http.Header {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, i.URL+target, nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", method)
	w := httptest.NewRecorder()
	i.Server.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || !slices.Contains(w.Header().Values("Vary"), "Origin") {
		t.Errorf("%s %s: %d %v", method, target, w.Code, w.Header())
	}
	return w.Header()
}

// plain is a target of the operation with any words for its parameters.
func (f *forge) plain(p *point) string {
	path := p.path
	for _, param := range p.params {
		path = strings.Replace(path, "{"+text1(param, "name")+"}", "x", 1)
	}
	return pick(f.Rand, p.paper.bases) + path
}

// headers are what a client of the operation sends: its parameters and credentials.
func (p *point) headers() []string {
	out := []string{"Content-Type"}
	for _, param := range p.params {
		if text1(param, "in") == "header" {
			out = append(out, text1(param, "name"))
		}
	}
	security := list(p.node["security"])
	if p.node["security"] == nil {
		security = list(p.paper.root["security"])
	}
	for _, alternative := range security {
		for name := range alternative.(object) {
			scheme, _ := at(p.paper.root, "components.securitySchemes."+name).(object)
			switch {
			case text1(scheme, "type") == "http", text1(scheme, "type") == "oauth2":
				out = append(out, "Authorization")
			case text1(scheme, "in") == "header":
				out = append(out, text1(scheme, "name"))
			}
		}
	}
	return out
}
