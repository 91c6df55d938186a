package invite

import "testing"

// FuzzCode types arbitrary texts as an invite code: what is taken has one form.
func FuzzCode(f *testing.F) {
	f.Add("abcd-efgh 12")
	f.Add("ABCDEFGH12")
	f.Add("-")
	f.Add("ab\u00a0cd")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := canonicalCode(typed)
		if !ok {
			return
		}
		if again, ok := canonicalCode(code); !ok || again != code || len(code) > maxGivenCode {
			t.Errorf("%q is taken as %q, and that as %q", typed, code, again)
		}
	})
}
