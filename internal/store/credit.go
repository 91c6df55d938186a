package store

import (
	"github.com/ostiary-id/ostiary/internal/auth"
)

// Credit reads a user's credit record.
func (tx *Tx) Credit(app auth.AppID, user auth.UserID) (auth.Credit, error) {
	return scanCredit(func(dest ...any) error {
		return tx.one("SELECT "+creditColumns+" FROM credits WHERE app_id = $1 AND user_id = $2", []any{app, user}, dest...)
	})
}

// Credits reads the credit records of the given users, by user.
func (tx *Tx) Credits(app auth.AppID, users []auth.UserID) (map[auth.UserID]auth.Credit, error) {
	out := map[auth.UserID]auth.Credit{}
	if len(users) == 0 {
		return out, nil
	}
	args := []any{app}
	for _, u := range users {
		args = append(args, u)
	}
	err := tx.all("SELECT "+creditColumns+" FROM credits WHERE app_id = $1 AND user_id IN ("+marks(2, len(users))+")", args,
		func(scan func(dest ...any) error) error {
			c, err := scanCredit(scan)
			out[c.User] = c
			return err
		})
	return out, err
}

const creditColumns = "app_id, user_id, balance, granted, created_at, updated_at"

func scanCredit(scan func(dest ...any) error) (auth.Credit, error) {
	var (
		c                auth.Credit
		created, updated int64
	)
	if err := scan(&c.App, &c.User, &c.Balance, &c.Granted, &created, &updated); err != nil {
		return auth.Credit{}, err
	}
	c.CreatedAt, c.UpdatedAt = instant(created), instant(updated)
	return c, nil
}

// PutCredit stores a user's balance, whose user's row the caller has locked.
func (tx *Tx) PutCredit(c auth.Credit) error {
	_, err := tx.exec(`INSERT INTO credits (user_id, app_id, balance, granted, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id) DO UPDATE SET balance = excluded.balance, granted = excluded.granted, updated_at = excluded.updated_at`,
		c.User, c.App, int64(c.Balance), int64(c.Granted), micros(c.CreatedAt), micros(c.UpdatedAt))
	tx.Invalidate(KindUser, string(c.User))
	return err
}
