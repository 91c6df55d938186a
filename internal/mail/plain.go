package mail

import (
	"strings"
	"unicode"
)

// plainLimit is the most code points of a name in a mail.
const plainLimit = 64

// plain makes a text that users or administrators wrote harmless in a mail (EM-02). Mail programs turn what looks
// like an address into a link whether or not it is marked up, so only letters, digits and the few marks that names
// have are kept; everything else becomes a space. A full stop is kept before a space and at the end (`J. R. R.`),
// so no host name can stand.
func plain(s string) string {
	var b strings.Builder
	count, gap := 0, false
	text := []rune(strings.ToValidUTF8(s, " "))
	for i, r := range text {
		if !nameRune(r) && (r != '.' || i+1 < len(text) && text[i+1] != ' ') {
			gap = true
			continue
		}
		if gap && count > 0 {
			b.WriteByte(' ')
			count++
		}
		if gap = false; count >= plainLimit {
			break
		}
		b.WriteRune(r)
		count++
	}
	return strings.TrimSpace(b.String())
}

func nameRune(r rune) bool {
	switch r {
	case '-', '\'', '\u2019', '&', ',', '\u00b7':
		return true
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point)
}
