package federation

import (
	"context"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxProviders is how many providers one app may have.
const maxProviders = 50

// sealPurpose binds sealed client secrets to this use (SECURITY KM-02).
const sealPurpose = "federation.provider"

// ProviderInput is what a new provider is made from. Settings that are empty are filled from the profile of the kind.
type ProviderInput struct {
	Name     string // empty: the kind's
	Kind     auth.ProviderKind
	Settings auth.ProviderSettings
	// Secret is the client secret; for Apple the private key, PEM of PKCS #8. Empty: a client without a secret, for the
	// kinds oidc and oauth2 alone.
	Secret   string
	Disabled bool
}

// Create connects the caller's app to a provider. Errors: invalid-request (name, kind, secret and the members of settings
// by their names), forbidden, conflict (the name is taken), limit-reached (50 of an app), and those of Recheck.
func (s *Service) Create(ctx context.Context, c auth.Caller, in ProviderInput) (auth.Provider, error) {
	made, err := s.prepare(c, in)
	if err != nil {
		return auth.Provider{}, err
	}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		// The app's row is held while the providers are counted, so that two calls decide one after the other.
		if _, err := tx.AppForUpdate(c.App); err != nil {
			return missing(err, "app")
		}
		list, err := tx.Providers(c.App)
		if err != nil {
			return fmt.Errorf("count providers: %w", err)
		}
		if len(list) >= maxProviders {
			return auth.E(auth.CodeLimitReached, fmt.Sprintf("An app has at most %d providers.", maxProviders))
		}
		made.Version, made.CreatedAt, made.UpdatedAt = 1, tx.Now(), tx.Now()
		ok, err := tx.InsertProvider(made)
		if err != nil {
			return fmt.Errorf("insert provider: %w", err)
		}
		if !ok {
			return auth.E(auth.CodeConflict, "The app has a provider of this name.")
		}
		return s.changed(tx, c, made, "provider.created")
	})
	if err != nil {
		return auth.Provider{}, err
	}
	return made, nil
}

func (s *Service) prepare(c auth.Caller, in ProviderInput) (auth.Provider, error) {
	p := auth.Provider{ID: auth.ProviderID(secret.NewID(s.o.Rand, s.o.Clock())), App: c.App, Name: in.Name, Kind: in.Kind,
		Status: auth.ProviderActive, Settings: in.Settings}
	if in.Disabled {
		p.Status = auth.ProviderDisabled
	}
	if p.Name == "" {
		p.Name = string(p.Kind)
	}
	if err := check(&p, in.Secret != ""); err != nil {
		return p, err
	}
	return p, s.seal(&p, in.Secret)
}

// seal checks the secret and puts it into the row.
func (s *Service) seal(p *auth.Provider, plain string) (err error) {
	if err := checkSecret(*p, plain); err != nil || plain == "" {
		return err
	}
	if p.Sealed, err = s.o.Keys.Seal(sealPurpose, string(p.ID), []byte(plain)); err != nil {
		return fmt.Errorf("seal a client secret: %w", err)
	}
	return nil
}

// open is the secret of a provider; empty if it has none.
func (s *Service) open(p auth.Provider) (string, error) {
	if len(p.Sealed) == 0 {
		return "", nil
	}
	plain, err := s.o.Keys.Open(sealPurpose, string(p.ID), p.Sealed)
	if err != nil {
		return "", fmt.Errorf("open the client secret of provider %s: %w", p.ID, err)
	}
	return string(plain), nil
}

func (s *Service) changed(tx *store.Tx, c auth.Caller, p auth.Provider, action string) error {
	return s.record(tx, c, auth.Event{App: c.App, Action: action, Target: string(p.ID),
		Data: map[string]string{"provider": p.Name, "status": string(p.Status)}})
}

