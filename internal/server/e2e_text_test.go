package server_test

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// TestTextThatNoRowHolds_IO02 puts NUL and invalid UTF-8 wherever an address of the house takes text: it is turned away at
// the door, by who is signed in and who is not, and never a fault of ours.
func TestTextThatNoRowHolds_IO02(t *testing.T) {
	paths := []string{"/brand/X/logo", "/docs/X", "/docs/X/openapi.yaml", "/link/X", "/oauth2/callback/X", "/oauth2/callback/other/X", "/oauth2/register/X",
		"/.well-known/oauth-protected-resource/X", "/done/X", "/assets/X", "/my/X", "/X", "/api/ostiary/v1/users/X", "/v1/auth/X"}
	pages := []string{"/", "/my", "/my/account", "/my/activity", "/my/apps", "/my/emails", "/sign-in", "/sign-in/password", "/sign-up", "/verify", "/reset",
		"/magic", "/magic/code", "/invite", "/two-factor", "/step-up", "/forgot", "/cancel-deletion", "/cancel-email-change", "/link", "/setup", "/device",
		"/oauth2/authorize", "/oauth2/continue", "/oauth2/logout", "/oauth2/callback/club"}
	names := []string{"app", "id", "cursor", "token", "flow", "return_to", "email", "identifier", "state", "code", "client_id", "redirect_uri", "user_code",
		"invite", "id_token_hint", "post_logout_redirect_uri", "connection"}
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		somebody(t, i, "ann@example.com")
		for _, v := range []visitor{newVisitor(t, i), signedIn(t, i, "ann@example.com")} {
			for _, bad := range []string{"%00", "a%00b", "%ff", "%ed%a0%80"} {
				for _, path := range paths {
					v.refused(strings.Replace(path, "X", bad, 1))
				}
				for _, page := range pages {
					for _, name := range names {
						v.harmless(page + "?" + name + "=" + bad)
					}
				}
			}
			v.send("/link/a%00b").want(404)
		}
	}, hostileLimits(false), servertest.Configure(func(c *config.Config) {
		c.Limits["requests.network"], c.Limits["requests.user"] = config.Limit{Off: true}, config.Limit{Off: true}
	}))
}

// refused asks for what there cannot be.
func (v visitor) refused(path string) {
	v.t.Helper()
	if got := v.open(path); got.Status < 300 || got.Status >= 500 || got.Status == 429 {
		v.t.Errorf("%s: %d %s", path, got.Status, got.Body)
	}
}

// harmless asks for a page with something that may mean nothing to it.
func (v visitor) harmless(path string) {
	v.t.Helper()
	if got := v.open(path); got.Status >= 500 || got.Status == 429 {
		v.t.Errorf("%s: %d %s", path, got.Status, got.Body)
	}
}
