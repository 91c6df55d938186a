package server_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// publisher is a site that publishes the document of a client.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	text   string
	status int
	asked  int
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked++; r.URL.Path != "/client.json" || p.status != http.StatusOK {
		w.WriteHeader(max(p.status, http.StatusNotFound))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=600")
	_, _ = w.Write([]byte(p.text))
}

// says replaces the document, and answers how often it was asked for so far.
func (p *publisher) says(status int, redirects ...string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
	p.text = fmt.Sprintf(`{"client_id": %q, "client_name": "Agent", "redirect_uris": ["%s"], "grant_types": ["authorization_code", "refresh_token"],
		"post_logout_redirect_uris": [%q]}`, p.id(), strings.Join(redirects, `", "`), p.URL+"/bye")
	return p.asked
}

func (p *publisher) id() string { return p.URL + "/client.json" }

func (p *publisher) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// publish starts a publisher, and lets a server call it: it is on this machine, and no authority of the machine's signed
// its certificate.
func publish(t *testing.T) (*publisher, servertest.Option) {
	t.Helper()
	p := &publisher{}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	file := filepath.Join(t.TempDir(), "authority.pem")
	none(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600))
	return p, servertest.Configure(func(c *config.Config) { c.Outbound.Allow, c.Outbound.CAFile = loopback(), file })
}

// party is the client as it knows itself.
func (p *publisher) party(i *servertest.Instance) party {
	return party{server: i.URL, Client: auth.Client{Settings: auth.ClientSettings{RedirectURIs: []string{p.URL + "/callback"},
		OAuth: auth.OAuthSettings{AuthMethod: auth.ClientAuthNone, MetadataURL: p.id()}}}}
}

// refresh exchanges a refresh token, or says why not.
func (p party) refresh(w *wire, token string, more ...string) reply {
	w.t.Helper()
	f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {p.OAuthID()}}
	for n := 0; n < len(more); n += 2 {
		f.Set(more[n], more[n+1])
	}
	return w.ask(http.MethodPost, "/oauth2/token", f)
}

func announced(w *wire) bool {
	w.t.Helper()
	return w.ask(http.MethodGet, "/.well-known/oauth-authorization-server", nil).want(http.StatusOK).object()["client_id_metadata_document_supported"] == true
}

// TestDocumentedClient_CR02 lets a client in that nobody registered: it is what its document says, as long as that is fresh.
func TestDocumentedClient_CR02(t *testing.T) {
	site, allowed := publish(t)
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		before := site.says(http.StatusOK, site.URL+"/callback")
		ann, p := signedInGuest(t, i, "ann@example.com"), site.party(i)
		ann.authorize(p.request()).want(http.StatusBadRequest)
		if site.times() != before || announced(ann.wire) {
			t.Fatal("no app takes documents, and one was fetched or is announced")
		}
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"client_id_metadata_documents": true}))
		if !announced(ann.wire) {
			t.Error("documents are not announced")
		}
		ann.authorize(p.request("redirect_uri", site.URL+"/other")).want(http.StatusBadRequest)
		at := ann.authorize(p.request("scope", "openid offline_access")).goesTo("/consent")
		ann.looks(at).says("Agent", strings.TrimPrefix(site.URL, "https://"), "Unverified")
		got := p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		got = p.refresh(ann.wire, got.text("refresh_token")).want(http.StatusOK)
		if n := site.times() - before; n != 1 {
			t.Errorf("the document was fetched %d times within its time", n)
		}

		site.says(http.StatusOK, site.URL+"/other")
		i.Clock.Advance(11 * time.Minute)
		ann.authorize(p.request()).want(http.StatusBadRequest) // the redirect is gone from the document
		other := site.party(i)
		other.Settings.RedirectURIs = []string{site.URL + "/other"}
		ann.authorize(other.request("scope", "openid offline_access")).code(other) // and the consent is not

		site.says(http.StatusGone)
		i.Clock.Advance(11 * time.Minute)
		ann.authorize(other.request()).want(http.StatusBadRequest)
		p.refresh(ann.wire, got.text("refresh_token")).want(http.StatusUnauthorized)
		site.says(http.StatusOK, site.URL+"/callback")
		i.Clock.Advance(2 * time.Minute)
		p.refresh(ann.wire, got.text("refresh_token")).want(http.StatusOK)

		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"client_id_metadata_documents": false}))
		ann.authorize(p.request()).want(http.StatusBadRequest)
	}, allowed)
}

