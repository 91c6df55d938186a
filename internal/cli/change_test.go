package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An overlap of nothing ends the secret before at once; other lifetimes go on refusing it.
func TestRotateWithoutOverlap(t *testing.T) {
	s := newShell(t)
	s.serve()
	id := fmt.Sprint(s.object("clients", "create", "Notes", "--type", "web", "--redirect", "https://notes.example/cb")["id"])
	made := s.object("clients", "rotate-secret", id, "--overlap", "0s")
	if list := s.list("clients", "secrets", id); len(list) != 1 || list[0]["id"] != made["id"] {
		t.Errorf("%v", list)
	}
	s.fails(exitFailed, "clients", "rotate-secret", id, "--overlap", "0")
	s.fails(exitFailed, "clients", "update", id, "--access-ttl", "0s")
}

// What a command sets of a client a command takes back, and what cannot be taken back is refused.
func TestTakeBackSettingsOfAClient(t *testing.T) {
	s := newShell(t)
	s.serve()
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(s.object("clients", "create", "Notes", "--type", "web", "--redirect", "https://notes.example/cb", "--access-ttl", "1h", "--refresh-ttl", "7d",
		"--jwks-file", keys, "--token-format", "opaque", "--subject", "pairwise", "--id-token-alg", "RS256", "--origin", "https://notes.example",
		"--claim", "plan=user.role", "--claim", "who=user.email", "--default-scope", "openid", "--require-par", "--dpop")["id"])
	got := s.object("clients", "update", id, "--access-ttl", "", "--refresh-ttl", "", "--jwks-file", "", "--token-format", "", "--subject", "", "--id-token-alg", "",
		"--application-type", "", "--origin", "", "--claim", "plan=", "--claim", "rank=user.role", "--default-scope", "", "--no-require-par", "--dpop=false")
	if claims := fmt.Sprint(got["claims"]); claims != "map[rank:user.role who:user.email]" {
		t.Errorf("%s", claims)
	}
	for _, name := range []string{"jwks", "access_token_format", "subject_type", "id_token_signed_response_alg", "application_type",
		"default_scopes", "require_pushed_authorization_requests", "dpop_bound_access_tokens"} {
		if got[name] != nil {
			t.Errorf("%s: %v", name, got[name])
		}
	}
	if got["access_ttl"] != "" || got["refresh_ttl"] != "" || fmt.Sprint(got["allowed_origins"]) != "[]" {
		t.Errorf("%v", got)
	}
	for flag, why := range map[string]string{"--name": "name: ", "--auth": "token_endpoint_auth_method: ", "--redirect": "redirect_uris: ", "--grant": "grant_types: "} {
		if said := s.fails(exitFailed, "clients", "update", id, flag, ""); !strings.Contains(said, why) {
			t.Errorf("%s: %s", flag, said)
		}
	}
	s.fails(exitUsage, "clients", "update", id, "--claim", "plan")
}

func TestTakeBackSettingsOfAResource(t *testing.T) {
	s := newShell(t)
	s.serve()
	reader := fmt.Sprint(s.object("clients", "create", "Reader", "--type", "service")["id"])
	id := fmt.Sprint(s.object("resources", "create", "https://api.example", "API", "--client", reader, "--token-ttl", "5m", "--metadata",
		"--scope", "read=Read; and list, all", "--scope", "write=Write")["id"])
	for _, off := range []string{"--no-metadata", "--metadata=false"} {
		s.ok("resources", "update", id, "--metadata")
		if got := s.object("resources", "update", id, off); got["metadata_document"] != false {
			t.Errorf("%s: %v", off, got)
		}
	}
	got := s.object("resources", "update", id, "--client", "", "--token-ttl", "", "--scope", "write=")
	if got["client_id"] != "" || got["token_ttl"] != "" || fmt.Sprint(got["scopes"]) != "map[read:Read; and list, all]" {
		t.Errorf("%v", got)
	}
	if said := s.fails(exitFailed, "resources", "update", id, "--name", ""); !strings.Contains(said, "name: ") {
		t.Errorf("%s", said)
	}
}

