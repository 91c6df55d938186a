package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUsername bounds a username in code points.
const maxUsername = 64

// CanonicalUsername checks a username and returns the form in which usernames are compared: NFC and case folded.
// A username has 1 to 64 letters, digits, dots, underscores and hyphens of any script, with the combining marks that
// some scripts need; no @, so that it can never be taken for an address, nothing invisible, no compatibility
// characters and no mixture of look-alike scripts. The error is invalid-request on the field `username`.
func CanonicalUsername(username string) (string, error) {
	refusal := Invalid("username", ViolationPattern,
		"a username has 1 to 64 letters, digits, dots, underscores or hyphens")
	if username == "" || len(username) > maxUsername*utf8.UTFMax || !plainText(username) || mixesScripts(username) {
		return "", refusal
	}
	folded, ok := fold(username)
	if !ok || utf8.RuneCountInString(username) > maxUsername || utf8.RuneCountInString(folded) > maxUsername {
		return "", refusal
	}
	for i, r := range folded {
		letter := unicode.IsLetter(r) || unicode.Is(unicode.Nd, r)
		mark := i > 0 && unicode.In(r, unicode.Mn, unicode.Mc)
		if !letter && !mark && !strings.ContainsRune("._-", r) {
			return "", refusal
		}
	}
	return folded, nil
}
