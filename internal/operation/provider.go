package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
)

// Provider is a connection to an identity provider as administrators see it. Its secret is never shown.
type Provider struct {
	ID        auth.ProviderID     `json:"id"`
	Name      string              `json:"name"` // stands in paths
	Kind      auth.ProviderKind   `json:"kind"`
	Status    auth.ProviderStatus `json:"status"`
	Title     string              `json:"title"`
	ClientID  string              `json:"client_id"`
	HasSecret bool                `json:"has_secret"`
	Issuer    string              `json:"issuer,omitempty"`
	Scopes    []string            `json:"scopes"`
	Use       auth.ProviderUse    `json:"use"`
	Domains   []string            `json:"domains"`
	// HostedDomain lets in people of one organisation alone.
	HostedDomain     string            `json:"hosted_domain,omitempty"`
	AuthorizationURL string            `json:"authorization_url,omitempty"`
	TokenURL         string            `json:"token_url,omitempty"`
	UserURL          string            `json:"user_url,omitempty"`
	EmailsURL        string            `json:"emails_url,omitempty"`
	ClientAuth       string            `json:"client_auth,omitempty"`
	Claims           map[string]string `json:"claims"`
	TeamID           string            `json:"team_id,omitempty"`
	KeyID            string            `json:"key_id,omitempty"`
	Version          int64             `json:"version"`
	CreatedAt        time.Time         `json:"created_at"`
	UpdatedAt        time.Time         `json:"updated_at"`
}

// Providers are the identity providers of an app, by name.
type Providers struct {
	Providers []Provider `json:"providers"`
}

// claimPaths names the places of a mapping that can be set.
func claimPaths(m *auth.ClaimMapping) map[string]*string {
	return map[string]*string{"subject": &m.Subject, "email": &m.Email, "email_verified": &m.EmailVerified, "name": &m.Name,
		"given_name": &m.GivenName, "family_name": &m.FamilyName, "username": &m.Username, "picture": &m.Picture, "locale": &m.Locale}
}

