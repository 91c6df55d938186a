package lifecycle

import (
	"fmt"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxLineIdentities = 20
	maxSubject        = 255 // bytes, as OpenID Connect Core section 2 has it
)

// checkIdentities refuses what no identity can be.
func checkIdentities(list []lineIdentity) error {
	if len(list) > maxLineIdentities {
		return auth.Invalid("identities", auth.ViolationTooMany, fmt.Sprintf("At most %d identities.", maxLineIdentities))
	}
	for _, i := range list {
		if i.Provider == "" || i.Subject == "" || len(i.Subject) > maxSubject {
			return auth.Invalid("identities", auth.ViolationInvalid, "An identity has a provider and a subject of at most 255 bytes.")
		}
	}
	return nil
}

// upstreams finds the providers of identities that come along by name, else by issuer, and says in the report which
// cannot be had. An identity without an issuer has its provider's.
func upstreams(tx *store.Tx, app auth.AppID, d draft, report *ImportedLine) (fit []auth.Upstream, err error) {
	if len(d.identities) == 0 {
		return nil, nil
	}
	providers, err := tx.Providers(app)
	if err != nil {
		return nil, fmt.Errorf("read providers: %w", err)
	}
	for _, i := range d.identities {
		at := slices.IndexFunc(providers, func(p auth.Provider) bool { return p.Name == i.Provider })
		if at < 0 {
			at = slices.IndexFunc(providers, func(p auth.Provider) bool { return p.Settings.Issuer != "" && p.Settings.Issuer == i.Provider })
		}
		if at < 0 {
			report.leaveIdentity(i.Provider, "there is no such provider")
			continue
		}
		up := auth.Upstream{Provider: providers[at].ID, ProviderName: providers[at].Name, Issuer: i.Issuer, Subject: i.Subject, Email: i.Email}
		if up.Issuer == "" {
			up.Issuer = federation.IssuerOf(providers[at])
		}
		fit = append(fit, up)
	}
	return fit, nil
}

// leaveIdentity reports an identity that is not taken over.
func (l *ImportedLine) leaveIdentity(provider, why string) {
	l.NotCarried = append(slices.Clip(l.NotCarried), fmt.Sprintf("identity at %s (%s)", clip(provider), why))
}

// linkArrived links the identities of a user who was just inserted. One that belongs to somebody is left where it is.
func (s *Service) linkArrived(tx *store.Tx, c auth.Caller, d draft, report *ImportedLine) error {
	for _, up := range d.upstreams {
		switch _, err := s.Login.Federation.Link(tx, c, d.user.User.ID, up); {
		case auth.Is(err, auth.CodeConflict):
			report.leaveIdentity(up.ProviderName, "it belongs to somebody else")
		case err != nil:
			return err
		}
	}
	return nil
}

// exportIdentities writes the identities of a user into its line.
func exportIdentities(list []auth.Identity, l *line) {
	for _, i := range list {
		l.Identities = append(l.Identities, lineIdentity{Provider: i.ProviderName, Issuer: i.Issuer, Subject: i.Subject, Email: i.Email})
	}
}
