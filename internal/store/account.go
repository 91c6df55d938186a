package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const accountColumns = "id, app_id, parent_id, name, avatar_url, status, paid_until, version, created_at, updated_at"

// accountRow is a row of accounts on its way into auth.Account.
type accountRow struct {
	a                      auth.Account
	parent                 *string
	paid, created, updated int64
}

func (r *accountRow) dest() []any {
	a := &r.a
	return []any{&a.ID, &a.App, &r.parent, &a.Name, &a.AvatarURL, &a.Status, &r.paid, &a.Version, &r.created, &r.updated}
}

func (r *accountRow) account() auth.Account {
	a := r.a
	if r.parent != nil {
		a.Parent = auth.AccountID(*r.parent)
	}
	a.PaidUntil, a.CreatedAt, a.UpdatedAt = instant(r.paid), instant(r.created), instant(r.updated)
	return a
}

func (tx *Tx) account(query string, args ...any) (auth.Account, error) {
	var r accountRow
	if err := tx.one(query, args, r.dest()...); err != nil {
		return auth.Account{}, err
	}
	return r.account(), nil
}

// Account reads one account of the app.
func (tx *Tx) Account(app auth.AppID, id auth.AccountID) (auth.Account, error) {
	return tx.account("SELECT "+accountColumns+" FROM accounts WHERE app_id = $1 AND id = $2", app, id)
}

// AccountForUpdate is Account with the row locked until the transaction ends.
func (tx *Tx) AccountForUpdate(app auth.AppID, id auth.AccountID) (auth.Account, error) {
	return tx.account("SELECT "+accountColumns+" FROM accounts WHERE app_id = $1 AND id = $2"+tx.lockSuffix(), app, id)
}

// AccountQuery selects an app's accounts, oldest first.
type AccountQuery struct {
	App       auth.AppID
	Member    auth.UserID // only those that the user belongs to; empty: all
	AfterTime time.Time
	AfterID   auth.AccountID
	Limit     int
}

// Accounts lists accounts by (created_at, id) ascending.
func (tx *Tx) Accounts(q AccountQuery) ([]auth.Account, error) {
	var out []auth.Account
	err := tx.all("SELECT "+accountColumns+` FROM accounts
		WHERE app_id = $1 AND (created_at, id) > ($2, $3) AND ($4 = '' OR EXISTS (SELECT 1 FROM memberships m
			WHERE m.app_id = accounts.app_id AND m.account_id = accounts.id AND m.user_id = $4))
		ORDER BY created_at, id LIMIT $5`,
		[]any{q.App, micros(q.AfterTime), q.AfterID, q.Member, q.Limit}, func(scan func(dest ...any) error) error {
			var r accountRow
			err := scan(r.dest()...)
			out = append(out, r.account())
			return err
		})
	return out, err
}

// InsertAccount writes a new account.
func (tx *Tx) InsertAccount(a auth.Account) error {
	_, err := tx.exec("INSERT INTO accounts ("+accountColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		a.ID, a.App, orNull(string(a.Parent)), a.Name, a.AvatarURL, a.Status, micros(a.PaidUntil), a.Version,
		micros(a.CreatedAt), micros(a.UpdatedAt))
	return err
}

// UpdateAccount stores parent, name, avatar, status and paid_until of an account under its next version; it reports
// whether the row still had the version before.
func (tx *Tx) UpdateAccount(a auth.Account) (bool, error) {
	n, err := tx.exec(`UPDATE accounts SET parent_id = $4, name = $5, avatar_url = $6, status = $7, paid_until = $8,
		updated_at = $9, version = $3 + 1 WHERE app_id = $1 AND id = $2 AND version = $3`,
		a.App, a.ID, a.Version, orNull(string(a.Parent)), a.Name, a.AvatarURL, a.Status, micros(a.PaidUntil), micros(tx.Now()))
	return n == 1, err
}

const membershipColumns = "m.id, m.app_id, m.account_id, m.user_id, m.role, m.created_at, m.updated_at"

type membershipRow struct {
	m                auth.Membership
	created, updated int64
}

func (r *membershipRow) dest() []any {
	m := &r.m
	return []any{&m.ID, &m.App, &m.Account, &m.User, &m.Role, &r.created, &r.updated}
}

func (r *membershipRow) membership() auth.Membership {
	m := r.m
	m.CreatedAt, m.UpdatedAt = instant(r.created), instant(r.updated)
	return m
}

func (tx *Tx) membership(query string, args ...any) (auth.Membership, error) {
	var r membershipRow
	if err := tx.one(query, args, r.dest()...); err != nil {
		return auth.Membership{}, err
	}
	return r.membership(), nil
}

