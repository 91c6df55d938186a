package mail

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for in, want := range map[string]string{
		"a\n\n\n\nb  \n-- \nc\n":           "a\n\nb\n-- \nc\n",
		long:                               strings.TrimSpace(strings.Repeat("word ", 15)) + "\n" + strings.TrimSpace(strings.Repeat("word ", 15)) + "\n",
		"see https://example.com/ " + long: "see https://example.com/ " + strings.TrimSpace(long) + "\n",
		strings.Repeat("x", 200):           strings.Repeat("x", 200) + "\n",
		strings.Repeat("あ", 37) + "い。う":    strings.Repeat("あ", 37) + "\nい。う\n",
		strings.Repeat("あ", 40):            strings.Repeat("あ", 38) + "\nああ\n",
		"\u202e" + strings.Repeat("é", 75): "\u202e" + strings.Repeat("é", 75) + "\n",
	} {
		if got := wrap(in); got != want {
			t.Errorf("%q:\n%q, want\n%q", in, got, want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range []string{"", "a b", strings.Repeat("word ", 40), strings.Repeat("漢字、", 40), "-- ", "\r\n\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		strip := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := wrap(strings.ToValidUTF8(s, "?")); strip(got) != strip(strings.ToValidUTF8(s, "?")) {
			t.Errorf("%q lost something of %q", got, s)
		}
	})
}
