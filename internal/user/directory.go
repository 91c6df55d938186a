package user

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Profile is a user as shown: the row, the primary address, and which credentials there are.
type Profile struct {
	User            auth.User
	Email           auth.Email // zero if there is none
	HasPassword     bool
	BackupCodesLeft int
	Belongings
}

// Belongings are what other packages keep about a user and every profile shows.
type Belongings struct {
	Memberships []auth.MemberOf // oldest first
	Credit      *auth.Credit    // nil: never given any
}

// ReadBelongings reads what belongs to a user in a transaction.
func ReadBelongings(tx *store.Tx, app auth.AppID, id auth.UserID) (Belongings, error) {
	all, err := belongings(tx, app, []auth.UserID{id})
	if err != nil {
		return Belongings{}, err
	}
	return all(id), nil
}

// belongings reads what belongs to several users.
func belongings(tx *store.Tx, app auth.AppID, ids []auth.UserID) (func(auth.UserID) Belongings, error) {
	memberships, err := tx.MembershipsOf(app, ids)
	if err != nil {
		return nil, err
	}
	credits, err := tx.Credits(app, ids)
	return func(id auth.UserID) Belongings {
		b := Belongings{Memberships: memberships[id]}
		if credit, ok := credits[id]; ok {
			b.Credit = &credit
		}
		return b
	}, err
}

// Directory answers questions about users. Profiles come from a cache of committed rows while the cache may be
// trusted (see store.Cache).
type Directory struct {
	db    *store.DB
	cache *store.Cache[Profile]
}

// NewDirectory makes a directory that keeps at most size profiles.
func NewDirectory(db *store.DB, size int) *Directory {
	return &Directory{db: db, cache: store.NewCache[Profile](db, store.KindUser, size)}
}

// Profile reads one user of the app. Code: not-found. The result is shared: do not change its maps.
func (d *Directory) Profile(ctx context.Context, app auth.AppID, id auth.UserID) (Profile, error) {
	p, err := d.cache.Get(ctx, string(id), func(tx *store.Tx) (Profile, error) { return ReadProfile(tx, app, id) })
	if errors.Is(err, store.ErrNotFound) || (err == nil && p.User.App != app) {
		return Profile{}, notFound()
	}
	return p, err
}

// ReadProfile reads one user in a transaction, or store.ErrNotFound.
func ReadProfile(tx *store.Tx, app auth.AppID, id auth.UserID) (Profile, error) {
	known, err := Load(tx, app, id)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{User: known.User, Email: known.Email, HasPassword: known.Password.Hash != ""}
	if p.User.TOTP {
		if p.BackupCodesLeft, err = tx.BackupCodesLeft(app, id); err != nil {
			return p, err
		}
	}
	p.Belongings, err = ReadBelongings(tx, app, id)
	return p, err
}

// Page asks for a part of the list of users. After is the place (creation time and id) of the last one of the
// page before; zero values start at the beginning.
type Page struct {
	Filter    store.UserFilter
	AfterTime time.Time
	AfterID   auth.UserID
	Limit     int
}

// List reads one page of the app's users, oldest first, without what credentials they have.
func (d *Directory) List(ctx context.Context, app auth.AppID, page Page) ([]Profile, error) {
	var out []Profile
	err := d.db.Read(ctx, func(tx *store.Tx) error {
		users, err := tx.Users(app, page.Filter, page.AfterTime, page.AfterID, page.Limit)
		if err != nil {
			return err
		}
		ids := make([]auth.UserID, len(users))
		for i, u := range users {
			ids[i] = u.ID
		}
		emails, err := tx.PrimaryEmails(app, ids)
		if err != nil {
			return err
		}
		of, err := belongings(tx, app, ids)
		if err != nil {
			return err
		}
		out = make([]Profile, len(users))
		for i, u := range users {
			out[i] = Profile{User: u, Email: emails[u.ID], Belongings: of(u.ID)}
		}
		return nil
	})
	return out, err
}

// Find finds a user by what a person on the machine types, in this order: an id, the id it had elsewhere (which may look
// like a number of ours), a number, an address or a username. Code: not-found.
func (d *Directory) Find(ctx context.Context, app auth.AppID, typed string) (Profile, error) {
	var p Profile
	err := d.db.Read(ctx, func(tx *store.Tx) error {
		id, err := find(tx, app, typed)
		if err != nil {
			return err
		}
		p, err = ReadProfile(tx, app, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return p, notFound()
	}
	return p, err
}

func find(tx *store.Tx, app auth.AppID, typed string) (auth.UserID, error) {
	id, found, err := tx.ResolveUser(app, auth.UserID(typed))
	if err != nil || found {
		return id, err
	}
	if number, bad := strconv.ParseInt(typed, 10, 64); bad == nil {
		u, err := tx.UserByNumber(app, number)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return u.ID, err
		}
	}
	known, _, err := ByIdentifier(tx, app, typed)
	return known.User.ID, err
}

func notFound() error { return auth.E(auth.CodeNotFound, "There is no such user.") }