// Settings of other things are taken back in the same way.
func TestTakeBackOtherSettings(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.in = "a-client-secret"
	s.ok("providers", "create", "oauth2", "--name", "club", "--client-id", "1", "--secret-file", "-", "--title", "The club", "--scope", "a,b;c", "--domain", "club.example",
		"--authorization-url", "https://club.example/authorize", "--token-url", "https://club.example/token", "--user-url", "https://club.example/me",
		"--claim", "subject=id", "--claim", "email=mail", "--claim", "name=full;name")
	if got := s.object("providers", "show", "club"); fmt.Sprint(got["scopes"]) != "[a,b;c]" || fmt.Sprint(got["claims"]) != "map[email:mail name:full;name subject:id]" {
		t.Errorf("%v", got)
	}
	if got := s.object("providers", "update", "club", "--title", "", "--domain", "", "--scope", "", "--claim", "name="); got["title"] == "The club" || got["domains"] == "club.example" ||
		fmt.Sprint(got["claims"]) != "map[email:mail subject:id]" {
		t.Errorf("%v", got)
	}
	if said := s.fails(exitFailed, "providers", "update", "club", "--client-id", ""); !strings.Contains(said, "client_id: ") {
		t.Errorf("%s", said)
	}
	s.ok("apps", "update", "default", "--registration", "closed", "--password-min", "20", "--locale", "de", "--accent", "#aabbcc", "--accounts-on-sign-up", "yes")
	got := s.object("apps", "update", "default", "--registration", "", "--password-min", "0", "--locale", "", "--accent", "", "--accounts-on-sign-up", "")
	if brand, _ := got["brand"].(map[string]any); got["registration"] != "open" || got["password_min"] != 0.0 || got["locale"] != nil || brand["accent"] != nil || got["accounts_on_sign_up"] != false {
		t.Errorf("%v", got)
	}
	if said := s.fails(exitFailed, "apps", "update", "default", "--name", ""); !strings.Contains(said, "name: ") {
		t.Errorf("%s", said)
	}
	account := fmt.Sprint(s.object("accounts", "create", "Acme", "--avatar", "https://acme.example/a.png")["id"])
	if got := s.object("accounts", "update", account, "--avatar", ""); got["avatar_url"] != nil && got["avatar_url"] != "" {
		t.Errorf("%v", got)
	}
	if said := s.fails(exitFailed, "accounts", "update", account, "--name", ""); !strings.Contains(said, "name: ") {
		t.Errorf("%s", said)
	}
}

// A comma or a semicolon in a value is a part of it.
func TestValuesAreNotCut(t *testing.T) {
	s := newShell(t)
	s.serve()
	uri := "https://a.example/cb?x=1,https://evil.example/"
	made := s.object("clients", "create", "Notes", "--type", "web", "--redirect", uri, "--redirect", "https://a.example/other", "--scope", "a,b", "--scope", "c;d",
		"--claim", `list="a;b,c=d"`)
	if got := fmt.Sprint(made["redirect_uris"], made["scopes"], made["claims"]); got != "["+uri+` https://a.example/other] [a,b c;d] map[list:"a;b,c=d"]` {
		t.Errorf("%s", got)
	}
}

// A client that is to prove itself by a secret and has none is told how to get one, and a file that is no secret is not called one.
func TestRemediesOfClients(t *testing.T) {
	s := newShell(t)
	s.serve()
	id := fmt.Sprint(s.object("clients", "create", "Notes", "--type", "browser", "--redirect", "https://notes.example/cb")["id"])
	update := func(auth string) string {
		_, said, code := s.run("clients", "update", id, "--auth", auth)
		if code != exitOK {
			t.Errorf("%d %s", code, said)
		}
		return said
	}
	if said := update("client_secret_basic"); !strings.Contains(said, "ostiary clients rotate-secret "+id) {
		t.Errorf("%s", said)
	}
	s.ok("clients", "rotate-secret", id)
	for _, method := range []string{"client_secret_post", "none"} {
		if said := update(method); said != "" {
			t.Errorf("%s: %s", method, said)
		}
	}
	if said := s.fails(exitFailed, "clients", "update", id, "--jwks-file", "/nonexistent"); strings.Contains(said, "secret") || !strings.Contains(said, "read jwks: open /nonexistent") {
		t.Errorf("%s", said)
	}
	if said := s.fails(exitFailed, "clients", "update", id, "--terms", "http://notes.example"); !strings.Contains(said, "tos_uri: It is an https URL.") {
		t.Errorf("%s", said)
	}
	if said := s.fails(exitFailed, "clients", "update", id, "--auth", "private_key_jwt"); !strings.Contains(said, "jwks") {
		t.Errorf("%s", said)
	}
}

// A token that nobody can use yet is made with a warning, and one without uses not at all.
func TestRegistrationTokenWhileRegistrationIsOff(t *testing.T) {
	s := newShell(t)
	off, said, code := s.run("registration-tokens", "create", "ci", "--json")
	if code != exitOK || !strings.Contains(off, "ort_") || !strings.Contains(said, "oauth.registration: true") {
		t.Errorf("%d %s %s", code, off, said)
	}
	for _, uses := range []string{"0", "-1"} {
		for _, thing := range [][]string{{"registration-tokens", "create", "ci"}, {"invite-codes", "create"}} {
			if said := s.fails(exitFailed, append(thing, "--uses="+uses)...); !strings.Contains(said, "--uses") {
				t.Errorf("%s", said)
			}
		}
	}
	if list := s.list("registration-tokens", "list"); len(list) != 1 {
		t.Errorf("%v", list)
	}
	s.args = append(s.args, "--oauth-registration")
	if out, said, code := s.run("registration-tokens", "create", "ci"); code != exitOK || said != "" {
		t.Errorf("%d %s %s", code, out, said)
	}
	s.serve() // with its own settings
	if _, said, code := s.run("registration-tokens", "create", "ci"); code != exitOK || !strings.Contains(said, "oauth.registration: true") {
		t.Errorf("%d %s", code, said)
	}
}
