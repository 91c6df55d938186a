package auth

import (
	"fmt"
	"strings"
	"testing"
)

func violation(e *Error) string {
	if e == nil {
		return ""
	}
	if e.Code != CodeWeakPassword || len(e.Violations) != 1 || e.Violations[0].Field != "password" {
		return fmt.Sprintf("malformed: %+v", e)
	}
	return e.Violations[0].Code
}

func TestPasswordLength_PW01_PW02_PW03(t *testing.T) {
	tests := []struct {
		name, password string
		least          int
		want           string
	}{
		{"seven", "xq7vbnt", 8, ViolationTooShort},
		{"seven emoji are 28 bytes", "🐙🦊🐢🌵🍄🧭🎻", 8, ViolationTooShort},
		{"eight emoji", "🐙🦊🐢🌵🍄🧭🎻🪁", 8, ""},
		{"eight", "xq7vbntk", 8, ""},
		{"a door cannot go below the floor", "xq7vbnt", 4, ViolationTooShort},
		{"a door may ask for more", "xq7vbntkplm", 12, ViolationTooShort},
		{"counted after composing", "e\u0301xq7vbn", 8, ViolationTooShort},
		{"a hundred characters", "my " + strings.Repeat("long sentence ", 7), 15, ""},
		{"the longest", strings.Repeat("xq7vbntk plm2wfz ", 61)[:1024], 8, ""},
		{"one byte more", strings.Repeat("xq7vbntk plm2wfz ", 61)[:1025], 8, ViolationTooLong},
		{"too long once composed", strings.Repeat("\U0001D160", 200), 8, ViolationTooLong},
		{"a megabyte", strings.Repeat("x", 1<<20), 8, ViolationTooLong},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := violation(CheckPassword(test.password, test.least)); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
		})
	}
	if e := CheckPassword("short", 12); e.Violations[0].Expected != "12" {
		t.Fatalf("the refusal does not name the bound: %+v", e)
	}
}

func TestNormalisePassword_PW05(t *testing.T) {
	if NormalisePassword("caf\u00e9 au lait") != NormalisePassword("cafe\u0301 au lait") {
		t.Fatal("composed and decomposed spellings differ")
	}
	for _, same := range []string{" Trailing Space ", "ﬀ stays", "CaSe"} {
		if NormalisePassword(same) != same {
			t.Fatalf("%q was changed", same)
		}
	}
}

func TestBlocklist_PW06(t *testing.T) {
	context := []string{"Acme Cloud", "Margaret.Hamilton@example.com", "apollo_guidance", "zo"}
	weak := []string{
		"password", "Password1", "password1234", "PASSWORD!", "p@ssw0rd", "P@$$w0rd2024", "pa55word99", "123password",
		"passwordpassword", "password password", "pass-word-1", "p.a.s.s.w.o.r.d", "Passw0rd!23",
		"qwertyuiop", "qwerty123456", "1q2w3e4r", "1qaz2wsx", "zaq12wsx", "qazwsxedc", "asdfghjkl", "zxcvbnm123",
		"qweasdzxc", "poiuytrewq", "abcd1234", "1234abcd", "a1b2c3d4", "1a2b3c4d", "abcdefgh", "zyxwvuts", "qwertz12",
		"12345678", "123456789012", "87654321", "11111111", "aaaaaaaaaaaa", "12121212", "abababab", "abcabcabc",
		"112233445566", "aaa111bbb", "19850412", "12041985", "12-04-1985", "19851985", "147258369",
		"iloveyou", "iloveyou2", "ILoveYou!!", "letmein1", "welcome123", "Welcome2024!", "admin1234", "adminadmin",
		"superman1", "batman2020", "dragon123", "monkey!!!", "football1", "liverpool1", "princess99", "sunshine1",
		"michael123456789", "michelle1", "danielle7", "summer2024!", "2024summer", "!!!summer!!!",
		"m0nk3y12", "trustno1!", "ncc1701d1", "blink182!", "minecraft1", "pokemon12", "charlie!1",
		"ostiary1!", "Ostiary2026", "0st14ry!!",
		"acmecloud1", "Acme-Cloud!", "margaret.hamilton", "MargaretHamilton1", "hamilton2026!", "M4rg4r3t!",
		"apollo_guidance1", "guidance12", "margaret.hamiltonmargaret.hamilton",
	}
	for _, password := range weak {
		if got := violation(CheckPassword(password, 8, context...)); got != ViolationPasswordWeak {
			t.Errorf("%q is accepted (%q)", password, got)
		}
	}
}

