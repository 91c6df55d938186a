package mail_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/web"
)

// Every mail can be written in every language, in lines that mail programs show whole.
func TestEveryKindInEveryLanguage(t *testing.T) {
	if problems := mail.Check(&web.Library{}); len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(web.Mails()) != len(mail.Kinds()) {
		t.Errorf("the catalogues know %v", web.Mails())
	}
	h := newHouse(t, func(o store.Options) *store.DB { return storetest.Open(t, o) })
	greetings := map[string]string{"en": "Hello Ada", "de": "Guten Tag Ada", "es": "Hola, Ada", "fr": "Bonjour Ada", "pt": "Olá, Ada",
		"ja": "Ada 様", "zh": "Ada，您好", web.Mirrored: "\u202eHello\u202c"}
	for tag, greeting := range greetings {
		for _, kind := range mail.Kinds() {
			for _, detail := range append([]mail.Detail{""}, mail.Details()[kind]...) {
				h.clock.Advance(time.Second)
				m := h.message(kind)
				m.Detail, m.Count, m.Languages = detail, 3, []string{"", tag}
				h.mustSend(m)
				h.runDue()
				got := h.list(1)[0]
				direction := `lang="` + tag + `" dir="` + map[bool]string{true: "rtl", false: "ltr"}[tag == web.Mirrored] + `"`
				if !strings.Contains(got.HTML, direction) || !strings.Contains(got.Text, greeting) || !strings.Contains(got.HTML, greeting) {
					t.Fatalf("%s in %s:\n%s\n%s", kind, tag, got.Text, got.HTML)
				}
				for line := range strings.Lines(got.Text) {
					if n := columns(strings.TrimSuffix(line, "\n")); n > 78 && !strings.Contains(line, "://") && tag != web.Mirrored {
						t.Errorf("%s in %s: a line of %d columns: %s", kind, tag, n, line)
					}
				}
			}
		}
	}
}

// columns counts characters of East Asia twice.
func columns(line string) (n int) {
	for _, r := range line {
		n++
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r < 0x3040 || r >= 0xff00 && r < 0xff60 {
			n++
		}
	}
	return n
}

// The language is the first wish that we have: the person's, the request's, the app's, and English at the end.
func TestLanguageOfAMail(t *testing.T) {
	h := newHouse(t, func(o store.Options) *store.DB { return storetest.Open(t, o) })
	for _, c := range []struct {
		wishes []string
		app    string
		want   string
	}{
		{nil, "", "Hello"}, {[]string{"fr-CA", "de"}, "es", "Bonjour"}, {[]string{"", "de-DE,de;q=0.9,en;q=0.8"}, "es", "Guten Tag"},
		{[]string{"sv", "*"}, "es", "Hola"}, {[]string{"sv"}, "sv", "Hello"},
	} {
		h.clock.Advance(time.Second)
		m := h.message(mail.PasswordChanged)
		m.Languages, m.App.Settings.Locale = c.wishes, c.app
		h.mustSend(m)
		h.runDue()
		if got := h.list(1)[0]; !strings.HasPrefix(got.Text, c.want) {
			t.Errorf("%+v: %s", c, got.Text)
		}
	}
	m := h.message(mail.PasswordChanged)
	m.Detail = mail.FactorOn
	if err := h.send(m); err == nil {
		t.Error("a detail of another kind is taken")
	}
}

func BenchmarkRender(b *testing.B) {
	library := &web.Library{}
	handler := &mail.Handler{Library: library, Clock: time.Now, Transport: transportFunc(func(context.Context, mail.Letter) error { return nil })}
	payload := []byte(`{"kind":"magic-link","to":"ada@example.org","app":"Field Notes","name":"Ada","link":"https://id.example.com/magic?token=x",` +
		`"code":"271828","languages":["de-DE,de;q=0.9"],"expires_at":"2030-01-01T00:00:00Z"}`)
	d := queue.Delivery{Payload: payload, CreatedAt: time.Now()}
	d.ID = auth.JobID("1")
	for b.Loop() {
		if err := handler.Handle(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
}
