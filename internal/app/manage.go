package app

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Input is what a new app is made from. Without attributes of its own it declares auth.DefaultAttributes.
type Input struct {
	Name     string
	Settings auth.AppSettings
}

// Create makes an app with its default client. Only the operator and administrators of the default app may. Errors:
// CodeInvalidRequest (name, settings), CodeForbidden, and those of Recheck.
func (s *Service) Create(ctx context.Context, c auth.Caller, in Input) (auth.App, error) {
	name, err := checkName(in.Name)
	if err != nil {
		return auth.App{}, err
	}
	if in.Settings.Attributes == nil {
		in.Settings.Attributes = auth.DefaultAttributes()
	}
	if err := checkSettings(in.Settings); err != nil {
		return auth.App{}, err
	}
	a := auth.App{ID: auth.AppID(secret.NewID(s.rand, s.clock())), Name: name, Status: auth.AppActive,
		Settings: in.Settings, Epoch: 1, Version: 1}
	client := auth.Client{ID: auth.ClientID(secret.NewID(s.rand, s.clock())), App: a.ID, Name: "Default client",
		Default: true, Status: auth.ClientActive}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, auth.DefaultApp); err != nil {
			return asForbidden(err)
		}
		a.CreatedAt, a.UpdatedAt = tx.Now(), tx.Now()
		client.CreatedAt, client.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertApp(a); err != nil {
			return fmt.Errorf("insert app: %w", err)
		}
		if err := tx.InsertClient(client); err != nil {
			return fmt.Errorf("insert default client: %w", err)
		}
		return s.audit.Record(tx, c, auth.Event{App: a.ID, Action: "app.created", Outcome: "ok", User: c.User,
			Session: c.Session, Target: string(a.ID)})
	})
	if err != nil {
		return auth.App{}, err
	}
	return a, nil
}

// asForbidden says plainly what is no secret: that making apps is not for an administrator of one app.
func asForbidden(err error) error {
	if auth.Is(err, auth.CodeNotFound) {
		return auth.E(auth.CodeForbidden, "Only an administrator of the default app makes apps.")
	}
	return err
}

// Query is a place in the list of apps: zero values start at the oldest.
type Query = store.AppQuery

// List reads the apps that the caller may manage, oldest first. Error: CodeForbidden.
func (s *Service) List(ctx context.Context, c auth.Caller, q Query) (list []auth.App, err error) {
	if err := Manages(c, c.App); err != nil {
		return nil, err
	}
	if !everyApp(c) {
		q.Only = c.App
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.Apps(q)
		return err
	})
	return list, err
}

// Show reads one app that the caller may manage. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Show(ctx context.Context, c auth.Caller, id auth.AppID) (auth.App, error) {
	if err := Manages(c, id); err != nil {
		return auth.App{}, err
	}
	return s.Get(ctx, id)
}

// SetStatus enables or disables an app. A disabled one answers nobody: its sessions and keys are refused at once,
// and a session that comes to a refresh meanwhile ends for good. Errors: CodeForbidden, CodeNotFound, CodeConflict
// (the default app cannot be disabled).
func (s *Service) SetStatus(ctx context.Context, c auth.Caller, id auth.AppID, status auth.AppStatus) (a auth.App, err error) {
	if status != auth.AppActive && status != auth.AppDisabled {
		return auth.App{}, auth.Invalid("status", auth.ViolationEnum, "A status is active or disabled.")
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, id); err != nil {
			return err
		}
		if a, err = tx.AppForUpdate(id); err != nil {
			return missing(err, "app")
		}
		if a.Status == status {
			return nil
		}
		if id == auth.DefaultApp {
			return auth.E(auth.CodeConflict, "The default app cannot be disabled.")
		}
		a.Status = status
		return s.update(tx, c, &a, map[auth.AppStatus]string{auth.AppActive: "app.enabled", auth.AppDisabled: "app.disabled"}[status])
	})
	return a, err
}

