package user

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Longest texts of a user, in code points.
const (
	maxName       = 200
	maxExternalID = 200
	maxLocale     = 35 // the longest tag that BCP 47 section 4.4.1 asks implementations to keep
)

// localeForm is the form of a BCP 47 language tag; whether its parts are registered is not checked.
var localeForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

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

func checkLocale(locale string) error {
	if locale != "" && (len(locale) > maxLocale || !localeForm.MatchString(locale)) {
		return auth.Invalid("locale", auth.ViolationFormat, "This is not a language tag such as en or pt-BR.")
	}
	return nil
}

// canonicalUsername is empty for an empty username.
func canonicalUsername(username string) (string, error) {
	if username == "" {
		return "", nil
	}
	return auth.CanonicalUsername(username)
}