// List reads the providers of the caller's app by name, disabled ones too. Code: forbidden.
func (s *Service) List(ctx context.Context, c auth.Caller) (list []auth.Provider, err error) {
	if !c.Administers() {
		return nil, auth.E(auth.CodeForbidden, "")
	}
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.Providers(c.App)
		return err
	})
	return list, err
}

// Get reads one provider of the caller's app. Codes: forbidden, not-found.
func (s *Service) Get(ctx context.Context, c auth.Caller, name string) (p auth.Provider, err error) {
	if !c.Administers() {
		return p, auth.E(auth.CodeForbidden, "")
	}
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		if p, err = tx.ProviderByName(c.App, name); err != nil {
			return missing(err, "provider")
		}
		return nil
	})
	return p, err
}

// ProviderChange is what to change of a provider; nil leaves it as it is. Name and kind stay for good: identities hang
// on them.
type ProviderChange struct {
	Settings *auth.ProviderSettings // whole; what is empty is filled from the profile
	// Edit changes some of the settings as they are; nil: none. It may run twice.
	Edit     func(*auth.ProviderSettings)
	Secret   *string
	Disabled *bool
}

// Update changes a provider; journeys under way meet the new settings. A changed issuer makes strangers of all people who
// are linked. Errors are those of Create without conflict and limit-reached, and not-found.
func (s *Service) Update(ctx context.Context, c auth.Caller, name string, change ProviderChange) (out auth.Provider, err error) {
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		if out, err = tx.ProviderByNameForUpdate(c.App, name); err != nil {
			return missing(err, "provider")
		}
		if err := s.apply(&out, change); err != nil {
			return err
		}
		out.Version, out.UpdatedAt = out.Version+1, tx.Now()
		if _, err := tx.UpdateProvider(out); err != nil {
			return fmt.Errorf("update provider: %w", err)
		}
		return s.changed(tx, c, out, "provider.updated")
	})
	return out, err
}

func (s *Service) apply(p *auth.Provider, change ProviderChange) error {
	if change.Settings != nil {
		p.Settings = *change.Settings
	}
	if change.Edit != nil {
		change.Edit(&p.Settings)
	}
	if change.Disabled != nil {
		p.Status = auth.ProviderActive
		if *change.Disabled {
			p.Status = auth.ProviderDisabled
		}
	}
	plain, err := s.open(*p)
	if change.Secret != nil {
		plain, err = *change.Secret, nil
		p.Sealed = nil
	}
	if err != nil {
		return err
	}
	if err := check(p, plain != ""); err != nil {
		return err
	}
	if change.Secret == nil {
		return nil
	}
	return s.seal(p, plain)
}

// Delete disconnects a provider. People who are linked by it would lose that way in, so while there are some it is
// refused unless unlink says that they shall. To stop a provider for a while, disable it. Codes: forbidden, not-found,
// conflict (people are linked), and those of Recheck.
func (s *Service) Delete(ctx context.Context, c auth.Caller, name string, unlink bool) error {
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.administrator(tx, c); err != nil {
			return err
		}
		p, err := tx.ProviderByNameForUpdate(c.App, name)
		if err != nil {
			return missing(err, "provider")
		}
		linked, err := tx.CountIdentities(c.App, p.ID)
		if err != nil {
			return fmt.Errorf("count identities: %w", err)
		}
		if linked > 0 && !unlink {
			return auth.E(auth.CodeConflict, fmt.Sprintf("%d people are linked by this provider.", linked))
		}
		if _, err := tx.DeleteIdentities(c.App, p.ID); err != nil {
			return fmt.Errorf("delete identities: %w", err)
		}
		if _, err := tx.DeleteProvider(c.App, p.ID); err != nil {
			return fmt.Errorf("delete provider: %w", err)
		}
		return s.record(tx, c, auth.Event{App: c.App, Action: "provider.deleted", Target: string(p.ID),
			Data: map[string]string{"provider": p.Name, "unlinked": fmt.Sprint(linked)}})
	})
}
