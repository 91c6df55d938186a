package federation

import (
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxIdentities is how many identities one user may have.
const maxIdentities = 50

// ByUpstream finds whose a person at a provider is, by provider, issuer and subject and by nothing else (FD-01).
func ByUpstream(tx *store.Tx, app auth.AppID, up auth.Upstream) (found auth.Identity, ok bool, err error) {
	found, err = tx.IdentityByUpstream(app, up.Provider, up.Issuer, up.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return auth.Identity{}, false, nil
	}
	if err != nil {
		return auth.Identity{}, false, fmt.Errorf("find an identity: %w", err)
	}
	return found, true, nil
}

// IssuerOf is the issuer in the identities of a provider whose answers name none: the configured one, else the provider's
// name.
func IssuerOf(p auth.Provider) string {
	if p.Settings.Issuer != "" {
		return p.Settings.Issuer
	}
	return p.Name
}

// OfUser lists the identities of a user, oldest first.
func OfUser(tx *store.Tx, app auth.AppID, user auth.UserID) ([]auth.Identity, error) {
	return tx.IdentitiesOfUser(app, user)
}

// Link ties a person at a provider to a user, with the event identity.linked. Linking whom the user has already changes
// nothing. The caller of Link has settled that both are one person. Codes: conflict (another user has this identity),
// limit-reached (50 of one user), not-found (no such user).
func (s *Service) Link(tx *store.Tx, c auth.Caller, user auth.UserID, up auth.Upstream) (auth.Identity, error) {
	if found, ok, err := ByUpstream(tx, c.App, up); err != nil || ok {
		return ownIdentity(found, user, err)
	}
	// The user's row is held while the identities are counted, so that two calls decide one after the other.
	if _, err := tx.UserForUpdate(c.App, user); err != nil {
		return auth.Identity{}, missing(err, "user")
	}
	own, err := tx.IdentitiesOfUser(c.App, user)
	if err != nil {
		return auth.Identity{}, fmt.Errorf("count identities: %w", err)
	}
	if len(own) >= maxIdentities {
		return auth.Identity{}, auth.E(auth.CodeLimitReached, fmt.Sprintf("A user has at most %d identities.", maxIdentities))
	}
	made := auth.Identity{ID: auth.IdentityID(secret.NewID(s.o.Rand, s.o.Clock())), App: c.App, User: user, Provider: up.Provider,
		ProviderName: up.ProviderName, Issuer: up.Issuer, Subject: up.Subject, Email: up.Email, Username: up.Username, CreatedAt: tx.Now()}
	ok, err := tx.InsertIdentity(made)
	if err != nil {
		return auth.Identity{}, fmt.Errorf("insert identity: %w", err)
	}
	if !ok { // another Write was quicker
		found, _, err := ByUpstream(tx, c.App, up)
		return ownIdentity(found, user, err)
	}
	return made, s.record(tx, c, auth.Event{App: c.App, Action: "identity.linked", User: user, Target: string(made.ID),
		Data: map[string]string{"provider": up.ProviderName}})
}

func ownIdentity(found auth.Identity, user auth.UserID, err error) (auth.Identity, error) {
	if err == nil && found.User != user {
		return auth.Identity{}, auth.E(auth.CodeConflict, "This identity belongs to another user already.")
	}
	return found, err
}

// Touch remembers a sign-in with an identity, and what the provider says of it now.
func Touch(tx *store.Tx, i auth.Identity, up auth.Upstream) error {
	return tx.TouchIdentity(i.App, i.ID, up.Email, up.Username, tx.Now())
}

// Unlink unties one identity of a user, with the event identity.unlinked. That a user keeps another way in is the
// caller's rule. Code: not-found.
func (s *Service) Unlink(tx *store.Tx, c auth.Caller, user auth.UserID, id auth.IdentityID) error {
	found, err := tx.Identity(c.App, user, id)
	if err != nil {
		return missing(err, "identity")
	}
	ok, err := tx.DeleteIdentity(c.App, user, id)
	if err != nil {
		return fmt.Errorf("delete identity: %w", err)
	}
	if !ok {
		return missing(store.ErrNotFound, "identity")
	}
	return s.record(tx, c, auth.Event{App: c.App, Action: "identity.unlinked", User: user, Target: string(id),
		Data: map[string]string{"provider": found.ProviderName}})
}
