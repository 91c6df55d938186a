package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestResourceOnThisMachine: who tries a resource server on their own machine finds its metadata as well.
func TestResourceOnThisMachine(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		for _, uri := range []string{"http://127.0.0.1:8090/mcp", "http://localhost:8090", "https://tools.example/api"} {
			ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), "default", client.NewResource{URI: uri, Name: "Tools", MetadataDocument: true}))
			_, place, _ := strings.Cut(uri, "//")
			got := w.ask(http.MethodGet, "/.well-known/oauth-protected-resource/"+place, nil).want(http.StatusOK)
			if got.text("resource") != uri {
				t.Errorf("%s", got.Body)
			}
		}
	})
}

// TestResourceThatIsGone ends what names it, and what was granted beside it goes on.
func TestResourceThatIsGone(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		const kept, gone = "https://kept.example", "https://gone.example"
		var made client.Resource
		for _, uri := range []string{kept, gone} {
			made = ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), "default", client.NewResource{URI: uri, Name: "API"}))
		}
		p, ann := newParty(t, i, trusted), signedInGuest(t, i, "ann@example.com")
		q := p.request("scope", "openid offline_access")
		q["resource"] = []string{kept, gone}
		at := ann.authorize(q).goesTo("/consent")
		got := p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		none(t, i.Operator.DeleteResource(t.Context(), "default", made.ID))
		i.Clock.Advance(time.Second)
		refresh := func(more ...string) reply {
			return p.refresh(ann.wire, got.text("refresh_token"), append([]string{"client_secret", p.secret}, more...)...)
		}
		refresh("resource", gone).want(http.StatusBadRequest).says("invalid_target", gone)
		got = refresh().want(http.StatusOK)
		if aud, _ := json.Marshal(unsealedJWT(t, got.text("access_token"))["aud"]); !strings.Contains(string(aud), kept) || strings.Contains(string(aud), gone) {
			t.Errorf("%s", aud)
		}
	})
}

// TestWaitingCodeEnds_RT08: a code that nobody has exchanged ends with the person's sessions.
func TestWaitingCodeEnds_RT08(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, trusted)
		for name, end := range map[string]func(c *client.Client) error{
			"everywhere": func(c *client.Client) error { _, err := c.SignOutEverywhere(t.Context(), true); return err },
			"password": func(c *client.Client) error {
				_, err := c.ChangePassword(t.Context(), client.PasswordChange{CurrentPassword: phrase, Password: phrase + " and more"})
				return err
			},
		} {
			ann := signedInGuest(t, i, name+"@example.com")
			code := ann.authorize(p.request()).code(p)
			none(t, end(ann.person.me))
			p.redeem(ann.wire, code).want(http.StatusBadRequest)
		}
	})
}

// TestResourcesOfAClient_OA13: a client asks for those that an administrator lists, where some are listed.
func TestResourcesOfAClient_OA13(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		const mine, other = "https://mine.example", "https://other.example"
		for _, uri := range []string{mine, other} {
			ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), "default", client.NewResource{URI: uri, Name: "API"}))
		}
		p := newParty(t, i, trusted, func(c *auth.Client) { c.Settings.OAuth.Resources = []string{mine} })
		ann := signedInGuest(t, i, "ann@example.com")
		ann.authorize(p.request("resource", mine)).code(p)
		ann.authorize(p.request("resource", other)).sentHome(p, "invalid_target")
	})
}

// TestNothingIsPromised: a client that gets no refresh tokens asks nobody whether it may stay.
func TestNothingIsPromised_OI06(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i, func(c *auth.Client) { c.Settings.OAuth.GrantTypes = []string{auth.GrantAuthorizationCode} })
		ann := signedInGuest(t, i, "ann@example.com")
		at := ann.authorize(p.request("scope", "openid offline_access")).goesTo("/consent")
		ann.looks(at).lacks("Keep this access")
		got := p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		if got.text("scope") != "openid" || got.object()["refresh_token"] != nil {
			t.Errorf("%s", got.Body)
		}
	})
}

// TestConsentOfAClientThatIsGone is none that anybody has to take back.
func TestConsentOfAClientThatIsGone_OA11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p, ann := newParty(t, i), signedInGuest(t, i, "ann@example.com")
		at := ann.authorize(p.request()).goesTo("/consent")
		p.redeem(ann.wire, ann.decides(at, "approve").code(p)).want(http.StatusOK)
		ann.person.see("/my/apps", "Book Club")
		none(t, i.Operator.DeleteClient(t.Context(), "default", string(p.ID)))
		ann.person.see("/my/apps").lacks("Book Club")
		if list := ok[[]client.Consent](t)(ann.person.me.ListConsents(t.Context())); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
}

// TestWhyADocumentIsRefused is told to the operator: the page that a stranger sees does not say it.
func TestWhyADocumentIsRefused_CR02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"client_id_metadata_documents": true}))
		p := newParty(t, i, func(c *auth.Client) { c.Settings.OAuth.MetadataURL = "https://127.0.0.1:1/client.json" })
		newGuest(t, i).authorize(p.request()).want(http.StatusBadRequest).lacks("refused", "127.0.0.1:1")
		if log := i.Log.String(); !strings.Contains(log, `"code":"invalid_client"`) || !strings.Contains(log, `"cause":"`) {
			t.Errorf("no cause in %s", log)
		}
	})
}

// TestScopesOfAGuest: scopes of resources say nothing of those that every app has (RFC 7591 section 3.2.1: what is
// registered is told).
func TestScopesOfAGuest_CR01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		token := ok[client.RegistrationToken](t)(i.Operator.CreateRegistrationToken(t.Context(), "default", client.NewRegistrationToken{Name: "ci", Uses: 3}))
		for asked, want := range map[string]string{"notes.read": "openid profile email offline_access", "notes.read openid": "openid", "": "openid profile email offline_access"} {
			got := newWire(t, i).ask(http.MethodPost, "/oauth2/register", map[string]any{"redirect_uris": []string{partyRedirect}, "scope": asked},
				"Authorization", "Bearer "+token.Token).want(http.StatusCreated)
			if got.text("scope") != want {
				t.Errorf("%q: %s", asked, got.Body)
			}
		}
	}, servertest.Configure(func(c *config.Config) { c.OAuth.Registration = true }))
}

// TestPreviewIsLikeTheRealThing: a resource may be written as everywhere, and nobody's token is shown of a client that can
// get none.
func TestPreviewIsLikeTheRealThing(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ok[client.Resource](t)(i.Operator.CreateResource(t.Context(), "default", client.NewResource{URI: "https://api.example", Name: "API", Scopes: map[string]string{"read": "Read"}}))
		made := ok[client.AppClient](t)(i.Operator.CreateClient(t.Context(), "default", client.NewClient{Name: "Shop", Type: "web", RedirectURIs: []string{partyRedirect}}))
		user := ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ann@example.com", EmailVerified: true}))
		ask := client.ClaimsQuery{UserID: user.ID, Scopes: []string{"openid", "read"}, Resources: []string{"https://api.example/"}}
		ok[client.ClaimsPreview](t)(i.Operator.PreviewClaims(t.Context(), "default", made.ID, ask))
		ask.UserID = ""
		if _, err := i.Operator.PreviewClaims(t.Context(), "default", made.ID, ask); err == nil || !strings.Contains(err.Error(), "people alone") {
			t.Errorf("%v", err)
		}
	})
}
