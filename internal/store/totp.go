package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const totpColumns = "id, app_id, user_id, sealed, last_step, created_at, confirmed_at, expires_at"

// TOTP reads the user's confirmed factor, or ErrNotFound.
func (tx *Tx) TOTP(app auth.AppID, user auth.UserID) (auth.TOTP, error) {
	return tx.oneTOTP("SELECT "+totpColumns+" FROM totps WHERE app_id = $1 AND user_id = $2 AND confirmed_at > 0", app, user)
}

// PendingTOTP reads the user's newest enrolment that waits for its first code, expired or not, or ErrNotFound.
func (tx *Tx) PendingTOTP(app auth.AppID, user auth.UserID) (auth.TOTP, error) {
	return tx.oneTOTP("SELECT "+totpColumns+" FROM totps WHERE app_id = $1 AND user_id = $2 AND confirmed_at = 0 "+
		"ORDER BY created_at DESC, id DESC LIMIT 1", app, user)
}

// InsertTOTP adds a pending factor.
func (tx *Tx) InsertTOTP(t auth.TOTP) error {
	_, err := tx.exec("INSERT INTO totps ("+totpColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		t.ID, t.App, t.User, t.Sealed, t.LastStep, micros(t.CreatedAt), micros(t.ConfirmedAt), micros(t.ExpiresAt))
	return err
}

// ConfirmTOTP makes a pending factor the user's active one and marks the user as protected. It reports false, and
// writes nothing, if the factor is not pending any more or the user has an active one.
func (tx *Tx) ConfirmTOTP(t auth.TOTP, step int64, at time.Time) (confirmed bool, err error) {
	n, err := tx.exec("UPDATE totps SET confirmed_at = $4, expires_at = 0, last_step = $5 "+
		"WHERE app_id = $1 AND user_id = $2 AND id = $3 AND confirmed_at = 0 AND NOT EXISTS "+
		"(SELECT 1 FROM totps o WHERE o.app_id = $1 AND o.user_id = $2 AND o.confirmed_at > 0)",
		t.App, t.User, t.ID, micros(at), step)
	if err != nil || n != 1 {
		return false, err
	}
	return true, tx.markTOTP(t.App, t.User, true, at)
}

// SpendTOTPStep burns a time step. It reports false if that step or a later one was spent before: of any number
// of simultaneous tries of one code exactly one is told true.
func (tx *Tx) SpendTOTPStep(t auth.TOTP, step int64) (spent bool, err error) {
	n, err := tx.exec("UPDATE totps SET last_step = $4 WHERE app_id = $1 AND user_id = $2 AND id = $3 AND last_step < $4",
		t.App, t.User, t.ID, step)
	return n == 1, err
}

// DeletePendingTOTPs removes the user's unfinished enrolments.
func (tx *Tx) DeletePendingTOTPs(app auth.AppID, user auth.UserID) error {
	_, err := tx.exec("DELETE FROM totps WHERE app_id = $1 AND user_id = $2 AND confirmed_at = 0", app, user)
	return err
}

// DeleteTOTPs removes the user's factor, its unfinished enrolments and its backup codes.
func (tx *Tx) DeleteTOTPs(app auth.AppID, user auth.UserID, at time.Time) error {
	if _, err := tx.exec("DELETE FROM totps WHERE app_id = $1 AND user_id = $2", app, user); err != nil {
		return err
	}
	if err := tx.DeleteBackupCodes(app, user); err != nil {
		return err
	}
	return tx.markTOTP(app, user, false, at)
}

// InsertBackupCode adds one unspent code.
func (tx *Tx) InsertBackupCode(c auth.BackupCode) error {
	_, err := tx.exec("INSERT INTO backup_codes (id, app_id, user_id, hash, used_at) VALUES ($1, $2, $3, $4, $5)",
		c.ID, c.App, c.User, c.Hash, micros(c.UsedAt))
	tx.Invalidate(KindUser, string(c.User))
	return err
}

// SpendBackupCode burns a code by its hash. It reports false if there is no such code or it was spent before.
func (tx *Tx) SpendBackupCode(app auth.AppID, user auth.UserID, hash []byte, at time.Time) (spent bool, err error) {
	n, err := tx.exec("UPDATE backup_codes SET used_at = $4 WHERE app_id = $1 AND user_id = $2 AND hash = $3 AND used_at = 0",
		app, user, hash, micros(at))
	if n == 1 {
		tx.Invalidate(KindUser, string(user))
	}
	return n == 1, err
}

// BackupCodesLeft counts the user's unspent codes.
func (tx *Tx) BackupCodesLeft(app auth.AppID, user auth.UserID) (n int, err error) {
	err = tx.one("SELECT count(*) FROM backup_codes WHERE app_id = $1 AND user_id = $2 AND used_at = 0", []any{app, user}, &n)
	return n, err
}

// DeleteBackupCodes removes all codes of the user, spent ones too.
func (tx *Tx) DeleteBackupCodes(app auth.AppID, user auth.UserID) error {
	_, err := tx.exec("DELETE FROM backup_codes WHERE app_id = $1 AND user_id = $2", app, user)
	tx.Invalidate(KindUser, string(user))
	return err
}

// markTOTP keeps the user's derived flag in step with the factor.
func (tx *Tx) markTOTP(app auth.AppID, user auth.UserID, on bool, at time.Time) error {
	_, err := tx.exec("UPDATE users SET totp = $3, version = version + 1, updated_at = $4 WHERE app_id = $1 AND id = $2",
		app, user, on, micros(at))
	tx.Invalidate(KindUser, string(user))
	return err
}

func (tx *Tx) oneTOTP(query string, args ...any) (auth.TOTP, error) {
	var (
		t                           auth.TOTP
		created, confirmed, expires int64
	)
	err := tx.one(query, args, &t.ID, &t.App, &t.User, &t.Sealed, &t.LastStep, &created, &confirmed, &expires)
	t.CreatedAt, t.ConfirmedAt, t.ExpiresAt = instant(created), instant(confirmed), instant(expires)
	return t, err
}
