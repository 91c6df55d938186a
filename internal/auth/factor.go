package auth

import "time"

// FactorKind names a second factor, in the words that answers and challenges use.
type FactorKind string

const (
	FactorTOTP       FactorKind = "totp"
	FactorBackupCode FactorKind = "backup-code"
	FactorPasskey    FactorKind = "passkey"
)

// TOTP is a time-based one-time password factor (RFC 6238: SHA-1, 30 s, 6 digits). A pending one (ConfirmedAt
// zero) has no power until a code confirms it, and expires.
type TOTP struct {
	ID          FactorID
	App         AppID
	User        UserID
	Sealed      []byte // the 160-bit secret, sealed with the row's id as associated data
	LastStep    int64  // the last spent step; a code must belong to a later one
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero: pending
	ExpiresAt   time.Time // of a pending one; zero once confirmed
}

// BackupCode is one single-use recovery code.
type BackupCode struct {
	ID     FactorID
	App    AppID
	User   UserID
	Hash   []byte // keyed MAC of the normalised code
	UsedAt time.Time
}
