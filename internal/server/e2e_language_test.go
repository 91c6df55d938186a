package server_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/web"
)

// Who signs up in a language gets mails in it, until they choose another; who says none gets that of the app.
func TestMailsSpeakTheLanguageOfThePerson(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		w := newWire(t, i)
		subject := func(address, want string) {
			t.Helper()
			if got := i.Inbox(address); got.Subject != want {
				t.Errorf("%s: %q, want %q", address, got.Subject, want)
			}
		}
		register := func(email string, headers ...string) reply {
			t.Helper()
			return w.ask("POST", "/v1/auth/register", object{"email": email, "password": phrase, "name": "Kim"}, headers...).want(201)
		}
		kim := register("kim@example.com", "Accept-Language", "de-AT,de;q=0.9,en;q=0.8")
		subject("kim@example.com", "Bestätigen Sie Ihre E-Mail-Adresse für Ostiary")
		w.ask("POST", "/api/ostiary/v1/email-verification/complete", object{"token": mailed(t, i, "kim@example.com")},
			as(kim.text("token"))...).want(204)
		c := i.Client.WithToken(kim.text("token"))
		if me := ok[client.Me](t)(c.GetMe(t.Context())); me.User.Locale != "de" {
			t.Errorf("locale %q", me.User.Locale)
		}
		ok[client.User](t)(c.UpdateMe(t.Context(), map[string]any{"locale": "fr-CA"}, ""))
		i.Clock.Advance(time.Minute)
		none(t, i.Client.RequestPasswordReset(t.Context(), "kim@example.com"))
		subject("kim@example.com", "Choisissez un nouveau mot de passe pour Ostiary")

		register("lou@example.com")
		subject("lou@example.com", "Confirm your e-mail address for Ostiary")
		i.Clock.Advance(time.Minute)
		w.ask("POST", "/api/ostiary/v1/password-reset/request", object{"identifier": "lou@example.com"}, "Accept-Language", "ja").want(202)
		subject("lou@example.com", "Ostiary の新しいパスワードを設定してください")
		ok[client.App](t)(i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"locale": "es"}))
		register("max@example.com", "Accept-Language", "sv")
		subject("max@example.com", "Confirme su dirección de correo para Ostiary")
		if r := w.ask("GET", "/forgot", nil, "Accept", "text/html"); !strings.Contains(string(r.Body), `<html lang="es" dir="ltr">`) {
			t.Errorf("a page without a wish: %s", r.Body)
		}
		if _, err := i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"locale": "not a tag"}); err == nil {
			t.Error("a locale that is none is taken")
		}
	})
}

