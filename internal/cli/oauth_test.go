package cli

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
)

// TestClientFlags: whatever the API takes for a client, a flag sets, and takes back with an empty text.
func TestClientFlags(t *testing.T) {
	var c clientSettings
	fill(reflect.ValueOf(&c).Elem(), "x")
	c.JWKSFile, c.AssertionFile = nil, new("-")
	given, err := c.change(strings.NewReader(`{"a": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	c.JWKSFile, c.AssertionFile = new("-"), nil
	more, err := c.change(strings.NewReader(`{"keys": []}`))
	if err != nil {
		t.Fatal(err)
	}
	fill(reflect.ValueOf(&c).Elem(), "")
	back, err := c.change(strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[client.NewClient]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "name" || name == "type" {
			continue
		}
		if given[name] == nil && more[name] == nil {
			t.Errorf("no flag sets %s", name)
		}
		if value, is := back[name]; !is || value != nil && name != "claims" {
			t.Errorf("no flag takes %s back: %v", name, value)
		}
		delete(given, name)
	}
	if len(given) > 0 {
		t.Errorf("the API has no %v", given)
	}
}

// fill gives every field of a struct some value, of text where it has one.
func fill(v reflect.Value, text string) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case []string:
			f.Set(reflect.ValueOf([]string{text}))
		case map[string]string:
			f.Set(reflect.ValueOf(map[string]string{"x": text}))
		case *string:
			f.Set(reflect.ValueOf(&text))
		case *bool:
			f.Set(reflect.ValueOf(new(text != "")))
		}
	}
}

// oauthCommands walks through the commands of OAuth clients and what belongs to them.
func oauthCommands(s *shell) {
	s.t.Helper()
	user := s.object("users", "create", "oauth@example.test", "--verified")
	id := fmt.Sprint(user["id"])
	resource := s.object("resources", "create", "https://api.example/", "API", "--scope", "notes:read=Read your notes", "--token-ttl", "5m", "--metadata")
	if resource["uri"] != "https://api.example" || resource["metadata_document"] != true {
		s.t.Errorf("%v", resource)
	}
	made := s.object("clients", "create", "Notes", "--type", "web", "--redirect", "https://notes.example/cb", "--resource", "https://api.example",
		"--claim", "plan=user.attributes.plan", "--claim", `who=user.email + "!"`)
	web := fmt.Sprint(made["id"])
	if !strings.HasPrefix(fmt.Sprint(made["client_secret"]), "osc_") || made["token_endpoint_auth_method"] != "client_secret_basic" {
		s.t.Errorf("%v", made)
	}
	if got := s.object("clients", "rotate-secret", web, "--overlap", "1d"); !strings.HasPrefix(fmt.Sprint(got["client_secret"]), "osc_") {
		s.t.Errorf("%v", got)
	}
	secrets := s.list("clients", "secrets", web)
	if len(secrets) != 2 {
		s.t.Fatalf("%v", secrets)
	}
	s.fails(exitFailed, "clients", "rotate-secret", web)
	s.ok("clients", "revoke-secret", web, fmt.Sprint(secrets[1]["id"]))
	got := s.object("clients", "preview-claims", web, "--user", id, "--scope", "openid", "--scope", "email", "--scope", "notes:read", "--resource", "https://api.example")
	access, _ := got["access_token"].(map[string]any)
	info, _ := got["userinfo"].(map[string]any)
	failed, _ := got["failed"].(map[string]any)
	if access["who"] != "oauth@example.test!" || access["scope"] != "openid email notes:read" || info["email"] != "oauth@example.test" || failed["plan"] == nil {
		s.t.Errorf("%v", got)
	}
	s.ok("clients", "preview-claims", web, "--user", id, "--scope", "openid")
	s.fails(exitFailed, "clients", "preview-claims", web, "--user", id, "--scope", "other")
	s.fails(exitFailed, "clients", "update", web, "--claim", "role='admin'")
	s.fails(exitFailed, "clients", "update", web, "--claim", "x=user.")
	if got := s.object("clients", "update", web, "--auth", "none", "--trusted"); got["consent"] != "trusted" || len(s.list("clients", "secrets", web)) != 0 {
		s.t.Errorf("%v", got)
	}
	told := s.object("clients", "update", web, "--no-trusted", "--response-mode", "query", "--response-mode", "form_post", "--userinfo-alg", "ES256",
		"--frontchannel", "https://notes.example/out", "--homepage", "https://notes.example/", "--logo", "https://notes.example/logo.png",
		"--policy", "https://notes.example/privacy", "--terms", "https://notes.example/terms")
	if told["consent"] == "trusted" || fmt.Sprint(told["response_modes"]) != "[query form_post]" || told["tos_uri"] != "https://notes.example/terms" {
		s.t.Errorf("%v", told)
	}
	if got := s.object("clients", "update", web, "--logo", ""); got["logo_uri"] != nil || got["policy_uri"] != "https://notes.example/privacy" {
		s.t.Errorf("%v", got)
	}
	if got := s.list("consents", "list", id); len(got) != 0 {
		s.t.Errorf("%v", got)
	}
	s.fails(exitFailed, "consents", "revoke", id, web)
	token := s.object("registration-tokens", "create", "ci", "--uses", "2")
	if !strings.HasPrefix(fmt.Sprint(token["token"]), "ort_") || len(s.list("registration-tokens", "list")) != 1 {
		s.t.Errorf("%v", token)
	}
	s.ok("registration-tokens", "revoke", fmt.Sprint(token["id"]))
	if got := s.object("resources", "update", fmt.Sprint(resource["id"]), "--name", "Notes API"); got["name"] != "Notes API" || len(s.list("resources", "list")) != 1 {
		s.t.Errorf("%v", got)
	}
	s.ok("resources", "delete", fmt.Sprint(resource["id"]))
	s.ok("clients", "delete", web)
}
