package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Balance is a credit record with its id, which is the user's number.
type Balance struct {
	ID     int64
	Credit auth.Credit
}

// Grant is an amount given to a user, or taken back when it is negative.
type Grant struct {
	User   auth.UserID
	Amount auth.Micros
	// Paid says that it was not given for nothing: the granted part of the balance stays as it is.
	Paid bool
}

// GrantCredit adds to a user's balance. Errors: CodeForbidden, CodeNotFound, CodeInvalidRequest (nothing, or beyond
// auth.MaxAmount), CodeConflict (more is taken than there is), and those of Recheck.
func (s *Service) GrantCredit(ctx context.Context, c auth.Caller, g Grant) (out Balance, err error) {
	if g.Amount == 0 {
		return out, auth.Invalid("amount", auth.ViolationInvalid, "An amount is not zero.")
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		out, err = s.AddCredit(tx, c, g)
		return err
	})
	return out, err
}

// AddCredit is GrantCredit in a Write of the caller's, for flows that asked for leave already. It locks the user's row.
func (s *Service) AddCredit(tx *store.Tx, c auth.Caller, g Grant) (Balance, error) {
	own, _, err := tx.ResolveUser(c.App, g.User)
	if err != nil {
		return Balance{}, err
	}
	g.User = own
	u, err := tx.UserForUpdate(c.App, g.User)
	if err != nil {
		return Balance{}, missing(err, "user")
	}
	credit, err := tx.Credit(c.App, g.User)
	if errors.Is(err, store.ErrNotFound) {
		credit, err = auth.Credit{App: c.App, User: g.User, CreatedAt: tx.Now()}, nil
	}
	if err != nil {
		return Balance{}, fmt.Errorf("read credit: %w", err)
	}
	credit.Balance += g.Amount
	if !g.Paid {
		credit.Granted += g.Amount
	}
	switch {
	case credit.Balance < 0 || credit.Granted < 0 || credit.Granted > credit.Balance:
		return Balance{}, auth.E(auth.CodeConflict, "There is not that much to take.")
	case credit.Balance > auth.MaxAmount:
		return Balance{}, auth.Invalid("amount", auth.ViolationTooLarge, "A balance is at most 1000000000.")
	}
	credit.UpdatedAt = tx.Now()
	if err := tx.PutCredit(credit); err != nil {
		return Balance{}, fmt.Errorf("put credit: %w", err)
	}
	return Balance{ID: u.Number, Credit: credit}, s.record(tx, c, auth.Event{Action: "credit.granted", User: g.User, Target: string(g.User),
		Data: map[string]string{"micros": fmt.Sprint(int64(g.Amount)), "paid": fmt.Sprint(g.Paid)}})
}

// ShowCredit reads a user's balance; one who was never given anything has none. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ShowCredit(ctx context.Context, c auth.Caller, user auth.UserID) (out Balance, err error) {
	if !c.Administers() {
		return out, auth.E(auth.CodeForbidden, "")
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		own, _, err := tx.ResolveUser(c.App, user)
		if err != nil {
			return err
		}
		u, err := tx.User(c.App, own)
		if err != nil {
			return missing(err, "user")
		}
		out.ID = u.Number
		if out.Credit, err = tx.Credit(c.App, u.ID); err != nil {
			return missing(err, "credit")
		}
		return nil
	})
	return out, err
}