// Pages speak the language that the browser asks for, what went wrong included.
func TestPagesSpeakTheLanguageOfTheBrowser(t *testing.T) {
	i := servertest.Start(t)
	w := newWire(t, i)
	for tag, want := range map[string][]string{
		"pt-BR":      {`<html lang="pt" dir="ltr">`, "Enviar-me um link"},
		"zh-TW,zh":   {`<html lang="zh" dir="ltr">`, "发送链接"},
		web.Mirrored: {`<html lang="ar-XB" dir="rtl">`, "\u202ea\u202c"},
		"tlh":        {`<html lang="en" dir="ltr">`, "Mail me a link"},
	} {
		r := w.ask("GET", "/forgot", nil, "Accept", "text/html", "Accept-Language", tag).want(200)
		for _, text := range want {
			if !strings.Contains(string(r.Body), text) {
				t.Errorf("%s: no %s in %s", tag, text, r.Body)
			}
		}
	}
	form := url.Values{"token": {"dead"}}
	r := w.ask("POST", "/verify", form, "Origin", i.URL, "Accept-Language", "de")
	if !strings.Contains(string(r.Body), "Der Link oder Code ist abgelaufen") || r.Header.Get("Content-Language") != "de" {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
	}
	form = url.Values{"token": {i.SetupToken()}, "email": {"ada@example.com"}, "password": {"short"}}
	r = w.ask("POST", "/setup", form, "Origin", i.URL, "Accept-Language", "fr")
	if !strings.Contains(string(r.Body), `<p class="error" id="new-password-error">C’est trop court.`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// overrides puts files into the directory of templates of a server to come.
func overrides(t *testing.T, files map[string]string) servertest.Option {
	t.Helper()
	return servertest.Configure(func(c *config.Config) {
		for name, text := range files {
			path := filepath.Join(server.TemplatesDir(*c), name)
			none(t, os.MkdirAll(filepath.Dir(path), 0o700))
			none(t, os.WriteFile(path, []byte(text), 0o600))
		}
		none(t, os.Chmod(c.Data, 0o700))
	})
}

func TestOperatorsTemplates(t *testing.T) {
	i := servertest.Start(t, overrides(t, map[string]string{
		"mail/verify-email.txt.tmpl": "Ahoy {{.Name}}, {{.Link}}",
		"locales/en.json":            `{"mail.verify-email.subject": "Come aboard {{.App}}"}`,
		"pages/setup.html.tmpl":      `<p class="own">{{.Token}}</p>`,
		"pages/style.css":            "body { color: teal }",
	}))
	w := newWire(t, i)
	w.ask("POST", "/v1/auth/register", object{"email": "kim@example.com", "password": phrase, "name": "Kim <b>"}).want(201)
	m := i.Inbox("kim@example.com")
	if m.Subject != "Come aboard Ostiary" || !strings.HasPrefix(m.Text, "Hello Kim b,\n\nAhoy Kim b, http") || !strings.Contains(m.HTML, "Confirm address") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
	r := w.ask("GET", "/setup?token=%3Cscript%3E", nil, "Accept", "text/html").want(200)
	page := string(r.Body)
	if !strings.Contains(page, `<p class="own">&lt;script&gt;</p>`) {
		t.Errorf("%s", page)
	}
	_, rest, _ := strings.Cut(page, `<link rel="stylesheet" href="`)
	style, _, _ := strings.Cut(rest, `"`)
	if sheet := w.ask("GET", style, nil).want(200); !strings.Contains(string(sheet.Body), "teal") {
		t.Errorf("%s", sheet.Body)
	}
}

// A mistake in a template stops the start and says where it is. What is outside the directory is out of reach.
func TestBrokenTemplatesStopTheStart(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"syntax":       {"mail/body.txt.tmpl", "\n{{if}}", "mail/body.txt.tmpl:2: missing value for if"},
		"field":        {"mail/layout.html.tmpl", "<p>\n\n{{.Secret}}</p>", "mail/layout.html.tmpl:3: "},
		"page":         {"apps/shop/pages/reset.html.tmpl", `{{.T "page.reset.titel"}}`, "apps/shop/pages/reset.html.tmpl:1: "},
		"wrong place":  {"pages/setup.html.tmpl", "<script>var a = `{{.Name}}`</script><a href=\"{{", "pages/setup.html.tmpl:1: "},
		"sentence":     {"locales/de.json", `{"page.verfy.title": "x"}`, "de.json:1: there is no sentence page.verfy.title; did you mean page.verify.title?"},
		"unknown name": {"mail/welcome.txt.tmpl", "x", "mail/welcome.txt.tmpl: is nothing that can be replaced"},
	} {
		conf := config.Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0"}
		path := filepath.Join(server.TemplatesDir(conf), c.file)
		none(t, os.MkdirAll(filepath.Dir(path), 0o700))
		none(t, os.WriteFile(path, []byte(c.text), 0o600))
		if _, err := server.New(t.Context(), conf, server.Options{Quiet: true}); err == nil || !strings.Contains(err.Error(), server.TemplatesDir(conf)) ||
			!strings.Contains(filepath.ToSlash(err.Error()), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	conf := config.Config{Data: filepath.Join(t.TempDir(), "data")}
	none(t, os.MkdirAll(filepath.Join(server.TemplatesDir(conf), "pages"), 0o700))
	outside := filepath.Join(t.TempDir(), "secret.css")
	none(t, os.WriteFile(outside, []byte("x"), 0o600))
	none(t, os.Symlink(outside, filepath.Join(server.TemplatesDir(conf), "pages", "style.css")))
	if _, err := server.Templates(conf); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a link that leads outside: %v", err)
	}
}