// Membership reads a user's place in an account.
func (tx *Tx) Membership(app auth.AppID, account auth.AccountID, user auth.UserID) (auth.Membership, error) {
	return tx.membership("SELECT "+membershipColumns+" FROM memberships m WHERE m.app_id = $1 AND m.account_id = $2 AND m.user_id = $3",
		app, account, user)
}

// OldestMembership reads the membership that a user has had for longest.
func (tx *Tx) OldestMembership(app auth.AppID, user auth.UserID) (auth.Membership, error) {
	return tx.membership("SELECT "+membershipColumns+" FROM memberships m WHERE m.app_id = $1 AND m.user_id = $2 ORDER BY m.created_at, m.id LIMIT 1",
		app, user)
}

// MembershipsOf reads the places of the given users with their accounts, by user, oldest first, at most 100 of each
// user's.
func (tx *Tx) MembershipsOf(app auth.AppID, users []auth.UserID) (map[auth.UserID][]auth.MemberOf, error) {
	out := make(map[auth.UserID][]auth.MemberOf, len(users))
	if len(users) == 0 {
		return out, nil
	}
	args := []any{app}
	for _, u := range users {
		args = append(args, u)
	}
	err := tx.all("SELECT "+membershipColumns+`, a.id, a.app_id, a.parent_id, a.name, a.avatar_url, a.status, a.paid_until,
		a.version, a.created_at, a.updated_at
		FROM memberships m JOIN accounts a ON a.app_id = m.app_id AND a.id = m.account_id
		WHERE m.app_id = $1 AND m.user_id IN (`+marks(2, len(users))+") ORDER BY m.created_at, m.id", args,
		func(scan func(dest ...any) error) error {
			var (
				m membershipRow
				a accountRow
			)
			if err := scan(append(m.dest(), a.dest()...)...); err != nil {
				return err
			}
			if list := out[m.m.User]; len(list) < shownMemberships {
				out[m.m.User] = append(list, auth.MemberOf{Membership: m.membership(), Account: a.account()})
			}
			return nil
		})
	return out, err
}

// shownMemberships bounds what a profile carries.
const shownMemberships = 100

// MemberQuery selects the members of an account, oldest first.
type MemberQuery struct {
	App       auth.AppID
	Account   auth.AccountID
	AfterTime time.Time
	AfterID   auth.MembershipID
	Limit     int
}

// Members lists an account's memberships by (created_at, id) ascending.
func (tx *Tx) Members(q MemberQuery) ([]auth.Membership, error) {
	var out []auth.Membership
	err := tx.all("SELECT "+membershipColumns+` FROM memberships m
		WHERE m.app_id = $1 AND m.account_id = $2 AND (m.created_at, m.id) > ($3, $4) ORDER BY m.created_at, m.id LIMIT $5`,
		[]any{q.App, q.Account, micros(q.AfterTime), q.AfterID, q.Limit}, func(scan func(dest ...any) error) error {
			var r membershipRow
			err := scan(r.dest()...)
			out = append(out, r.membership())
			return err
		})
	return out, err
}

// CountMembers counts an account's members of a role; all of them for the empty role. A rule about the count locks
// the account's row first.
func (tx *Tx) CountMembers(app auth.AppID, account auth.AccountID, role auth.MemberRole) (n int, err error) {
	err = tx.one("SELECT count(*) FROM memberships WHERE app_id = $1 AND account_id = $2 AND ($3 = '' OR role = $3)",
		[]any{app, account, role}, &n)
	return n, err
}

// InsertMembership adds a user to an account. It reports false, and writes nothing, if the user is in it already.
func (tx *Tx) InsertMembership(m auth.Membership) (inserted bool, err error) {
	n, err := tx.exec(`INSERT INTO memberships (id, app_id, account_id, user_id, role, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		m.ID, m.App, m.Account, m.User, m.Role, micros(m.CreatedAt), micros(m.UpdatedAt))
	tx.Invalidate(KindUser, string(m.User))
	return n == 1, err
}

// UpdateMembership stores the role of a member; it reports whether there was such a row.
func (tx *Tx) UpdateMembership(m auth.Membership) (bool, error) {
	n, err := tx.exec("UPDATE memberships SET role = $4, updated_at = $5 WHERE app_id = $1 AND account_id = $2 AND user_id = $3",
		m.App, m.Account, m.User, m.Role, micros(tx.Now()))
	tx.Invalidate(KindUser, string(m.User))
	return n == 1, err
}

// DeleteMembership takes a user out of an account; it reports whether there was such a row.
func (tx *Tx) DeleteMembership(m auth.Membership) (bool, error) {
	n, err := tx.exec("DELETE FROM memberships WHERE app_id = $1 AND account_id = $2 AND user_id = $3", m.App, m.Account, m.User)
	tx.Invalidate(KindUser, string(m.User))
	return n == 1, err
}