// Change is what to change of an app; nil leaves it as it is.
type Change struct {
	Name             *string
	PasswordMin      *int // 0: what the door says
	Registration     *auth.RegistrationMode
	AccountsOnSignUp *bool
	// MetadataDocuments lets clients be known by a document at their client id.
	MetadataDocuments *bool
	Locale            *string // BCP 47; empty: English
	SigningAlgorithm  *string // empty: ES256
	Attributes        AttributeChange
	// Permissions are the permissions of a role, by role, merged; an empty list ends them.
	Permissions map[string][]string
	Challenge   ChallengeChange
	Brand       BrandChange
	IfMatch     *int64 // the version that the change was made against; nil: any
}

// Update changes the name and settings of an app. Errors: CodeInvalidRequest, CodeForbidden, CodeNotFound,
// CodeVersionMismatch, and those of Recheck.
func (s *Service) Update(ctx context.Context, c auth.Caller, id auth.AppID, change Change) (a auth.App, err error) {
	sealed, err := s.sealSecret(id, change.Challenge.Secret)
	if err != nil {
		return auth.App{}, err
	}
	logo, err := change.Brand.readLogo()
	if err != nil {
		return auth.App{}, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, id); err != nil {
			return err
		}
		if a, err = tx.AppForUpdate(id); err != nil {
			return missing(err, "app")
		}
		if change.IfMatch != nil && *change.IfMatch != a.Version {
			return auth.E(auth.CodeVersionMismatch, "")
		}
		set(&a.Name, change.Name)
		set(&a.Settings.PasswordMin, change.PasswordMin)
		set(&a.Settings.Registration, change.Registration)
		set(&a.Settings.AccountsOnSignUp, change.AccountsOnSignUp)
		set(&a.Settings.MetadataDocuments, change.MetadataDocuments)
		set(&a.Settings.Locale, change.Locale)
		set(&a.Settings.SigningAlgorithm, change.SigningAlgorithm)
		change.Attributes.apply(&a.Settings)
		a.Settings.Permissions = permitted(a.Settings.Permissions, change.Permissions)
		change.Challenge.apply(&a.Settings.Challenge, sealed)
		if err := change.Brand.apply(tx, id, &a.Settings.Brand, logo); err != nil {
			return err
		}
		if a.Name, err = checkName(a.Name); err != nil {
			return err
		}
		if err := checkSettings(a.Settings); err != nil {
			return err
		}
		return s.update(tx, c, &a, "app.updated")
	})
	return a, err
}

// update stores an app that was read for update.
func (s *Service) update(tx *store.Tx, c auth.Caller, a *auth.App, action string) error {
	ok, err := tx.UpdateApp(*a)
	if err != nil {
		return fmt.Errorf("update app: %w", err)
	}
	if !ok {
		return auth.E(auth.CodeVersionMismatch, "")
	}
	a.Version++
	a.UpdatedAt = tx.Now()
	tx.Invalidate(store.KindApp, string(a.ID))
	tx.Invalidate(store.KindApp, string(auth.DefaultApp)) // the server's metadata, which is kept with it, counts all apps
	return s.audit.Record(tx, c, auth.Event{App: a.ID, Action: action, Outcome: "ok", User: c.User, Session: c.Session,
		Target: string(a.ID)})
}

// RaiseEpochs ends the sessions of all apps at the next look at them: what `restore` does to a database that was
// put back to an older state, together with session.EndAllRestored.
func (s *Service) RaiseEpochs(tx *store.Tx) error {
	if err := tx.RaiseAppEpochs(); err != nil {
		return fmt.Errorf("raise epochs: %w", err)
	}
	tx.Invalidate(store.KindApp, "")
	return nil
}

const maxName = 100 // code points

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", auth.Invalid("name", auth.ViolationRequired, "A name is needed.")
	case n > maxName:
		return "", auth.Invalid("name", auth.ViolationTooLong, fmt.Sprintf("A name has at most %d characters.", maxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", auth.Invalid("name", auth.ViolationInvalid, "A name has no control characters.")
	}
	return name, nil
}
