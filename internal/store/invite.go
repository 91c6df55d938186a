package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const inviteColumns = "id, app_id, account_id, email, canonical, role, inviter_id, created_at, expires_at, accepted_at, accepted_by, revoked_at"

func scanInvite(scan func(dest ...any) error) (auth.Invite, error) {
	var (
		i                                   auth.Invite
		account                             *string
		created, expires, accepted, revoked int64
	)
	err := scan(&i.ID, &i.App, &account, &i.Email, &i.Canonical, &i.Role, &i.Inviter, &created, &expires, &accepted,
		&i.AcceptedBy, &revoked)
	if err != nil {
		return auth.Invite{}, err
	}
	if account != nil {
		i.Account = auth.AccountID(*account)
	}
	i.CreatedAt, i.ExpiresAt, i.AcceptedAt, i.RevokedAt = instant(created), instant(expires), instant(accepted), instant(revoked)
	return i, nil
}

// InviteForUpdate reads one invite of the app and locks its row until the transaction ends.
func (tx *Tx) InviteForUpdate(app auth.AppID, id auth.InviteID) (auth.Invite, error) {
	return scanInvite(func(dest ...any) error {
		return tx.one("SELECT "+inviteColumns+" FROM invites WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), []any{app, id}, dest...)
	})
}

// Invite reads one invite of the app.
func (tx *Tx) Invite(app auth.AppID, id auth.InviteID) (auth.Invite, error) {
	return scanInvite(func(dest ...any) error {
		return tx.one("SELECT "+inviteColumns+" FROM invites WHERE app_id = $1 AND id = $2", []any{app, id}, dest...)
	})
}

// InviteQuery selects invites that are neither accepted nor revoked, oldest first.
type InviteQuery struct {
	App       auth.AppID
	Account   auth.AccountID // only to this account; empty: all of the app
	AfterTime time.Time
	AfterID   auth.InviteID
	Limit     int
}

// Invites lists pending invites, expired ones too, by (created_at, id) ascending.
func (tx *Tx) Invites(q InviteQuery) ([]auth.Invite, error) {
	var out []auth.Invite
	err := tx.all("SELECT "+inviteColumns+` FROM invites
		WHERE app_id = $1 AND ($2 = '' OR account_id = $2) AND accepted_at = 0 AND revoked_at = 0 AND (created_at, id) > ($3, $4)
		ORDER BY created_at, id LIMIT $5`,
		[]any{q.App, q.Account, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			i, err := scanInvite(scan)
			out = append(out, i)
			return err
		})
	return out, err
}

// InsertInvite writes a new invite and revokes older pending ones of the same address to the same place.
func (tx *Tx) InsertInvite(i auth.Invite) error {
	_, err := tx.exec(`UPDATE invites SET revoked_at = $4
		WHERE app_id = $1 AND canonical = $2 AND COALESCE(account_id, '') = $3 AND accepted_at = 0 AND revoked_at = 0`,
		i.App, i.Canonical, i.Account, micros(tx.Now()))
	if err != nil {
		return err
	}
	_, err = tx.exec("INSERT INTO invites ("+inviteColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		i.ID, i.App, orNull(string(i.Account)), i.Email, i.Canonical, i.Role, i.Inviter, micros(i.CreatedAt),
		micros(i.ExpiresAt), micros(i.AcceptedAt), i.AcceptedBy, micros(i.RevokedAt))
	return err
}

// SettleInvite stores that an invite was accepted or revoked, if it was neither before; it reports whether it was.
func (tx *Tx) SettleInvite(i auth.Invite) (bool, error) {
	n, err := tx.exec(`UPDATE invites SET accepted_at = $3, accepted_by = $4, revoked_at = $5
		WHERE app_id = $1 AND id = $2 AND accepted_at = 0 AND revoked_at = 0`,
		i.App, i.ID, micros(i.AcceptedAt), i.AcceptedBy, micros(i.RevokedAt))
	return n == 1, err
}

const inviteCodeColumns = "id, app_id, code, uses, used, credit, created_at, expires_at, revoked_at"

func scanInviteCode(scan func(dest ...any) error) (auth.InviteCode, error) {
	var (
		c                         auth.InviteCode
		created, expires, revoked int64
	)
	if err := scan(&c.ID, &c.App, &c.Code, &c.Uses, &c.Used, &c.Credit, &created, &expires, &revoked); err != nil {
		return auth.InviteCode{}, err
	}
	c.CreatedAt, c.ExpiresAt, c.RevokedAt = instant(created), instant(expires), instant(revoked)
	return c, nil
}

// usableCode are the codes of $1 with the canonical form $2 that take one more use at $3.
const usableCode = "app_id = $1 AND canonical = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $3) AND used < uses"

// UsableInviteCode reads a code that takes one more use now; ErrNotFound otherwise.
func (tx *Tx) UsableInviteCode(app auth.AppID, canonical string) (auth.InviteCode, error) {
	return scanInviteCode(func(dest ...any) error {
		return tx.one("SELECT "+inviteCodeColumns+" FROM invite_codes WHERE "+usableCode, []any{app, canonical, micros(tx.Now())}, dest...)
	})
}

// UseInviteCode counts one use of a code that takes one more now, and answers it; ErrNotFound otherwise. Of any number
// of transactions that want the last use one gets it.
func (tx *Tx) UseInviteCode(app auth.AppID, canonical string) (auth.InviteCode, error) {
	return scanInviteCode(func(dest ...any) error {
		return tx.one("UPDATE invite_codes SET used = used + 1 WHERE "+usableCode+" RETURNING "+inviteCodeColumns,
			[]any{app, canonical, micros(tx.Now())}, dest...)
	})
}

// InviteCodeQuery selects an app's codes that are not revoked, oldest first.
type InviteCodeQuery struct {
	App       auth.AppID
	AfterTime time.Time
	AfterID   auth.InviteCodeID
	Limit     int
}

// InviteCodes lists codes that are not revoked, used up and expired ones too, by (created_at, id) ascending.
func (tx *Tx) InviteCodes(q InviteCodeQuery) ([]auth.InviteCode, error) {
	var out []auth.InviteCode
	err := tx.all("SELECT "+inviteCodeColumns+` FROM invite_codes
		WHERE app_id = $1 AND revoked_at = 0 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		[]any{q.App, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			c, err := scanInviteCode(scan)
			out = append(out, c)
			return err
		})
	return out, err
}

// InsertInviteCode writes a new code. It reports false, and writes nothing, if the app has had such a code before.
func (tx *Tx) InsertInviteCode(c auth.InviteCode, canonical string) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO invite_codes ("+inviteCodeColumns+", canonical) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
		c.ID, c.App, c.Code, c.Uses, c.Used, int64(c.Credit), micros(c.CreatedAt), micros(c.ExpiresAt), micros(c.RevokedAt), canonical)
	return n == 1, err
}

// RevokeInviteCode ends a code; it reports whether there was such a live one.
func (tx *Tx) RevokeInviteCode(app auth.AppID, id auth.InviteCodeID) (bool, error) {
	n, err := tx.exec("UPDATE invite_codes SET revoked_at = $3 WHERE app_id = $1 AND id = $2 AND revoked_at = 0", app, id, micros(tx.Now()))
	return n == 1, err
}
