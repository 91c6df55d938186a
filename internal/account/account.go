package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// New is an account to be made with its owner. Ids are made before the Write.
type New struct {
	Account    auth.Account // ID, App, Parent, Name, AvatarURL; an empty status means active
	Owner      auth.UserID  // empty: nobody yet
	Membership auth.MembershipID
}

// Draft makes the ids of a new account.
func (s *Service) Draft(app auth.AppID, name string, owner auth.UserID) New {
	now := s.Clock()
	return New{Account: auth.Account{ID: auth.AccountID(secret.NewID(s.Rand, now)), App: app, Name: name},
		Owner: owner, Membership: auth.MembershipID(secret.NewID(s.Rand, now))}
}

// Open stores a new account and its owner, with the event account.created. It asks nobody for leave: flows that make an
// account for a person they have just checked call it. Code: invalid-request (name, avatar_url).
func (s *Service) Open(tx *store.Tx, c auth.Caller, n New) (auth.Account, error) {
	a := n.Account
	var err error
	if a.Name, err = checkName(a.Name); err != nil {
		return a, err
	}
	if err := checkAvatar(a.AvatarURL); err != nil {
		return a, err
	}
	if a.Status == "" {
		a.Status = auth.AccountActive
	}
	a.Version, a.CreatedAt, a.UpdatedAt = 1, tx.Now(), tx.Now()
	if err := tx.InsertAccount(a); err != nil {
		return a, fmt.Errorf("insert account: %w", err)
	}
	if err := s.record(tx, c, auth.Event{Action: "account.created", User: n.Owner, Target: string(a.ID)}); err != nil || n.Owner == "" {
		return a, err
	}
	_, err = s.Join(tx, c, auth.Membership{ID: n.Membership, App: a.App, Account: a.ID, User: n.Owner, Role: auth.MemberOwner})
	return a, err
}

// Input is what a new account is made from.
type Input struct {
	Name, AvatarURL string
	Parent          auth.AccountID // empty: none
	Owner           auth.UserID    // empty: the caller; the operator may leave it empty for an account without one
}

// Create makes an account. A user makes it for itself, below none or below one that it owns; administrators and the
// operator for anybody. Errors: CodeInvalidRequest, CodeForbidden, CodeNotFound (parent or owner), CodeLimitReached,
// and those of Recheck.
func (s *Service) Create(ctx context.Context, c auth.Caller, in Input) (a auth.Account, err error) {
	if in.Owner == "" {
		in.Owner = c.User
	}
	n := s.Draft(c.App, in.Name, "")
	n.Account.AvatarURL, n.Account.Parent = in.AvatarURL, in.Parent
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		now, err := s.caller(tx, c)
		if err != nil {
			return err
		}
		owned := in
		if owned.Owner, _, err = tx.ResolveUser(c.App, in.Owner); err != nil {
			return err
		}
		if err := s.mayCreate(tx, now, owned); err != nil {
			return err
		}
		n.Owner = owned.Owner
		a, err = s.Open(tx, c, n)
		return err
	})
	return a, err
}

func (s *Service) mayCreate(tx *store.Tx, c auth.Caller, in Input) error {
	if in.Parent != "" {
		if _, err := s.lockOwned(tx, c, in.Parent); err != nil {
			return err
		}
		if depth, err := depthOf(tx, c.App, in.Parent, ""); err != nil || depth >= maxDepth {
			return tooDeep(err)
		}
	}
	if in.Owner == "" {
		return nil
	}
	if in.Owner != c.User && !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators make accounts for others.")
	}
	if _, err := tx.UserForUpdate(c.App, in.Owner); err != nil {
		return missing(err, "user")
	}
	if c.Administers() {
		return nil
	}
	own, err := tx.MembershipsOf(c.App, []auth.UserID{in.Owner})
	if err == nil && len(own[in.Owner]) >= maxOwn {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("A user is in at most %d accounts of its own making.", maxOwn))
	}
	return err
}

// depthOf counts how deep an account lies and refuses a chain that leads through below: a loop.
func depthOf(tx *store.Tx, app auth.AppID, id, below auth.AccountID) (depth int, err error) {
	for id != "" {
		if depth++; id == below || depth > maxDepth {
			return maxDepth + 1, nil
		}
		a, err := tx.Account(app, id)
		if err != nil {
			return depth, missing(err, "account")
		}
		id = a.Parent
	}
	return depth, nil
}

func tooDeep(err error) error {
	if err != nil {
		return err
	}
	return auth.Invalid("parent_id", auth.ViolationInvalid, fmt.Sprintf("Accounts nest at most %d deep and never below themselves.", maxDepth))
}

// lockOwned locks an account that the caller may manage: as its owner, as an administrator or as the operator. One that
// the caller does not belong to does not exist for it; a mere member gets CodeForbidden. c comes from caller.
func (s *Service) lockOwned(tx *store.Tx, c auth.Caller, id auth.AccountID) (auth.Account, error) {
	a, err := tx.AccountForUpdate(c.App, id)
	if err != nil {
		return a, missing(err, "account")
	}
	if c.Administers() {
		return a, nil
	}
	m, err := tx.Membership(c.App, id, c.User)
	if err != nil {
		return a, missing(err, "account")
	}
	if m.Role != auth.MemberOwner {
		return a, auth.E(auth.CodeForbidden, "Only owners of the account may do this.")
	}
	return a, nil
}

// Manages re-reads the caller and refuses who may not manage the account, whose row it locks. Errors: CodeForbidden,
// CodeNotFound, and those of Recheck.
func (s *Service) Manages(tx *store.Tx, c auth.Caller, id auth.AccountID) (auth.Account, error) {
	now, err := s.caller(tx, c)
	if err != nil {
		return auth.Account{}, err
	}
	return s.lockOwned(tx, now, id)
}

