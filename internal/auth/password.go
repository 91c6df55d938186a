package auth

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// PasswordFloor is the least number of code points of a password at any door (SECURITY PW-01).
	PasswordFloor = 8
	// PasswordMaxBytes is the most bytes of a password; longer ones are refused before any work (SECURITY PW-03).
	PasswordMaxBytes = 1024
	// PasswordNormaliser is the version of NormalisePassword, stored beside each hash.
	PasswordNormaliser = 1
)

// NormalisePassword brings a password into the one form that is measured and hashed: NFC and nothing else
// (RFC 8265 section 4.2.2 without its mapping of spaces). Case, spaces and every character stay.
func NormalisePassword(password string) string { return norm.NFC.String(password) }

// CheckPassword tells whether a new password is acceptable: at least `least` code points after normalisation (never
// fewer than PasswordFloor), at most PasswordMaxBytes bytes, and not among those that attackers try first: common words,
// names, keyboard walks, sequences and repetitions with the usual decorations, and the same around one of the
// context words. Those are the product's name always, and what the caller adds: the app's name, the address or its
// local part, the username. There are no composition rules (SECURITY PW-04).
//
// It returns nil or a weak-password error with one violation on the field `password`.
func CheckPassword(password string, least int, context ...string) *Error {
	if len(password) > PasswordMaxBytes {
		return tooLong()
	}
	password = NormalisePassword(password)
	least = max(least, PasswordFloor)
	switch {
	case len(password) > PasswordMaxBytes:
		return tooLong()
	case utf8.RuneCountInString(password) < least:
		return weakPassword(Violation{Code: ViolationTooShort, Expected: strconv.Itoa(least),
			Message: fmt.Sprintf("the password needs at least %d characters", least)})
	case commonPassword(password, context):
		return weakPassword(Violation{Code: ViolationPasswordWeak,
			Message: "the password is too easy to guess; a phrase of a few unrelated words is a good one"})
	}
	return nil
}

func tooLong() *Error {
	return weakPassword(Violation{Code: ViolationTooLong, Expected: strconv.Itoa(PasswordMaxBytes),
		Message: fmt.Sprintf("the password has more than %d bytes", PasswordMaxBytes)})
}

func weakPassword(v Violation) *Error {
	v.Field = "password"
	return &Error{Code: CodeWeakPassword, Message: v.Message, Violations: []Violation{v}}
}
