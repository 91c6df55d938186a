package factor

import (
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Bounds of what comes from other systems. Ten bytes are the shortest secret that authenticator apps were ever given;
// RFC 4226 section 4 (R6) asks for 16.
const (
	minSecret      = 10
	maxSecret      = 64
	minForeignCode = 8
	maxForeignCode = 64
	maxCodes       = 32
)

// Arrival is the second factor of a user who comes from another system, made before the Write that stores it.
type Arrival struct {
	totp  auth.TOTP
	codes []auth.BackupCode
}

// DraftArrival seals a TOTP secret (base32; SHA-1, 30 s, 6 digits) and makes keyed marks of backup codes. Codes:
// invalid-request on `totp.secret` or `backup_codes`; no message holds a secret.
func (f *Factors) DraftArrival(app auth.AppID, user auth.UserID, base32Secret string, codes []string) (*Arrival, error) {
	now := f.Clock()
	typed := strings.NewReplacer(" ", "", "-", "", "=", "").Replace(strings.ToUpper(base32Secret))
	plain, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(typed)
	if err != nil || len(plain) < minSecret || len(plain) > maxSecret {
		return nil, auth.Invalid("totp.secret", auth.ViolationFormat, fmt.Sprintf("A TOTP secret is base32 of %d to %d bytes.", minSecret, maxSecret))
	}
	a := &Arrival{totp: auth.TOTP{ID: auth.FactorID(secret.NewID(f.Rand, now)), App: app, User: user, CreatedAt: now}}
	if a.totp.Sealed, err = f.Keys.Seal(sealPurpose, string(a.totp.ID), plain); err != nil {
		return nil, err
	}
	if len(codes) > maxCodes {
		return nil, auth.Invalid("backup_codes", auth.ViolationTooMany, fmt.Sprintf("At most %d codes.", maxCodes))
	}
	seen := map[string]bool{}
	for _, code := range codes {
		form := anyBackup(code)
		if form == "" {
			return nil, auth.Invalid("backup_codes", auth.ViolationFormat, fmt.Sprintf("A backup code has %d to %d letters and digits.", minForeignCode, maxForeignCode))
		}
		if !seen[form] {
			seen[form] = true
			a.codes = append(a.codes, auth.BackupCode{ID: auth.FactorID(secret.NewID(f.Rand, now)), App: app, User: user,
				Hash: f.Keys.MAC(macPurpose, string(user), form)})
		}
	}
	return a, nil
}

// InsertArrival stores the factor of a user who was inserted in the same Write with TOTP set. It is active at once:
// the code that confirmed it was given elsewhere.
func (f *Factors) InsertArrival(tx *store.Tx, a *Arrival) error {
	row := a.totp
	row.ConfirmedAt, row.ExpiresAt = tx.Now(), time.Time{}
	if err := tx.InsertTOTP(row); err != nil {
		return err
	}
	for _, code := range a.codes {
		if err := tx.InsertBackupCode(code); err != nil {
			return err
		}
	}
	return nil
}

// Reveal opens the TOTP secret of a user, in base32, for an export that the operator asked for; empty without a factor.
func (f *Factors) Reveal(tx *store.Tx, app auth.AppID, user auth.UserID) (string, error) {
	t, err := tx.TOTP(app, user)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	plain, err := f.Keys.Open(sealPurpose, string(t.ID), t.Sealed)
	if err != nil {
		return "", err
	}
	return encode(plain), nil
}

// anyBackup is the one form of a backup code of ours or of another system; empty if it cannot be one. Six digits
// cannot: they are always a TOTP code.
func anyBackup(code string) string {
	if ours := normaliseBackup(code); ours != "" {
		return ours
	}
	code = strings.ToLower(strip(code))
	if len(code) < minForeignCode || len(code) > maxForeignCode {
		return ""
	}
	for i := range len(code) {
		if c := code[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return ""
		}
	}
	return code
}