// TestNoCompositionRule_PW04 holds what the blocklist must leave alone: phrases in lower case, random text of one
// kind of character, words joined to others.
func TestNoCompositionRule_PW04(t *testing.T) {
	context := []string{"Acme Cloud", "al@example.com", "margaret@example.com", ""}
	strong := []string{
		"correct horse battery staple", "correcthorsebatterystaple", "aaaaaaaaaaaaqzxwtk", "the owl eats green stairs",
		"margaret likes long walks", "my password is a long one", "this-one-is-mine-7", "xkcdvolumezero nine",
		"vqzjtwkf", "83749261", "7#kk29!vd", "tangerine submarine", "Ostiary guards my door", "acme cloud rains on me",
		"пароль длиной в жизнь", "雨の日は本を読みたい", "alarm clock", "almond butter toast", "    spaces count    x",
		"dragon847261935", "Zm9vYmFyYmF6", "hunter under the bridge",
	}
	for _, password := range strong {
		if e := CheckPassword(password, 8, context...); e != nil {
			t.Errorf("%q is refused: %v", password, e)
		}
	}
}

func TestBlocklistSize_PW06(t *testing.T) {
	seen := map[string]bool{}
	for word := range strings.SplitSeq(strings.TrimSpace(commonWords), "\n") {
		if word != strings.ToLower(word) || word != strings.TrimSpace(word) || word == "" || seen[word] {
			t.Fatalf("%q does not belong on the list", word)
		}
		if seen[word] = true; !listed(word) {
			t.Fatalf("%q is not found: the list is not sorted", word)
		}
	}
	blocked := 0
	for word := range seen {
		for _, suffix := range []string{"", "1", "123", "2024", "!"} {
			if len(word+suffix) >= 8 && violation(CheckPassword(word+suffix, 8)) == ViolationPasswordWeak {
				blocked++
			}
		}
	}
	if blocked < 3000 {
		t.Fatalf("only %d passwords of 8 characters and more are blocked by the plainest decorations", blocked)
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("password1234", "ada@example.com")
	f.Add("1111111aa1111111", "@")
	f.Add("\xff\xfe12345678", "ﬀ.ß")
	f.Add(strings.Repeat("1", 500)+"a"+strings.Repeat("1", 500), "")
	f.Fuzz(func(t *testing.T, password, context string) {
		got := violation(CheckPassword(password, 8, context))
		switch got {
		case "", ViolationTooLong, ViolationTooShort, ViolationPasswordWeak:
		default:
			t.Fatal(got)
		}
	})
}

// BenchmarkCheckPassword shows that the worst input costs little beside the hash that follows.
func BenchmarkCheckPassword(b *testing.B) {
	for name, password := range map[string]string{
		"phrase": "correct horse battery staple",
		"worst":  strings.Repeat("12345678", 60) + "kqzkqzkqz" + strings.Repeat("87654321", 60),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				CheckPassword(password, 8, "ada.lovelace@example.com", "Acme")
			}
		})
	}
}

// PW-06: the person's own address is the first thing that a guesser tries.
func TestOwnAddressIsNoPassword_PW06(t *testing.T) {
	const address = "text@example.com"
	for _, password := range []string{address, "TEXT@Example.com", "text@example.com1", "2026text@example.com!"} {
		if CheckPassword(password, 8, address) == nil {
			t.Errorf("%q is accepted for %s", password, address)
		}
	}
	if err := CheckPassword("mails for text@example.com go astray", 8, address); err != nil {
		t.Errorf("a phrase around the address is refused: %v", err)
	}
}
