package auth

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCanonicalEmail_EM01_EM03_ET07 is the corpus of addresses: what is accepted and how it compares, and what is
// refused because a mail server, a database or a person would read it as something else.
func TestCanonicalEmail_EM01_EM03_ET07(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := []struct{ name, address, want string }{ // want empty: refused
		{"plain", "ada@example.com", "ada@example.com"},
		{"case", "Ada.Lovelace@Example.COM", "ada.lovelace@example.com"},
		{"outer space", " ada@example.com\n", "ada@example.com"},
		{"plus tag stays", "ada+news@example.com", "ada+news@example.com"},
		{"dots stay", "a.d.a@gmail.com", "a.d.a@gmail.com"},
		{"atext", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"subdomains", "a@b.c.d.example.co.uk", "a@b.c.d.example.co.uk"},
		{"digits in host", "a@1and1.com", "a@1and1.com"},
		{"international domain", "ada@Bücher.example", "ada@xn--bcher-kva.example"},
		{"its A-label", "ada@XN--bcher-kva.example", "ada@xn--bcher-kva.example"},
		{"sharp s is not ss", "ada@straße.example", "ada@xn--strae-oqa.example"},
		{"international local part", "JÜRGEN@example.com", "jürgen@example.com"},
		{"decomposed local part", "ju\u0308rgen@example.com", "jürgen@example.com"},
		{"cyrillic", "Иван@пример.рф", "иван@xn--e1afmkfd.xn--p1ai"},
		{"han", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"},
		{"dotless i is its own letter", "ada.ı@example.com", "ada.ı@example.com"},
		{"longest local", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
		{"longest label", "a@" + label63 + ".com", "a@" + label63 + ".com"},

		{"empty", "", ""},
		{"no at", "example.com", ""},
		{"two at", "a@b@example.com", ""},
		{"no local", "@example.com", ""},
		{"no domain", "ada@", ""},
		{"single label", "ada@localhost", ""},
		{"trailing dot", "ada@example.com.", ""},
		{"leading dot", ".ada@example.com", ""},
		{"double dot", "a..b@example.com", ""},
		{"dot before at", "ada.@example.com", ""},
		{"empty label", "ada@example..com", ""},
		{"quoted local", `"ada lovelace"@example.com`, ""},
		{"quoted plain", `"ada"@example.com`, ""},
		{"comment", "ada(boss)@example.com", ""},
		{"angle brackets", "<ada@example.com>", ""},
		{"display name", "Ada <ada@example.com>", ""},
		{"inner space", "a da@example.com", ""},
		{"space in domain", "ada@exam ple.com", ""},
		{"CR LF", "ada@example.com\r\nBcc: eve@evil.example", ""},
		{"LF in local", "ada\n@example.com", ""},
		{"NUL", "ada\x00@example.com", ""},
		{"tab", "a\tda@example.com", ""},
		{"DEL", "ada\x7f@example.com", ""},
		{"encoded word as address list", "=?utf-8?q?a?=,eve@example.com", ""},
		{"semicolon", "ada;eve@example.com", ""},
		{"source route", "@relay.example:ada@example.com", ""},
		{"percent route host", "ada@relay%example.com", ""},
		{"ip literal", "ada@[127.0.0.1]", ""},
		{"bare ip", "ada@127.0.0.1", ""},
		{"numeric top level", "ada@example.123", ""},
		{"underscore host", "ada@ex_ample.com", ""},
		{"hyphen first", "ada@-example.com", ""},
		{"hyphen last", "ada@example-.com", ""},
		{"reserved hyphens", "ada@ab--cd.com", ""},
		{"ASCII as punycode", "ada@xn--google-.com", ""},
		{"empty punycode", "ada@xn--.com", ""},
		{"punycode of upper case", "ada@xn--a-ccb.com", ""},
		{"broken punycode", "ada@xn--99999999.com", ""},
		{"kelvin sign", "mi\u212ae@example.com", ""},
		{"kelvin sign in domain", "mike@\u212aelvin.com", ""},
		{"long s", "\u017fue@example.com", ""},
		{"ligature", "\ufb00@example.com", ""},
		{"full width", "\uff41da@example.com", ""},
		{"full-width dot", "ada@example\uff0ecom", ""},
		{"ideographic dot", "ada@example\u3002com", ""},
		{"zero width space", "a\u200bda@example.com", ""},
		{"zero width joiner", "a\u200dda@example.com", ""},
		{"byte order mark", "\ufeffada@example.com", ""},
		{"soft hyphen", "a\u00adda@example.com", ""},
		{"soft hyphen in domain", "ada@exa\u00admple.com", ""},
		{"right to left override", "ada\u202emoc@example.com", ""},
		{"hangul filler", "ada\u3164@example.com", ""},
		{"no-break space", "ada\u00a0@example.com", ""},
		{"combining mark first", "\u0301ada@example.com", ""},
		{"private use", "ada\ue000@example.com", ""},
		{"invalid UTF-8", "ada\xff@example.com", ""},
		{"latin and cyrillic", "p\u0430ul@example.com", ""},
		{"latin and cyrillic label", "ada@p\u0430ypal.com", ""},
		{"local too long", strings.Repeat("a", 65) + "@example.com", ""},
		{"label too long", "a@" + label63 + "a.com", ""},
		{"too long", "a@" + strings.Repeat(label63+".", 4) + "com", ""},
		{"a megabyte", strings.Repeat("a@", 1<<19), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := CanonicalEmail(test.address)
			if got != test.want {
				t.Fatalf("CanonicalEmail(%q) = %q, %v; want %q", test.address, got, err, test.want)
			}
			if test.want == "" {
				e := AsError(err)
				if e.Code != CodeInvalidRequest || len(e.Violations) != 1 || e.Violations[0].Field != "email" || e.Violations[0].Code != ViolationEmail {
					t.Fatalf("the refusal is %+v", e)
				}
			}
		})
	}
}

func FuzzCanonicalEmail(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "ÀDA@Bücher.example", "用户@例子.广告", "a@xn--bcher-kva.de", "ſ@K.com", "ß.ẞ@ß.de", "ʼn@x.y", "a@b.c\r\n", "\u0345a@b.cd", "İ@b.cd", "A\u0345@0.A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, err := CanonicalEmail(address)
		if err != nil {
			if got != "" {
				t.Fatalf("refused %q but gave %q", address, got)
			}
			return
		}
		again, err := CanonicalEmail(got)
		if err != nil || again != got {
			t.Fatalf("%q is canonical %q, but that is canonical %q, %v", address, got, again, err)
		}
		if !utf8.ValidString(got) || len(got) > maxEmail || strings.Count(got, "@") != 1 || strings.ContainsAny(got, " \r\n\t\x00<>(),;:\\\"[]") {
			t.Fatalf("%q gave the dangerous %q", address, got)
		}
		if domain := got[strings.IndexByte(got, '@')+1:]; !isASCII(domain) || domain != strings.ToLower(domain) {
			t.Fatalf("the domain of %q is not in lower-case A-labels", got)
		}
	})
}

