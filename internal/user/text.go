package user

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Longest texts of a user, in code points.
const (
	maxName       = 200
	maxExternalID = 200
)

// cleanText trims a one-line text of a person and refuses what has no place in one: control characters, and
// the invisible ones that reorder text, which make a name in a mail read as something else (EM-02).
func cleanText(field, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > most {
		return text, auth.Invalid(field, auth.ViolationTooLong, fmt.Sprintf("At most %d characters.", most))
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return text, auth.Invalid(field, auth.ViolationEncoding, "Control characters are not allowed.")
		}
	}
	return text, nil
}

// canonicalUsername is empty for an empty username.
func canonicalUsername(username string) (string, error) {
	if username == "" {
		return "", nil
	}
	return auth.CanonicalUsername(username)
}
