package web

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func catalogueOf(t *testing.T, tag string) catalogue {
	t.Helper()
	name := localesDir + tag + ".json"
	data, ok := embeddedFile(name)
	if !ok {
		t.Fatalf("no catalogue %s", tag)
	}
	c, problems := readCatalogue(name, data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

// Every language has exactly the sentences of English, with the same values and numbers in them.
func TestLanguagesAreComplete(t *testing.T) {
	if got := Languages(); !slices.Equal(got, []string{"en", "de", "es", "fr", "ja", "pt", "zh"}) {
		t.Fatalf("languages %v", got)
	}
	english := catalogueOf(t, English)
	for _, tag := range Languages() {
		c := catalogueOf(t, tag)
		for key, s := range english {
			other, ok := c[key]
			if !ok {
				t.Errorf("%s lacks %s", tag, key)
				continue
			}
			if !slices.Equal(s.placeholders(), other.placeholders()) {
				t.Errorf("%s: %s has the values %v, English %v", tag, key, other.placeholders(), s.placeholders())
			}
			if tag != English && len(key) > 12 && strings.HasPrefix(key, "mail.") && other.forms["other"] == s.forms["other"] {
				t.Errorf("%s: %s is English", tag, key)
			}
			if s.counted() && !other.counted() && tag != "ja" && tag != "zh" {
				t.Errorf("%s: %s has no plural forms", tag, key)
			}
		}
		for key := range c {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %s, English has not", tag, key)
			}
		}
		if first := c["format.months"].forms["other"]; len(strings.Split(first, " ")) != 12 {
			t.Errorf("%s: months %s", tag, first)
		}
	}
}

func TestMatchingLanguages(t *testing.T) {
	l := &Library{}
	for wish, want := range map[string]string{
		"": "", "*": "", "en": "en", "en-GB": "en", "de-AT": "de", "pt-BR": "pt", "pt-PT": "pt", "zh-CN": "zh", "zh-Hant-TW": "zh",
		"sv": "", "nl, de;q=0.5": "de", "fr;q=0.1, ja": "ja", "sv, *;q=0.5": "", "x": "", "not a header ;;;": "", "ar": "", "ar-XB": "",
		"de;q=0": "", strings.Repeat("de,", 100): "", "de-CH-1996": "de", "und": "",
	} {
		if got := l.Match(wish); got != want {
			t.Errorf("%q: %q, want %q", wish, got, want)
		}
	}
	for _, c := range []struct {
		wishes []string
		want   string
	}{{nil, "en"}, {[]string{"", ""}, "en"}, {[]string{"sv", "de-DE,de;q=0.9", "fr"}, "de"}, {[]string{"sv", "", "fr"}, "fr"}, {[]string{"en", "de"}, "en"}} {
		got, err := l.Skin("").Translator(c.wishes...)
		if err != nil || got.Lang != c.want || got.Dir != "ltr" {
			t.Errorf("%v: %+v %v", c.wishes, got, err)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"de", "en-US,en;q=0.5", "*", "x-klingon", "a-b-c-d", ";q=", "\x00", "zh-u-co-pinyin"} {
		f.Add(s)
	}
	l := &Library{}
	f.Fuzz(func(t *testing.T, wish string) {
		if got := l.Match(wish); got != "" && !slices.Contains(Languages(), got) {
			t.Errorf("%q: %q", wish, got)
		}
	})
}

func say(t *testing.T, text string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTimesAndNumbers(t *testing.T) {
	at := time.Date(2026, time.March, 1, 15, 4, 0, 0, time.FixedZone("", 3600))
	l := &Library{}
	for tag, want := range map[string][]string{
		"en": {"1 March 2026 14:04 UTC", "1 hour", "3 days", "90 minutes"},
		"de": {"1. März 2026, 14:04 Uhr UTC", "1 Stunde", "3 Tage", "90 Minuten"},
		"es": {"1 de marzo de 2026, 14:04 UTC", "1 hora", "3 días", "90 minutos"},
		"fr": {"1er mars 2026 à 14:04 UTC", "1 heure", "3 jours", "90 minutes"},
		"pt": {"1º de março de 2026, 14:04 UTC", "1 hora", "3 dias", "90 minutos"},
		"ja": {"2026年3月1日 14:04 (UTC)", "1時間", "3日", "90分"},
		"zh": {"2026年3月1日 14:04（UTC）", "1 小时", "3 天", "90 分钟"},
	} {
		tr, err := l.Skin("").Translator(tag)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tr.Moment(at)
		got := []string{say(t, text, err)}
		for _, d := range []time.Duration{time.Hour, 72 * time.Hour, 90 * time.Minute} {
			text, err := tr.Span(d)
			got = append(got, say(t, text, err))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", tag, got)
		}
	}
	fr, _ := l.Skin("").Translator("fr")
	if text, err := fr.T("mail.backup-code-used.left", 0); say(t, text, err) != "Il reste 0 code de secours." {
		t.Errorf("French counts nothing as one: %s", text)
	}
}

// What is not there is an error, never an empty place in a sentence.
func TestMissingSentences(t *testing.T) {
	tr, err := (&Library{}).Skin("").Translator()
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string]any{"no.such": nil, "mail.hello": struct{}{}, "mail.footer": map[string]string{"App": "x"}} {
		if text, err := tr.T(key, data); err == nil {
			t.Errorf("%s: %q", key, text)
		}
	}
}

// The values of a sentence are never sentences themselves (EM-02), and mirrored text keeps them.
func TestValuesAreNotEvaluated_EM02(t *testing.T) {
	skin := (&Library{}).Skin("")
	for _, tag := range append(Languages(), Mirrored) {
		tr, err := skin.Translator(tag)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tr.T("mail.hello", map[string]string{"Name": "{{.Secret}}"})
		if !strings.Contains(say(t, text, err), "{{.Secret}}") {
			t.Errorf("%s: %q", tag, text)
		}
	}
	tr, _ := skin.Translator(Mirrored)
	text, err := tr.T("mail.hello-nobody")
	if say(t, text, err) != "\u202eHello,\u202c" || tr.Dir != "rtl" || tr.Lang != "ar-XB" {
		t.Errorf("%q %+v", text, tr)
	}
	if at, err := tr.Moment(time.Unix(0, 0)); !strings.Contains(say(t, at, err), "\u202eJanuary\u202c") {
		t.Errorf("%q", at)
	}
}

func folder(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestOverrides(t *testing.T) {
	l, err := Load(folder(map[string]string{
		"mail/verify-email.txt.tmpl":            "Dear {{.Name}}",
		"pages/style.css":                       "body { color: red }",
		"locales/de.json":                       `{"mail.hello-nobody": "Moin,"}`,
		"locales/nl.json":                       `{"mail.hello-nobody": "Hallo,"}`,
		"apps/shop/pages/style.css":             "body { color: blue }",
		"apps/shop/locales/en.json":             `{"mail.hello-nobody": "Howdy,"}`,
		"apps/shop/pages/.verify.html.tmpl.swp": "{{",
		".git/config":                           "x",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ app, tag, want string }{{"", "de", "Moin,"}, {"shop", "de", "Moin,"}, {"", "nl-BE", "Hallo,"},
		{"", "en", "Hello,"}, {"shop", "en", "Howdy,"}, {"other", "en", "Hello,"}} {
		tr, err := l.Skin(c.app).Translator(c.tag)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := tr.T("mail.hello-nobody"); say(t, text, err) != c.want {
			t.Errorf("%+v: %s", c, text)
		}
	}
	nl, _ := l.Skin("").Translator("nl")
	if text, err := nl.T("page.magic.title"); say(t, text, err) != "Sign in" {
		t.Errorf("what Dutch lacks: %s", text)
	}
	if missing := l.Missing()["locales/nl.json"]; len(missing) != len(original())-1 || l.Match("nl") != "nl" {
		t.Errorf("%d missing", len(missing))
	}
	for app, want := range map[string]string{"": "red", "shop": "blue", "other": "red"} {
		if style, err := l.Skin(app).Style(); err != nil || !strings.Contains(string(style), want) {
			t.Errorf("%s: %s %v", app, style, err)
		}
	}
	m, err := l.Skin("shop").Mail("verify-email")
	if err != nil || m.Text.Lookup("body").Root.String() != "Dear {{.Name}}" || m.HTML.Lookup("body") == nil {
		t.Errorf("%v %v", m, err)
	}
}

// A mistake is told with file, line, what it is and what was perhaps meant.
func TestBrokenOverrides(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"a name":            {"mail/verify-mail.html.tmpl", "x", "mail/verify-mail.html.tmpl: is nothing that can be replaced; did you mean mail/verify-email.html.tmpl?"},
		"a place":           {"verify.html.tmpl", "x", "verify.html.tmpl: is nothing that can be replaced"},
		"an app's file":     {"apps/verify.html.tmpl", "x", "named after the id of an app"},
		"an app's language": {"apps/shop/locales/nl.json", "{}", "for all apps"},
		"a language":        {"locales/dutch.json", "{}", "not named after a language tag"},
		"a key":             {"locales/de.json", "{\n\"mail.helo\": \"x\"}", "locales/de.json:2: there is no sentence mail.helo; did you mean mail.hello?"},
		"a value":           {"locales/de.json", "{\n\n\"mail.hello\": \"x {{.Nam}}\"}", "locales/de.json:3: mail.hello has no value {{.Nam}}; it has {{.Name}}"},
		"a call":            {"locales/de.json", `{"mail.hello": "{{printf .Name}}"}`, "only values such as {{.App}}"},
		"a plural":          {"locales/de.json", `{"mail.hello": {"one": "x", "other": "y"}}`, "has plural forms"},
		"a form":            {"locales/de.json", `{"format.hours": {"single": "x", "other": "y"}}`, `"single" is no plural form`},
		"no form":           {"locales/de.json", `{"format.hours": {"one": "x"}}`, "lacks the form `other`"},
		"an empty sentence": {"locales/de.json", `{"mail.hello": ""}`, "is empty"},
		"a number":          {"locales/de.json", `{"mail.hello": 1}`, "must be a sentence"},
		"twice":             {"locales/de.json", "{\"mail.hello\": \"x\",\n\"mail.hello\": \"y\"}", "locales/de.json:2: mail.hello stands twice"},
		"JSON":              {"locales/de.json", "{\n\"mail.hello\" \"x\"}", "locales/de.json:2: "},
		"a list":            {"locales/de.json", "[]", "expected an object"},
		"half a file":       {"locales/de.json", "{", "ends before the object does"},
		"more":              {"locales/de.json", "{} {}", "something follows"},
		"a brace too many":  {"locales/de.json", "{}}", "something follows"},
		"a template":        {"pages/verify.html.tmpl", "<p>\n{{if}}</p>", "pages/verify.html.tmpl:2: missing value for if"},
		"a function":        {"mail/body.txt.tmpl", "{{env}}", `mail/body.txt.tmpl:1: function "env" not defined`},
		"an app's template": {"apps/shop/pages/verify.html.tmpl", "{{end}}", "apps/shop/pages/verify.html.tmpl:1: unexpected {{end}}"},
		"a large file":      {"pages/style.css", strings.Repeat("x", maxOverride+1), "is larger than 256 KiB"},
	} {
		_, err := Load(folder(map[string]string{c.file: c.text}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestBuiltIn(t *testing.T) {
	for _, name := range Names() {
		if text, err := BuiltIn(name); err != nil || text == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := BuiltIn("pages/verfy.html.tmpl"); err == nil || !strings.Contains(err.Error(), "did you mean pages/verify.html.tmpl?") {
		t.Error(err)
	}
	if len(Mails()) < 12 || len(Pages()) < 9 {
		t.Errorf("%v %v", Mails(), Pages())
	}
}

func FuzzCatalogue(f *testing.F) {
	for _, s := range []string{"{}", `{"a":"b"}`, `{"a":{"one":"x","other":"{{.N}}"}}`, "[", `{"a":`, "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := readCatalogue("x.json", []byte(text))
		if len(problems) == 0 && !json.Valid([]byte(text)) {
			t.Errorf("%q was taken: %v", text, c)
		}
	})
}
