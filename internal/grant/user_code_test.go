package grant

import (
	"strings"
	"testing"
)

// FuzzUserCode types arbitrary texts as the code of a device: what is taken has one form, which is the one that is shown.
func FuzzUserCode(f *testing.F) {
	f.Add("BCDF-GHJK")
	f.Add(" bcdf ghjk_")
	f.Add("BCDF-GHJA")
	f.Add("BCDFGHJK" + strings.Repeat("-", 30))
	f.Add("BCDF\u2010GHJK")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := CanonicalUserCode(typed)
		if !ok {
			return
		}
		if len(code) != UserCodeLength || strings.Trim(code, UserCodeAlphabet) != "" {
			t.Fatalf("%q is taken as %q", typed, code)
		}
		for _, again := range []string{code, ShownUserCode(code), strings.ToLower(ShownUserCode(code))} {
			if other, ok := CanonicalUserCode(again); !ok || other != code {
				t.Errorf("%q is %q, not %q", again, other, code)
			}
		}
	})
}
