package account

import (
	"context"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Join stores a membership whose rules the caller of Join has settled, with the event account.joined; id, app, account,
// user and role are given. Somebody who is a member already keeps the role. Error: CodeLimitReached.
func (s *Service) Join(tx *store.Tx, c auth.Caller, m auth.Membership) (auth.Membership, error) {
	if old, ok, err := belongs(tx, m.App, m.Account, m.User); err != nil || ok {
		return old, err
	}
	n, err := tx.CountMembers(m.App, m.Account, "")
	if err != nil {
		return m, fmt.Errorf("count members: %w", err)
	}
	if n >= maxMembers {
		return m, auth.E(auth.CodeLimitReached, fmt.Sprintf("An account has at most %d members.", maxMembers))
	}
	m.CreatedAt, m.UpdatedAt = tx.Now(), tx.Now()
	if _, err := tx.InsertMembership(m); err != nil {
		return m, fmt.Errorf("insert membership: %w", err)
	}
	return m, s.record(tx, c, auth.Event{Action: "account.joined", User: m.User, Target: string(m.Account),
		Data: map[string]string{"role": string(m.Role)}})
}

// Add makes a user of the app a member. Only administrators and the operator may: everybody else invites. Errors:
// CodeInvalidRequest (role), CodeForbidden, CodeNotFound, CodeConflict (a member already), CodeLimitReached, and those
// of Recheck.
func (s *Service) Add(ctx context.Context, c auth.Caller, m auth.Membership) (out auth.Membership, err error) {
	if !m.Role.Valid() {
		return out, badRole()
	}
	m.ID, m.App = auth.MembershipID(secret.NewID(s.Rand, s.Clock())), c.App
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		if _, err := tx.AccountForUpdate(c.App, m.Account); err != nil {
			return missing(err, "account")
		}
		if m.User, _, err = tx.ResolveUser(c.App, m.User); err != nil {
			return err
		}
		if _, err := tx.User(c.App, m.User); err != nil {
			return missing(err, "user")
		}
		if _, ok, err := belongs(tx, c.App, m.Account, m.User); err != nil || ok {
			if err == nil {
				err = auth.E(auth.CodeConflict, "The user is a member already.")
			}
			return err
		}
		out, err = s.Join(tx, c, m)
		return err
	})
	return out, err
}

func badRole() error {
	return auth.Invalid("role", auth.ViolationEnum, "It is owner, member or viewer.")
}

// MemberQuery is a place in the list of an account's members: zero values start at the oldest.
type MemberQuery = store.MemberQuery

// Member is a membership with the person as other members see it.
type Member struct {
	auth.Membership
	Name  string
	Email string // the primary address; only for owners and administrators
}

// Members reads the members of an account that the caller belongs to or administers, oldest first. Error: CodeNotFound.
func (s *Service) Members(ctx context.Context, c auth.Caller, q MemberQuery) (list []Member, err error) {
	q.App = c.App
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := visible(tx, c, q.Account); err != nil {
			return err
		}
		rows, err := tx.Members(q)
		if err != nil {
			return err
		}
		list, err = people(tx, c, q.Account, rows)
		return err
	})
	return list, err
}

// people says who the members are. Addresses are for who may write to them: owners and administrators.
func people(tx *store.Tx, c auth.Caller, id auth.AccountID, rows []auth.Membership) ([]Member, error) {
	users := make([]auth.UserID, len(rows))
	for i, m := range rows {
		users[i] = m.User
	}
	names, err := tx.UserNames(c.App, users)
	if err != nil {
		return nil, err
	}
	emails := map[auth.UserID]auth.Email{}
	own, ok, err := belongs(tx, c.App, id, c.User)
	if err == nil && (c.Administers() || ok && own.Role == auth.MemberOwner) {
		emails, err = tx.PrimaryEmails(c.App, users)
	}
	out := make([]Member, len(rows))
	for i, m := range rows {
		out[i] = Member{Membership: m, Name: names[m.User], Email: emails[m.User].Address}
	}
	return out, err
}

// SetRole gives a member another role. Errors: CodeInvalidRequest (role), CodeForbidden, CodeNotFound, CodeConflict (the
// last owner), and those of Recheck.
func (s *Service) SetRole(ctx context.Context, c auth.Caller, id auth.AccountID, user auth.UserID, role auth.MemberRole) (m auth.Membership, err error) {
	if !role.Valid() {
		return m, badRole()
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.Manages(tx, c, id); err != nil {
			return err
		}
		own, _, err := tx.ResolveUser(c.App, user)
		if err != nil {
			return err
		}
		if m, err = tx.Membership(c.App, id, own); err != nil {
			return missing(err, "member")
		}
		if m.Role == role {
			return nil
		}
		if err := keepOneOwner(tx, m); err != nil {
			return err
		}
		from := m.Role
		m.Role, m.UpdatedAt = role, tx.Now()
		if _, err := tx.UpdateMembership(m); err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		return s.record(tx, c, auth.Event{Action: "account.role-set", User: own, Target: string(id),
			Data: map[string]string{"from": string(from), "to": string(role)}})
	})
	return m, err
}

// Remove takes a user out of an account; everybody may leave by itself. Sessions that act for the account lose it at the
// next refresh, and at once wherever a Write asks. Errors: CodeForbidden, CodeNotFound, CodeConflict (the last owner),
// and those of Recheck.
func (s *Service) Remove(ctx context.Context, c auth.Caller, id auth.AccountID, user auth.UserID) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		own, _, err := tx.ResolveUser(c.App, user)
		if err != nil {
			return err
		}
		if err := s.mayRemove(tx, c, id, own); err != nil {
			return err
		}
		m, err := tx.Membership(c.App, id, own)
		if err != nil {
			return missing(err, "member")
		}
		if err := keepOneOwner(tx, m); err != nil {
			return err
		}
		if _, err := tx.DeleteMembership(m); err != nil {
			return fmt.Errorf("delete membership: %w", err)
		}
		return s.record(tx, c, auth.Event{Action: "account.left", User: own, Target: string(id)})
	})
}

func (s *Service) mayRemove(tx *store.Tx, c auth.Caller, id auth.AccountID, user auth.UserID) error {
	if user != c.User || user == "" {
		_, err := s.Manages(tx, c, id)
		return err
	}
	if _, err := s.caller(tx, c); err != nil {
		return err
	}
	if _, err := tx.AccountForUpdate(c.App, id); err != nil {
		return missing(err, "account")
	}
	return nil
}

// keepOneOwner refuses what would leave an account without an owner. The account's row is locked.
func keepOneOwner(tx *store.Tx, m auth.Membership) error {
	if m.Role != auth.MemberOwner {
		return nil
	}
	n, err := tx.CountMembers(m.App, m.Account, auth.MemberOwner)
	if err != nil {
		return fmt.Errorf("count owners: %w", err)
	}
	if n <= 1 {
		return auth.E(auth.CodeConflict, "This is the last owner of the account.")
	}
	return nil
}