// Oversees refuses who may not manage the account, as the caller was when the request came; for reads. Errors:
// CodeForbidden, CodeNotFound.
func (s *Service) Oversees(tx *store.Tx, c auth.Caller, id auth.AccountID) error {
	if _, err := visible(tx, c, id); err != nil || c.Administers() {
		return err
	}
	m, err := tx.Membership(c.App, id, c.User)
	if err != nil {
		return missing(err, "account")
	}
	if m.Role != auth.MemberOwner {
		return auth.E(auth.CodeForbidden, "Only owners of the account may do this.")
	}
	return nil
}

// Query is a place in the list of accounts: zero values start at the oldest.
type Query = store.AccountQuery

// List reads accounts, oldest first: all of the app for administrators and the operator, the own ones for anybody else.
func (s *Service) List(ctx context.Context, c auth.Caller, q Query) (list []auth.Account, err error) {
	q.App = c.App
	if !c.Administers() {
		q.Member = c.User
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if q.Member, _, err = tx.ResolveUser(c.App, q.Member); err != nil {
			return err
		}
		list, err = tx.Accounts(q)
		return err
	})
	return list, err
}

// Show reads an account that the caller belongs to or administers. Error: CodeNotFound.
func (s *Service) Show(ctx context.Context, c auth.Caller, id auth.AccountID) (a auth.Account, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		a, err = visible(tx, c, id)
		return err
	})
	return a, err
}

func visible(tx *store.Tx, c auth.Caller, id auth.AccountID) (auth.Account, error) {
	a, err := tx.Account(c.App, id)
	if err != nil {
		return a, missing(err, "account")
	}
	if c.Administers() {
		return a, nil
	}
	if _, err := tx.Membership(c.App, id, c.User); err != nil {
		return auth.Account{}, missing(err, "account")
	}
	return a, nil
}

// Change is what to change of an account; nil leaves it as it is. Status and PaidUntil are for administrators.
type Change struct {
	Name, AvatarURL *string
	Parent          *auth.AccountID // empty: none
	Status          *auth.AccountStatus
	PaidUntil       *time.Time // zero: not said
	IfMatch         *int64     // the version that the change was made against; nil: any
}

// Update changes an account. Errors: CodeInvalidRequest (a parent below itself too), CodeForbidden, CodeNotFound,
// CodeVersionMismatch, and those of Recheck.
func (s *Service) Update(ctx context.Context, c auth.Caller, id auth.AccountID, change Change) (a auth.Account, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		now, err := s.caller(tx, c)
		if err != nil {
			return err
		}
		if change.Parent != nil {
			// Two moves at once could make a loop of two trees that are none: moves of an app are in one line.
			if _, err := tx.AppForUpdate(c.App); err != nil {
				return missing(err, "app")
			}
		}
		if a, err = s.lockOwned(tx, now, id); err != nil {
			return err
		}
		if err := s.apply(tx, now, &a, change); err != nil {
			return err
		}
		ok, err := tx.UpdateAccount(a)
		if err != nil {
			return fmt.Errorf("update account: %w", err)
		}
		if !ok {
			return auth.E(auth.CodeVersionMismatch, "")
		}
		a.Version++
		a.UpdatedAt = tx.Now()
		if err := forget(tx, a); err != nil {
			return err
		}
		return s.record(tx, c, auth.Event{Action: "account.updated", Target: string(id)})
	})
	return a, err
}

// forget drops the profiles that show the account: those of its members.
func forget(tx *store.Tx, a auth.Account) error {
	const few = 200
	members, err := tx.Members(store.MemberQuery{App: a.App, Account: a.ID, Limit: few + 1})
	if err != nil {
		return fmt.Errorf("list members: %w", err)
	}
	if len(members) > few {
		tx.Invalidate(store.KindUser, "")
		return nil
	}
	for _, m := range members {
		tx.Invalidate(store.KindUser, string(m.User))
	}
	return nil
}

func (s *Service) apply(tx *store.Tx, c auth.Caller, a *auth.Account, change Change) (err error) {
	if change.IfMatch != nil && *change.IfMatch != a.Version {
		return auth.E(auth.CodeVersionMismatch, "")
	}
	if (change.Status != nil || change.PaidUntil != nil) && !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators say how an account stands.")
	}
	set(&a.Name, change.Name)
	set(&a.AvatarURL, change.AvatarURL)
	set(&a.Status, change.Status)
	set(&a.PaidUntil, change.PaidUntil)
	if a.Name, err = checkName(a.Name); err != nil {
		return err
	}
	if err := checkAvatar(a.AvatarURL); err != nil {
		return err
	}
	if !a.Status.Valid() {
		return auth.Invalid("status", auth.ViolationEnum, "It is active, trial, past_due, suspended or closed.")
	}
	if change.Parent == nil || *change.Parent == a.Parent {
		return nil
	}
	if a.Parent = *change.Parent; a.Parent == "" {
		return nil
	}
	if _, err := s.lockOwned(tx, c, a.Parent); err != nil {
		return err
	}
	if depth, err := depthOf(tx, a.App, a.Parent, a.ID); err != nil || depth >= maxDepth {
		return tooDeep(err)
	}
	return nil
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// belongs reads a membership or answers ok false.
func belongs(tx *store.Tx, app auth.AppID, id auth.AccountID, user auth.UserID) (m auth.Membership, ok bool, err error) {
	m, err = tx.Membership(app, id, user)
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil
	}
	return m, err == nil, err
}