func providerView(p auth.Provider) Provider {
	s := p.Settings
	use := s.Use
	if use == "" {
		use = auth.UseSignUp
	}
	claims := map[string]string{}
	for name, path := range claimPaths(&s.Claims) {
		if *path != "" {
			claims[name] = *path
		}
	}
	return Provider{ID: p.ID, Name: p.Name, Kind: p.Kind, Status: p.Status, Title: s.Title, ClientID: s.ClientID,
		HasSecret: len(p.Sealed) > 0, Issuer: s.Issuer, Scopes: some(s.Scopes), Use: use, Domains: some(s.Domains),
		HostedDomain: s.HostedDomain, AuthorizationURL: s.AuthorizationURL, TokenURL: s.TokenURL, UserURL: s.UserURL,
		EmailsURL: s.EmailsURL, ClientAuth: s.ClientAuth, Claims: claims, TeamID: s.TeamID, KeyID: s.KeyID, Version: p.Version,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

func providerOutcome(p auth.Provider, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(providerView(p)), nil
}

// ListProvidersInput is the input of list-providers.
type ListProvidersInput struct{}

func (c *Catalogue) listProviders() *Definition {
	return define(Definition{
		Name:    "list-providers",
		Doc:     "Lists the identity providers of the app by name, disabled ones too.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Providers]("ok", "The providers.")},
	}, func(ctx context.Context, r *Request, in *ListProvidersInput) (Outcome, error) {
		list, err := c.deps.Federation.List(ctx, r.Caller)
		if err != nil {
			return Outcome{}, err
		}
		out := Providers{Providers: make([]Provider, len(list))}
		for i, p := range list {
			out.Providers[i] = providerView(p)
		}
		return OK(out), nil
	})
}

// ProviderInput names one provider of the app.
type ProviderInput struct {
	Name string `input:"name,required"`
}

func (c *Catalogue) getProvider() *Definition {
	return define(Definition{
		Name:    "get-provider",
		Doc:     "One identity provider of the app.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Provider]("ok", "The provider.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ProviderInput) (Outcome, error) {
		return providerOutcome(c.deps.Federation.Get(ctx, r.Caller, in.Name))
	})
}

// ProviderChange is what may be set of a provider; null puts back what the profile of the kind says.
type ProviderChange struct {
	Title            Optional[string]         `input:"title"`
	ClientID         Optional[string]         `input:"provider_client_id"`
	Secret           Optional[string]         `input:"client_secret,secret"` // of Apple the private key, as PEM
	Issuer           Optional[string]         `input:"issuer"`
	Scopes           Optional[[]string]       `input:"scopes"`
	Use              Optional[string]         `input:"use"`
	Domains          Optional[[]string]       `input:"domains"`
	HostedDomain     Optional[string]         `input:"hosted_domain"`
	AuthorizationURL Optional[string]         `input:"authorization_url"`
	TokenURL         Optional[string]         `input:"token_url"`
	UserURL          Optional[string]         `input:"user_url"`
	EmailsURL        Optional[string]         `input:"emails_url"`
	ClientAuth       Optional[string]         `input:"client_auth"`
	Claims           Optional[map[string]any] `input:"claims"` // merged; a null member clears it
	TeamID           Optional[string]         `input:"team_id"`
	KeyID            Optional[string]         `input:"key_id"`
	Disabled         Optional[bool]           `input:"disabled"`
}

// setTo writes what an input says, and the zero value for null.
func setTo[T any](to *T, o Optional[T]) {
	if v := changed(o); v != nil {
		*to = *v
	}
}

// edit is the change of the settings. Code: invalid-request (claims).
func (in *ProviderChange) edit() (func(*auth.ProviderSettings), error) {
	claims, err := claimChanges(in.Claims)
	if err != nil {
		return nil, err
	}
	return func(s *auth.ProviderSettings) {
		setTo(&s.Title, in.Title)
		setTo(&s.ClientID, in.ClientID)
		setTo(&s.Issuer, in.Issuer)
		setTo(&s.Scopes, in.Scopes)
		setTo((*string)(&s.Use), in.Use)
		setTo(&s.Domains, in.Domains)
		setTo(&s.HostedDomain, in.HostedDomain)
		setTo(&s.AuthorizationURL, in.AuthorizationURL)
		setTo(&s.TokenURL, in.TokenURL)
		setTo(&s.UserURL, in.UserURL)
		setTo(&s.EmailsURL, in.EmailsURL)
		setTo(&s.ClientAuth, in.ClientAuth)
		setTo(&s.TeamID, in.TeamID)
		setTo(&s.KeyID, in.KeyID)
		if in.Claims.Null {
			s.Claims = auth.ClaimMapping{}
		}
		paths := claimPaths(&s.Claims)
		for name, path := range claims {
			*paths[name] = path
		}
	}, nil
}

// claimChanges checks the members of a mapping; null is the empty path.
func claimChanges(in Optional[map[string]any]) (map[string]string, error) {
	known := claimPaths(&auth.ClaimMapping{})
	out := map[string]string{}
	for name, value := range in.Value {
		path, isText := value.(string)
		if known[name] == nil || !isText && value != nil {
			return nil, auth.Invalid("claims", auth.ViolationInvalid, "The mapping has no such member, or it is no path.")
		}
		out[name] = path
	}
	return out, nil
}

// CreateProviderInput is the input of create-provider. Without a name it is called like its kind.
type CreateProviderInput struct {
	Name string `input:"name"`
	Kind string `input:"kind,required"`
	ProviderChange
}

func (c *Catalogue) createProvider() *Definition {
	return define(Definition{
		Name: "create-provider",
		Doc: "Connects the app to an identity provider: `oidc` by its issuer, `oauth2` by its addresses, or a ready profile " +
			"(`google`, `github`, `microsoft`, `apple`, `facebook`, `gitlab`, `discord`). `provider_client_id` and " +
			"`client_secret` are what the provider gave out; the secret is sealed and never shown. `domains` are those " +
			"for whose addresses the provider is the authority: people with such a verified address are linked to the " +
			"user who has it without being asked. `use` is `sign-up`, `sign-in` or `link`.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Provider]("ok", "The provider.")},
		Errors:  []auth.Code{auth.CodeConflict, auth.CodeLimitReached, auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *CreateProviderInput) (Outcome, error) {
		edit, err := in.edit()
		if err != nil {
			return Outcome{}, err
		}
		made := federation.ProviderInput{Name: in.Name, Kind: auth.ProviderKind(in.Kind), Secret: in.Secret.Value, Disabled: in.Disabled.Value}
		edit(&made.Settings)
		return providerOutcome(c.deps.Federation.Create(ctx, r.Caller, made))
	})
}

// UpdateProviderInput is the input of update-provider.
type UpdateProviderInput struct {
	Name string `input:"name,required"`
	ProviderChange
}

func (c *Catalogue) updateProvider() *Definition {
	return define(Definition{
		Name: "update-provider",
		Doc: "Changes a provider (JSON Merge Patch: what is left out stays, `null` puts back what the kind's profile says). " +
			"Whoever is on the way through it meets the new settings; a disabled one lets nobody in. Name and kind stay.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Provider]("ok", "The provider as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UpdateProviderInput) (Outcome, error) {
		edit, err := in.edit()
		if err != nil {
			return Outcome{}, err
		}
		return providerOutcome(c.deps.Federation.Update(ctx, r.Caller, in.Name, federation.ProviderChange{Edit: edit,
			Secret: changed(in.Secret), Disabled: changed(in.Disabled)}))
	})
}

// DeleteProviderInput is the input of delete-provider.
type DeleteProviderInput struct {
	Name   string `input:"name,required"`
	Unlink bool   `input:"unlink"` // also if people are linked by it, who lose that way in
}

func (c *Catalogue) deleteProvider() *Definition {
	return define(Definition{
		Name: "delete-provider",
		Doc: "Disconnects a provider. While people are linked by it, that takes `unlink`: they lose that way in. To stop it " +
			"for a while, disable it.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The provider is gone.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *DeleteProviderInput) (Outcome, error) {
		return done(c.deps.Federation.Delete(ctx, r.Caller, in.Name, in.Unlink))
	})
}