func TestCanonicalUsername(t *testing.T) {
	tests := []struct{ name, username, want string }{
		{"plain", "Ada", "ada"},
		{"one character", "x", "x"},
		{"punctuation", "ada_love-lace.1815", "ada_love-lace.1815"},
		{"digits", "007", "007"},
		{"umlaut", "JÜRGEN", "jürgen"},
		{"decomposed", "ju\u0308rgen", "jürgen"},
		{"sharp s", "Weiß", "weiss"},
		{"han", "用户", "用户"},
		{"devanagari with vowel signs", "हिन्दी", "हिन्दी"},
		{"longest", strings.Repeat("ä", 64), strings.Repeat("ä", 64)},

		{"empty", "", ""},
		{"too long", strings.Repeat("a", 65), ""},
		{"too long when folded", strings.Repeat("ß", 33), ""},
		{"at sign", "ada@example", ""},
		{"space", "ada lovelace", ""},
		{"leading space", " ada", ""},
		{"slash", "ada/eve", ""},
		{"quote", `ada"`, ""},
		{"LF", "ada\n", ""},
		{"NUL", "a\x00b", ""},
		{"zero width", "ad\u200da", ""},
		{"filler", "ad\u115fa", ""},
		{"kelvin", "\u212aurt", ""},
		{"full width", "\uff41da", ""},
		{"superscript", "ada²", ""},
		{"roman numeral", "ada\u2167", ""},
		{"emoji", "ada😀", ""},
		{"mark first", "\u0301a", ""},
		{"mixed scripts", "p\u0430ul", ""},
		{"invalid UTF-8", "\xff", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := CanonicalUsername(test.username)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Fatalf("CanonicalUsername(%q) = %q, %v; want %q", test.username, got, err, test.want)
			}
		})
	}
}

func FuzzCanonicalUsername(f *testing.F) {
	for _, seed := range []string{"Ada", "Weiß", "ŉa", "İ", "हिन्दी", "ǰ\u0323"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, username string) {
		got, err := CanonicalUsername(username)
		if err != nil {
			return
		}
		if again, err := CanonicalUsername(got); err != nil || again != got {
			t.Fatalf("%q is canonical %q, but that is canonical %q, %v", username, got, again, err)
		}
	})
}
