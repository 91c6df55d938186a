package factor

import (
	"fmt"
	"io"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	backupCodes  = 10
	backupLength = 10
	// backupAlphabet has 32 letters, so a code carries 50 bit, and none of i, l, o, u; what a reader writes for
	// 0 and 1 is folded back to them.
	backupAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
)

// Backup is a set of backup codes on its way to a user, made before the Write that stores it.
type Backup struct {
	// Codes are shown once.
	Codes []string
	rows  []auth.BackupCode
}

// DraftBackup makes a set of codes for the user.
func (f *Factors) DraftBackup(app auth.AppID, user auth.UserID) (Backup, error) {
	var b Backup
	now := f.Clock()
	for range backupCodes {
		raw := make([]byte, backupLength)
		if _, err := io.ReadFull(f.Rand, raw); err != nil {
			return b, fmt.Errorf("make backup codes: %w", err)
		}
		for i := range raw {
			raw[i] = backupAlphabet[raw[i]%32] // 256 is a multiple of 32, so no letter is likelier
		}
		code := string(raw)
		b.Codes = append(b.Codes, code)
		b.rows = append(b.rows, auth.BackupCode{ID: auth.FactorID(secret.NewID(f.Rand, now)), App: app, User: user,
			Hash: f.Keys.MAC(macPurpose, string(user), code)})
	}
	return b, nil
}

// ReplaceBackup makes the set the only one: every older code is dead. The user's row is locked. Code:
// totp-not-enabled.
func (f *Factors) ReplaceBackup(tx *store.Tx, app auth.AppID, user auth.UserID, b Backup) error {
	if _, err := active(tx, app, user); err != nil {
		return err
	}
	return f.replace(tx, app, user, b)
}

func (f *Factors) replace(tx *store.Tx, app auth.AppID, user auth.UserID, b Backup) error {
	if err := tx.DeleteBackupCodes(app, user); err != nil {
		return err
	}
	for _, row := range b.rows {
		if err := tx.InsertBackupCode(row); err != nil {
			return err
		}
	}
	return nil
}

// spendBackup looks the code up by its MAC, under every master key that is held.
func (f *Factors) spendBackup(tx *store.Tx, app auth.AppID, user auth.UserID, code string) (bool, error) {
	code = anyBackup(code)
	if code == "" {
		return false, nil
	}
	for _, mac := range f.Keys.MACs(macPurpose, string(user), code) {
		if ok, err := tx.SpendBackupCode(app, user, mac, tx.Now()); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// normaliseBackup is the one form of a backup code as people type it; empty if it cannot be one.
func normaliseBackup(code string) string {
	code = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		switch r {
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		}
		return r
	}, strip(code))
	if len(code) != backupLength || strings.Trim(code, backupAlphabet) != "" {
		return ""
	}
	return code
}
