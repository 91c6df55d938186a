package factor

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	secretBytes    = 20 // 160 bit, the recommendation of RFC 4226 section 4 (R6)
	sealPurpose    = "totp"
	macPurpose     = "backup-code"
	defaultPending = 10 * time.Minute
)

// Factors makes and checks second factors.
type Factors struct {
	Keys  *secret.Keys
	Rand  io.Reader
	Clock func() time.Time
	// Pending is how long an enrolment waits for its first code; 0 means 10 minutes.
	Pending time.Duration
	// Party is for whom passkeys are made; nil: there are none here.
	Party *Party
}

// Guess is what every flow reserves before it looks at a code of this user.
func Guess(app auth.AppID, user auth.UserID) limit.Guess {
	return limit.Guess{Limiter: limit.SecondFactorAccount, Subject: limit.Account(app, user)}
}

// Enrolment is a TOTP secret on its way to a user, made before the Write that stores it.
type Enrolment struct {
	// Secret is base32 without padding, as authenticator apps take it. It is shown once.
	Secret string
	row    auth.TOTP
}

// ExpiresAt is when the enrolment dies unless a code confirms it.
func (e Enrolment) ExpiresAt() time.Time { return e.row.ExpiresAt }

// URI is what authenticator apps read from a QR image (the Key URI format): the issuer stands in the label and in
// a parameter, as old and new apps want it.
func (e Enrolment) URI(issuer, account string) string {
	issuer = strings.ReplaceAll(issuer, ":", " ")
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	return "otpauth://totp/" + label + "?secret=" + e.Secret + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20") +
		"&algorithm=SHA1&digits=6&period=30"
}

// Draft makes a new secret for the user.
func (f *Factors) Draft(app auth.AppID, user auth.UserID) (Enrolment, error) {
	plain := make([]byte, secretBytes)
	if _, err := io.ReadFull(f.Rand, plain); err != nil {
		return Enrolment{}, fmt.Errorf("make a TOTP secret: %w", err)
	}
	now := f.Clock()
	pending := f.Pending
	if pending == 0 {
		pending = defaultPending
	}
	row := auth.TOTP{ID: auth.FactorID(secret.NewID(f.Rand, now)), App: app, User: user, CreatedAt: now, ExpiresAt: now.Add(pending)}
	var err error
	if row.Sealed, err = f.Keys.Seal(sealPurpose, string(row.ID), plain); err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: encode(plain), row: row}, nil
}

// Begin stores the enrolment in place of an unfinished one. It has no power until Confirm, and an active factor
// stays as it is. The user's row is locked. Code: totp-already-enabled.
func (f *Factors) Begin(tx *store.Tx, e Enrolment) error {
	switch _, err := tx.TOTP(e.row.App, e.row.User); {
	case err == nil:
		return auth.E(auth.CodeTotpAlreadyEnabled, "")
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := tx.DeletePendingTOTPs(e.row.App, e.row.User); err != nil {
		return err
	}
	return tx.InsertTOTP(e.row)
}

// Confirm turns the begun factor on with its first code and stores the backup codes. The user's row is locked. ok
// is false for a wrong code. Codes: totp-already-enabled, totp-not-begun.
func (f *Factors) Confirm(tx *store.Tx, app auth.AppID, user auth.UserID, code string, backup Backup) (ok bool, err error) {
	switch _, err := tx.TOTP(app, user); {
	case err == nil:
		return false, auth.E(auth.CodeTotpAlreadyEnabled, "")
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	t, err := tx.PendingTOTP(app, user)
	if errors.Is(err, store.ErrNotFound) || (err == nil && !tx.Now().Before(t.ExpiresAt)) {
		return false, auth.E(auth.CodeTotpNotBegun, "")
	}
	if err != nil {
		return false, err
	}
	step, ok, err := f.match(t, code, tx.Now())
	if err != nil || !ok {
		return false, err
	}
	if ok, err = tx.ConfirmTOTP(t, step, tx.Now()); err != nil || !ok {
		return false, err
	}
	return true, f.replace(tx, app, user, backup)
}

// Verify spends a code of the user's second factor: TOTP, or a backup code. Of any number of simultaneous calls
// with one code exactly one is told ok (RFC 6238 section 5.2). The kind is empty unless ok. Code: totp-not-enabled.
func (f *Factors) Verify(tx *store.Tx, app auth.AppID, user auth.UserID, code string) (kind auth.FactorKind, ok bool, err error) {
	t, err := active(tx, app, user)
	if err != nil {
		return "", false, err
	}
	if digits, isTOTP := normaliseTOTP(code); isTOTP {
		if ok, err = f.spend(tx, t, digits); ok {
			kind = auth.FactorTOTP
		}
		return kind, ok, err
	}
	if ok, err = f.spendBackup(tx, app, user, code); ok {
		kind = auth.FactorBackupCode
	}
	return kind, ok, err
}

// VerifyTOTP is Verify for a live factor only: a backup code is wrong.
func (f *Factors) VerifyTOTP(tx *store.Tx, app auth.AppID, user auth.UserID, code string) (ok bool, err error) {
	t, err := active(tx, app, user)
	if err != nil {
		return false, err
	}
	digits, isTOTP := normaliseTOTP(code)
	if !isTOTP {
		return false, nil
	}
	return f.spend(tx, t, digits)
}

// Kinds lists what the user may answer a challenge with; empty without a second factor. A passkey answers a challenge and
// causes none: who adds one has not asked for more trouble on devices that lack it.
func (f *Factors) Kinds(tx *store.Tx, app auth.AppID, user auth.UserID) ([]auth.FactorKind, error) {
	if _, err := tx.TOTP(app, user); errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	kinds := []auth.FactorKind{auth.FactorTOTP}
	left, err := tx.BackupCodesLeft(app, user)
	if err != nil {
		return nil, err
	}
	if left > 0 {
		kinds = append(kinds, auth.FactorBackupCode)
	}
	if f.Party == nil {
		return kinds, nil
	}
	passkeys, err := tx.Passkeys(app, user)
	if len(passkeys) > 0 {
		kinds = append(kinds, auth.FactorPasskey)
	}
	return kinds, err
}

// Remove destroys the factor, unfinished enrolments and all backup codes. The user's row is locked.
func (f *Factors) Remove(tx *store.Tx, app auth.AppID, user auth.UserID) error {
	return tx.DeleteTOTPs(app, user, tx.Now())
}

func active(tx *store.Tx, app auth.AppID, user auth.UserID) (auth.TOTP, error) {
	t, err := tx.TOTP(app, user)
	if errors.Is(err, store.ErrNotFound) {
		return t, auth.E(auth.CodeTotpNotEnabled, "")
	}
	return t, err
}

func (f *Factors) spend(tx *store.Tx, t auth.TOTP, digits string) (bool, error) {
	step, ok, err := f.match(t, digits, tx.Now())
	if err != nil || !ok {
		return false, err
	}
	return tx.SpendTOTPStep(t, step)
}

func encode(plain []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(plain)
}
