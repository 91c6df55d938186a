package lifecycle

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// administer runs a change to a user by an administrator of the app, or by the machine's operator. The app's row is
// locked first, so that rules about how many administrators there are hold against changes at the same moment
// (AD-04), then the user's, which may be named by the id it had elsewhere. Codes: forbidden, not-found, and those of
// session.Recheck.
func (s *Service) administer(ctx context.Context, c auth.Caller, id auth.UserID,
	change func(tx *store.Tx, now user.Identity) error) (user.Profile, error) {
	var out user.Profile
	err := s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.AppForUpdate(c.App); err != nil {
			return absent(err, "There is no such app.")
		}
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		own, _, err := tx.ResolveUser(c.App, id)
		if err != nil {
			return err
		}
		now, err := user.Lock(tx, c.App, own)
		if err != nil {
			return absent(err, "There is no such user.")
		}
		if !now.User.DeleteAt.IsZero() && !tx.Now().Before(now.User.DeleteAt) {
			return auth.E(auth.CodeNotFound, "The user is being erased.")
		}
		if err := change(tx, now); err != nil {
			return err
		}
		out, err = user.ReadProfile(tx, c.App, own)
		return err
	})
	return out, err
}

// recheckAdministrator reads the caller anew: a role that was taken away a moment ago is gone.
func (s *Service) recheckAdministrator(tx *store.Tx, c auth.Caller) error {
	u, err := s.Login.Sessions.Recheck(tx, c)
	if err != nil {
		return err
	}
	if c.Kind != auth.CallerSystem && u.Role != auth.RoleAdmin {
		return auth.E(auth.CodeForbidden, "")
	}
	return nil
}

// keepOneAdministrator refuses what would leave the app without an active administrator. The app's row is locked.
func keepOneAdministrator(tx *store.Tx, u auth.User) error {
	if u.Role != auth.RoleAdmin || u.Shown() != auth.UserActive {
		return nil
	}
	n, err := tx.CountActive(u.App, auth.RoleAdmin)
	if err == nil && n <= 1 {
		return auth.E(auth.CodeConflict, "This is the last administrator of the app.")
	}
	return err
}

// UpdateUser changes the profile of a user by an administrator, who may also write the attributes that users may not.
// Codes: not-found, version-mismatch, invalid-request, identifier-taken.
func (s *Service) UpdateUser(ctx context.Context, c auth.Caller, id auth.UserID, change user.Change) (user.Profile, error) {
	return s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		app, err := tx.App(c.App)
		if err != nil {
			return err
		}
		if _, err := user.Update(tx, now.User, app.Settings.Attributes, auth.WrittenByAdmin, change); err != nil {
			return err
		}
		return s.Login.Record(tx, c, auth.Event{Action: "user.updated", User: now.User.ID})
	})
}

// DisableUser shuts a user out: sessions end (user-disabled), API keys stop, pending links die. A user who is disabled
// already stays so. Codes: not-found, conflict (the last administrator), forbidden (oneself).
func (s *Service) DisableUser(ctx context.Context, c auth.Caller, id auth.UserID) (user.Profile, error) {
	return s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		if now.User.Status == auth.UserDisabled {
			return nil
		}
		if c.User == now.User.ID {
			return auth.E(auth.CodeForbidden, "Nobody can disable their own account.")
		}
		if err := keepOneAdministrator(tx, now.User); err != nil {
			return err
		}
		if _, err := user.SetStatus(tx, now.User, auth.UserDisabled); err != nil {
			return err
		}
		if _, err := s.Login.Sessions.EndAll(tx, c, c.App, now.User.ID, auth.EndUserDisabled); err != nil {
			return err
		}
		if err := s.Login.Proofs.RevokeAll(tx, c.App, now.User.ID); err != nil {
			return err
		}
		return s.Login.Record(tx, c, auth.Event{Action: "user.disabled", User: now.User.ID})
	})
}

// EnableUser lets a user in again who is disabled or about to be erased; what ended stays ended. Code: not-found (also once
// the time to be erased has come).
func (s *Service) EnableUser(ctx context.Context, c auth.Caller, id auth.UserID) (user.Profile, error) {
	return s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		if now.User.Shown() == auth.UserActive {
			return nil
		}
		if err := s.Login.Proofs.RevokeAll(tx, c.App, now.User.ID, auth.ProofCancelDelete); err != nil {
			return err
		}
		now.User.DeleteAt = time.Time{}
		if _, err := user.SetStatus(tx, now.User, auth.UserActive); err != nil {
			return err
		}
		return s.Login.Record(tx, c, auth.Event{Action: "user.enabled", User: now.User.ID})
	})
}