// TestDocumentedClientOfAnotherApp_CR02: the resource that such a client asks for says whose it is, and what it was given
// says so later; it is another client in each app, and none where the app takes no documents (TN-01).
func TestDocumentedClientOfAnotherApp_CR02(t *testing.T) {
	site, allowed := publish(t)
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		site.says(http.StatusOK, site.URL+"/callback")
		const tools = "https://tools.example/mcp"
		club := ok[client.App](t)(i.Operator.CreateApp(t.Context(), "Club"))
		ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), club.ID, client.NewResource{URI: tools, Name: "Tools",
			Scopes: map[string]string{"tools": "Use your tools"}}))
		bea, p := memberGuest(t, i, club.ID, "bea@example.com"), site.party(i)
		wanted := p.request("scope", "openid tools offline_access", "resource", tools)
		bea.authorize(wanted).want(http.StatusBadRequest)
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), club.ID, 0, map[string]any{"client_id_metadata_documents": true}))
		if !announced(bea.wire) {
			t.Error("documents are not announced")
		}
		bea.authorize(p.request()).want(http.StatusBadRequest) // of the default app, which takes none

		at := bea.authorize(wanted).goesTo("/consent")
		bea.looks(at).says("Agent", "Use your tools", "bea@example.com")
		got := p.redeem(bea.wire, bea.decides(at, "approve").code(p)).want(http.StatusOK)
		if claims := unsealedJWT(t, got.text("access_token")); !strings.Contains(fmt.Sprint(claims["aud"]), tools) || claims["app"] != club.ID || claims["client_id"] != p.OAuthID() {
			t.Errorf("%v", claims)
		}
		got = p.refresh(bea.wire, got.text("refresh_token")).want(http.StatusOK)
		got = p.refresh(bea.wire, got.text("refresh_token"), "resource", tools).want(http.StatusOK)
		bea.ask(http.MethodGet, "/oauth2/logout?"+url.Values{"id_token_hint": {got.text("id_token")}, "post_logout_redirect_uri": {site.URL + "/bye"}}.Encode(),
			nil, "Accept", "text/html").leads(site.URL + "/bye")

		pushed := bea.ask(http.MethodPost, "/oauth2/par", wanted).want(http.StatusCreated).text("request_uri")
		in := bea.authorize(url.Values{"client_id": {p.OAuthID()}, "request_uri": {pushed}}).goesTo("/sign-in")
		if in.Query().Get("app") != club.ID {
			t.Errorf("%s", in)
		}
		bea.ask(http.MethodPost, "/oauth2/revoke", url.Values{"client_id": {p.OAuthID()}, "token": {got.text("refresh_token")}}).want(http.StatusOK)
		p.refresh(bea.wire, got.text("refresh_token")).want(http.StatusBadRequest)
	}, allowed)
}

// memberGuest is somebody of another app than the default one, signed in to it.
func memberGuest(t *testing.T, i *servertest.Instance, app, email string) guest {
	t.Helper()
	ok[client.User](t)(i.Operator.WithApp(app).CreateUser(t.Context(), client.NewUser{Email: email, Password: phrase, EmailVerified: true}))
	g := newGuest(t, i)
	r := g.ask(http.MethodPost, "/sign-in/password", url.Values{"identifier": {email}, "password": {phrase}, "app": {app}}, "Origin", i.URL, "Accept", "text/html")
	if r.Status != http.StatusSeeOther {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	return g
}
