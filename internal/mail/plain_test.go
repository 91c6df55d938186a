package mail

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUsersTextIsHarmless_EM02(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"Ada Lovelace":     "Ada Lovelace",
		"J. R. R. Tolkien": "J. R. R. Tolkien",
		"O'Neil-Müller":    "O'Neil-Müller",
		"山田 太郎":            "山田 太郎",
		"Sammy Davis Jr.":  "Sammy Davis Jr.",
		"Ben & Jerry, Ltd": "Ben & Jerry, Ltd",
		"<a href=//evil.example>Click</a> {{.Secret}}": "a href evil example Click a Secret",
		"https://evil.example/x?y":                     "https evil example x y",
		"evil.example":                                 "evil example",
		"evil。example":                                 "evil example",
		"write to me@evil.example":                     "write to me evil example",
		"a\r\nBcc: b@c.de":                             "a Bcc b c de",
		"abc\u202egnp.exe":                             "abc gnp exe",
		"a\u200bb\u00adc":                              "a b c",
		"\x00\xff a":                                   "a",
		"*bold* [link](x) `code`":                      "bold link x code",
		strings.Repeat("x", 500):                       strings.Repeat("x", 64),
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"Ada", "a.b.c", "http://x.y", "<b>", ". .", "a. b.c.", "é\u0301.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > plainLimit {
			t.Errorf("%q", got)
		}
		if strings.ContainsAny(got, "<>@:/\\\"`{}[]()*_\r\n\x00") {
			t.Errorf("%q", got)
		}
		for i := range got {
			if got[i] == '.' && i+1 < len(got) && got[i+1] != ' ' {
				t.Errorf("a host name may stand in %q", got)
			}
		}
	})
}

// A corpus of addresses: what may reach an SMTP dialogue, and in which form.
func TestDeliverableAddresses_EM01(t *testing.T) {
	good := map[string]string{
		"ada@example.com":          "ada@example.com",
		"Ada.Lovelace@Example.COM": "Ada.Lovelace@example.com",
		"ada+tag@example.com":      "ada+tag@example.com",
		" ada@example.com ":        "ada@example.com",
		"o'neil@example.com":       "o'neil@example.com",
		"ada@bücher.example":       "ada@xn--bcher-kva.example",
		"a_b-c@sub.example.co":     "a_b-c@sub.example.co",
	}
	for in, want := range good {
		if got, err := deliverable(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	bad := []string{
		"", " ", "ada", "@example.com", "ada@", "ada@@example.com", "ada@b@example.com", "ada@example", "ada@.com",
		"ada@example..com", "ada@example.com.", ".ada@example.com", "ada.@example.com", "a..b@example.com",
		"ada@[192.0.2.1]", "ada@192.0.2.1", `"ada"@example.com`, `"a@b"@example.com`, "ada(comment)@example.com",
		"<ada@example.com>", "Ada <ada@example.com>", "ada@example.com>", "@route.example:ada@example.com",
		"ada@example.com\r\nBcc: b@example.com", "ada@example.com\n", "\rada@example.com", "ada\x00@example.com",
		"ada@example.com\x00", "a da@example.com", "ada@exam ple.com", "ada,b@example.com", "ada;b@example.com",
		"=?utf-8?q?x?=@example.com, b@c.de", "ada@-example.com", "ada@example-.com", "ada@exa_mple.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 250) + ".com", "ada\u212a@example.com",
		"ada@example.com\u200b", "ada@xn--.com", "ada@xn--a.com", "\xff@example.com",
	}
	for _, in := range bad {
		if got, err := deliverable(in); err == nil {
			t.Errorf("%q is taken as %q", in, got)
		}
	}
}
