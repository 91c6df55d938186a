package oauth

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// asking is a request of a client that is valid; the fields are pairs that replace or add.
func asking(c auth.Client, fields ...string) Form {
	f := Form{"client_id": {string(c.ID)}, "redirect_uri": {testRedirect}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {testChallenge()}, "code_challenge_method": {"S256"}}
	for n := 0; n < len(fields); n += 2 {
		f[fields[n]] = []string{fields[n+1]}
	}
	return f
}

func TestRequestIsRead(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, _ := h.client()
		r, _, err := h.requested(t.Context(), asking(c, "state", "s", "nonce", "n", "prompt", "login consent", "max_age", "5", "acr_values", "phr aal2", "login_hint", "ann",
			"ui_locales", "de fr-CA", "connection", "club", "claims", `{"id_token":{"email":null,"sub":{"value":"u"}},"userinfo":{"name":{"essential":true}}}`,
			"dpop_jkt", testChallenge(), "response_mode", "fragment", "scope", "openid read read offline_access"))
		if err != nil {
			t.Fatal(err)
		}
		if r.State != "s" || r.Nonce != "n" || len(r.Prompt) != 2 || *r.MaxAge != 5 || len(r.ACR) != 2 || r.LoginHint != "ann" || r.Locales != "de fr-CA" || r.Connection != "club" ||
			r.Subject != "u" || r.Delegation.JKT != testChallenge() || r.Mode != auth.ModeFragment || len(r.Delegation.Scopes) != 3 || !r.Delegation.Offline || r.Delegation.Claims == nil {
			t.Errorf("%+v", r)
		}
	})
}

// FuzzAuthorize: whatever a browser brings, nothing is sent to a place that was not registered, and what is read is bounded.
func FuzzAuthorize(f *testing.F) {
	clock := storetest.NewClock()
	h := furnish(f, storetest.Open(f, store.Options{Clock: clock.Now}), clock, storetest.Keys(f))
	c, _ := h.client()
	for _, more := range []string{"", "&state=x", "&claims=%7B%22id_token%22%3A%7B%22acr%22%3Anull%7D%7D", "&prompt=none&max_age=0", "&request_uri=urn:ietf:params:oauth:request_uri:x",
		"&resource=https://a&resource=https://b", "&response_mode=form_post"} {
		f.Add(url.Values(asking(c)).Encode() + more)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil || !utf8.ValidString(query) {
			return
		}
		r, _, err := h.requested(t.Context(), Form(values))
		if r.RedirectURI != "" && r.RedirectURI != testRedirect {
			t.Fatalf("a target that nobody registered: %q", r.RedirectURI)
		}
		if err == nil && (len(r.State) > maxState || strings.ContainsRune(r.State, 0)) {
			t.Fatal("the state is not bounded")
		}
	})
}
