package oauth

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// FuzzResourceMetadata asks for the metadata of a resource by arbitrary paths: what is answered is what the path names, and
// one that publishes none stays unknown (RFC 9728 section 3).
func FuzzResourceMetadata(f *testing.F) {
	h := sqliteHouse(f)
	for uri, published := range map[string]bool{testIssuer: true, testIssuer + "/mcp": true, "https://api.example/v1": true, "http://127.0.0.1:8090/mcp": true, "https://quiet.example": false} {
		h.write(func(tx *store.Tx) error {
			_, err := tx.InsertResource(auth.ProtectedResource{ID: auth.ResourceID(uri), App: auth.DefaultApp, URI: uri, Name: "API",
				Document: published, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
			return err
		})
		f.Add(strings.TrimPrefix(uri, testIssuer))
		f.Add("/" + uri[strings.Index(uri, "//")+2:] + "/")
	}
	f.Add("/../quiet.example")
	f.Fuzz(func(t *testing.T, path string) {
		doc, err := h.ResourceMetadata(t.Context(), path)
		if err != nil && utf8.ValidString(path) && !strings.ContainsRune(path, 0) {
			t.Fatalf("%q: %v", path, err)
		}
		if doc == nil {
			return
		}
		var got resourceMetadata
		if err := json.Unmarshal(doc.Body, &got); err != nil {
			t.Fatal(err)
		}
		trimmed := strings.TrimSuffix(path, "/")
		if got.Resource != testIssuer+trimmed && got.Resource != "https:/"+trimmed && got.Resource != "http:/"+trimmed {
			t.Errorf("%q is answered as %q", path, got.Resource)
		}
	})
}

// FuzzLogout sends arbitrary requests to the end of a session: the browser goes nowhere but where a client registered, and
// who is signed in stays so unless a hint of ours is about them (LO-01, LO-02).
func FuzzLogout(f *testing.F) {
	const home = "https://rp.example/bye"
	h := sqliteHouse(f)
	c, password := h.client(func(o *auth.OAuthSettings) { o.PostLogoutRedirectURIs = []string{home} })
	own := h.signedIn(h.person())
	got := must(f)(h.redeem(c, password, h.code(c, own, "openid")))
	other := h.signedIn(h.person())
	who := anyone()
	who.Kind, who.User, who.Session = auth.CallerSession, other.User, other.ID
	visit := Visit{Who: func(context.Context, auth.AppID) (auth.Caller, error) { return who, nil }}
	for _, values := range []url.Values{{}, {"id_token_hint": {got.IDToken}}, {"client_id": {string(c.ID)}, "post_logout_redirect_uri": {home}},
		{"id_token_hint": {got.IDToken}, "post_logout_redirect_uri": {home + "/"}, "state": {"x"}},
		{"id_token_hint": {got.IDToken + "a"}, "client_id": {"other"}, "post_logout_redirect_uri": {"//rp.example/bye"}}} {
		f.Add(values.Encode())
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		out, err := h.Logout(t.Context(), Form(values), visit, false)
		if err != nil {
			if AsError(err).Code == ServerError {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		if at, _, _ := strings.Cut(out.Location, "?"); out.Location != "" && at != home {
			t.Errorf("%q leads to %q", query, out.Location)
		}
		if !out.Ask {
			t.Errorf("%q: somebody else was signed out unasked", query)
		}
	})
}
