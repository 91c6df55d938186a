package ui

import (
	"fmt"
	"regexp"
	"testing"
)

// Ink on an accent colour and text in it can be read on every ground, whatever colour an app has.
func TestAccentsAreReadable(t *testing.T) {
	values := regexp.MustCompile(`--on-accent: #([0-9a-f]{6}); --accent-text: #([0-9a-f]{6});`)
	for _, r := range []int{0, 64, 128, 192, 255} {
		for _, g := range []int{0, 64, 128, 192, 255} {
			for _, b := range []int{0, 64, 128, 192, 255} {
				accent, ok := hexColour(fmt.Sprintf("%02x%02x%02x", r, g, b))
				if !ok {
					t.Fatal(r, g, b)
				}
				found := values.FindAllStringSubmatch(accentSheet(accent), -1)
				if len(found) != 2 {
					t.Fatalf("%s: %s", accent, accentSheet(accent))
				}
				for n, grounds := range [][]string{lightGrounds, darkGrounds} {
					ink, _ := hexColour(found[n][1])
					text, _ := hexColour(found[n][2])
					if contrast(ink, accent) < readable {
						t.Errorf("%s on %s", ink, accent)
					}
					for _, one := range grounds {
						if ground, _ := hexColour(one); contrast(text, ground) < readable {
							t.Errorf("%s of %s on %s", text, accent, ground)
						}
					}
				}
			}
		}
	}
	for _, bad := range []string{"", "fff", "gggggg", "1234567", "-12345", "+1f5f8"} {
		if _, ok := hexColour(bad); ok {
			t.Errorf("%q is a colour", bad)
		}
	}
}
