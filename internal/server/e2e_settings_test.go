package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// An app declares the attributes of its users, with their types and who writes them; nothing else can be written.
func TestAppDeclaresAttributes(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		change := func(attributes any) (client.App, error) {
			return i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"attributes": attributes})
		}
		app := ok[client.App](t)(change(object{"company": nil, "branch": object{"type": "string", "max_length": 20, "writer": "user"},
			"seats": object{"type": "integer", "writer": "admin"}}))
		if _, gone := app.Attributes["company"]; gone || app.Attributes["branch"] != (client.AttributeRule{Type: "string", MaxLength: 20, Writer: "user"}) ||
			app.Attributes["seats"] != (client.AttributeRule{Type: "integer", Writer: "admin"}) || app.Attributes["plan"].Type != "string" {
			t.Errorf("%+v", app.Attributes)
		}
		me, in := person(t, i, "ann@example.com")
		w := newWire(t, i)
		write := func(path, token string, attributes object) reply {
			return w.ask("PATCH", "/api/ostiary/v1"+path, object{"attributes": attributes}, as(token)...)
		}
		own := in.Tokens.AccessToken
		write("/me", own, object{"branch": "north"}).want(http.StatusOK)
		for name, value := range map[string]any{"company": "Acme", "seats": 7, "branch": strings.Repeat("x", 21)} {
			write("/me", own, object{name: value}).want(http.StatusBadRequest)
		}
		ok[client.User](t)(i.Operator.UpdateUser(t.Context(), in.User.ID, map[string]any{"attributes": object{"seats": 7}}, ""))
		got := ok[client.Me](t)(me.GetMe(t.Context())).User.Attributes
		if got["branch"] != "north" || got["seats"] != 7.0 || len(got) != 2 {
			t.Errorf("%v", got)
		}
		for what, rule := range map[string]any{"type": object{"type": "list", "writer": "user"}, "no writer": object{"type": "string"},
			"writer": object{"type": "string", "writer": "everybody"}, "length": object{"type": "integer", "max_length": 3, "writer": "user"}, "no rule": "string"} {
			_, err := change(object{"x": rule})
			if !client.IsCode(err, "invalid-request") {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := change(object{"Not-a-name": object{"type": "string", "writer": "user"}})
		refusedAs(t, err, "invalid-request")
		if app = ok[client.App](t)(change(nil)); len(app.Attributes) != 2 || app.Attributes["company"].MaxLength != 200 {
			t.Errorf("the attributes of before are %+v", app.Attributes)
		}
	})
}

// An app may have its tokens signed with a secret that old resource servers share; only the machine's operator can read it.
func TestSharedSecretOfAnApp(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		_, before := person(t, i, "ann@example.com")
		set := func(algorithm any) {
			ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"signing_algorithm": algorithm}))
		}
		signIn := func() string {
			return ok[client.SignInResult](t)(i.Client.SignIn(t.Context(), client.SignIn{Identifier: "ann@example.com", Password: phrase})).Tokens.AccessToken
		}
		_, err := i.Operator.GetSharedSecret(t.Context())
		refusedAs(t, err, "conflict")
		set("HS256")
		token := signIn()
		shared := ok[client.SharedSecret](t)(i.Operator.GetSharedSecret(t.Context()))
		key, err := base64.RawURLEncoding.DecodeString(shared.Secret)
		none(t, err)
		end := strings.LastIndex(token, ".")
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(token[:end]))
		if shared.Algorithm != "HS256" || len(key) != 32 || token[end+1:] != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the token of %+v is %s", shared.Algorithm, token)
		}
		ok[client.Me](t)(i.Client.WithToken(token).GetMe(t.Context()))
		ok[client.Me](t)(i.Client.WithToken(before.Tokens.AccessToken).GetMe(t.Context()))
		admin := ok[client.SignedIn](t)(i.Client.CreateFirstAdministrator(t.Context(), client.Setup{Token: i.SetupToken(),
			Email: "root@example.com", Password: phrase, Name: "Root"})).Tokens.AccessToken
		if r := newWire(t, i).ask("GET", "/api/ostiary/v1/house/shared-secret", nil, as(admin)...); r.Status != http.StatusForbidden {
			t.Errorf("an administrator reads it: %d %s", r.Status, r.Body)
		}
		set(nil)
		if head, _ := base64.RawURLEncoding.DecodeString(strings.Split(signIn(), ".")[0]); !strings.Contains(string(head), `"ES256"`) {
			t.Errorf("header %s", head)
		}
	})
}
