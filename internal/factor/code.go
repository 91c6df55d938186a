package factor

import (
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// The parameters of RFC 6238 that every authenticator app knows.
const (
	period     = 30 // seconds
	window     = 1  // steps to either side that a clock may be off
	totpDigits = 6
)

// match finds the step whose code this is, within the window around the server's clock. It looks at every step
// of the window, whichever fits, so that its time tells nothing.
func (f *Factors) match(t auth.TOTP, code string, now time.Time) (step int64, ok bool, err error) {
	digits, isTOTP := normaliseTOTP(code)
	if !isTOTP {
		return 0, false, nil
	}
	plain, err := f.Keys.Open(sealPurpose, string(t.ID), t.Sealed)
	if err != nil {
		return 0, false, err
	}
	current := now.Unix() / period
	for s := current - window; s <= current+window; s++ {
		want, err := codeAt(encode(plain), s)
		if err != nil {
			return 0, false, err
		}
		// A code may stand for two steps of the window; the older one that is still unspent is the one to burn.
		if secret.Equal([]byte(want), []byte(digits)) && !ok && s > t.LastStep {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// codeAt is the code of a step (RFC 4226 with the step as counter).
func codeAt(base32Secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(base32Secret, uint64(step),
		hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}

// normaliseTOTP strips the spaces and dashes that people and apps put between digits. Digits of other scripts are
// refused: one code has one form.
func normaliseTOTP(code string) (string, bool) {
	digits := strip(code)
	if len(digits) != totpDigits {
		return "", false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", false
		}
	}
	return digits, true
}

func strip(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' || r == '\u00a0' {
			return -1
		}
		return r
	}, code)
}
