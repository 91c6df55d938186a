package factor

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const mailedPurpose = "email-code"

// mailedCodes is how many short codes there are: those of six digits.
const mailedCodes = 1_000_000

// MailedCode draws a code of six digits for a mail.
func (f *Factors) MailedCode() (string, error) {
	n, err := rand.Int(f.Rand, big.NewInt(mailedCodes))
	if err != nil {
		return "", fmt.Errorf("make a mailed code: %w", err)
	}
	return fmt.Sprintf("%06d", n.Int64()), nil
}

// MailedMark is what is stored of a mailed code: a keyed MAC, for a million codes are soon tried.
func (f *Factors) MailedMark(app auth.AppID, user auth.UserID, code string) []byte {
	return f.Keys.MAC(mailedPurpose, string(app), string(user), code)
}

// MailedMatch reports whether a typed code is the one that was marked. Spaces and dashes are as in TOTP codes.
func (f *Factors) MailedMatch(app auth.AppID, user auth.UserID, mark []byte, typed string) bool {
	code, ok := normaliseTOTP(typed)
	return ok && f.Keys.CheckMAC(mailedPurpose, mark, string(app), string(user), code)
}
