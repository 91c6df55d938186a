package ui

import (
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// colour is one of sRGB, each part from 0 to 1.
type colour [3]float64

var white, black = colour{1, 1, 1}, colour{}

// The grounds that text in the accent colour stands on, in light and in dark: those of style.css.
var (
	lightGrounds = []string{"f4f5f7", "ffffff", "fdf0ef"}
	darkGrounds  = []string{"0f1216", "171b21", "2c1a1c"}
)

// readable is the least contrast of text to its ground (WCAG 2.2 success criterion 1.4.3).
const readable = 4.5

// hexColour reads six hexadecimal digits.
func hexColour(text string) (c colour, ok bool) {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || len(text) != 6 {
		return c, false
	}
	for i := range c {
		c[i] = float64(n>>(16-8*i)&0xff) / 255
	}
	return c, true
}

func (c colour) String() string {
	part := func(i int) int { return int(math.Round(c[i] * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(0), part(1), part(2))
}

// luminance is the relative one of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// legible moves a colour towards another until it can be read on all grounds.
func (c colour) legible(towards colour, grounds []string) colour {
	const steps = 50
	for n := range steps {
		share := float64(n) / steps
		var mixed colour
		for i := range mixed {
			mixed[i] = math.Round((c[i]*(1-share)+towards[i]*share)*255) / 255
		}
		fits := true
		for _, text := range grounds {
			ground, _ := hexColour(text)
			fits = fits && contrast(mixed, ground) >= readable
		}
		if fits {
			return mixed
		}
	}
	return towards
}

// accentPath is where the style sheet of an accent colour is; empty: the app has none of its own.
func accentPath(b auth.Brand) string {
	if len(b.Accent) != len("#rrggbb") {
		return ""
	}
	return assetsDir + "accent-" + b.Accent[1:] + ".css"
}

// serveAccent answers the properties of one accent colour. Whatever colour it is, the ink on it and text in it can be read:
// of black and white one has a contrast of at least 4.5 to every colour.
func serveAccent(w http.ResponseWriter, r *http.Request) error {
	accent, ok := hexColour(chi.URLParam(r, "colour"))
	if !ok {
		return auth.E(auth.CodeNotFound, "There is no such colour.")
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write([]byte(accentSheet(accent))) // a client that hung up cannot be told
	return nil
}

func accentSheet(accent colour) string {
	ink := white
	if contrast(black, accent) > contrast(white, accent) {
		ink = black
	}
	rule := func(text colour) string {
		return fmt.Sprintf(":root { --accent: %s; --on-accent: %s; --accent-text: %s; }", accent, ink, text)
	}
	return rule(accent.legible(black, lightGrounds)) + "\n@media (prefers-color-scheme: dark) { " +
		rule(accent.legible(white, darkGrounds)) + " }\n"
}