// SetRole gives a user another role. Codes: not-found, invalid-request (no such role), conflict (the last
// administrator), forbidden (oneself).
func (s *Service) SetRole(ctx context.Context, c auth.Caller, id auth.UserID, role auth.Role) (user.Profile, error) {
	if !role.Valid() {
		return user.Profile{}, auth.Invalid("role", auth.ViolationEnum, "There is no such role.")
	}
	return s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		if c.User == now.User.ID {
			return auth.E(auth.CodeForbidden, "Nobody can change their own role.")
		}
		if now.User.Role == role {
			return nil
		}
		if err := keepOneAdministrator(tx, now.User); err != nil {
			return err
		}
		if _, err := user.SetRole(tx, now.User, role); err != nil {
			return err
		}
		return s.Login.Record(tx, c, auth.Event{Action: "user.role-set", User: now.User.ID,
			Data: map[string]string{"from": string(now.User.Role), "to": string(role)}})
	})
}

// EndUserSessions signs a user out everywhere and answers how many sessions ended. Code: not-found.
func (s *Service) EndUserSessions(ctx context.Context, c auth.Caller, id auth.UserID) (n int, err error) {
	err = s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		own, _, err := tx.ResolveUser(c.App, id)
		if err != nil {
			return err
		}
		if _, err := tx.UserForUpdate(c.App, own); err != nil {
			return absent(err, "There is no such user.")
		}
		n, err = s.Login.Sessions.EndAll(tx, c, c.App, own, auth.EndByAdmin)
		return err
	})
	return n, err
}

// NewUser is a user that an administrator makes. Only Email is needed.
type NewUser struct {
	Email         string
	EmailVerified bool // the administrator vouches for the address
	// Password that the user has to replace before the first sign-in, for an administrator knows it (PW-18); one that
	// the machine's operator gives is the user's own. Empty: the user gets a mail with a link to choose one.
	Password                              string
	Username, Name, GivenName, FamilyName string
	Locale, ExternalID                    string
	Role                                  auth.Role // empty: user
	Attributes                            map[string]any
}

// CreateUser makes a user of the app. Codes: forbidden, invalid-request, weak-password, identifier-taken, overloaded.
func (s *Service) CreateUser(ctx context.Context, c auth.Caller, in NewUser) (user.Profile, error) {
	var app auth.App
	err := s.Login.DB.Read(ctx, func(tx *store.Tx) (err error) {
		app, err = tx.App(c.App)
		return absent(err, "There is no such app.")
	})
	if err != nil {
		return user.Profile{}, err
	}
	n, err := s.prepareUser(ctx, c, app, in)
	if err != nil {
		return user.Profile{}, err
	}
	var out user.Profile
	err = s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		made, email, err := user.Insert(tx, n)
		if err != nil {
			return err
		}
		if err := s.Login.Record(tx, c, auth.Event{Action: "user.created", User: made.ID,
			Data: map[string]string{"role": string(made.Role)}}); err != nil {
			return err
		}
		if n.PasswordHash == "" {
			if err := s.Login.SendReset(tx, c, app, user.Identity{User: made, Email: email}); err != nil {
				return err
			}
		}
		out, err = user.ReadProfile(tx, c.App, made.ID)
		return err
	})
	return out, err
}

func (s *Service) prepareUser(ctx context.Context, c auth.Caller, app auth.App, in NewUser) (user.New, error) {
	now := s.Login.Clock()
	n, err := user.Check(user.New{
		User: auth.User{ID: auth.UserID(secret.NewID(s.Login.Rand, now)), App: c.App, Username: in.Username, Name: in.Name,
			GivenName: in.GivenName, FamilyName: in.FamilyName, Locale: in.Locale, ExternalID: in.ExternalID, Role: in.Role},
		Email:      auth.Email{ID: auth.EmailID(secret.NewID(s.Login.Rand, now)), Address: in.Email},
		Verified:   in.EmailVerified,
		MustChange: c.Kind != auth.CallerSystem,
	})
	if err != nil {
		return n, err
	}
	attributes, err := user.CheckAttributes(app.Settings.Attributes, auth.WrittenByAdmin, in.Attributes)
	if err != nil {
		return n, err
	}
	n.User.Attributes = user.MergeAttributes(nil, attributes)
	if in.Password == "" {
		return n, nil
	}
	if err := s.Login.CheckPassword(ctx, app, in.Password, n.Email.Address, n.User.Username); err != nil {
		return n, err
	}
	n.PasswordHash, err = s.Login.Hash(ctx, in.Password)
	return n, err
}

// absent turns a missing row into not-found.
func absent(err error, message string) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, message)
	}
	return err
}
