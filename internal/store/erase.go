package store

import (
	"errors"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// The statements below remove what belongs to a user who is erased, each at most limit rows, and count them. The audit log
// keeps its events, which name the user by an id that then belongs to nobody.

// UserToErase finds a user of any app whose time has come, or ErrNotFound.
func (tx *Tx) UserToErase() (auth.User, error) {
	return tx.oneUser("SELECT "+userColumns+" FROM users WHERE delete_at > 0 AND delete_at <= $1 ORDER BY delete_at, id LIMIT 1",
		micros(tx.Now()))
}

// EraseSessions removes sessions of a user.
func (tx *Tx) EraseSessions(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseAPIKeys removes API keys of a user.
func (tx *Tx) EraseAPIKeys(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseProofs removes links and codes of a user.
func (tx *Tx) EraseProofs(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM proofs WHERE id IN (SELECT id FROM proofs WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseBackupCodes removes backup codes of a user.
func (tx *Tx) EraseBackupCodes(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM backup_codes WHERE id IN (SELECT id FROM backup_codes WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseTOTPs removes authenticators of a user.
func (tx *Tx) EraseTOTPs(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM totps WHERE id IN (SELECT id FROM totps WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseIdentities removes links of a user to identity providers.
func (tx *Tx) EraseIdentities(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM identities WHERE id IN (SELECT id FROM identities WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseWaitlistEntries removes the places of a user in waitlists, those that an address of theirs took before there was
// a user among them.
func (tx *Tx) EraseWaitlistEntries(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM waitlist_entries WHERE id IN (SELECT id FROM waitlist_entries WHERE app_id = $1 AND (user_id = $2
		OR subject IN (SELECT canonical FROM emails WHERE app_id = $1 AND user_id = $2)) LIMIT $3)`, u.App, u.ID, limit)
}

// EraseInvites removes the invites that a user accepted, or that wait for an address of theirs.
func (tx *Tx) EraseInvites(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM invites WHERE id IN (SELECT id FROM invites WHERE app_id = $1 AND (accepted_at > 0 AND accepted_by = $2
		OR canonical IN (SELECT canonical FROM emails WHERE app_id = $1 AND user_id = $2)) LIMIT $3)`, u.App, u.ID, limit)
}

// EraseCredit removes the credit of a user.
func (tx *Tx) EraseCredit(u auth.User) (int64, error) {
	return tx.exec("DELETE FROM credits WHERE app_id = $1 AND user_id = $2", u.App, u.ID)
}

// EraseEmails removes addresses of a user, whom nobody finds by them any more.
func (tx *Tx) EraseEmails(u auth.User, limit int) (int64, error) {
	tx.Invalidate(KindUser, string(u.ID))
	return tx.exec(`DELETE FROM emails WHERE id IN (SELECT id FROM emails WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// ErasePassword removes the password of a user.
func (tx *Tx) ErasePassword(u auth.User) (int64, error) {
	return tx.exec("DELETE FROM passwords WHERE app_id = $1 AND user_id = $2", u.App, u.ID)
}

// DeleteUser removes the row of a user to whom nothing belongs any more.
func (tx *Tx) DeleteUser(u auth.User) error {
	tx.Invalidate(KindUser, string(u.ID))
	n, err := tx.exec("DELETE FROM users WHERE app_id = $1 AND id = $2", u.App, u.ID)
	if err == nil && n != 1 {
		err = errors.New("store: the user is gone")
	}
	return err
}

// ErasePasskeys removes passkeys of a user.
func (tx *Tx) ErasePasskeys(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM passkeys WHERE id IN (SELECT id FROM passkeys WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// ErasePasskeyHandle removes the name under which authenticators know a user.
func (tx *Tx) ErasePasskeyHandle(u auth.User) (int64, error) {
	return tx.exec("DELETE FROM passkey_handles WHERE app_id = $1 AND user_id = $2", u.App, u.ID)
}

// EraseConsents removes what a user let clients have.
func (tx *Tx) EraseConsents(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM consents WHERE (app_id, user_id, client_id) IN
		(SELECT app_id, user_id, client_id FROM consents WHERE app_id = $1 AND user_id = $2 LIMIT $3)`, u.App, u.ID, limit)
}

// EraseAuthorizationCodes removes codes that clients got for a user.
func (tx *Tx) EraseAuthorizationCodes(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM authorization_codes WHERE hash IN (SELECT hash FROM authorization_codes WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}

// EraseDevices removes the devices that a user let in or looked at.
func (tx *Tx) EraseDevices(u auth.User, limit int) (int64, error) {
	return tx.exec(`DELETE FROM device_authorizations WHERE id IN (SELECT id FROM device_authorizations WHERE app_id = $1 AND user_id = $2 LIMIT $3)`,
		u.App, u.ID, limit)
}
